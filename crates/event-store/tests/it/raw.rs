//! The plain API that benches measure against does the same work.

use std::iter::repeat_with;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use publicdata_event_store::testing::{self, raw::Raw};
use publicdata_event_store::{EventStore, Recorded};
use tokio::time::timeout;

use crate::kit::{Bed, all, new_command_id, new_commit, sequences};

/// H1: a stream that was filled for a bench holds what the store would have written, so reading either costs the same.
#[tokio::test]
async fn filled_stream_reads_as_an_appended_one() {
    let nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");
    let (appended, filled) = (bed.subject(), bed.subject());
    let commit = new_commit();
    let twin = publicdata_event_store::NewCommit { command_id: new_command_id(), ..commit.clone() };

    bed.store.append(&appended, 0, commit.clone()).await.unwrap();
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    raw.fill("batch", vec![(filled.clone(), twin.clone())]).await.unwrap();

    let read = all(bed.store.read("CATALOG", 1, None).await.unwrap()).await.unwrap();
    let [first, second] = &read[..] else { panic!("two commits, not {}", read.len()) };
    let expected = Recorded {
        sequence: 2,
        subject: filled,
        recorded_at: second.recorded_at,
        message_id: twin.command_id.to_string(),
        payload: twin.encode(),
        ..first.clone()
    };
    assert_eq!(*second, expected);
}

/// H1: what appends are held against is guarded as they are, and leaves the same message.
#[tokio::test]
async fn plain_append_is_guarded_as_the_store_s_is() {
    let nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    let (ours, plain) = (bed.subject(), bed.subject());
    let client = async_nats::connect(nats.server.url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("CATALOG").await.unwrap();

    bed.store.append(&ours, 0, new_commit()).await.unwrap();
    let sequence = raw.append(&plain, 0, new_commit()).await.unwrap();

    assert_eq!(sequence, 2);
    assert!(raw.append(&plain, 0, new_commit()).await.is_err());
    let [first, second] = [
        stream.get_raw_message(1).await.unwrap().headers,
        stream.get_raw_message(2).await.unwrap().headers,
    ];
    let names = |headers: &async_nats::HeaderMap| -> std::collections::BTreeSet<String> {
        headers.iter().map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(names(&first), names(&second));
}

/// H1: a full batch is stored whole, and the ordered consumer hands out every byte of it.
#[tokio::test]
async fn batch_is_stored_whole() {
    let nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    let commits: Vec<_> = repeat_with(|| (bed.subject(), new_commit()))
        .take(testing::raw::BATCH_COMMITS_MAX)
        .collect();
    let bytes: usize = commits.iter().map(|(_, commit)| commit.clone().encode().len()).sum();

    raw.fill("batch", commits).await.unwrap();

    assert_eq!(bed.store.last_sequence("CATALOG").await.unwrap(), 1_000);
    assert_eq!(raw.replay("CATALOG", 1_000).await.unwrap(), bytes as u64);
}

/// H1: a batch is stored where each of its commits meets the sequence that is expected, and else not at all.
#[tokio::test]
async fn batch_is_guarded() {
    let nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    let (one, other) = (bed.subject(), bed.subject());
    let batch = |expected| {
        vec![(one.clone(), Some(0), new_commit()), (other.clone(), Some(expected), new_commit())]
    };

    assert!(raw.append_all("refused", batch(1)).await.is_err());
    assert_eq!(raw.append_all("stored", batch(0)).await.unwrap(), 2);

    assert!(raw.append_all("repeated", batch(2)).await.is_err());
    assert_eq!(bed.store.last_sequence("CATALOG").await.unwrap(), 2);
}

/// H1: a plain publish is acknowledged with its place.
#[tokio::test]
async fn publish_answers_the_sequence() {
    let nats = testing::nats().await;
    let store = nats.connect("test").await;
    store.ensure_stream("RAW", &["ev.raw.>".to_owned()], 1).await.unwrap();
    let raw = Raw::connect(&nats.server.url()).await.unwrap();

    let payload = Bytes::from_static(b"payload");
    let first = raw.publish("ev.raw.thing.1".to_owned(), payload.clone()).await.unwrap();
    let second = raw.publish("ev.raw.thing.1".to_owned(), payload).await.unwrap();

    assert_eq!((first, second), (1, 2));
    assert_eq!(store.last_sequence("RAW").await.unwrap(), 2);
}

/// H4: a replay of several requests goes on with the consumer that it began with, as a server limits their number.
#[tokio::test]
async fn long_replay_takes_one_consumer() {
    let nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    for batch in ["first", "second", "third"] {
        let commits = repeat_with(|| (bed.subject(), new_commit()));
        raw.fill(batch, commits.take(testing::raw::BATCH_COMMITS_MAX).collect()).await.unwrap();
    }

    let read = all(bed.store.read("CATALOG", 1, None).await.unwrap()).await.unwrap();

    assert_eq!(read.len(), 3_000);
    let client = async_nats::connect(nats.server.url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("CATALOG").await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 1);
}

/// H1, H4: a read ends before commits that an administrator deleted from the stream's end, and does not wait for them.
#[tokio::test]
async fn read_ends_before_a_deleted_end() {
    let nats = testing::nats().await;
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    raw.make_deletable("CATALOG").await.unwrap();
    let bed = Bed::new(Arc::new(nats.connect("test").await), "catalog");
    bed.fill(&bed.subject(), 5).await;

    for (deleted, from, left) in [(5, 1, vec![1, 2, 3, 4]), (4, 3, vec![3]), (3, 3, vec![])] {
        raw.delete_message("CATALOG", deleted).await.unwrap();
        let commits = bed.store.read("CATALOG", from, None).await.unwrap();
        let read = timeout(Duration::from_secs(5), all(commits)).await.unwrap().unwrap();
        assert_eq!(sequences(&read), left);
    }
}
