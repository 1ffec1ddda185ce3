//! Which update of data is due next, followed from what happened to a resource or to a library (R12.4, R20.1).
//!
//! One update at a time is awaited of each resource and of each item: from its publication or assignment on, one period long.
//! An update meets it, and the next one counts from the day of that update. What was missed stays open to be met late; the
//! next one opens only then. Another cycle, or another department, cancels what runs and begins anew.

use std::collections::BTreeMap;

use jiff::civil::Date;
use publicdata_types::{
    ClassificationCode, ObligationId, OrganisationCode, Period, RegionCode, ResourceId, UpdateCycle,
};

use crate::obligation::{Cause, Duty, Term};

/// When something happened, and which obligation it would open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The obligation's id: it follows from the event, so that whoever follows the same events opens the same obligations.
    pub id: ObligationId,
    /// The day in China.
    pub on: Date,
}

/// What is to be done about an obligation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It opens.
    Open(ObligationId, Opening),
    /// It was met, on this day, by the update of this entry.
    Meet(ObligationId, Date, Option<ResourceId>),
    /// It no longer applies, for this reason.
    Lapse(ObligationId, String),
}

/// A duty whose organisation is not located yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Who has to do it.
    pub organisation: OrganisationCode,
    /// What it follows from.
    pub cause: Cause,
    /// What has to be done, in words.
    pub subject: String,
    /// The day that the limit counts from.
    pub counted_from: Date,
    /// The day on which its cause happened.
    pub opened_on: Date,
    /// How long the limit is.
    pub term: Term,
}

/// The updates that one published resource owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSchedule {
    resource: ResourceId,
    written: Option<Written>,
    published: Option<Written>,
    suspended: bool,
    running: Option<Running>,
}

/// What an entry says that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The resource's name.
    pub name: String,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// How often its data are updated.
    pub cycle: UpdateCycle,
}

/// What happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceStep {
    /// A draft was written.
    Drafted(Written),
    /// What was written holds from this day on; a resource that is suspended stays so.
    Published {
        /// The day of publication.
        on: Date,
    },
    /// Its data were updated.
    Updated {
        /// The day up to which they are current.
        current_on: Date,
    },
    /// It was taken out of use for a time.
    Suspended {
        /// Why.
        reason: String,
    },
    /// It is in use again.
    Resumed,
    /// It was withdrawn for good.
    Withdrawn {
        /// Why.
        reason: String,
    },
}

/// The updates that the departments of one library owe, item by item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibrarySchedule {
    library: ClassificationCode,
    items: BTreeMap<String, Assigned>,
}

/// What happened to an item of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibraryStep {
    /// Its lead department assigned it, for the first time or anew.
    Assigned {
        /// The item.
        item: String,
        /// Who collects and updates it.
        organisation: OrganisationCode,
        /// How often.
        cycle: UpdateCycle,
        /// The day from which the first cycle counts.
        from: Date,
    },
    /// It was collected or updated.
    Updated {
        /// The item.
        item: String,
        /// The day up to which it is current.
        current_on: Date,
    },
    /// It is no longer collected.
    Released {
        /// The item.
        item: String,
        /// Why.
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Assigned {
    organisation: OrganisationCode,
    cycle: UpdateCycle,
    from: Date,
    running: Option<Running>,
}

/// The update that is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    id: ObligationId,
    period: Period,
    counted_from: Date,
    /// The day up to which the data are known to be current.
    current_on: Option<Date>,
}

impl Opening {
    /// The duty, of an organisation of this division.
    #[must_use]
    pub fn in_region(self, region: RegionCode) -> Duty {
        let Self { organisation, cause, subject, counted_from, opened_on, term } = self;
        Duty { organisation, region, cause, subject, counted_from, opened_on, term }
    }
}

impl ResourceSchedule {
    /// Of a resource to which nothing happened yet.
    #[must_use]
    pub fn new(resource: ResourceId) -> Self {
        Self { resource, written: None, published: None, suspended: false, running: None }
    }

    /// Follows what happened, and says what is to be done.
    pub fn follow(&mut self, step: ResourceStep, at: Occasion) -> Vec<Action> {
        match step {
            ResourceStep::Drafted(written) => {
                self.written = Some(written);
                vec![]
            }
            ResourceStep::Published { on } => self.publish(on, at),
            ResourceStep::Updated { current_on } => self.update(current_on, at),
            ResourceStep::Suspended { reason } => {
                self.suspended = true;
                lapse(&mut self.running, format!("the resource was suspended: {reason}"))
            }
            ResourceStep::Withdrawn { reason } => {
                self.published = None;
                lapse(&mut self.running, format!("the resource was withdrawn: {reason}"))
            }
            ResourceStep::Resumed => match std::mem::take(&mut self.suspended) {
                true => self.begin(at.on, None, at),
                false => vec![],
            },
        }
    }

