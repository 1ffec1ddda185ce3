//! Reading streams in the order of the log, and as they were.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use jiff::Timestamp;
use publicdata_event_store::{
    AppendError, Appended, Commits, Error as StoreError, EventStore, NewCommit, Recorded, Store,
    Subject,
};

/// Streams, each read once from its first event on, in whatever order they are asked for.
pub(crate) struct Cursors<'a> {
    store: &'a Store,
    streams: BTreeMap<String, Cursor>,
}

struct Cursor {
    next: u64,
    commits: Option<Commits>,
}

impl<'a> Cursors<'a> {
    /// Goes on after these sequences.
    pub(crate) fn after(store: &'a Store, streams: &BTreeMap<String, u64>) -> Self {
        let cursor = |last: &u64| Cursor { next: last + 1, commits: None };
        let streams = streams.iter().map(|(name, last)| (name.clone(), cursor(last))).collect();
        Self { store, streams }
    }

    /// The next event of this stream; none if it ends before it.
    pub(crate) async fn next(&mut self, name: &str) -> Result<Option<Recorded>, StoreError> {
        let cursor = self
            .streams
            .entry(name.to_owned())
            .or_insert_with(|| Cursor { next: 1, commits: None });
        // What was read last may have come after the stream was opened.
        let was_open = cursor.commits.is_some();
        for _ in 0..=usize::from(was_open) {
            let commits = match &mut cursor.commits {
                Some(commits) => commits,
                None => {
                    let opened = match self.store.read(name, cursor.next, None).await {
                        Err(StoreError::UnknownStream { .. }) => return Ok(None),
                        opened => opened?,
                    };
                    cursor.commits.insert(opened)
                }
            };
            if let Some(recorded) = commits.try_next().await? {
                cursor.next = recorded.sequence + 1;
                return Ok(Some(recorded));
            }
            cursor.commits = None;
        }
        Ok(None)
    }
}

/// A store whose streams end where they are told to. Nothing can be written to it.
pub(crate) struct UpTo {
    inner: Store,
    last: BTreeMap<String, u64>,
}

impl UpTo {
    pub(crate) fn new(inner: Store, last: BTreeMap<String, u64>) -> Self {
        Self { inner, last }
    }

    fn last(&self, stream: &str) -> u64 {
        self.last.get(stream).copied().unwrap_or_default()
    }

    fn cut(&self, stream: &str, commits: Vec<Recorded>) -> Vec<Recorded> {
        let last = self.last(stream);
        commits.into_iter().filter(|recorded| recorded.sequence <= last).collect()
    }
}

impl fmt::Debug for UpTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpTo").field("last", &self.last).finish_non_exhaustive()
    }
}

#[async_trait]
impl EventStore for UpTo {
    async fn append(
        &self,
        _subject: &Subject,
        _expected_last: u64,
        _commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        let source = "it is a view of the past".into();
        Err(StoreError::Unavailable { operation: "append", source }.into())
    }

    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.cut(&subject.stream(), self.inner.load(subject, after).await?))
    }

    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.cut(&subject.stream(), self.inner.tail(subject, after).await?))
    }

    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, StoreError> {
        let last = self.last(stream);
        if from.max(1) > last {
            return Ok(stream::empty().boxed());
        }
        // Ends with the last one, rather than wait for the one after it.
        let commits = self.inner.read(stream, from, until).await?;
        let left = usize::try_from(last + 1 - from.max(1)).unwrap_or(usize::MAX);
        Ok(commits.take(left).boxed())
    }

    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, StoreError> {
        let commits = self.read(stream, from, None).await?;
        Ok(commits.chain(stream::once(future::pending())).boxed())
    }

    async fn first_sequence(&self, stream: &str) -> Result<u64, StoreError> {
        self.inner.first_sequence(stream).await
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, StoreError> {
        Ok(self.last(stream))
    }

    async fn risks(&self, stream: &str) -> Result<Vec<String>, StoreError> {
        self.inner.risks(stream).await
    }
}
