//! What goes wrong, and how a caller is told: the only mapping from errors to answers.

mod archives;
mod exchange;
mod objections;

use publicdata_event_store::aggregates::{self, ExecuteError};
use publicdata_event_store::{AppendError, BoxError};
use publicdata_exchange_domain::mistake::Mistake;
use publicdata_exchange_domain::{
    Refusal, archive, dispute, grant, subscription, ticket, transfer,
};
use publicdata_identity::SpiffeId;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;
use publicdata_transfer::receipt::ReceiptError;
use publicdata_transfer::signed::SignedError;
use publicdata_types::{Denied, OrganisationCode};
use publicdata_views::WaitError;
use tonic::Status;

use crate::archive::ArchiveError;
use crate::codec::FieldError;

/// Why the bus does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request cannot be read.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The page token is not one of ours.
    #[error("page token is malformed; send back the one of the page before, or none")]
    PageToken,
    /// There is no such thing, or the caller may not know of it.
    #[error("no such {what}")]
    Unknown {
        /// Of which kind.
        what: &'static str,
    },
    /// The catalogue took the resource out of use for a time.
    #[error(
        "the catalogue has suspended this resource; apply again once it is resumed (its entry says why)"
    )]
    ResourceSuspended,
    /// The catalogue took the resource out of use for good.
    #[error("the resource was withdrawn from the catalogue; its entry says why")]
    ResourceWithdrawn,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller is no node.
    #[error("only a data service node may call this; use the credentials of a node")]
    NotANode,
    /// A signature is missing or wrong.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// Somebody else than the caller signed.
    #[error("signer is not the caller; sign with the credentials that you call with")]
    NotTheSigner,
    /// A receipt is not one for this transfer.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The rules of applications and grants forbid it.
    #[error("{rejection}")]
    Grant {
        /// The rule.
        #[source]
        rejection: grant::Rejection,
        /// What the catalogue says of sharing, where that matters.
        condition: Option<String>,
        /// The grant to use instead, where there is one.
        offer: Option<String>,
    },
    /// The rules of transfers forbid it.
    #[error(transparent)]
    Transfer(#[from] transfer::Rejection),
    /// The rules of verification tickets forbid it.
    #[error(transparent)]
    Ticket(#[from] ticket::Rejection),
    /// The rules of disputes forbid it.
    #[error(transparent)]
    Dispute(#[from] dispute::Rejection),
    /// Nothing was delivered that could be doubted.
    #[error("transfer is not completed; a ticket names one that is")]
    TransferNotCompleted,
    /// The rules of subscriptions forbid it.
    #[error(transparent)]
    Subscription(#[from] subscription::Rejection),
    /// The use is not within its grant (R30.1).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No node of the provider that serves the resource is connected.
    #[error("no node of the provider that serves this resource is connected; try again later")]
    NodeNotConnected,
    /// The bus of another tier is out of reach (R24.1).
    #[error(
        "{peer}, the bus of another tier, cannot be reached; try again later (exchanges within this tier go on)"
    )]
    TierUnreachable {
        /// Which.
        peer: SpiffeId,
    },
    /// What the bus of another tier answers.
    #[error(transparent)]
    Peer(Problem),
    /// What was decided about a transfer, and recorded.
    #[error(transparent)]
    Told(Problem),
    /// The caller is no bus that this one exchanges with.
    #[error(
        "only the bus of another tier that this bus is configured to exchange with may call this"
    )]
    NotAPeer,
    /// A bus asks on behalf of an organisation that is not of its tier.
    #[error(
        "organisation {organisation} is not of the calling bus's tier; its own bus asks for it"
    )]
    OutsideTier {
        /// Which.
        organisation: OrganisationCode,
    },
    /// Grants of the provider are decided about elsewhere.
    #[error("grants of this provider are issued at {peer}, the bus of its tier; issue it there")]
    OtherTier {
        /// Where.
        peer: SpiffeId,
    },
    /// The transfer does not wait for this node.
    #[error("transfer does not wait for this node; deliver only what the bus asked for")]
    NotAsked,
    /// A delivery or link does not begin as it has to.
    #[error("{expected} must come first")]
    Beginning {
        /// What should have come.
        expected: &'static str,
    },
    /// An aggregate cannot be read.
    #[error(transparent)]
    Load(#[from] aggregates::Error),
    /// An event cannot be stored.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Others keep changing the same aggregate.
    #[error("others are changing the same thing; try again")]
    Busy,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The views do not show what was just written.
    #[error(transparent)]
    View(#[from] WaitError),
    /// An archive of the log cannot be written or read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// More subjects were asked about than can be counted at once.
    #[error(
        "more than {counted_max} subjects were asked about; name a grant, a resource or a later beginning"
    )]
    TooManySubjects {
        /// How many can be counted.
        counted_max: usize,
    },
    /// The archives of the log are in another state than was thought.
    #[error(transparent)]
    Archives(#[from] archive::Rejection),
    /// Stored data cannot be read.
    #[error("stored data cannot be read")]
    Unreadable(#[source] BoxError),
}

impl Error {
    /// For `map_err`: what the bus has stored cannot be read.
    pub(crate) fn unreadable(source: impl Into<BoxError>) -> Self {
        Self::Unreadable(source.into())
    }

    /// An application was not accepted: says what the catalogue says of sharing, and which offer to use at once.
    pub(crate) fn application(
        error: ExecuteError<grant::Rejection>,
        condition: String,
        offer: Option<String>,
    ) -> Self {
        let mut error = Self::from(error);
        if let Self::Grant { rejection, condition: said, offer: named } = &mut error {
            if *rejection == grant::Rejection::NotShared {
                *said = Some(condition);
            } else if *rejection == grant::Rejection::NotNeeded {
                *named = offer;
            }
        }
        error
    }

    /// What the caller is told.
    pub(crate) fn problem(self) -> Problem {
        let text = self.to_string();
        match self {
            Self::Field(FieldError { field, source }) => {
                let text = format!("field {field} is wrong: {source}");
                Problem::new(Code::InvalidArgument, "FIELD_INVALID", text).with("field", field)
            }
            Self::PageToken => Problem::new(Code::InvalidArgument, "PAGE_TOKEN_INVALID", text),
            Self::Unknown { what } => Problem::new(Code::NotFound, unknown(what), text),
            Self::ResourceSuspended => {
                Problem::new(Code::FailedPrecondition, "RESOURCE_SUSPENDED", text)
            }
            Self::ResourceWithdrawn => {
                Problem::new(Code::FailedPrecondition, "RESOURCE_WITHDRAWN", text)
            }
            Self::Denied(denied) => Problem::new(Code::PermissionDenied, denied.reason(), text),
            Self::NotANode => Problem::new(Code::PermissionDenied, "NOT_A_NODE", text),
            Self::Signed(error) => {
                Problem::new(Code::PermissionDenied, "SIGNATURE_INVALID", chain(&error))
            }
            Self::NotTheSigner => Problem::new(Code::PermissionDenied, "NOT_THE_SIGNER", text),
            Self::Receipt(error) => receipt(&error),
            Self::Grant { rejection, condition, offer } => grant(&rejection, condition, offer),
            Self::Transfer(rejection) => exchange::transfer(&rejection),
            Self::Ticket(rejection) => objections::ticket(&rejection),
            Self::Dispute(rejection) => objections::dispute(&rejection),
            Self::TransferNotCompleted => {
                Problem::new(Code::FailedPrecondition, "TRANSFER_NOT_COMPLETED", text)
            }
            Self::Subscription(rejection) => exchange::subscription(&rejection),
            Self::Refused(refusal) => exchange::refused(&refusal),
            Self::NodeNotConnected => Problem::new(Code::Unavailable, "NODE_NOT_CONNECTED", text),
            Self::TierUnreachable { peer } => {
                Problem::new(Code::Unavailable, "TIER_UNREACHABLE", text).with("peer", peer)
            }
            Self::Peer(problem) | Self::Told(problem) => problem,
            Self::NotAPeer => Problem::new(Code::PermissionDenied, "NOT_A_PEER", text),
            Self::OutsideTier { .. } => Problem::new(Code::PermissionDenied, "OUTSIDE_TIER", text),
            Self::OtherTier { peer } => {
                Problem::new(Code::FailedPrecondition, "OTHER_TIER", text).with("peer", peer)
            }
            Self::NotAsked => Problem::new(Code::FailedPrecondition, "NOT_ASKED", text),
            Self::Beginning { .. } => {
                Problem::new(Code::InvalidArgument, "PROTOCOL_VIOLATED", text)
            }
            Self::Busy => Problem::new(Code::Conflict, "BUSY", text),
            Self::Load(aggregates::Error::Id(_)) => {
                Problem::new(Code::InvalidArgument, "FIELD_INVALID", text)
            }
            Self::Load(error @ aggregates::Error::Undecodable { .. }) => Problem::internal(error),
            Self::Load(error @ aggregates::Error::Store(_)) => {
                Problem::unavailable("event store", error)
            }
            Self::Append(error) => append(error),
            Self::Database(error) => Problem::unavailable("database", error),
            Self::View(error) => Problem::unavailable("view", error),
            Self::Archive(error) => archives::archive(error),
            Self::TooManySubjects { .. } => {
                Problem::new(Code::ResourceExhausted, "TOO_MANY_SUBJECTS", text)
            }
            Self::Archives(rejection) => {
                Problem::new(Code::FailedPrecondition, rejection.reason(), text)
            }
            Self::Unreadable(error) => Problem::internal(error),
        }
    }
}

fn unknown(what: &str) -> &'static str {
    match what {
        "resource" => "RESOURCE_UNKNOWN",
        "transfer" => "TRANSFER_UNKNOWN",
        "ticket" => "TICKET_UNKNOWN",
        "dispute" => "DISPUTE_UNKNOWN",
        "organisation" => "ORGANISATION_UNKNOWN",
        "subscription" => "SUBSCRIPTION_UNKNOWN",
        _ => "GRANT_UNKNOWN",
    }
}

