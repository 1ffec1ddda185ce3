//! Decides on findings: what the handlers of `FindingService` do, and what rules and days bring about.

use std::sync::Arc;
use std::time::Duration;

use publicdata_audit_domain::finding::{Command, Finding, Position, Raised, Source};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::{Aggregates, ExecuteError, Meta};
use publicdata_types::{Actor, CommandId, FindingId, china_date};
use publicdata_views::Projector;

use super::AUDIT;
use super::codec::Findings;
use super::engine::Effect;
use super::queries::Overdue;
use crate::error::Error;

/// How long a call waits for the view.
const VIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides on findings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) findings: Aggregates<Findings>,
    pub(crate) view: Arc<Projector>,
    pub(crate) store: Store,
}

impl Desk {
    /// Raises what an authority found. The finding's id is derived from the command's, so that a repeated command finds it, and nobody
    /// takes the id of what a rule will find.
    pub(crate) async fn raise(
        &self,
        meta: &Meta,
        raised: Raised,
        by: Actor,
    ) -> Result<(FindingId, u64), Error> {
        let id = FindingId::from_uuid(*meta.command_id.derive("raise").as_uuid());
        let command = Command::Raise { raised: Box::new(raised), by };
        let sequence = self.execute(meta, id, command).await?;
        Ok((id, sequence))
    }

    /// Carries out a command of a caller's on a finding that they may know of.
    pub(crate) async fn carry_out(
        &self,
        meta: &Meta,
        id: FindingId,
        by: &Actor,
        command: Command,
    ) -> Result<u64, Error> {
        let (state, _) = self.findings.get(&id.to_string()).await?;
        let case = state.case().map_err(|_| Error::FindingUnknown)?;
        let is_known = by.may_act_for(&case.raised.organisation).is_ok()
            || by.is_authority_over(&case.raised.region)
            || by.may_audit().is_ok();
        if !is_known {
            return Err(Error::FindingUnknown);
        }
        self.execute(meta, id, command).await
    }

    /// Does what follows from rules. To do it again changes nothing.
    pub(crate) async fn follow(
        &self,
        effect: Effect,
        actor: &str,
        now: jiff::Timestamp,
    ) -> Result<(), Error> {
        let (id, step, command) = match effect {
            Effect::Raise { id, raised } => (id, "found", Command::Find(raised)),
            Effect::Clear { id, evidence, on } => (id, "cleared", Command::Clear { evidence, on }),
        };
        let command_id = CommandId::from_uuid(*id.as_uuid()).derive(step);
        let meta = Meta { command_id, actor: actor.to_owned(), at: now, traceparent: None };
        match self.findings.execute(&id.to_string(), &meta, command).await {
            Ok(_) => Ok(()),
            // It was found by the same rule when its words were others, or was never raised since nobody could.
            Err(ExecuteError::Rejected(rejection)) => {
                tracing::info!(finding.id = %id, step, %rejection, "a rule's word changes nothing");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Notes that an order's day has passed.
    pub(crate) async fn deadline_elapsed(
        &self,
        overdue: &Overdue,
        actor: &str,
        now: jiff::Timestamp,
    ) -> Result<(), Error> {
        let command_id = overdue.cause.derive("rectification-overdue");
        let meta = Meta { command_id, actor: actor.to_owned(), at: now, traceparent: None };
        let command = Command::DeadlineElapsed { today: china_date(now) };
        self.findings.execute(&overdue.id.to_string(), &meta, command).await?;
        Ok(())
    }

    /// Waits until the view holds everything that was acknowledged before the call.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        let last = self.store.last_sequence(AUDIT).await?;
        Ok(self.view.wait_for(AUDIT, last, VIEW_TIMEOUT).await?)
    }

    async fn execute(&self, meta: &Meta, id: FindingId, command: Command) -> Result<u64, Error> {
        let executed = self.findings.execute(&id.to_string(), meta, command.clone()).await?;
        if executed.repeated && !is_done(&command, &executed.state) {
            return Err(Error::CommandReused);
        }
        self.view.wait_for(AUDIT, executed.sequence, VIEW_TIMEOUT).await?;
        Ok(executed.sequence)
    }
}

/// Tells a repeated command from another one with the same id, as far as that can be told from what it led to.
fn is_done(command: &Command, state: &Finding) -> bool {
    use publicdata_audit_domain::finding::{Stage, Verdict};

    let Ok(case) = state.case() else { return false };
    match (command, &case.stage) {
        // The day, and where the organisation lies, may be others when the command is repeated.
        (Command::Raise { raised, .. }, _) => {
            let (found_on, region) = (case.raised.found_on, case.raised.region);
            case.raised == Raised { found_on, region, ..(**raised).clone() }
        }
        (Command::Order { order, .. }, stage) => stage.order() == Some(order),
        (Command::Report { .. }, stage) => matches!(stage, Stage::Reported(_) | Stage::Escalated),
        (Command::Judge { verdict: Verdict::Accepted, .. }, stage) => *stage == Stage::Accepted,
        (Command::Judge { verdict: Verdict::Rejected { due_on }, .. }, stage) => {
            stage.order().is_some_and(|order| order.due_on == *due_on)
        }
        (Command::Escalate { .. }, stage) => *stage == Stage::Escalated,
        (Command::Dismiss { .. }, stage) => *stage == Stage::Dismissed,
        (Command::Find(_) | Command::Clear { .. } | Command::DeadlineElapsed { .. }, _) => true,
    }
}

/// What a caller says they found.
pub(crate) fn found_by(author: &Actor, description: publicdata_types::Prose) -> Source {
    Source::Authority { author: author.organisation, description }
}

/// Places, each once, in their order.
pub(crate) fn each_once(mut evidence: Vec<Position>) -> Vec<Position> {
    let mut seen = std::collections::HashSet::new();
    evidence.retain(|position| seen.insert(position.clone()));
    evidence
}
