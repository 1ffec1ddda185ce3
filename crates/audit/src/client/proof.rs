//! A proof of inclusion that stands alone.

use prost::Message as _;
use publicdata_audit_domain::{Checkpoint, Verifier, checkpoint};
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;
use serde::{Deserialize, Serialize};
use tonic::Status;

/// Shows that an event was logged, to whoever has the log's verifier key. Written down as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The place in the log, from 0.
    pub index: u64,
    /// The leaf's bytes (`publicdata.audit.v1.Leaf`), hexadecimal.
    pub leaf: String,
    /// The proof's hashes from the leaf up, hexadecimal.
    pub hashes: Vec<String>,
    /// The checkpoint that it leads to: a signed note.
    pub checkpoint: String,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] Status),
    /// It does not convince.
    #[error(transparent)]
    Doubt(#[from] checkpoint::Doubt),
    /// It can't be read.
    #[error("the proof's {what} is not hexadecimal, or not as long as it should be")]
    Malformed {
        /// Which part.
        what: &'static str,
    },
}

impl Proof {
    /// Checks the proof, offline; answers the signed tree that the event is in.
    ///
    /// # Errors
    /// The checkpoint is not the log's, or the event is not in its tree.
    pub fn check(&self, verifier: &Verifier) -> Result<Checkpoint, ProofError> {
        let leaf = self.leaf_bytes()?;
        let hashes: Option<Vec<Vec<u8>>> =
            self.hashes.iter().map(|hash| hex::decode(hash).ok()).collect();
        let hashes = hashes
            .and_then(|hashes| super::digests(&hashes))
            .ok_or(ProofError::Malformed { what: "list of hashes" })?;
        Ok(verifier.inclusion(self.checkpoint.as_bytes(), self.index, &leaf, &hashes)?)
    }

    /// What the leaf says of the event. It counts only if [`check`](Self::check) succeeds.
    ///
    /// # Errors
    /// The leaf can't be read.
    pub fn leaf(&self) -> Result<Leaf, ProofError> {
        Leaf::decode(self.leaf_bytes()?.as_slice())
            .map_err(|_| ProofError::Malformed { what: "leaf" })
    }

    /// Whether the event that was proven is the one with this payload.
    ///
    /// # Errors
    /// The leaf can't be read.
    pub fn is_of(&self, payload: &[u8]) -> Result<bool, ProofError> {
        Ok(self.leaf()?.payload_sha256 == Digest::of(payload).as_bytes())
    }

    fn leaf_bytes(&self) -> Result<Vec<u8>, ProofError> {
        hex::decode(&self.leaf).map_err(|_| ProofError::Malformed { what: "leaf" })
    }
}
