//! Holds events against rules, one after the other. What it finds follows from the events and the rules alone, so that whoever has both
//! finds the same, and finds it again after a crash.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use prost_reflect::DescriptorPool;
use publicdata_audit_domain::finding::{Position, Raised, Source};
use publicdata_types::{Digest, FindingId, OrganisationCode, RegionCode};
use sqlx::AnyConnection;
use uuid::Uuid;

use super::facts::{Fact, Facts};
use super::rules::{Condition, Count, ProgramError, Rule, RuleSet, Trigger};
use super::state::{self, Awaited, Key, Place, Standing, Thing};
use crate::events::Event;

/// Names findings: theirs is derived from rule, key and event.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f4e_2c1a_9b37_4d60_8a15_c3e7_06d2_b9f4);
/// Rules need not say that these are remembered: whose division an organisation lies in.
const ORGANISATIONS: &str = "catalog.organisation";
const ORGANISATION_SUBJECTS: &str = "ev.catalog.organisation.";

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

/// How the rules do. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<BTreeMap<String, Failures>>>);

/// What rules say of some events.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) effects: Vec<Effect>,
    /// Rules that could not be held against an event, and why.
    pub(crate) failures: Vec<(String, String)>,
}

/// What a rule could not be held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) last: String,
}

/// What follows from an event, or from a day that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Something is found.
    Raise { id: FindingId, raised: Box<Raised> },
    /// It holds no longer.
    Clear { id: FindingId, evidence: Vec<Position>, on: Date },
}

/// What a rule is to say of an event.
struct Hit<'a> {
    rule: &'a Rule,
    key: String,
    facts: &'a Facts,
    thing: &'a Thing,
    organisation: String,
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

    /// Holds an event against the rules. The day that it happened on comes first: see [`advance`](Self::advance).
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
        self.advance(connection, facts.day(), outcome).await?;
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
            for name in kept.iter().flatten() {
                if let Some(value) = fact.fields.get(*name) {
                    thing.document.insert((*name).to_owned(), value.clone());
                }
            }
            for index in self.lookers.get(&fact.type_name).into_iter().flatten() {
                let Some(rule) = self.rules.rules.get(*index) else { continue };
                let applied = apply(connection, rule, &facts, fact, &thing, outcome).await;
                outcome.take(&rule.definition.name, Some(&facts.position), applied)?;
            }
        }
        if facts.events.iter().any(|fact| self.last.contains(&fact.type_name)) {
            state::forget_thing(connection, &facts.subject).await?;
        } else if kept.is_some() {
            state::save_thing(connection, &facts.subject, &thing).await?;
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

    /// A day has come: what was awaited until the day before is found.
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
            let found = due(connection, known, key, due_on, awaited).await.map(Some);
            outcome.take(key.rule, None, found)?;
        }
        Ok(())
    }
}

