//! What an administrator of the event store could do to it, done to a real nats-server: each is found and named, by the check that never
//! ends, by whoever asks, and by an auditor who verifies.

use std::path::Path;

use bytes::Bytes;
use publicdata_audit::client::LogClient;
use publicdata_audit_domain::tree;
use publicdata_event_store::testing::raw::Raw;
use publicdata_proto::audit::v1::StreamCoverage;
use tokio::process::Command;

use crate::bench::{Bench, Running, until};

const STREAM: &str = "EXCHANGE";

async fn administrator(bench: &Bench) -> Raw {
    Raw::connect(&bench.nats.as_ref().unwrap().server.url()).await.unwrap()
}

/// A log of five events of each stream, of which one stream can be tampered with by deleting.
async fn log() -> (Bench, Running, LogClient) {
    let bench = Bench::on_nats_with(&["CATALOG", "OPENDATA"]).await;
    administrator(&bench).await.make_deletable(STREAM).await.unwrap();
    bench.append_many(5).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    assert_eq!(running.verify(&auditor).await.findings, []);
    (bench, running, auditor)
}

/// What the service says of the stream.
async fn coverage(auditor: &LogClient) -> StreamCoverage {
    let coverage = auditor.coverage().await.unwrap();
    coverage.into_iter().find(|line| line.stream == STREAM).unwrap()
}

/// Waits until the check that goes on has found so many changes; answers what it says.
async fn changes(auditor: &LogClient, count: u64) -> Vec<String> {
    let check = async || coverage(auditor).await.check.unwrap_or_default();
    until("the changes", async || check().await.changed_count >= count).await;
    let check = check().await;
    assert_eq!(check.changed_count, count, "{:?}", check.findings);
    check.findings
}

async fn verified(running: &Running, auditor: &LogClient) -> String {
    let report = running.verify(auditor).await;
    report.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

fn is_lost(finding: &str, sequence: u64) -> bool {
    finding.starts_with(&format!("event {sequence} of stream EXCHANGE"))
        && finding.ends_with("but no longer in the event store")
}

/// R23.2: an event that is deleted after it was logged is named.
#[tokio::test]
async fn deleted_event_is_found() {
    let (bench, running, auditor) = log().await;

    administrator(&bench).await.delete_message(STREAM, 3).await.unwrap();

    let found = changes(&auditor, 1).await;
    assert!(is_lost(&found[0], 3), "{found:?}");
    let verified = verified(&running, &auditor).await;
    let lost = verified.lines().any(|line| is_lost(line, 3));
    assert!(lost, "{verified}");
    assert_eq!(coverage(&auditor).await.finding, "", "its log goes on");
}

/// R23.2: the last event of a stream, deleted after it was logged, is named while the log runs and when it starts again.
#[tokio::test]
async fn deleted_last_event_is_found() {
    let (bench, running, auditor) = log().await;

    administrator(&bench).await.delete_message(STREAM, 5).await.unwrap();

    let found = changes(&auditor, 1).await;
    assert!(is_lost(&found[0], 5), "{found:?}");
    let said = verified(&running, &auditor).await;
    assert!(is_lost(said.lines().next().unwrap(), 5), "{said}");
    drop((running, auditor));
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    until("the finding", async || !coverage(&auditor).await.finding.is_empty()).await;
    let finding = coverage(&auditor).await.finding;
    assert_eq!(finding, "stream EXCHANGE has lost event 5, the last that is in the log");
}

/// R23.2, R46.2: leaves and hashes that were deleted or overwritten in the log's tables are named, and what follows is checked still.
#[tokio::test]
async fn damaged_tables_are_found() {
    let (bench, _running, auditor) = log().await;
    let database = bench.database().await;
    let execute = async |statement: &'static str| {
        sqlx::query(statement).execute(database.pool()).await.unwrap();
    };
    let index: i64 = sqlx::query_scalar(
        "SELECT leaf_index FROM log_leaf WHERE stream_name = 'EXCHANGE' AND sequence = 3",
    )
    .fetch_one(database.pool())
    .await
    .unwrap();
    let hash_index = tree::stored_leaf_index(u64::try_from(index).unwrap());

    execute("DELETE FROM log_leaf WHERE stream_name = 'EXCHANGE' AND sequence IN (1, 5)").await;
    execute("UPDATE log_leaf SET leaf = '?' WHERE stream_name = 'EXCHANGE' AND sequence = 2").await;
    sqlx::query("UPDATE log_hash SET hash = '?' WHERE hash_index = $1")
        .bind(i64::try_from(hash_index).unwrap())
        .execute(database.pool())
        .await
        .unwrap();
    administrator(&bench).await.delete_message(STREAM, 4).await.unwrap();

    let found = changes(&auditor, 5).await;
    for (finding, sequence) in found.iter().zip(1..) {
        assert!(finding.contains(&format!("event {sequence} of stream EXCHANGE")), "{found:?}");
        let says = match sequence {
            3 => "it is not the one in the tree",
            4 => "but no longer in the event store",
            _ => "its leaf is lost from the log",
        };
        assert!(finding.ends_with(says), "{found:?}");
    }
}