impl From<grant::Rejection> for Error {
    fn from(rejection: grant::Rejection) -> Self {
        Self::Grant { rejection, condition: None, offer: None }
    }
}

impl<R> From<ExecuteError<R>> for Error
where
    Self: From<R>,
{
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::from(rejection),
            ExecuteError::Busy { .. } => Self::Busy,
            ExecuteError::Load(error) => Self::Load(error),
            ExecuteError::Append(error) => Self::Append(error),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.problem().into()
    }
}

fn append(error: AppendError) -> Problem {
    match error {
        AppendError::Conflict { .. } => Problem::new(Code::Conflict, "BUSY", "others were faster"),
        AppendError::TooLarge { bytes, bytes_max, .. } => {
            let text = format!("request takes {bytes} bytes as an event; {bytes_max} are allowed");
            Problem::new(Code::ResourceExhausted, "TOO_LARGE", text)
        }
        AppendError::CommandIdTaken { .. } => {
            let text = "command id was used for something else; make a new one";
            Problem::new(Code::InvalidArgument, "COMMAND_ID_TAKEN", text)
        }
        AppendError::Store(error) => Problem::unavailable("event store", error),
    }
}

fn receipt(error: &ReceiptError) -> Problem {
    let code = match error {
        ReceiptError::Signed(_) | ReceiptError::Signer { .. } => Code::PermissionDenied,
        ReceiptError::Mismatch { .. } => Code::FailedPrecondition,
    };
    let reason = match error {
        ReceiptError::Signed(_) => "SIGNATURE_INVALID",
        ReceiptError::Signer { .. } => "WRONG_SIGNER",
        ReceiptError::Mismatch { .. } => "RECEIPT_DIFFERS",
    };
    Problem::new(code, reason, chain(error))
}

