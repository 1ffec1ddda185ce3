//! A dedicated network (业务专网): the authority is asked before it is built, and what is built without its agreement can be
//! told from the register (R9.1).

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, OrganisationCode, RegionCode};

use crate::owner::Owner;
use crate::text::{self, LONG_MAX, SHORT_MAX, TextMistake};

pub use rejection::Rejection;

use answering::{answering, may_answer};

mod answering;
mod rejection;

/// A network, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Nothing is known of it.
    #[default]
    Absent,
    /// It is on record.
    Known {
        /// Whose it is.
        owner: OrganisationCode,
        /// What it is for.
        plan: Plan,
        /// How far it has come.
        stage: Stage,
    },
}

/// How far a network has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// An authority has to answer.
    Asked {
        /// The division whose authority that is.
        answering: RegionCode,
    },
    /// The authority answered.
    Answered {
        /// The division whose authority did.
        answering: RegionCode,
        /// What it thinks.
        opinion: Opinion,
        /// Why.
        reasons: String,
    },
    /// It stands.
    Built {
        /// Since when.
        on: Date,
        /// What it was built on.
        basis: Basis,
    },
    /// It is part of the e-government network.
    Merged,
    /// It will not be built, or is no longer run.
    GivenUp,
}

/// What a network is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// The law, regulation or national rule by which it has to be built.
    pub legal_basis: String,
    /// Whom it connects, and how many.
    pub scope: String,
}

/// What the authority thinks of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It agrees.
    Agreed,
    /// It objects.
    Objected,
}

/// What a network was built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// It stood before the regulation took effect.
    Existing,
    /// The authority had agreed.
    Agreed,
    /// The authority had not been asked, or had not answered.
    WithoutOpinion,
    /// The authority had objected.
    AgainstObjection,
}

/// When a network was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Under the regulation.
    New,
    /// Before the regulation took effect, as the authority found.
    Existing,
}

/// What can be asked of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Asks for the authority's opinion, for the organisation of whoever asks.
    RequestOpinion {
        /// What is to be built.
        plan: Plan,
        /// Who asks.
        by: Actor,
    },
    /// Answers.
    Answer {
        /// What the authority thinks.
        opinion: Opinion,
        /// Why.
        reasons: String,
        /// Who answers.
        by: Actor,
    },
    /// Records that it stands.
    RecordBuilt {
        /// Whose it is; for one on record, its owner and where that lies now.
        owner: Owner,
        /// What was built; for one on record, if it is not what was asked for.
        plan: Option<Plan>,
        /// Since when.
        on: Date,
        /// Before or after the regulation took effect.
        provenance: Provenance,
        /// Who records it: the organisation, or the authority over it.
        by: Actor,
    },
    /// Records that it became part of the e-government network.
    RecordMerged {
        /// Since when.
        on: Date,
        /// Who records it.
        by: Actor,
    },
    /// Records that it will not be built, or is no longer run.
    GiveUp {
        /// Since when.
        on: Date,
        /// Why.
        reason: String,
        /// Who records it.
        by: Actor,
    },
}

/// What happened to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An organisation asked.
    OpinionRequested {
        /// Who asked.
        owner: Owner,
        /// The division whose authority answers.
        answering: RegionCode,
        /// What is to be built.
        plan: Plan,
    },
    /// The authority answered.
    OpinionGiven {
        /// What it thinks.
        opinion: Opinion,
        /// Why.
        reasons: String,
        /// Which authority.
        authority: OrganisationCode,
    },
    /// It stands.
    Built {
        /// Whose it is.
        owner: Owner,
        /// Since when.
        on: Date,
        /// What it was built on.
        basis: Basis,
        /// What was built.
        plan: Plan,
    },
    /// It is part of the e-government network.
    Merged {
        /// Since when.
        on: Date,
    },
    /// It will not be built, or is no longer run.
    GivenUp {
        /// Since when.
        on: Date,
        /// Why.
        reason: String,
    },
}

impl Decider for Network {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::RequestOpinion { plan, by } => self.request_opinion(plan, &by),
            Command::Answer { opinion, reasons, by } => self.answer(opinion, reasons, &by),
            Command::RecordBuilt { owner, plan, on, provenance, by } => {
                owner.may_manage(&by)?;
                if provenance == Provenance::Existing {
                    // An organisation could otherwise call its own new network an old one.
                    by.may_govern(&owner.region)?;
                }
                self.record_built(owner, plan, on, provenance)
            }
            Command::RecordMerged { on, by } => self.record_merged(on, &by),
            Command::GiveUp { on, reason, by } => self.give_up(on, reason, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::OpinionRequested { owner, answering, plan }) => {
                Self::Known { owner: owner.code, plan, stage: Stage::Asked { answering } }
            }
            (
                Self::Known { owner, plan, stage: Stage::Asked { answering } },
                Event::OpinionGiven { opinion, reasons, .. },
            ) => {
                Self::Known { owner, plan, stage: Stage::Answered { answering, opinion, reasons } }
            }
            (_, Event::Built { owner, on, basis, plan }) => {
                Self::Known { owner: owner.code, plan, stage: Stage::Built { on, basis } }
            }
            (Self::Known { owner, plan, .. }, Event::Merged { .. }) => {
                Self::Known { owner, plan, stage: Stage::Merged }
            }
            (Self::Known { owner, plan, .. }, Event::GivenUp { .. }) => {
                Self::Known { owner, plan, stage: Stage::GivenUp }
            }
            (state, _) => state,
        }
    }
}

