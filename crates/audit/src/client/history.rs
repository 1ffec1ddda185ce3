//! Logged events as an event store that is only read: what was, up to a moment (H2).

use std::fmt;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, future};
use jiff::Timestamp;
use prost::Message as _;
use publicdata_event_store::{
    AppendError, Appended, Commits, Error, EventStore, NewCommit, Recorded, Subject,
};
use publicdata_proto::audit::v1::{Leaf, ReadEventsResponse};
use publicdata_types::Digest;
use tonic::Status;

use super::{LogClient, Selection};
use crate::time;

/// The events as the log has them, each held against its leaf. A view that is built from here holds what it held at that moment.
#[derive(Clone)]
pub struct History {
    log: LogClient,
    as_of: Option<Timestamp>,
}

impl History {
    /// Everything that was recorded at this moment or before; everything that is logged, without one.
    #[must_use]
    pub fn new(log: LogClient, as_of: Option<Timestamp>) -> Self {
        Self { log, as_of }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("as_of", &self.as_of).finish_non_exhaustive()
    }
}

#[async_trait]
impl EventStore for History {
    /// Never: what was is only read.
    async fn append(&self, _: &Subject, _: u64, _: NewCommit) -> Result<Appended, AppendError> {
        Err(AppendError::Store(only_read("append")))
    }

    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        let commits = self.read(&subject.stream(), after + 1, None).await?;
        commits.try_filter(|commit| future::ready(commit.subject == *subject)).try_collect().await
    }

    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.load(subject, after).await
    }

    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error> {
        let until = until.into_iter().chain(self.as_of).min();
        let selection = Selection { stream: stream.to_owned(), until, ..Selection::default() };
        let events = self.log.events(selection).await.map_err(unavailable)?;
        let commits = events.map(|event| recorded(event.map_err(unavailable)?));
        let is_wanted = move |commit: &Recorded| future::ready(commit.sequence >= from);
        Ok(commits.try_filter(is_wanted).boxed())
    }

    /// Never: nothing is followed here.
    async fn subscribe(&self, _: &str, _: u64) -> Result<Commits, Error> {
        Err(only_read("subscribe"))
    }

    async fn first_sequence(&self, _: &str) -> Result<u64, Error> {
        Ok(1)
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        let mut commits = self.read(stream, 0, None).await?;
        let mut last = 0;
        while let Some(commit) = commits.try_next().await? {
            last = commit.sequence;
        }
        Ok(last)
    }

    /// Never: the log does not say.
    async fn risks(&self, _: &str) -> Result<Vec<String>, Error> {
        Err(only_read("tell the configuration"))
    }
}

/// The commit as it was stored. The trace that it belonged to is not logged.
fn recorded(event: ReadEventsResponse) -> Result<Recorded, Error> {
    let leaf = Leaf::decode(event.leaf.as_slice()).map_err(|source| Error::Malformed {
        stream: "of the audit log".to_owned(),
        sequence: event.index,
        source: source.into(),
    })?;
    let Leaf { stream, sequence, recorded_at, subject, message_id, payload_sha256 } = leaf;
    let malformed = |source: &str| Error::Malformed {
        stream: stream.clone(),
        sequence,
        source: source.to_owned().into(),
    };
    if payload_sha256 != Digest::of(&event.payload).as_bytes() {
        return Err(malformed("its payload is not the one that was logged"));
    }
    let recorded_at = recorded_at.as_ref().and_then(time::from_proto);
    let recorded_at = recorded_at.ok_or_else(|| malformed("it does not say when"))?;
    let subject: Subject = subject.parse().map_err(|_| malformed("it is of no aggregate"))?;
    Ok(Recorded {
        stream,
        sequence,
        subject,
        recorded_at,
        message_id,
        traceparent: None,
        payload: event.payload.into(),
    })
}

fn unavailable(status: Status) -> Error {
    Error::Unavailable { operation: "read the audit log", source: status.into() }
}

fn only_read(operation: &'static str) -> Error {
    Error::Unavailable { operation, source: "the audit log's history is only read".into() }
}
