//! What an organisation has to do by a day. It opens from a cause, and is then met, or missed and perhaps met late, or
//! cancelled (R14.1, R12.4, R20.1).

mod duty;
mod rejection;

pub use duty::{Cause, Duty, Fulfilment, Kind, Named, Term, warn_until};
pub use rejection::Rejection;

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::region::Level;
use publicdata_types::{Actor, Deadline, ResourceId};

/// How many working days an organisation has to bring its catalogue up to date after a change (R14.1).
pub const CATALOGUE_UPDATE_WITHIN: u32 = 15;
/// How many working days before the last one an organisation is warned.
pub const WARNED_AHEAD: u32 = 3;
/// How many characters a note or a reason may have.
pub const NOTE_MAX: usize = 1_000;
/// How many entries a fulfilment may name.
pub const RESOURCES_MAX: usize = 100;

/// An obligation, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Obligation {
    /// Nothing opened it yet.
    #[default]
    Absent,
    /// It has to be done.
    Open {
        /// What, and by whom.
        duty: Duty,
        /// Until when.
        deadline: Deadline,
        /// Whether the organisation was warned of this day.
        warned: bool,
    },
    /// The last day passed, and it was not done.
    Missed {
        /// What, and by whom.
        duty: Duty,
    },
    /// It was done.
    Met {
        /// What, and by whom.
        duty: Duty,
        /// How.
        fulfilment: Fulfilment,
    },
    /// It no longer applies.
    Cancelled {
        /// What, and by whom.
        duty: Duty,
        /// Why.
        reason: String,
    },
}

/// What can be asked of an obligation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens it.
    Open {
        /// What, and by whom.
        duty: Duty,
        /// Until when, counted by the calendar that is known.
        deadline: Deadline,
        /// The last day of which a warning is due already.
        warn_until: Date,
    },
    /// Warns of a limit that is near, if it still is.
    Warn {
        /// The last day of which a warning is due.
        warn_until: Date,
    },
    /// Takes up how the limit counts by another calendar.
    Recount {
        /// The limit.
        deadline: Deadline,
    },
    /// Notes that the last day has passed, if it still applies.
    Elapse {
        /// The day in China.
        today: Date,
    },
    /// Its cause says that it was done.
    Meet {
        /// The day in China.
        on: Date,
        /// The entries that were brought up to date.
        resources: Vec<ResourceId>,
    },
    /// The organisation says that it was done.
    Fulfil {
        /// The day in China.
        on: Date,
        /// The entries that were brought up to date.
        named: Vec<Named>,
        /// Why nothing had to be changed, if no entry is named.
        note: String,
        /// Who says so.
        by: Actor,
    },
    /// Its cause is gone.
    Lapse {
        /// Why.
        reason: String,
    },
    /// The authority lets it go.
    Cancel {
        /// Why.
        reason: String,
        /// Who says so.
        by: Actor,
    },
}

/// What happened to an obligation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It opened.
    Opened {
        /// What, and by whom.
        duty: Duty,
        /// Until when.
        deadline: Deadline,
    },
    /// The organisation was warned that the last day is near.
    Warned {
        /// What kind it is.
        kind: Kind,
        /// The limit.
        deadline: Deadline,
    },
    /// The limit was counted anew.
    Recounted {
        /// What kind it is.
        kind: Kind,
        /// The limit.
        deadline: Deadline,
    },
    /// It was done.
    Met(Fulfilment),
    /// The last day passed, and it was not done.
    Missed {
        /// What kind it is.
        kind: Kind,
        /// The limit.
        deadline: Deadline,
    },
    /// It no longer applies.
    Cancelled {
        /// Why.
        reason: String,
    },
}

impl Decider for Obligation {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Open { duty, deadline, warn_until } => self.open(duty, deadline, warn_until),
            Command::Warn { warn_until } => Ok(self.warn(warn_until)),
            Command::Recount { deadline } => Ok(self.recount(deadline)),
            Command::Elapse { today } => Ok(self.elapse(today)),
            Command::Meet { on, resources } => self.meet(on, resources),
            Command::Fulfil { on, named, note, by } => self.fulfil(on, &named, note, &by),
            Command::Lapse { reason } => self.lapse(reason),
            Command::Cancel { reason, by } => self.cancel(reason, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Opened { duty, deadline }) => {
                Self::Open { duty, deadline, warned: false }
            }
            (Self::Open { duty, deadline, .. }, Event::Warned { .. }) => {
                Self::Open { duty, deadline, warned: true }
            }
            (Self::Open { duty, deadline, warned }, Event::Recounted { deadline: anew, .. }) => {
                let warned = warned && deadline.on == anew.on;
                Self::Open { duty, deadline: anew, warned }
            }
            (Self::Open { duty, .. }, Event::Missed { .. }) => Self::Missed { duty },
            (Self::Open { duty, .. } | Self::Missed { duty }, Event::Met(fulfilment)) => {
                Self::Met { duty, fulfilment }
            }
            (Self::Open { duty, .. } | Self::Missed { duty }, Event::Cancelled { reason }) => {
                Self::Cancelled { duty, reason }
            }
            (state, _) => state,
        }
    }
}

impl Obligation {
    /// What has to be done, and by whom, once it opened.
    #[must_use]
    pub fn duty(&self) -> Option<&Duty> {
        match self {
            Self::Absent => None,
            Self::Open { duty, .. }
            | Self::Missed { duty }
            | Self::Met { duty, .. }
            | Self::Cancelled { duty, .. } => Some(duty),
        }
    }

