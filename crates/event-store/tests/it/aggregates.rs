//! Commands to aggregates: each decided on what is true, and carried out once.

mod counter;
mod interfering;

use std::sync::Arc;

use futures::future::join_all;
use jiff::SignedDuration;
use publicdata_event_store::aggregates::{Aggregates, Error, ExecuteError, Meta};
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::testing;
use publicdata_event_store::{Store, Subject};
use publicdata_types::CommandId;

use crate::kit::{commit_of, new_command_id, now, pass};
use counter::{Add, Counter, Counters, Full, NEWER, UNREADABLE};
use interfering::{Interfering, Trouble};

fn in_memory() -> (Store, Aggregates<Counters>) {
    let store: Store = Arc::new(MemoryStore::new());
    (Arc::clone(&store), Aggregates::new(store))
}

fn meta(command_id: CommandId) -> Meta {
    Meta {
        command_id,
        actor: "spiffe://example/service/test".to_owned(),
        at: "2026-01-04T01:00:00Z".parse().unwrap(),
        traceparent: None,
    }
}

fn new_meta() -> Meta {
    meta(new_command_id())
}

fn subject() -> Subject {
    Subject::new("catalog", "counter", "c1").unwrap()
}

#[tokio::test]
async fn command_is_decided_stored_and_answered() {
    let (store, counters) = in_memory();

    let first = counters.execute("c1", &new_meta(), Add(2)).await.unwrap();
    let second = counters.execute("c1", &new_meta(), Add(3)).await.unwrap();

    assert_eq!((first.sequence, first.state.total, first.repeated), (1, 2, false));
    assert_eq!((second.sequence, second.state.total, second.repeated), (2, 5, false));
    assert_eq!(counters.get("c1").await.unwrap(), (Counter { total: 5 }, 2));
    assert_eq!(counters.get("c2").await.unwrap(), (Counter { total: 0 }, 0));
    assert_eq!(store.load(&subject(), 0).await.unwrap().len(), 2);
    // Whoever comes later finds the same.
    let later = Aggregates::<Counters>::new(store);
    assert_eq!(later.get("c1").await.unwrap(), (Counter { total: 5 }, 2));
}

/// H1: a repeated command gets the first one's answer, from whichever process, however much has happened since.
#[tokio::test]
async fn command_sent_twice_is_answered_as_the_first_time() {
    let (store, counters) = in_memory();
    let meta = new_meta();
    let first = counters.execute("c1", &meta, Add(2)).await.unwrap();
    counters.execute("c1", &new_meta(), Add(3)).await.unwrap();

    let again = counters.execute("c1", &meta, Add(2)).await.unwrap();
    let elsewhere = Aggregates::<Counters>::new(Arc::clone(&store));
    let again_elsewhere = elsewhere.execute("c1", &meta, Add(2)).await.unwrap();

    assert!(again.repeated);
    assert_eq!((again.sequence, &again.state), (first.sequence, &first.state));
    assert_eq!(again, again_elsewhere);
    assert_eq!(store.last_sequence("CATALOG").await.unwrap(), 2);
}

/// H1: the same command from two processes that do not know of each other.
#[tokio::test]
async fn command_sent_twice_at_once_is_carried_out_once() {
    let nats = testing::nats().await;
    let store = nats.store(&["CATALOG"]).await;
    let processes: Vec<Aggregates<Counters>> =
        (0..8).map(|_| Aggregates::new(Arc::clone(&store))).collect();
    let meta = new_meta();

    let outcomes =
        join_all(processes.iter().map(|counters| counters.execute("c1", &meta, Add(2)))).await;

    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(outcomes.iter().all(|executed| (executed.sequence, executed.state.total) == (1, 2)));
    assert_eq!(outcomes.iter().filter(|executed| !executed.repeated).count(), 1);
    assert_eq!(store.last_sequence("CATALOG").await.unwrap(), 1);
}

/// H1: no update is lost between processes, nor within one.
#[tokio::test]
async fn sixteen_writers_on_one_aggregate_lose_no_update() {
    let nats = testing::nats().await;
    let store = nats.store(&["CATALOG"]).await;
    let processes: Vec<Aggregates<Counters>> =
        (0..4).map(|_| Aggregates::new(Arc::clone(&store))).collect();
    let writer = async |counters: Aggregates<Counters>| {
        for _ in 0..5 {
            let meta = new_meta();
            // Busy is an answer that asks for another try, with the same id.
            while let Err(error) = counters.execute("c1", &meta, Add(1)).await {
                assert!(matches!(error, ExecuteError::Busy { .. }), "{error:?}");
            }
        }
    };

    join_all((0..16).map(|index| writer(processes[index % 4].clone()))).await;

    for counters in processes {
        assert_eq!(counters.get("c1").await.unwrap().0, Counter { total: 80 });
    }
    assert_eq!(store.last_sequence("CATALOG").await.unwrap(), 80);
}

