//! A finding's way from the first order to its end.

use jiff::civil::Date;
use publicdata_types::{OrganisationCode, Prose};

use super::{Event, Raised, Rejection};

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

impl Case {
    pub(super) fn order(&self, order: Order, today: Date) -> Result<Vec<Event>, Rejection> {
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

    pub(super) fn report(&self, statement: Prose, today: Date) -> Result<Vec<Event>, Rejection> {
        let late = match &self.stage {
            Stage::Ordered(order) => order.due_on < today,
            Stage::Overdue(_) | Stage::Escalated => true,
            Stage::Open => return Err(Rejection::NotOrdered),
            Stage::Reported(_) => return Err(Rejection::Reported),
            Stage::Accepted | Stage::Dismissed => return Err(Rejection::Closed),
        };
        Ok(vec![Event::Reported { author: self.raised.organisation, statement, late }])
    }

    pub(super) fn judge(
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
    pub(super) fn once(&self, event: Event, stage: &Stage) -> Result<Vec<Event>, Rejection> {
        match &self.stage {
            now if now == stage => Ok(vec![]),
            now if now.is_closed() => Err(Rejection::Closed),
            _ => Ok(vec![event]),
        }
    }

    pub(super) fn evolve(self, event: &Event) -> Self {
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
