//! What can go wrong, and how each is answered: the only mapping to statuses.

use std::io;
use std::time::Duration;

use publicdata_event_store::aggregates::{self, ExecuteError};
use publicdata_event_store::{self as event_store, AppendError, BoxError};
use publicdata_open_data_domain::publication::Rejection;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_types::{Denied, Digest};
use publicdata_views::WaitError;
use tonic::Status;

use crate::blobs::BlobError;
use crate::codec::FieldError;
use crate::content::{CheckError, ContentError};

/// Why a call is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("page token is malformed; send back the one of the page before, or none")]
    PageToken,
    #[error("no published catalogue entry has this id; publish it in the catalogue first")]
    ResourceUnknown,
    #[error(
        "the catalogue has suspended this resource; try again once it is resumed (its entry says why)"
    )]
    ResourceSuspended,
    #[error("the resource was withdrawn from the catalogue; its entry says why")]
    ResourceWithdrawn,
    #[error("no such publication, or none that you may see; check its id")]
    PublicationUnknown,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the header comes first, once, and then the content in chunks")]
    Protocol,
    #[error("a chunk is larger than {bytes_max} bytes; send smaller ones")]
    ChunkTooLarge { bytes_max: usize },
    #[error("content is larger than {bytes_max} bytes; open it in parts, or have the limit raised")]
    ContentTooLarge { bytes_max: u64 },
    #[error("nothing came for {} s; send it again with the same command id", waited.as_secs())]
    UploadStalled { waited: Duration },
    #[error("the content did not arrive whole; send it again with the same command id")]
    UploadBroken(#[source] Box<Status>),
    #[error("too many send content at once; try again later")]
    UploadsFull,
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the command id was used for another request; use a new one")]
    CommandReused,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("content {digest} is missing or damaged; propose it again")]
    Damaged { digest: Digest },
    #[error("content cannot be stored or read")]
    Folder(#[source] io::Error),
    #[error("others are changing the same publication; try again")]
    Busy,
    #[error("events cannot be read")]
    Load(#[from] aggregates::Error),
    #[error("events cannot be stored")]
    Append(#[source] AppendError),
    #[error("the event store failed")]
    Store(#[from] event_store::Error),
    #[error("the views' database failed")]
    Database(#[from] sqlx::Error),
    #[error("the views lag behind")]
    View(#[from] WaitError),
    #[error("stored data cannot be read")]
    Unreadable(#[source] BoxError),
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl Error {
    /// For `map_err`: what is stored cannot be read.
    pub(crate) fn unreadable(source: impl Into<BoxError>) -> Self {
        Self::Unreadable(source.into())
    }
}

impl From<ExecuteError<Rejection>> for Error {
    fn from(error: ExecuteError<Rejection>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
            ExecuteError::Busy { .. } => Self::Busy,
            ExecuteError::Load(error) => Self::Load(error),
            ExecuteError::Append(AppendError::CommandIdTaken { .. }) => Self::CommandReused,
            ExecuteError::Append(error) => Self::Append(error),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge { bytes_max } => Self::ContentTooLarge { bytes_max },
            BlobError::Damaged { digest } => Self::Damaged { digest },
            BlobError::Folder(error) => Self::Folder(error),
        }
    }
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Content(error) => Self::Content(error),
            CheckError::Read(error) => Self::Folder(error),
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
        let text = error.to_string();
        match error {
            Error::Field(error) => {
                let problem = Self::new(Code::InvalidArgument, "FIELD_INVALID", chain(&error));
                problem.with("field", error.field)
            }
            Error::PageToken => Self::new(Code::InvalidArgument, "PAGE_TOKEN_INVALID", text),
            Error::ResourceUnknown => Self::new(Code::NotFound, "RESOURCE_UNKNOWN", text),
            Error::ResourceSuspended => {
                Self::new(Code::FailedPrecondition, "RESOURCE_SUSPENDED", text)
            }
            Error::ResourceWithdrawn => {
                Self::new(Code::FailedPrecondition, "RESOURCE_WITHDRAWN", text)
            }
            Error::PublicationUnknown => Self::new(Code::NotFound, "PUBLICATION_UNKNOWN", text),
            Error::Denied(denied) => Self::new(Code::PermissionDenied, denied.reason(), text),
            Error::Protocol => Self::new(Code::InvalidArgument, "PROTOCOL_VIOLATED", text),
            Error::ChunkTooLarge { .. } => {
                Self::new(Code::InvalidArgument, "CHUNK_TOO_LARGE", text)
            }
            Error::ContentTooLarge { bytes_max } => {
                Self::new(Code::ResourceExhausted, "CONTENT_TOO_LARGE", text)
                    .with("bytes_max", bytes_max)
            }
            Error::UploadStalled { .. } => Self::new(Code::Unavailable, "UPLOAD_STALLED", text),
            Error::UploadBroken(_) => Self::new(Code::Unavailable, "UPLOAD_BROKEN", text),
            Error::UploadsFull => Self::new(Code::ResourceExhausted, "UPLOADS_FULL", text),
            Error::Content(error) => content_problem(&error),
            Error::CommandReused => Self::new(Code::InvalidArgument, "COMMAND_ID_REUSED", text),
            Error::Rejected(rejection) => rejection_problem(&rejection),
            Error::Damaged { .. } => Self::new(Code::DataLoss, "CONTENT_DAMAGED", text),
            Error::Folder(error) => Self::unavailable("the content store", error),
            Error::Busy => Self::new(Code::Conflict, "BUSY", text),
            Error::Load(aggregates::Error::Store(error)) => {
                Self::unavailable("the event store", error)
            }
            Error::Load(error) => Self::internal(error),
            Error::Append(error @ AppendError::TooLarge { .. }) => {
                Self::new(Code::ResourceExhausted, "TOO_LARGE", error.to_string())
            }
            Error::Append(error) => Self::unavailable("the event store", error),
            Error::Store(error) => Self::unavailable("the event store", error),
            Error::Database(error) => Self::unavailable("the views' database", error),
            Error::View(error) => Self::unavailable("the view", error),
            Error::Unreadable(error) => Self::internal(error),
            Error::Problem(problem) => problem,
        }
    }
}

fn content_problem(error: &ContentError) -> Problem {
    let place = &error.place;
    let problem = Problem::new(Code::InvalidArgument, error.fault.reason(), error.to_string());
    let mut problem = problem.with("row", place.row);
    if let Some(column) = place.column {
        problem = problem.with("column", column);
    }
    match &place.item {
        Some(item) => problem.with("item", item),
        None => problem,
    }
}

fn rejection_problem(rejection: &Rejection) -> Problem {
    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::ColumnsMissing
        | Rejection::ColumnRepeated { .. }
        | Rejection::ColumnNotOpen { .. }
        | Rejection::BasisMissing
        | Rejection::ReasonMissing => Code::InvalidArgument,
        Rejection::Exists
        | Rejection::NotOpen
        | Rejection::OtherContent { .. }
        | Rejection::AlreadyReviewed
        | Rejection::NotReviewed
        | Rejection::Rejected
        | Rejection::Withdrawn => Code::FailedPrecondition,
        Rejection::ReviewerProposed | Rejection::PublisherReviewed | Rejection::Denied(_) => {
            Code::PermissionDenied
        }
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}
