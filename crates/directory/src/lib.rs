#![doc = include_str!("../README.md")]

mod caller;
mod directory;

pub mod organisation;

mod view;

pub use caller::Caller;
pub use directory::{Directory, OpenError};
pub use organisation::Organisation;
