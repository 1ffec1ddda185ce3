//! What a rule's expressions say of an event.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::{Failure, Seen};
use crate::findings::rules::{Condition, Count, ProgramError, Rule, Trigger};
use crate::findings::state;

/// What a rule's expressions say of an event that raises.
pub(super) struct Said {
    pub(super) organisation: String,
    pub(super) condition: Answer,
}

/// What its condition says.
pub(super) enum Answer {
    Found,
    Due(Date),
    Count(Count, i64),
    New(u64, Vec<String>),
}

impl Seen<'_> {
    /// What expressions can name.
    fn context(&self) -> cel::Context<'static, 'static> {
        self.facts.context(self.fact, &self.thing.document, self.before)
    }
}

impl Rule {
    pub(super) fn asked(&self, seen: Seen<'_>) -> std::result::Result<Said, Failure> {
        let context = seen.context();
        let condition = match &self.condition {
            Condition::Event => Answer::Found,
            Condition::Due(due) => {
                let day = due.text(&context)?;
                Answer::Due(day.parse().map_err(|_| Failure::Day(day))?)
            }
            Condition::AfterDays(days) => {
                let due = seen.facts.day().checked_add(i64::from(*days).days());
                Answer::Due(due.map_err(|_| Failure::Day(format!("{days} days later")))?)
            }
            Condition::Count { count, amount } => {
                let amount = amount.as_ref().map(|amount| amount.number(&context)).transpose()?;
                Answer::Count(count.clone(), amount.unwrap_or(1).max(0))
            }
            Condition::New { after, value } => Answer::New(*after, value.texts(&context)?),
        };
        Ok(Said { organisation: self.organisation.text(&context)?, condition })
    }
}

impl Trigger {
    /// What the event is about, if it pulls the trigger.
    pub(super) fn key(&self, seen: Seen<'_>) -> std::result::Result<Option<String>, ProgramError> {
        if !self.on.contains(&seen.fact.type_name) {
            return Ok(None);
        }
        let context = seen.context();
        if let Some(when) = &self.when
            && !when.holds(&context)?
        {
            return Ok(None);
        }
        match &self.key {
            Some(key) => key.text(&context).map(|key| Some(state::told_apart(key))),
            None => Ok(Some(seen.facts.id().to_owned())),
        }
    }
}
