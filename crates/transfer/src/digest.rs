//! How far a transfer has come: what both ends count, and the running digest over it.

use publicdata_types::Digest;
use sha2::{Digest as _, Sha256};

/// Counts the plaintext frames of a transfer. Cloning and taking the digest are cheap.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    frames: u64,
    rows: u64,
    bytes: u64,
    running: Sha256,
}

impl Progress {
    /// Counts one more frame.
    pub fn record(&mut self, plaintext: &[u8], rows: u64) {
        self.frames += 1;
        self.rows += rows;
        self.bytes += plaintext.len() as u64;
        self.running.update(plaintext);
    }

    /// How many frames there were, the schema's included.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many rows there were.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes of plaintext there were.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest over the plaintext of all frames so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(self.running.clone().finalize().into())
    }
}

#[cfg(test)]
mod tests;
