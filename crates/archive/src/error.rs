//! What can be wrong with an archive, and where.

use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::tree::Uncovered;
use publicdata_event_store::BoxError;
use publicdata_types::Digest;

/// An archive that cannot be had, or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("archive {path}")]
pub struct ArchiveError {
    /// The file, below the place of archives, or as it was named.
    pub path: String,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The place failed.
    #[error("it cannot be {doing} at the place of archives")]
    Place {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: BoxError,
    },
    /// It is not there.
    #[error("its file is missing; mount its place, or put it back, and try again")]
    Missing,
    /// It is shorter or longer than it was.
    #[error("its file has {found} bytes, and was sealed with {sealed}; put the sealed one back")]
    Size {
        /// How many it has.
        found: u64,
        /// How many it had.
        sealed: u64,
    },
    /// It is another file than the one that was sealed.
    #[error(
        "its file was altered: its digest is {found}, and was {sealed}; put the sealed one back"
    )]
    Altered {
        /// The digest that it has.
        found: Digest,
        /// The digest that it had.
        sealed: Digest,
    },
    /// It is no Parquet file, or one that is damaged.
    #[error("its file cannot be read as Parquet")]
    Unreadable(#[source] BoxError),
    /// It is not laid out as archives are.
    #[error("it is not laid out as an archive: {what}")]
    Layout {
        /// What is wrong.
        what: String,
    },
    /// It holds something else than its seal says.
    #[error("it holds {what} {found}, and was sealed with {sealed}")]
    Otherwise {
        /// What differs.
        what: &'static str,
        /// What it holds.
        found: String,
        /// What the seal says.
        sealed: String,
    },
    /// An event is missing, or stands where it does not belong.
    #[error("event {expected} of stream {stream} should come next, and {found} does")]
    OutOfOrder {
        /// The stream.
        stream: String,
        /// The event that should come.
        expected: u64,
        /// The event that comes.
        found: u64,
    },
    /// An event is said to be at a place of the log where it cannot be.
    #[error("event {sequence} is said to be leaf {index} of the log, which it cannot be")]
    Misplaced {
        /// The event.
        sequence: u64,
        /// The place in the log.
        index: u64,
        /// Why not.
        #[source]
        source: Uncovered,
    },
    /// What comes after the last event in the log's tree is not what is there.
    #[error("its proof does not reach to the end of the signed tree")]
    Unproven(#[source] Uncovered),
    /// The checkpoint in it does not count.
    #[error("its events are held against a checkpoint that does not count")]
    Checkpoint(#[source] Doubt),
    /// Its events are not those that were logged.
    #[error(
        "its events are not those of the log: with the proofs that are in it they make the root {found}, and the log has signed {signed} \
         for its first {size} leaves"
    )]
    OtherRoot {
        /// The root that the events make.
        found: Digest,
        /// The root that was signed.
        signed: Digest,
        /// The size of the signed tree.
        size: u64,
    },
}

impl Fault {
    /// Says which archive it is of.
    #[must_use]
    pub fn of(self, path: impl Into<String>) -> ArchiveError {
        ArchiveError { path: path.into(), fault: self }
    }

    /// For `map_err`: the place failed.
    pub(crate) fn place<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Place { doing, source: source.into() }
    }

    /// For `map_err`: the file is damaged.
    pub(crate) fn unreadable(source: impl Into<BoxError>) -> Self {
        Self::Unreadable(source.into())
    }

    pub(crate) fn layout(what: impl Into<String>) -> Self {
        Self::Layout { what: what.into() }
    }
}
