#![doc = include_str!("../README.md")]

mod commit;
mod error;
mod store;
mod subject;

pub mod aggregates;
pub mod jetstream;
pub mod memory;
pub mod restore;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;

mod monitor;
mod retry;

pub use commit::{Appended, NewCommit, Recorded};
pub use error::{AppendError, BoxError, Error};
pub use store::{Commits, EventStore, Store};
pub use subject::{Subject, SubjectError};
