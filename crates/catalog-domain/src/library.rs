//! A base or theme library has a lead department, which assigns who collects and updates each of its items (R16.1, R20.1).

mod code;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied, OrganisationCode, RegionCode, Role, UpdateCycle};

pub use code::{LibraryCode, LibraryCodeError};

use crate::text::{TextMistake, required};

/// A library, if it is established.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Library {
    /// Nobody leads it.
    #[default]
    Absent,
    /// It has a lead department.
    Established(Established),
}

/// A library that has a lead department.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Established {
    /// Its name.
    pub name: String,
    /// 牵头建设部门.
    pub lead: OrganisationCode,
    /// Who collects each item, by the item's name.
    pub items: BTreeMap<String, Assignment>,
}

/// Who collects and updates an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The department.
    pub organisation: OrganisationCode,
    /// Its division when the item was assigned.
    pub region: RegionCode,
    /// How often it updates the item.
    pub update_cycle: UpdateCycle,
    /// The day from which the first cycle counts.
    pub from: Date,
    /// The day up to which the item is current, if it was updated since it was assigned.
    pub current_on: Option<Date>,
}

/// An organisation that is to lead a library, as the directory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The organisation.
    pub code: OrganisationCode,
    /// What it takes part as.
    pub roles: BTreeSet<Role>,
}

/// What can be asked of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Establishes it.
    Establish {
        /// Its name.
        name: String,
        /// Who is to lead it.
        lead: Candidate,
        /// Who establishes it.
        by: Actor,
    },
    /// Names another lead department.
    ChangeLead {
        /// Who is to lead it from now on.
        lead: Candidate,
        /// Why.
        reason: String,
        /// Who changes it.
        by: Actor,
    },
    /// Assigns an item, or assigns it anew.
    AssignItem {
        /// The item's name.
        item: String,
        /// Who collects and updates it.
        organisation: OrganisationCode,
        /// That organisation's division.
        region: RegionCode,
        /// How often.
        update_cycle: UpdateCycle,
        /// The day from which the first cycle counts.
        from: Date,
        /// Who assigns.
        by: Actor,
    },
    /// Ends the collection of an item.
    ReleaseItem {
        /// The item's name.
        item: String,
        /// Why.
        reason: String,
        /// Who releases it.
        by: Actor,
    },
    /// Records that an item was updated.
    RecordUpdate {
        /// The item's name.
        item: String,
        /// The day up to which it is current.
        current_on: Date,
        /// Today in China.
        today: Date,
        /// Who updated it.
        by: Actor,
    },
}

/// What happened to a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was established.
    Established {
        /// Its name.
        name: String,
        /// Who leads it.
        lead: OrganisationCode,
    },
    /// Another department leads it from now on.
    LeadChanged {
        /// Who leads it.
        lead: OrganisationCode,
        /// Why.
        reason: String,
    },
    /// An item was assigned.
    ItemAssigned {
        /// The item's name.
        item: String,
        /// Who collects and updates it.
        organisation: OrganisationCode,
        /// That organisation's division.
        region: RegionCode,
        /// How often.
        update_cycle: UpdateCycle,
        /// The day from which the first cycle counts.
        from: Date,
    },
    /// An item is no longer collected.
    ItemReleased {
        /// The item's name.
        item: String,
        /// Why.
        reason: String,
    },
    /// An item was updated.
    ItemUpdated {
        /// The item's name.
        item: String,
        /// The day up to which it is current.
        current_on: Date,
    },
}

/// Why a command about a library was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not established.
    #[error("no library is established under this code; the city's authority establishes it first")]
    Absent,
    /// It is established as something else.
    #[error("library is established already, as {name} led by {lead}; change its lead instead")]
    EstablishedOtherwise {
        /// Its name.
        name: String,
        /// Who leads it.
        lead: OrganisationCode,
    },
    /// The organisation is no lead department.
    #[error(
        "organisation {code} does not hold the role lead-department; register it with that role first"
    )]
    NotLeadDepartment {
        /// The organisation.
        code: OrganisationCode,
    },
    /// The item is assigned to nobody.
    #[error("library has no item {item}; its lead department {lead} assigns it first")]
    NoItem {
        /// The item's name.
        item: String,
        /// Who leads the library.
        lead: OrganisationCode,
    },
    /// Data cannot be current up to a day that has not come.
    #[error("item cannot be current on {current_on}, which is after today, {today}")]
    NotYet {
        /// The day that was given.
        current_on: Date,
        /// Today in China.
        today: Date,
    },
    /// A later update was recorded before.
    #[error("item is recorded as current on {known} already; give a later day")]
    CurrentAlready {
        /// The day up to which it is current.
        known: Date,
    },
    /// A text is empty or too long.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

const NAME_LENGTH_MAX: usize = 100;
const REASON_LENGTH_MAX: usize = 2_000;

