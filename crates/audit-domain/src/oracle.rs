//! The same trees by `ct-merkle`, an implementation that shares no code with the one that we build on.

use ct_merkle::RootHash;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use publicdata_types::Digest;
use sha2_for_ct_merkle::Sha256;

use crate::tree::{Hashes, Tree};

/// A log in memory, beside its oracle.
pub(crate) struct Log {
    pub(crate) tree: Tree,
    pub(crate) hashes: Hashes,
    pub(crate) oracle: MemoryBackedTree<Sha256, Vec<u8>>,
}

impl Log {
    pub(crate) fn of(size: u64) -> Self {
        let mut log = Self {
            tree: Tree::default(),
            hashes: Hashes::default(),
            oracle: MemoryBackedTree::new(),
        };
        for index in 0..size {
            let stored = log.tree.append(&leaf(index));
            log.hashes.extend(stored);
            log.oracle.push(leaf(index));
        }
        log
    }
}

pub(crate) fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

pub(crate) fn oracle_root(hash: &Digest, size: u64) -> RootHash<Sha256> {
    RootHash::new((*hash.as_bytes()).into(), size)
}

/// A proof's hashes in one piece, as `ct-merkle` writes them.
pub(crate) fn flat(proof: &[Digest]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
