//! Other platforms' catalogues as rows.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use publicdata_catalog_domain::foreign_resource::{self, Description};
use publicdata_catalog_domain::harvest_source::{self, Kind, Reached, Registration};
use publicdata_event_store::aggregates::Codec;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::AnyConnection;

use crate::app::BuildError;
use crate::codec::{ForeignResource, HarvestSource, foreign_to_wire};
use crate::views::{MIGRATIONS, STREAM};

/// The view of other platforms' catalogues, in a database of the catalogue's: to run it, to rebuild it, and to compare its
/// content.
///
/// # Errors
/// The database cannot be used.
pub async fn harvest(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Harvest)).await?)
}

struct Harvest;

#[async_trait]
impl View for Harvest {
    fn name(&self) -> &'static str {
        "catalog_harvest"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_harvest_source", "catalog_foreign_resource"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        [HarvestSource::AGGREGATE, ForeignResource::AGGREGATE].contains(&subject.aggregate())
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let id = recorded.subject.id();
        let at = recorded.recorded_at.as_microsecond();
        match recorded.subject.aggregate() {
            HarvestSource::AGGREGATE => {
                for event in decoded::<HarvestSource>(recorded)? {
                    source(connection, id, event, at).await?;
                }
            }
            ForeignResource::AGGREGATE => {
                for event in decoded::<ForeignResource>(recorded)? {
                    resource(connection, id, event, at).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn decoded<C: Codec>(
    recorded: &Recorded,
) -> Result<Vec<publicdata_event_store::aggregates::EventOf<C>>, ApplyError> {
    let mut events = Vec::new();
    for event in recorded.commit().map_err(ApplyError::event)?.events {
        events.extend(C::decode(&event).map_err(ApplyError::event)?);
    }
    Ok(events)
}

async fn source(
    connection: &mut AnyConnection,
    id: &str,
    event: harvest_source::Event,
    at: i64,
) -> Result<(), sqlx::Error> {
    match event {
        harvest_source::Event::Registered(registration) => {
            let Registration { name, kind, url, platform, region } = registration;
            sqlx::query(
                "INSERT INTO catalog_harvest_source
                     (id, name, kind, url, platform, region_code, cursor_text)
                 VALUES ($1, $2, $3, $4, $5, $6, '')
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(id)
            .bind(name)
            .bind(kind_text(kind))
            .bind(url)
            .bind(platform)
            .bind(region.to_string())
            .execute(connection)
            .await?;
        }
        harvest_source::Event::Advanced(advance) => {
            let completed = (advance.reached == Reached::End).then_some(at);
            sqlx::query(
                "UPDATE catalog_harvest_source
                 SET cursor_text = $2, completed_at = COALESCE($3, completed_at) WHERE id = $1",
            )
            .bind(id)
            .bind(advance.cursor)
            .bind(completed)
            .execute(connection)
            .await?;
        }
    }
    Ok(())
}

async fn resource(
    connection: &mut AnyConnection,
    id: &str,
    event: foreign_resource::Event,
    at: i64,
) -> Result<(), sqlx::Error> {
    match event {
        foreign_resource::Event::Seen { source, description } => {
            let words = words(&description);
            let uri = description.uri.clone();
            let encoded = hex::encode(foreign_to_wire(description).encode_to_vec());
            sqlx::query(
                "INSERT INTO catalog_foreign_resource
                     (id, source_id, uri, description, words, seen_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (id) DO UPDATE SET description = excluded.description,
                     words = excluded.words, seen_at = excluded.seen_at",
            )
            .bind(id)
            .bind(source.to_string())
            .bind(uri)
            .bind(encoded)
            .bind(words)
            .bind(at)
            .execute(connection)
            .await?;
        }
        foreign_resource::Event::Gone => {
            sqlx::query("DELETE FROM catalog_foreign_resource WHERE id = $1")
                .bind(id)
                .execute(connection)
                .await?;
        }
    }
    Ok(())
}

pub(crate) const fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Dcat => "dcat",
        Kind::Ckan => "ckan",
    }
}

fn words(description: &Description) -> String {
    let Description { title, description, publisher, keywords, identifier, .. } = description;
    let mut words = vec![title.as_str(), description, publisher, identifier];
    words.extend(keywords.iter().map(String::as_str));
    words.join("\n").to_lowercase()
}
