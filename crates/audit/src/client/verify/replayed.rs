//! The log as it was replayed.

use std::collections::BTreeMap;

use prost::Message as _;
use publicdata_audit_domain::tree::leaf_hash;
use publicdata_audit_domain::{Admission, Coverage, Tree};
use publicdata_proto::audit::v1::{Leaf, ReadEventsResponse};
use publicdata_types::Digest;

use super::Finding;

/// What a replay of the whole log gave.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) tree: Tree,
    pub(super) coverage: Coverage,
    pub(super) payload_bytes: u64,
    /// Roots of trees that the log had on its way.
    pub(super) roots: BTreeMap<u64, Digest>,
    /// The places of the leaves that are to be proven one by one.
    pub(super) samples: Vec<u64>,
    /// Hashes of the sampled leaves.
    pub(super) leaves: BTreeMap<u64, Digest>,
}

impl Replayed {
    pub(super) fn take(&mut self, event: &ReadEventsResponse) -> Result<(), Finding> {
        let index = self.tree.size();
        if event.index != index {
            return Err(Finding::Order { expected: index, found: event.index });
        }
        let leaf =
            Leaf::decode(event.leaf.as_slice()).map_err(|_| Finding::MalformedLeaf { index })?;
        let Leaf { stream, sequence, payload_sha256, .. } = leaf;
        if payload_sha256 != Digest::of(&event.payload).as_bytes() {
            return Err(Finding::Payload { index, stream, sequence });
        }
        match self.coverage.admit(&stream, sequence) {
            Admission::Enters => {}
            Admission::Logged => return Err(Finding::Repeated { index, stream, sequence }),
            Admission::Gap { expected } => {
                return Err(Finding::Skipped { index, stream, sequence, expected });
            }
        }
        if self.samples.binary_search(&index).is_ok() {
            self.leaves.insert(index, leaf_hash(&event.leaf));
        }
        self.tree.append(&event.leaf);
        self.payload_bytes += u64::try_from(event.payload.len()).unwrap_or_default();
        Ok(())
    }
}
