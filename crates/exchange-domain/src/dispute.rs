//! A dispute (异议): provider and consumer negotiate; if that fails, the authority has the expert committee give an opinion, and
//! decides (R28.1). The regulation sets no limits of time here, so there are none.

use publicdata_decider::Decider;
use publicdata_types::{
    Actor, Digest, GrantId, OrganisationCode, RegionCode, ResourceId, TicketId, TransferId,
};

use publicdata_types::Prose;

mod case;
mod rejection;

pub use case::Case;
pub use rejection::Rejection;

/// A dispute, from the first objection to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dispute {
    /// Nobody objected to anything.
    #[default]
    Absent,
    /// It is about something, and stands somewhere.
    Raised(Box<Case>),
}

/// What a dispute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// A grant that was issued.
    Grant(GrantId),
    /// An application that was refused.
    Application(GrantId),
    /// A transfer.
    Transfer(TransferId),
    /// A verification ticket that was rejected.
    Ticket(TicketId),
}

/// Whom the matter is between, as the bus knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    /// The resource that it concerns.
    pub resource: ResourceId,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// Where the provider is.
    pub provider_region: RegionCode,
    /// Who receives it, or wanted to.
    pub consumer: OrganisationCode,
    /// Where the consumer is.
    pub consumer_region: RegionCode,
}

/// An objection as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What it is about.
    pub matter: Matter,
    /// The resource that it concerns.
    pub resource: ResourceId,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// Who receives it, or wanted to.
    pub consumer: OrganisationCode,
    /// Which of the two objects.
    pub claimant: OrganisationCode,
    /// The division whose authority decides.
    pub seat: RegionCode,
    /// What the claimant objects to.
    pub statement: Prose,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The parties negotiate.
    Negotiating,
    /// The authority has it.
    Referred,
    /// The expert committee was asked.
    OpinionAsked,
    /// The expert committee has answered.
    OpinionGiven,
    /// The parties agreed.
    Settled,
    /// The authority decided.
    Decided,
    /// The claimant took it back.
    Withdrawn,
}

/// Which party was right, whoever had raised the dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The consumer.
    Consumer,
    /// The provider.
    Provider,
    /// Each in part.
    Both,
}

/// What an expert committee says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The opinion, or its summary.
    pub text: Prose,
    /// The number of the document that holds it.
    pub document_number: Option<Prose>,
    /// The digest of that document.
    pub document: Option<Digest>,
}

/// What can be asked of a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is done.
    pub step: Step,
    /// Who does it.
    pub by: Actor,
}

/// A step of a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Objects to something.
    Raise {
        /// What it is about.
        matter: Matter,
        /// Between whom.
        parties: Parties,
        /// What the caller objects to.
        statement: Prose,
    },
    /// Says something.
    State {
        /// What.
        statement: Prose,
    },
    /// Proposes how to settle.
    Propose {
        /// What both would agree to.
        terms: Prose,
    },
    /// Agrees to a proposal.
    Confirm {
        /// The proposal's number.
        number: u32,
    },
    /// Hands the dispute to the authority.
    Refer {
        /// Why the parties did not agree.
        reason: Prose,
    },
    /// Asks the expert committee.
    AskOpinion {
        /// What.
        question: Prose,
    },
    /// Answers the authority.
    GiveOpinion(Opinion),
    /// Decides.
    Decide {
        /// Who was right.
        outcome: Outcome,
        /// What holds from now on.
        decision: Prose,
        /// Why.
        reason: Prose,
    },
    /// Takes the dispute back.
    Withdraw {
        /// Why.
        reason: Prose,
    },
}

