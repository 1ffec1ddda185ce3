use std::sync::Arc;

use prost::Message as _;
use publicdata_event_store::Store;
use publicdata_event_store::memory::MemoryStore;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{
    ApplicationSubmitted, GrantRevoked, Receipt, RowSet, SubscriptionOpened,
    SubscriptionReconciled, SubscriptionSettings, TransferCompleted, TransferInterrupted,
    TransferRefused, TransferRequest, TransferResumed, TransferStopped,
};
use publicdata_views::{Content, Database, Projector};

use super::*;
use crate::views::{MIGRATIONS, OWNER};

const NODE: &str = "spiffe://test.internal/org/11510100MB0000035E/node/node-1";

/// Commits of the stream, as they come.
#[derive(Default)]
struct Story(Vec<Recorded>);

impl Story {
    fn then(mut self, aggregate: &str, id: &str, event: &(impl prost::Name + 'static)) -> Self {
        let sequence = self.0.len() as u64 + 1;
        let seconds = 1_772_000_000 + i64::try_from(sequence).unwrap();
        let command_id = format!("00000000-0000-4000-8000-{sequence:012}");
        let commit = Commit {
            command_id: command_id.clone(),
            occurred_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            events: vec![Any::from_msg(event).unwrap()],
            ..Commit::default()
        };
        self.0.push(Recorded {
            stream: EXCHANGE.to_owned(),
            sequence,
            subject: Subject::new("exchange", aggregate, id).unwrap(),
            recorded_at: jiff::Timestamp::from_second(seconds).unwrap(),
            message_id: command_id,
            traceparent: None,
            payload: commit.encode_to_vec().into(),
        });
        self
    }

    fn granted(self, id: &str, renews: &str) -> Self {
        let submitted = ApplicationSubmitted {
            resource_id: "villages".to_owned(),
            renews_grant_id: renews.to_owned(),
            ..ApplicationSubmitted::default()
        };
        self.then("grant", id, &submitted)
    }

    fn opened(self, id: &str, consumer_node: &str) -> Self {
        let consumer_node = consumer_node.to_owned();
        let settings = SubscriptionSettings { consumer_node, ..SubscriptionSettings::default() };
        self.then("subscription", id, &SubscriptionOpened { settings: Some(settings) })
    }

    fn requested(self, id: &str, grant: &str, subscription: &str) -> Self {
        let request = TransferRequest {
            subscription_id: subscription.to_owned(),
            ..TransferRequest::default()
        };
        let request =
            SignedMessage { message: request.encode_to_vec(), ..SignedMessage::default() };
        let requested = TransferRequested {
            grant_id: grant.to_owned(),
            consumer_node: NODE.to_owned(),
            fields: vec!["code".to_owned()],
            mode: DeliveryMode::Push.into(),
            request: Some(request),
            ..TransferRequested::default()
        };
        self.then("transfer", id, &requested)
    }

    fn interrupted(self, id: &str) -> Self {
        let reason = "PROVIDER_NODE_LOST".to_owned();
        self.then("transfer", id, &TransferInterrupted { reason, ..Default::default() })
    }

    fn resumed(self, id: &str) -> Self {
        self.then("transfer", id, &TransferResumed::default())
    }

    fn completed(self, id: &str, digest: u8, source: Option<RowSet>) -> Self {
        let receipt = Receipt { source, ..Receipt::default() };
        let completed = TransferCompleted {
            rows: 3,
            rejected_rows: 1,
            sha256: vec![digest],
            receipt: receipt.encode_to_vec(),
            ..TransferCompleted::default()
        };
        self.then("transfer", id, &completed)
    }
}

/// Transfers that overlap, of one subscription, of another node's and of none, between events of what they rest on.
fn story() -> Story {
    let refused = TransferRefused { reason: "OUTSIDE_GRANT".to_owned(), ..Default::default() };
    let stopped = TransferStopped { reason: "GRANT_REVOKED".to_owned() };
    let source = || Some(RowSet { rows: 6, digest: vec![7], ..RowSet::default() });
    let reconciled = SubscriptionReconciled {
        transfer_id: "t4".to_owned(),
        source: source(),
        equal: true,
        ..SubscriptionReconciled::default()
    };
    Story::default()
        .requested("t0", "g0", "")
        .granted("g0", "")
        .opened("mine", NODE)
        .opened("another-ones", "spiffe://test.internal/org/11510100MB0000035E/node/node-2")
        .requested("t1", "g0", "mine")
        .requested("t2", "g0", "another-ones")
        .interrupted("t1")
        .resumed("t1")
        .completed("t0", 1, None)
        .completed("t2", 1, None)
        .completed("t1", 1, None)
        .granted("g1", "g0")
        .requested("t3", "g1", "mine")
        .requested("t4", "g1", "mine")
        .completed("t4", 7, source())
        .completed("t3", 2, None)
        .then("subscription", "mine", &reconciled)
        .requested("t5", "g1", "mine")
        .then("transfer", "t5", &refused)
        .requested("t6", "g1", "nobodys")
        .then("grant", "g1", &GrantRevoked { reason: "改变用途".to_owned() })
        .then("transfer", "t6", &stopped)
}

/// A view in a database of its own.
struct Built {
    database: Database,
    projector: Arc<Projector>,
    _folder: tempfile::TempDir,
}

impl Built {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bus.db").display());
        let database = Database::open(&url).await.unwrap();
        database.migrate(OWNER, MIGRATIONS).await.unwrap();
        let store: Store = Arc::new(MemoryStore::new());
        let projector = Projector::new(database.clone(), store, Arc::new(Log)).await.unwrap();
        Self { database, projector, _folder: folder }
    }

