//! Why a command about a network was not accepted.

use jiff::civil::Date;
use publicdata_types::{Denied, OrganisationCode, RegionCode};

use crate::text::TextMistake;

/// Why a command about a network was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not on record.
    #[error("network is not on record; ask for an opinion, or record that it was built")]
    Absent,
    /// An opinion on something else was asked for.
    #[error("an opinion on this network was asked for already, with another plan")]
    AlreadyAsked,
    /// There is an opinion.
    #[error("the authority has answered already; ask anew, with a new plan")]
    AlreadyAnswered,
    /// Nobody waits for an opinion.
    #[error("no opinion is awaited: the network was built, merged or given up")]
    NotAwaited,
    /// The authority of another level has to answer.
    #[error("the authority of {answering} answers, which is the one of the same level")]
    OtherLevel {
        /// Its division.
        answering: RegionCode,
    },
    /// Nobody answers a request of its own.
    #[error("organisation {organisation} asked itself; another authority answers")]
    OwnRequest {
        /// Who asked.
        organisation: OrganisationCode,
    },
    /// It stands already.
    #[error("network was recorded as built already, on {on}")]
    AlreadyBuilt {
        /// Since when.
        on: Date,
    },
    /// Only what stands can be merged.
    #[error("network was not recorded as built; record that first")]
    NotBuilt,
    /// It was merged or given up.
    #[error("network was merged or given up; nothing more happens to it")]
    Over,
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
            Self::Absent => "NETWORK_ABSENT",
            Self::AlreadyAsked => "OPINION_ASKED_OTHERWISE",
            Self::AlreadyAnswered => "OPINION_GIVEN_OTHERWISE",
            Self::NotAwaited => "OPINION_NOT_AWAITED",
            Self::OtherLevel { .. } => "AUTHORITY_OF_OTHER_LEVEL",
            Self::OwnRequest { .. } => "OWN_REQUEST",
            Self::AlreadyBuilt { .. } => "NETWORK_BUILT_OTHERWISE",
            Self::NotBuilt => "NETWORK_NOT_BUILT",
            Self::Over => "NETWORK_OVER",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}
