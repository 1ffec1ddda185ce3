//! Who collects what, and what need not be collected (R18.1).

use std::sync::Arc;

use jiff::civil::Date;
use publicdata_types::{Actor, OrganisationCode, PlanId, RegionCode};

use super::rejection::must_differ;
use super::{Counterpart, Entity, Event, Like, OtherPlan, Plan, Rejection, Shared};
use crate::likeness::{Datum, Probe, Vocabularies, key};
use crate::text::{optional, required};

/// What a plan is held against: facts that come in with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Items that are published and shared, and may be like those of the plan.
    pub shared: Vec<Shared>,
    /// Plans in registers of entities that now mean the same.
    pub elsewhere: Vec<OtherPlan>,
    /// What is known to mean the same.
    pub vocabularies: Arc<Vocabularies>,
    /// Today in China.
    pub today: Date,
}

const TEXT_LENGTH_MAX: usize = 2_000;
const NAME_LENGTH_MAX: usize = 200;
const ITEMS_MAX: usize = 200;

impl Entity {
    pub(super) fn plan(
        &self,
        id: PlanId,
        plan: Plan,
        known: &Known,
        difference: &str,
    ) -> Result<Vec<Event>, Rejection> {
        let plan = checked(plan, known.today)?;
        let difference = optional("difference", difference, TEXT_LENGTH_MAX)?;
        if self.plans.get(&id) == Some(&plan) || self.ended.contains(&id) {
            return Ok(vec![]);
        }
        let excepted =
            |item: &Datum| self.exceptions.contains(&(plan.organisation, key::title(&item.title)));
        let asked: Vec<_> = plan.items.iter().filter(|item| !excepted(item)).collect();
        let likes = self.likes(Asking { organisation: plan.organisation, items: &asked }, known);
        must_differ(likes, &difference, |likes| Rejection::ToBeHad { likes })?;
        Ok(vec![Event::CollectionPlanned { id, plan, difference }])
    }

    /// What items that somebody means to collect are like, without anything being decided.
    #[must_use]
    pub fn likes(&self, asking: Asking<'_>, known: &Known) -> Vec<Like> {
        let own = self.plans.iter().map(|(id, plan)| (*id, plan));
        let others = own.chain(known.elsewhere.iter().map(|other| (other.id, &other.plan)));
        let in_force = others.filter(|(_, other)| other.until >= known.today);
        let mut likes = asking.likes_shared(&known.shared, &known.vocabularies);
        likes.extend(asking.likes_planned(in_force, &known.vocabularies));
        likes
    }

    pub(super) fn end_plan(
        &self,
        id: PlanId,
        reason: &str,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let reason = required("reason", reason, TEXT_LENGTH_MAX)?;
        let plan = self.plans.get(&id).ok_or(Rejection::PlanAbsent)?;
        if by.may_act_for(&plan.organisation).is_err() {
            by.may_govern(&plan.region)?;
        }
        Ok(vec![Event::CollectionEnded { id, reason }])
    }

    pub(super) fn except(
        &self,
        organisation: OrganisationCode,
        region: RegionCode,
        items: Vec<Datum>,
        reason: &str,
    ) -> Result<Vec<Event>, Rejection> {
        let reason = required("reason", reason, TEXT_LENGTH_MAX)?;
        let items = checked_items(items)?;
        let known =
            |item: &Datum| self.exceptions.contains(&(organisation, key::title(&item.title)));
        match items.iter().all(known) {
            true => Ok(vec![]),
            false => Ok(vec![Event::CollectionExcepted { organisation, region, items, reason }]),
        }
    }
}

/// Items that an organisation means to collect.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who means to collect.
    pub organisation: OrganisationCode,
    /// What.
    pub items: &'a [&'a Datum],
}

impl Asking<'_> {
    fn likes_shared(&self, shared: &[Shared], vocabularies: &Vocabularies) -> Vec<Like> {
        // What an organisation provides itself it goes on collecting: it is the source.
        let others = shared.iter().filter(|shared| shared.provider != self.organisation);
        let known = others.map(|shared| {
            let counterpart = Counterpart::Shared {
                code: shared.code.clone(),
                provider: shared.provider,
                sharing: shared.sharing,
            };
            (&shared.datum, counterpart)
        });
        self.likes(known, vocabularies)
    }

    fn likes_planned<'p>(
        &self,
        plans: impl Iterator<Item = (PlanId, &'p Plan)>,
        vocabularies: &Vocabularies,
    ) -> Vec<Like> {
        let others = plans.filter(|(_, plan)| plan.organisation != self.organisation);
        let known = others.flat_map(|(id, plan)| {
            let organisation = plan.organisation;
            let counterpart = move || Counterpart::Plan { id, organisation };
            plan.items.iter().map(move |item| (item, counterpart()))
        });
        self.likes(known, vocabularies)
    }

    fn likes<'d>(
        &self,
        known: impl Iterator<Item = (&'d Datum, Counterpart)>,
        vocabularies: &Vocabularies,
    ) -> Vec<Like> {
        let asked: Vec<(&Datum, Probe)> =
            self.items.iter().map(|item| (*item, vocabularies.probe(item))).collect();
        let mut likes = Vec::new();
        for (datum, counterpart) in known {
            let probe = vocabularies.probe(datum);
            for (item, asked) in &asked {
                let Some(why) = asked.like(&probe) else { continue };
                likes.push(Like {
                    item: item.title.clone(),
                    known: datum.title.clone(),
                    counterpart: counterpart.clone(),
                    why,
                });
            }
        }
        likes
    }
}

fn checked(plan: Plan, today: Date) -> Result<Plan, Rejection> {
    if plan.until < plan.from || plan.until < today {
        return Err(Rejection::PlanPeriod);
    }
    Ok(Plan {
        items: checked_items(plan.items)?,
        purpose: required("purpose", &plan.purpose, TEXT_LENGTH_MAX)?,
        legal_basis: required("legal basis", &plan.legal_basis, TEXT_LENGTH_MAX)?,
        method: required("method", &plan.method, TEXT_LENGTH_MAX)?,
        ..plan
    })
}

fn checked_items(items: Vec<Datum>) -> Result<Vec<Datum>, Rejection> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(Rejection::PlanItems { found: items.len(), max: ITEMS_MAX });
    }
    let checked = items.into_iter().map(|item| {
        Ok(Datum {
            entity: required("entity", &item.entity, NAME_LENGTH_MAX)?,
            name: optional("identifier of an item", &item.name, NAME_LENGTH_MAX)?,
            title: required("title of an item", &item.title, NAME_LENGTH_MAX)?,
        })
    });
    checked.collect()
}
