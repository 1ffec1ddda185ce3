//! What can go wrong, and how each is answered: the only mapping to statuses.

use publicdata_catalog_domain::description::Mistake;
use publicdata_catalog_domain::leadership::NotWriter;
use publicdata_catalog_domain::{assessment, classification, library, organisation, resource};
use publicdata_event_store::aggregates::ExecuteError;
use publicdata_event_store::{AppendError, BoxError, aggregates};
use publicdata_identity::authority::IssueError;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_types::Denied;
use tonic::Status;

use crate::codec::FieldError;
use crate::search::SearchError;

/// Why a call is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("no such entry, or none that you may see; check its id or code")]
    ResourceNotFound,
    #[error("nothing of this entry held on that day; it was published later")]
    NothingHeld,
    #[error("entry has no such version that you may see; list its versions")]
    VersionNotFound,
    #[error("organisation is not registered; check its code")]
    OrganisationNotFound,
    #[error("no such assessment, or none that you may see; check its id")]
    AssessmentNotFound,
    #[error("the rules for organisations forbid it")]
    Organisation(#[source] organisation::Rejection),
    #[error("the rules for entries forbid it")]
    Resource(#[source] resource::Rejection),
    #[error("the rules for assessments forbid it")]
    Assessment(#[source] assessment::Rejection),
    #[error("the rules for libraries forbid it")]
    Library(#[source] library::Rejection),
    #[error("the rules for the classification forbid it")]
    Classification(#[source] classification::Rejection),
    #[error("the command id was used for another request; use a new one")]
    CommandReused,
    #[error("certificates cannot be issued")]
    Issue(#[source] IssueError),
    #[error("too many change it at once")]
    Busy,
    #[error("events cannot be read")]
    Load(#[source] aggregates::Error),
    #[error("events cannot be stored")]
    Append(#[source] AppendError),
    #[error("the views' database failed")]
    Database(#[from] sqlx::Error),
    #[error("something that must not be")]
    Internal(#[source] BoxError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error("only an authority of a city or a province may call this")]
    OperatorRequired,
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl Error {
    pub(crate) fn field(field: &str, source: impl Into<BoxError>) -> Self {
        Self::Field(FieldError::new(field, source))
    }

    /// What a caller who may not read is told.
    pub(crate) fn denied(asked: Result<(), Denied>) -> Self {
        match asked {
            Ok(()) => Self::Internal("nothing was denied".into()),
            Err(denied) => Self::Problem(Problem::new(
                Code::PermissionDenied,
                denied.reason(),
                denied.to_string(),
            )),
        }
    }

    fn execute<R>(error: ExecuteError<R>, rejected: impl FnOnce(R) -> Self) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => rejected(rejection),
            ExecuteError::Busy { .. } => Self::Busy,
            ExecuteError::Load(error) => Self::Load(error),
            ExecuteError::Append(AppendError::CommandIdTaken { .. }) => Self::CommandReused,
            ExecuteError::Append(error) => Self::Append(error),
        }
    }
}

impl From<ExecuteError<organisation::Rejection>> for Error {
    fn from(error: ExecuteError<organisation::Rejection>) -> Self {
        Self::execute(error, Self::Organisation)
    }
}

impl From<ExecuteError<resource::Rejection>> for Error {
    fn from(error: ExecuteError<resource::Rejection>) -> Self {
        Self::execute(error, Self::Resource)
    }
}

impl From<ExecuteError<assessment::Rejection>> for Error {
    fn from(error: ExecuteError<assessment::Rejection>) -> Self {
        Self::execute(error, Self::Assessment)
    }
}

impl From<ExecuteError<library::Rejection>> for Error {
    fn from(error: ExecuteError<library::Rejection>) -> Self {
        Self::execute(error, Self::Library)
    }
}

impl From<ExecuteError<classification::Rejection>> for Error {
    fn from(error: ExecuteError<classification::Rejection>) -> Self {
        Self::execute(error, Self::Classification)
    }
}

impl From<aggregates::Error> for Error {
    fn from(error: aggregates::Error) -> Self {
        Self::Load(error)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        problem(error).into()
    }
}

fn problem(error: Error) -> Problem {
    let text = error.to_string();
    match error {
        Error::Field(error) => {
            let field = error.field.clone();
            Problem::new(Code::InvalidArgument, "FIELD_INVALID", chain(&error)).with("field", field)
        }
        Error::ResourceNotFound => Problem::new(Code::NotFound, "RESOURCE_NOT_FOUND", text),
        Error::NothingHeld => Problem::new(Code::NotFound, "NOTHING_HELD", text),
        Error::VersionNotFound => Problem::new(Code::NotFound, "VERSION_NOT_FOUND", text),
        Error::OrganisationNotFound => Problem::new(Code::NotFound, "ORGANISATION_NOT_FOUND", text),
        Error::AssessmentNotFound => Problem::new(Code::NotFound, "ASSESSMENT_NOT_FOUND", text),
        Error::Organisation(rejection) => organisation_problem(&rejection),
        Error::Resource(rejection) => resource_problem(&rejection),
        Error::Assessment(rejection) => assessment_problem(&rejection),
        Error::Library(rejection) => library_problem(&rejection),
        Error::Classification(rejection) => classification_problem(&rejection),
        Error::CommandReused => Problem::new(Code::InvalidArgument, "COMMAND_ID_REUSED", text),
        Error::Issue(IssueError::Request(error)) => {
            Problem::new(Code::InvalidArgument, "CERTIFICATE_REQUEST_INVALID", chain(&error))
        }
        Error::Issue(error) => Problem::internal(error),
        Error::Busy => Problem::new(Code::Conflict, "BUSY", format!("{text}; repeat it")),
        Error::Load(aggregates::Error::Store(error)) => {
            Problem::unavailable("the event store", error)
        }
        Error::Load(error) => Problem::internal(error),
        Error::Append(error @ AppendError::TooLarge { .. }) => {
            Problem::new(Code::ResourceExhausted, "TOO_LARGE", error.to_string())
        }
        Error::Append(error) => Problem::unavailable("the event store", error),
        Error::Database(error) => Problem::unavailable("the catalogue's view", error),
        Error::Internal(error) => Problem::internal(error),
        Error::Search(error) => search_problem(error),
        Error::OperatorRequired => Problem::new(Code::PermissionDenied, "OPERATOR_REQUIRED", text),
        Error::Problem(problem) => problem,
    }
}

fn organisation_problem(rejection: &organisation::Rejection) -> Problem {
    use organisation::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::AlreadyRegistered { .. }
        | Rejection::AuthorityExists { .. }
        | Rejection::SecurityOfficerMissing
        | Rejection::OtherSubject { .. }
        | Rejection::NeverValid { .. } => Code::FailedPrecondition,
        Rejection::FounderNotAuthority | Rejection::NameMissing | Rejection::RolesMissing => {
            Code::InvalidArgument
        }
        Rejection::SecurityOfficerRequired | Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

fn resource_problem(rejection: &resource::Rejection) -> Problem {
    use resource::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::Invalid { .. }
        | Rejection::CodeElsewhere { .. }
        | Rejection::CodeChanged { .. }
        | Rejection::ProviderChanged { .. }
        | Rejection::ReasonMissing
        | Rejection::ReasonTooLong { .. }
        | Rejection::CurrentInFuture { .. } => Code::InvalidArgument,
        Rejection::UnderReview
        | Rejection::NoDraft
        | Rejection::NotSubmitted
        | Rejection::NotPublished
        | Rejection::Withdrawn
        | Rejection::CurrentGoesBack { .. }
        | Rejection::NameAlike { .. }
        | Rejection::NotWriter(NotWriter::Vacant { .. }) => Code::FailedPrecondition,
        Rejection::OwnEntry { .. }
        | Rejection::SuspendedByAuthority { .. }
        | Rejection::SuspendedByProvider
        | Rejection::NotWriter(NotWriter::Led { .. } | NotWriter::Denied(_))
        | Rejection::Denied(_) => Code::PermissionDenied,
    };
    let problem = Problem::new(code, rejection.reason(), rejection.to_string());
    match rejection {
        Rejection::Invalid { mistakes } => located(problem, mistakes),
        Rejection::NameAlike { alike } => problem.with("alike", &alike.code),
        Rejection::Absent
        | Rejection::CodeElsewhere { .. }
        | Rejection::CodeChanged { .. }
        | Rejection::ProviderChanged { .. }
        | Rejection::UnderReview
        | Rejection::NoDraft
        | Rejection::NotSubmitted
        | Rejection::ReasonMissing
        | Rejection::ReasonTooLong { .. }
        | Rejection::NotPublished
        | Rejection::SuspendedByAuthority { .. }
        | Rejection::SuspendedByProvider
        | Rejection::Withdrawn
        | Rejection::CurrentInFuture { .. }
        | Rejection::CurrentGoesBack { .. }
        | Rejection::OwnEntry { .. }
        | Rejection::NotWriter(_)
        | Rejection::Denied(_) => problem,
    }
}

/// Where each mistake is, for programs: `mistakes[0].field` and `mistakes[0].reason`, in the order of the fields.
fn located(problem: Problem, mistakes: &[Mistake]) -> Problem {
    let problem = problem.with("mistakes", mistakes.len());
    let first = mistakes.iter().take(resource::MISTAKES_NAMED_MAX).enumerate();
    first.fold(problem, |problem, (index, mistake)| {
        problem
            .with(&format!("mistakes[{index}].field"), mistake.field())
            .with(&format!("mistakes[{index}].reason"), mistake.reason())
    })
}

fn classification_problem(rejection: &classification::Rejection) -> Problem {
    use classification::Rejection;

    let code = match rejection {
        Rejection::BuiltIn { .. } | Rejection::ParentUnknown { .. } => Code::FailedPrecondition,
        Rejection::NameMissing | Rejection::NameTooLong { .. } => Code::InvalidArgument,
        Rejection::DistrictAuthority | Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

fn library_problem(rejection: &library::Rejection) -> Problem {
    use library::Rejection;

    let code = match rejection {
        Rejection::Absent | Rejection::NoItem { .. } => Code::NotFound,
        Rejection::EstablishedOtherwise { .. }
        | Rejection::NotLeadDepartment { .. }
        | Rejection::CurrentAlready { .. } => Code::FailedPrecondition,
        Rejection::NotYet { .. } | Rejection::Text(_) => Code::InvalidArgument,
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

fn assessment_problem(rejection: &assessment::Rejection) -> Problem {
    use assessment::Rejection;

    let code = match rejection {
        Rejection::PeriodOpen { .. } | Rejection::NothingToPublish { .. } => {
            Code::FailedPrecondition
        }
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

fn search_problem(error: SearchError) -> Problem {
    let text = error.to_string();
    match error {
        SearchError::Query(_) => {
            Problem::new(Code::InvalidArgument, "QUERY_INVALID", text).with("field", "query")
        }
        SearchError::Token(_) => {
            Problem::new(Code::InvalidArgument, "FIELD_INVALID", text).with("field", "page_token")
        }
        SearchError::Building { sequence, last_sequence } => {
            Problem::new(Code::Unavailable, "SEARCH_INDEX_BUILDING", text)
                .with("sequence", sequence)
                .with("last_sequence", last_sequence)
        }
        SearchError::Behind { sequence, wanted } => {
            Problem::new(Code::Unavailable, "SEARCH_INDEX_BEHIND", text)
                .with("sequence", sequence)
                .with("wanted", wanted)
        }
        SearchError::Trouble(error) => Problem::unavailable("the search index", error),
        SearchError::Engine(error) => Problem::internal(error),
        SearchError::Damaged(error) => Problem::internal(error),
    }
}
