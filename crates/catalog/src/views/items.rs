//! The items of published resources, as rows that likeness is looked for in (R18.1).

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use publicdata_catalog_domain::likeness::key;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_proto::catalog::v1 as wire;
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::{AnyConnection, Row as _};

use crate::app::BuildError;
use crate::codec::{Resource, from_any};
use crate::queries::collection::decoded;
use crate::views::{MIGRATIONS, STREAM};

/// The view of published items, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn items(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Items)).await?)
}

struct Items;

#[async_trait]
impl View for Items {
    fn name(&self) -> &'static str {
        "catalog_item"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_item_draft", "catalog_item"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == Resource::AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let id = recorded.subject.id();
        for event in recorded.commit().map_err(ApplyError::event)?.events {
            if let Some(drafted) = from_any::<wire::ResourceDrafted>(&event) {
                keep(&mut *connection, id, drafted.map_err(ApplyError::event)?).await?;
            } else if from_any::<wire::ResourcePublished>(&event).is_some() {
                publish(&mut *connection, id).await?;
            } else if from_any::<wire::ResourceSuspended>(&event).is_some() {
                set_in_use(&mut *connection, id, "no").await?;
            } else if from_any::<wire::ResourceWithdrawn>(&event).is_some() {
                set_in_use(&mut *connection, id, "never").await?;
            } else if from_any::<wire::ResourceResumed>(&event).is_some() {
                set_in_use(&mut *connection, id, "yes").await?;
            }
        }
        Ok(())
    }
}

/// Keeps what a draft says until it is published.
async fn keep(
    connection: &mut AnyConnection,
    id: &str,
    drafted: wire::ResourceDrafted,
) -> Result<(), ApplyError> {
    let description = what_counts(drafted.description.unwrap_or_default());
    sqlx::query(
        "INSERT INTO catalog_item_draft (resource_id, code, description, region_code)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (resource_id) DO UPDATE SET
             description = excluded.description, region_code = excluded.region_code",
    )
    .bind(id)
    .bind(drafted.code)
    .bind(hex::encode(description.encode_to_vec()))
    .bind(drafted.region_code)
    .execute(connection)
    .await?;
    Ok(())
}

/// What was drafted last holds from now on. A resource that is suspended stays so, whatever is published of it.
async fn publish(connection: &mut AnyConnection, id: &str) -> Result<(), ApplyError> {
    let row = sqlx::query("SELECT * FROM catalog_item_draft WHERE resource_id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let row = row.ok_or_else(|| ApplyError::event("a publication of what was not drafted"))?;
    let (code, region): (&str, &str) = (row.try_get("code")?, row.try_get("region_code")?);
    let encoded: &str = row.try_get("description")?;
    let description: wire::ResourceDescription = decoded("description", encoded)?;
    let entity_key = key::title(&description.entity);
    let titles = match entity_key.is_empty() {
        true => titles(&description.items),
        false => String::new(),
    };
    sqlx::query(
        "INSERT INTO catalog_item (
             resource_id, code, provider_code, region_code, entity_key, description, titles, in_use
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, 'yes')
         ON CONFLICT (resource_id) DO UPDATE SET
             provider_code = excluded.provider_code, region_code = excluded.region_code,
             entity_key = excluded.entity_key, description = excluded.description,
             titles = excluded.titles",
    )
    .bind(id)
    .bind(code)
    .bind(description.provider_code)
    .bind(region)
    .bind(entity_key)
    .bind(encoded)
    .bind(titles)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM catalog_item_draft WHERE resource_id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_in_use(
    connection: &mut AnyConnection,
    id: &str,
    in_use: &str,
) -> Result<(), ApplyError> {
    sqlx::query("UPDATE catalog_item SET in_use = $1 WHERE resource_id = $2")
        .bind(in_use)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The part of a description that likeness needs: a catalogue has many entries.
fn what_counts(description: wire::ResourceDescription) -> wire::ResourceDescription {
    let items = description.items.into_iter().map(|item| wire::Item {
        name: item.name,
        title: item.title,
        sharing_type: item.sharing_type,
        ..wire::Item::default()
    });
    wire::ResourceDescription {
        items: items.collect(),
        provider_code: description.provider_code,
        sharing_type: description.sharing_type,
        entity: description.entity,
        ..wire::ResourceDescription::default()
    }
}

fn titles(items: &[wire::Item]) -> String {
    let keys: Vec<String> = items.iter().map(|item| key::title(&item.title)).collect();
    format!(" {} ", keys.join(" "))
}
