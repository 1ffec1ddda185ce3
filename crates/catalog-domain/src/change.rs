//! A change of the law, or of an organisation's functions, that catalogues have to follow (R14.1).

use std::collections::BTreeSet;

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied, OrganisationCode, RegionCode};

/// How many organisations one change may name.
pub const ORGANISATIONS_MAX: usize = 5_000;
/// How many characters a title may have.
pub const TITLE_MAX: usize = 200;
/// How many characters a description may have.
pub const DESCRIPTION_MAX: usize = 4_000;
/// How many days the day of the change may lie from the day of recording, before or after: a year. More is a slip of the pen.
pub const DISTANCE_DAYS_MAX: i32 = 366;

/// A change, once it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Nothing was recorded yet.
    #[default]
    Absent,
    /// It is recorded, for good.
    Recorded(Record),
}

/// What a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What changed.
    pub kind: Kind,
    /// The title of the law, or of the decision on functions.
    pub title: String,
    /// What it means for the catalogue, in words; may be empty.
    pub description: String,
    /// The day of the revision or of the change of functions: limits count from it (自…之日起).
    pub effective_on: Date,
    /// The organisations that it affects.
    pub affected: Vec<Affected>,
}

/// What made catalogues out of date (article 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 有关法律法规作出修订.
    Law,
    /// 行政管理职能发生变化.
    Function,
}

/// An organisation that a change affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The organisation.
    pub organisation: OrganisationCode,
    /// Its division.
    pub region: RegionCode,
}

/// What can be asked of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Records it.
    Record {
        /// What changed, and whom it affects.
        record: Record,
        /// The organisations among those that were named which are not registered.
        unregistered: Vec<OrganisationCode>,
        /// The day of recording in China.
        today: Date,
        /// Who records.
        by: Actor,
    },
}

/// What happened to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The authority recorded it.
    Recorded {
        /// What changed, and whom it affects.
        record: Record,
        /// The division of the authority that recorded it.
        region: RegionCode,
    },
}

/// Why a change was not recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// This id stands for another change.
    #[error("another change is recorded under this id; use a new one")]
    RecordedOtherwise,
    /// The title is empty.
    #[error("title is empty; name the law, or the decision on functions")]
    TitleMissing,
    /// A text is too long.
    #[error("{field} has {found} characters, at most {max} are allowed")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// Nobody is affected.
    #[error("no organisation is named; name those that the change affects")]
    NobodyAffected,
    /// Too many are affected.
    #[error(
        "{found} organisations are named, at most {ORGANISATIONS_MAX} are allowed; record the rest as \
         another change"
    )]
    TooManyAffected {
        /// How many.
        found: usize,
    },
    /// An organisation is named twice.
    #[error("organisation {organisation} is named twice; name it once")]
    NamedTwice {
        /// The organisation.
        organisation: OrganisationCode,
    },
    /// An organisation is not registered.
    #[error("organisation {organisation} is not registered; check its code, or register it first")]
    NotRegistered {
        /// The organisation.
        organisation: OrganisationCode,
    },
    /// The day of the change is far off.
    #[error(
        "day of the change {effective_on} is more than {DISTANCE_DAYS_MAX} days from today; check the \
         year"
    )]
    FarOff {
        /// The day.
        effective_on: Date,
    },
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Change {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        let Command::Record { record, unregistered, today, by } = command;
        // Whom the caller may not govern comes before everything else: nothing is said of them.
        by.may_govern(&by.region)?;
        for affected in &record.affected {
            by.may_govern(&affected.region)?;
        }
        match self {
            Self::Recorded(known) if *known == record => return Ok(vec![]),
            Self::Recorded(_) => return Err(Rejection::RecordedOtherwise),
            Self::Absent => {}
        }
        check(&record, &unregistered, today)?;
        Ok(vec![Event::Recorded { record, region: by.region }])
    }

    fn evolve(self, event: &Event) -> Self {
        let Event::Recorded { record, .. } = event;
        match self {
            Self::Absent => Self::Recorded(record.clone()),
            Self::Recorded(known) => Self::Recorded(known),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::RecordedOtherwise => "CHANGE_RECORDED_OTHERWISE",
            Self::TitleMissing => "TITLE_MISSING",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::NobodyAffected => "NOBODY_AFFECTED",
            Self::TooManyAffected { .. } => "TOO_MANY_AFFECTED",
            Self::NamedTwice { .. } => "ORGANISATION_NAMED_TWICE",
            Self::NotRegistered { .. } => "ORGANISATION_NOT_REGISTERED",
            Self::FarOff { .. } => "CHANGE_FAR_OFF",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

fn check(record: &Record, unregistered: &[OrganisationCode], today: Date) -> Result<(), Rejection> {
    if record.title.trim().is_empty() {
        return Err(Rejection::TitleMissing);
    }
    for (field, text, max) in
        [("title", &record.title, TITLE_MAX), ("description", &record.description, DESCRIPTION_MAX)]
    {
        let found = text.chars().count();
        if found > max {
            return Err(Rejection::TooLong { field, found, max });
        }
    }
    check_affected(&record.affected, unregistered)?;
    let distance = today.until(record.effective_on).map_or(i32::MAX, |span| span.get_days());
    if distance.saturating_abs() > DISTANCE_DAYS_MAX {
        return Err(Rejection::FarOff { effective_on: record.effective_on });
    }
    Ok(())
}

fn check_affected(
    affected: &[Affected],
    unregistered: &[OrganisationCode],
) -> Result<(), Rejection> {
    if let Some(&organisation) = unregistered.first() {
        return Err(Rejection::NotRegistered { organisation });
    }
    if affected.is_empty() {
        return Err(Rejection::NobodyAffected);
    }
    if affected.len() > ORGANISATIONS_MAX {
        return Err(Rejection::TooManyAffected { found: affected.len() });
    }
    let mut seen = BTreeSet::new();
    match affected.iter().find(|affected| !seen.insert(affected.organisation)) {
        Some(twice) => Err(Rejection::NamedTwice { organisation: twice.organisation }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
