//! A folder that is not mounted, and a store whose clock was ahead.

use jiff::Timestamp;

use super::*;

/// More than the days after which the service archives by itself.
const DAYS_LATER: u64 = 400;

fn of_stream(before: Option<Timestamp>) -> CreateArchivesRequest {
    CreateArchivesRequest { stream: STREAM.to_owned(), before: before.map(leaf::to_proto) }
}

/// R23.2: a folder that is a mount looks empty while it is not mounted: nothing more of a stream is archived there, whoever asks is told, and
/// so is whoever looks at coverage. Mounted again, archives go on where they were.
#[tokio::test]
async fn folders_that_are_not_mounted_take_no_archives() {
    let archived = Archived::start().await;
    archived.seal().await;
    archived.bench.append_many(3).await;
    archived.bench.settled(&archived.running).await;
    let elsewhere = archived.folder.with_extension("elsewhere");
    std::fs::rename(&archived.folder, &elsewhere).unwrap();
    std::fs::create_dir(&archived.folder).unwrap();
    let is_told = |said: &str| said.contains("is sealed, and not at the place of archives");

    let refused = archived.create(of_stream(None)).await.unwrap_err();

    assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused}");
    assert!(is_told(refused.message()) && refused.message().contains("mounted"), "{refused}");
    // When more is due, the service finds it by itself.
    let Archived { bench, running, folder, .. } = archived;
    drop(running);
    bench.clock.advance(Duration::from_hours(24 * DAYS_LATER));
    let running = bench.start().await;
    let archived = Archived::of(bench, running, folder).await;
    until("the problem", async || is_told(&archived.coverage().await.archive_problem)).await;
    assert!(!archived.folder.join(STREAM).exists());
    assert_eq!(archived.coverage().await.archived_sequence, 5);

    std::fs::remove_dir_all(&archived.folder).unwrap();
    std::fs::rename(&elsewhere, &archived.folder).unwrap();
    assert_eq!(archived.create(of_stream(None)).await.unwrap(), 1);
    assert_eq!(archived.coverage().await.archived_sequence, 8);
}

/// R23.2: an event that the store says to have received in the year 2099, for its clock was ahead, is archived with those that came after it,
/// and holds nothing up.
#[tokio::test]
async fn clocks_that_were_ahead_hold_nothing_up() {
    let mut bench = Bench::on_nats().await;
    let folder = bench.folder.path().join("archive");
    bench.archive = Some(format!("file://{}", folder.display()));
    bench.append_many(5).await;
    let commits = bench.store.read(STREAM, 1, None).await.unwrap();
    let commits: Vec<_> = commits.try_collect().await.unwrap();
    let ahead: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    let store = Doctored::store(&bench, move |mut recorded| {
        if recorded.stream == STREAM && recorded.sequence == 2 {
            recorded.recorded_at = ahead;
        }
        Some(recorded)
    });
    let running = bench.start_on(store).await;
    let archived = Archived::of(bench, running, folder).await;

    for (before, last) in [(3, 1), (4, 3), (5, 4)] {
        let before = commits[before - 1].recorded_at;
        assert_eq!(archived.create(of_stream(Some(before))).await.unwrap(), 1);
        assert_eq!(archived.coverage().await.archived_sequence, last);
    }

    until("the seals", async || archived.seals().await.len() == 3).await;
    let seal = archived.seals().await.remove(1);
    assert_eq!(seal.latest_recorded_at, ahead);
    archived.place.verify(&seal, &archived.running.verifier).await.unwrap();
}
