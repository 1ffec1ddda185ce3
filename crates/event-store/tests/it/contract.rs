//! What every event store promises. Each claim is checked on the twin in memory, on one server and on a cluster.

pub(crate) mod model;

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::future::join_all;
use jiff::SignedDuration;
use publicdata_event_store::{AppendError, Appended, Subject};

use crate::kit::{Bed, all, commit_of, new_command_id, new_commit, next, now, pass, sequences};

/// One test for each claim of the contract.
macro_rules! contract {
    ($check:path) => {
        $crate::contract::claims!($check);
    };
}
pub(crate) use contract;

macro_rules! claims {
    ($check:path) => {
        $check!(
            append_stores_what_was_given,
            stale_expectation_is_a_conflict,
            command_sent_twice_is_stored_once,
            command_id_of_another_aggregate_is_refused,
            one_of_many_with_the_same_expectation_wins,
            sixteen_writers_lose_no_update,
            crowd_on_few_aggregates_loses_no_update,
            commit_that_is_too_large_is_refused,
            aggregate_is_loaded_whole_and_from_its_tail,
            long_aggregate_is_loaded_whole,
            stream_is_replayed_from_any_place,
            stream_is_read_as_of_a_time,
            subscription_brings_what_was_and_what_comes,
            broken_trace_context_writes_no_header,
        );
    };
}
pub(crate) use claims;

pub(crate) async fn append_stores_what_was_given(bed: Bed) {
    let Bed { store, .. } = &bed;
    let (subject, commit) = (bed.subject(), new_commit());
    let before = now();

    let appended = store.append(&subject, 0, commit.clone()).await.unwrap();

    assert_eq!(appended, Appended { sequence: 1, repeated: false });
    assert_eq!(store.last_sequence(&bed.stream()).await.unwrap(), 1);
    let loaded = store.load(&subject, 0).await.unwrap();
    let [recorded] = &loaded[..] else { panic!("{loaded:?}") };
    assert_eq!(recorded.stream, bed.stream());
    assert_eq!(recorded.sequence, 1);
    assert_eq!(recorded.subject, subject);
    assert_eq!(recorded.message_id, commit.command_id.to_string());
    assert_eq!(recorded.traceparent, commit.traceparent);
    assert_eq!(recorded.command_id().unwrap(), commit.command_id);
    assert_eq!(recorded.commit().unwrap().events, commit.events);
    assert_eq!(recorded.commit().unwrap().actor, commit.actor);
    assert_eq!(recorded.payload, commit.encode());
    assert!(recorded.recorded_at.duration_since(before).abs() < SignedDuration::from_secs(10));
    // The same, however it is read.
    let replayed = all(store.read(&bed.stream(), 0, None).await.unwrap()).await.unwrap();
    assert_eq!(replayed, loaded);
}

pub(crate) async fn stale_expectation_is_a_conflict(bed: Bed) {
    let subject = bed.subject();
    let first = bed.fill(&subject, 2).await[0];

    for expected_last in [0, first, first + 100] {
        let outcome = bed.store.append(&subject, expected_last, new_commit()).await;
        assert!(
            matches!(&outcome, Err(AppendError::Conflict { subject: at, expected_last: expected })
                if *at == subject && *expected == expected_last),
            "{outcome:?}"
        );
    }
    assert_eq!(bed.store.tail(&subject, 0).await.unwrap().len(), 2);
}

/// H1: a command id makes a retry safe.
pub(crate) async fn command_sent_twice_is_stored_once(bed: Bed) {
    let (subject, commit) = (bed.subject(), new_commit());
    let first = bed.store.append(&subject, 0, commit.clone()).await.unwrap();
    let later = bed.fill(&subject, 2).await;

    let again = bed.store.append(&subject, 0, commit.clone()).await.unwrap();
    let again_later = bed.store.append(&subject, later[1], commit).await.unwrap();

    assert_eq!(again, Appended { sequence: first.sequence, repeated: true });
    assert_eq!(again_later, again);
    assert_eq!(bed.store.tail(&subject, 0).await.unwrap().len(), 3);
}

/// H1: nothing is taken for stored that is not.
pub(crate) async fn command_id_of_another_aggregate_is_refused(bed: Bed) {
    let (one, other, command_id) = (bed.subject(), bed.subject(), new_command_id());
    let taken = bed.store.append(&one, 0, commit_of(command_id)).await.unwrap();

    let outcome = bed.store.append(&other, 0, commit_of(command_id)).await;

    assert!(
        matches!(&outcome, Err(AppendError::CommandIdTaken { subject, sequence, .. })
            if *subject == other && *sequence == taken.sequence),
        "{outcome:?}"
    );
    assert!(bed.store.tail(&other, 0).await.unwrap().is_empty());
}

