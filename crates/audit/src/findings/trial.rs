//! Rules tried on events, before they are put in force: what they would have found.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{Stream, TryStreamExt as _};
use jiff::civil::Date;
use prost_reflect::DescriptorError;
use publicdata_audit_domain::finding::{Matter, Position, Raised, Source};
use publicdata_types::FindingId;
use publicdata_views::{Database, DatabaseError};
use serde::Serialize;

use super::engine::{Effect, Engine, Outcome};
use super::{MIGRATIONS, RuleSet};
use crate::events::Event;

/// How many events are held against the rules in one transaction.
const BATCH: usize = 1_000;

/// A trial of rules on events.
pub struct Trial {
    database: Database,
    engine: Engine,
}

/// What rules would have found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The rule.
    pub rule: String,
    /// Which number of article 46; none for unusual use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<u8>,
    /// The article.
    pub article: String,
    /// What.
    pub title: String,
    /// The organisation's code.
    pub organisation: String,
    /// The subject of the thing.
    pub thing: String,
    /// The day from which it holds.
    pub found_on: Date,
    /// The day on which it was set right, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_on: Option<Date>,
    /// What was counted, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// The events that show it: stream and sequence number.
    pub evidence: Vec<(String, u64)>,
}

/// What a trial came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// How many events were read.
    pub events: u64,
    /// What was found, in its order.
    pub found: Vec<Found>,
    /// What rules could not be held against: rule, and why.
    pub failures: Vec<(String, String)>,
}

/// Why a trial could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TrialError<E> {
    /// The tables for it.
    #[error("the trial's tables cannot be used")]
    Database(#[from] DatabaseError),
    /// The tables for it.
    #[error("the trial's tables cannot be written")]
    Write(#[from] sqlx::Error),
    /// The build's descriptors are damaged.
    #[error("event types cannot be known")]
    Descriptors(#[from] DescriptorError),
    /// The events cannot be read.
    #[error("the events cannot be read")]
    Events(#[source] E),
}

impl Trial {
    /// A trial in a database that holds nothing else, and is thrown away after it.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn new<E>(database: Database, rules: RuleSet) -> Result<Self, TrialError<E>> {
        database.migrate("findings", MIGRATIONS).await?;
        Ok(Self { database, engine: Engine::new(Arc::new(rules))? })
    }

    /// Holds events against the rules, in the order of the log, and then the day `until`: what was due before it is found.
    ///
    /// # Errors
    /// The events cannot be read, or the database not be written.
    pub async fn run<E>(
        &self,
        events: impl Stream<Item = Result<Event, E>>,
        until: Option<Date>,
    ) -> Result<Tried, TrialError<E>> {
        let mut events = std::pin::pin!(events.try_chunks(BATCH));
        let (mut tried, mut outcome) = (Tried::default(), Outcome::default());
        while let Some(batch) =
            events.try_next().await.map_err(|error| TrialError::Events(error.1))?
        {
            let mut transaction = self.database.begin().await?;
            for event in &batch {
                self.engine.observe(transaction.connection(), event, &mut outcome).await?;
                tried.events += 1;
            }
            transaction.commit().await?;
        }
        if let Some(until) = until {
            let mut transaction = self.database.begin().await?;
            self.engine.advance(transaction.connection(), until, &mut outcome).await?;
            transaction.commit().await?;
        }
        tried.failures = outcome.failures;
        let mut places: BTreeMap<FindingId, usize> = BTreeMap::new();
        for effect in outcome.effects {
            match effect {
                Effect::Raise { id, raised } => {
                    places.insert(id, tried.found.len());
                    tried.found.push(found(*raised));
                }
                Effect::Clear { id, on, .. } => {
                    let found = places.get(&id).and_then(|place| tried.found.get_mut(*place));
                    if let Some(found) = found {
                        found.cleared_on = Some(on);
                    }
                }
            }
        }
        Ok(tried)
    }
}

fn found(raised: Raised) -> Found {
    let (rule, measured) = match raised.source {
        Source::Rule { name, measured, .. } => (name, measured),
        Source::Authority { .. } => (String::new(), None),
    };
    Found {
        rule,
        clause: match raised.matter {
            Matter::Breach { clause } => Some(clause),
            Matter::UnusualUse => None,
        },
        article: raised.article,
        title: raised.title,
        organisation: raised.organisation.to_string(),
        thing: raised.thing.unwrap_or_default(),
        found_on: raised.found_on,
        cleared_on: None,
        measured,
        evidence: raised
            .evidence
            .into_iter()
            .map(|Position { stream, sequence }| (stream, sequence))
            .collect(),
    }
}