    fn publish(&mut self, on: Date, at: Occasion) -> Vec<Action> {
        let Some(now) = self.written.clone() else { return vec![] };
        let before = self.published.replace(now.clone());
        let keeps_provider = before.is_some_and(|before| before.provider == now.provider);
        let keeps_cycle =
            self.running.is_some_and(|running| Some(running.period) == Period::of(now.cycle));
        // A revision that keeps both grants no more time.
        if keeps_provider && keeps_cycle {
            return vec![];
        }
        let reason = match keeps_provider {
            true => "the update cycle was changed",
            false => "another department provides the resource now",
        };
        let mut actions = lapse(&mut self.running, reason.to_owned());
        actions.extend(self.begin(on, None, at));
        actions
    }

    fn update(&mut self, current_on: Date, at: Occasion) -> Vec<Action> {
        let Some(met) = meet(&mut self.running, current_on, at.on) else { return vec![] };
        let mut actions = vec![Action::Meet(met, at.on, Some(self.resource))];
        actions.extend(self.begin(at.on, Some(current_on), at));
        actions
    }

    fn begin(&mut self, from: Date, current_on: Option<Date>, at: Occasion) -> Vec<Action> {
        let Some(published) = &self.published else { return vec![] };
        if self.suspended {
            return vec![];
        }
        let Some(period) = Period::of(published.cycle) else { return vec![] };
        self.running = Some(Running { id: at.id, period, counted_from: from, current_on });
        let opening = Opening {
            organisation: published.provider,
            cause: Cause::Resource(self.resource),
            subject: published.name.clone(),
            counted_from: from,
            opened_on: at.on,
            term: Term::Every(period),
        };
        vec![Action::Open(at.id, opening)]
    }
}

impl LibrarySchedule {
    /// Of a library to which nothing happened yet.
    #[must_use]
    pub fn new(library: ClassificationCode) -> Self {
        Self { library, items: BTreeMap::new() }
    }

    /// Follows what happened, and says what is to be done.
    pub fn follow(&mut self, step: LibraryStep, at: Occasion) -> Vec<Action> {
        match step {
            LibraryStep::Assigned { item, organisation, cycle, from } => {
                self.assign(item, Assigned { organisation, cycle, from, running: None }, at)
            }
            LibraryStep::Updated { item, current_on } => self.update(&item, current_on, at),
            LibraryStep::Released { item, reason } => match self.items.remove(&item) {
                Some(mut assigned) => {
                    lapse(&mut assigned.running, format!("the item was released: {reason}"))
                }
                None => vec![],
            },
        }
    }

    fn assign(&mut self, item: String, now: Assigned, at: Occasion) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(before) = self.items.get_mut(&item) {
            let terms =
                |assigned: &Assigned| (assigned.organisation, assigned.cycle, assigned.from);
            if terms(before) == terms(&now) {
                return actions;
            }
            let reason = match before.organisation == now.organisation {
                true => "the item's update cycle was changed",
                false => "the item was assigned to another department",
            };
            actions = lapse(&mut before.running, reason.to_owned());
        }
        let from = now.from;
        self.items.insert(item.clone(), now);
        actions.extend(self.begin(&item, from, None, at));
        actions
    }

    fn update(&mut self, item: &str, current_on: Date, at: Occasion) -> Vec<Action> {
        let Some(assigned) = self.items.get_mut(item) else { return vec![] };
        let Some(met) = meet(&mut assigned.running, current_on, at.on) else { return vec![] };
        let mut actions = vec![Action::Meet(met, at.on, None)];
        actions.extend(self.begin(item, at.on, Some(current_on), at));
        actions
    }

    fn begin(
        &mut self,
        item: &str,
        from: Date,
        current_on: Option<Date>,
        at: Occasion,
    ) -> Vec<Action> {
        let Some(assigned) = self.items.get_mut(item) else { return vec![] };
        let Some(period) = Period::of(assigned.cycle) else { return vec![] };
        assigned.running = Some(Running { id: at.id, period, counted_from: from, current_on });
        let opening = Opening {
            organisation: assigned.organisation,
            cause: Cause::Library(self.library.clone()),
            subject: item.to_owned(),
            counted_from: from,
            opened_on: at.on,
            term: Term::Every(period),
        };
        vec![Action::Open(at.id, opening)]
    }
}

/// The obligation that an update meets. None if it brings nothing newer, or if the cycle has only begun: then what runs goes on.
fn meet(running: &mut Option<Running>, current_on: Date, on: Date) -> Option<ObligationId> {
    let awaited = running.as_mut()?;
    if awaited.current_on.is_some_and(|known| current_on <= known) {
        return None;
    }
    awaited.current_on = Some(current_on);
    (on > awaited.counted_from).then_some(awaited.id)
}

fn lapse(running: &mut Option<Running>, reason: String) -> Vec<Action> {
    running.take().map(|running| Action::Lapse(running.id, reason)).into_iter().collect()
}

#[cfg(test)]
mod tests;