    async fn applied(&self, commits: &[Recorded]) -> Result<(), ApplyError> {
        let mut transaction = self.database.begin().await.unwrap();
        Log.apply_all(transaction.connection(), &Vec::from_iter(commits)).await?;
        transaction.commit().await.unwrap();
        Ok(())
    }

    async fn content(&self) -> Content {
        self.projector.content().await.unwrap()
    }
}

/// H2: what is applied together is what is applied one by one, wherever it is cut.
#[tokio::test]
async fn commits_may_be_applied_together() {
    let Story(commits) = story();
    let one_by_one = Built::begin().await;
    for commit in &commits {
        one_by_one.applied(std::slice::from_ref(commit)).await.unwrap();
    }
    let expected = one_by_one.content().await;
    assert_eq!(expected.rows, 2 + 7 + 2 + 4 + 2);

    for length in 2..=commits.len() {
        let built = Built::begin().await;
        for part in commits.chunks(length) {
            built.applied(part).await.unwrap();
        }
        assert_eq!(built.content().await, expected, "{length} at a time");
    }
}

/// More commits than one statement has places for.
#[tokio::test]
async fn many_transfers_are_applied_together() {
    let ids = Vec::from_iter((0..100).map(|number| format!("t{number}")));
    let story = ids.iter().fold(Story::default(), |story, id| story.requested(id, "g0", ""));
    let Story(commits) = ids.iter().fold(story, |story, id| story.interrupted(id));
    let (begun, broken) = commits.split_at(ids.len());
    let [apart, together] = [Built::begin().await, Built::begin().await];

    apart.applied(begun).await.unwrap();
    apart.applied(broken).await.unwrap();
    together.applied(&commits).await.unwrap();

    assert_eq!(apart.content().await, together.content().await);
    assert_eq!(apart.content().await.rows, 100);
}

/// An event that nothing began spoils the whole part, and leaves nothing of it.
#[tokio::test]
async fn one_that_does_not_fit_is_refused() {
    let built = Built::begin().await;
    let Story(commits) = Story::default().requested("t0", "g0", "").interrupted("t1");

    let refused = built.applied(&commits).await.unwrap_err();

    assert!(matches!(refused, ApplyError::Event(_)), "{refused:?}");
    assert_eq!(built.content().await.rows, 0);
}
