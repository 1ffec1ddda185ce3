//! Events on their way into the log.

use std::cell::Cell;
use std::time::Duration;

use publicdata_audit::queries;
use publicdata_event_store::testing::TestNats;
use publicdata_proto::audit::v1::{GetCheckpointRequest, GetCoverageRequest};

use crate::bench::{Bench, Doctored, organisation, until};

/// H1, H4, R23.2: each event of every stream enters exactly once and in the order of its stream.
#[tokio::test]
async fn every_event_enters_once_in_stream_order() {
    for bench in [Bench::on_nats().await, Bench::on_postgres().await] {
        bench.append_many(20).await;
        let running = bench.start().await;
        bench.append_many(20).await;
        let auditor = bench.auditor(&running).await;
        let events = bench.settled(&running).await;

        let report = running.verify(&auditor).await;

        assert_eq!(report.findings, []);
        assert_eq!((report.size, report.events), (events, events));
        for stream in &report.streams {
            assert_eq!(stream.logged_sequence, stream.last_sequence);
            assert_eq!(stream.replayed, stream.last_sequence);
        }
    }
}

/// H4: a long backlog is caught up with in batches, and ends in the same log.
#[tokio::test]
async fn backlog_is_caught_up_with() {
    let bench = Bench::in_memory();
    bench.append_many(1_500).await;

    let running = bench.start().await;
    let events = bench.settled(&running).await;

    let auditor = bench.auditor(&running).await;
    let report = running.verify(&auditor).await;
    assert_eq!(report.findings, []);
    assert!(report.events >= events);
    let database = bench.database().await;
    let checkpoints: i64 = sqlx::query_scalar("SELECT count(*) FROM log_checkpoint")
        .fetch_one(database.pool())
        .await
        .unwrap();
    assert!(checkpoints < 1_000, "{checkpoints} checkpoints for {events} events: no batches");
}

/// R23.2: what happens while somebody verifies is no fault of the log.
#[tokio::test]
async fn a_log_that_is_written_meanwhile_is_sound() {
    let bench = Bench::in_memory();
    bench.append_many(1).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    // A pace that the log keeps up with, and never has quite caught up with.
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let is_over = Cell::new(false);
    let writing = async {
        for _ in 0..300 {
            pace.tick().await;
            bench.append_many(1).await;
        }
        is_over.set(true);
    };
    let verifying = async {
        while !is_over.get() {
            let report = running.verify(&auditor).await;
            assert_eq!(report.findings, []);
        }
    };

    tokio::join!(writing, verifying);
}

/// H4: the service may be there before the streams of other services are.
#[tokio::test]
async fn stream_that_comes_later_is_waited_for() {
    let bench = Bench::on_nats_with(&["CATALOG"]).await;
    let running = bench.start().await;
    bench.append("catalog", "organisation", &organisation(1)).await;
    running.reaches(1).await;

    let nats: &TestNats = bench.nats.as_ref().unwrap();
    nats.store(&["EXCHANGE", "OPENDATA"]).await;
    bench.append_many(3).await;

    assert_eq!(bench.settled(&running).await, 10);
}

/// H4: nats-server is killed and started again; the log goes on.
#[tokio::test]
async fn log_goes_on_after_the_store_was_away() {
    let mut bench = Bench::on_nats().await;
    let running = bench.start().await;
    bench.append_many(5).await;
    bench.settled(&running).await;

    let nats = bench.nats.as_mut().unwrap();
    nats.server.kill9().await;
    nats.server.restart().await.unwrap();
    bench.append_many(5).await;

    assert_eq!(bench.settled(&running).await, 30);
    let auditor = bench.auditor(&running).await;
    assert_eq!(running.verify(&auditor).await.findings, []);
}

