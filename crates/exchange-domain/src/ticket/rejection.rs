//! Why a command about a ticket is not accepted.

use jiff::civil::Date;
use publicdata_types::Denied;

use super::REFERENCES_MAX;

/// Why a command about a ticket was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody reported anything under this id.
    #[error("ticket does not exist; the consumer raises it first")]
    Absent,
    /// The id is taken.
    #[error("ticket exists already; raise another one with a new command id")]
    Exists,
    /// The day lies ahead.
    #[error(
        "error was found on {found_on}, and today is {today}; name the day on which it was found"
    )]
    FoundLater {
        /// The day named.
        found_on: Date,
        /// The day in China.
        today: Date,
    },
    /// The item was not delivered.
    #[error(
        "item {item} was not delivered by this transfer; name items that were, or another transfer"
    )]
    ItemNotDelivered {
        /// Which.
        item: String,
    },
    /// A wrong value stands in some item.
    #[error("no item is named; a wrong value stands in at least one")]
    ItemsMissing,
    /// One ticket names too many records.
    #[error("{found} records are referred to, {REFERENCES_MAX} are allowed; raise several tickets")]
    TooManyReferences {
        /// How many there are.
        found: usize,
    },
    /// The correction lies ahead.
    #[error("correction lies in the future; answer once the data is right")]
    CorrectedLater,
    /// It was answered.
    #[error("ticket was upheld already; a new error takes a new ticket")]
    AlreadyUpheld,
    /// It was answered.
    #[error("ticket was rejected already; whoever disagrees raises a dispute")]
    AlreadyRejected,
    /// It is gone.
    #[error("ticket was withdrawn; raise a new one")]
    AlreadyWithdrawn,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "TICKET_ABSENT",
            Self::Exists => "TICKET_EXISTS",
            Self::FoundLater { .. } => "FOUND_IN_FUTURE",
            Self::ItemNotDelivered { .. } => "ITEM_NOT_DELIVERED",
            Self::ItemsMissing => "ITEMS_MISSING",
            Self::TooManyReferences { .. } => "TOO_MANY_REFERENCES",
            Self::CorrectedLater => "CORRECTED_IN_FUTURE",
            Self::AlreadyUpheld => "TICKET_UPHELD",
            Self::AlreadyRejected => "TICKET_REJECTED",
            Self::AlreadyWithdrawn => "TICKET_WITHDRAWN",
            Self::Denied(denied) => denied.reason(),
        }
    }
}
