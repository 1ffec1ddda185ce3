//! Proofs over gRPC, checked by our own verifier and by an independent one.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use prost::Message as _;
use publicdata_audit::client::{Proof, Which};
use publicdata_audit_domain::proof;
use publicdata_proto::audit::v1::get_inclusion_proof_request::Event;
use publicdata_proto::audit::v1::{
    GetConsistencyProofRequest, GetInclusionProofRequest, Leaf, StreamPosition,
};
use publicdata_proto::exchange::v1::{TransferRefused, TransferRequested};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;
use publicdata_types::Digest;
use sha2_for_ct_merkle::Sha256;
use tonic::Status;

use crate::bench::Bench;

pub(crate) fn position(stream: &str, sequence: u64) -> GetInclusionProofRequest {
    let position = StreamPosition { stream: stream.to_owned(), sequence };
    GetInclusionProofRequest { event: Some(Event::Position(position)), size: 0 }
}

fn index(index: u64, size: u64) -> GetInclusionProofRequest {
    GetInclusionProofRequest { event: Some(Event::Index(index)), size }
}

fn problem<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let problem = Problem::from_status(&answer.unwrap_err());
    (problem.code, problem.reason.into_owned())
}

/// R23.2, R46.2: every event's inclusion, and growth from every earlier size, are proven to our verifier and to `ct-merkle`.
#[tokio::test]
async fn proofs_convince_two_verifiers() {
    let bench = Bench::on_nats().await;
    let running = bench.start().await;
    bench.append_many(7).await;
    let mut calls = bench.calls(&running).await;
    let size = bench.settled(&running).await;

    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut roots = vec![oracle.root()];
    let mut proofs = Vec::new();
    for at in 0..size {
        let proof = calls.get_inclusion_proof(index(at, 0)).await.unwrap().into_inner();
        oracle.push(proof.leaf.clone());
        roots.push(oracle.root());
        proofs.push(proof);
    }
    for (at, proof) in (0..).zip(&proofs) {
        let hashes: Vec<Digest> = proof.hashes.iter().map(|hash| digest(hash)).collect();
        let tree = running.verifier.inclusion(&proof.checkpoint, at, &proof.leaf, &hashes);
        let tree = tree.unwrap();
        assert_eq!(tree.size, size);
        let by_oracle = InclusionProof::<Sha256>::try_from_bytes(proof.hashes.concat()).unwrap();
        let root = RootHash::<Sha256>::new((*tree.hash.as_bytes()).into(), size);
        root.verify_inclusion(&proof.leaf, at, &by_oracle).unwrap();
    }

    for old_size in 1..size {
        let request = GetConsistencyProofRequest { old_size, new_size: 0 };
        let answer = calls.get_consistency_proof(request).await.unwrap().into_inner();
        let new = running.verifier.checkpoint(&answer.checkpoint).unwrap();
        let old_root = &roots[usize::try_from(old_size).unwrap()];
        let old = proof::Root { size: old_size, hash: digest(old_root.as_bytes()) };
        let hashes: Vec<Digest> = answer.hashes.iter().map(|hash| digest(hash)).collect();
        assert_eq!(proof::check_consistency(&old, &new, &hashes), Ok(()));
        let by_oracle = ConsistencyProof::<Sha256>::try_from_bytes(answer.hashes.concat()).unwrap();
        oracle.root().verify_consistency(old_root, &by_oracle).unwrap();
    }
}

