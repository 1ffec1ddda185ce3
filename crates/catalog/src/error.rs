//! What can go wrong, and how each is answered: the only mapping to statuses.

mod register;
mod rules;

use publicdata_catalog_domain::{
    assessment, change, classification, entity, foreign_resource, harvest_source, library,
    obligation, organisation, resource, vocabulary,
};
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
    #[error("no such obligation, or none that you may see; check its id")]
    ObligationNotFound,
    #[error("the rules for changes forbid it")]
    Change(#[source] change::Rejection),
    #[error("the rules for obligations forbid it")]
    Obligation(#[source] obligation::Rejection),
    #[error("the rules for harvesting forbid it")]
    HarvestSource(#[source] harvest_source::Rejection),
    #[error("the rules for other platforms' datasets forbid it")]
    ForeignResource(#[source] foreign_resource::Rejection),
    #[error("the rules for assessments forbid it")]
    Assessment(#[source] assessment::Rejection),
    #[error("the rules for libraries forbid it")]
    Library(#[source] library::Rejection),
    #[error("the rules for the classification forbid it")]
    Classification(#[source] classification::Rejection),
    #[error("the rules for vocabularies forbid it")]
    Vocabulary(#[source] vocabulary::Rejection),
    #[error("the rules for sources and plans forbid it")]
    Entity(#[source] entity::Rejection),
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
    #[error("another entry of this import has the same provider and name; keep one of them")]
    TwiceInImport,
    #[error("the service ends; repeat the import with its id to go on")]
    Ending,
    #[error("the caller's stream broke off")]
    Cut(#[source] Status),
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

/// What an aggregate's rules forbid, as the variant of that aggregate.
macro_rules! rejections {
    ($($aggregate:ident => $variant:ident),+ $(,)?) => {
        $(impl From<ExecuteError<$aggregate::Rejection>> for Error {
            fn from(error: ExecuteError<$aggregate::Rejection>) -> Self {
                Self::execute(error, Self::$variant)
            }
        })+
    };
}

rejections! {
    organisation => Organisation,
    classification => Classification,
    resource => Resource,
    library => Library,
    vocabulary => Vocabulary,
    entity => Entity,
    change => Change,
    obligation => Obligation,
    harvest_source => HarvestSource,
    foreign_resource => ForeignResource,
    assessment => Assessment,
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
        Error::Organisation(rejection) => rules::organisation(&rejection),
        Error::Resource(rejection) => rules::resource(&rejection),
        Error::ObligationNotFound => Problem::new(Code::NotFound, "OBLIGATION_NOT_FOUND", text),
        Error::Change(rejection) => rules::change(&rejection),
        Error::Obligation(rejection) => rules::obligation(&rejection),
        Error::HarvestSource(rejection) => rules::harvest_source(&rejection),
        Error::ForeignResource(rejection) => {
            Problem::new(Code::InvalidArgument, rejection.reason(), rejection.to_string())
        }
        Error::Assessment(rejection) => rules::assessment(&rejection),
        Error::Library(rejection) => rules::library(&rejection),
        Error::Classification(rejection) => rules::classification(&rejection),
        Error::Vocabulary(rejection) => rules::vocabulary(&rejection),
        Error::Entity(rejection) => rules::entity(&rejection),
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
        Error::TwiceInImport => Problem::new(Code::InvalidArgument, "TWICE_IN_IMPORT", text),
        Error::Ending => Problem::new(Code::Unavailable, "SERVICE_ENDING", text),
        Error::Cut(_) => Problem::new(Code::Unavailable, "STREAM_BROKEN", text),
        Error::Internal(error) => Problem::internal(error),
        Error::Search(error) => search_problem(error),
        Error::OperatorRequired => Problem::new(Code::PermissionDenied, "OPERATOR_REQUIRED", text),
        Error::Problem(problem) => problem,
    }
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
