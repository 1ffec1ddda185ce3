//! Servers that are killed while they are written to and read from.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{join, join_all};
use publicdata_event_store::testing;
use publicdata_event_store::{AppendError, Error, Recorded, Store};

use crate::kit::{Bed, all, commit_of, new_command_id, next};

/// Writers of whom each append goes out by itself, and writers whose appends go out in batches.
const FEW: usize = 4;
const MANY: usize = 64;

/// H1, H4: what was acknowledged is there, once, and subscribers have it in order, whatever was killed in between.
#[tokio::test]
async fn killed_server_loses_doubles_and_reorders_nothing() {
    let mut nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");

    under_load(&bed, FEW, async {
        for _ in 0..3 {
            grow(&bed.store, 40).await;
            nats.server.kill9().await;
            nats.server.restart().await.unwrap();
        }
        grow(&bed.store, 40).await;
    })
    .await;
}

/// H1, H4: the same in the midst of batches.
#[tokio::test]
async fn killed_server_breaks_no_batch() {
    let mut nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");

    under_load(&bed, MANY, async {
        for _ in 0..5 {
            grow(&bed.store, 300).await;
            nats.server.kill9().await;
            nats.server.restart().await.unwrap();
        }
        grow(&bed.store, 300).await;
    })
    .await;
}

/// H1, H4: the same with replicas, whose leader goes in the midst of batches.
#[tokio::test]
async fn cluster_breaks_no_batch() {
    let mut cluster = testing::cluster().await;
    let bed = Bed::new(cluster.store(&["CATALOG"]).await, "catalog");

    under_load(&bed, MANY, async {
        for index in 0..3 {
            grow(&bed.store, 300).await;
            cluster.servers[index].kill9().await;
            grow(&bed.store, 300).await;
            cluster.servers[index].restart().await.unwrap();
            cluster.servers[index].ready().await.unwrap();
        }
    })
    .await;
}

/// H1, H4: the same with replicas, of which the third stays down for a while.
#[tokio::test]
async fn cluster_goes_on_without_one_of_its_servers() {
    let mut cluster = testing::cluster().await;
    let bed = Bed::new(cluster.store(&["CATALOG"]).await, "catalog");

    under_load(&bed, FEW, async {
        for index in 0..2 {
            grow(&bed.store, 40).await;
            cluster.servers[index].kill9().await;
            grow(&bed.store, 40).await;
            cluster.servers[index].restart().await.unwrap();
            cluster.servers[index].ready().await.unwrap();
        }
    })
    .await;
}

/// Lets writers write and a subscriber read while `trouble` happens, and compares what they saw.
async fn under_load(bed: &Bed, writers: usize, trouble: impl Future<Output = ()>) {
    let (over, all_written) = (AtomicBool::new(false), AtomicBool::new(false));
    let writers = join_all((0..writers).map(|_| write(bed, &over)));
    let troubles = async {
        trouble.await;
        over.store(true, Ordering::Relaxed);
    };
    // A writer goes on until its last commit is acknowledged, which may be long after the trouble.
    let written = async {
        let (acknowledged, ()) = join(writers, troubles).await;
        all_written.store(true, Ordering::Relaxed);
        acknowledged
    };
    let mut subscription = bed.store.subscribe("CATALOG", 0).await.unwrap();
    let mut seen: Vec<Recorded> = Vec::new();
    let reader = async {
        loop {
            let patience = Duration::from_millis(500);
            if let Ok(recorded) = tokio::time::timeout(patience, next(&mut subscription)).await {
                seen.push(recorded.unwrap());
            } else if all_written.load(Ordering::Relaxed)
                && seen.len() as u64 == last_sequence(&bed.store).await
            {
                return;
            }
        }
    };

    let (acknowledged, ()) = join(written, reader).await;

    let stored = all(bed.store.read("CATALOG", 0, None).await.unwrap()).await.unwrap();
    let differ = seen.iter().zip(&stored).find(|(seen, stored)| seen != stored);
    assert_eq!(differ, None, "subscriber and replay differ");
    assert_eq!(seen.len(), stored.len(), "subscriber and replay end differently");
    let mut by_command: BTreeMap<&str, u64> = BTreeMap::new();
    for (recorded, sequence) in stored.iter().zip(1..) {
        assert_eq!(recorded.sequence, sequence, "out of order");
        let earlier = by_command.insert(&recorded.message_id, sequence);
        assert_eq!(earlier, None, "stored twice");
    }
    let acknowledged: Vec<(String, u64)> = acknowledged.into_iter().flatten().collect();
    assert!(acknowledged.len() > 100);
    for (command_id, sequence) in &acknowledged {
        assert_eq!(by_command.get(&**command_id), Some(sequence), "acknowledged, but not there");
    }
    assert_eq!(acknowledged.len(), stored.len(), "stored, but never acknowledged");
}

/// Appends to an aggregate of its own until `over`, each commit until it is acknowledged.
async fn write(bed: &Bed, over: &AtomicBool) -> Vec<(String, u64)> {
    let subject = bed.subject();
    let mut acknowledged = Vec::new();
    let mut last = 0;
    while !over.load(Ordering::Relaxed) {
        let command_id = new_command_id();
        last = loop {
            match bed.store.append(&subject, last, commit_of(command_id)).await {
                Ok(appended) => break appended.sequence,
                Err(AppendError::Store(
                    Error::Unavailable { .. } | Error::UnknownStream { .. },
                )) => {}
                Err(error) => panic!("{error:?}"),
            }
        };
        acknowledged.push((command_id.to_string(), last));
    }
    acknowledged
}

/// Waits until the stream has `more` commits.
async fn grow(store: &Store, more: u64) {
    let wanted = last_sequence(store).await + more;
    while last_sequence(store).await < wanted {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn last_sequence(store: &Store) -> u64 {
    loop {
        if let Ok(sequence) = store.last_sequence("CATALOG").await {
            return sequence;
        }
    }
}
