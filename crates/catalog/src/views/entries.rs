//! Entries as rows.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::resource::Event;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Recorded, Store};
use publicdata_types::ResourceId;
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::AnyConnection;

use crate::app::BuildError;
use crate::codec::{Resource, description_to_wire};
use crate::entry::Entry;
use crate::queries;
use crate::views::{MIGRATIONS, STREAM};

/// The view of entries, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn entries(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Entries)).await?)
}

struct Entries;

#[async_trait]
impl View for Entries {
    fn name(&self) -> &'static str {
        "catalog_entry"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_resource"]
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some((id, events)) = events(recorded)? else { return Ok(()) };

        let mut entry = queries::by_id(&mut *connection, &id).await?;
        for event in events {
            let evolved = Entry::evolve(entry, id, event, recorded.recorded_at);
            entry = Some(evolved.map_err(ApplyError::event)?);
        }
        match entry {
            Some(entry) => write(connection, &entry).await,
            None => Ok(()),
        }
    }
}

/// The entry that a commit is about, and what happened to it; `None` if it is about something else.
pub(crate) fn events(recorded: &Recorded) -> Result<Option<(ResourceId, Vec<Event>)>, ApplyError> {
    if recorded.subject.aggregate() != Resource::AGGREGATE {
        return Ok(None);
    }
    let id = recorded.subject.id().parse().map_err(ApplyError::event)?;
    let mut events = Vec::new();
    for event in recorded.commit().map_err(ApplyError::event)?.events {
        events.extend(Resource::decode(&event).map_err(ApplyError::event)?);
    }
    Ok(Some((id, events)))
}

async fn write(connection: &mut AnyConnection, entry: &Entry) -> Result<(), ApplyError> {
    let published = entry.published.as_ref();
    sqlx::query(
        "INSERT INTO catalog_resource (
             id, code, provider_code, region_code, status, version, description, return_reason,
             published_description, published_on, published_at, updated_at
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET
             provider_code = excluded.provider_code, region_code = excluded.region_code,
             status = excluded.status, version = excluded.version,
             description = excluded.description, return_reason = excluded.return_reason,
             published_description = excluded.published_description,
             published_on = excluded.published_on, published_at = excluded.published_at,
             updated_at = excluded.updated_at",
    )
    .bind(entry.id.to_string())
    .bind(entry.code.to_string())
    .bind(entry.description.provider.to_string())
    .bind(entry.region.to_string())
    .bind(entry.status.as_str())
    .bind(i64::from(entry.version()))
    .bind(encoded(&entry.description))
    .bind(entry.return_reason.as_str())
    .bind(published.map(|published| encoded(&published.description)))
    .bind(published.map(|published| published.on.to_string()))
    .bind(published.map(|published| microseconds(published.at)))
    .bind(microseconds(entry.updated_at))
    .execute(connection)
    .await?;
    Ok(())
}

fn encoded(description: &Description) -> String {
    hex::encode(description_to_wire(description).encode_to_vec())
}

fn microseconds(at: Timestamp) -> i64 {
    at.as_microsecond()
}
