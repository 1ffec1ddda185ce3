//! Why a command about a grant is not accepted.

use publicdata_types::Denied;

use crate::mistake::{Mistake, list};

/// Why a command about a grant was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody applied under this id.
    #[error("application does not exist; the consumer applies first")]
    Absent,
    /// The id is taken.
    #[error("grant exists already; apply with a new command id")]
    Exists,
    /// The application was refused before.
    #[error("application was refused; the consumer applies anew")]
    AlreadyRefused,
    /// The grant was issued before.
    #[error("grant was issued already; revoke it first to change its terms")]
    AlreadyIssued,
    /// The grant has ended.
    #[error("grant was revoked; the consumer applies anew")]
    AlreadyRevoked,
    /// There is nothing to revoke.
    #[error("grant was not issued, so it cannot be revoked")]
    NotIssued,
    /// The provider has the data.
    #[error("resource is the organisation's own; it needs no grant")]
    OwnResource,
    /// Nobody gets the data.
    #[error("resource is not shared; the catalogue gives the reason")]
    NotShared,
    /// Everyone gets the data.
    #[error("these fields are shared unconditionally; use the provider's standing offer")]
    NotNeeded,
    /// The application has mistakes.
    #[error("application has mistakes: {}", list(.mistakes))]
    Application {
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// The terms have mistakes.
    #[error("terms have mistakes: {}", list(.mistakes))]
    Terms {
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// A refusal needs a legal basis (R22.1).
    #[error("legal basis is empty; an application can be refused only on a legal basis")]
    LegalBasisMissing,
    /// Whoever refuses or revokes says why.
    #[error("reason is empty")]
    ReasonMissing,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "APPLICATION_ABSENT",
            Self::Exists => "GRANT_EXISTS",
            Self::AlreadyRefused => "APPLICATION_REFUSED",
            Self::AlreadyIssued => "GRANT_ISSUED",
            Self::AlreadyRevoked => "GRANT_REVOKED",
            Self::NotIssued => "GRANT_NOT_ISSUED",
            Self::OwnResource => "OWN_RESOURCE",
            Self::NotShared => "NOT_SHARED",
            Self::NotNeeded => "APPLICATION_NOT_NEEDED",
            Self::Application { .. } => "APPLICATION_INVALID",
            Self::Terms { .. } => "TERMS_INVALID",
            Self::LegalBasisMissing => "LEGAL_BASIS_MISSING",
            Self::ReasonMissing => "REASON_MISSING",
            Self::Denied(denied) => denied.reason(),
        }
    }
}
