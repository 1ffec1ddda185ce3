//! What a department's own system is told when a fetch fails.

use std::time::Duration;

use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_transfer::credential::CredentialError;
use publicdata_transfer::question::ParameterSealError;
use publicdata_transfer::receiving::ReceiveError;
use publicdata_transfer::signed::SignedError;
use publicdata_transfer::terms::TermsError;
use tonic::Status;

/// Why a fetch fails.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The ticket cannot be read.
    #[error(
        "the ticket is not JSON such as {{\"grantId\":\"…\",\"fields\":[…],\"purpose\":\"…\"}}: {0}"
    )]
    Ticket(String),
    /// The caller belongs to another organisation.
    #[error("this node serves the systems of its own organisation alone")]
    OtherOrganisation,
    /// The grant has no terms yet.
    #[error("the grant was not issued; its provider has to decide first")]
    GrantNotIssued,
    /// The bus gave a grant whose signature is not accepted.
    #[error("the grant that the bus gave is not accepted")]
    GrantSignature(#[source] SignedError),
    /// The bus gave a grant with terms that cannot be read.
    #[error("the grant that the bus gave is not accepted")]
    Terms(#[source] TermsError),
    /// The bus gave another grant, or one that its provider did not sign.
    #[error("the grant that the bus gave is not the one asked for, or not signed by its provider")]
    GrantWrong,
    /// The bus or the provider's node said no, or could not be reached.
    #[error("{}", .0.message())]
    Bus(#[from] Box<Status>),
    /// No connected node of the provider answers questions about the resource.
    #[error(
        "no connected node of the provider answers questions about this resource; try again later"
    )]
    NobodyAnswers,
    /// The ticket names no service, or one that there is not.
    #[error(
        "the question fits none of the provider's data services, or several; name one of: {known}"
    )]
    NoService {
        /// Those that there are.
        known: String,
    },
    /// The bus gave a key whose signature is not accepted.
    #[error("the key of the provider's node that the bus gave is not accepted")]
    NodeKey(#[source] SignedError),
    /// The bus gave the key of somebody else.
    #[error("the key that the bus gave is not one that a node of the provider signed for itself")]
    NodeKeyWrong,
    /// The parameters cannot be sealed.
    #[error(transparent)]
    Parameters(#[from] ParameterSealError),
    /// An answer is too large for one message.
    #[error(
        "the answer has more than {bytes_max} bytes; fetch it through Arrow Flight, or ask for less"
    )]
    TooLarge {
        /// How many may be.
        bytes_max: usize,
    },
    /// A proof that came is not accepted.
    #[error("the proof that the provider's node gave is not accepted")]
    Proof(#[source] CredentialError),
    /// A proof is for something else.
    #[error("the proof that the provider's node gave is for something else than was asked")]
    ProofWrong,
    /// What came is not accepted.
    #[error("the delivery is not accepted")]
    Delivery(#[from] ReceiveError),
    /// The delivery has other columns than the grant says.
    #[error("the delivery's columns are not those that the grant gives")]
    Schema,
    /// The delivery ended without a receipt.
    #[error("the delivery ended before its end")]
    Ended,
    /// An interrupted delivery could not be taken up in time.
    #[error("the delivery was interrupted and could not be resumed for {} s: {last}", after.as_secs())]
    NotResumed {
        /// For how long it was tried.
        after: Duration,
        /// Why the last attempt failed.
        last: Box<FetchError>,
    },
}

impl FetchError {
    /// Whether another attempt may succeed where this one broke off.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        match self {
            Self::Ended => true,
            Self::Bus(status) => Self::is_temporary(status),
            Self::Ticket(_)
            | Self::OtherOrganisation
            | Self::GrantNotIssued
            | Self::GrantSignature(_)
            | Self::Terms(_)
            | Self::GrantWrong
            | Self::NobodyAnswers
            | Self::NoService { .. }
            | Self::NodeKey(_)
            | Self::NodeKeyWrong
            | Self::Parameters(_)
            | Self::TooLarge { .. }
            | Self::Proof(_)
            | Self::ProofWrong
            | Self::Delivery(_)
            | Self::Schema
            | Self::NotResumed { .. } => false,
        }
    }

    /// Whether a question met another node than the one that it was sealed to.
    #[must_use]
    pub fn is_of_another_node(&self) -> bool {
        let Self::Bus(status) = self else { return false };
        let reason = Problem::from_status(status).reason;
        matches!(
            reason.as_ref(),
            "PARAMETERS_UNREADABLE" | "NODE_NOT_CONNECTED" | "SERVICE_UNKNOWN"
        )
    }

    /// Whether the exchange, or this node for it, said no, rather than being out of reach or misunderstood.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::GrantNotIssued
            | Self::GrantSignature(_)
            | Self::Terms(_)
            | Self::GrantWrong
            | Self::NodeKey(_)
            | Self::NodeKeyWrong => true,
            Self::Bus(status) => {
                let code = Problem::from_status(status).code;
                matches!(code, Code::NotFound | Code::PermissionDenied)
            }
            Self::Ticket(_)
            | Self::OtherOrganisation
            | Self::NobodyAnswers
            | Self::NoService { .. }
            | Self::Parameters(_)
            | Self::TooLarge { .. }
            | Self::Proof(_)
            | Self::ProofWrong
            | Self::Delivery(_)
            | Self::Schema
            | Self::Ended
            | Self::NotResumed { .. } => false,
        }
    }

    /// Whether a call may be repeated with hope.
    #[must_use]
    pub fn is_temporary(status: &Status) -> bool {
        matches!(Problem::from_status(status).code, Code::Unavailable | Code::Conflict)
    }

    pub(crate) fn problem(&self) -> Problem {
        let text = || chain(self);
        match self {
            Self::Ticket(_) => Problem::new(Code::InvalidArgument, "TICKET_MALFORMED", text()),
            Self::OtherOrganisation => {
                Problem::new(Code::PermissionDenied, "OTHER_ORGANISATION", text())
            }
            Self::GrantNotIssued => {
                Problem::new(Code::FailedPrecondition, "GRANT_NOT_ISSUED", text())
            }
            Self::GrantSignature(_) | Self::Terms(_) | Self::GrantWrong => {
                Problem::new(Code::DataLoss, "GRANT_REJECTED", text())
            }
            Self::Bus(status) => Problem::from_status(status),
            Self::NobodyAnswers => Problem::new(Code::Unavailable, "NOBODY_ANSWERS", text()),
            Self::NoService { .. } => Problem::new(Code::NotFound, "SERVICE_UNKNOWN", text()),
            Self::NodeKey(_) | Self::NodeKeyWrong | Self::Parameters(_) => {
                Problem::new(Code::DataLoss, "NODE_KEY_REJECTED", text())
            }
            Self::TooLarge { .. } => {
                Problem::new(Code::FailedPrecondition, "ANSWER_TOO_LARGE", text())
            }
            Self::Proof(_) | Self::ProofWrong => {
                Problem::new(Code::DataLoss, "PROOF_REJECTED", text())
            }
            Self::Delivery(error) => Problem::new(Code::DataLoss, error.reason(), text()),
            Self::Schema => Problem::new(Code::DataLoss, "DELIVERY_FIELDS_WRONG", text()),
            Self::Ended => Problem::new(Code::Unavailable, "DELIVERY_INTERRUPTED", text()),
            Self::NotResumed { last, .. } => {
                let mut problem = last.problem();
                problem.message = text();
                problem
            }
        }
    }
}

impl From<Status> for FetchError {
    fn from(status: Status) -> Self {
        Self::Bus(Box::new(status))
    }
}

impl From<FetchError> for Status {
    fn from(error: FetchError) -> Self {
        error.problem().into()
    }
}
