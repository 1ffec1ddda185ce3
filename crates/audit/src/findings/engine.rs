//! Holds events against rules, one after the other. What it finds follows from the events and the rules alone, so that whoever has both
//! finds the same, and finds it again after a crash.

mod asked;
mod health;
mod hit;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use prost_reflect::DescriptorPool;
use publicdata_audit_domain::finding::{Position, Raised};
use publicdata_types::FindingId;
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use super::facts::{Fact, Facts};
use super::rules::{Condition, ProgramError, Rule, RuleSet};
use super::state::{self, Key, Place, Standing, Thing};
use crate::events::Event;
use asked::Said;
use hit::Hit;

pub(crate) use health::Health;

/// Rules need not say that these are remembered: whose division an organisation lies in.
const ORGANISATIONS: &str = "catalog.organisation";

/// Rules at work.
#[derive(Debug)]
pub(crate) struct Engine {
    rules: Arc<RuleSet>,
    descriptors: DescriptorPool,
    /// For each type of event, the rules that look at it.
    lookers: HashMap<String, Vec<usize>>,
    /// The types of events after which their thing is forgotten.
    last: HashSet<String>,
    health: Health,
}

/// What rules say of some events.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) effects: Vec<Effect>,
    /// Rules that could not be held against an event, and why.
    pub(crate) failures: Vec<(String, String)>,
}

/// What follows from an event, or from a day that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Something is found.
    Raise { id: FindingId, raised: Box<Raised> },
    /// It holds no longer.
    Clear { id: FindingId, evidence: Vec<Position>, on: Date },
}

/// What a rule looks at: an event, what comes with it, and what is remembered of the thing that it happened to.
#[derive(Clone, Copy)]
struct Seen<'a> {
    facts: &'a Facts,
    fact: &'a Fact,
    thing: &'a Thing,
    /// The thing's document without this event.
    before: &'a Map<String, Value>,
}

