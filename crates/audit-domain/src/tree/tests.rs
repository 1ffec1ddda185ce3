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
    /// R23.2: some leaves, and the roots of the subtrees between them, make the root of the whole tree; and with one of them changed,
    /// another one.
    #[test]
    fn some_leaves_and_what_lies_between_make_the_root(
        size in 1_u64..300,
        picked in proptest::collection::btree_set(0_u64..300, 1..40),
        changed in any::<proptest::sample::Index>(),
    ) {
        let log = Log::of(size);
        let picked: Vec<u64> = picked.into_iter().filter(|index| *index < size).collect();
        let rebuilt = |altered: Option<u64>| {
            let mut tree = Tree::default();
            let roots = |from, to| -> Vec<Digest> {
                cover_indexes(from, to).into_iter().map(|at| log.hashes.at(at).unwrap()).collect()
            };
            for index in &picked {
                tree.skip(*index, &roots(tree.size(), *index)).unwrap();
                let altered = altered == Some(*index);
                tree.append(&if altered { b"another".to_vec() } else { leaf(*index) });
            }
            tree.skip(size, &roots(tree.size(), size)).unwrap();
            tree
        };

        prop_assert_eq!(&rebuilt(None), &log.tree);
        if !picked.is_empty() {
            prop_assert_ne!(rebuilt(Some(*changed.get(&picked))).root(), log.tree.root());
        }
    }

    #[test]
    fn neither_too_many_roots_nor_too_few_are_taken(from in 0_u64..99, gap in 0_u64..99, many in 0_usize..9) {
        let mut tree = Log::of(from).tree;
        let right = cover_indexes(from, from + gap).len();
        let roots = vec![Digest::of(b""); many];

        prop_assert_eq!(tree.skip(from + gap, &roots).is_ok(), many == right);
    }

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
