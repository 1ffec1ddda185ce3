//! What changed in the published catalogue, read from the events themselves: nothing is left out, and a cursor is a place in
//! the stream.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt as _};
use publicdata_catalog_domain::resource::Event;
use publicdata_event_store::Recorded;
use publicdata_proto::catalog::v1::{CatalogChangeKind, ResourceChange, ResourceStatus};
use publicdata_types::{PageToken, ResourceId};

use crate::codec::time_to_wire;
use crate::entry::Reader;
use crate::error::Error;
use crate::grpc::Resources;
use crate::queries;
use crate::views::{self, STREAM};

/// How many commits one page looks through: most are about something else.
const SCANNED_MAX: usize = 20_000;
/// How long a change waits for the view of entries.
const VIEW_TIMEOUT: Duration = Duration::from_secs(10);
const PREFIX: &str = "change:";

/// The last commit that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor(u64);

/// A text that was not given out as a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cursor is malformed; send back the last one that was given out, or none to begin at the first change"
)]
pub(crate) struct CursorError;

/// Some changes, and where to go on, also if there are none.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) changes: Vec<ResourceChange>,
    pub(crate) cursor: Cursor,
    /// Whether more can be asked for at once.
    pub(crate) more: bool,
}

/// At most `limit` changes after `cursor`.
pub(crate) async fn page(
    resources: &Resources,
    cursor: Cursor,
    limit: usize,
) -> Result<Page, Error> {
    let store = &resources.shared.store;
    let last = store.last_sequence(STREAM).await.map_err(|error| Error::Load(error.into()))?;
    let mut page = Page { changes: Vec::new(), cursor, more: false };
    if cursor.0 > last {
        return Err(Error::field("cursor", CursorError));
    }
    if cursor.0 == last {
        return Ok(page);
    }
    let commits = store.read(STREAM, cursor.0 + 1, None).await;
    let mut commits = commits.map_err(|error| Error::Load(error.into()))?.take(SCANNED_MAX);
    while let Some(recorded) = commits.next().await {
        let recorded = recorded.map_err(|error| Error::Load(error.into()))?;
        page.changes.extend(change(resources, &recorded).await?);
        page.cursor = Cursor(recorded.sequence);
        if page.changes.len() >= limit {
            break;
        }
    }
    page.more = page.cursor.0 < last;
    Ok(page)
}

/// Changes after `cursor`, and those that come.
pub(crate) async fn watch(
    resources: Resources,
    cursor: Cursor,
) -> Result<BoxStream<'static, Result<ResourceChange, Error>>, Error> {
    let commits = resources.shared.store.subscribe(STREAM, cursor.0 + 1).await;
    let commits = commits.map_err(|error| Error::Load(error.into()))?;
    let changes = commits.filter_map(move |recorded| {
        let resources = resources.clone();
        async move {
            let recorded = match recorded {
                Ok(recorded) => recorded,
                Err(error) => return Some(Err(Error::Load(error.into()))),
            };
            change(&resources, &recorded).await.transpose()
        }
    });
    Ok(changes.boxed())
}

/// What a commit changed for everybody, if it changed anything.
async fn change(
    resources: &Resources,
    recorded: &Recorded,
) -> Result<Option<ResourceChange>, Error> {
    let events = views::events(recorded).map_err(|error| Error::Internal(error.into()))?;
    let Some((id, events)) = events else { return Ok(None) };
    let Some(kind) = events.iter().rev().find_map(kind) else { return Ok(None) };
    let resource = current(resources, &id, recorded.sequence).await?;
    if resource.is_none() {
        // What was never published goes without anybody noticing.
        return Ok(None);
    }
    Ok(Some(ResourceChange {
        kind: kind.into(),
        resource_id: id.to_string(),
        changed_at: Some(time_to_wire(recorded.recorded_at)),
        // What is gone by now is not shown, whatever the change was.
        resource: resource.filter(|entry| entry.status() != ResourceStatus::Withdrawn),
        cursor: Cursor(recorded.sequence).to_string(),
    }))
}

/// The entry as everybody sees it, not older than the commit `sequence`.
async fn current(
    resources: &Resources,
    id: &ResourceId,
    sequence: u64,
) -> Result<Option<publicdata_proto::catalog::v1::Resource>, Error> {
    let there = resources.shared.entries.wait_for(STREAM, sequence, VIEW_TIMEOUT).await;
    there.map_err(|error| {
        publicdata_service_kit::Problem::unavailable("the catalogue's view", error)
    })?;
    let mut connection = resources.shared.database.pool().acquire().await?;
    let entry = queries::by_id(&mut connection, id).await?;
    drop(connection);
    match entry.and_then(|entry| entry.seen_by(Reader::Service)) {
        Some(entry) => Ok(Some(resources.to_wire(entry).await?)),
        None => Ok(None),
    }
}

fn kind(event: &Event) -> Option<CatalogChangeKind> {
    match event {
        Event::Published { version: 1, .. } => Some(CatalogChangeKind::Published),
        Event::Published { .. } => Some(CatalogChangeKind::Revised),
        Event::Suspended { .. } => Some(CatalogChangeKind::Suspended),
        Event::Resumed => Some(CatalogChangeKind::Resumed),
        Event::Withdrawn { .. } => Some(CatalogChangeKind::Withdrawn),
        Event::Updated(_) => Some(CatalogChangeKind::Updated),
        Event::Drafted { .. } | Event::Submitted | Event::Returned { .. } => None,
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PageToken::after(format!("{PREFIX}{}", self.0)).fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let token: PageToken = text.parse().map_err(|_| CursorError)?;
        let sequence = token.key().strip_prefix(PREFIX).and_then(|digits| digits.parse().ok());
        sequence.map(Self).ok_or(CursorError)
    }
}
