//! Entries as rows, and the classification tree that they stand in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::classification;
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::name::NameKey;
use publicdata_catalog_domain::resource::Event;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_types::ResourceId;
use publicdata_views::{ApplyError, Database, Projector, View, parts, places};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::app::BuildError;
use crate::codec::{Classification, Resource, description_to_wire};
use crate::entry::{Entry, Status};
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
        &["catalog_resource", "catalog_classification"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        [Resource::AGGREGATE, Classification::AGGREGATE].contains(&subject.aggregate())
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        self.apply_all(connection, &[recorded]).await
    }

    async fn apply_all(
        &self,
        connection: &mut AnyConnection,
        commits: &[&Recorded],
    ) -> Result<(), ApplyError> {
        let mut happened = Vec::with_capacity(commits.len());
        for recorded in commits {
            match events(recorded)? {
                Some((id, events)) => happened.push((id, events, recorded.recorded_at)),
                None => name_classification(&mut *connection, recorded).await?,
            }
        }
        let ids: BTreeSet<ResourceId> = happened.iter().map(|(id, ..)| *id).collect();
        let ids = Vec::from_iter(ids);
        let mut entries: BTreeMap<ResourceId, Entry> = BTreeMap::new();
        for ids in parts(&ids) {
            let known = queries::by_ids(&mut *connection, ids).await?;
            entries.extend(known.into_iter().map(|entry| (entry.id, entry)));
        }
        for (id, events, at) in happened {
            for event in events {
                let evolved = Entry::evolve(entries.remove(&id), id, event, at);
                entries.insert(id, evolved.map_err(ApplyError::event)?);
            }
        }
        let entries = Vec::from_iter(entries.into_values());
        for entries in parts(&entries) {
            write(&mut *connection, entries).await?;
        }
        Ok(())
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

/// A node's newest name takes the place of the one before.
async fn name_classification(
    connection: &mut AnyConnection,
    recorded: &Recorded,
) -> Result<(), ApplyError> {
    for event in recorded.commit().map_err(ApplyError::event)?.events {
        match Classification::decode(&event).map_err(ApplyError::event)? {
            Some(classification::Event::Named { name }) => {
                sqlx::query(
                    "INSERT INTO catalog_classification (code, name) VALUES ($1, $2) \
                     ON CONFLICT (code) DO UPDATE SET name = excluded.name",
                )
                .bind(recorded.subject.id())
                .bind(name)
                .execute(&mut *connection)
                .await?;
            }
            Some(classification::Event::SerialAssigned { .. }) | None => {}
        }
    }
    Ok(())
}

async fn write(connection: &mut AnyConnection, entries: &[Entry]) -> Result<(), ApplyError> {
    const COLUMNS: [&str; 20] = [
        "id",
        "code",
        "classification_code",
        "provider_code",
        "region_code",
        "status",
        "version",
        "description",
        "return_reason",
        "published_description",
        "published_on",
        "published_at",
        "published_changed_at",
        "standing",
        "standing_reason",
        "current_on",
        "current_rows",
        "updated_at",
        "name_key",
        "published_name_key",
    ];

    let updates: Vec<String> =
        COLUMNS.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let upsert = format!(
        "INSERT INTO catalog_resource ({}) VALUES {} ON CONFLICT (id) DO UPDATE SET {}",
        COLUMNS.join(", "),
        places(entries.len(), COLUMNS.len()),
        updates.join(", ")
    );

    let mut query = sqlx::query(AssertSqlSafe(upsert));
    let name_key = |description: &Description| NameKey::of(&description.name).as_str().to_owned();
    for entry in entries {
        let published = entry.published.as_ref();
        let rows = entry.update.and_then(|update| update.rows);
        query = query
            .bind(entry.id.to_string())
            .bind(entry.code.to_string())
            .bind(entry.code.classification.to_string())
            .bind(entry.description.provider.to_string())
            .bind(entry.region.to_string())
            .bind(entry.status.as_str())
            .bind(i64::from(entry.version()))
            .bind(encoded(&entry.description))
            .bind(entry.return_reason.as_str())
            .bind(published.map(|published| encoded(&published.description)))
            .bind(published.map(|published| published.on.to_string()))
            .bind(published.map(|published| microseconds(published.at)))
            .bind(published.map(|published| microseconds(published.changed_at)))
            .bind(entry.standing_status().map_or("", Status::as_str))
            .bind(entry.standing.reason())
            .bind(entry.update.map(|update| update.current_on.to_string()))
            .bind(rows.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX)))
            .bind(microseconds(entry.updated_at))
            .bind(name_key(&entry.description))
            .bind(published.map(|published| name_key(&published.description)));
    }
    query.execute(connection).await?;
    Ok(())
}

fn encoded(description: &Description) -> String {
    hex::encode(description_to_wire(description).encode_to_vec())
}

fn microseconds(at: Timestamp) -> i64 {
    at.as_microsecond()
}
