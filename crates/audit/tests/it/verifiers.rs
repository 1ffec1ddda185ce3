//! Verifiers that we did not write read the log over plain HTTP, and check what gRPC answers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use publicdata_proto::audit::v1::get_inclusion_proof_request::Event;
use publicdata_proto::audit::v1::{GetConsistencyProofRequest, GetInclusionProofRequest};
use serde_json::{Value, json};

use crate::bench::{Bench, Running};
use crate::outside::{go_tiles, read_log, told};

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A log that has grown over a tile's width since a checkpoint was kept.
async fn grown() -> (Bench, Running, Vec<u8>, u64) {
    let bench = Bench::on_nats().await;
    bench.append_many(15).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    let kept = auditor.checkpoint().await.unwrap();
    bench.append_many(80).await;
    let size = bench.settled(&running).await;
    assert!(size > 256);
    (bench, running, kept, size)
}

/// R46.2, R23.2: the Go project's own client of tiled logs (golang.org/x/mod 0.7.0, sumdb/tlog and note) reads every tile and bundle
/// over HTTP, proves every entry, and accepts the proofs that gRPC gives and a checkpoint from before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_reads_the_log_and_accepts_its_proofs() {
    let (bench, running, kept, size) = grown().await;
    let mut calls = bench.calls(&running).await;
    let old = running.verifier.checkpoint(&kept).unwrap();
    let mut inclusion = Vec::new();
    for index in [0, 1, old.size, 255, 256, size - 1] {
        let request = GetInclusionProofRequest { event: Some(Event::Index(index)), size: 0 };
        let proof = calls.get_inclusion_proof(request).await.unwrap().into_inner();
        inclusion.push(json!({
            "checkpoint": String::from_utf8(proof.checkpoint).unwrap(),
            "index": index,
            "leaf": base64(&proof.leaf),
            "hashes": proof.hashes.iter().map(base64).collect::<Vec<_>>(),
        }));
    }
    let request = GetConsistencyProofRequest { old_size: old.size, new_size: 0 };
    let proof = calls.get_consistency_proof(request).await.unwrap().into_inner();
    let kept = String::from_utf8(kept).unwrap();
    let consistency = json!({
        "old": kept,
        "new": String::from_utf8(proof.checkpoint).unwrap(),
        "hashes": proof.hashes.iter().map(base64).collect::<Vec<_>>(),
    });
    let mut claims =
        json!({ "inclusion": inclusion, "consistency": [consistency], "kept": [kept] });
    let file = bench.folder.path().join("claims.json");
    let (path, key) = (file.to_str().unwrap(), bench.log_key());

    std::fs::write(&file, claims.to_string()).unwrap();
    let checked: Value =
        serde_json::from_str(&told(go_tiles(&[&running.url, &key, path]).await)).unwrap();
    assert_eq!((&checked["size"], &checked["entries"]), (&json!(size), &json!(size)));
    assert_eq!(
        (&checked["inclusion"], &checked["consistency"], &checked["kept"]),
        (&json!(6), &json!(1), &json!(1))
    );

    // What it accepts would be worth little if it accepted anything.
    claims["inclusion"][3]["leaf"] = json!(base64("another leaf"));
    std::fs::write(&file, claims.to_string()).unwrap();
    let refused = go_tiles(&[&running.url, &key, path]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("inclusion of 255"), "{said}");
}

/// R46.2, R23.2: aics-tlog 0.2.1, which verifies by the algorithms of RFC 9162, reads the log over HTTP, finds every tile, bundle and
/// entry in the signed tree, and that tree to continue the one from before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_reads_the_log() {
    let (bench, running, kept, size) = grown().await;
    let file = bench.folder.path().join("kept");
    std::fs::write(&file, kept).unwrap();

    let kept = ["--kept", file.to_str().unwrap()];
    let read = told(read_log(&[&running.url, &bench.log_key(), kept[0], kept[1]]).await);

    let checked: Value = serde_json::from_str(&read).unwrap();
    assert_eq!((&checked["size"], &checked["kept"]), (&json!(size), &json!(1)), "{checked}");
    assert_eq!((&checked["tiles"], &checked["bundles"]), (&json!(3), &json!(2)), "{checked}");
}