/// Holds one event against one rule. What is cleared comes before what is found; that stands in the outcome even if the rest fails.
async fn apply(
    connection: &mut AnyConnection,
    rule: &Rule,
    facts: &Facts,
    fact: &Fact,
    thing: &Thing,
    outcome: &mut Outcome,
) -> std::result::Result<Option<Effect>, Failure> {
    for trigger in &rule.clear {
        let Some(key) = trigger.key(facts, fact, thing)? else { continue };
        let key = Key { rule: &rule.definition.name, key: &key };
        state::expect_no_more(connection, key).await?;
        if let Some(Standing { id, .. }) = state::standing(connection, key).await? {
            state::fall(connection, key).await?;
            let evidence = vec![facts.position.clone()];
            outcome.effects.push(Effect::Clear { id, evidence, on: facts.day() });
        }
    }
    let Some(key) = rule.raise.key(facts, fact, thing)? else { return Ok(None) };
    let Said { organisation, condition } = rule.asked(facts, fact, thing)?;
    Hit { rule, key, facts, thing, organisation }.judge(connection, condition).await
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

/// What a rule's expressions say of an event that raises.
struct Said {
    organisation: String,
    condition: Answer,
}

/// What its condition says.
enum Answer {
    Found,
    Due(Date),
    Count(Count, i64),
    New(u64, Vec<String>),
}

impl Rule {
    fn asked(
        &self,
        facts: &Facts,
        fact: &Fact,
        thing: &Thing,
    ) -> std::result::Result<Said, Failure> {
        let context = facts.context(fact, &thing.document);
        let condition = match &self.condition {
            Condition::Event => Answer::Found,
            Condition::Due(due) => {
                let day = due.text(&context)?;
                Answer::Due(day.parse().map_err(|_| Failure::Day(day))?)
            }
            Condition::AfterDays(days) => {
                let due = facts.day().checked_add(i64::from(*days).days());
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
    fn key(
        &self,
        facts: &Facts,
        fact: &Fact,
        thing: &Thing,
    ) -> std::result::Result<Option<String>, ProgramError> {
        if !self.on.contains(&fact.type_name) {
            return Ok(None);
        }
        let context = facts.context(fact, &thing.document);
        if let Some(when) = &self.when
            && !when.holds(&context)?
        {
            return Ok(None);
        }
        match &self.key {
            Some(key) => key.text(&context).map(Some),
            None => Ok(Some(facts.id().to_owned())),
        }
    }
}

impl Hit<'_> {
    async fn judge(
        self,
        connection: &mut AnyConnection,
        answer: Answer,
    ) -> std::result::Result<Option<Effect>, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        let standing = state::standing(connection, key).await?;
        match answer {
            Answer::Found if standing.is_some() => Ok(None),
            Answer::Found => {
                self.raise(connection, None, self.thing.events.clone()).await.map(Some)
            }
            Answer::Due(_) if standing.is_some() => Ok(None),
            Answer::Due(due_on) => {
                let thing = self.facts.subject.clone();
                let (organisation, evidence) =
                    (self.organisation.clone(), self.thing.events.clone());
                let awaited = Awaited { organisation, thing, evidence };
                state::expect(connection, key, due_on, &awaited).await?;
                Ok(None)
            }
            Answer::Count(count, amount) => self.count(connection, &count, amount, standing).await,
            Answer::New(after, values) => {
                let before = state::see(connection, key, "").await?;
                let mut new = Vec::new();
                for value in values {
                    if state::see(connection, key, &value).await? == 0 {
                        new.push(value);
                    }
                }
                if before < after || new.is_empty() {
                    return Ok(None);
                }
                let measured = format!("{}, not seen in {before} before", new.join(", "));
                self.raise(connection, Some(measured), self.thing.events.clone()).await.map(Some)
            }
        }
    }

    async fn count(
        self,
        connection: &mut AnyConnection,
        count: &Count,
        amount: i64,
        standing: Option<Standing>,
    ) -> std::result::Result<Option<Effect>, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        let place = Place::from(&self.facts.position);
        state::count(connection, key, self.facts.at, amount, &place).await?;

        let now = self.facts.at.as_microsecond();
        let within = microseconds(count.within);
        let windows = count.baseline.map_or(0, |baseline| i64::from(baseline.windows));
        let oldest = now.saturating_sub(within.saturating_mul(windows + 1));
        state::forget_counted(connection, key, oldest).await?;
        // What was found stands for all that comes within the same time.
        if standing.is_some_and(|standing| standing.raised_at.saturating_add(within) > now) {
            return Ok(None);
        }
        let begin = now.saturating_sub(within);
        let total = state::counted(connection, key, begin, now).await?;
        if total < count.at_least {
            return Ok(None);
        }
        let span = count.within;
        let mut measured = format!("{total} in {span:#}, from {} on", count.at_least);
        if let Some(baseline) = count.baseline.filter(|baseline| baseline.windows > 0) {
            let before = state::counted(connection, key, oldest, begin).await?;
            // total < factor * before / windows, in whole numbers
            if total.saturating_mul(windows) < before.saturating_mul(i64::from(baseline.factor)) {
                return Ok(None);
            }
            measured = format!("{measured}; {before} in the {windows} times as long before");
        }
        let places = state::counted_places(connection, key, begin).await?;
        self.raise(connection, Some(measured), places).await.map(Some)
    }

    async fn raise(
        &self,
        connection: &mut AnyConnection,
        measured: Option<String>,
        evidence: Vec<Place>,
    ) -> std::result::Result<Effect, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        let found = Found {
            organisation: &self.organisation,
            thing: &self.facts.subject,
            evidence,
            found_on: self.facts.day(),
            raised_at: self.facts.at,
            measured,
        };
        found.stand(connection, self.rule, key, &self.facts.position).await
    }
}

