//! What can go wrong with a store, by what the caller can do about it.

use publicdata_types::CommandId;

use crate::Subject;

/// A cause whose type is of no interest to the caller.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A store that cannot answer, or a stream that is not what was promised.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answered in time, or the answer was a passing failure. Try again later.
    #[error("event store cannot {operation} now")]
    Unavailable {
        /// What was asked for.
        operation: &'static str,
        /// Why it failed.
        source: BoxError,
    },
    /// There is no such stream. Whoever sets the fleet up has to create it.
    #[error("stream {stream} does not exist")]
    UnknownStream {
        /// The stream's name.
        stream: String,
    },
    /// A commit was removed from the stream. Nobody can go on as if nothing had happened.
    #[error("stream {stream} has lost commit {expected}: the next one is {found}")]
    Gap {
        /// The stream's name.
        stream: String,
        /// The sequence that should have come.
        expected: u64,
        /// The sequence that came.
        found: u64,
    },
    /// The stream ends before a commit that was read from it once: it was replaced, or restored from an older copy.
    #[error("stream {stream} ends at {last}, but commit {seen} was read from it before")]
    Truncated {
        /// The stream's name.
        stream: String,
        /// The last sequence that was read.
        seen: u64,
        /// The stream's last sequence.
        last: u64,
    },
    /// A message in the stream was not written by an event store.
    #[error("message {sequence} in stream {stream} is no commit")]
    Malformed {
        /// The stream's name.
        stream: String,
        /// The message's sequence.
        sequence: u64,
        /// What is wrong with it.
        source: BoxError,
    },
}

impl Error {
    pub(crate) fn unavailable(operation: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Unavailable { operation, source: source.into() }
    }
}

/// Why a commit was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else's commit came after `expected_last`. Read the tail, and decide again.
    #[error("{subject} has changed since commit {expected_last}")]
    Conflict {
        /// The aggregate.
        subject: Subject,
        /// The sequence that was expected to be its last.
        expected_last: u64,
    },
    /// The commit is larger than a message may be.
    #[error("commit to {subject} takes {bytes} bytes; a message holds {bytes_max}")]
    TooLarge {
        /// The aggregate.
        subject: Subject,
        /// The size of the encoded commit with its headers.
        bytes: usize,
        /// The largest message that the server takes.
        bytes_max: usize,
    },
    /// The same command id stands in another aggregate's commit. Ids of commands to several aggregates are derived, one for each.
    #[error(
        "command {command_id} was used for another aggregate than {subject}, in commit {sequence}"
    )]
    CommandIdTaken {
        /// The aggregate that was written to.
        subject: Subject,
        /// The command id.
        command_id: CommandId,
        /// Where it stands.
        sequence: u64,
    },
    /// The store cannot be reached. The commit may have been stored nevertheless: repeat it with the same command id.
    #[error(transparent)]
    Store(#[from] Error),
}
