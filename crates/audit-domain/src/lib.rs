#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod proof;
pub mod tree;

pub use checkpoint::{Checkpoint, LogKey, Verifier};
pub use tree::{StoredHash, Tree};

#[cfg(test)]
mod oracle;
