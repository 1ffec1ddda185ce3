use ct_merkle::{ConsistencyProof, InclusionProof};
use proptest::prelude::*;

use super::*;
use crate::oracle::{Log, flat, leaf, oracle_root};
use crate::tree::leaf_hash;

fn root_at(log: &Log, size: u64) -> Root {
    Root { size, hash: root(size, &log.hashes).unwrap() }
}

/// Flips one bit of one hash.
fn tampered(proof: &[Digest], bit: usize) -> Vec<Digest> {
    let mut bytes = flat(proof);
    let bit = bit % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes.chunks(32).map(|hash| Digest::from_bytes(hash.try_into().unwrap())).collect()
}

#[test]
fn leaf_beyond_the_tree_is_refused() {
    let log = Log::of(3);

    assert_eq!(inclusion(3, 3, &log.hashes), Err(Unprovable::NoSuchLeaf { index: 3, size: 3 }));
    assert_eq!(inclusion(0, 0, &log.hashes), Err(Unprovable::NoSuchLeaf { index: 0, size: 0 }));
}

#[test]
fn shrunk_tree_is_refused() {
    let log = Log::of(3);

    assert_eq!(
        consistency(3, 2, &log.hashes),
        Err(Unprovable::Shrunk { old_size: 3, new_size: 2 })
    );
}

#[test]
fn lost_hash_is_named() {
    let index = inclusion_needs(5, 0).unwrap()[0];

    assert_eq!(
        inclusion(5, 0, &Hashes::default()),
        Err(Unprovable::HashMissing(HashMissing { index }))
    );
}

#[test]
fn every_tree_continues_the_empty_one() {
    let log = Log::of(3);
    let empty = root_at(&log, 0);

    assert_eq!(consistency(0, 3, &log.hashes), Ok(vec![]));
    assert_eq!(check_consistency(&empty, &root_at(&log, 3), &[]), Ok(()));
    let forged = Root { size: 0, hash: Digest::of(b"something") };
    assert!(check_consistency(&forged, &root_at(&log, 3), &[]).is_err());
}

/// A malformed claim is refused, never a panic: the numbers come from outside.
#[test]
fn absurd_claims_are_refused() {
    let log = Log::of(3);
    let huge = Root { size: u64::MAX, hash: log.tree.root() };

    assert!(check_inclusion(&huge, u64::MAX - 1, &Digest::of(b""), &[]).is_err());
    assert!(check_inclusion(&huge, u64::MAX, &Digest::of(b""), &[]).is_err());
    assert!(check_consistency(&root_at(&log, 2), &huge, &[Digest::of(b""); 70]).is_err());
    assert!(check_consistency(&huge, &root_at(&log, 2), &[]).is_err());
}

proptest! {
    #[test]
    fn inclusion_is_the_oracles(size in 1_u64..300, at in any::<prop::sample::Index>()) {
        let log = Log::of(size);
        let index = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();

        let proof = inclusion(size, index, &log.hashes).unwrap();

        let by_oracle = log.oracle.prove_inclusion(usize::try_from(index).unwrap());
        prop_assert_eq!(flat(&proof), by_oracle.as_bytes());
        let tree = root_at(&log, size);
        prop_assert_eq!(check_inclusion(&tree, index, &leaf_hash(&leaf(index)), &proof), Ok(()));
        let oracle_proof = InclusionProof::try_from_bytes(flat(&proof)).unwrap();
        let oracle_root = oracle_root(&tree.hash, size);
        prop_assert!(oracle_root.verify_inclusion(&leaf(index), index, &oracle_proof).is_ok());
    }

    #[test]
    fn tampered_inclusion_is_refuted(
        size in 2_u64..300,
        at in any::<prop::sample::Index>(),
        bit in any::<usize>(),
    ) {
        let log = Log::of(size);
        let index = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
        let proof = inclusion(size, index, &log.hashes).unwrap();
        let tree = root_at(&log, size);
        let hash = leaf_hash(&leaf(index));
        let other = (index + 1) % size;
        let shorter = &proof[..proof.len() - 1];
        let smaller = root_at(&log, size - 1);

        prop_assert!(check_inclusion(&tree, index, &hash, &tampered(&proof, bit)).is_err());
        prop_assert!(check_inclusion(&tree, index, &leaf_hash(b"altered"), &proof).is_err());
        prop_assert!(check_inclusion(&tree, other, &hash, &proof).is_err());
        prop_assert!(check_inclusion(&tree, index, &hash, shorter).is_err());
        prop_assert!(check_inclusion(&smaller, index, &hash, &proof).is_err());
    }

    #[test]
    fn consistency_is_the_oracles(old in 1_u64..300, more in 0_u64..60) {
        let new = old + more;
        let log = Log::of(new);

        let proof = consistency(old, new, &log.hashes).unwrap();

        prop_assert_eq!(check_consistency(&root_at(&log, old), &root_at(&log, new), &proof), Ok(()));
        if more > 0 {
            let by_oracle = log.oracle.prove_consistency(usize::try_from(more).unwrap());
            prop_assert_eq!(flat(&proof), by_oracle.as_bytes());
            let oracle_proof = ConsistencyProof::try_from_bytes(flat(&proof)).unwrap();
            let old_root = oracle_root(&root(old, &log.hashes).unwrap(), old);
            prop_assert!(log.oracle.root().verify_consistency(&old_root, &oracle_proof).is_ok());
        }
    }

    /// R23.2: a log that was changed behind an older checkpoint cannot prove that it continues it.
    #[test]
    fn tampered_consistency_is_refuted(old in 1_u64..300, more in 1_u64..60, bit in any::<usize>()) {
        let new = old + more;
        let log = Log::of(new);
        let proof = consistency(old, new, &log.hashes).unwrap();
        let (old, new) = (root_at(&log, old), root_at(&log, new));
        let rewritten = Root { size: old.size, hash: Digest::of(b"rewritten") };

        prop_assert!(check_consistency(&old, &new, &tampered(&proof, bit)).is_err());
        prop_assert!(check_consistency(&rewritten, &new, &proof).is_err());
        prop_assert!(check_consistency(&new, &old, &proof).is_err());
    }
}
