#![doc = include_str!("../README.md")]

pub mod filter;
pub mod mistake;
pub mod resource;

pub mod application;
pub mod limits;
pub mod query;
pub mod terms;

pub mod grant;
pub mod subscription;
pub mod transfer;

pub mod archive;

pub mod dispute;
pub mod ticket;

pub use limits::{Rate, RatePeriod, Usage};
pub use mistake::Mistake;
pub use query::{ProofKind, Query};
pub use resource::ResourceFacts;
pub use terms::{Refusal, Standing, Terms, Use, authorise};

/// A message with its signatures, or a signature, as it was received: stored and verified as these
/// bytes, and never encoded anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBytes(pub Vec<u8>);