/// Why a rule could not be held against an event. Other rules, and other events, are.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("`{0}` is no day such as 2026-03-01")]
    Day(String),
    #[error("organisation {0} is not registered")]
    Organisation(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

type Result<T> = std::result::Result<T, sqlx::Error>;

impl Engine {
    pub(crate) fn new(
        rules: Arc<RuleSet>,
    ) -> std::result::Result<Self, prost_reflect::DescriptorError> {
        let mut lookers: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.rules.iter().enumerate() {
            let types = rule.raise.on.iter().chain(rule.clear.iter().flat_map(|clear| &clear.on));
            for name in types {
                let lookers = lookers.entry(name.clone()).or_default();
                if lookers.last() != Some(&index) {
                    lookers.push(index);
                }
            }
        }
        let last = rules.things.values().flat_map(|things| &things.until);
        let last = last.map(|name| format!("publicdata.{name}")).collect();
        let descriptors = DescriptorPool::decode(publicdata_proto::DESCRIPTORS)?;
        Ok(Self { rules, descriptors, lookers, last, health: Health::default() })
    }

    pub(crate) fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// Holds an event against the rules.
    pub(crate) async fn observe(
        &self,
        connection: &mut AnyConnection,
        event: &Event,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let wanted = |kind: &str, type_name: &str| {
            self.kept(kind).is_some() || self.lookers.contains_key(type_name)
        };
        let read = Facts::read(&self.descriptors, &event.leaf, &event.payload, wanted);
        let Some(facts) = read else { return Ok(()) };
        if facts.events.is_empty() {
            return Ok(());
        }
        let kept = self.kept(facts.kind());
        let mut thing = match kept {
            Some(_) => state::thing(connection, &facts.subject).await?,
            None => Thing::default(),
        };
        thing.add(Place::from(&facts.position));
        for fact in &facts.events {
            let before = thing.document.clone();
            for name in kept.iter().flatten() {
                if let Some(value) = fact.fields.get(*name) {
                    thing.document.insert((*name).to_owned(), value.clone());
                }
            }
            if kept.is_some() {
                // Before rules ask where an organisation lies.
                state::save_thing(connection, &facts.subject, &thing).await?;
            }
            for index in self.lookers.get(&fact.type_name).into_iter().flatten() {
                let Some(rule) = self.rules.rules.get(*index) else { continue };
                let seen = Seen { facts: &facts, fact, thing: &thing, before: &before };
                let applied = apply(connection, rule, seen, outcome).await;
                outcome.take(&rule.definition.name, Some(&facts.position), applied)?;
            }
        }
        if facts.events.iter().any(|fact| self.last.contains(&fact.type_name)) {
            state::forget_thing(connection, &facts.subject).await?;
        }
        Ok(())
    }

    /// Forgets what was counted so long ago that no rule looks back to it.
    pub(crate) async fn forget_counted(
        &self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<()> {
        for rule in &self.rules.rules {
            if let Condition::Count { count, .. } = &rule.condition {
                let until = now.as_microsecond().saturating_sub(hit::horizon(count));
                state::forget_counted(connection, &rule.definition.name, until).await?;
            }
        }
        Ok(())
    }

    /// What is remembered of the things of a kind, if anything is.
    fn kept(&self, kind: &str) -> Option<Vec<&str>> {
        match kind {
            ORGANISATIONS => Some(vec!["region_code"]),
            kind => {
                let things = self.rules.things.get(kind)?;
                Some(things.keep.iter().map(String::as_str).collect())
            }
        }
    }

    /// A day has come: what was awaited until the day before is found. Only when all events before this day were held against the rules.
    pub(crate) async fn advance(
        &self,
        connection: &mut AnyConnection,
        today: Date,
        outcome: &mut Outcome,
    ) -> Result<()> {
        for (rule, key, due_on, awaited) in state::passed(connection, today).await? {
            let key = Key { rule: &rule, key: &key };
            state::expect_no_more(connection, key).await?;
            let known = self.rules.rules.iter().find(|known| known.definition.name == key.rule);
            let Some(known) = known else { continue };
            if state::standing(connection, key).await?.is_some() {
                continue;
            }
            let found = hit::due(connection, known, key, due_on, awaited).await.map(Some);
            outcome.take(key.rule, None, found)?;
        }
        Ok(())
    }
}

/// Holds one event against one rule. What is cleared comes before what is found; that stands in the outcome even if the rest fails.
async fn apply(
    connection: &mut AnyConnection,
    rule: &Rule,
    seen: Seen<'_>,
    outcome: &mut Outcome,
) -> std::result::Result<Option<Effect>, Failure> {
    for trigger in &rule.clear {
        let Some(key) = trigger.key(seen)? else { continue };
        let key = Key { rule: &rule.definition.name, key: &key };
        if let Some((due_on, awaited)) = state::awaited(connection, key).await? {
            state::expect_no_more(connection, key).await?;
            if due_on < seen.facts.day() && state::standing(connection, key).await?.is_none() {
                // It came too late. Whoever looks at the clock would have found it before.
                let found = hit::due(connection, rule, key, due_on, awaited).await?;
                outcome.effects.push(found);
            }
        }
        if trigger.for_good {
            state::end(connection, key).await?;
        }
        if let Some(Standing { id, .. }) = state::standing(connection, key).await? {
            state::fall(connection, key).await?;
            let evidence = vec![seen.facts.position.clone()];
            outcome.effects.push(Effect::Clear { id, evidence, on: seen.facts.day() });
        }
    }
    let Some(key) = rule.raise.key(seen)? else { return Ok(None) };
    let Said { organisation, condition } = rule.asked(seen)?;
    Hit { rule, key, seen, organisation }.judge(connection, condition).await
}

impl Outcome {
    /// Adds what a rule says. A failure of the database is one of all rules.
    fn take(
        &mut self,
        rule: &str,
        at: Option<&Position>,
        said: std::result::Result<Option<Effect>, Failure>,
    ) -> Result<()> {
        match said {
            Ok(effect) => self.effects.extend(effect),
            Err(Failure::Database(error)) => return Err(error),
            Err(failure) => {
                let problem = match at {
                    Some(Position { stream, sequence }) => {
                        format!("event {sequence} of stream {stream}: {failure}")
                    }
                    None => failure.to_string(),
                };
                self.failures.push((rule.to_owned(), problem));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
