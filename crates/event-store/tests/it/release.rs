//! Dropping the oldest commits of a stream on a real server, as an operator does once archives hold them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use publicdata_event_store::jetstream::{
    DropError, Droppable, JetStreamStore, Options, StreamOptions,
};
use publicdata_event_store::restore::Restoring;
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_event_store::testing::raw::Raw;
use publicdata_event_store::{AppendError, Error, EventStore as _, Recorded, Subject};
use tempfile::TempDir;
use uuid::Uuid;

use crate::kit::{all, new_commit, now, sequences};

const STREAM: &str = "EXCHANGE";
const HOURS_A_DAY: i64 = 24;

/// A server whose stream has one commit of each of these ages, in days, each of an aggregate of its own.
struct Old {
    server: NatsServer,
    store: Arc<JetStreamStore>,
    commits: Vec<Recorded>,
    _folder: TempDir,
}

impl Old {
    async fn start(ages_days: &[i64]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StreamOptions::new(STREAM, 1);
        let mut restoring = Restoring::begin(folder.path(), options).unwrap();
        let mut commits = Vec::new();
        for (age_days, sequence) in ages_days.iter().zip(1..) {
            let commit = commit(sequence, before(*age_days));
            restoring.push(&commit).unwrap();
            commits.push(commit);
        }
        restoring.finish().unwrap();
        let server = NatsServer::start(ServerOptions::new(folder.path())).await.unwrap();
        let options = Options::new(server.url(), "exchange");
        let store = Arc::new(JetStreamStore::connect(options).await.unwrap());
        Self { server, store, commits, _folder: folder }
    }

    /// What ends with this commit, and may be dropped at once.
    fn up_to(&self, sequence: usize) -> Droppable {
        Droppable { last: self.commits[sequence - 1].clone(), not_before: Timestamp::MIN }
    }

    async fn drop_up_to(&self, sequence: usize) -> Result<u64, DropError> {
        self.store.drop_released(&self.up_to(sequence)).await
    }

    async fn left(&self) -> Vec<u64> {
        let first = self.store.first_sequence(STREAM).await.unwrap();
        sequences(&all(self.store.read(STREAM, first, None).await.unwrap()).await.unwrap())
    }
}

fn before(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(days * HOURS_A_DAY)
}

fn commit(sequence: u64, recorded_at: Timestamp) -> Recorded {
    let commit = new_commit();
    Recorded {
        stream: STREAM.to_owned(),
        sequence,
        subject: Subject::new("exchange", "transfer", &Uuid::new_v4().to_string()).unwrap(),
        recorded_at,
        message_id: commit.command_id.to_string(),
        traceparent: None,
        payload: commit.encode(),
    }
}

/// R23.2: commits that were released are dropped, up to a month before the last; no other is, the stream keeps its promise and goes on, and
/// the server knows the aggregates no more that are gone.
#[tokio::test]
async fn released_commits_are_dropped() {
    let mut old = Old::start(&[3_000, 2_900, 2_800, 2_785, 2_700, 10]).await;

    let first = old.drop_up_to(4).await.unwrap();

    assert_eq!(first, 3, "the last but one came two weeks before the last");
    assert_eq!(old.left().await, [3, 4, 5, 6]);
    old.store.ensure_stream_with(StreamOptions::new(STREAM, 1)).await.unwrap();
    assert!(old.store.risks(STREAM).await.unwrap().is_empty());
    let gap = all(old.store.read(STREAM, 1, None).await.unwrap()).await;
    assert!(matches!(gap, Err(Error::Gap { expected: 1, found: 3, .. })), "{gap:?}");
    let gone = &old.commits[0].subject;
    let appended = old.store.append(gone, 1, new_commit()).await;
    assert!(matches!(appended, Err(AppendError::Conflict { .. })), "{appended:?}");
    assert_eq!(old.store.append(gone, 0, new_commit()).await.unwrap().sequence, 7);

    // Again, after a crash: nothing is left to do.
    old.server.kill9().await;
    old.server.restart().await.unwrap();
    assert_eq!(old.drop_up_to(4).await.unwrap(), 3);
    assert_eq!(old.left().await, [3, 4, 5, 6, 7]);
}

/// R23.2: what is younger than five years stays, whatever is said to be released.
#[tokio::test]
async fn young_commits_are_never_dropped() {
    let old = Old::start(&[3_000, 2_900, 1_800]).await;

    let refused = old.drop_up_to(3).await;

    let Err(DropError::TooYoung { sequence: 3, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(old.left().await, [1, 2, 3]);
    assert!(old.store.risks(STREAM).await.unwrap().is_empty());
}

/// R23.2: whoever was killed in the middle has left an age that drops nothing else, and that the next attempt takes away. A stream that
/// could lose commits in other ways is not touched.
#[tokio::test]
async fn interrupted_drop_is_finished() {
    let old = Old::start(&[3_000, 2_900, 2_800, 100]).await;
    let raw = Raw::connect(&old.server.url()).await.unwrap();
    let age = SignedDuration::from_hours(2_930 * HOURS_A_DAY);
    raw.set_max_age(STREAM, age.try_into().unwrap()).await.unwrap();
    assert_eq!(old.store.risks(STREAM).await.unwrap(), ["max_age must be 0"]);

    assert_eq!(old.drop_up_to(2).await.unwrap(), 2);

    assert!(old.store.risks(STREAM).await.unwrap().is_empty());
    assert_eq!(old.left().await, [2, 3, 4]);

    raw.trim(STREAM, 100).await.unwrap();
    let refused = old.drop_up_to(3).await;
    let Err(DropError::Unsafe { reasons, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(reasons, ["discard must be new", "max_msgs must be -1"]);
    assert_eq!(old.left().await, [2, 3, 4]);
}

/// R23.2: nothing leaves a stream whose commit at that place is another than the archived one, as in the event store of another platform; and
/// nothing before its time, by the event store's own clock.
#[tokio::test]
async fn what_is_archived_elsewhere_stays() {
    let old = Old::start(&[3_000, 2_900, 2_800]).await;
    let what = old.up_to(3);
    for last in [
        Recorded { recorded_at: old.commits[1].recorded_at, ..what.last.clone() },
        Recorded { payload: new_commit().encode(), ..what.last.clone() },
        Recorded { subject: old.commits[0].subject.clone(), ..what.last.clone() },
    ] {
        let refused = old.store.drop_released(&Droppable { last, ..what.clone() }).await;
        let Err(DropError::Other { sequence: 3, .. }) = refused else { panic!("{refused:?}") };
    }
    let not_before = now() + SignedDuration::from_mins(1);
    let refused = old.store.drop_released(&Droppable { not_before, ..what }).await;
    let Err(DropError::TooEarly { .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(old.left().await, [1, 2, 3]);
}
