//! Why a command about an organisation was not accepted.

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_types::{AgreementId, Denied, OrganisationCode};

use crate::text::TextMistake;

/// Why a command about an organisation was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not registered.
    #[error("organisation is not registered; the authority over its region registers it first")]
    Absent,
    /// It is registered as something else.
    #[error("organisation {code} is registered already, with another name, region or roles")]
    AlreadyRegistered {
        /// Its code.
        code: OrganisationCode,
    },
    /// The first authority registered long ago.
    #[error("authority {existing} exists already; ask it to register the organisation")]
    AuthorityExists {
        /// The authority.
        existing: OrganisationCode,
    },
    /// Whoever founds the platform does so as an authority.
    #[error(
        "the first organisation registers itself as an authority; the role is not among its roles"
    )]
    FounderNotAuthority,
    /// It was dissolved.
    #[error("organisation was closed on {on}; nothing more happens to it")]
    Closed {
        /// When.
        on: Date,
    },
    /// An authority would take its own rights away, or widen them.
    #[error(
        "an authority does not close itself, give up its role or move; another authority over it \
         does that"
    )]
    OwnAuthority,
    /// Whoever takes over takes part.
    #[error("organisation {code} cannot take over; name another one that is registered")]
    SuccessorUnfit {
        /// Who was to take over.
        code: OrganisationCode,
    },
    /// An organisation has a name.
    #[error("organisation has no name")]
    NameMissing,
    /// An organisation has at least one role.
    #[error("organisation has no role; give it at least one")]
    RolesMissing,
    /// Nobody is responsible for its data security yet.
    #[error("organisation has no security officer; name one, then ask for node certificates")]
    SecurityOfficerMissing,
    /// Another of the organisation's own people asked: an account could otherwise take on a second one, and review its own work.
    #[error(
        "only the organisation's security officer or the authority over it does this for another account or a node"
    )]
    SecurityOfficerRequired,
    /// The certificates are somebody else's.
    #[error("certificate does not name {expected}")]
    OtherSubject {
        /// How the SPIFFE id should end.
        expected: String,
    },
    /// The certificates are never valid.
    #[error("certificate ends at {not_after}, which is not after its beginning")]
    NeverValid {
        /// Until when they are valid.
        not_after: Timestamp,
    },
    /// A node is run by the organisation itself.
    #[error("a node's certificates rest on no agreement; issue them to the organisation itself")]
    AgreementForNode,
    /// The agreement is somebody else's.
    #[error("agreement {agreement} is not one of this organisation")]
    AgreementOfOther {
        /// Which one.
        agreement: AgreementId,
    },
    /// An agreement ends, and what rests on it.
    #[error("certificate would be valid after {not_after}, when its agreement ends")]
    OutlivesAgreement {
        /// The end of the agreement.
        not_after: Timestamp,
    },
    /// A text is wrong.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "ORGANISATION_ABSENT",
            Self::AlreadyRegistered { .. } => "ORGANISATION_REGISTERED_OTHERWISE",
            Self::AuthorityExists { .. } => "AUTHORITY_EXISTS",
            Self::FounderNotAuthority => "FOUNDER_NOT_AUTHORITY",
            Self::NameMissing => "NAME_MISSING",
            Self::RolesMissing => "ROLES_MISSING",
            Self::SecurityOfficerMissing => "SECURITY_OFFICER_MISSING",
            Self::SecurityOfficerRequired => "SECURITY_OFFICER_REQUIRED",
            Self::OtherSubject { .. } => "CERTIFICATE_OF_OTHER_SUBJECT",
            Self::NeverValid { .. } => "CERTIFICATE_NEVER_VALID",
            Self::Closed { .. } => "ORGANISATION_CLOSED",
            Self::OwnAuthority => "OWN_AUTHORITY",
            Self::SuccessorUnfit { .. } => "SUCCESSOR_UNFIT",
            Self::AgreementForNode => "AGREEMENT_FOR_NODE",
            Self::AgreementOfOther { .. } => "AGREEMENT_OF_OTHER_ORGANISATION",
            Self::OutlivesAgreement { .. } => "CERTIFICATE_OUTLIVES_AGREEMENT",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}
