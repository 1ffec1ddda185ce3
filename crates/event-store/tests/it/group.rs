//! Many writers at once on one server: their appends go out in batches, and nobody can tell, but by the speed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::OrderedConfig;
use futures::StreamExt;
use futures::future::join_all;
use publicdata_event_store::testing::{self, TestNats};
use publicdata_event_store::{AppendError, Appended, NewCommit, Recorded, Subject};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::kit::{Bed, all, new_commit};

/// How many single messages are in flight before any append waits.
const ALONE: usize = 16;

async fn bed() -> (TestNats, Bed) {
    let nats = testing::nats().await;
    let store = nats.store(&["CATALOG"]).await;
    (nats, Bed::new(store, "catalog"))
}

/// An append to come.
type Write = (Subject, u64, NewCommit);

/// Appends to as many aggregates that nobody has written to.
fn writes(bed: &Bed, count: usize) -> Vec<Write> {
    (0..count).map(|_| (bed.subject(), 0, new_commit())).collect()
}

/// Carries them out at once, in tasks of one thread, so that all but the first are waiting when the server first answers.
async fn at_once(bed: &Bed, writes: &[Write]) -> Vec<Result<Appended, AppendError>> {
    let append = async |(subject, expected_last, commit): &Write| {
        bed.store.append(subject, *expected_last, commit.clone()).await
    };
    join_all(writes.iter().map(append)).await
}

async fn stored(bed: &Bed) -> Vec<Recorded> {
    all(bed.store.read("CATALOG", 0, None).await.unwrap()).await.unwrap()
}

