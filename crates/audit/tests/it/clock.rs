//! The event store's clock, from which the log has its times, jumps forth and back.

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use publicdata_audit::client::Selection;

use crate::bench::{Bench, Doctored, STREAMS};

/// Jumps by hours, in both directions, from event to event.
fn jumping(at: Timestamp, sequence: u64) -> Timestamp {
    const JUMPS_H: [i64; 5] = [0, 30, -7, 1, -26];
    let place = usize::try_from(sequence).unwrap() % JUMPS_H.len();
    at + SignedDuration::from_hours(JUMPS_H[place])
}

/// H1, H4, R23.2: whatever the event store's clock does, each event enters the log once, in the order of its stream; the log is sound, the
/// check that goes on finds nothing changed, and a replay of a time shows the events that were received in it.
#[tokio::test]
async fn clock_that_jumps_changes_nothing() {
    const COUNT: u64 = 40;
    let bench = Bench::on_nats().await;
    let running = bench
        .start_on(Doctored::store(&bench, |mut recorded| {
            recorded.recorded_at = jumping(recorded.recorded_at, recorded.sequence);
            Some(recorded)
        }))
        .await;
    let auditor = bench.auditor(&running).await;
    bench.append_many(COUNT).await;
    bench.settled(&running).await;

    let report = running.verify(&auditor).await;
    assert_eq!(report.findings, []);
    assert_eq!(report.events, bench.events().await);

    let all: Vec<_> =
        auditor.replay(Selection::default()).await.unwrap().try_collect().await.unwrap();
    for stream in STREAMS {
        let sequences = all.iter().filter(|told| told.stream == stream);
        let sequences: Vec<_> = sequences.map(|told| told.sequence).collect();
        let count = bench.store.last_sequence(stream).await.unwrap();
        assert_eq!(sequences, (1..=count).collect::<Vec<_>>(), "{stream}");
    }
    // Of an event whose clock was right: one in five was received thirty hours later.
    let right = all.iter().find(|told| told.stream == STREAMS[0] && told.sequence == 5).unwrap();
    let ahead = Some(right.recorded_at.unwrap() + SignedDuration::from_hours(20));
    let selection = Selection { from: ahead, ..Selection::default() };
    let later: Vec<_> = auditor.replay(selection).await.unwrap().try_collect().await.unwrap();
    let expected: Vec<_> = all.into_iter().filter(|told| told.recorded_at >= ahead).collect();
    assert!(!expected.is_empty());
    assert_eq!(later, expected);
}