impl Network {
    /// Whose it is, if it is on record.
    #[must_use]
    pub fn owner(&self) -> Option<OrganisationCode> {
        match self {
            Self::Absent => None,
            Self::Known { owner, .. } => Some(*owner),
        }
    }

    /// The division whose authority answers or answered, as long as that matters.
    #[must_use]
    pub fn answering(&self) -> Option<RegionCode> {
        match self {
            Self::Known { stage: Stage::Asked { answering }, .. }
            | Self::Known { stage: Stage::Answered { answering, .. }, .. } => Some(*answering),
            Self::Absent | Self::Known { .. } => None,
        }
    }

    /// What it was built on, if it stands.
    #[must_use]
    pub fn basis(&self) -> Option<Basis> {
        match self {
            Self::Known { stage: Stage::Built { basis, .. }, .. } => Some(*basis),
            Self::Absent | Self::Known { .. } => None,
        }
    }

    fn request_opinion(&self, plan: Plan, by: &Actor) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => {
                plan.check()?;
                let owner = Owner::of(by);
                Ok(vec![Event::OpinionRequested { owner, answering: answering(by), plan }])
            }
            Self::Known { owner, plan: known, .. } => {
                by.may_act_for(owner)?;
                match *known == plan {
                    true => Ok(vec![]),
                    false => Err(Rejection::AlreadyAsked),
                }
            }
        }
    }

    fn answer(
        &self,
        opinion: Opinion,
        reasons: String,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let Self::Known { owner, stage, .. } = self else { return Err(Rejection::Absent) };
        match stage {
            Stage::Asked { answering } => {
                may_answer(owner, answering, by)?;
                text::required("reasons", &reasons, LONG_MAX)?;
                Ok(vec![Event::OpinionGiven { opinion, reasons, authority: by.organisation }])
            }
            Stage::Answered { answering, opinion: known, reasons: known_reasons } => {
                may_answer(owner, answering, by)?;
                match (opinion, &reasons) == (*known, known_reasons) {
                    true => Ok(vec![]),
                    false => Err(Rejection::AlreadyAnswered),
                }
            }
            Stage::Built { .. } | Stage::Merged | Stage::GivenUp => Err(Rejection::NotAwaited),
        }
    }

    fn record_built(
        &self,
        owner: Owner,
        plan: Option<Plan>,
        on: Date,
        provenance: Provenance,
    ) -> Result<Vec<Event>, Rejection> {
        let (asked, opinion) = match self {
            Self::Absent => (None, None),
            Self::Known { plan, stage: Stage::Asked { .. }, .. } => (Some(plan), None),
            Self::Known { plan, stage: Stage::Answered { opinion, .. }, .. } => {
                (Some(plan), Some(*opinion))
            }
            Self::Known { plan: known, stage: Stage::Built { on: since, .. }, .. } => {
                let same = *since == on && plan.is_none_or(|plan| plan == *known);
                return match same {
                    true => Ok(vec![]),
                    false => Err(Rejection::AlreadyBuilt { on: *since }),
                };
            }
            Self::Known { stage: Stage::Merged | Stage::GivenUp, .. } => {
                return Err(Rejection::Over);
            }
        };
        let basis = match (provenance, opinion) {
            (Provenance::Existing, _) => Basis::Existing,
            (Provenance::New, Some(Opinion::Agreed)) => Basis::Agreed,
            (Provenance::New, Some(Opinion::Objected)) => Basis::AgainstObjection,
            (Provenance::New, None) => Basis::WithoutOpinion,
        };
        let plan = plan.or_else(|| asked.cloned()).ok_or(Rejection::Absent)?;
        plan.check()?;
        Ok(vec![Event::Built { owner, on, basis, plan }])
    }

    fn record_merged(&self, on: Date, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let Self::Known { owner, stage, .. } = self else { return Err(Rejection::Absent) };
        by.may_act_for(owner)?;
        match stage {
            Stage::Built { .. } => Ok(vec![Event::Merged { on }]),
            Stage::Merged => Ok(vec![]),
            Stage::Asked { .. } | Stage::Answered { .. } => Err(Rejection::NotBuilt),
            Stage::GivenUp => Err(Rejection::Over),
        }
    }

    fn give_up(&self, on: Date, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let Self::Known { owner, stage, .. } = self else { return Err(Rejection::Absent) };
        by.may_act_for(owner)?;
        match stage {
            Stage::Asked { .. } | Stage::Answered { .. } | Stage::Built { .. } => {
                text::required("reason", &reason, LONG_MAX)?;
                Ok(vec![Event::GivenUp { on, reason }])
            }
            Stage::GivenUp => Ok(vec![]),
            Stage::Merged => Err(Rejection::Over),
        }
    }
}

impl Plan {
    fn check(&self) -> Result<(), TextMistake> {
        text::required("name", &self.name, SHORT_MAX)?;
        text::required("purpose", &self.purpose, LONG_MAX)?;
        text::required("legal basis", &self.legal_basis, LONG_MAX)?;
        text::required("scope", &self.scope, LONG_MAX)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
