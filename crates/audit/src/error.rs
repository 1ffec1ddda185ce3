//! Why a call is not answered, and the only mapping to a gRPC status.

use publicdata_archive::{ArchiveError, Fault};
use publicdata_audit_domain::archive;
use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::finding::Rejection;
use publicdata_audit_domain::proof::Unprovable;
use publicdata_audit_domain::tile::BundleError;
use publicdata_event_store::aggregates::{self, ExecuteError};
use publicdata_event_store::{self as event_store, AppendError};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_types::Denied;
use publicdata_views::WaitError;
use tonic::Status;

use crate::findings::FieldError;

/// Why a call is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A field of the request cannot be read.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what to write instead.
        problem: &'static str,
    },
    /// A field of the request is wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The token of a page is none.
    #[error("page token is malformed; send back the one of the page before, or none")]
    PageToken,
    /// There is no such finding, or none that the caller may know of.
    #[error("no such finding, or none that you may see; check its id")]
    FindingUnknown,
    /// A finding is against somebody.
    #[error("no organisation with this code is registered; check it")]
    OrganisationUnknown,
    /// The rules of findings forbid it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Another request had this command id.
    #[error("the command id was used for another request; use a new one")]
    CommandReused,
    /// Others decide on the same finding.
    #[error("others are changing the same finding; try again")]
    Busy,
    /// A finding cannot be loaded.
    #[error("findings cannot be read")]
    Load(#[from] aggregates::Error),
    /// What happened cannot be stored.
    #[error("events cannot be stored")]
    Append(#[source] AppendError),
    /// The view of findings is behind.
    #[error("the view of findings lags behind")]
    View(#[from] WaitError),
    /// The log does not follow this stream.
    #[error("the log has no stream {stream}")]
    UnknownStream {
        /// The stream.
        stream: String,
    },
    /// There is no leaf at this index, or not in the tree that was asked for.
    #[error("leaf {index} is not in the log's tree of {size} events")]
    NoSuchLeaf {
        /// The index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The event exists, but is not in the log yet.
    #[error(
        "event {sequence} of stream {stream} is not logged yet: {logged} of the stream's {last} events are"
    )]
    NotYetLogged {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The last one in the log.
        logged: u64,
        /// The last one in the stream.
        last: u64,
    },
    /// The event does not exist.
    #[error("stream {stream} has no event {sequence}; its last is {last}")]
    NoSuchEvent {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The last one in the stream.
        last: u64,
    },
    /// The tree that a proof is asked for does not exist yet.
    #[error("the log has {size} events; there is no tree of {asked}")]
    NoSuchTree {
        /// The size that was asked for.
        asked: u64,
        /// The log's size.
        size: u64,
    },
    /// A proof cannot be made.
    #[error(transparent)]
    Unprovable(#[from] Unprovable),
    /// An event is not as it was logged.
    #[error(
        "event {sequence} of stream {stream} (leaf {index}) is not what was logged: its {what} was changed"
    )]
    EventChanged {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The place in the log.
        index: u64,
        /// What differs.
        what: &'static str,
    },
    /// An event is gone.
    #[error(
        "event {sequence} of stream {stream} (leaf {index}) is in the log, but no longer in the event store"
    )]
    EventLost {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The place in the log.
        index: u64,
    },
    /// A leaf is not the one that the tree was built with.
    #[error(
        "leaf {index} of the log (event {sequence} of stream {stream}) was altered: it is not the one in the tree"
    )]
    LeafAltered {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The place in the log.
        index: u64,
    },
    /// The leaf of an event is gone, or cannot be read.
    #[error(
        "event {sequence} of stream {stream} was logged, but its leaf is lost; restore the log's database from a copy"
    )]
    LeafOfEventLost {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
    },
    /// A leaf is gone.
    #[error("leaf {index} of the log is lost; restore the log's database from a copy")]
    LeafLost {
        /// The place in the log.
        index: u64,
    },
    /// A leaf is too long to be given out in a bundle.
    #[error("a leaf cannot be given out")]
    Bundle(#[from] BundleError),
    /// No place of archives was configured.
    #[error(
        "events are not archived here; name a place as `audit.archive.url`, and start the service again"
    )]
    NoArchive,
    /// An archive cannot be written or read, or is not what was written.
    #[error("an archive cannot be used")]
    Archive(#[from] ArchiveError),
    /// The log is not the one that an archive was sealed by.
    #[error(
        "archive {path} was held against a tree of {size} leaves that the log does not continue; run `publicdata audit archive verify`"
    )]
    SealedElsewhere {
        /// Its file.
        path: String,
        /// The size of that tree.
        size: u64,
    },
    /// The place of archives does not have what was archived before.
    #[error(
        "archive {path} is sealed, and not at the place of archives: is that mounted, and the one that `audit.archive.url` named before? \
         nothing more is archived until the archives are there"
    )]
    NotWhereItWas {
        /// The newest archive of the stream.
        path: String,
    },
    /// The row of archives forbids it.
    #[error(transparent)]
    ArchiveRejected(#[from] archive::Rejection),
    /// The log's own checkpoint does not count.
    #[error("the log's newest checkpoint was not signed with its key")]
    Checkpoint(#[from] Doubt),
    /// The database failed.
    #[error("the log's database failed")]
    Database(#[from] sqlx::Error),
    /// The event store failed.
    #[error("the event store failed")]
    Store(#[from] event_store::Error),
}

impl From<ExecuteError<Rejection>> for Error {
    fn from(error: ExecuteError<Rejection>) -> Self {
        Self::of_execution(error)
    }
}

impl From<ExecuteError<archive::Rejection>> for Error {
    fn from(error: ExecuteError<archive::Rejection>) -> Self {
        Self::of_execution(error)
    }
}

impl Error {
    fn of_execution<R: Into<Self>>(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => rejection.into(),
            ExecuteError::Busy { .. } => Self::Busy,
            ExecuteError::Load(error) => Self::Load(error),
            ExecuteError::Append(AppendError::CommandIdTaken { .. }) => Self::CommandReused,
            ExecuteError::Append(error) => Self::Append(error),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let event = |code, reason, stream: &str, sequence: u64| {
            Self::new(code, reason, &message).with("stream", stream).with("sequence", sequence)
        };
        match &error {
            Error::Denied(denied) => Self::new(Code::PermissionDenied, denied.reason(), message),
            Error::Invalid { field, .. } => {
                Self::new(Code::InvalidArgument, "FIELD_INVALID", message).with("field", field)
            }
            Error::Field(error) => {
                let problem = Self::new(Code::InvalidArgument, "FIELD_INVALID", chain(error));
                problem.with("field", error.field)
            }
            Error::PageToken => Self::new(Code::InvalidArgument, "PAGE_TOKEN_INVALID", message),
            Error::FindingUnknown => Self::new(Code::NotFound, "FINDING_UNKNOWN", message),
            Error::OrganisationUnknown => {
                Self::new(Code::NotFound, "ORGANISATION_UNKNOWN", message)
            }
            Error::Rejected(rejection) => rejected(rejection, message),
            Error::CommandReused => Self::new(Code::FailedPrecondition, "COMMAND_REUSED", message),
            Error::Busy => Self::new(Code::Conflict, "BUSY", message),
            Error::Load(_) | Error::Append(_) => Self::unavailable("the event store", error),
            Error::View(_) => Self::unavailable("the view of findings", error),
            Error::UnknownStream { stream } => {
                Self::new(Code::NotFound, "STREAM_UNKNOWN", message).with("stream", stream)
            }
            Error::NoSuchLeaf { index, size } => Self::new(Code::NotFound, "LEAF_UNKNOWN", message)
                .with("index", index)
                .with("size", size),
            Error::NotYetLogged { stream, sequence, logged, .. } => {
                event(Code::NotFound, "NOT_YET_LOGGED", stream, *sequence).with("logged", logged)
            }
            Error::NoSuchEvent { stream, sequence, last } => {
                event(Code::NotFound, "EVENT_UNKNOWN", stream, *sequence).with("last", last)
            }
            Error::NoSuchTree { asked, size } => Self::new(Code::NotFound, "TREE_UNKNOWN", message)
                .with("asked", asked)
                .with("size", size),
            Error::Unprovable(why) => unprovable(why, message),
            Error::EventChanged { stream, sequence, .. } => {
                logged(event(Code::DataLoss, "EVENT_CHANGED", stream, *sequence))
            }
            Error::EventLost { stream, sequence, .. } => {
                logged(event(Code::DataLoss, "EVENT_LOST", stream, *sequence))
            }
            Error::LeafAltered { stream, sequence, .. } => {
                logged(event(Code::DataLoss, "LEAF_ALTERED", stream, *sequence))
            }
            Error::LeafLost { .. } | Error::LeafOfEventLost { .. } => damaged("LEAF_LOST", message),
            Error::NoArchive => Self::new(Code::FailedPrecondition, "ARCHIVE_MISSING", message),
            Error::NotWhereItWas { path } => elsewhere(path, message),
            Error::Archive(archive) => unusable(archive),
            Error::SealedElsewhere { path, .. } => {
                damaged("ARCHIVE_DAMAGED", message).with("path", path)
            }
            Error::ArchiveRejected(rejection) => unarchivable(rejection, message),
            Error::Checkpoint(_) => damaged("CHECKPOINT_DAMAGED", chain(&error)),
            Error::Bundle(_) => damaged("LEAF_TOO_LONG", chain(&error)),
            Error::Database(sqlx::Error::ColumnDecode { .. }) => {
                damaged("LOG_DAMAGED", format!("the log's tables are damaged: {}", chain(&error)))
            }
            Error::Database(_) => Self::unavailable("the log's database", error),
            // Gaps and the like: whoever asked finds out which event it is.
            Error::Store(event_store::Error::Unavailable { .. }) => {
                Self::unavailable("the event store", error)
            }
            Error::Store(found) => damaged("STREAM_DAMAGED", found.to_string()),
        }
    }
}

fn rejected(rejection: &Rejection, message: String) -> Problem {
    let code = match rejection {
        Rejection::Denied(_) | Rejection::OwnFinding => Code::PermissionDenied,
        Rejection::Absent
        | Rejection::RaisedOtherwise
        | Rejection::Clause { .. }
        | Rejection::DueInThePast { .. }
        | Rejection::Ordered
        | Rejection::NotOrdered
        | Rejection::Reported
        | Rejection::NotReported
        | Rejection::Closed => Code::FailedPrecondition,
    };
    Problem::new(code, rejection.reason(), message)
}

fn unprovable(why: &Unprovable, message: String) -> Problem {
    match why {
        Unprovable::NoSuchLeaf { .. } => Problem::new(Code::NotFound, "LEAF_UNKNOWN", message),
        Unprovable::Shrunk { .. } => Problem::new(Code::InvalidArgument, "TREE_SHRUNK", message),
        Unprovable::HashMissing(_) => damaged("HASH_LOST", message),
    }
}

fn unarchivable(rejection: &archive::Rejection, message: String) -> Problem {
    let code = match rejection {
        // Another process of this service archives as well.
        archive::Rejection::Archived { .. }
        | archive::Rejection::Gap { .. }
        | archive::Rejection::Empty { .. }
        | archive::Rejection::TreeTooSmall { .. }
        | archive::Rejection::NotArchived { .. } => Code::Conflict,
        archive::Rejection::Needed { .. } | archive::Rejection::TooYoung { .. } => {
            Code::FailedPrecondition
        }
    };
    Problem::new(code, rejection.reason(), message)
}

fn elsewhere(path: &str, message: String) -> Problem {
    Problem::new(Code::FailedPrecondition, "ARCHIVE_ELSEWHERE", message).with("path", path)
}

fn unusable(error: &ArchiveError) -> Problem {
    let problem = match matches!(error.fault, Fault::Place { .. }) {
        true => Problem::new(Code::Unavailable, "ARCHIVE_UNREACHABLE", chain(error)),
        false => damaged("ARCHIVE_DAMAGED", chain(error)),
    };
    problem.with("path", &error.path)
}

fn damaged(reason: &'static str, message: String) -> Problem {
    logged(Problem::new(Code::DataLoss, reason, message))
}

/// Damage is for the operator as much as for the caller.
fn logged(problem: Problem) -> Problem {
    tracing::error!(reason = %problem.reason, error = %problem, "log and events do not agree");
    problem
}
