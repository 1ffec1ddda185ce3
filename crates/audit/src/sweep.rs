//! The check that never ends: logged events are read again, round after round, and held against their leaves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use prost::Message as _;
use publicdata_audit_domain::tree;
use publicdata_event_store::{Error as StoreError, Store};
use publicdata_proto::audit::v1::{Leaf, StreamCheck};
use publicdata_service_kit::problem::chain;
use publicdata_views::Database;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::queries::{self, LeafRow};
use crate::{leaf, metrics};

/// Events that are read at once. The pause after them keeps to the rate.
const CHUNK: u64 = 500;
/// However few there were: events that come one by one are not checked one by one.
const CHUNK_PAUSE_MIN: Duration = Duration::from_millis(500);
/// Before the first round, between two, and after a failure.
const ROUND_PAUSE: Duration = Duration::from_secs(2);
/// Longer than the event store takes to tell that it is out of reach.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// What is told of a stream: who wants to know all has the log verified.
const FINDINGS_MAX: usize = 100;

/// What was found in what is logged. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Checks(Arc<Mutex<BTreeMap<String, Check>>>);

#[derive(Clone, Debug, Default)]
struct Check {
    checked: u64,
    rounds: u64,
    changed_this_round: u64,
    changed_last_round: u64,
    /// The first of them, by their place in the stream.
    findings: BTreeMap<u64, String>,
    /// Whether there are more than these.
    is_cut: bool,
    /// By what the stream could lose events.
    risks: Vec<String>,
}

/// Reads logged events again.
pub(crate) struct Sweep {
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) streams: Vec<String>,
    pub(crate) events_per_s: u32,
    pub(crate) checks: Checks,
}

impl Checks {
    /// What was found in this stream.
    #[must_use]
    pub fn of(&self, stream: &str) -> StreamCheck {
        let check = self.all().get(stream).cloned().unwrap_or_default();
        StreamCheck {
            checked_sequence: check.checked,
            rounds: check.rounds,
            changed_count: check.changed_count(),
            findings: check.findings.into_values().collect(),
        }
    }

    /// Everything in this stream's configuration by which it could lose events.
    #[must_use]
    pub fn risks(&self, stream: &str) -> Vec<String> {
        self.all().get(stream).map(|check| check.risks.clone()).unwrap_or_default()
    }

    fn note_risks(&self, stream: &str, risks: Vec<String>) {
        let mut all = self.all();
        let check = all.entry(stream.to_owned()).or_default();
        if !risks.is_empty() && risks != check.risks {
            let risks = risks.join("; ");
            tracing::error!(stream.name = stream, risks, "stream could lose events: set it right");
        }
        check.risks = risks;
    }

    /// These places were checked, and this is what is wrong with them now.
    fn note(&self, stream: &str, places: RangeInclusive<u64>, found: BTreeMap<u64, String>) {
        let mut all = self.all();
        let check = all.entry(stream.to_owned()).or_default();
        let is_news = found.iter().any(|(place, finding)| check.is_news(*place, finding));
        if is_news && let Some(finding) = found.values().next() {
            let (stream, count) = (stream.to_owned(), found.len());
            tracing::error!(stream.name = stream, count, finding, "logged events have changed");
        }

        check.checked = *places.end();
        check.changed_this_round += count(&found);
        check.findings.retain(|place, _| !places.contains(place));
        check.findings.extend(found);
        while check.findings.len() > FINDINGS_MAX {
            check.findings.pop_last();
            check.is_cut = true;
        }
        metrics::changed(stream, check.changed_count());
    }

    fn end_round(&self, stream: &str) {
        let mut all = self.all();
        let check = all.entry(stream.to_owned()).or_default();
        check.rounds += 1;
        check.changed_last_round = std::mem::take(&mut check.changed_this_round);
        check.is_cut = check.changed_last_round > count(&check.findings);
        metrics::changed(stream, check.changed_count());
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Check>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check {
    /// While all findings are at hand, one that is mended no longer counts; else it takes a round until that shows.
    fn changed_count(&self) -> u64 {
        match self.is_cut {
            true => self.changed_this_round.max(self.changed_last_round),
            false => count(&self.findings),
        }
    }

    /// What stands behind as many findings as are told of is not told of.
    fn is_news(&self, place: u64, finding: &String) -> bool {
        let last = self.findings.last_key_value().map(|(last, _)| *last);
        let is_told = self.findings.len() < FINDINGS_MAX || last.is_none_or(|last| place <= last);
        is_told && self.findings.get(&place) != Some(finding)
    }
}

fn count(findings: &BTreeMap<u64, String>) -> u64 {
    u64::try_from(findings.len()).unwrap_or(u64::MAX)
}

impl Sweep {
    /// Checks until `shutdown`. Run it in a task.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let sweeps = self.streams.iter().map(|stream| self.follow(stream));
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            _ = join_all(sweeps) => {}
        }
    }