    fn open(
        &self,
        duty: Duty,
        deadline: Deadline,
        warn_until: Date,
    ) -> Result<Vec<Event>, Rejection> {
        match self.duty() {
            Some(known) if *known == duty => return Ok(vec![]),
            Some(_) => return Err(Rejection::OpenedOtherwise),
            None => {}
        }
        let kind = duty.kind();
        let opened = Event::Opened { duty, deadline: deadline.clone() };
        Ok(match deadline.on <= warn_until {
            // It opened late: there is no time left to wait with the warning.
            true => vec![opened, Event::Warned { kind, deadline }],
            false => vec![opened],
        })
    }

    fn warn(&self, warn_until: Date) -> Vec<Event> {
        if let Self::Open { duty, deadline, warned: false } = self
            && deadline.on <= warn_until
        {
            return vec![Event::Warned { kind: duty.kind(), deadline: deadline.clone() }];
        }
        vec![]
    }

    fn recount(&self, deadline: Deadline) -> Vec<Event> {
        if let Self::Open { duty, deadline: known, .. } = self
            && !known.is_same_limit(&deadline)
        {
            return vec![Event::Recounted { kind: duty.kind(), deadline }];
        }
        vec![]
    }

    fn elapse(&self, today: Date) -> Vec<Event> {
        if let Self::Open { duty, deadline, .. } = self
            && has_elapsed(deadline, today)
        {
            return vec![Event::Missed { kind: duty.kind(), deadline: deadline.clone() }];
        }
        vec![]
    }

    fn meet(&self, on: Date, resources: Vec<ResourceId>) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Met { .. } | Self::Cancelled { .. } => Ok(vec![]),
            Self::Open { .. } | Self::Missed { .. } => Ok(self.met(on, resources, String::new())),
        }
    }

    fn fulfil(
        &self,
        on: Date,
        named: &[Named],
        note: String,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let duty = self.duty().ok_or(Rejection::Absent)?;
        by.may_act_for(&duty.organisation)?;
        match duty.kind() {
            Kind::CatalogueUpdate => {}
            Kind::DataUpdate | Kind::LibraryItem => return Err(Rejection::MetByUpdate),
        }
        let resources: Vec<ResourceId> = named.iter().map(|named| named.resource).collect();
        match self {
            Self::Met { fulfilment, .. }
                if fulfilment.resources == resources && fulfilment.note == note =>
            {
                return Ok(vec![]);
            }
            Self::Met { .. } => return Err(Rejection::AlreadyMet),
            Self::Cancelled { .. } => return Err(Rejection::AlreadyCancelled),
            Self::Absent | Self::Open { .. } | Self::Missed { .. } => {}
        }
        check_named(duty, named)?;
        check_text("note", &note)?;
        if resources.is_empty() && note.trim().is_empty() {
            return Err(Rejection::NothingSaid);
        }
        Ok(self.met(on, resources, note))
    }

    fn lapse(&self, reason: String) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Open { .. } => Ok(vec![Event::Cancelled { reason }]),
            // What was missed stays so: the cause was there on the last day.
            Self::Missed { .. } | Self::Met { .. } | Self::Cancelled { .. } => Ok(vec![]),
        }
    }

    fn cancel(&self, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let duty = self.duty().ok_or(Rejection::Absent)?;
        by.may_govern(&duty.region)?;
        if by.organisation == duty.organisation && by.region.level() == Level::County {
            return Err(Rejection::OwnObligation { organisation: by.organisation });
        }
        match duty.kind() {
            Kind::CatalogueUpdate => {}
            Kind::DataUpdate | Kind::LibraryItem => return Err(Rejection::FollowsItsCause),
        }
        check_text("reason", &reason)?;
        match self {
            Self::Cancelled { reason: known, .. } if *known == reason => Ok(vec![]),
            Self::Cancelled { .. } => Err(Rejection::AlreadyCancelled),
            Self::Met { .. } => Err(Rejection::AlreadyMet),
            Self::Absent | Self::Open { .. } | Self::Missed { .. } => match reason.trim() {
                "" => Err(Rejection::ReasonMissing),
                _ => Ok(vec![Event::Cancelled { reason }]),
            },
        }
    }

    /// What follows when it is done: if that is late, it was missed first, whether or not anybody had noted it yet.
    fn met(&self, on: Date, resources: Vec<ResourceId>, note: String) -> Vec<Event> {
        let mut events = self.elapse(on);
        let late = matches!(self, Self::Missed { .. }) || !events.is_empty();
        events.push(Event::Met(Fulfilment { on, late, resources, note }));
        events
    }
}

/// A provisional day binds nobody: holidays that are not announced yet may move it.
fn has_elapsed(deadline: &Deadline, today: Date) -> bool {
    !deadline.provisional && deadline.has_passed(today)
}

fn check_named(duty: &Duty, named: &[Named]) -> Result<(), Rejection> {
    if named.len() > RESOURCES_MAX {
        return Err(Rejection::TooManyNamed { found: named.len() });
    }
    let since = duty.counted_from.min(duty.opened_on);
    for &Named { resource, changed_on } in named {
        match changed_on {
            None => return Err(Rejection::NotOwn { resource }),
            Some(on) if on < since => return Err(Rejection::Unchanged { resource, since }),
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_text(field: &'static str, text: &str) -> Result<(), Rejection> {
    match text.chars().count() {
        found if found > NOTE_MAX => Err(Rejection::TooLong { field, found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
