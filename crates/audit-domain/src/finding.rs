//! A finding: what was found against an organisation, and what is done about it (R45.1, R46.1).
//!
//! A rule finds it in events, or an authority sees it; the authority orders that it be set right by a day, the organisation reports, the
//! authority looks, and closes it or asks others to go on. What later events show to be set right is cleared: an order stays an order.

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::region::Level;
use publicdata_types::{Actor, OrganisationCode, Prose};

mod case;
mod raised;
mod rejection;

pub use case::{Case, Escalation, Order, Stage, Verdict};
pub use raised::{Matter, Position, Raised, Source};
pub use rejection::Rejection;

/// The numbers of article 46.
const CLAUSES: std::ops::RangeInclusive<u8> = 1..=11;

/// A finding, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Finding {
    /// Nothing was found.
    #[default]
    Absent,
    /// Something was.
    Raised(Box<Case>),
}

/// What can be asked of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A rule found it.
    Find(Box<Raised>),
    /// An authority found it.
    Raise {
        /// What; its source names the same authority.
        raised: Box<Raised>,
        /// Who says so.
        by: Actor,
    },
    /// Later events show that it was set right.
    Clear {
        /// Those events.
        evidence: Vec<Position>,
        /// The day of the last of them.
        on: Date,
    },
    /// Orders that it be set right.
    Order {
        /// What, and by when.
        order: Order,
        /// The day.
        today: Date,
        /// Who orders.
        by: Actor,
    },
    /// Reports that it was set right.
    Report {
        /// What was done.
        statement: Prose,
        /// The day.
        today: Date,
        /// Who reports.
        by: Actor,
    },
    /// Says what the authority saw.
    Judge {
        /// That.
        verdict: Verdict,
        /// Why.
        reason: Prose,
        /// The day.
        today: Date,
        /// Who looked.
        by: Actor,
    },
    /// A day has come.
    DeadlineElapsed {
        /// That day.
        today: Date,
    },
    /// Asks others to go on.
    Escalate {
        /// Whom, and why.
        escalation: Escalation,
        /// Who asks.
        by: Actor,
    },
    /// Finds that it is no breach.
    Dismiss {
        /// Why.
        reason: Prose,
        /// Who says so.
        by: Actor,
    },
}

/// What happened to a finding. `author` is the organisation that spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something was found.
    Raised(Box<Raised>),
    /// Later events show that it was set right.
    Cleared {
        /// Those events.
        evidence: Vec<Position>,
        /// The day of the last of them.
        on: Date,
    },
    /// It has to be set right.
    Ordered(Order),
    /// The organisation says that it was.
    Reported {
        /// The organisation.
        author: OrganisationCode,
        /// What it did.
        statement: Prose,
        /// Whether the order's last day had passed.
        late: bool,
    },
    /// It was.
    Accepted {
        /// The authority.
        author: OrganisationCode,
        /// What it saw.
        reason: Prose,
    },
    /// It was not.
    Rejected {
        /// The authority.
        author: OrganisationCode,
        /// What is missing.
        reason: Prose,
        /// The new last day.
        due_on: Date,
    },
    /// An order's last day has passed.
    Overdue {
        /// That day.
        due_on: Date,
    },
    /// Others were asked to go on.
    Escalated {
        /// The authority.
        author: OrganisationCode,
        /// Whom, and why.
        escalation: Escalation,
    },
    /// It was no breach.
    Dismissed {
        /// The authority.
        author: OrganisationCode,
        /// Why.
        reason: Prose,
    },
}

impl Decider for Finding {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Find(raised) => self.raise(raised),
            Command::Raise { raised, by } => {
                by.may_govern(&raised.region)?;
                self.raise(raised)
            }
            Command::Clear { evidence, on } => {
                let case = self.case()?;
                Ok(if case.cleared || case.stage.is_closed() {
                    vec![]
                } else {
                    vec![Event::Cleared { evidence, on }]
                })
            }
            Command::Order { order, today, by } => self.governed(&by)?.order(order, today),
            Command::Report { statement, today, by } => {
                let case = self.case()?;
                by.may_act_for(&case.raised.organisation)?;
                case.report(statement, today)
            }
            Command::Judge { verdict, reason, today, by } => {
                self.governed(&by)?.judge(verdict, reason, today, by.organisation)
            }
            Command::DeadlineElapsed { today } => match &self.case()?.stage {
                Stage::Ordered(order) if order.due_on < today => {
                    Ok(vec![Event::Overdue { due_on: order.due_on }])
                }
                Stage::Open
                | Stage::Ordered(_)
                | Stage::Overdue(_)
                | Stage::Reported(_)
                | Stage::Accepted
                | Stage::Escalated
                | Stage::Dismissed => Ok(vec![]),
            },
            Command::Escalate { escalation, by } => {
                let case = self.governed(&by)?;
                let author = by.organisation;
                case.once(Event::Escalated { author, escalation }, &Stage::Escalated)
            }
            Command::Dismiss { reason, by } => {
                let case = self.governed(&by)?;
                let author = by.organisation;
                case.once(Event::Dismissed { author, reason }, &Stage::Dismissed)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event) {
            (Self::Absent, Event::Raised(raised)) => {
                let raised = (**raised).clone();
                Self::Raised(Box::new(Case { raised, cleared: false, stage: Stage::Open }))
            }
            (Self::Raised(case), event) => Self::Raised(Box::new(case.evolve(event))),
            (Self::Absent, _) => Self::Absent,
        }
    }
}

impl Finding {
    /// What was found, and what came of it.
    ///
    /// # Errors
    /// Nothing was found.
    pub fn case(&self) -> Result<&Case, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Raised(case) => Ok(case),
        }
    }

    /// The same for the authority over the organisation's division. Of a finding against itself, the authority above it judges.
    fn governed(&self, by: &Actor) -> Result<&Case, Rejection> {
        let case = self.case()?;
        by.may_govern(&case.raised.region)?;
        let is_own = by.organisation == case.raised.organisation;
        match is_own && by.region.level() == Level::County {
            true => Err(Rejection::OwnFinding),
            false => Ok(case),
        }
    }

    fn raise(&self, raised: Box<Raised>) -> Result<Vec<Event>, Rejection> {
        match raised.matter {
            Matter::Breach { clause } if !CLAUSES.contains(&clause) => {
                return Err(Rejection::Clause { found: clause });
            }
            Matter::Breach { .. } | Matter::UnusualUse => {}
        }
        match self {
            Self::Absent => Ok(vec![Event::Raised(raised)]),
            Self::Raised(case) if case.raised == *raised => Ok(vec![]),
            Self::Raised(_) => Err(Rejection::RaisedOtherwise),
        }
    }
}

#[cfg(test)]
mod tests;