/// What happened in a dispute, and who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A party objected; it is the author.
    Raised(Objection),
    /// A party said something.
    Stated {
        /// Which party.
        author: OrganisationCode,
        /// What.
        statement: Prose,
    },
    /// A party proposed how to settle; an earlier proposal no longer stands.
    Proposed {
        /// Which party.
        author: OrganisationCode,
        /// The proposal's number, from 1.
        number: u32,
        /// What both would agree to.
        terms: Prose,
    },
    /// The other party agreed.
    Settled {
        /// Which party.
        author: OrganisationCode,
        /// The proposal's number.
        number: u32,
    },
    /// It was handed to the authority.
    Referred {
        /// By whom.
        author: OrganisationCode,
        /// Why the parties did not agree.
        reason: Prose,
    },
    /// The authority asked the expert committee.
    OpinionAsked {
        /// The authority.
        author: OrganisationCode,
        /// What it asks.
        question: Prose,
    },
    /// The expert committee gave its opinion.
    OpinionGiven {
        /// The committee.
        author: OrganisationCode,
        /// What it says.
        opinion: Opinion,
    },
    /// The authority decided.
    Decided {
        /// The authority.
        author: OrganisationCode,
        /// Who was right; not said in decisions from before it was asked for.
        outcome: Option<Outcome>,
        /// What holds from now on.
        decision: Prose,
        /// Why.
        reason: Prose,
    },
    /// The claimant took it back.
    Withdrawn {
        /// The claimant.
        author: OrganisationCode,
        /// Why.
        reason: Prose,
    },
}

impl Decider for Dispute {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, Command { step, by }: Command) -> Result<Vec<Event>, Rejection> {
        match (self, step) {
            (_, Step::Raise { matter, parties, statement }) => {
                self.raise(parties.objection(matter, statement, &by)?)
            }
            (Self::Absent, _) => Err(Rejection::Absent),
            (Self::Raised(case), step) => case.take(step, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Raised(objection)) => {
                Self::Raised(Box::new(Case::new(objection)))
            }
            (Self::Raised(case), event) => Self::Raised(Box::new(case.after(event))),
            (state, _) => state,
        }
    }
}

impl Dispute {
    /// The dispute, once it was raised.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        match self {
            Self::Absent => None,
            Self::Raised(case) => Some(case),
        }
    }

    fn raise(&self, objection: Objection) -> Result<Vec<Event>, Rejection> {
        match self.case() {
            None => Ok(vec![Event::Raised(objection)]),
            Some(case) if case.objection == objection => Ok(vec![]),
            Some(_) => Err(Rejection::Exists),
        }
    }
}

impl Parties {
    fn objection(
        &self,
        matter: Matter,
        statement: Prose,
        by: &Actor,
    ) -> Result<Objection, Rejection> {
        let claimant = by.organisation;
        if claimant != self.provider && claimant != self.consumer {
            return Err(Rejection::NotAParty);
        }
        if self.provider == self.consumer {
            return Err(Rejection::NoOtherParty);
        }
        Ok(Objection {
            matter,
            resource: self.resource,
            provider: self.provider,
            consumer: self.consumer,
            claimant,
            seat: self.seat(),
            statement,
        })
    }

    /// Whose authority decides: that of both parties' division, or that of the provider's city.
    fn seat(&self) -> RegionCode {
        match self.provider_region == self.consumer_region {
            true => self.provider_region,
            false => self.provider_region.city(),
        }
    }
}

impl Stage {
    /// Whether something is still to come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Negotiating | Self::Referred | Self::OpinionAsked | Self::OpinionGiven => true,
            Self::Settled | Self::Decided | Self::Withdrawn => false,
        }
    }

    /// What is due now.
    #[must_use]
    pub const fn due(self) -> &'static str {
        match self {
            Self::Negotiating => {
                "the parties agree, or one of them or the authority refers the dispute"
            }
            Self::Referred => "the authority asks the expert committee for an opinion",
            Self::OpinionAsked => "the expert committee gives its opinion",
            Self::OpinionGiven => "the authority decides",
            Self::Settled => "nothing: the parties have settled it",
            Self::Decided => "nothing: the authority has decided it, which binds both parties",
            Self::Withdrawn => "nothing: it was withdrawn",
        }
    }
}

#[cfg(test)]
mod tests;
