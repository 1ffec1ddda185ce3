#![doc = include_str!("../README.md")]

mod caller;
mod directory;

pub mod organisation;

mod endings;
mod view;

pub use caller::Caller;
pub use directory::{Directory, OpenError, view};
pub use organisation::{Closed, Organisation};
