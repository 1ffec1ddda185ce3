//! What was restored is what was backed up, and says that it was restored.

use publicdata_audit::client::Verification;
use publicdata_event_store::Store;
use publicdata_event_store::jetstream::StreamOptions;
use publicdata_identity::testing;
use publicdata_recovery::drill::{self, Loss};
use publicdata_recovery::events::Recorder;
use publicdata_recovery::{Error, SERVICE, STREAM, restore};
use publicdata_service_kit::Clock;

use crate::bench::{Bench, Restored, STREAMS, append};

fn recorder(store: &Store) -> Recorder {
    Recorder {
        store: store.clone(),
        actor: testing::service(SERVICE).to_string(),
        now: Clock::system().now(),
    }
}

async fn last(restored: &Restored, stream: &str) -> u64 {
    restored.store.last_sequence(stream).await.unwrap()
}

/// R11.1, H2: from an incremental backup alone come the same events at the same places with the same times, so that the log's root, built
/// from what the restored store has, is the signed one; the audit service goes on with it under its own key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_alone_gives_the_same_root() {
    let bench = Bench::with_events(40).await;
    std::fs::write(bench.content().join("a.csv"), "code,name\n1,a\n").unwrap();
    bench.back_up().await.unwrap();
    bench.append_many(3).await;
    bench.back_up().await.unwrap();

    let restored = bench.restore("restored").await.unwrap();

    let (store, database) = (&restored.store, restored.database().await);
    let read_back = restore::read_back(store, &database, &|_, _, _| {}).await.unwrap();
    let backup = bench.backup().unwrap();
    assert_eq!(restored.checkpoint, backup.signed());
    assert_eq!(read_back, backup.signed());
    assert_eq!(drill::findings(&backup, read_back, &[]), [""; 0]);
    assert_eq!(read_back.size, 129);
    let content = std::fs::read_to_string(restored.folder.join("content").join("a.csv")).unwrap();
    assert_eq!(content, "code,name\n1,a\n");

    let audit = bench.audit_of(&restored).await;
    for stream in STREAMS {
        assert_eq!(append(store, &stream.to_lowercase(), 0).await, 44);
    }
    audit.reaches(132).await;
    let since = backup.newest().checkpoint.clone().into_bytes();
    let options = Verification { old_checkpoint: Some(since), ..Verification::default() };
    let report = audit.log.verify(&bench.verifier, &options).await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.continues, report.size), (Some(129), 132));
}

/// R11.1: a restore from an older backup is never mistaken for the truth: it is marked in its own log, before anything else; whoever has
/// kept a newer checkpoint is told, by the backup and by the restored log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_backup_is_not_mistaken_for_the_truth() {
    let bench = Bench::with_events(10).await;
    bench.back_up().await.unwrap();
    bench.append_many(2).await;
    let kept = bench.audit.log.checkpoint().await.unwrap();

    let mut backup = bench.backup().unwrap();
    let error = backup.reaches(&kept, &bench.verifier).unwrap_err();
    assert!(matches!(error, Error::OlderBackup { backup: 30, known: 36 }), "{error}");

    let restored = bench.restore("restored").await.unwrap();
    let target = restored.store.clone();
    let streams = testing_streams(&restored).await;
    recorder(&target).restored(&backup, Clock::system().now()).await.unwrap();
    let audit = bench.audit_of(&restored).await;
    for stream in STREAMS {
        for number in 0..3 {
            append(&target, &stream.to_lowercase(), number).await;
        }
    }
    audit.reaches(40).await;
    assert_eq!((streams, last(&restored, STREAM).await), (0, 1));

    let options = Verification { old_checkpoint: Some(kept), ..Verification::default() };
    let report = audit.log.verify(&bench.verifier, &options).await.unwrap();
    assert_eq!(report.continues, None);
    let findings: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
}

/// Makes the stream of recovery, as whoever restores does; how many events it has.
async fn testing_streams(restored: &Restored) -> u64 {
    let store = restored.connect(SERVICE).await;
    store.ensure_stream_with(StreamOptions::new(STREAM, 1)).await.unwrap();
    last(restored, STREAM).await
}

/// R11.1: what a restore now would lose is measured against the platform as it is.
#[tokio::test]
async fn loss_is_measured() {
    let bench = Bench::with_events(5).await;
    bench.back_up().await.unwrap();
    let backup = bench.backup().unwrap();
    let streams = STREAMS.map(ToOwned::to_owned);

    let none = Loss::now(&bench.store, &streams, &backup).await.unwrap();
    bench.append_many(1).await;
    let some = Loss::now(&bench.store, &streams, &backup).await.unwrap();

    assert_eq!(none, Loss { rpo_ms: 0, events_missing: 0 });
    assert_eq!(some.events_missing, 3);
    let newest = bench.store.read("OPENDATA", 6, None).await.unwrap();
    let newest: Vec<_> = futures::TryStreamExt::try_collect(newest).await.unwrap();
    let held = backup.newest().newest_recorded_at.unwrap();
    let expected = newest[0].recorded_at.as_millisecond() - held.as_millisecond();
    assert_eq!(some.rpo_ms, expected.unsigned_abs());
}

/// R11.1, H3: nothing is restored over what is there.
#[tokio::test]
async fn occupied_place_is_refused() {
    let bench = Bench::with_events(5).await;
    bench.back_up().await.unwrap();
    let restored = bench.restore("restored").await.unwrap();

    let error = bench.restore("restored").await.err().unwrap();

    assert!(matches!(error, Error::Restore(_)), "{error}");
    assert_eq!(last(&restored, "CATALOG").await, 5);
}
