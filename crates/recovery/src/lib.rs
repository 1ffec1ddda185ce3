#![doc = include_str!("../README.md")]

pub mod backup;
pub mod chain;
pub mod restore;

pub mod drill;
pub mod events;
pub mod views;

pub mod error;
pub mod keys;
pub mod manifest;
pub mod place;

mod files;
mod seal;
mod segment;
mod streams;
mod time;

pub use chain::Backup;
pub use error::Error;
pub use keys::{Identities, Recipients};
pub use place::Place;

/// The stream of what is recorded of disaster recovery.
pub const STREAM: &str = "RECOVERY";
/// The name under which backups are made and restored: of its certificate, and of its subjects.
pub const SERVICE: &str = "recovery";

/// Is told how many of how many events are done, while it takes time. Both are of the same step; steps follow one another.
pub type Progress<'a> = &'a (dyn Fn(&'static str, u64, u64) + Send + Sync);
