//! What happened to an entry, in the order in which it was recorded: its versions, what held on a day, and what was
//! believed at a moment (H2).
//!
//! Two times matter. `recorded_at` is the store's: what was not recorded yet, nobody could know. The day of publication,
//! and for the rest of an entry's life the day on which the service decided, say when something holds.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::resource::Event;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Store, Subject};
use publicdata_types::{ResourceId, china_date};

use crate::codec;
use crate::entry::{Entry, NotDrafted};
use crate::error::Error;
use crate::views;

/// Something that happened to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) sequence: u64,
    /// By the store's clock.
    pub(crate) recorded_at: Timestamp,
    /// By the service's clock.
    pub(crate) occurred_at: Timestamp,
    /// Who did it, as a SPIFFE id.
    pub(crate) actor: String,
    pub(crate) event: Event,
}

/// A version that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) version: u32,
    pub(crate) on: Date,
    pub(crate) at: Timestamp,
    /// The last day on which it was the version that holds; `None` as long as it is.
    pub(crate) held_until: Option<Date>,
    pub(crate) description: Description,
}

/// Everything that happened to an entry, from the store itself.
pub(crate) async fn load(store: &Store, id: &ResourceId) -> Result<Vec<Happened>, Error> {
    let subject =
        Subject::new(codec::Resource::SERVICE, codec::Resource::AGGREGATE, &id.to_string());
    let subject = subject.map_err(|error| Error::Internal(error.into()))?;
    let recorded = store.tail(&subject, 0).await.map_err(|error| Error::Load(error.into()))?;

    let mut history = Vec::new();
    for recorded in recorded {
        let commit = recorded.commit().map_err(|error| Error::Internal(error.into()))?;
        let occurred_at = codec::time_from_wire("occurred_at", commit.occurred_at)
            .map_err(|error| Error::Internal(error.into()))?;
        let events = views::events(&recorded).map_err(|error| Error::Internal(error.into()))?;
        for event in events.map(|(_, events)| events).unwrap_or_default() {
            history.push(Happened {
                sequence: recorded.sequence,
                recorded_at: recorded.recorded_at,
                occurred_at,
                actor: commit.actor.clone(),
                event,
            });
        }
    }
    Ok(history)
}

/// What of it was known at a moment.
pub(crate) fn known_at(history: &[Happened], time: Timestamp) -> &[Happened] {
    let known = history.iter().take_while(|happened| happened.recorded_at <= time).count();
    &history[..known]
}

/// The entry that it made.
pub(crate) fn entry(id: ResourceId, history: &[Happened]) -> Result<Option<Entry>, NotDrafted> {
    fold(id, history.iter())
}

/// What held on a day, as everybody saw it: the version that was published by then, and whether it was in use.
pub(crate) fn held_on(
    id: ResourceId,
    history: &[Happened],
    day: Date,
) -> Result<Option<Entry>, NotDrafted> {
    let by_then = history.iter().filter(|happened| happened.holds_by(day));
    Ok(fold(id, by_then)?.and_then(Entry::held))
}

/// The versions that were published, oldest first.
pub(crate) fn versions(history: &[Happened]) -> Vec<Version> {
    let mut versions: Vec<Version> = Vec::new();
    let mut written = None;
    for happened in history {
        match &happened.event {
            Event::Drafted { description, .. } => written = Some(description),
            Event::Published { version, on } => {
                let Some(description) = written.cloned() else { continue };
                end_before(versions.last_mut(), *on);
                let (version, on, at) = (*version, *on, happened.recorded_at);
                versions.push(Version { version, on, at, held_until: None, description });
            }
            Event::Withdrawn { .. } => end_before(versions.last_mut(), happened.day()),
            Event::Submitted
            | Event::Returned { .. }
            | Event::Suspended { .. }
            | Event::Resumed
            | Event::Updated(_) => {}
        }
    }
    versions
}

/// A version that another one follows on its very day held on that day, too.
fn end_before(version: Option<&mut Version>, next: Date) {
    if let Some(version) = version {
        let day_before = next.checked_sub(1.day()).unwrap_or(next);
        version.held_until = Some(day_before.max(version.on));
    }
}

fn fold<'a>(
    id: ResourceId,
    history: impl Iterator<Item = &'a Happened>,
) -> Result<Option<Entry>, NotDrafted> {
    let mut entry = None;
    for happened in history {
        entry = Some(Entry::evolve(entry, id, happened.event.clone(), happened.recorded_at)?);
    }
    Ok(entry)
}

impl Happened {
    /// The day in China on which the service decided.
    pub(crate) fn day(&self) -> Date {
        china_date(self.occurred_at)
    }

    /// Whether everybody sees it: what a draft goes through, they do not.
    pub(crate) fn is_public(&self) -> bool {
        match self.event {
            Event::Published { .. }
            | Event::Suspended { .. }
            | Event::Resumed
            | Event::Withdrawn { .. }
            | Event::Updated(_) => true,
            Event::Drafted { .. } | Event::Submitted | Event::Returned { .. } => false,
        }
    }

    /// Drafts hold nothing, but say what was published.
    fn holds_by(&self, day: Date) -> bool {
        match self.event {
            Event::Published { on, .. } => on <= day,
            Event::Suspended { .. }
            | Event::Resumed
            | Event::Withdrawn { .. }
            | Event::Updated(_) => self.day() <= day,
            Event::Drafted { .. } | Event::Submitted | Event::Returned { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests;
