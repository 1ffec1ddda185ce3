//! An auditor without a certificate: the log's tiles over plain HTTP, and nothing else.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use publicdata_audit::client::{Finding, TileLog, TileReport, Verification, Watcher};
use publicdata_audit_domain::{Checkpoint, LogKey, Tree, Verifier};
use publicdata_service_kit::Tasks;
use tokio::net::TcpListener;

use crate::bench::{Bench, Doctored, ORIGIN, Running};

/// A log of more than one full tile.
async fn log() -> (Bench, Running, u64) {
    let bench = Bench::in_memory();
    bench.append_many(90).await;
    let running = bench.start().await;
    let size = bench.settled(&running).await;
    (bench, running, size)
}

/// Stands between the log and its reader, and changes what passes.
struct Meddler {
    url: String,
    _tasks: Tasks,
}

impl Meddler {
    async fn start(
        log: &Running,
        change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let (tasks, change, log) = (Tasks::new(), Arc::new(change), log.url.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(move |request: Request| {
            let (change, log) = (Arc::clone(&change), log.clone());
            async move {
                let path = request.uri().path().to_owned();
                let answer = reqwest::get(format!("{log}{path}")).await.unwrap();
                let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
                let bytes = answer.bytes().await.unwrap().to_vec();
                (status, change(&path, bytes)).into_response()
            }
        });
        tasks.try_spawn("meddler", async move { axum::serve(listener, router).await });
        Self { url, _tasks: tasks }
    }
}

async fn verify(url: &str, verifier: &Verifier) -> TileReport {
    let log = TileLog::new(url).unwrap();
    log.verify(verifier, &Verification::default()).await.unwrap()
}

/// What is found if whatever stands at `path` is changed so.
async fn found(
    running: &Running,
    path: &'static str,
    change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
) -> Finding {
    let meddler = Meddler::start(running, move |asked, mut bytes| {
        if asked == path {
            change(&mut bytes);
        }
        bytes
    })
    .await;
    let report = verify(&meddler.url, &running.verifier).await;
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    finding.clone()
}

/// R46.2, R23.2: an auditor with an old checkpoint, and neither certificate nor account, shows that nothing before it was changed,
/// dropped or reordered.
#[tokio::test]
async fn old_checkpoint_is_continued() {
    let (bench, running, size) = log().await;
    let kept = running.tiles().checkpoint().await.unwrap();
    bench.append_many(10).await;
    let grown = bench.settled(&running).await;

    let options = Verification { old_checkpoint: Some(kept), ..Verification::default() };
    let report = running.tiles().verify(&running.verifier, &options).await.unwrap();

    assert_eq!(report.findings, []);
    assert_eq!((report.size, report.entries, report.continues), (grown, grown, Some(size)));
    assert_eq!(report.streams.values().sum::<u64>(), grown);
}

/// Whoever watches sees that it goes on, and that all was read in the end.
#[tokio::test]
async fn verification_tells_how_far_it_is() {
    let (bench, running, size) = log().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let watcher = Watcher::new(move |read, all| teller.lock().unwrap().push((read, all)));
    let options = Verification { watcher, ..Verification::default() };

    let tiles = running.tiles().verify(&running.verifier, &options).await.unwrap().size;
    let auditor = bench.auditor(&running).await;
    let replayed = auditor.verify(&running.verifier, &options).await.unwrap().size;

    assert_eq!(*told.lock().unwrap(), [(tiles, tiles), (replayed, replayed)]);
    assert!(tiles >= size);
}

/// R46.2: a log that was begun anew, without one of its events, does not continue the checkpoint that was kept; its tiles say so.
#[tokio::test]
async fn log_begun_anew_is_found_by_its_tiles() {
    let (bench, running, _) = log().await;
    let kept = running.tiles().checkpoint().await.unwrap();
    drop(running);
    std::fs::remove_file(bench.folder.path().join("audit.db")).unwrap();
    let other = Doctored::store(&bench, |mut commit| {
        if (commit.stream.as_str(), commit.sequence) == ("EXCHANGE", 1) {
            commit.payload = Bytes::from_static(b"history as it should have been");
        }
        Some(commit)
    });
    let running = bench.start_on(other).await;
    bench.settled(&running).await;

    let options = Verification { old_checkpoint: Some(kept), ..Verification::default() };
    let report = running.tiles().verify(&running.verifier, &options).await.unwrap();

    let reasons: Vec<_> = report.findings.iter().map(Finding::reason).collect();
    assert_eq!((reasons, report.continues), (vec!["HISTORY_CHANGED"], None));
}

/// R46.2: a smaller log than the one that was signed before does not continue it.
#[tokio::test]
async fn shorter_log_is_found_by_its_tiles() {
    let (bench, running, size) = log().await;
    let key = publicdata_audit::keys::open(&bench.folder.path().join("log"), ORIGIN).unwrap();
    let kept = key.sign(&Checkpoint { size: size + 1, hash: Tree::default().root() });

    let options = Verification { old_checkpoint: Some(kept), ..Verification::default() };
    let report = running.tiles().verify(&running.verifier, &options).await.unwrap();

    let old_size = size + 1;
    assert_eq!(report.findings, [Finding::Consistency { old_size, new_size: size }]);
}

/// R46.2: whatever is tampered with on the way is found, and named.
#[tokio::test]
async fn tampering_on_the_way_is_found_and_named() {
    let (_bench, running, size) = log().await;
    assert_eq!(size, 270);
    let tile = |path: &str, at| Finding::Tile { path: path.to_owned(), at };
    let bundle = |path: &str, entries| Finding::Bundle { path: path.to_owned(), entries };

    let finding = found(&running, "/tile/0/000", |bytes| bytes[32 * 7] ^= 1).await;
    assert_eq!(finding, tile("tile/0/000", 7));
    let finding = found(&running, "/tile/0/001.p/14", |bytes| bytes.truncate(32 * 13)).await;
    assert_eq!(finding, tile("tile/0/001.p/14", 13));
    let finding = found(&running, "/tile/0/000", |bytes| bytes.push(0)).await;
    assert_eq!(finding, tile("tile/0/000", 256));
    let finding = found(&running, "/tile/1/000.p/1", |bytes| bytes[31] ^= 1).await;
    assert_eq!(finding, tile("tile/1/000.p/1", 0));
    // The last byte of an entry is one of its digest.
    let finding = found(&running, "/tile/entries/001.p/14", |bytes| {
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
    })
    .await;
    assert_eq!(finding, tile("tile/0/001.p/14", 13));
    let finding = found(&running, "/tile/entries/000", |bytes| bytes.truncate(1_000)).await;
    assert_eq!(finding, bundle("tile/entries/000", 256));
    let finding = found(&running, "/tile/entries/001.p/14", Vec::clear).await;
    assert_eq!(finding, bundle("tile/entries/001.p/14", 14));
    let finding = found(&running, "/checkpoint", |bytes| bytes[0] ^= 1).await;
    assert_eq!(finding.reason(), "CHECKPOINT_DOUBTFUL");
}

/// R46.2: whoever changes entry and tile alike, still can't have the signed root.
#[tokio::test]
async fn entry_and_tile_tampered_with_together_are_found() {
    let (_bench, running, size) = log().await;
    let meddler = Meddler::start(&running, |path, mut bytes| {
        let entries = path == "/tile/entries/001.p/14";
        if let Some(last) = bytes.last_mut().filter(|_| entries) {
            *last ^= 1;
        }
        bytes
    })
    .await;
    let altered = TileLog::new(&meddler.url).unwrap();
    let report = altered.verify(&running.verifier, &Verification::default()).await.unwrap();
    assert_eq!(report.findings.len(), 1, "the tile tells");

    let accomplice = Meddler::start(&running, {
        let altered = altered_leaf_hash(&running).await;
        move |path, mut bytes| {
            match path {
                "/tile/entries/001.p/14" => *bytes.last_mut().unwrap() ^= 1,
                "/tile/0/001.p/14" => bytes[32 * 13..].copy_from_slice(&altered),
                _ => {}
            }
            bytes
        }
    })
    .await;
    let report = verify(&accomplice.url, &running.verifier).await;

    assert_eq!(report.findings, [Finding::OtherRoot { size, first: None }]);
}

/// The hash that the last leaf has once its last bit was changed.
async fn altered_leaf_hash(running: &Running) -> [u8; 32] {
    let bundle = reqwest::get(format!("{}/tile/entries/001.p/14", running.url)).await.unwrap();
    let bundle = bundle.bytes().await.unwrap();
    let entries = publicdata_audit_domain::tile::entries(&bundle).unwrap();
    let mut last = entries.last().unwrap().to_vec();
    *last.last_mut().unwrap() ^= 1;
    *publicdata_audit_domain::tree::leaf_hash(&last).as_bytes()
}

/// H3: a checkpoint of another log, or of another key, is not this log's.
#[tokio::test]
async fn checkpoint_of_another_log_is_refused() {
    let (_bench, running, _) = log().await;
    for other in [("other.example/log", [7; 32]), (ORIGIN, [8; 32])] {
        let other = LogKey::from_seed(other.0, other.1).unwrap();
        let note = other.sign(&Checkpoint { size: 0, hash: Tree::default().root() });
        let finding = found(&running, "/checkpoint", move |bytes| bytes.clone_from(&note)).await;
        assert_eq!(finding.reason(), "CHECKPOINT_DOUBTFUL");
    }
}

/// H3: what cannot be read is no finding, but an error that names the address.
#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let (_bench, running, _) = log().await;
    let url = running.url.clone();
    drop(running);
    let verifier: Verifier =
        LogKey::from_seed(ORIGIN, [7; 32]).unwrap().verifier_key().parse().unwrap();

    let log = TileLog::new(&url).unwrap();
    let error = log.verify(&verifier, &Verification::default()).await.unwrap_err();
    assert!(error.to_string().contains(&url), "{error}");
    for url in ["", "nowhere", "ftp://log.example", "http://log.example/?a=b"] {
        assert!(TileLog::new(url).is_err(), "{url}");
    }
}
