//! What is known of one entity (数据对象): which source each of its data has, and who means to collect more (R17.1, R18.1).
//!
//! Sources and plans of an entity are decided on in one place, so that of two claims at the same moment one is refused.

mod plans;
mod rejection;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{
    Actor, ContestId, OrganisationCode, PlanId, RegionCode, ResourceCode, ResourceId, SharingType,
};

pub use plans::{Asking, Known};
pub use rejection::{Counterpart, Like, Rejection};

use crate::likeness::{Datum, Vocabularies, key};
use crate::text::optional;

/// The sources, contests and plans of one entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    sources: BTreeMap<SourceKey, Source>,
    contests: BTreeMap<ContestId, Contest>,
    plans: BTreeMap<PlanId, Plan>,
    ended: BTreeSet<PlanId>,
    /// What an organisation may collect although it is to be had, by the organisation and the item's key.
    exceptions: BTreeSet<(OrganisationCode, String)>,
}

/// One item of one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceKey {
    /// The resource.
    pub resource: ResourceId,
    /// The item's identifier.
    pub item: String,
}

/// An item that its provider claims to be the source of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which item of which resource.
    pub key: SourceKey,
    /// The resource's code.
    pub code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// The provider's division.
    pub region: RegionCode,
    /// What the item says of what.
    pub datum: Datum,
}

/// A claim that somebody else disputes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// What would be the source instead.
    pub challenger: Source,
    /// The claim that it is against.
    pub holder: SourceKey,
    /// On which grounds.
    pub grounds: String,
}

/// Which side of a contest the authority found to be the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// Whoever held the claim.
    Holder,
    /// Whoever contested it.
    Challenger,
}

/// What an organisation means to collect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who collects.
    pub organisation: OrganisationCode,
    /// Its division.
    pub region: RegionCode,
    /// What, of what.
    pub items: Vec<Datum>,
    /// What for.
    pub purpose: String,
    /// By which law.
    pub legal_basis: String,
    /// How: by form, by survey, by sensor.
    pub method: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
}

/// An item of a published resource, as candidates for likeness are handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Which item of which resource.
    pub key: SourceKey,
    /// The resource's code: what to apply for.
    pub code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// How it is shared.
    pub sharing: SharingType,
    /// What the item says of what.
    pub datum: Datum,
}

/// A plan of another entity's register that has come to mean the same entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherPlan {
    /// The plan's id.
    pub id: PlanId,
    /// What it says.
    pub plan: Plan,
}

/// What can be asked of an entity's register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Claims to be the source of items of one resource.
    Claim {
        /// The items.
        sources: Vec<Source>,
        /// Claims in registers of entities that now mean the same.
        elsewhere: Vec<Source>,
        /// Resources that were withdrawn: what they claimed lapses.
        withdrawn: BTreeSet<ResourceId>,
        /// What is known to mean the same.
        vocabularies: Arc<Vocabularies>,
        /// In what the items differ from those that look like them; empty if nobody was asked.
        difference: String,
        /// Who claims.
        by: Actor,
    },
    /// Gives claims up; the authority ends them.
    Release {
        /// The resource.
        resource: ResourceId,
        /// Its items; all that are claimed if none is named.
        items: Vec<String>,
        /// Why.
        reason: String,
        /// Who releases them.
        by: Actor,
    },
    /// Puts to the authority who is the source.
    Contest {
        /// The contest's id.
        contest: ContestId,
        /// What would be the source instead.
        challenger: Source,
        /// The claim that it is against.
        holder: SourceKey,
        /// On which grounds.
        grounds: String,
        /// What is known to mean the same.
        vocabularies: Arc<Vocabularies>,
        /// Who contests.
        by: Actor,
    },
    /// Decides a contest.
    Settle {
        /// The contest.
        contest: ContestId,
        /// Who is the source.
        winner: Winner,
        /// Why.
        reason: String,
        /// Claims in registers of entities that now mean the same.
        elsewhere: Vec<Source>,
        /// What is known to mean the same.
        vocabularies: Arc<Vocabularies>,
        /// Who decides.
        by: Actor,
    },
    /// Registers what an organisation means to collect.
    Plan {
        /// The plan's id.
        id: PlanId,
        /// What it says.
        plan: Plan,
        /// What it is held against.
        known: Known,
        /// In what the items differ from those that look like them; empty if nobody was asked.
        difference: String,
        /// Who registers it.
        by: Actor,
    },
    /// Ends a plan before its last day.
    EndPlan {
        /// The plan.
        id: PlanId,
        /// Why.
        reason: String,
        /// Who ends it.
        by: Actor,
    },
    /// Lets an organisation collect what is to be had.
    Except {
        /// Who may collect.
        organisation: OrganisationCode,
        /// Its division.
        region: RegionCode,
        /// What.
        items: Vec<Datum>,
        /// Why.
        reason: String,
        /// Who allows it.
        by: Actor,
    },
}

