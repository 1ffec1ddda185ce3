//! A stream that is restored elsewhere.

use std::path::Path;
use std::sync::Arc;

use publicdata_event_store::jetstream::{JetStreamStore, Options, StreamOptions};
use publicdata_event_store::restore::{RestoreError, Restoring};
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_event_store::testing::raw::{BATCH_COMMITS_MAX, Raw};
use publicdata_event_store::testing::{TestNats, nats};
use publicdata_event_store::{Recorded, Store, Subject};
use uuid::Uuid;

use crate::kit::{Bed, all, new_commit};

const STREAM: &str = "ORIGINAL";

/// A stream of so many commits to aggregates of their own, and three to one.
async fn original(batches: usize) -> (TestNats, Store, Subject) {
    let server = nats().await;
    let store = server.store(&[STREAM]).await;
    let bed = Bed::new(store.clone(), "original");
    let raw = Raw::connect(&server.server.url()).await.unwrap();
    for _ in 0..batches {
        let commits = (0..BATCH_COMMITS_MAX).map(|_| (bed.subject(), new_commit()));
        raw.fill(&Uuid::new_v4().to_string(), commits.collect()).await.unwrap();
    }
    let subject = bed.subject();
    bed.fill(&subject, 3).await;
    (server, store, subject)
}

async fn read(store: &Store) -> Vec<Recorded> {
    all(store.read(STREAM, 1, None).await.unwrap()).await.unwrap()
}

fn begin(folder: &Path) -> Result<Restoring, RestoreError> {
    Restoring::begin(folder, StreamOptions::new(STREAM, 1))
}

/// A server on what was restored, and a service's connection, which checks its stream as at any start.
async fn started(folder: &Path) -> (NatsServer, Store) {
    let server = NatsServer::start(ServerOptions::new(folder)).await.unwrap();
    let store = JetStreamStore::connect(Options::new(server.url(), "original")).await.unwrap();
    store.ensure_stream_with(StreamOptions::new(STREAM, 1)).await.unwrap();
    (server, Arc::new(store))
}

/// R11.1, H2: a restored stream has the same commits at the same places, received at the same times; it is still so after a crash, and
/// goes on where the original was. The commits fill more than one of the server's files.
#[tokio::test]
async fn restored_stream_is_the_one_that_was() {
    let (_original, before, subject) = original(14).await;
    let commits = read(&before).await;
    let folder = tempfile::tempdir().unwrap();

    let mut restoring = begin(folder.path()).unwrap();
    for commit in &commits {
        restoring.push(commit).unwrap();
    }
    let last = restoring.finish().unwrap();

    assert_eq!(last, commits.len() as u64);
    let messages = folder.path().join("streams/jetstream/$G/streams").join(STREAM).join("msgs");
    assert_eq!(std::fs::read_dir(messages).unwrap().count(), 2);
    let (mut server, restored) = started(folder.path()).await;
    assert!(read(&restored).await == commits);
    let next = restored.append(&subject, last, new_commit()).await.unwrap();
    assert_eq!(next.sequence, last + 1);
    server.kill9().await;
    server.restart().await.unwrap();
    let again = read(&restored).await;
    assert!(again[..commits.len()] == commits);
    assert_eq!(again.len() as u64, last + 1);
    assert_eq!(restored.load(&subject, 0).await.unwrap().len(), 4);
}

/// R11.1: an empty stream is restored as one that can be written to.
#[tokio::test]
async fn empty_stream_is_restored() {
    let folder = tempfile::tempdir().unwrap();

    assert_eq!(begin(folder.path()).unwrap().finish().unwrap(), 0);

    let (_server, restored) = started(folder.path()).await;
    let subject = Subject::new("original", "thing", "1").unwrap();
    assert_eq!(restored.append(&subject, 0, new_commit()).await.unwrap().sequence, 1);
}

/// R11.1, H3: nothing is restored over a stream that exists, and nothing out of order.
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (_original, before, _) = original(0).await;
    let commits = read(&before).await;
    let folder = tempfile::tempdir().unwrap();
    let mut restoring = begin(folder.path()).unwrap();
    restoring.push(&commits[0]).unwrap();

    let error = restoring.push(&commits[2]).unwrap_err();
    assert!(matches!(error, RestoreError::OutOfOrder { expected: 2, found: 3, .. }), "{error}");
    let error = begin(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("restore into a folder without streams"), "{error}");
}
