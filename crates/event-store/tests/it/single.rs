//! One server.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Batch;
use async_nats::jetstream::consumer::{Info, PullConsumer};
use futures::StreamExt;
use jiff::SignedDuration;
use proptest::test_runner::{Config, TestRunner};
use publicdata_event_store::jetstream::{JetStreamStore, Options, SetupError, StreamOptions};
use publicdata_event_store::testing::{self, TestNats};
use publicdata_event_store::{AppendError, Appended, Error};

use crate::contract::{self, contract, model};
use crate::kit::{Bed, all, new_commit, next, now, pass};

async fn bed() -> (TestNats, Bed) {
    let nats = testing::nats().await;
    let store = nats.store(&["CATALOG"]).await;
    (nats, Bed::new(store, "catalog"))
}

/// For those who ask a server in vain.
async fn impatient(nats: &TestNats) -> JetStreamStore {
    let options = Options::new(nats.server.url(), "test");
    let call_timeout = Duration::from_millis(500);
    JetStreamStore::connect(Options { call_timeout, ..options }).await.unwrap()
}

macro_rules! on_one_server {
    ($($claim:ident,)*) => {
        $(
            #[tokio::test]
            async fn $claim() {
                let (_nats, bed) = bed().await;
                contract::$claim(bed).await;
            }
        )*
    };
}
contract!(on_one_server);

/// H1: whatever is tried in whatever order, the store says what a list of commits would say.
#[test]
fn store_behaves_as_its_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_nats, bed) = runtime.block_on(bed());
    let mut runner =
        TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&model::steps(30), |steps| {
        runtime.block_on(model::check(bed.clone(), &steps));
        Ok(())
    });
    outcome.unwrap();
}

/// H1: a retry is safe beyond the server's duplicate window.
#[tokio::test]
async fn command_is_recognised_after_the_duplicate_window() {
    let nats = testing::nats().await;
    let store = nats.connect("test").await;
    let duplicate_window = Duration::from_millis(100);
    let options = StreamOptions { duplicate_window, ..StreamOptions::new("CATALOG", 1) };
    store.ensure_stream_with(options).await.unwrap();
    let bed = Bed::new(Arc::new(store), "catalog");
    let (subject, commit) = (bed.subject(), new_commit());
    let first = bed.store.append(&subject, 0, commit.clone()).await.unwrap();
    bed.fill(&subject, 1).await;
    pass(now() + SignedDuration::from_millis(300)).await;

    let again = bed.store.append(&subject, 0, commit).await.unwrap();

    assert_eq!(again, Appended { sequence: first.sequence, repeated: true });
    assert_eq!(bed.store.tail(&subject, 0).await.unwrap().len(), 2);
}

/// H3: an error names what was wrong.
#[tokio::test]
async fn unknown_stream_is_named() {
    let nats = testing::nats().await;
    let store = impatient(&nats).await;
    let bed = Bed::new(Arc::new(store), "catalog");
    let is_named =
        |error: &Error| matches!(error, Error::UnknownStream { stream } if stream == "CATALOG");

    let appended = bed.store.append(&bed.subject(), 0, new_commit()).await;
    assert!(matches!(&appended, Err(AppendError::Store(error)) if is_named(error)), "{appended:?}");
    for error in [
        bed.store.last_sequence("CATALOG").await.err(),
        bed.store.tail(&bed.subject(), 0).await.err(),
        bed.store.read("CATALOG", 0, None).await.err(),
        bed.store.subscribe("CATALOG", 0).await.err(),
    ] {
        assert!(error.as_ref().is_some_and(is_named), "{error:?}");
    }
}

/// H1: a stream that exists and could lose commits is refused, with everything that is wrong.
#[tokio::test]
async fn stream_that_could_lose_commits_is_refused() {
    let nats = testing::nats().await;
    let store = nats.connect("test").await;
    store.ensure_stream_with(StreamOptions::new("CATALOG", 1)).await.unwrap();
    store.ensure_stream_with(StreamOptions::new("CATALOG", 1)).await.unwrap();
    administrator(&nats).await.limit_stream("CATALOG", 10).await;

    let outcome = store.ensure_stream("CATALOG", &["ev.catalog.>".to_owned()], 1).await;

    assert!(
        matches!(&outcome, Err(SetupError::Stream { reasons, .. }) if *reasons == ["max_msgs must be -1"]),
        "{outcome:?}"
    );
}

