use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use futures::FutureExt;
use proptest::prelude::*;

use super::*;

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn message(stream: &str, id: usize, bytes: usize) -> Message {
    Message {
        stream: stream.to_owned(),
        subject: format!("ev.{stream}.thing.{id}"),
        headers: HeaderMap::new(),
        payload: Bytes::new(),
        bytes,
    }
}

type Waits = Pin<Box<dyn Future<Output = Turn>>>;

/// An append to an aggregate of its own, which has asked for its turn.
fn waits(group: &Arc<Group>, id: usize) -> Waits {
    let group = Arc::clone(group);
    let mut waits: Waits =
        Box::pin(async move { group.turn(&message("CATALOG", id, 100), PATIENCE).await });
    assert!(now(&mut waits).is_none(), "{id} has its turn at once");
    waits
}

fn now(waits: &mut Waits) -> Option<Turn> {
    waits.now_or_never()
}

fn alone(turn: Option<Turn>) -> Permit {
    match turn {
        Some(Turn::Alone(permit)) => permit,
        turn => panic!("{turn:?}"),
    }
}

/// As many as may be in flight.
fn crowd(group: &Arc<Group>) -> Vec<Permit> {
    let one = |id| alone(group.turn(&message("CATALOG", id, 100), PATIENCE).now_or_never());
    (0..BATCH_COMMITS_MIN).map(one).collect()
}

fn assert_idle(group: &Group) {
    let queue = group.queue();
    assert_eq!((queue.alone, queue.batching, queue.waiting.len()), (0, false, 0));
}

#[tokio::test]
async fn single_messages_go_at_once_up_to_what_a_batch_costs() {
    let group = Arc::default();
    let mut permits = crowd(&group);

    let mut one_more = waits(&group, 100);
    permits.pop();

    permits.push(alone(now(&mut one_more)));
    drop(permits);
    assert_idle(&group);
}

#[tokio::test]
async fn first_of_those_who_wait_publishes_for_all() {
    let group = Arc::default();
    let permits = crowd(&group);

    let mut crowd: Vec<Waits> = Vec::new();
    for id in 0..BATCH_COMMITS_MIN - 1 {
        crowd.push(waits(&group, id));
    }
    assert!(crowd.iter_mut().all(|waits| now(waits).is_none()));
    crowd.push(waits(&group, 100));

    let Some(Turn::Lead(batch)) = now(&mut crowd[0]) else { panic!("nobody leads") };
    assert_eq!(batch.followers.len(), BATCH_COMMITS_MIN - 1);
    for (waiting, sequence) in batch.followers.into_iter().zip(5..) {
        waiting.turn.send(Turn::Stored(sequence)).unwrap();
    }
    for (waits, expected) in crowd[1..].iter_mut().zip(5..) {
        let turn = now(waits);
        assert!(matches!(turn, Some(Turn::Stored(sequence)) if sequence == expected), "{turn:?}");
    }
    drop((batch.permit, permits));
    assert_idle(&group);
}

/// H4: nobody waits for one that is gone.
#[tokio::test]
async fn batch_that_its_leader_abandons_goes_on_one_by_one() {
    let group = Arc::default();
    let permits = crowd(&group);
    let mut crowd: Vec<Waits> = (0..BATCH_COMMITS_MIN - 1).map(|id| waits(&group, id)).collect();
    let last = waits(&group, 100);

    // Its turn has come, and it never learns of it.
    drop(crowd.remove(0));
    drop(last);

    let later: Vec<Permit> = crowd.iter_mut().map(|waits| alone(now(waits))).collect();
    drop((permits, later));
    assert_idle(&group);
}

/// H4: nobody waits for one that is gone.
#[tokio::test]
async fn whoever_goes_away_while_waiting_leaves_its_place() {
    let group = Arc::default();
    let mut permits = crowd(&group);
    let (gone, mut next) = (waits(&group, 100), waits(&group, 101));

    drop(gone);
    permits.pop();

    permits.push(alone(now(&mut next)));
    drop(permits);
    assert_idle(&group);
}

/// H4: nobody waits forever.
#[tokio::test(start_paused = true)]
async fn whoever_waits_too_long_goes_alone() {
    let group: Arc<Group> = Arc::default();
    let permits = crowd(&group);

    let turn = group.turn(&message("CATALOG", 100, 100), PATIENCE).await;

    let late = alone(Some(turn));
    drop((permits, late));
    group.hand_out();
    assert_idle(&group);
}

/// What waits: the stream, the aggregate, the size, and whether its caller still is there.
fn crowds() -> impl Strategy<Value = Vec<(bool, usize, usize, bool)>> {
    let one = (prop::bool::weighted(0.8), 0..200usize, 1..60_000usize, prop::bool::weighted(0.9));
    prop::collection::vec(one, 0..150)
}

proptest! {
    /// H1: a batch is one that a server takes, and what is not in it waits in its place.
    #[test]
    fn batch_is_one_that_a_server_takes(crowd in crowds()) {
        let (mut waiting, mut callers) = (VecDeque::new(), Vec::new());
        for (index, (here, id, bytes, present)) in crowd.iter().enumerate() {
            let mut message = message(if *here { "CATALOG" } else { "OPENDATA" }, *id, *bytes);
            message.payload = index.to_string().into();
            let (turn, caller) = oneshot::channel();
            waiting.push_back(Waiting { message, turn });
            callers.extend(present.then_some(caller));
        }
        let before: Vec<Bytes> =
            waiting.iter().map(|one: &Waiting| one.message.payload.clone()).collect();

        let batch: Vec<Waiting> = take_batch(&mut waiting)
            .map(|(leader, followers)| [leader].into_iter().chain(followers).collect())
            .unwrap_or_default();

        prop_assert!(batch.is_empty() || batch.len() >= BATCH_COMMITS_MIN);
        prop_assert!(batch.iter().map(|one| one.message.bytes).sum::<usize>() <= BATCH_BYTES_MAX);
        let subjects: BTreeSet<&str> =
            batch.iter().map(|one| &*one.message.subject).collect();
        prop_assert_eq!(subjects.len(), batch.len());
        let streams: BTreeSet<&str> = batch.iter().map(|one| &*one.message.stream).collect();
        prop_assert!(streams.len() <= 1);
        prop_assert!(batch.iter().all(|one| !one.turn.is_closed()));
        let taken: BTreeSet<&Bytes> = batch.iter().map(|one| &one.message.payload).collect();
        let left: Vec<&Bytes> = waiting.iter().map(|one| &one.message.payload).collect();
        let expected: Vec<&Bytes> = before.iter().filter(|one| !taken.contains(one)).collect();
        prop_assert_eq!(left, expected);
    }
}
