//! The trait that the services know.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;

use crate::{AppendError, Appended, Error, NewCommit, Recorded, Subject};

/// The store that a service was built with.
pub type Store = Arc<dyn EventStore>;

/// Commits as they come. After an error that says why the stream cannot go on, it ends.
pub type Commits = BoxStream<'static, Result<Recorded, Error>>;

/// Streams of commits, which only ever grow.
///
/// Both implementations, [`JetStreamStore`](crate::jetstream::JetStreamStore) and [`MemoryStore`](crate::memory::MemoryStore),
/// are held to one contract suite.
#[async_trait]
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Appends `commit` to the aggregate `subject`, provided that its last commit still is `expected_last` (0: none yet).
    ///
    /// Safe to repeat: a commit whose command id stands in the aggregate already is not stored again, and the answer names
    /// the first one's sequence, as `repeated`. That holds for whatever comes after `expected_last`, without limit of time;
    /// for what stands before it, only within the server's duplicate window. Callers know what they have read.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if someone else was faster: read the tail, and decide again.
    async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError>;

    /// The aggregate's commits after sequence `after`, oldest first, from the nearest replica.
    ///
    /// A replica may lag: whoever must see every commit that was acknowledged calls [`tail`](Self::tail).
    ///
    /// # Errors
    /// If the store cannot be reached, or holds something that is no commit.
    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error>;

    /// As [`load`](Self::load), but shows every commit that was acknowledged before the call. One round trip to the leader
    /// when there is nothing after `after`, which is the usual case.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error>;

    /// Replays `stream` from sequence `from` (0 and 1 both mean the first), up to its last commit at the time of the call, or
    /// up to the last commit recorded at `until` or before: the stream as of that time. Where the last commits are lost, it ends
    /// before them, without an error.
    ///
    /// # Errors
    /// If the stream does not exist, or the store cannot be reached.
    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error>;

    /// Follows `stream` from sequence `from` on, forever: in order, each commit once, none left out, whatever happens to the
    /// connection or to the servers in between. Whoever saves the sequence of the last commit handled goes on at that plus 1.
    ///
    /// Ends only with [`Error::Gap`] or [`Error::Truncated`], which mean that the stream itself has lost commits, and with
    /// [`Error::UnknownStream`], when it was deleted.
    ///
    /// # Errors
    /// If the stream does not exist, or the store cannot be reached.
    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, Error>;

    /// The sequence of the first commit that is left in `stream`: 1, unless commits that are archived were dropped, or others were lost; of
    /// one that is empty, that of the next.
    ///
    /// # Errors
    /// If the stream does not exist, or the store cannot be reached.
    async fn first_sequence(&self, stream: &str) -> Result<u64, Error>;

    /// The sequence of the last commit in `stream`, 0 if there is none.
    ///
    /// # Errors
    /// If the stream does not exist, or the store cannot be reached.
    async fn last_sequence(&self, stream: &str) -> Result<u64, Error>;

    /// Everything in the configuration of `stream` by which it could lose commits, now or later, such as `max_age must be 0`; empty if
    /// nothing could (R23.2).
    ///
    /// # Errors
    /// If the stream does not exist, or the store cannot be reached.
    async fn risks(&self, stream: &str) -> Result<Vec<String>, Error>;
}
