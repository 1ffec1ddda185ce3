//! A dispute that was raised: whose turn it is, and for what.

use publicdata_types::{Actor, OrganisationCode};

use super::{Event, Objection, Rejection, Stage, Step};
use publicdata_types::Prose;

/// A dispute that was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is about, and between whom.
    pub objection: Objection,
    /// Where it stands.
    pub stage: Stage,
    /// The proposal that stands: its number, and who made it.
    pub proposal: Option<(u32, OrganisationCode)>,
    /// How many proposals were made.
    pub proposals: u32,
    /// What happened last since it was raised: said once more, it says nothing new.
    last: Option<Event>,
}

impl Case {
    pub(super) fn new(objection: Objection) -> Self {
        let (stage, proposal, proposals, last) = (Stage::Negotiating, None, 0, None);
        Self { objection, stage, proposal, proposals, last }
    }

    pub(super) fn take(&self, step: Step, by: &Actor) -> Result<Vec<Event>, Rejection> {
        self.must_be_allowed(&step, by)?;
        let event = self.event(step, by.organisation)?;
        if self.last.as_ref() == Some(&event) {
            return Ok(vec![]);
        }
        self.must_be_due(&event)?;
        Ok(vec![event])
    }

    /// Whose step it is.
    fn must_be_allowed(&self, step: &Step, by: &Actor) -> Result<(), Rejection> {
        let Objection { provider, consumer, claimant, seat, .. } = &self.objection;
        let is_party = by.organisation == *provider || by.organisation == *consumer;
        match step {
            Step::Raise { .. } => Err(Rejection::Exists),
            Step::State { .. } | Step::Propose { .. } | Step::Confirm { .. } if is_party => Ok(()),
            Step::State { .. } | Step::Propose { .. } | Step::Confirm { .. } => {
                Err(Rejection::NotAParty)
            }
            Step::Refer { .. } if is_party => Ok(()),
            Step::Refer { .. } | Step::AskOpinion { .. } | Step::Decide { .. } => {
                Ok(by.may_govern(seat)?)
            }
            Step::GiveOpinion(_) => Ok(by.may_advise(seat)?),
            Step::Withdraw { .. } => Ok(by.may_act_for(claimant)?),
        }
    }

    /// What the step means, if it is due.
    fn event(&self, step: Step, author: OrganisationCode) -> Result<Event, Rejection> {
        Ok(match step {
            Step::Raise { .. } => return Err(Rejection::Exists),
            Step::State { statement } => Event::Stated { author, statement },
            Step::Propose { terms } => {
                let number = self.number_of(&terms, author);
                Event::Proposed { author, number, terms }
            }
            Step::Confirm { number } => Event::Settled { author, number },
            Step::Refer { reason } => Event::Referred { author, reason },
            Step::AskOpinion { question } => Event::OpinionAsked { author, question },
            Step::GiveOpinion(opinion) => Event::OpinionGiven { author, opinion },
            Step::Decide { outcome, decision, reason } => {
                Event::Decided { author, outcome: Some(outcome), decision, reason }
            }
            Step::Withdraw { reason } => Event::Withdrawn { author, reason },
        })
    }

    /// The next number; that of the last proposal, if it is made once more.
    fn number_of(&self, terms: &Prose, author: OrganisationCode) -> u32 {
        match &self.last {
            Some(Event::Proposed { author: before, number, terms: known })
                if *before == author && known == terms =>
            {
                *number
            }
            Some(_) | None => self.proposals.saturating_add(1),
        }
    }

    /// Whether it is the step's turn.
    fn must_be_due(&self, event: &Event) -> Result<(), Rejection> {
        if !self.stage.is_open() {
            return Err(Rejection::Closed { stage: self.stage });
        }
        let stage = match event {
            Event::Raised(_) => return Err(Rejection::Exists),
            Event::Stated { .. } | Event::Proposed { .. } | Event::Withdrawn { .. } => {
                return Ok(());
            }
            Event::Settled { author, number } => return self.must_stand(*number, *author),
            Event::Referred { .. } => Stage::Negotiating,
            Event::OpinionAsked { .. } => Stage::Referred,
            Event::OpinionGiven { .. } => Stage::OpinionAsked,
            Event::Decided { .. } => Stage::OpinionGiven,
        };
        match self.stage == stage {
            true => Ok(()),
            false => Err(Rejection::NotDue { stage: self.stage }),
        }
    }

    /// A proposal that can be agreed to: the last one, and the other party's.
    fn must_stand(&self, number: u32, author: OrganisationCode) -> Result<(), Rejection> {
        match self.proposal {
            None => Err(Rejection::NoProposal),
            Some((_, proposer)) if proposer == author => Err(Rejection::OwnProposal),
            Some((stands, _)) if stands != number => {
                Err(Rejection::OtherProposal { stands, number })
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn after(self, event: Event) -> Self {
        let stage = match &event {
            Event::Raised(_) | Event::Stated { .. } | Event::Proposed { .. } => self.stage,
            Event::Settled { .. } => Stage::Settled,
            Event::Referred { .. } => Stage::Referred,
            Event::OpinionAsked { .. } => Stage::OpinionAsked,
            Event::OpinionGiven { .. } => Stage::OpinionGiven,
            Event::Decided { .. } => Stage::Decided,
            Event::Withdrawn { .. } => Stage::Withdrawn,
        };
        let (proposal, proposals) = match &event {
            Event::Proposed { author, number, .. } => (Some((*number, *author)), *number),
            Event::Raised(_)
            | Event::Stated { .. }
            | Event::Settled { .. }
            | Event::Referred { .. }
            | Event::OpinionAsked { .. }
            | Event::OpinionGiven { .. }
            | Event::Decided { .. }
            | Event::Withdrawn { .. } => (self.proposal, self.proposals),
        };
        Self { stage, proposal, proposals, last: Some(event), ..self }
    }
}
