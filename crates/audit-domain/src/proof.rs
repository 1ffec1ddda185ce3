//! Proofs of inclusion and of consistency: made from stored hashes, checked from nothing but roots.
//!
//! Storage is asynchronous and this is not, so making a proof has two steps: ask which stored hashes it takes, then make it
//! from those.

use std::cell::RefCell;

use publicdata_types::Digest;
use tlog_tiles::tlog::{self, HashReader};

use crate::tree::{self, HashMissing, Hashes};

/// Why a proof cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprovable {
    /// The tree is too small for the leaf.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The leaf's index, from 0.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The older tree is larger than the newer.
    #[error("a tree of {new_size} leaves cannot continue one of {old_size}")]
    Shrunk {
        /// The older tree's size.
        old_size: u64,
        /// The newer tree's size.
        new_size: u64,
    },
    /// A stored hash is missing.
    #[error(transparent)]
    HashMissing(#[from] HashMissing),
}

/// Why a proof does not convince.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refuted {
    /// The leaf is not proven.
    #[error("the proof does not show that the leaf stands at {index} in the tree of {size} leaves")]
    Inclusion {
        /// The index that was claimed.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The trees do not fit.
    #[error(
        "the proof does not show that the tree of {new_size} leaves continues the one of {old_size}"
    )]
    Consistency {
        /// The older tree's size.
        old_size: u64,
        /// The newer tree's size.
        new_size: u64,
    },
}

/// A tree as a checkpoint names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// How many leaves it has.
    pub size: u64,
    /// Its root hash.
    pub hash: Digest,
}

/// The indexes of the stored hashes that [`root`] takes.
#[must_use]
pub fn root_needs(size: u64) -> Vec<u64> {
    tree::edge_indexes(size)
}

/// The root hash of the log's tree when it had `size` leaves.
///
/// # Errors
/// A stored hash is missing.
pub fn root(size: u64, hashes: &Hashes) -> Result<Digest, HashMissing> {
    Ok(tree::Tree::resume(size, hashes)?.root())
}

/// The indexes of the stored hashes that [`inclusion`] takes.
///
/// # Errors
/// The leaf is not in the tree.
pub fn inclusion_needs(size: u64, index: u64) -> Result<Vec<u64>, Unprovable> {
    needs(|reader| inclusion_with(size, index, reader))
}

/// Proves that leaf `index` is in the tree of `size` leaves: the hashes from the leaf up.
///
/// # Errors
/// The leaf is not in the tree, or a stored hash is missing.
pub fn inclusion(size: u64, index: u64, hashes: &Hashes) -> Result<Vec<Digest>, Unprovable> {
    made_from(hashes, inclusion_needs(size, index)?, |reader| inclusion_with(size, index, reader))
}

/// The indexes of the stored hashes that [`consistency`] takes.
///
/// # Errors
/// The older tree is larger.
pub fn consistency_needs(old_size: u64, new_size: u64) -> Result<Vec<u64>, Unprovable> {
    needs(|reader| consistency_with(old_size, new_size, reader))
}

/// Proves that the tree of `new_size` leaves continues the one of `old_size`. Any tree continues the empty one: that takes no
/// hashes.
///
/// # Errors
/// The older tree is larger, or a stored hash is missing.
pub fn consistency(
    old_size: u64,
    new_size: u64,
    hashes: &Hashes,
) -> Result<Vec<Digest>, Unprovable> {
    made_from(hashes, consistency_needs(old_size, new_size)?, |reader| {
        consistency_with(old_size, new_size, reader)
    })
}

/// Checks that the leaf with this hash stands at `index` in the tree.
///
/// # Errors
/// The proof does not show it.
pub fn check_inclusion(
    tree: &Root,
    index: u64,
    leaf_hash: &Digest,
    proof: &[Digest],
) -> Result<(), Refuted> {
    tlog::check_record(
        &proof.iter().map(tree::hash).collect(),
        tree.size,
        tree::hash(&tree.hash),
        index,
        tree::hash(leaf_hash),
    )
    .map_err(|_| Refuted::Inclusion { index, size: tree.size })
}

/// Checks that the newer tree continues the older one.
///
/// # Errors
/// The proof does not show it.
pub fn check_consistency(old: &Root, new: &Root, proof: &[Digest]) -> Result<(), Refuted> {
    let refuted = Refuted::Consistency { old_size: old.size, new_size: new.size };
    if old.size == 0 {
        let is_empty = old.hash == tree::Tree::default().root();
        return if is_empty && proof.is_empty() { Ok(()) } else { Err(refuted) };
    }

    tlog::check_tree(
        &proof.iter().map(tree::hash).collect(),
        new.size,
        tree::hash(&new.hash),
        old.size,
        tree::hash(&old.hash),
    )
    .map_err(|_| refuted)
}

fn inclusion_with(
    size: u64,
    index: u64,
    reader: &impl HashReader,
) -> Result<Vec<Digest>, Unprovable> {
    let hashes = tlog::prove_record(size, index, reader)
        .map_err(|_| Unprovable::NoSuchLeaf { index, size })?;
    Ok(hashes.into_iter().map(tree::digest).collect())
}

fn consistency_with(
    old_size: u64,
    new_size: u64,
    reader: &impl HashReader,
) -> Result<Vec<Digest>, Unprovable> {
    if old_size == 0 {
        return Ok(Vec::new());
    }
    let hashes = tlog::prove_tree(new_size, old_size, reader)
        .map_err(|_| Unprovable::Shrunk { old_size, new_size })?;
    Ok(hashes.into_iter().map(tree::digest).collect())
}

/// Notes which hashes a proof reads.
#[derive(Default)]
struct Recorder(RefCell<Vec<u64>>);

impl HashReader for Recorder {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        self.0.borrow_mut().extend_from_slice(indexes);
        Ok(vec![tlog::EMPTY_HASH; indexes.len()])
    }
}

/// Gives a proof the hashes that it reads.
struct AtHand<'a>(&'a Hashes);

impl HashReader for AtHand<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let hashes = indexes.iter().map(|index| self.0.at(*index).map(|found| tree::hash(&found)));
        hashes.collect::<Result<_, _>>().map_err(|_| tlog::Error::IndexesNotInTree)
    }
}

fn needs(
    proof: impl FnOnce(&Recorder) -> Result<Vec<Digest>, Unprovable>,
) -> Result<Vec<u64>, Unprovable> {
    let recorder = Recorder::default();
    proof(&recorder)?;
    Ok(recorder.0.into_inner())
}

fn made_from(
    hashes: &Hashes,
    needed: Vec<u64>,
    proof: impl FnOnce(&AtHand<'_>) -> Result<Vec<Digest>, Unprovable>,
) -> Result<Vec<Digest>, Unprovable> {
    for index in needed {
        hashes.at(index)?;
    }
    proof(&AtHand(hashes))
}

#[cfg(test)]
mod tests;
