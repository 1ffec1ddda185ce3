//! What the tests share.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use prost_types::Any;
use publicdata_event_store::{Commits, Error, NewCommit, Recorded, Store, Subject};
use publicdata_types::CommandId;
use uuid::Uuid;

/// A store, and the service of this test alone, whose stream exists.
#[derive(Clone, Debug)]
pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) service: String,
}

impl Bed {
    pub(crate) fn new(store: Store, service: &str) -> Self {
        Self { store, service: service.to_owned() }
    }

    pub(crate) fn stream(&self) -> String {
        self.service.to_ascii_uppercase()
    }

    /// An aggregate that nobody has written to.
    pub(crate) fn subject(&self) -> Subject {
        Subject::new(&self.service, "thing", &Uuid::new_v4().to_string()).unwrap()
    }

    /// Appends `count` commits to `subject`, after its last one.
    pub(crate) async fn fill(&self, subject: &Subject, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        let before = self.store.tail(subject, 0).await.unwrap();
        let mut last = before.last().map_or(0, |recorded| recorded.sequence);
        for _ in 0..count {
            last = self.store.append(subject, last, new_commit()).await.unwrap().sequence;
            sequences.push(last);
        }
        sequences
    }
}

pub(crate) fn new_command_id() -> CommandId {
    CommandId::from_uuid(Uuid::new_v4())
}

pub(crate) fn new_commit() -> NewCommit {
    commit_of(new_command_id())
}

pub(crate) fn commit_of(command_id: CommandId) -> NewCommit {
    NewCommit {
        command_id,
        actor: "spiffe://example/service/test".to_owned(),
        occurred_at: "2026-01-04T01:00:00.000000001Z".parse().unwrap(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        events: vec![Any {
            type_url: "type.googleapis.com/test.Happened".to_owned(),
            value: vec![1],
        }],
    }
}

pub(crate) fn sequences(commits: &[Recorded]) -> Vec<u64> {
    commits.iter().map(|recorded| recorded.sequence).collect()
}

pub(crate) async fn all(mut commits: Commits) -> Result<Vec<Recorded>, Error> {
    let mut read = Vec::new();
    while let Some(recorded) = commits.next().await {
        read.push(recorded?);
    }
    Ok(read)
}

/// The next commit of a subscription, which has to come within the patience of a test.
pub(crate) async fn next(commits: &mut Commits) -> Result<Recorded, Error> {
    let next = tokio::time::timeout(Duration::from_secs(30), commits.next());
    next.await.expect("a commit in time").expect("a subscription that goes on")
}

/// Waits until the clock has passed `time`.
pub(crate) async fn pass(time: Timestamp) {
    while now() <= time {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with the server's own clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
