//! Libraries and who collects their items, as rows.

use std::sync::Arc;

use async_trait::async_trait;
use publicdata_catalog_domain::library::{Assignment, Event};
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::AnyConnection;

use crate::app::BuildError;
use crate::codec::{Library, update_cycle_to_number};
use crate::queries::libraries::assignment;
use crate::views::{MIGRATIONS, STREAM, events_of};

/// The view of libraries, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn libraries(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Libraries)).await?)
}

struct Libraries;

#[async_trait]
impl View for Libraries {
    fn name(&self) -> &'static str {
        "catalog_library"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_library", "catalog_library_item"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == Library::AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(events) = events_of::<Library>(recorded)? else { return Ok(()) };

        let code = recorded.subject.id();
        for event in events {
            apply(&mut *connection, code, event).await?;
        }
        Ok(())
    }
}

async fn apply(connection: &mut AnyConnection, code: &str, event: Event) -> Result<(), ApplyError> {
    match event {
        Event::Established { name, lead } => {
            sqlx::query("INSERT INTO catalog_library (code, name, lead_code) VALUES ($1, $2, $3)")
                .bind(code)
                .bind(name)
                .bind(lead.to_string())
                .execute(connection)
                .await?;
        }
        Event::LeadChanged { lead, reason: _ } => {
            sqlx::query("UPDATE catalog_library SET lead_code = $1 WHERE code = $2")
                .bind(lead.to_string())
                .bind(code)
                .execute(connection)
                .await?;
        }
        Event::ItemAssigned { item, organisation, region, update_cycle, from } => {
            let current_on = None;
            let assigned = Assignment { organisation, region, update_cycle, from, current_on };
            write(connection, code, &item, &assigned).await?;
        }
        Event::ItemReleased { item, reason: _ } => {
            sqlx::query("DELETE FROM catalog_library_item WHERE id = $1")
                .bind(id(code, &item))
                .execute(connection)
                .await?;
        }
        Event::ItemUpdated { item, current_on } => {
            let known = assignment(&mut *connection, &id(code, &item)).await?;
            let known = known.ok_or_else(|| {
                ApplyError::event("an update of an item that is assigned to nobody")
            })?;
            let updated = Assignment { current_on: Some(current_on), ..known };
            write(connection, code, &item, &updated).await?;
        }
    }
    Ok(())
}

async fn write(
    connection: &mut AnyConnection,
    code: &str,
    item: &str,
    assignment: &Assignment,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO catalog_library_item (
             id, library_code, item, organisation_code, region_code, update_cycle, assigned_from,
             current_on
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET
             organisation_code = excluded.organisation_code, region_code = excluded.region_code,
             update_cycle = excluded.update_cycle, assigned_from = excluded.assigned_from,
             current_on = excluded.current_on",
    )
    .bind(id(code, item))
    .bind(code)
    .bind(item)
    .bind(assignment.organisation.to_string())
    .bind(assignment.region.to_string())
    .bind(i64::from(update_cycle_to_number(assignment.update_cycle)))
    .bind(assignment.from.to_string())
    .bind(assignment.current_on.map(|current_on| current_on.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

fn id(code: &str, item: &str) -> String {
    format!("{code}/{item}")
}
