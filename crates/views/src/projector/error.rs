//! What stops a view, and what only interrupts it.

use std::borrow::Cow;

use publicdata_event_store as event_store;

use crate::view::ApplyError;

/// Why a view does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// An event cannot be applied. Mend the view, and start again: it goes on from there.
    #[error("view cannot apply commit {sequence} of stream {stream}")]
    Poisoned {
        /// The stream.
        stream: String,
        /// Which commit.
        sequence: u64,
        /// Why.
        #[source]
        source: ApplyError,
    },
    /// The database failed.
    #[error("the view's database failed")]
    Database(#[source] sqlx::Error),
    /// The store failed.
    #[error("the events cannot be read")]
    Store(#[source] event_store::Error),
    /// There are fewer events than a live view was built from: they are still on their way, or lost.
    #[error(
        "there are {reached} events of stream {stream}, and the live view has seen {live}; try again, or verify the log"
    )]
    Behind {
        /// The stream.
        stream: String,
        /// The last event that there is.
        reached: u64,
        /// The last event that the live view has seen.
        live: u64,
    },
    /// The store ended a subscription without saying why.
    #[error("the subscription ended")]
    Ended,
}

/// Why the view does not hold a commit yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// It did not get there in time.
    #[error("view {view} has not reached commit {sequence} of stream {stream} in time")]
    Late {
        /// The view.
        view: &'static str,
        /// The stream.
        stream: String,
        /// The commit that was waited for.
        sequence: u64,
    },
    /// It has stopped, and waiting is in vain.
    #[error("view {view} has stopped: {reason}")]
    Stopped {
        /// The view.
        view: &'static str,
        /// Why.
        reason: String,
    },
}

impl ProjectorError {
    /// Whether it may be gone after a while.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Poisoned { .. } => false,
            Self::Database(error) => is_passing(error),
            Self::Store(event_store::Error::Unavailable { .. })
            | Self::Ended
            | Self::Behind { .. } => true,
            Self::Store(
                event_store::Error::UnknownStream { .. }
                | event_store::Error::Gap { .. }
                | event_store::Error::Truncated { .. }
                | event_store::Error::Malformed { .. },
            ) => false,
        }
    }
}

/// Whether a database's error comes from the database's state rather than from what it was asked.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not known to pass does not")]
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(is_passing_code),
        _ => false,
    }
}

fn is_passing_code(code: Cow<'_, str>) -> bool {
    match code.len() {
        // SQLSTATE: connection, rollback of transaction, resources, object in use, operator intervention, system.
        5 => ["08", "40", "53", "55", "57", "58"].contains(&&code[..2]),
        // SQLite, the lowest byte: busy, locked, I/O, full, cannot open.
        _ => code.parse::<u32>().is_ok_and(|code| [5, 6, 10, 13, 14].contains(&(code & 0xff))),
    }
}
