//! Why a step of a dispute is not accepted.

use publicdata_types::Denied;

use super::Stage;

/// Why a step of a dispute was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody raised anything under this id.
    #[error("dispute does not exist; consumer or provider raises it first")]
    Absent,
    /// The id is taken.
    #[error("dispute exists already; raise another one with a new command id")]
    Exists,
    /// The caller is neither provider nor consumer.
    #[error("only the provider and the consumer that the dispute is between may do this")]
    NotAParty,
    /// Nobody is on the other side.
    #[error("dispute has no other party: provider and consumer are the same organisation")]
    NoOtherParty,
    /// What is disputed has not come so far.
    #[error("{matter} cannot be disputed yet: it can once it was {expected}")]
    MatterOpen {
        /// Of which kind it is.
        matter: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// It is another step's turn.
    #[error("this step is not due; due now: {}", .stage.due())]
    NotDue {
        /// Where the dispute stands.
        stage: Stage,
    },
    /// It is over.
    #[error("dispute is closed; due now: {}", .stage.due())]
    Closed {
        /// How it ended.
        stage: Stage,
    },
    /// Nothing was proposed.
    #[error("no settlement was proposed; propose one, which the other party then confirms")]
    NoProposal,
    /// One's own proposal stands.
    #[error("settlement was proposed by the same party; the other one confirms it")]
    OwnProposal,
    /// Another proposal stands.
    #[error(
        "proposal {number} does not stand, proposal {stands} does; read it, and confirm that one"
    )]
    OtherProposal {
        /// The one that stands.
        stands: u32,
        /// The one that was named.
        number: u32,
    },
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "DISPUTE_ABSENT",
            Self::Exists => "DISPUTE_EXISTS",
            Self::NotAParty => "NOT_A_PARTY",
            Self::NoOtherParty => "NO_OTHER_PARTY",
            Self::MatterOpen { .. } => "MATTER_NOT_DISPUTABLE",
            Self::NotDue { .. } => "STEP_NOT_DUE",
            Self::Closed { .. } => "DISPUTE_CLOSED",
            Self::NoProposal => "NO_PROPOSAL",
            Self::OwnProposal => "OWN_PROPOSAL",
            Self::OtherProposal { .. } => "OTHER_PROPOSAL",
            Self::Denied(denied) => denied.reason(),
        }
    }
}
