use proptest::prelude::*;

use super::*;
use crate::oracle::{Log, leaf};

/// The empty tree's root is the hash of nothing (RFC 6962, 2.1).
#[test]
fn empty_tree_has_the_empty_hash() {
    assert_eq!(Tree::default().root(), Digest::of(b""));
}

/// Every size up to 300 leaves, so that each shape of the right edge occurs.
#[test]
fn roots_are_the_oracles() {
    let mut tree = Tree::default();
    let mut log = Log::of(0);
    for index in 0..300 {
        assert_eq!(tree.root().as_bytes(), log.oracle.root().as_bytes().as_slice(), "size {index}");
        tree.append(&leaf(index));
        log.oracle.push(leaf(index));
    }
}

#[test]
fn appends_store_each_index_once_and_in_order() {
    let mut tree = Tree::default();
    let mut next = 0;
    for index in 0..300 {
        for stored in tree.append(&leaf(index)) {
            assert_eq!(stored.index, next);
            next += 1;
        }
        assert_eq!(next, stored_hash_count(tree.size()));
    }
}

#[test]
fn appends_store_what_tlog_tiles_stores() {
    struct Reader<'a>(&'a [tlog::Hash]);
    impl tlog::HashReader for Reader<'_> {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
            Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
        }
    }

    let mut tree = Tree::default();
    let mut all = Vec::new();
    for index in 0..300 {
        let expected = tlog::stored_hashes(index, &leaf(index), &Reader(&all)).unwrap();
        let stored = tree.append(&leaf(index));
        assert_eq!(stored.len(), expected.len());
        for (stored, expected) in stored.iter().zip(&expected) {
            assert_eq!(stored.hash, digest(*expected));
        }
        all.extend(expected);
    }
}

#[test]
fn missing_hash_is_named() {
    let missing = edge_indexes(5)[1];

    assert_eq!(Tree::resume(5, &Log::of(4).hashes), Err(HashMissing { index: missing }));
}

proptest! {
    /// H4: a log that is taken up again goes on as if it had never stopped.
    #[test]
    fn resumed_tree_goes_on_as_if_never_stopped(size in 0_u64..300, more in 0_u64..40) {
        let log = Log::of(size);
        let mut resumed = Tree::resume(size, &log.hashes).unwrap();
        let mut running = log.tree;
        prop_assert_eq!(&resumed, &running);

        for index in size..size + more {
            prop_assert_eq!(resumed.append(&leaf(index)), running.append(&leaf(index)));
        }
        prop_assert_eq!(resumed.root(), running.root());
    }
}
