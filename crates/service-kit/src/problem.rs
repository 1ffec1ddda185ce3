//! One vocabulary of errors: what a client should do, a stable reason, and words for a human.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};
use uuid::Uuid;

use crate::tasks::BoxError;

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "publicdata";
/// The metadata key under which a client finds what to quote to the operator.
pub const REFERENCE: &str = "reference";
const REFERENCE_LENGTH: usize = 8;
/// The reason given where another implementation gave none.
const UNSPECIFIED: &str = "UNSPECIFIED";

/// What a client should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Fix the request: it would be wrong at any time.
    InvalidArgument,
    /// Name something that exists, and that the caller may see.
    NotFound,
    /// Ask for the right to do this.
    PermissionDenied,
    /// Show a certificate of this trust domain.
    Unauthenticated,
    /// Bring about what is missing first; repeating alone won't help.
    FailedPrecondition,
    /// Read again, and decide anew: somebody else was faster.
    Conflict,
    /// Repeat later.
    Unavailable,
    /// Ask for less, or later.
    ResourceExhausted,
    /// Stop, and tell the operator: stored data is damaged.
    DataLoss,
    /// Tell the operator.
    Internal,
}

/// Why a call was not answered, as the client sees it.
#[derive(Debug)]
pub struct Problem {
    /// What the client should do.
    pub code: Code,
    /// A stable name, in `SCREAMING_SNAKE_CASE`, for programs to match.
    pub reason: Cow<'static, str>,
    /// What was wrong, where, and what to do; nothing that the caller may not know.
    pub message: String,
    /// The particulars, for programs.
    pub metadata: BTreeMap<String, String>,
    source: Option<BoxError>,
}

impl Problem {
    /// An error that is fit for clients.
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: Cow::Borrowed(reason),
            message: message.into(),
            metadata: BTreeMap::new(),
            source: None,
        }
    }

    /// An error that says nothing to clients but how to find its causes in the log.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self::hiding(Code::Internal, "INTERNAL", "internal error", source)
    }

    /// A dependency (store, database) does not answer. The causes stay in the log.
    pub fn unavailable(what: &str, source: impl Into<BoxError>) -> Self {
        let message = format!("{what} is unavailable, try again later");
        Self::hiding(Code::Unavailable, "DEPENDENCY_UNAVAILABLE", &message, source)
    }

    fn hiding(
        code: Code,
        reason: &'static str,
        message: &str,
        source: impl Into<BoxError>,
    ) -> Self {
        let reference = &Uuid::new_v4().simple().to_string()[..REFERENCE_LENGTH];
        let message = format!("{message}; the operator finds more under reference {reference}");
        let mut problem = Self::new(code, reason, message).with(REFERENCE, reference);
        problem.source = Some(source.into());
        problem
    }

    /// Adds a particular.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// What a server answered.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        let mut problem = Self::new(Code::from_grpc(status.code()), UNSPECIFIED, status.message());
        if let Some(info) = status.get_details_error_info() {
            problem.reason = Cow::Owned(info.reason);
            problem.metadata = info.metadata.into_iter().collect();
        }
        problem
    }

    /// The same for the wire, without logging.
    fn to_status(&self) -> Status {
        let metadata: HashMap<String, String> = self.metadata.clone().into_iter().collect();
        let details = ErrorDetails::with_error_info(self.reason.as_ref(), DOMAIN, metadata);
        Status::with_error_details(self.code.to_grpc(), &self.message, details)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}

/// The boundary of a service: hidden causes are logged here, once.
impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        if let Some(source) = &problem.source {
            let reference = problem.metadata.get(REFERENCE).map_or("", String::as_str);
            let error = chain(source.as_ref());
            tracing::error!(reference, reason = %problem.reason, error, "call failed");
        }
        problem.to_status()
    }
}

impl Code {
    /// What to do, in words for the person before the screen.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::InvalidArgument => "correct the request",
            Self::NotFound => "check the name or id",
            Self::PermissionDenied => "ask whoever is responsible for permission",
            Self::Unauthenticated => "use credentials that this platform's authority issued",
            Self::FailedPrecondition => "bring about what is missing, then repeat",
            Self::Conflict => "look at the present state, then repeat",
            Self::Unavailable => "repeat later",
            Self::ResourceExhausted => "ask for less, or repeat later",
            Self::DataLoss | Self::Internal => "tell the operator of the platform",
        }
    }

    fn to_grpc(self) -> tonic::Code {
        match self {
            Self::InvalidArgument => tonic::Code::InvalidArgument,
            Self::NotFound => tonic::Code::NotFound,
            Self::PermissionDenied => tonic::Code::PermissionDenied,
            Self::Unauthenticated => tonic::Code::Unauthenticated,
            Self::FailedPrecondition => tonic::Code::FailedPrecondition,
            Self::Conflict => tonic::Code::Aborted,
            Self::Unavailable => tonic::Code::Unavailable,
            Self::ResourceExhausted => tonic::Code::ResourceExhausted,
            Self::DataLoss => tonic::Code::DataLoss,
            Self::Internal => tonic::Code::Internal,
        }
    }

    /// Also for codes that our services never send, but proxies and libraries do.
    fn from_grpc(code: tonic::Code) -> Self {
        match code {
            tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Self::InvalidArgument,
            tonic::Code::NotFound => Self::NotFound,
            tonic::Code::PermissionDenied => Self::PermissionDenied,
            tonic::Code::Unauthenticated => Self::Unauthenticated,
            tonic::Code::FailedPrecondition | tonic::Code::AlreadyExists => {
                Self::FailedPrecondition
            }
            tonic::Code::Aborted => Self::Conflict,
            tonic::Code::Unavailable | tonic::Code::Cancelled | tonic::Code::DeadlineExceeded => {
                Self::Unavailable
            }
            tonic::Code::ResourceExhausted => Self::ResourceExhausted,
            tonic::Code::DataLoss => Self::DataLoss,
            tonic::Code::Ok
            | tonic::Code::Unknown
            | tonic::Code::Unimplemented
            | tonic::Code::Internal => Self::Internal,
        }
    }
}

/// An error and its causes in one line, for logs and terminals.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests;
