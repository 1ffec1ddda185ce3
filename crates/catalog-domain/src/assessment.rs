//! How well organisations do their duties in a period (监督考核, R12.4): counted from marks that events earned or lost,
//! weighed, and published by the authority.

pub mod completeness;
pub mod score;

use std::collections::BTreeMap;

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied, OrganisationCode, RegionCode};

use score::{Score, Tallies, Weights};

/// A published assessment, or none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Assessment {
    /// Nothing was published under this id.
    #[default]
    Absent,
    /// What was published stays as it was.
    Published(Bulletin),
}

/// What is published (通报).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulletin {
    /// The first and the last day that count.
    pub period: Period,
    /// The region whose organisations were assessed, with those below it.
    pub region: RegionCode,
    /// How much each criterion counted.
    pub weights: Weights,
    /// What each organisation's marks came to.
    pub organisations: BTreeMap<OrganisationCode, Tallies>,
    /// What the marks of each district's organisations came to.
    pub districts: BTreeMap<RegionCode, Tallies>,
    /// How far the events had been read that it was counted from, stream by stream.
    pub positions: BTreeMap<String, u64>,
}

/// The days of an assessment, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    first: Date,
    last: Date,
}

/// Why two days make no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("period ends on {last}, before it begins on {first}; swap the days")]
pub struct PeriodError {
    first: Date,
    last: Date,
}

/// What can be asked of an assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Publishes it.
    Publish {
        /// What was counted.
        bulletin: Bulletin,
        /// The day in China.
        today: Date,
        /// Who publishes.
        by: Actor,
    },
}

/// What happened to an assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The authority published it.
    Published(Bulletin),
}

/// Why a command about an assessment was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Marks may still be earned or lost.
    #[error("period lasts until {last}; publish its assessment once it is over")]
    PeriodOpen {
        /// Its last day.
        last: Date,
    },
    /// Nobody earned or lost anything.
    #[error("no organisation of {region} has a mark in the period; there is nothing to publish")]
    NothingToPublish {
        /// The region.
        region: RegionCode,
    },
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Assessment {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        let Command::Publish { bulletin, today, by } = command;
        by.may_govern(&bulletin.region)?;

        let Period { last, .. } = bulletin.period;
        match self {
            // What was published is not counted anew, whatever the marks have become.
            Self::Published(_) => Ok(vec![]),
            Self::Absent if last >= today => Err(Rejection::PeriodOpen { last }),
            Self::Absent if bulletin.organisations.is_empty() => {
                Err(Rejection::NothingToPublish { region: bulletin.region })
            }
            Self::Absent => Ok(vec![Event::Published(bulletin)]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event) {
            (Self::Absent, Event::Published(bulletin)) => Self::Published(bulletin.clone()),
            (published @ Self::Published(_), Event::Published(_)) => published,
        }
    }
}

impl Bulletin {
    /// What an organisation's marks come to under `weights`: those that were published, or others.
    #[must_use]
    pub fn score(&self, organisation: &OrganisationCode, weights: &Weights) -> Option<Score> {
        self.organisations.get(organisation).map(|tallies| tallies.score(weights))
    }
}

impl Period {
    /// From the first to the last day, both included.
    ///
    /// # Errors
    /// The last day comes before the first.
    pub fn new(first: Date, last: Date) -> Result<Self, PeriodError> {
        match first <= last {
            true => Ok(Self { first, last }),
            false => Err(PeriodError { first, last }),
        }
    }

    /// The first day.
    #[must_use]
    pub const fn first(&self) -> Date {
        self.first
    }

    /// The last day.
    #[must_use]
    pub const fn last(&self) -> Date {
        self.last
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::PeriodOpen { .. } => "PERIOD_OPEN",
            Self::NothingToPublish { .. } => "NOTHING_TO_PUBLISH",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
