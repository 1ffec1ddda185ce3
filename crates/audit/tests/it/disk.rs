//! The disk of the log's database is full.

use publicdata_service_kit::testing::SmallDisk;

use crate::bench::{Bench, STREAMS, until};

/// H1, H3, H4: while the log's disk is full, nothing is logged, and the log says how far it is; when there is room, it goes on by itself:
/// each event is in it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("small");
    let Some(disk) = SmallDisk::mount(&folder, 16) else { return };
    let bench = Bench::on_nats_with_database_in(&folder).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.append_many(5).await;
    bench.settled(&running).await;
    let before = auditor.checkpoint().await.unwrap();

    disk.fill(0);
    bench.append_many(200).await;
    let behind = async || {
        let coverage = auditor.coverage().await.unwrap();
        let behind = coverage.iter().find(|line| line.logged_sequence < line.last_sequence);
        behind.map(|line| (line.logged_sequence, line.finding.clone()))
    };
    let (logged, finding) = behind().await.expect("a log that is behind");
    // It goes on saying so: nothing is taken for logged that is not.
    until("another attempt", async || behind().await.is_some()).await;
    assert_eq!(finding, "");
    disk.make_room();

    let events = bench.settled(&running).await;
    let options = publicdata_audit::client::Verification {
        old_checkpoint: Some(before),
        ..Default::default()
    };
    let report = auditor.verify(&running.verifier, &options).await.unwrap();
    assert_eq!(report.findings, []);
    assert!(report.continues.is_some());
    assert_eq!((report.events, events), (events, bench.events().await));
    assert!(logged < 205, "{logged}");
    for stream in STREAMS {
        assert!(bench.store.last_sequence(stream).await.unwrap() >= 205);
    }
}
