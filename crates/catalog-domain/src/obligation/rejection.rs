//! Why a command about an obligation was not accepted.

use jiff::civil::Date;
use publicdata_types::{Denied, OrganisationCode, ResourceId};

use super::{NOTE_MAX, RESOURCES_MAX};

/// Why a command about an obligation was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing opened it.
    #[error("obligation does not exist; check its id")]
    Absent,
    /// This id stands for another obligation.
    #[error("another obligation opened under this id")]
    OpenedOtherwise,
    /// A fulfilment says neither what was changed nor why nothing was.
    #[error("neither an entry nor a note; name the entries that changed, or say why none had to")]
    NothingSaid,
    /// A text is too long.
    #[error("{field} has {found} characters, at most {NOTE_MAX} are allowed")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How many characters it has.
        found: usize,
    },
    /// Too many entries are named.
    #[error("{found} entries are named, at most {RESOURCES_MAX} are allowed; name the main ones")]
    TooManyNamed {
        /// How many.
        found: usize,
    },
    /// The organisation has no such entry.
    #[error("resource {resource} is no entry of your organisation; check its id")]
    NotOwn {
        /// The entry.
        resource: ResourceId,
    },
    /// The entry was not touched since the change.
    #[error(
        "resource {resource} was not drafted, submitted or published since {since}; revise it first, or \
         say in the note why nothing has to change"
    )]
    Unchanged {
        /// The entry.
        resource: ResourceId,
        /// The day of the change.
        since: Date,
    },
    /// An obligation to update data is met by the update.
    #[error("obligation is met by the update itself; report the update of the data instead")]
    MetByUpdate,
    /// It was met before, in another way.
    #[error("obligation is met already")]
    AlreadyMet,
    /// It was cancelled before.
    #[error("obligation is cancelled already")]
    AlreadyCancelled,
    /// Whoever cancels says why.
    #[error("reason is empty; say why the obligation no longer applies")]
    ReasonMissing,
    /// An obligation to update data goes with its resource or library item.
    #[error(
        "obligation follows from an update cycle; suspend or withdraw the resource, or release the item, \
         instead"
    )]
    FollowsItsCause,
    /// A district authority does not cancel its own obligations.
    #[error("authority {organisation} has this obligation itself; the authority above it cancels")]
    OwnObligation {
        /// The authority.
        organisation: OrganisationCode,
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
            Self::Absent => "OBLIGATION_ABSENT",
            Self::OpenedOtherwise => "OBLIGATION_OPENED_OTHERWISE",
            Self::NothingSaid => "FULFILMENT_EMPTY",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::TooManyNamed { .. } => "TOO_MANY_ENTRIES",
            Self::NotOwn { .. } => "ENTRY_NOT_OWN",
            Self::Unchanged { .. } => "ENTRY_UNCHANGED",
            Self::MetByUpdate => "MET_BY_UPDATE",
            Self::AlreadyMet => "OBLIGATION_MET",
            Self::AlreadyCancelled => "OBLIGATION_CANCELLED",
            Self::ReasonMissing => "REASON_MISSING",
            Self::FollowsItsCause => "OBLIGATION_FOLLOWS_CAUSE",
            Self::OwnObligation { .. } => "OWN_OBLIGATION",
            Self::Denied(denied) => denied.reason(),
        }
    }
}