#[tokio::test]
async fn what_adds_nothing_is_not_stored() {
    let (store, counters) = in_memory();
    counters.execute("c1", &new_meta(), Add(1)).await.unwrap();

    let nothing = counters.execute("c1", &new_meta(), Add(0)).await.unwrap();

    assert_eq!((nothing.sequence, nothing.state.total, nothing.repeated), (1, 1, false));
    assert_eq!(store.last_sequence("CATALOG").await.unwrap(), 1);
}

/// H1: a remembered state may be out of date; no rejection rests on it.
#[tokio::test]
async fn rejection_rests_on_what_is_true_now() {
    let (store, counters) = in_memory();
    let elsewhere = Aggregates::<Counters>::new(store);
    counters.execute("c1", &new_meta(), Add(90)).await.unwrap();
    elsewhere.execute("c1", &new_meta(), Add(-50)).await.unwrap();

    let executed = counters.execute("c1", &new_meta(), Add(60)).await.unwrap();
    assert_eq!(executed.state.total, 100);

    let rejected = elsewhere.execute("c1", &new_meta(), Add(1)).await;
    assert!(matches!(rejected, Err(ExecuteError::Rejected(Full { total: 100 }))), "{rejected:?}");
}

/// H1: others were faster: decide again on what they made of it.
#[tokio::test]
async fn conflict_leads_to_another_decision() {
    let (store, counters) = in_memory();
    let elsewhere = Aggregates::<Counters>::new(store);
    counters.execute("c1", &new_meta(), Add(1)).await.unwrap();
    elsewhere.execute("c1", &new_meta(), Add(98)).await.unwrap();

    let executed = counters.execute("c1", &new_meta(), Add(1)).await.unwrap();
    assert_eq!((executed.sequence, executed.state.total), (3, 100));

    elsewhere.execute("c1", &new_meta(), Add(0)).await.unwrap();
    let rejected = counters.execute("c1", &new_meta(), Add(1)).await;
    assert!(matches!(rejected, Err(ExecuteError::Rejected(Full { .. }))), "{rejected:?}");
}

/// H1: an answer that was lost on its way is found again.
#[tokio::test]
async fn command_whose_answer_was_lost_is_carried_out_once() {
    let store = Arc::new(Interfering::new(Trouble::AnswerLost));
    let counters = Aggregates::<Counters>::new(store.clone());
    let meta = new_meta();

    let lost = counters.execute("c1", &meta, Add(2)).await;
    let again = counters.execute("c1", &meta, Add(2)).await.unwrap();

    assert!(matches!(lost, Err(ExecuteError::Append(_))), "{lost:?}");
    assert_eq!((again.sequence, again.state.total, again.repeated), (1, 2, true));
    assert_eq!(counters.get("c1").await.unwrap(), (Counter { total: 2 }, 1));
}

#[tokio::test]
async fn aggregate_that_others_keep_changing_is_busy() {
    let counters = Aggregates::<Counters>::new(Arc::new(Interfering::new(Trouble::OthersFaster)));

    let outcome = counters.execute("c1", &new_meta(), Add(2)).await;

    assert!(
        matches!(&outcome, Err(ExecuteError::Busy { subject: at }) if *at == subject()),
        "{outcome:?}"
    );
}

/// H2: as of any past moment.
#[tokio::test]
async fn aggregate_is_seen_as_of_a_time() {
    let (store, counters) = in_memory();
    let before = now();
    for amount in [1, 2, 3] {
        pass(now()).await;
        counters.execute("c1", &new_meta(), Add(amount)).await.unwrap();
    }
    let commits = store.load(&subject(), 0).await.unwrap();

    for (recorded, total) in commits.iter().zip([1, 3, 6]) {
        let then = counters.get_as_of("c1", recorded.recorded_at).await.unwrap();
        assert_eq!(then, (Counter { total }, recorded.sequence));
    }
    let absent = counters.get_as_of("c1", before - SignedDuration::from_secs(1)).await.unwrap();
    assert_eq!(absent, (Counter::default(), 0));
}

#[tokio::test]
async fn newer_event_is_passed_over_if_it_may_be() {
    let (store, counters) = in_memory();
    let mut commit = commit_of(new_command_id());
    commit.events = vec![counter::wire(NEWER, 7), counter::wire(counter::ADDED, 5)];
    store.append(&subject(), 0, commit).await.unwrap();

    assert_eq!(counters.get("c1").await.unwrap(), (Counter { total: 5 }, 1));
}

/// H3: an error names what was wrong and where.
#[tokio::test]
async fn event_that_cannot_be_read_is_named() {
    let (store, counters) = in_memory();
    let mut commit = commit_of(new_command_id());
    commit.events = vec![counter::wire(UNREADABLE, 7)];
    store.append(&subject(), 0, commit).await.unwrap();

    let outcome = counters.execute("c1", &new_meta(), Add(1)).await;

    let Err(ExecuteError::Load(error @ Error::Undecodable { .. })) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(error.to_string(), "commit 1 of ev.catalog.counter.c1 cannot be read");
}

#[tokio::test]
async fn id_that_is_no_word_is_refused() {
    let (_store, counters) = in_memory();
    for id in ["", "*", "a.b"] {
        assert!(matches!(counters.get(id).await, Err(Error::Id(_))), "{id:?}");
    }
}
