//! Why a delivery or a comparison does not come about, and what is done about it.

use jiff::Timestamp;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use tonic::Status;

use crate::error::FetchError;
use crate::sink::SinkError;
use crate::source::SourceError;

/// Why a delivery does not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error("the bus does not open the subscription: {}", .0.message())]
    Open(Box<Status>),
    #[error(
        "the sink's key names `{field}`, which the grant masks; choose a key of plain or pseudonymous fields"
    )]
    KeyMasked { field: String },
    #[error("the delivery does not say what it holds")]
    Content,
    #[error("the sink cannot be read back to be compared")]
    SinkRead(#[source] SourceError),
    #[error("a {kind} sink cannot be read back to be compared; only postgres and sqlite can")]
    NotReadable { kind: &'static str },
}

/// What is done about a failure.
pub(super) enum Remedy {
    /// It is tried again, ever more slowly.
    Later,
    /// It is tried again then.
    At(Timestamp),
    /// Everything is fetched anew.
    FromBeginning,
    /// Nothing: it has ended.
    Nothing,
}

impl Failure {
    pub(super) fn problem(&self) -> Problem {
        match self {
            Self::Open(status) => Problem::from_status(status),
            Self::Fetch(error) => error.problem(),
            Self::Sink(error) => {
                Problem::new(Code::FailedPrecondition, error.reason(), chain(error))
            }
            Self::KeyMasked { .. } => {
                Problem::new(Code::FailedPrecondition, "SINK_KEY_MASKED", self.to_string())
            }
            Self::Content => {
                Problem::new(Code::DataLoss, "DELIVERY_FIELDS_WRONG", self.to_string())
            }
            Self::SinkRead(_) => {
                Problem::new(Code::FailedPrecondition, "SINK_UNREADABLE", chain(self))
            }
            Self::NotReadable { .. } => {
                Problem::new(Code::FailedPrecondition, "SINK_UNREADABLE", self.to_string())
            }
        }
    }

    pub(super) fn remedy(&self, problem: &Problem) -> Remedy {
        match &*problem.reason {
            "CURSOR_UNKNOWN" => Remedy::FromBeginning,
            // The bus knows it as ended, and opens it under another grant alone.
            "SUBSCRIPTION_ENDED"
            | "GRANT_REVOKED"
            | "GRANT_EXPIRED"
            | "SUBSCRIPTION_OF_OTHER_NODE"
            | "RESOURCE_WITHDRAWN" => Remedy::Nothing,
            _ => match problem.metadata.get("next_at").and_then(|at| at.parse().ok()) {
                Some(at) => Remedy::At(at),
                None => Remedy::Later,
            },
        }
    }
}
