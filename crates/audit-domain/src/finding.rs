//! A finding: what was found against an organisation, and what is done about it (R45.1, R46.1).
//!
//! A rule finds it in events, or an authority sees it; the authority orders that it be set right by a day, the organisation reports, the
//! authority looks, and closes it or asks others to go on. What later events show to be set right is cleared: an order stays an order.

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Digest, OrganisationCode, Prose, RegionCode};

mod rejection;

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

/// What was found, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What was found.
    pub raised: Raised,
    /// Whether later events show that it was set right.
    pub cleared: bool,
    /// What is done about it.
    pub stage: Stage,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// What it is about.
    pub matter: Matter,
    /// The article that was not kept, such as `第二十六条`.
    pub article: String,
    /// What was found, in a few words.
    pub title: String,
    /// Against whom.
    pub organisation: OrganisationCode,
    /// The organisation's division then.
    pub region: RegionCode,
    /// The subject of the thing that it was found at, if it is about one thing.
    pub thing: Option<String>,
    /// The events that show it, in the order of the log.
    pub evidence: Vec<Position>,
    /// The day from which it holds.
    pub found_on: Date,
    /// Who found it.
    pub source: Source,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// A breach of the regulation: which number of article 46 it is.
    Breach {
        /// 1 to 11.
        clause: u8,
    },
    /// Unusual use of data (R45.1).
    UnusualUse,
}

/// Who found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A rule, from events alone.
    Rule {
        /// Its name.
        name: String,
        /// Of the rule as it was applied.
        digest: Digest,
        /// What was counted, if anything.
        measured: Option<String>,
    },
    /// An authority.
    Authority {
        /// Which.
        author: OrganisationCode,
        /// What it says.
        description: Prose,
    },
}

/// An event's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The stream.
    pub stream: String,
    /// The sequence number in it.
    pub sequence: u64,
}

/// What is done about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet.
    Open,
    /// It has to be set right.
    Ordered(Order),
    /// The order's last day has passed.
    Overdue(Order),
    /// The organisation says that it was set right.
    Reported(Order),
    /// It was, as the authority saw. Nothing follows.
    Accepted,
    /// Others were asked to deal with the persons responsible.
    Escalated,
    /// It was no breach. Nothing follows.
    Dismissed,
}

/// What has to be done by when (责令限期整改).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Who ordered.
    pub author: OrganisationCode,
    /// What has to be done.
    pub demand: Prose,
    /// The last day.
    pub due_on: Date,
    /// The number of the official document, if there is one.
    pub document: Option<Prose>,
}

/// What the authority saw when it looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is set right.
    Accepted,
    /// It is not; there is another last day.
    Rejected {
        /// That day.
        due_on: Date,
    },
}

/// Whom the authority asks to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Who is asked.
    pub addressee: Prose,
    /// Why.
    pub reason: Prose,
    /// The number of the official document, if there is one.
    pub document: Option<Prose>,
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
                _ => Ok(vec![]),
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

    /// The same for the authority over the organisation's division.
    fn governed(&self, by: &Actor) -> Result<&Case, Rejection> {
        let case = self.case()?;
        by.may_govern(&case.raised.region)?;
        Ok(case)
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

impl Case {
    fn order(&self, order: Order, today: Date) -> Result<Vec<Event>, Rejection> {
        match &self.stage {
            Stage::Open => {
                not_before(order.due_on, today)?;
                Ok(vec![Event::Ordered(order)])
            }
            Stage::Ordered(known) if *known == order => Ok(vec![]),
            Stage::Ordered(_) | Stage::Overdue(_) | Stage::Reported(_) => Err(Rejection::Ordered),
            Stage::Accepted | Stage::Escalated | Stage::Dismissed => Err(Rejection::Closed),
        }
    }

    fn report(&self, statement: Prose, today: Date) -> Result<Vec<Event>, Rejection> {
        let late = match &self.stage {
            Stage::Ordered(order) => order.due_on < today,
            Stage::Overdue(_) | Stage::Escalated => true,
            Stage::Open => return Err(Rejection::NotOrdered),
            Stage::Reported(_) => return Err(Rejection::Reported),
            Stage::Accepted | Stage::Dismissed => return Err(Rejection::Closed),
        };
        Ok(vec![Event::Reported { author: self.raised.organisation, statement, late }])
    }

    fn judge(
        &self,
        verdict: Verdict,
        reason: Prose,
        today: Date,
        author: OrganisationCode,
    ) -> Result<Vec<Event>, Rejection> {
        match (&self.stage, verdict) {
            (Stage::Open, _) => Err(Rejection::NotOrdered),
            (Stage::Accepted, Verdict::Accepted) => Ok(vec![]),
            (Stage::Accepted | Stage::Dismissed, _) => Err(Rejection::Closed),
            (_, Verdict::Accepted) => Ok(vec![Event::Accepted { author, reason }]),
            (Stage::Reported(_), Verdict::Rejected { due_on }) => {
                not_before(due_on, today)?;
                Ok(vec![Event::Rejected { author, reason, due_on }])
            }
            (
                Stage::Ordered(_) | Stage::Overdue(_) | Stage::Escalated,
                Verdict::Rejected { .. },
            ) => Err(Rejection::NotReported),
        }
    }

    /// What leads to `stage`, unless that is where it stands, or it is closed.
    fn once(&self, event: Event, stage: &Stage) -> Result<Vec<Event>, Rejection> {
        match &self.stage {
            now if now == stage => Ok(vec![]),
            now if now.is_closed() => Err(Rejection::Closed),
            _ => Ok(vec![event]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        let stage = match (self.stage, event) {
            (stage, Event::Cleared { .. }) => return Self { cleared: true, stage, ..self },
            (_, Event::Ordered(order)) => Stage::Ordered(order.clone()),
            (Stage::Ordered(order), Event::Overdue { .. }) => Stage::Overdue(order),
            (Stage::Ordered(order) | Stage::Overdue(order), Event::Reported { .. }) => {
                Stage::Reported(order)
            }
            (Stage::Reported(order), Event::Rejected { due_on, .. }) => {
                Stage::Ordered(Order { due_on: *due_on, ..order })
            }
            (_, Event::Accepted { .. }) => Stage::Accepted,
            (_, Event::Escalated { .. }) => Stage::Escalated,
            (_, Event::Dismissed { .. }) => Stage::Dismissed,
            // What is reported after an escalation stays with those who were asked.
            (stage, _) => stage,
        };
        Self { stage, ..self }
    }
}

impl Stage {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Accepted | Self::Dismissed)
    }

    /// What has to be done, while something has.
    #[must_use]
    pub fn order(&self) -> Option<&Order> {
        match self {
            Self::Ordered(order) | Self::Overdue(order) | Self::Reported(order) => Some(order),
            Self::Open | Self::Accepted | Self::Escalated | Self::Dismissed => None,
        }
    }
}

fn not_before(due: Date, today: Date) -> Result<(), Rejection> {
    match due < today {
        true => Err(Rejection::DueInThePast { due, today }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
