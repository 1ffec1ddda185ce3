//! A catalogue entry is drafted by its provider, reviewed by the authority, and published; a
//! published entry is revised by a new draft over it, taken out of use for a time, and in the end
//! withdrawn (R12.3).

mod rejection;
mod rules;

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, RegionCode, ResourceCode};

use crate::description::{Alike, Description, Facts};
use crate::leadership::Leadership;

pub use rejection::{MISTAKES_NAMED_MAX, Rejection};

/// A catalogue entry, and where it stands in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resource {
    /// Nothing was written yet.
    #[default]
    Absent,
    /// The provider is writing it.
    Draft(Entry),
    /// It waits for the authority.
    Submitted(Entry),
    /// The authority returned it for correction.
    Returned {
        /// The entry.
        entry: Entry,
        /// What must be corrected.
        reason: String,
    },
    /// What it says holds, unless it is suspended.
    Published(Entry),
    /// It is out of use for good; its code is never given again (R12.2).
    Withdrawn(Entry),
}

/// What is known of an entry in every stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code assigned by the platform; it never changes (R12.2).
    pub code: ResourceCode,
    /// What was last written.
    pub description: Description,
    /// The provider's division when it wrote: the authority over it reviews.
    pub region: RegionCode,
    /// The version that was last published; 0 if none was. It holds while a revision is written.
    pub version: u32,
    /// Why what was published is out of use, while it is; a revision does not end that.
    pub suspension: Option<Suspension>,
    /// What was last said of the data.
    pub update: Option<Update>,
}

/// An entry is out of use for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Why.
    pub reason: String,
    /// The region of the authority that suspended it; `None` if its provider did.
    pub authority: Option<RegionCode>,
}

/// The provider updated the data themselves, as the update cycle asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The day up to which the data are current.
    pub current_on: Date,
    /// How many rows they have, if that was said.
    pub rows: Option<u64>,
}

/// What can be asked of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum Command {
    /// Writes a first draft, or a new one over an entry that is not under review.
    Draft {
        /// The code that the entry's classification assigned.
        code: ResourceCode,
        /// What the draft says.
        description: Description,
        /// What is known beside it.
        facts: Facts,
        /// Who writes.
        by: Actor,
    },
    /// Hands the draft to the authority.
    Submit {
        /// Who writes the entries of its place in the classification (R16.1).
        leadership: Leadership,
        /// Who submits.
        by: Actor,
    },
    /// Returns the entry for correction.
    Return {
        /// What must be corrected.
        reason: String,
        /// Who reviewed.
        by: Actor,
    },
    /// Publishes what was submitted.
    Publish {
        /// The day of publication in China.
        on: Date,
        /// A published entry whose name is alike: it may have come since this one was drafted.
        alike: Option<Alike>,
        /// Who writes the entries of its place by now (R16.1).
        leadership: Leadership,
        /// Who reviewed.
        by: Actor,
    },
    /// Takes what was published out of use for a time.
    Suspend {
        /// Why.
        reason: String,
        /// Who writes the entries of its place by now (R16.1).
        leadership: Leadership,
        /// The provider, or an authority over its region.
        by: Actor,
    },
    /// Puts it back into use.
    Resume {
        /// Who suspended it.
        by: Actor,
    },
    /// Takes the entry out of use for good.
    Withdraw {
        /// Why.
        reason: String,
        /// Who writes the entries of its place by now (R16.1).
        leadership: Leadership,
        /// The provider, or an authority over its region.
        by: Actor,
    },
    /// Records that the data of a published entry were updated.
    RecordUpdate {
        /// What is said of the data.
        update: Update,
        /// The day in China.
        today: Date,
        /// The provider.
        by: Actor,
    },
}

