//! What an organisation does for its security, and what befalls it: assessments, drills and incidents, each with somebody who
//! sees to it, a last day, and an outcome (R42.1).

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Account, Actor, Denied, OrganisationCode, RegionCode};

use crate::owner::Owner;
use crate::text::{self, LONG_MAX, SHORT_MAX, TextMistake};

/// A security record, and whether it was dealt with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecurityRecord {
    /// Nothing was recorded.
    #[default]
    Absent,
    /// Somebody sees to it.
    Open(Entry),
    /// It was dealt with.
    Closed {
        /// What was recorded.
        entry: Entry,
        /// What came of it.
        outcome: String,
    },
}

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The organisation concerned.
    pub organisation: OrganisationCode,
    /// What it is.
    pub kind: Kind,
    /// What it is about.
    pub title: String,
    /// Who sees to it, at that organisation.
    pub owner: Account,
    /// When it began.
    pub opened_on: Date,
    /// Until when it has to be closed.
    pub due_on: Date,
}

/// What an organisation records of its security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 安全测评.
    Assessment,
    /// 风险评估.
    RiskAssessment,
    /// 应急演练.
    Drill,
    /// 安全事件.
    Incident,
}

/// What can be asked of a security record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens it.
    Open {
        /// What is recorded.
        entry: Entry,
        /// The division of the organisation concerned, as it lies now.
        region: RegionCode,
        /// Who records it: the organisation, or the authority over it.
        by: Actor,
    },
    /// Closes it.
    Close {
        /// When.
        on: Date,
        /// What came of it.
        outcome: String,
        /// The division of the organisation concerned, as it lies now.
        region: RegionCode,
        /// Who closes it: the organisation, or the authority over it.
        by: Actor,
    },
}

/// What happened to a security record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was opened.
    Opened {
        /// What is recorded.
        entry: Entry,
        /// The organisation's division then.
        region: RegionCode,
    },
    /// It was dealt with.
    Closed {
        /// When.
        on: Date,
        /// What came of it.
        outcome: String,
    },
}

/// Why a command about a security record was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is none.
    #[error("security record does not exist; open it first")]
    Absent,
    /// It says something else.
    #[error("security record was opened already, and says something else")]
    AlreadyOpened,
    /// It was closed otherwise.
    #[error("security record was closed already, with another outcome")]
    AlreadyClosed,
    /// It would be overdue before it began.
    #[error("last day {due} lies before the beginning, {opened}")]
    DueBeforeBeginning {
        /// The last day.
        due: Date,
        /// The beginning.
        opened: Date,
    },
    /// What begins later is recorded later.
    #[error("beginning {opened} is still to come; record it then")]
    NotBegun {
        /// The beginning.
        opened: Date,
    },
    /// A text is wrong.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for SecurityRecord {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Open { entry, region, by } => {
                Owner { code: entry.organisation, region }.may_manage(&by)?;
                self.open(entry, region)
            }
            Command::Close { on, outcome, region, by } => {
                let code = self.organisation().ok_or(Rejection::Absent)?;
                Owner { code, region }.may_manage(&by)?;
                self.close(on, outcome)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Opened { entry, .. }) => Self::Open(entry),
            (Self::Open(entry), Event::Closed { outcome, .. }) => Self::Closed { entry, outcome },
            (state, _) => state,
        }
    }
}

impl SecurityRecord {
    /// The organisation concerned, if there is a record.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationCode> {
        match self {
            Self::Absent => None,
            Self::Open(entry) | Self::Closed { entry, .. } => Some(entry.organisation),
        }
    }

    fn open(&self, entry: Entry, region: RegionCode) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => {
                text::impersonal("title", &entry.title, SHORT_MAX)?;
                if entry.due_on < entry.opened_on {
                    let (due, opened) = (entry.due_on, entry.opened_on);
                    return Err(Rejection::DueBeforeBeginning { due, opened });
                }
                Ok(vec![Event::Opened { entry, region }])
            }
            Self::Open(known) | Self::Closed { entry: known, .. } if *known == entry => Ok(vec![]),
            Self::Open(_) | Self::Closed { .. } => Err(Rejection::AlreadyOpened),
        }
    }

    fn close(&self, on: Date, outcome: String) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Open(entry) if on < entry.opened_on => {
                Err(Rejection::NotBegun { opened: entry.opened_on })
            }
            Self::Open(_) => {
                text::impersonal("outcome", &outcome, LONG_MAX)?;
                Ok(vec![Event::Closed { on, outcome }])
            }
            Self::Closed { outcome: known, .. } if *known == outcome => Ok(vec![]),
            Self::Closed { .. } => Err(Rejection::AlreadyClosed),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "SECURITY_RECORD_ABSENT",
            Self::AlreadyOpened => "SECURITY_RECORD_OPENED_OTHERWISE",
            Self::AlreadyClosed => "SECURITY_RECORD_CLOSED_OTHERWISE",
            Self::DueBeforeBeginning { .. } => "DUE_BEFORE_BEGINNING",
            Self::NotBegun { .. } => "SECURITY_RECORD_NOT_BEGUN",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
