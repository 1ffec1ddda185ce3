//! Enrolment in disaster recovery (灾备): which resources and systems are backed up, and how (R11.1).

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied, OrganisationCode};

use crate::owner::Owner;
use crate::text::{self, LONG_MAX, SHORT_MAX, TextMistake};

/// The enrolment of one resource or system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// It never was enrolled.
    #[default]
    Absent,
    /// It is enrolled.
    Enrolled {
        /// Who enrolled it.
        owner: OrganisationCode,
        /// On which terms.
        terms: Terms,
    },
    /// It is no longer enrolled.
    Withdrawn {
        /// Who had enrolled it.
        owner: OrganisationCode,
    },
}

/// What is enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A resource of the catalogue.
    Resource,
    /// A registered system.
    System,
}

/// How something is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How, in words.
    pub method: String,
    /// How much may be lost at most (RPO), in hours.
    pub rpo_hours: u32,
    /// How long restoring may take at most (RTO), in hours.
    pub rto_hours: u32,
    /// Since when.
    pub since: Date,
}

/// What can be asked of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Enrols, or changes the terms.
    Enrol {
        /// What it is.
        kind: Kind,
        /// Whose it is: a fact from the catalogue or the register.
        owner: Owner,
        /// On which terms.
        terms: Terms,
        /// Who asks.
        by: Actor,
    },
    /// Takes it out.
    Withdraw {
        /// Since when.
        on: Date,
        /// Why.
        reason: String,
        /// Who asks.
        by: Actor,
    },
}

/// What happened to an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is enrolled, on these terms.
    Enrolled {
        /// What it is.
        kind: Kind,
        /// Who enrolled it.
        owner: Owner,
        /// On which terms.
        terms: Terms,
    },
    /// It is no longer enrolled.
    Withdrawn {
        /// Since when.
        on: Date,
        /// Why.
        reason: String,
    },
}

/// Why a command about an enrolment was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not enrolled.
    #[error("it is not enrolled in disaster recovery")]
    Absent,
    /// Restoring takes time.
    #[error(
        "recovery time is {found} hours; at least 1 and at most {HOURS_MAX}, a year, make sense"
    )]
    RecoveryTime {
        /// What was said.
        found: u32,
    },
    /// Who may lose a year's data is not backed up.
    #[error("recovery point is {found} hours back; at most {HOURS_MAX}, a year, make sense")]
    RecoveryPoint {
        /// What was said.
        found: u32,
    },
    /// A text is wrong.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

const HOURS_MAX: u32 = 8_784;

impl Decider for Recovery {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Enrol { kind, owner, terms, by } => {
                by.may_act_for(&owner.code)?;
                self.enrol(kind, owner, terms)
            }
            Command::Withdraw { on, reason, by } => self.withdraw(on, reason, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (_, Event::Enrolled { owner, terms, .. }) => {
                Self::Enrolled { owner: owner.code, terms }
            }
            (Self::Enrolled { owner, .. }, Event::Withdrawn { .. }) => Self::Withdrawn { owner },
            (state, Event::Withdrawn { .. }) => state,
        }
    }
}

impl Recovery {
    /// Who enrolled it, if anybody did.
    #[must_use]
    pub fn owner(&self) -> Option<OrganisationCode> {
        match self {
            Self::Absent => None,
            Self::Enrolled { owner, .. } | Self::Withdrawn { owner } => Some(*owner),
        }
    }

    fn enrol(&self, kind: Kind, owner: Owner, terms: Terms) -> Result<Vec<Event>, Rejection> {
        text::required("method", &terms.method, SHORT_MAX)?;
        if !(1..=HOURS_MAX).contains(&terms.rto_hours) {
            return Err(Rejection::RecoveryTime { found: terms.rto_hours });
        }
        if terms.rpo_hours > HOURS_MAX {
            return Err(Rejection::RecoveryPoint { found: terms.rpo_hours });
        }
        match self {
            Self::Enrolled { owner: known, terms: present }
                if *known == owner.code && *present == terms =>
            {
                Ok(vec![])
            }
            Self::Absent | Self::Enrolled { .. } | Self::Withdrawn { .. } => {
                Ok(vec![Event::Enrolled { kind, owner, terms }])
            }
        }
    }

    fn withdraw(&self, on: Date, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        by.may_act_for(&self.owner().ok_or(Rejection::Absent)?)?;
        match self {
            Self::Enrolled { .. } => {
                text::required("reason", &reason, LONG_MAX)?;
                Ok(vec![Event::Withdrawn { on, reason }])
            }
            Self::Withdrawn { .. } | Self::Absent => Ok(vec![]),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "RECOVERY_ABSENT",
            Self::RecoveryTime { .. } => "RECOVERY_TIME_UNFIT",
            Self::RecoveryPoint { .. } => "RECOVERY_POINT_UNFIT",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
