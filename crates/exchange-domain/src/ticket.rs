//! A verification ticket (校核): a consumer doubts data that it received, and the provider answers (R27.1).
//!
//! What is upheld is corrected, and the correction is owed to whoever has the old rows, until a later transfer brings it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Deadline, GrantId, OrganisationCode, TransferId};

use publicdata_types::Prose;

mod reference;
mod rejection;
mod report;

pub use reference::{RecordReference, ReferenceError};
pub use rejection::Rejection;
pub use report::{DataError, Delivery, Finding, REFERENCES_MAX, Report};

/// A ticket, from report to answer, and on until every correction has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ticket {
    /// Nobody reported anything.
    #[default]
    Absent,
    /// It waits for the provider.
    Open {
        /// What was reported.
        report: Report,
        /// Whether the provider's time has passed.
        overdue: bool,
    },
    /// The provider found it right.
    Upheld {
        /// What was reported.
        report: Report,
        /// What was corrected.
        correction: Correction,
        /// Who is owed it, and by which transfer it came, if it has.
        owed: BTreeMap<OrganisationCode, Option<TransferId>>,
    },
    /// The provider found its data right.
    Rejected {
        /// What was reported.
        report: Report,
        /// Why.
        reason: Prose,
    },
    /// The consumer took it back.
    Withdrawn {
        /// What was reported.
        report: Report,
        /// Why.
        reason: Prose,
    },
}

/// What a provider set right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Since when its data is right.
    pub corrected_at: Timestamp,
    /// What was corrected.
    pub description: Prose,
    /// What that means for those who have the old rows.
    pub flow: Flow,
}

/// Whether a correction changes what consumers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They need to fetch anew.
    ToConsumers,
    /// It concerns the provider alone.
    Nowhere,
}

/// A consumer that asked for the resource before it was corrected, and received it or may yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which.
    pub consumer: OrganisationCode,
    /// The grant that it last did so under.
    pub grant: GrantId,
}

/// What can be asked of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reports data that was received.
    Raise {
        /// What brought it.
        delivery: Box<Delivery>,
        /// What was found.
        finding: Box<Finding>,
        /// Five working days after it was found.
        report_deadline: Deadline,
        /// Ten working days from today.
        deadline: Deadline,
        /// The day in China.
        today: Date,
        /// Who reports.
        by: Actor,
    },
    /// Finds the report right.
    Uphold {
        /// What was corrected.
        correction: Correction,
        /// Who would be owed it, if it flows.
        owed: Vec<Owed>,
        /// Now.
        at: Timestamp,
        /// Who answers.
        by: Actor,
    },
    /// Finds the data right.
    Reject {
        /// Why.
        reason: Prose,
        /// Who answers.
        by: Actor,
    },
    /// Takes the report back.
    Withdraw {
        /// Why.
        reason: Prose,
        /// Who does.
        by: Actor,
    },
    /// Notes that time has gone by. It changes nothing unless the answer is overdue.
    DeadlineElapsed {
        /// The day in China.
        today: Date,
    },
    /// Notes that a transfer is complete. It changes nothing unless it brings a correction that is owed.
    Delivered {
        /// Who received.
        consumer: OrganisationCode,
        /// The transfer.
        transfer: TransferId,
        /// When it was asked for.
        requested_at: Timestamp,
    },
}

/// What happened to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A consumer reported data.
    Raised(Report),
    /// The provider's time passed without an answer.
    Overdue {
        /// The limit.
        deadline: Deadline,
    },
    /// The provider found it right.
    Upheld {
        /// What was corrected.
        correction: Correction,
        /// Who is owed it.
        owed: Vec<Owed>,
    },
    /// The provider found its data right.
    Rejected {
        /// Why.
        reason: Prose,
    },
    /// The consumer took it back.
    Withdrawn {
        /// Why.
        reason: Prose,
    },
    /// A correction has arrived.
    CorrectionDelivered {
        /// Where.
        consumer: OrganisationCode,
        /// By which transfer.
        transfer: TransferId,
    },
}