/// R23.2, R30.1: an exchange, and a refusal, can be proven to have been logged, offline, years later, from a file.
#[tokio::test]
async fn exchange_log_is_provable_offline() {
    let bench = Bench::on_nats().await;
    let running = bench.start().await;
    let requested =
        TransferRequested { purpose: "eligibility".to_owned(), ..TransferRequested::default() };
    bench.append("exchange", "transfer", &requested).await;
    let refused = TransferRefused {
        reason: "PURPOSE_OUTSIDE_GRANT".to_owned(),
        ..TransferRefused::default()
    };
    let sequence = bench.append("exchange", "transfer", &refused).await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;

    let which = Which::Position { stream: "EXCHANGE".to_owned(), sequence };
    let proof = auditor.prove(&running.verifier, which).await.unwrap();
    let kept = serde_json::to_string(&proof).unwrap();
    let verifier_key = std::fs::read_to_string(bench.folder.path().join("log/log.vkey")).unwrap();
    drop(running);

    let proof: Proof = serde_json::from_str(&kept).unwrap();
    let verifier = verifier_key.parse().unwrap();
    proof.check(&verifier).unwrap();
    let leaf = proof.leaf().unwrap();
    assert_eq!((leaf.stream.as_str(), leaf.sequence), ("EXCHANGE", sequence));
    let stored = bench.store.read("EXCHANGE", sequence, None).await.unwrap();
    let stored = futures::TryStreamExt::try_collect::<Vec<_>>(stored).await.unwrap();
    assert!(proof.is_of(&stored[0].payload).unwrap());
    assert!(!proof.is_of(b"something else").unwrap());

    let mut other = Leaf::decode(hex::decode(&proof.leaf).unwrap().as_slice()).unwrap();
    other.subject.push('x');
    let forged = Proof { leaf: hex::encode(other.encode_to_vec()), ..proof };
    assert!(forged.check(&verifier).is_err());
}

/// H3: what can't be proven is refused with the reason: no such event, no such leaf, no such tree.
#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    bench.append_many(2).await;
    let mut calls = bench.calls(&running).await;
    let size = bench.settled(&running).await;

    let consistency = |old_size, new_size| GetConsistencyProofRequest { old_size, new_size };
    let not_found = |reason: &str| (Code::NotFound, reason.to_owned());
    let wrong = |reason: &str| (Code::InvalidArgument, reason.to_owned());

    let answer = calls.get_inclusion_proof(position("EXCHANGE", 3)).await;
    assert_eq!(problem(answer), not_found("EVENT_UNKNOWN"));
    let answer = calls.get_inclusion_proof(position("EXCHANGE", 0)).await;
    assert_eq!(problem(answer), not_found("EVENT_UNKNOWN"));
    let answer = calls.get_inclusion_proof(position("ELSEWHERE", 1)).await;
    assert_eq!(problem(answer), not_found("STREAM_UNKNOWN"));
    let answer = calls.get_inclusion_proof(index(size, 0)).await;
    assert_eq!(problem(answer), not_found("LEAF_UNKNOWN"));
    let answer = calls.get_inclusion_proof(index(2, 2)).await;
    assert_eq!(problem(answer), not_found("LEAF_UNKNOWN"));
    let answer = calls.get_inclusion_proof(index(0, u64::MAX)).await;
    assert_eq!(problem(answer), not_found("TREE_UNKNOWN"));
    let answer = calls.get_inclusion_proof(GetInclusionProofRequest::default()).await;
    assert_eq!(problem(answer), wrong("FIELD_INVALID"));
    let answer = calls.get_consistency_proof(consistency(1, size + 1)).await;
    assert_eq!(problem(answer), not_found("TREE_UNKNOWN"));
    let answer = calls.get_consistency_proof(consistency(3, 2)).await;
    assert_eq!(problem(answer), wrong("TREE_SHRUNK"));
}

/// A proof may be asked for in an older tree, whose checkpoint somebody kept.
#[tokio::test]
async fn older_trees_can_be_proven_in() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    bench.append_many(3).await;
    let mut calls = bench.calls(&running).await;
    bench.settled(&running).await;

    let proof = calls.get_inclusion_proof(index(1, 4)).await.unwrap().into_inner();

    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for at in 0..4 {
        let leaf = calls.get_inclusion_proof(index(at, 0)).await.unwrap().into_inner().leaf;
        oracle.push(leaf);
    }
    let by_oracle = InclusionProof::<Sha256>::try_from_bytes(proof.hashes.concat()).unwrap();
    oracle.root().verify_inclusion(&proof.leaf, 1, &by_oracle).unwrap();
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(bytes.try_into().unwrap())
}
