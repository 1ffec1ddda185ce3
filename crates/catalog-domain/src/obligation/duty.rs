//! What has to be done, by whom, and for how long.

use jiff::civil::Date;
use publicdata_types::{
    Calendar, ChangeId, ClassificationCode, Deadline, OrganisationCode, Period, RegionCode,
    ResourceId,
};

use super::WARNED_AHEAD;

/// What has to be done, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Who has to do it.
    pub organisation: OrganisationCode,
    /// The organisation's division: the authority over it supervises.
    pub region: RegionCode,
    /// What it follows from.
    pub cause: Cause,
    /// What has to be done, in words: the title of the change, the name of the resource or of the item.
    pub subject: String,
    /// The day that the limit counts from; it is not counted itself.
    pub counted_from: Date,
    /// The day on which its cause happened.
    pub opened_on: Date,
    /// How long the limit is.
    pub term: Term,
}

/// What an obligation follows from. It says what kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A change of law or of functions: the catalogue has to be brought up to date.
    Change(ChangeId),
    /// A published resource: its data have to be updated.
    Resource(ResourceId),
    /// A base or theme library: the item of its that the subject names has to be collected or updated.
    Library(ClassificationCode),
}

/// What an obligation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To bring one's catalogue up to date (R14.1).
    CatalogueUpdate,
    /// To update the data of a resource (R12.4).
    DataUpdate,
    /// To collect or update an item of a library (R20.1).
    LibraryItem,
}

/// How long a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// So many working days.
    WorkingDays(u32),
    /// One period of an update cycle.
    Every(Period),
}

/// How an obligation was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfilment {
    /// The day.
    pub on: Date,
    /// Whether that was after the last day.
    pub late: bool,
    /// The entries that were brought up to date.
    pub resources: Vec<ResourceId>,
    /// What the organisation says of it.
    pub note: String,
}

/// An entry that an organisation names, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The entry.
    pub resource: ResourceId,
    /// The last day on which it was drafted, submitted or published; `None` if the organisation has no such entry.
    pub changed_on: Option<Date>,
}

impl Duty {
    /// What kind of obligation it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.cause.kind()
    }
}

impl Cause {
    /// What kind of obligation follows from it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Change(_) => Kind::CatalogueUpdate,
            Self::Resource(_) => Kind::DataUpdate,
            Self::Library(_) => Kind::LibraryItem,
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::CatalogueUpdate, Self::DataUpdate, Self::LibraryItem];

    /// The requirement that sets the limit.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::CatalogueUpdate => "R14.1",
            Self::DataUpdate => "R12.4",
            Self::LibraryItem => "R20.1",
        }
    }
}

impl Term {
    /// The last day, counted from `from`.
    #[must_use]
    pub fn due(self, calendar: &Calendar, from: Date) -> Deadline {
        match self {
            Self::WorkingDays(days) => calendar.due(from, days),
            Self::Every(period) => period.due(calendar, from),
        }
    }

    /// The limit in working days, if it is one: then holidays matter.
    #[must_use]
    pub const fn working_days(self) -> Option<u32> {
        match self {
            Self::WorkingDays(days) => Some(days),
            Self::Every(Period::Daily) => Some(1),
            Self::Every(
                Period::Weekly
                | Period::Monthly
                | Period::Quarterly
                | Period::HalfYearly
                | Period::Yearly,
            ) => None,
        }
    }
}

/// The last day of which a warning is due on `today`: three working days are left until then, or fewer.
#[must_use]
pub fn warn_until(calendar: &Calendar, today: Date) -> Date {
    calendar.due(today, WARNED_AHEAD).on
}
