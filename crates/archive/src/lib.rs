#![doc = include_str!("../README.md")]

pub mod layout;

pub mod pack;
pub mod unpack;

pub mod place;
pub mod seal;

pub mod offline;

pub mod leaf;

mod codec;
pub mod store;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

mod error;

pub use codec::StreamArchives;
pub use error::{ArchiveError, Fault};
pub use layout::{LAYOUT, Row};
pub use pack::{Extent, Packed, Packer};
pub use place::{Place, PlaceError};
pub use store::ArchivedStore;
pub use unpack::{Archive, Proven};

#[cfg(test)]
mod tests;
