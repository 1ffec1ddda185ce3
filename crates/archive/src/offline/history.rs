//! Archived events as an event store that is only read: what was, up to a moment, without a platform (H2).

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use jiff::Timestamp;
use publicdata_audit_domain::Verifier;
use publicdata_event_store::{
    AppendError, Appended, BoxError, Commits, Error, EventStore, NewCommit, Recorded, Subject,
};
use tokio::task::spawn_blocking;

use super::{Events, Files};
use crate::ArchiveError;

/// How many events are read at once.
const BATCH_EVENTS: usize = 512;

/// The events of archives, of one file at a time, each file proven before its events are told. A view that is built from here holds what it
/// held at that moment, or at the last event of a stream that is archived, if that comes first. A stream is told from its first event on,
/// or not at all: what is built from a part of it would be none of its states.
#[derive(Clone, Debug)]
pub struct History {
    files: Files,
    verifier: Verifier,
    as_of: Option<Timestamp>,
}

impl History {
    /// Everything that was recorded at this moment or before; everything that is archived, without one.
    #[must_use]
    pub fn new(files: Files, verifier: Verifier, as_of: Option<Timestamp>) -> Self {
        Self { files, verifier, as_of }
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
        self.files.whole(stream).map_err(unreadable)?;
        let until = until.into_iter().chain(self.as_of).min();
        let is_in_time = move |commit: &Recorded| {
            future::ready(Ok(until.is_none_or(|until| commit.recorded_at <= until)))
        };
        let is_wanted = move |commit: &Recorded| future::ready(commit.sequence >= from);
        let events = self.files.told_from_first(stream, &self.verifier);
        Ok(commits(events).try_take_while(is_in_time).try_filter(is_wanted).boxed())
    }

    /// Never: nothing is followed here.
    async fn subscribe(&self, _: &str, _: u64) -> Result<Commits, Error> {
        Err(only_read("subscribe"))
    }

    async fn first_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.files.whole(stream).map(|_| 1).map_err(unreadable)
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        let commits = self.read(stream, 0, None).await?;
        commits.try_fold(0, |_, commit| future::ready(Ok(commit.sequence))).await
    }

    /// Never: files do not say.
    async fn risks(&self, _: &str) -> Result<Vec<String>, Error> {
        Err(only_read("tell the configuration"))
    }
}

/// Files are read and proven where that may take its time.
fn commits(events: Events) -> Commits {
    let batches = stream::try_unfold(events, |mut events| async {
        let read = spawn_blocking(move || {
            let batch: Vec<_> = events.by_ref().take(BATCH_EVENTS).collect();
            (batch, events)
        });
        let (batch, events) = read.await.map_err(unreadable)?;
        Ok((!batch.is_empty()).then_some((batch, events)))
    });
    let commit = |row: Result<crate::Row, ArchiveError>| Ok(row.map_err(unreadable)?.recorded);
    batches.map_ok(move |batch| stream::iter(batch.into_iter().map(commit))).try_flatten().boxed()
}

fn unreadable(source: impl Into<BoxError>) -> Error {
    Error::Unavailable { operation: "read archives", source: source.into() }
}

fn only_read(operation: &'static str) -> Error {
    Error::Unavailable { operation, source: "archives are only read".into() }
}