    async fn follow(&self, stream: &str) {
        let mut from = 1;
        // What has come meanwhile is logged first.
        tokio::time::sleep(ROUND_PAUSE).await;
        loop {
            self.check_configuration(stream).await;
            match self.check(stream, from).await {
                Ok(0) => {
                    if from > 1 {
                        self.checks.end_round(stream);
                    }
                    from = 1;
                    tokio::time::sleep(ROUND_PAUSE).await;
                }
                Ok(count) => {
                    from += count;
                    tokio::time::sleep(self.pause_after(count)).await;
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(stream.name = stream, error, "events cannot be checked now");
                    tokio::time::sleep(ROUND_PAUSE).await;
                }
            }
        }
    }

    /// Whoever may change a stream could have it lose events: that is said before any is lost.
    async fn check_configuration(&self, stream: &str) {
        match self.store.risks(stream).await {
            Ok(risks) => self.checks.note_risks(stream, risks),
            // One that was deleted is found by its events.
            Err(StoreError::UnknownStream { .. }) => self.checks.note_risks(stream, Vec::new()),
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(stream.name = stream, error, "configuration cannot be checked now");
            }
        }
    }

    /// All streams together keep to the rate.
    fn pause_after(&self, count: u64) -> Duration {
        let streams = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let pause = Duration::from_secs(1).saturating_mul(count).saturating_mul(streams);
        CHUNK_PAUSE_MIN.max(pause / self.events_per_s.max(1))
    }

    /// Checks the next events from place `from` on; answers how many there were.
    async fn check(&self, stream: &str, from: u64) -> Result<u64, Error> {
        let mut connection = self.database.pool().acquire().await?;
        let logged = queries::coverage(&mut connection).await?.of(stream).sequence;
        let rows = queries::leaves_of(&mut connection, stream, from..from + CHUNK).await?;
        let last_row = rows.last().map_or(0, |row| row.sequence);
        let last = logged.max(last_row).min(from + CHUNK - 1);
        if last < from {
            return Ok(0);
        }
        let indexes: Vec<_> = rows.iter().map(|row| tree::stored_leaf_index(row.index)).collect();
        let hashes = queries::hashes(&mut connection, &indexes).await?;
        drop(connection);
        let stored = self.stored(stream, from, last).await?;

        let mut found: BTreeMap<_, _> =
            (from..=last).map(|place| (place, leaf_lost(stream, place))).collect();
        for (row, index) in rows.iter().zip(indexes) {
            let is_altered = hashes.at(index) != Ok(tree::leaf_hash(&row.leaf));
            let wrong = match is_altered {
                true => Some(row.altered()),
                false => difference(row, stored.get(&row.sequence)),
            };
            match wrong {
                Some(error) => found.insert(row.sequence, error.to_string()),
                None => found.remove(&row.sequence),
            };
        }
        self.checks.note(stream, from..=last, found);
        Ok(last + 1 - from)
    }

    /// What the event store has from place `first` to place `last`; what it has lost is left out.
    async fn stored(
        &self,
        stream: &str,
        first: u64,
        last: u64,
    ) -> Result<BTreeMap<u64, Leaf>, StoreError> {
        let (mut stored, mut from) = (BTreeMap::new(), first);
        while from <= last {
            let mut commits = match self.store.read(stream, from, None).await {
                Ok(commits) => commits,
                Err(StoreError::UnknownStream { .. }) => return Ok(stored),
                Err(error) => return Err(error),
            };
            from = loop {
                match timeout(READ_TIMEOUT, commits.next()).await.map_err(silent)? {
                    Some(Ok(recorded)) if recorded.sequence > last => return Ok(stored),
                    Some(Ok(recorded)) => {
                        stored.insert(recorded.sequence, leaf::of(&recorded));
                        if recorded.sequence == last {
                            return Ok(stored);
                        }
                    }
                    // It is lost, whatever stands in its place.
                    Some(Err(StoreError::Malformed { .. })) => {}
                    Some(Err(StoreError::Gap { found, .. })) => break found,
                    Some(Err(error @ StoreError::Unavailable { .. })) => return Err(error),
                    Some(Err(StoreError::UnknownStream { .. } | StoreError::Truncated { .. }))
                    | None => return Ok(stored),
                }
            };
        }
        Ok(stored)
    }
}

/// What to say of an event whose leaf is not among the log's, or cannot be read.
fn leaf_lost(stream: &str, sequence: u64) -> String {
    format!("event {sequence} of stream {stream} was logged, but its leaf is lost from the log")
}

fn silent(elapsed: Elapsed) -> StoreError {
    StoreError::Unavailable { operation: "read", source: elapsed.into() }
}

/// What is wrong with an event, by its leaf.
fn difference(row: &LeafRow, stored: Option<&Leaf>) -> Option<Error> {
    let (stream, sequence, index) = (row.stream.clone(), row.sequence, row.index);
    let Some(stored) = stored else { return Some(Error::EventLost { stream, sequence, index }) };
    let Ok(logged) = Leaf::decode(row.leaf.as_slice()) else { return Some(row.altered()) };
    let what = leaf::difference(&logged, stored)?;
    Some(Error::EventChanged { stream, sequence, index, what })
}

#[cfg(test)]
mod tests;
