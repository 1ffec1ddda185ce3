#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod cosignature;
pub mod coverage;
pub mod proof;
pub mod sm2;
pub mod tile;
pub mod tlog_proof;
pub mod tree;

pub mod archive;
pub mod finding;

pub use checkpoint::{Checkpoint, LogKey, Verifier};
pub use cosignature::{Cosignature, Witness};
pub use coverage::{Admission, Coverage, Logged};
pub use sm2::Sm2Key;
pub use tile::Tile;
pub use tlog_proof::TlogProof;
pub use tree::{StoredHash, Tree};

#[cfg(test)]
mod oracle;