impl Decider for Ticket {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Raise { delivery, finding, report_deadline, deadline, today, by } => {
                by.may_consume()?;
                by.may_act_for(&delivery.consumer)?;
                finding.check(&delivery, today)?;
                let limits = (report_deadline, deadline);
                self.raise(Report::new(*delivery, *finding, limits, today))
            }
            Command::Uphold { correction, owed, at, by } => self.uphold(correction, owed, at, &by),
            Command::Reject { reason, by } => self.reject(reason, &by),
            Command::Withdraw { reason, by } => self.withdraw(reason, &by),
            Command::DeadlineElapsed { today } => Ok(self.deadline_elapsed(today)),
            Command::Delivered { consumer, transfer, requested_at } => {
                Ok(self.delivered(consumer, transfer, requested_at))
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Raised(report)) => Self::Open { report, overdue: false },
            (Self::Open { report, .. }, Event::Overdue { .. }) => {
                Self::Open { report, overdue: true }
            }
            (Self::Open { report, .. }, Event::Upheld { correction, owed }) => {
                let owed = owed.into_iter().map(|owed| (owed.consumer, None)).collect();
                Self::Upheld { report, correction, owed }
            }
            (Self::Open { report, .. }, Event::Rejected { reason }) => {
                Self::Rejected { report, reason }
            }
            (Self::Open { report, .. }, Event::Withdrawn { reason }) => {
                Self::Withdrawn { report, reason }
            }
            (
                Self::Upheld { report, correction, mut owed },
                Event::CorrectionDelivered { consumer, transfer },
            ) => {
                owed.insert(consumer, Some(transfer));
                Self::Upheld { report, correction, owed }
            }
            (state, _) => state,
        }
    }
}

impl Ticket {
    /// What was reported.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Absent => None,
            Self::Open { report, .. }
            | Self::Upheld { report, .. }
            | Self::Rejected { report, .. }
            | Self::Withdrawn { report, .. } => Some(report),
        }
    }

    fn raise(&self, report: Report) -> Result<Vec<Event>, Rejection> {
        match self.report() {
            None => Ok(vec![Event::Raised(report)]),
            // Sent again on a later day, its time still counts from the first.
            Some(known) if known.is_of(&report) => Ok(vec![]),
            Some(_) => Err(Rejection::Exists),
        }
    }

    fn uphold(
        &self,
        correction: Correction,
        owed: Vec<Owed>,
        at: Timestamp,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        by.may_write_for(&self.known()?.provider)?;
        match self {
            Self::Upheld { correction: known, .. } if *known == correction => Ok(vec![]),
            Self::Absent | Self::Upheld { .. } | Self::Rejected { .. } | Self::Withdrawn { .. } => {
                Err(self.closed())
            }
            Self::Open { .. } if correction.corrected_at > at => Err(Rejection::CorrectedLater),
            Self::Open { .. } => {
                let owed = match correction.flow {
                    Flow::ToConsumers => owed,
                    Flow::Nowhere => vec![],
                };
                Ok(vec![Event::Upheld { correction, owed }])
            }
        }
    }

    fn reject(&self, reason: Prose, by: &Actor) -> Result<Vec<Event>, Rejection> {
        by.may_write_for(&self.known()?.provider)?;
        match self {
            Self::Rejected { reason: known, .. } if *known == reason => Ok(vec![]),
            Self::Open { .. } => Ok(vec![Event::Rejected { reason }]),
            Self::Absent | Self::Upheld { .. } | Self::Rejected { .. } | Self::Withdrawn { .. } => {
                Err(self.closed())
            }
        }
    }

    fn withdraw(&self, reason: Prose, by: &Actor) -> Result<Vec<Event>, Rejection> {
        by.may_act_for(&self.known()?.consumer)?;
        match self {
            Self::Withdrawn { reason: known, .. } if *known == reason => Ok(vec![]),
            Self::Open { .. } => Ok(vec![Event::Withdrawn { reason }]),
            Self::Absent | Self::Upheld { .. } | Self::Rejected { .. } | Self::Withdrawn { .. } => {
                Err(self.closed())
            }
        }
    }

    fn deadline_elapsed(&self, today: Date) -> Vec<Event> {
        match self {
            Self::Open { report, overdue: false } if report.deadline.has_passed(today) => {
                vec![Event::Overdue { deadline: report.deadline.clone() }]
            }
            Self::Absent
            | Self::Open { .. }
            | Self::Upheld { .. }
            | Self::Rejected { .. }
            | Self::Withdrawn { .. } => vec![],
        }
    }

    fn delivered(
        &self,
        consumer: OrganisationCode,
        transfer: TransferId,
        requested_at: Timestamp,
    ) -> Vec<Event> {
        match self {
            Self::Upheld { correction, owed, .. }
                if owed.get(&consumer) == Some(&None)
                    && requested_at >= correction.corrected_at =>
            {
                vec![Event::CorrectionDelivered { consumer, transfer }]
            }
            Self::Absent
            | Self::Open { .. }
            | Self::Upheld { .. }
            | Self::Rejected { .. }
            | Self::Withdrawn { .. } => vec![],
        }
    }

    fn known(&self) -> Result<&Report, Rejection> {
        self.report().ok_or(Rejection::Absent)
    }

    /// Why nothing follows any more.
    fn closed(&self) -> Rejection {
        match self {
            Self::Absent | Self::Open { .. } => Rejection::Absent,
            Self::Upheld { .. } => Rejection::AlreadyUpheld,
            Self::Rejected { .. } => Rejection::AlreadyRejected,
            Self::Withdrawn { .. } => Rejection::AlreadyWithdrawn,
        }
    }
}

#[cfg(test)]
mod tests;
