//! Why a command about a finding is not accepted.

use jiff::civil::Date;
use publicdata_types::Denied;

/// Why a command about a finding was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing was found under this id.
    #[error("finding does not exist; name one that `finding list` shows")]
    Absent,
    /// The id is taken.
    #[error("finding was raised already, and says something else; raise it with a new command id")]
    RaisedOtherwise,
    /// Article 46 has eleven numbers.
    #[error("article 46 has the numbers 1 to 11, not {found}")]
    Clause {
        /// What was named.
        found: u8,
    },
    /// A last day that has passed.
    #[error("last day {due} has passed, it is {today}; name a later one")]
    DueInThePast {
        /// The last day.
        due: Date,
        /// The day.
        today: Date,
    },
    /// There is an order already.
    #[error("rectification was ordered already; judge what is reported of it, or escalate it")]
    Ordered,
    /// Nothing was ordered.
    #[error("no rectification was ordered; the authority orders it first")]
    NotOrdered,
    /// It waits for the authority.
    #[error("rectification was reported already; the authority has to judge it")]
    Reported,
    /// There is nothing to judge.
    #[error("nothing was reported since the order; only accepting is possible, or escalating")]
    NotReported,
    /// It is closed.
    #[error("finding is closed; nothing can be added to it")]
    Closed,
    /// Nobody judges themselves.
    #[error("the finding is against your own organisation; the authority above it decides")]
    OwnFinding,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "FINDING_ABSENT",
            Self::RaisedOtherwise => "FINDING_RAISED_OTHERWISE",
            Self::Clause { .. } => "CLAUSE_UNKNOWN",
            Self::DueInThePast { .. } => "DUE_IN_THE_PAST",
            Self::Ordered => "RECTIFICATION_ORDERED",
            Self::NotOrdered => "RECTIFICATION_NOT_ORDERED",
            Self::Reported => "RECTIFICATION_REPORTED",
            Self::NotReported => "RECTIFICATION_NOT_REPORTED",
            Self::Closed => "FINDING_CLOSED",
            Self::OwnFinding => "FINDING_OWN",
            Self::Denied(denied) => denied.reason(),
        }
    }
}