fn grant(
    rejection: &grant::Rejection,
    condition: Option<String>,
    offer: Option<String>,
) -> Problem {
    use grant::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::Application { .. }
        | Rejection::Terms { .. }
        | Rejection::LegalBasisMissing
        | Rejection::ReasonMissing => Code::InvalidArgument,
        Rejection::Exists
        | Rejection::AlreadyRefused
        | Rejection::AlreadyIssued
        | Rejection::AlreadyRevoked
        | Rejection::NotIssued
        | Rejection::OwnResource
        | Rejection::NotShared
        | Rejection::NotNeeded => Code::FailedPrecondition,
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    let mut text = rejection.to_string();
    if let Some(condition) = &condition {
        text = format!("{text}: {condition}");
    }
    if let Some(offer) = &offer {
        text = format!("{text}: {offer}");
    }
    let mut problem = Problem::new(code, rejection.reason(), text);
    for (key, value) in [("sharing_condition", condition), ("grant_id", offer)] {
        if let Some(value) = value {
            problem = problem.with(key, value);
        }
    }
    match rejection {
        Rejection::Application { mistakes } | Rejection::Terms { mistakes } => {
            locate(problem, mistakes)
        }
        Rejection::Absent
        | Rejection::Exists
        | Rejection::AlreadyRefused
        | Rejection::AlreadyIssued
        | Rejection::AlreadyRevoked
        | Rejection::NotIssued
        | Rejection::OwnResource
        | Rejection::NotShared
        | Rejection::NotNeeded
        | Rejection::LegalBasisMissing
        | Rejection::ReasonMissing
        | Rejection::Denied(_) => problem,
    }
}

/// Says where a row filter is wrong, for programs that mark the place.
fn locate(problem: Problem, mistakes: &[Mistake]) -> Problem {
    let place = mistakes.iter().find_map(|mistake| {
        let Mistake::Filter(error) = mistake else { return None };
        error.at
    });
    match place {
        Some(at) => problem.with("row_filter.line", at.line).with("row_filter.column", at.column),
        None => problem,
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    publicdata_service_kit::problem::chain(error)
}