/// The size of each batch that the stream has, by its id.
async fn batches(nats: &TestNats, commits: usize) -> BTreeMap<String, usize> {
    let client = async_nats::connect(nats.server.url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("CATALOG").await.unwrap();
    let consumer = stream.create_consumer(OrderedConfig::default()).await.unwrap();
    let messages: Vec<_> = consumer.messages().await.unwrap().take(commits).collect().await;
    let mut batches = BTreeMap::new();
    for message in messages {
        let headers = message.unwrap().headers.clone().unwrap();
        if let Some(id) = headers.get("Nats-Batch-Id") {
            *batches.entry(id.to_string()).or_default() += 1;
        }
    }
    batches
}

/// H1: each commit stands where its writer was told, once, as it was given, with the trace that it belongs to.
#[tokio::test]
async fn writers_that_wait_go_out_together() {
    let (nats, bed) = bed().await;
    let mut writes = writes(&bed, 200);
    for ((_, _, commit), number) in writes.iter_mut().zip(1..) {
        commit.traceparent = Some(format!("00-{number:032x}-b7ad6b7169203331-01"));
    }

    let outcomes = at_once(&bed, &writes).await;

    let stored = stored(&bed).await;
    assert_eq!(stored.len(), writes.len());
    for ((subject, _, commit), outcome) in writes.into_iter().zip(outcomes) {
        let Appended { sequence, repeated } = outcome.unwrap();
        assert!(!repeated);
        let recorded = &stored[usize::try_from(sequence).unwrap() - 1];
        assert_eq!((recorded.sequence, &recorded.subject), (sequence, &subject));
        assert_eq!(recorded.message_id, commit.command_id.to_string());
        assert_eq!(recorded.traceparent, commit.traceparent);
        assert_eq!(recorded.payload, commit.encode());
    }
    let batches = batches(&nats, 200).await;
    assert!(batches.values().sum::<usize>() >= 200 - 2 * ALONE, "{batches:?}");
    assert!(batches.len() <= 4, "{batches:?}");
}

/// H1: a writer that does not wait is not delayed, and leaves a message like any other.
#[tokio::test]
async fn few_writers_send_no_batch() {
    let (nats, bed) = bed().await;
    for _ in 0..3 {
        for outcome in at_once(&bed, &writes(&bed, ALONE)).await {
            outcome.unwrap();
        }
    }
    assert_eq!(batches(&nats, 3 * ALONE).await, BTreeMap::new());
}

/// H1: whoever was too slow is told so, and nobody who happens to be in the same batch.
#[tokio::test]
async fn conflict_concerns_its_writer_alone() {
    let (nats, bed) = bed().await;
    let mut writes = writes(&bed, 100);
    let stale = [ALONE + 3, ALONE + 4, 90];
    for index in stale {
        let (subject, expected_last, _) = &mut writes[index];
        let sequences = bed.fill(subject, 2).await;
        *expected_last = sequences[0];
    }

    let outcomes = at_once(&bed, &writes).await;

    for (index, outcome) in outcomes.iter().enumerate() {
        let conflict = matches!(outcome, Err(AppendError::Conflict { .. }));
        let stored = matches!(outcome, Ok(Appended { repeated: false, .. }));
        assert_eq!((conflict, stored), (stale.contains(&index), !stale.contains(&index)));
    }
    let stored = stored(&bed).await;
    assert_eq!(stored.len(), 2 * stale.len() + writes.len() - stale.len());
    // The batches with a stale commit were refused whole.
    let together: usize = batches(&nats, stored.len()).await.values().sum();
    assert!(together < writes.len() - 2 * ALONE, "{together} went together");
}

/// H1: commands that are repeated are recognised among those that are not.
#[tokio::test]
async fn repeated_commands_are_recognised_in_a_crowd() {
    let (_nats, bed) = bed().await;
    let first = writes(&bed, 60);
    let before = at_once(&bed, &first).await;
    let new = writes(&bed, 60);
    let mixed: Vec<Write> =
        first.iter().zip(&new).flat_map(|(first, new)| [first.clone(), new.clone()]).collect();

    let outcomes = at_once(&bed, &mixed).await;

    for (before, pair) in before.into_iter().zip(outcomes.chunks(2)) {
        let [Ok(again), Ok(new)] = pair else { panic!("{pair:?}") };
        assert_eq!(*again, Appended { sequence: before.unwrap().sequence, repeated: true });
        assert!(!new.repeated);
    }
    assert_eq!(stored(&bed).await.len(), 120);
}

/// H1: one command, given many times at once, is carried out once, also where all of it waits.
#[tokio::test]
async fn command_given_many_times_at_once_is_stored_once() {
    let (_nats, bed) = bed().await;
    let one = writes(&bed, 1).remove(0);
    let mut crowd = writes(&bed, 40);
    crowd.extend(vec![one; 40]);

    let outcomes = at_once(&bed, &crowd).await;

    let of_one: Vec<Appended> = outcomes.into_iter().skip(40).map(Result::unwrap).collect();
    assert!(of_one.iter().all(|appended| appended.sequence == of_one[0].sequence), "{of_one:?}");
    assert_eq!(stored(&bed).await.len(), 41);
}

/// H4: more than one batch holds, in number and in size, and one commit that fills a message.
#[tokio::test]
async fn more_than_a_batch_holds_goes_out_in_several() {
    let (_nats, bed) = bed().await;
    let mut crowd = writes(&bed, 2_100);
    for (index, bytes) in [(700, 1_000_000), (701, 300_000), (900, 1_000_000)] {
        crowd[index].2.events[0].value = vec![7; bytes];
    }
    for (_, _, commit) in &mut crowd[1_000..1_060] {
        commit.events[0].value = vec![7; 50_000];
    }

    for outcome in at_once(&bed, &crowd).await {
        outcome.unwrap();
    }

    assert_eq!(stored(&bed).await.len(), crowd.len());
}

/// H4: callers that go away, whatever they are doing, neither stop nor poison those who stay.
#[tokio::test]
async fn callers_that_go_away_hold_nobody_up() {
    let (_nats, bed) = bed().await;
    let (mut stay, mut acknowledged) = (JoinSet::new(), Vec::new());
    for round in 0..20u64 {
        let mut leave = JoinSet::new();
        for (index, (subject, expected_last, commit)) in writes(&bed, 80).into_iter().enumerate() {
            let store = Arc::clone(&bed.store);
            let append = async move {
                (commit.command_id, store.append(&subject, expected_last, commit).await)
            };
            if index % 2 == 0 {
                stay.spawn(append)
            } else {
                leave.spawn(append)
            };
        }
        // Each round they go at another moment: before anything was sent, while batches are on their way, and after.
        for _ in 0..round * 20 {
            tokio::task::yield_now().await;
        }
        leave.abort_all();
    }
    while let Some(ended) = timeout(Duration::from_secs(30), stay.join_next()).await.unwrap() {
        let (command_id, outcome) = ended.unwrap();
        acknowledged.push((outcome.unwrap().sequence, command_id.to_string()));
    }

    let mut by_command = BTreeMap::new();
    for recorded in stored(&bed).await {
        let earlier = by_command.insert(recorded.message_id, recorded.sequence);
        assert_eq!(earlier, None, "stored twice");
    }
    assert_eq!(acknowledged.len(), 20 * 40);
    for (sequence, command_id) in acknowledged {
        assert_eq!(by_command.get(&command_id), Some(&sequence));
    }
    let after = at_once(&bed, &writes(&bed, 100)).await;
    assert!(after.iter().all(Result::is_ok), "{after:?}");
}