/// R46.2: commits that an administrator trims are missed, by whoever replays and by whoever subscribes.
#[tokio::test]
async fn trimmed_stream_shows_its_gap() {
    let (nats, bed) = bed().await;
    bed.fill(&bed.subject(), 10).await;
    administrator(&nats).await.trim_stream("CATALOG", 4).await;
    let is_gap = |error: &Error| matches!(error, Error::Gap { expected: 1, found: 7, .. });

    let replay = all(bed.store.read("CATALOG", 0, None).await.unwrap()).await;
    assert!(replay.as_ref().is_err_and(is_gap), "{replay:?}");
    let mut subscription = bed.store.subscribe("CATALOG", 0).await.unwrap();
    let item = next(&mut subscription).await;
    assert!(item.as_ref().is_err_and(is_gap), "{item:?}");
}

/// R46.2: a stream that was deleted and made anew does not pass for the one that was read.
#[tokio::test]
async fn replaced_stream_is_recognised() {
    let nats = testing::nats().await;
    let store = impatient(&nats).await;
    store.ensure_stream_with(StreamOptions::new("CATALOG", 1)).await.unwrap();
    let bed = Bed::new(Arc::new(store.clone()), "catalog");
    bed.fill(&bed.subject(), 3).await;
    let mut subscription = bed.store.subscribe("CATALOG", 0).await.unwrap();
    for _ in 0..3 {
        next(&mut subscription).await.unwrap();
    }

    administrator(&nats).await.delete_stream("CATALOG").await;
    store.ensure_stream_with(StreamOptions::new("CATALOG", 1)).await.unwrap();
    bed.fill(&bed.subject(), 1).await;

    let item = next(&mut subscription).await;
    assert!(matches!(item, Err(Error::Truncated { seen: 3, last: 1, .. })), "{item:?}");
}

/// H4: messages that get lost on their way are missed by their numbers, or by the heartbeats when none follows.
#[tokio::test]
async fn messages_that_go_astray_are_fetched_again() {
    let (nats, bed) = bed().await;
    let subject = bed.subject();
    let administrator = administrator(&nats).await;
    let mut subscription = bed.store.subscribe("CATALOG", 0).await.unwrap();
    let mut astray = 0;
    for _ in 0..3 {
        // The consumer hands its messages out in turns, to the subscription and to the thief.
        let loot = administrator.wait_for_loot("CATALOG").await;
        for sequence in bed.fill(&subject, 2).await {
            assert_eq!(next(&mut subscription).await.unwrap().sequence, sequence);
        }
        astray += loot.count().await;
    }
    assert!(astray > 0, "nothing was lost, so nothing was shown");
}

/// H4: one message that is no commit stops nobody who wants to go on.
#[tokio::test]
async fn message_that_is_no_commit_is_reported_and_passed() {
    let (nats, bed) = bed().await;
    administrator(&nats).await.publish("ev.catalog.nonsense").await;
    bed.fill(&bed.subject(), 1).await;

    let mut subscription = bed.store.subscribe("CATALOG", 0).await.unwrap();

    let item = next(&mut subscription).await;
    assert!(matches!(item, Err(Error::Malformed { sequence: 1, .. })), "{item:?}");
    assert_eq!(next(&mut subscription).await.unwrap().sequence, 2);
}

/// Somebody with all permissions, and other intentions.
struct Administrator(async_nats::jetstream::Context);

async fn administrator(nats: &TestNats) -> Administrator {
    let client = async_nats::connect(nats.server.url()).await.unwrap();
    Administrator(async_nats::jetstream::new(client))
}

impl Administrator {
    async fn limit_stream(&self, name: &str, messages: i64) {
        let mut config = self.0.get_stream(name).await.unwrap().cached_info().config.clone();
        config.max_messages = messages;
        self.0.update_stream(config).await.unwrap();
    }

    async fn trim_stream(&self, name: &str, messages: i64) {
        let mut config = self.0.get_stream(name).await.unwrap().cached_info().config.clone();
        config.discard = async_nats::jetstream::stream::DiscardPolicy::Old;
        config.max_messages = messages;
        self.0.update_stream(config).await.unwrap();
    }

    /// Asks the stream's newest consumer for a message that somebody else is waiting for.
    async fn wait_for_loot(&self, name: &str) -> Batch {
        let stream = self.0.get_stream(name).await.unwrap();
        let consumers: Vec<Info> = stream.consumers().map(Result::unwrap).collect().await;
        let newest = consumers.into_iter().max_by_key(|consumer| consumer.created).unwrap();
        let consumer: PullConsumer = stream.get_consumer(&newest.name).await.unwrap();
        let batch = consumer.batch().max_messages(1).expires(Duration::from_secs(1));
        let loot = batch.messages().await.unwrap();
        self.0.client().flush().await.unwrap();
        loot
    }

    async fn delete_stream(&self, name: &str) {
        self.0.delete_stream(name).await.unwrap();
    }

    async fn publish(&self, subject: &'static str) {
        self.0.publish(subject, "nonsense".into()).await.unwrap().await.unwrap();
    }
}