/// R23.2: an event that is missing in a stream stops the log of that stream, says so, and is never skipped; other streams go
/// on.
#[tokio::test]
async fn gap_stops_its_stream_and_no_other() {
    let bench = Bench::in_memory();
    bench.append_many(4).await;
    let lossy = Doctored::store(&bench, |commit| {
        (commit.stream != "EXCHANGE" || commit.sequence != 3).then_some(commit)
    });

    let running = bench.start_on(lossy).await;
    running.reaches(4 + 2 + 4).await;
    let mut calls = bench.calls(&running).await;

    let exchange = async || {
        let coverage = calls.get_coverage(GetCoverageRequest {}).await.unwrap().into_inner();
        coverage.streams.into_iter().find(|line| line.stream == "EXCHANGE").unwrap()
    };
    let mut exchange = exchange;
    until("the finding", async || !exchange().await.finding.is_empty()).await;
    let coverage = exchange().await;
    assert_eq!((coverage.logged_sequence, coverage.last_sequence), (2, 4));
    assert_eq!(coverage.finding, "stream EXCHANGE has lost event 3: the next one is 4");
    let auditor = bench.auditor(&running).await;
    let findings = running.verify(&auditor).await.findings;
    assert_eq!(
        findings.iter().map(|finding| finding.reason()).collect::<Vec<_>>(),
        ["STREAM_STOPPED"]
    );
}

/// R23.2: a stream that was replaced behind the log's back is noticed at the next start.
#[tokio::test]
async fn replaced_stream_is_noticed() {
    let bench = Bench::in_memory();
    bench.append_many(2).await;
    let running = bench.start().await;
    bench.settled(&running).await;
    drop(running);

    let replaced = Doctored::store(&bench, |mut commit| {
        if commit.stream == "OPENDATA" {
            commit.message_id = "another".to_owned();
        }
        Some(commit)
    });
    let running = bench.start_on(replaced).await;
    let mut calls = bench.calls(&running).await;
    let mut finding = async || {
        let coverage = calls.get_coverage(GetCoverageRequest {}).await.unwrap().into_inner();
        let opendata = coverage.streams.into_iter().find(|line| line.stream == "OPENDATA");
        opendata.unwrap().finding
    };

    until("the finding", async || !finding().await.is_empty()).await;
    assert_eq!(
        finding().await,
        "event 2 of stream OPENDATA is not the one in the log: its message id differs"
    );
}

/// The checkpoint is there from the first moment, and is signed anew with each batch.
#[tokio::test]
async fn checkpoint_grows_with_the_log() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let id = publicdata_identity::testing::user("account-1");
    let channel = bench.channel(&running, &id);
    let mut calls =
        publicdata_proto::audit::v1::audit_service_client::AuditServiceClient::new(channel);
    let mut newest = async || {
        let answer =
            calls.get_checkpoint(GetCheckpointRequest::default()).await.unwrap().into_inner();
        let signed = running.verifier.checkpoint(&answer.checkpoint).unwrap();
        assert_eq!((signed.size, signed.hash.as_bytes().as_slice()), (answer.size, &*answer.root));
        signed
    };

    assert_eq!(newest().await.size, 0);
    bench.append("catalog", "organisation", &organisation(1)).await;
    running.reaches(1).await;
    assert_eq!(newest().await.size, 1);
}

/// H4: a write that waits for the database is not lost, and until then the log says that it does not have the event.
#[tokio::test]
async fn event_waits_for_a_busy_database() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let mut calls = bench.calls(&running).await;
    bench.settled(&running).await;
    let database = bench.database().await;

    let busy = database.begin().await.unwrap();
    let sequence = bench.append("exchange", "transfer", &organisation(1)).await;
    let refused = calls.get_inclusion_proof(crate::proofs::position("EXCHANGE", sequence)).await;
    let problem = publicdata_service_kit::Problem::from_status(&refused.unwrap_err());
    assert_eq!(problem.reason, "NOT_YET_LOGGED");
    assert_eq!(problem.metadata["logged"], "0");
    drop(busy);

    bench.settled(&running).await;
    calls.get_inclusion_proof(crate::proofs::position("EXCHANGE", sequence)).await.unwrap();
    let mut connection = database.pool().acquire().await.unwrap();
    let leaf = queries::leaf_of(&mut connection, "EXCHANGE", sequence).await.unwrap();
    assert!(leaf.is_some());
}
