//! A standby in another place: it mirrors a stream, and takes over.

use std::sync::Arc;

use publicdata_event_store::jetstream::{JetStreamStore, MirrorConfig, SetupError};
use publicdata_event_store::server::{ServerOptions, free_ports};
use publicdata_event_store::testing::{TestNats, nats_with};
use publicdata_event_store::{EventStore as _, Store};

use crate::kit::{Bed, all, new_commit};

const STREAM: &str = "STANDING";

/// A server, and another one that is a leaf node of it.
async fn main_and_standby() -> (TestNats, TestNats) {
    let port = free_ports("127.0.0.1", 1).unwrap()[0];
    let main = nats_with(|options| ServerOptions {
        domain: Some("main".to_owned()),
        leaf_port: Some(port),
        ..options
    });
    let main = main.await;
    let leaf_of = main.server.leaf_address();
    let domain = Some("standby".to_owned());
    let standby = nats_with(|options| ServerOptions { domain, leaf_of, ..options }).await;
    (main, standby)
}

async fn mirrored(standby: &JetStreamStore, last: u64) {
    let mut there = standby.last_sequence(STREAM).await.unwrap();
    while there < last {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        there = standby.last_sequence(STREAM).await.unwrap();
    }
}

/// R11.1, H1, H4: a standby has every commit at its place, received at the time at which the original received it; when the original is
/// lost, it is promoted, and writing goes on with the next sequence.
#[tokio::test]
async fn standby_takes_over() {
    let (mut main, standby) = main_and_standby().await;
    let bed = Bed::new(main.store(&[STREAM]).await, "standing");
    let subject = bed.subject();
    let copy = standby.connect("standing").await;
    let mirror = MirrorConfig { stream: STREAM.to_owned(), domain: "main".to_owned() };
    copy.ensure_mirror(&mirror, 1).await.unwrap();
    bed.fill(&subject, 20).await;
    mirrored(&copy, 20).await;
    let before = all(bed.store.read(STREAM, 1, None).await.unwrap()).await.unwrap();

    main.server.kill9().await;
    let last = copy.promote(&mirror).await.unwrap();

    assert_eq!(last, 20);
    assert_eq!(copy.promote(&mirror).await.unwrap(), 20, "a repeat changes nothing");
    let copy: Store = Arc::new(copy);
    assert_eq!(all(copy.read(STREAM, 1, None).await.unwrap()).await.unwrap(), before);
    let next = copy.append(&subject, 20, new_commit()).await.unwrap();
    assert_eq!((next.sequence, next.repeated), (21, false));
}

/// H3: a stream that mirrors something else is not made another one.
#[tokio::test]
async fn only_the_mirror_that_is_meant_is_promoted() {
    let (main, standby) = main_and_standby().await;
    main.store(&[STREAM]).await;
    let copy = standby.connect("standing").await;
    let mirror = MirrorConfig { stream: STREAM.to_owned(), domain: "main".to_owned() };
    copy.ensure_mirror(&mirror, 1).await.unwrap();

    let other = MirrorConfig { domain: "elsewhere".to_owned(), ..mirror };
    let error = copy.promote(&other).await.unwrap_err();

    assert!(matches!(&error, SetupError::Stream { reasons, .. } if reasons.len() == 1), "{error}");
}