/// H1: optimistic concurrency, of writers that come at once.
pub(crate) async fn one_of_many_with_the_same_expectation_wins(bed: Bed) {
    let subject = bed.subject();
    let mut expected_last = 0;
    for _ in 0..5 {
        let outcomes =
            join_all((0..32).map(|_| bed.store.append(&subject, expected_last, new_commit())))
                .await;

        let mut won = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(appended) => won.push(appended),
                Err(AppendError::Conflict { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        let [won] = won[..] else { panic!("{won:?}") };
        let tail = bed.store.tail(&subject, expected_last).await.unwrap();
        assert_eq!(sequences(&tail), [won.sequence]);
        expected_last = won.sequence;
    }
}

/// H1: whoever reads again after a conflict overwrites nobody.
pub(crate) async fn sixteen_writers_lose_no_update(bed: Bed) {
    let subject = bed.subject();
    let written: BTreeSet<u64> =
        join_all((0..16).map(|_| update(&bed, &subject))).await.into_iter().flatten().collect();

    let stored = sequences(&bed.store.tail(&subject, 0).await.unwrap());
    assert_eq!(stored.len(), 80);
    assert_eq!(stored, written.into_iter().collect::<Vec<u64>>());
}

/// H1: the same of more writers than go out one by one.
pub(crate) async fn crowd_on_few_aggregates_loses_no_update(bed: Bed) {
    let subjects: Vec<Subject> = (0..24).map(|_| bed.subject()).collect();

    let writers = subjects.iter().cycle().take(72).map(|subject| update(&bed, subject));
    let mut written: Vec<u64> = join_all(writers).await.into_iter().flatten().collect();

    written.sort_unstable();
    assert_eq!(written, (1..=360).collect::<Vec<u64>>());
    for subject in &subjects {
        assert_eq!(bed.store.tail(subject, 0).await.unwrap().len(), 15);
    }
}

/// Adds five commits to an aggregate that others write to as well; answers where they are.
async fn update(bed: &Bed, subject: &Subject) -> Vec<u64> {
    let mut written = Vec::new();
    let mut last = 0;
    while written.len() < 5 {
        match bed.store.append(subject, last, new_commit()).await {
            Ok(appended) => {
                last = appended.sequence;
                written.push(last);
            }
            Err(AppendError::Conflict { .. }) => {
                let tail = bed.store.tail(subject, last).await.unwrap();
                last = tail.last().map_or(last, |recorded| recorded.sequence);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    written
}

pub(crate) async fn commit_that_is_too_large_is_refused(bed: Bed) {
    let (subject, mut commit) = (bed.subject(), new_commit());
    commit.events[0].value = vec![0; 1 << 20];

    let outcome = bed.store.append(&subject, 0, commit).await;

    assert!(
        matches!(&outcome, Err(AppendError::TooLarge { bytes, bytes_max: 1_048_576, .. })
            if *bytes > 1 << 20),
        "{outcome:?}"
    );
    assert_eq!(bed.store.append(&subject, 0, new_commit()).await.unwrap().sequence, 1);
}

/// H2: a state can be rebuilt from events, by whoever knows a part of them already, too.
pub(crate) async fn aggregate_is_loaded_whole_and_from_its_tail(bed: Bed) {
    let (subject, other, absent) = (bed.subject(), bed.subject(), bed.subject());
    let mut of_subject = Vec::new();
    for _ in 0..3 {
        of_subject.extend(bed.fill(&subject, 1).await);
        bed.fill(&other, 2).await;
    }

    for (after, rest) in
        [(0, 0), (of_subject[0], 1), (of_subject[1] + 1, 2), (of_subject[2], 3), (1_000, 3)]
    {
        let tail = bed.store.tail(&subject, after).await.unwrap();
        assert_eq!(sequences(&tail), of_subject[rest..], "tail after {after}");
        let load = bed.store.load(&subject, after).await.unwrap();
        assert_eq!(sequences(&load), of_subject[rest..], "load after {after}");
    }
    assert!(bed.store.load(&absent, 0).await.unwrap().is_empty());
    assert!(bed.store.tail(&absent, 0).await.unwrap().is_empty());
}

/// H2: an aggregate may take several batches.
pub(crate) async fn long_aggregate_is_loaded_whole(bed: Bed) {
    let subject = bed.subject();
    let written = bed.fill(&subject, 2_500).await;

    assert_eq!(sequences(&bed.store.tail(&subject, 0).await.unwrap()), written);
    assert_eq!(sequences(&bed.store.load(&subject, written[499]).await.unwrap()), written[500..]);
    let replayed = all(bed.store.read(&bed.stream(), 1, None).await.unwrap()).await.unwrap();
    assert_eq!(sequences(&replayed), written);
}

/// H2: a view is dropped and rebuilt at any time, or goes on where it was.
pub(crate) async fn stream_is_replayed_from_any_place(bed: Bed) {
    assert!(all(bed.store.read(&bed.stream(), 0, None).await.unwrap()).await.unwrap().is_empty());
    assert_eq!(bed.store.last_sequence(&bed.stream()).await.unwrap(), 0);
    for subject in [bed.subject(), bed.subject()] {
        bed.fill(&subject, 5).await;
    }

    for (from, expected) in [(0, 1..=10), (1, 1..=10), (4, 4..=10), (10, 10..=10)] {
        let read = all(bed.store.read(&bed.stream(), from, None).await.unwrap()).await.unwrap();
        assert_eq!(sequences(&read), expected.collect::<Vec<u64>>(), "from {from}");
    }
    for from in [11, 100] {
        let read = all(bed.store.read(&bed.stream(), from, None).await.unwrap()).await.unwrap();
        assert_eq!(sequences(&read), Vec::<u64>::new(), "from {from}");
    }
}

/// H2: as of any past moment.
pub(crate) async fn stream_is_read_as_of_a_time(bed: Bed) {
    let subject = bed.subject();
    for _ in 0..4 {
        bed.fill(&subject, 1).await;
        let last = bed.store.tail(&subject, 0).await.unwrap().pop().unwrap();
        pass(last.recorded_at).await;
    }
    let commits = bed.store.tail(&subject, 0).await.unwrap();
    let read = async |until| {
        let read = all(bed.store.read(&bed.stream(), 0, Some(until)).await.unwrap()).await.unwrap();
        read.len()
    };

    for (index, recorded) in commits.iter().enumerate() {
        assert_eq!(read(recorded.recorded_at).await, index + 1);
        let just_before = recorded.recorded_at - SignedDuration::from_nanos(1);
        assert_eq!(read(just_before).await, index);
    }
    assert_eq!(read(now() + SignedDuration::from_hours(1)).await, 4);
}

/// H4: in order, each once.
pub(crate) async fn subscription_brings_what_was_and_what_comes(bed: Bed) {
    let (one, other) = (bed.subject(), bed.subject());
    bed.fill(&one, 3).await;
    let mut from_start = bed.store.subscribe(&bed.stream(), 0).await.unwrap();
    let mut from_third = bed.store.subscribe(&bed.stream(), 3).await.unwrap();
    let mut from_end = bed.store.subscribe(&bed.stream(), 4).await.unwrap();

    let (mut seen, mut seen_from_third) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        seen.push(next(&mut from_start).await.unwrap());
    }
    seen_from_third.push(next(&mut from_third).await.unwrap());
    bed.fill(&other, 2).await;
    bed.fill(&one, 1).await;
    for _ in 0..3 {
        seen.push(next(&mut from_start).await.unwrap());
        seen_from_third.push(next(&mut from_third).await.unwrap());
    }

    assert_eq!(sequences(&seen), [1, 2, 3, 4, 5, 6]);
    assert_eq!(sequences(&seen_from_third), [3, 4, 5, 6]);
    assert_eq!(seen, all(bed.store.read(&bed.stream(), 0, None).await.unwrap()).await.unwrap());
    let rest: Vec<_> = from_end.by_ref().take(3).map(Result::unwrap).collect().await;
    assert_eq!(sequences(&rest), [4, 5, 6]);
}

pub(crate) async fn broken_trace_context_writes_no_header(bed: Bed) {
    let (subject, mut commit) = (bed.subject(), new_commit());
    commit.traceparent = Some("00-1-2-01\r\nNats-Msg-Id: forged".to_owned());

    bed.store.append(&subject, 0, commit.clone()).await.unwrap();

    let recorded = bed.store.tail(&subject, 0).await.unwrap().remove(0);
    assert_eq!(recorded.traceparent, None);
    assert_eq!(recorded.message_id, commit.command_id.to_string());
}
