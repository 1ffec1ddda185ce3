//! A log's tree as its writer holds it: the size and the right edge, from which everything that an append writes follows.

use std::collections::BTreeMap;

use publicdata_types::Digest;
use tlog_tiles::tlog;

/// The tree of a log at one size. The empty tree is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the complete subtrees that the leaves fall into, from left to right; as many as `size` has one bits.
    edge: Vec<Digest>,
}

/// A hash of the tree, with its place in the storage layout of tlog-tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredHash {
    /// The place.
    pub index: u64,
    /// The hash.
    pub hash: Digest,
}

/// Stored hashes that are at hand, by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes(BTreeMap<u64, Digest>);

/// A stored hash that is needed is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored hash {index} of the log is missing")]
pub struct HashMissing {
    /// Its index.
    pub index: u64,
}

/// These roots are not those of the subtrees that the leaves in between fall into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leaves {from} to {to} of the log are not covered by the hashes that are there for them")]
pub struct Uncovered {
    /// The first of them.
    pub from: u64,
    /// The first one after them.
    pub to: u64,
}

/// The hash of a leaf (RFC 6962, 2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    digest(tlog::record_hash(leaf))
}

/// How many stored hashes a tree of `size` leaves has: those with the indexes from 0 up to this.
#[must_use]
pub fn stored_hash_count(size: u64) -> u64 {
    tlog::stored_hash_count(size)
}

/// Where the hash of the leaf at `index` is stored.
#[must_use]
pub fn stored_leaf_index(index: u64) -> u64 {
    tlog::stored_hash_index(0, index)
}

/// The indexes of the stored hashes that make the right edge of a tree of `size` leaves: what [`Tree::resume`] takes.
#[must_use]
pub fn edge_indexes(size: u64) -> Vec<u64> {
    tlog::sub_tree_index(0, size, Vec::new())
}

/// The indexes of the stored hashes that stand for the leaves `from..to`: the roots of the fewest complete subtrees that have these
/// leaves and no others, from left to right. What [`Tree::skip`] takes.
#[must_use]
pub fn cover_indexes(from: u64, to: u64) -> Vec<u64> {
    cover(from, to).map(|(level, place)| tlog::stored_hash_index(level, place)).collect()
}

/// The same subtrees, by their level and their place on it.
fn cover(mut from: u64, to: u64) -> impl Iterator<Item = (u8, u64)> {
    std::iter::from_fn(move || {
        let widest = to.checked_sub(from)?.checked_ilog2()?;
        let level = from.trailing_zeros().min(widest);
        let place = from >> level;
        from += 1 << level;
        // There are 64 levels.
        Some((u8::try_from(level).unwrap_or(u8::MAX), place))
    })
}

impl Tree {
    /// Goes on with a stored tree.
    ///
    /// # Errors
    /// A hash of [`edge_indexes`] is missing.
    pub fn resume(size: u64, hashes: &Hashes) -> Result<Self, HashMissing> {
        let edge = edge_indexes(size).into_iter().map(|index| hashes.at(index));
        Ok(Self { size, edge: edge.collect::<Result<_, _>>()? })
    }

    /// The hashes of its right edge, from left to right: those at [`edge_indexes`], which [`resume`](Self::resume) takes.
    #[must_use]
    pub fn edge(&self) -> &[Digest] {
        &self.edge
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root hash (RFC 6962, 2.1); of the empty tree, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut from_the_right = self.edge.iter().rev();
        match from_the_right.next() {
            None => digest(tlog::EMPTY_HASH),
            Some(last) => from_the_right.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// Goes on with leaf `to`, in the place of those before it with nothing but the roots at [`cover_indexes`]. If the tree comes out with
    /// a signed root in the end, then the leaves that were appended are the log's, at their places.
    ///
    /// # Errors
    /// There are too many or too few roots, or the tree is beyond `to` already.
    pub fn skip(&mut self, to: u64, roots: &[Digest]) -> Result<(), Uncovered> {
        let uncovered = Uncovered { from: self.size, to };
        let subtrees: Vec<_> = cover(self.size, to).collect();
        if subtrees.len() != roots.len() || self.size > to {
            return Err(uncovered);
        }
        for ((level, _), root) in subtrees.into_iter().zip(roots) {
            let mut hash = *root;
            // As for a leaf, but from this level on: each one bit is a complete subtree to the left that makes a pair with it.
            for _ in 0..(self.size >> level).trailing_ones() {
                if let Some(left) = self.edge.pop() {
                    hash = node_hash(&left, &hash);
                }
            }
            self.edge.push(hash);
            self.size += 1 << level;
        }
        Ok(())
    }

    /// Appends a leaf; the answer is what must be stored for it, in order of the indexes.
    pub fn append(&mut self, leaf: &[u8]) -> Vec<StoredHash> {
        let mut hash = leaf_hash(leaf);
        let mut index = stored_leaf_index(self.size);
        let mut stored = vec![StoredHash { index, hash }];

        // Each trailing one bit of the old size is a complete subtree that the leaf makes a pair of.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = node_hash(&left, &hash);
                index += 1;
                stored.push(StoredHash { index, hash });
            }
        }
        self.edge.push(hash);
        self.size += 1;
        stored
    }
}

impl Hashes {
    /// The hash with this index.
    ///
    /// # Errors
    /// It is not at hand.
    pub fn at(&self, index: u64) -> Result<Digest, HashMissing> {
        self.0.get(&index).copied().ok_or(HashMissing { index })
    }

    /// Adds others.
    pub fn merge(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Adds what an append answered.
    pub fn extend(&mut self, stored: impl IntoIterator<Item = StoredHash>) {
        self.0.extend(stored.into_iter().map(|stored| (stored.index, stored.hash)));
    }
}

impl FromIterator<StoredHash> for Hashes {
    fn from_iter<I: IntoIterator<Item = StoredHash>>(stored: I) -> Self {
        let mut hashes = Self::default();
        hashes.extend(stored);
        hashes
    }
}

pub(crate) const fn digest(hash: tlog::Hash) -> Digest {
    Digest::from_bytes(hash.0)
}

pub(crate) const fn hash(digest: &Digest) -> tlog::Hash {
    tlog::Hash(*digest.as_bytes())
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    digest(tlog::node_hash(hash(left), hash(right)))
}

#[cfg(test)]
mod tests;