impl Decider for Library {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Establish { name, lead, by } => self.establish(&name, &lead, &by),
            Command::ChangeLead { lead, reason, by } => {
                by.may_govern_city()?;
                self.established()?.change_lead(&lead, &reason)
            }
            Command::AssignItem { item, organisation, region, update_cycle, from, by } => {
                let library = self.established()?;
                by.may_lead_as(&library.lead)?;
                let current_on = None;
                let assignment =
                    Assignment { organisation, region, update_cycle, from, current_on };
                library.assign(&item, assignment)
            }
            Command::ReleaseItem { item, reason, by } => {
                let library = self.established()?;
                by.may_lead_as(&library.lead)?;
                library.release(&item, &reason)
            }
            Command::RecordUpdate { item, current_on, today, by } => {
                self.established()?.record(&item, current_on, today, &by)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Established { name, lead }) => {
                Self::Established(Established { name, lead, items: BTreeMap::new() })
            }
            (Self::Established(library), event) => Self::Established(library.after(event)),
            (Self::Absent, _) => Self::Absent,
        }
    }
}

impl Library {
    /// The library, if it has a lead department.
    ///
    /// # Errors
    /// It has none.
    pub fn established(&self) -> Result<&Established, Rejection> {
        match self {
            Self::Established(library) => Ok(library),
            Self::Absent => Err(Rejection::Absent),
        }
    }

    fn establish(&self, name: &str, lead: &Candidate, by: &Actor) -> Result<Vec<Event>, Rejection> {
        by.may_govern_city()?;
        let name = required("name", name, NAME_LENGTH_MAX)?;
        must_lead(lead)?;
        match self {
            Self::Absent => Ok(vec![Event::Established { name, lead: lead.code }]),
            Self::Established(known) if known.name == name && known.lead == lead.code => Ok(vec![]),
            Self::Established(known) => {
                let (name, lead) = (known.name.clone(), known.lead);
                Err(Rejection::EstablishedOtherwise { name, lead })
            }
        }
    }
}

impl Established {
    fn change_lead(&self, lead: &Candidate, reason: &str) -> Result<Vec<Event>, Rejection> {
        let reason = required("reason", reason, REASON_LENGTH_MAX)?;
        must_lead(lead)?;
        match self.lead == lead.code {
            true => Ok(vec![]),
            false => Ok(vec![Event::LeadChanged { lead: lead.code, reason }]),
        }
    }

    fn assign(&self, item: &str, assignment: Assignment) -> Result<Vec<Event>, Rejection> {
        let item = required("item", item, NAME_LENGTH_MAX)?;
        let known = self.items.get(&item).cloned();
        if known.is_some_and(|known| Assignment { current_on: None, ..known } == assignment) {
            return Ok(vec![]);
        }
        let Assignment { organisation, region, update_cycle, from, current_on: _ } = assignment;
        Ok(vec![Event::ItemAssigned { item, organisation, region, update_cycle, from }])
    }

    fn release(&self, item: &str, reason: &str) -> Result<Vec<Event>, Rejection> {
        let reason = required("reason", reason, REASON_LENGTH_MAX)?;
        let item = item.trim();
        self.item(item)?;
        Ok(vec![Event::ItemReleased { item: item.to_owned(), reason }])
    }

    fn record(
        &self,
        item: &str,
        current_on: Date,
        today: Date,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let item = item.trim();
        let assignment = self.item(item)?;
        by.may_act_for(&assignment.organisation)?;
        if current_on > today {
            return Err(Rejection::NotYet { current_on, today });
        }
        match assignment.current_on {
            Some(known) if known == current_on => Ok(vec![]),
            Some(known) if known > current_on => Err(Rejection::CurrentAlready { known }),
            Some(_) | None => Ok(vec![Event::ItemUpdated { item: item.to_owned(), current_on }]),
        }
    }

    fn item(&self, item: &str) -> Result<&Assignment, Rejection> {
        let missing = || Rejection::NoItem { item: item.to_owned(), lead: self.lead };
        self.items.get(item).ok_or_else(missing)
    }

    fn after(mut self, event: Event) -> Self {
        match event {
            Event::Established { .. } => {}
            Event::LeadChanged { lead, reason: _ } => self.lead = lead,
            Event::ItemAssigned { item, organisation, region, update_cycle, from } => {
                let current_on = None;
                let assignment =
                    Assignment { organisation, region, update_cycle, from, current_on };
                self.items.insert(item, assignment);
            }
            Event::ItemReleased { item, reason: _ } => {
                self.items.remove(&item);
            }
            Event::ItemUpdated { item, current_on } => {
                if let Some(assignment) = self.items.get_mut(&item) {
                    assignment.current_on = Some(current_on);
                }
            }
        }
        self
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "LIBRARY_ABSENT",
            Self::EstablishedOtherwise { .. } => "LIBRARY_ESTABLISHED_OTHERWISE",
            Self::NotLeadDepartment { .. } => "NOT_LEAD_DEPARTMENT",
            Self::NoItem { .. } => "LIBRARY_ITEM_ABSENT",
            Self::NotYet { .. } => "DAY_NOT_YET_COME",
            Self::CurrentAlready { .. } => "CURRENT_ALREADY",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

fn must_lead(lead: &Candidate) -> Result<(), Rejection> {
    match lead.roles.contains(&Role::LeadDepartment) {
        true => Ok(()),
        false => Err(Rejection::NotLeadDepartment { code: lead.code }),
    }
}

#[cfg(test)]
mod tests;