/// What is found.
struct Found<'a> {
    organisation: &'a str,
    thing: &'a str,
    evidence: Vec<Place>,
    found_on: Date,
    raised_at: Timestamp,
    measured: Option<String>,
}

impl Found<'_> {
    async fn stand(
        self,
        connection: &mut AnyConnection,
        rule: &Rule,
        key: Key<'_>,
        by: &Position,
    ) -> std::result::Result<Effect, Failure> {
        let (organisation, region) = division(connection, self.organisation).await?;
        let id = finding_id(key, by);
        let raised_at = self.raised_at.as_microsecond();
        state::stand(connection, key, Standing { id, raised_at }).await?;
        let raised = Box::new(Raised {
            matter: rule.matter,
            article: rule.definition.article.clone(),
            title: rule.definition.title.clone(),
            organisation,
            region,
            thing: Some(self.thing.to_owned()),
            evidence: self.evidence.into_iter().map(Position::from).collect(),
            found_on: self.found_on,
            source: Source::Rule {
                name: rule.definition.name.clone(),
                digest: rule.digest,
                measured: self.measured,
            },
        });
        Ok(Effect::Raise { id, raised })
    }
}

/// What was awaited has come about.
async fn due(
    connection: &mut AnyConnection,
    rule: &Rule,
    key: Key<'_>,
    due_on: Date,
    awaited: Awaited,
) -> std::result::Result<Effect, Failure> {
    let Awaited { organisation, thing, evidence } = awaited;
    let by = evidence.last().cloned().map(Position::from);
    let by = by.unwrap_or_else(|| Position { stream: thing.clone(), sequence: 0 });
    let found_on = due_on.tomorrow().unwrap_or(due_on);
    let found = Found {
        organisation: &organisation,
        thing: &thing,
        evidence,
        found_on,
        raised_at: Timestamp::UNIX_EPOCH,
        measured: Some(format!("due on {due_on}")),
    };
    found.stand(connection, rule, key, &by).await
}

/// An organisation's code and division, as the last event about it says.
async fn division(
    connection: &mut AnyConnection,
    code: &str,
) -> std::result::Result<(OrganisationCode, RegionCode), Failure> {
    let unknown = || Failure::Organisation(code.to_owned());
    let thing = state::thing(connection, &format!("{ORGANISATION_SUBJECTS}{code}")).await?;
    let region = thing.document.get("region_code").and_then(|region| region.as_str());
    let region = region.and_then(|region| region.parse().ok()).ok_or_else(unknown)?;
    Ok((code.parse().map_err(|_| unknown())?, region))
}

fn finding_id(key: Key<'_>, by: &Position) -> FindingId {
    let Position { stream, sequence } = by;
    let name = Digest::of(format!("{}\n{}\n{stream}\n{sequence}", key.rule, key.key).as_bytes());
    FindingId::from_uuid(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

fn microseconds(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl Health {
    pub(crate) fn of(&self, rule: &str) -> Failures {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(rule).cloned().unwrap_or_default()
    }

    pub(crate) fn add(&self, failures: Vec<(String, String)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (rule, problem) in failures {
            tracing::warn!(rule, problem, "a rule could not be held against an event");
            let failures = known.entry(rule).or_default();
            failures.count += 1;
            failures.last = problem;
        }
    }
}

#[cfg(test)]
mod tests;