/// What happened to an entity's register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A provider is the source of an item from now on.
    SourceClaimed {
        /// The item.
        source: Source,
        /// In what it differs from those that look like it; empty if none does.
        difference: String,
    },
    /// It is the source no more.
    SourceReleased {
        /// The item.
        key: SourceKey,
        /// Why.
        reason: String,
    },
    /// Somebody put to the authority who is the source.
    SourceContested {
        /// The contest's id.
        contest: ContestId,
        /// What it says.
        dispute: Contest,
    },
    /// The authority decided.
    SourceSettled {
        /// The contest.
        contest: ContestId,
        /// Who is the source.
        winner: Winner,
        /// Why.
        reason: String,
    },
    /// An organisation collects from now on.
    CollectionPlanned {
        /// The plan's id.
        id: PlanId,
        /// What it says.
        plan: Plan,
        /// In what its items differ from those that look like them; empty if none does.
        difference: String,
    },
    /// A plan ended before its last day.
    CollectionEnded {
        /// The plan.
        id: PlanId,
        /// Why.
        reason: String,
    },
    /// An organisation may collect what is to be had.
    CollectionExcepted {
        /// The organisation.
        organisation: OrganisationCode,
        /// Its division.
        region: RegionCode,
        /// What.
        items: Vec<Datum>,
        /// Why.
        reason: String,
    },
}

impl Decider for Entity {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Claim { sources, elsewhere, withdrawn, vocabularies, difference, by } => {
                by_provider(&sources, &by)?;
                let difference = optional("difference", &difference, 2_000)?;
                let known = sources::Known { elsewhere, withdrawn, vocabularies };
                self.claim(sources, &known, &difference)
            }
            Command::Release { resource, items, reason, by } => {
                self.release(resource, &items, &reason, &by)
            }
            Command::Contest { contest, challenger, holder, grounds, vocabularies, by } => {
                by.may_write_for(&challenger.provider)?;
                self.contest(contest, Contest { challenger, holder, grounds }, &vocabularies)
            }
            Command::Settle { contest, winner, reason, elsewhere, vocabularies, by } => {
                let dispute = self.open_contest(&contest, &by)?;
                let decision = sources::Decision { contest, winner, reason };
                self.settle(dispute, decision, &elsewhere, &vocabularies)
            }
            Command::Plan { id, plan, known, difference, by } => {
                by.may_act_for(&plan.organisation)?;
                self.plan(id, plan, &known, &difference)
            }
            Command::EndPlan { id, reason, by } => self.end_plan(id, &reason, &by),
            Command::Except { organisation, region, items, reason, by } => {
                by.may_govern(&region)?;
                must_not_judge_itself(&by, [organisation])?;
                self.except(organisation, region, items, &reason)
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event.clone() {
            Event::SourceClaimed { source, difference: _ } => {
                self.sources.insert(source.key.clone(), source);
            }
            Event::SourceReleased { key, reason: _ } => {
                self.sources.remove(&key);
                // What a contest was against is gone: whoever contested it may claim.
                self.contests.retain(|_, contest| contest.holder != key);
            }
            Event::SourceContested { contest, dispute } => {
                self.contests.insert(contest, dispute);
            }
            Event::SourceSettled { contest, winner: _, reason: _ } => {
                self.contests.remove(&contest);
            }
            Event::CollectionPlanned { id, plan, difference: _ } => {
                self.plans.insert(id, plan);
            }
            Event::CollectionEnded { id, reason: _ } => {
                self.plans.remove(&id);
                self.ended.insert(id);
            }
            Event::CollectionExcepted { organisation, items, .. } => {
                let keys = items.iter().map(|item| (organisation, key::title(&item.title)));
                self.exceptions.extend(keys);
            }
        }
        self
    }
}

impl Entity {
    /// The claims that hold.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// The plans that were not ended; their last day may have passed.
    pub fn plans(&self) -> impl Iterator<Item = (&PlanId, &Plan)> {
        self.plans.iter()
    }
}

fn by_provider(sources: &[Source], by: &Actor) -> Result<(), Rejection> {
    match sources {
        [] => Err(Rejection::NothingToClaim),
        sources => {
            for source in sources {
                by.may_write_for(&source.provider)?;
            }
            Ok(())
        }
    }
}

/// A district authority leaves what concerns itself to the city; the city's authority has none above it on the platform.
fn must_not_judge_itself<const N: usize>(
    by: &Actor,
    parties: [OrganisationCode; N],
) -> Result<(), Rejection> {
    match parties.contains(&by.organisation) && by.may_govern_city().is_err() {
        true => Err(Rejection::OwnMatter { organisation: by.organisation }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