/// R23.2: an event that is deleted before it was logged leaves a gap, which is named, and which nothing is logged after.
#[tokio::test]
async fn gap_is_found() {
    let (bench, running, auditor) = log().await;
    drop((running, auditor));
    bench.append_many(3).await;
    administrator(&bench).await.delete_message(STREAM, 7).await.unwrap();

    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;

    let is_found = async || {
        let coverage = coverage(&auditor).await;
        coverage.logged_sequence == 6 && !coverage.finding.is_empty()
    };
    until("the finding", is_found).await;
    let coverage = coverage(&auditor).await;
    assert_eq!(coverage.finding, "stream EXCHANGE has lost event 7: the next one is 8");
    assert_eq!((coverage.logged_sequence, coverage.last_sequence), (6, 8));
    let verified = verified(&running, &auditor).await;
    assert!(verified.contains("has lost event 7"), "{verified}");
}

/// R23.2: an event that was rewritten, in a stream that was made anew around it, is named.
#[tokio::test]
async fn rewritten_event_is_found() {
    let (bench, running, auditor) = log().await;

    let payload = Bytes::from_static(b"a friendlier story");
    administrator(&bench).await.rewrite(STREAM, 2, payload).await.unwrap();

    let found = changes(&auditor, 5).await;
    assert!(found[1].starts_with("event 2 of stream EXCHANGE"), "{found:?}");
    assert!(found[1].ends_with("its payload was changed"), "{found:?}");
    assert!(found[0].ends_with("its time of receipt was changed"), "{found:?}");
    let verified = verified(&running, &auditor).await;
    assert!(verified.contains("of stream EXCHANGE"), "{verified}");
}

/// R23.2: a stream that was purged of its beginning is found; each event that is gone is named.
#[tokio::test]
async fn purged_stream_is_found() {
    let (bench, running, auditor) = log().await;

    administrator(&bench).await.trim(STREAM, 2).await.unwrap();

    let found = changes(&auditor, 3).await;
    for (finding, sequence) in found.iter().zip(1..) {
        assert!(is_lost(finding, sequence), "{found:?}");
    }
    let verified = verified(&running, &auditor).await;
    assert!(verified.contains("stream EXCHANGE"), "{verified}");
}

/// R23.2, R11.1: an event store that was restored from an older copy is found, while the log runs and when it starts again; each event
/// that is gone is named, and what has come in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_restored_from_an_older_copy_is_found() {
    let (mut bench, running, auditor) = log().await;
    let copies = tempfile::tempdir().unwrap();
    let (store, copy) = {
        let nats = bench.nats.as_mut().unwrap();
        nats.server.kill9().await;
        let (store, copy) = (nats.folder().to_owned(), copies.path().join("older"));
        copied(&store, &copy).await;
        nats.server.restart().await.unwrap();
        (store, copy)
    };
    bench.append_many(2).await;
    bench.settled(&running).await;

    let nats = bench.nats.as_mut().unwrap();
    nats.server.kill9().await;
    std::fs::remove_dir_all(store.join("streams")).unwrap();
    copied(&copy.join("streams"), &store.join("streams")).await;
    nats.server.restart().await.unwrap();

    let found = changes(&auditor, 2).await;
    assert!(is_lost(&found[0], 6) && is_lost(&found[1], 7), "{found:?}");
    drop((running, auditor));
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    until("the finding", async || !coverage(&auditor).await.finding.is_empty()).await;
    let finding = coverage(&auditor).await.finding;
    assert_eq!(finding, "stream EXCHANGE ends at 5, but its event 7 is in the log");
    let verified = verified(&running, &auditor).await;
    assert!(verified.contains(&finding), "{verified}");
}

async fn copied(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().await.unwrap();
    assert!(status.success());
}