/// What happened to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum Event {
    /// The provider wrote a draft.
    Drafted {
        /// The entry's code.
        code: ResourceCode,
        /// What the draft says.
        description: Description,
        /// The provider's division when it wrote.
        region: RegionCode,
    },
    /// The provider handed its draft to the authority.
    Submitted,
    /// The authority returned it.
    Returned {
        /// What must be corrected.
        reason: String,
    },
    /// The authority published it: what was submitted holds from now on.
    Published {
        /// The version that now holds, from 1.
        version: u32,
        /// The day of publication in China.
        on: Date,
    },
    /// What was published is out of use for a time.
    Suspended {
        /// Why.
        reason: String,
        /// The region of the authority that suspended it; `None` if its provider did.
        authority: Option<RegionCode>,
    },
    /// It is in use again.
    Resumed,
    /// It is out of use for good.
    Withdrawn {
        /// Why.
        reason: String,
    },
    /// The provider updated the data.
    Updated(Update),
}

impl Decider for Resource {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Draft { code, description, facts, by } => {
                self.draft(code, description, &facts, &by)
            }
            Command::Submit { leadership, by } => self.submit(&leadership, &by),
            Command::Return { reason, by } => self.return_(reason, &by),
            Command::Publish { on, alike, leadership, by } => {
                self.publish(on, alike, &leadership, &by)
            }
            Command::Suspend { reason, leadership, by } => self.suspend(reason, &leadership, &by),
            Command::Resume { by } => self.resume(&by),
            Command::Withdraw { reason, leadership, by } => self.withdraw(reason, &leadership, &by),
            Command::RecordUpdate { update, today, by } => self.update(update, today, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Withdrawn(entry), _) => Self::Withdrawn(entry),
            (state, Event::Drafted { code, description, region }) => Self::Draft(match state {
                Self::Absent => Entry::new(code, description, region),
                Self::Draft(entry)
                | Self::Submitted(entry)
                | Self::Returned { entry, .. }
                | Self::Published(entry)
                | Self::Withdrawn(entry) => Entry { code, description, region, ..entry },
            }),
            (Self::Draft(entry), Event::Submitted) => Self::Submitted(entry),
            (Self::Submitted(entry), Event::Returned { reason }) => {
                Self::Returned { entry, reason }
            }
            (Self::Submitted(entry), Event::Published { version, .. }) => {
                Self::Published(Entry { version, ..entry })
            }
            (state, Event::Suspended { reason, authority }) => {
                let suspension = Some(Suspension { reason, authority });
                state.map(|entry| Entry { suspension, ..entry })
            }
            (state, Event::Resumed) => state.map(|entry| Entry { suspension: None, ..entry }),
            (state, Event::Updated(update)) => {
                state.map(|entry| Entry { update: Some(update), ..entry })
            }
            (state, Event::Withdrawn { .. }) => match state.into_entry() {
                Some(entry) => Self::Withdrawn(entry),
                None => Self::Absent,
            },
            (state, Event::Submitted | Event::Returned { .. } | Event::Published { .. }) => state,
        }
    }
}

impl Resource {
    /// The entry, in whatever stage.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Absent => None,
            Self::Draft(entry)
            | Self::Submitted(entry)
            | Self::Returned { entry, .. }
            | Self::Published(entry)
            | Self::Withdrawn(entry) => Some(entry),
        }
    }

    fn into_entry(self) -> Option<Entry> {
        match self {
            Self::Absent => None,
            Self::Draft(entry)
            | Self::Submitted(entry)
            | Self::Returned { entry, .. }
            | Self::Published(entry)
            | Self::Withdrawn(entry) => Some(entry),
        }
    }

    /// The same stage of a changed entry.
    fn map(self, change: impl FnOnce(Entry) -> Entry) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Draft(entry) => Self::Draft(change(entry)),
            Self::Submitted(entry) => Self::Submitted(change(entry)),
            Self::Returned { entry, reason } => Self::Returned { entry: change(entry), reason },
            Self::Published(entry) => Self::Published(change(entry)),
            Self::Withdrawn(entry) => Self::Withdrawn(change(entry)),
        }
    }
}

impl Entry {
    fn new(code: ResourceCode, description: Description, region: RegionCode) -> Self {
        Self { code, description, region, version: 0, suspension: None, update: None }
    }
}

#[cfg(test)]
mod tests;
