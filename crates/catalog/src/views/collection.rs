//! Sources, contests and plans, as rows (R17.1, R18.1).

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::entity::{Contest, Event, Plan, Source, SourceKey, Winner};
use publicdata_catalog_domain::likeness::key;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_types::PlanId;
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::AnyConnection;

use crate::app::BuildError;
use crate::codec::{Entity, plan_to_wire, source_to_wire, winner_to_wire};
use crate::queries::collection::source_by_id;
use crate::views::{MIGRATIONS, STREAM, events_of};

/// The view of sources and plans, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn collection(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Collection)).await?)
}

struct Collection;

/// Where an event stands.
struct Place<'a> {
    /// The register.
    entity_id: &'a str,
    sequence: u64,
    at: Timestamp,
}

#[async_trait]
impl View for Collection {
    fn name(&self) -> &'static str {
        "catalog_collection"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_source", "catalog_contest", "catalog_plan"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == Entity::AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(events) = events_of::<Entity>(recorded)? else { return Ok(()) };

        let place = Place {
            entity_id: recorded.subject.id(),
            sequence: recorded.sequence,
            at: recorded.recorded_at,
        };
        for event in events {
            apply(&mut *connection, &place, event).await?;
        }
        Ok(())
    }
}

async fn apply(
    connection: &mut AnyConnection,
    place: &Place<'_>,
    event: Event,
) -> Result<(), ApplyError> {
    match event {
        Event::SourceClaimed { source, difference: _ } => claim(connection, place, &source).await,
        Event::SourceReleased { key, reason } => release(connection, &key, &reason).await,
        Event::SourceContested { contest, dispute } => {
            contested(connection, place, &contest.to_string(), &dispute).await
        }
        Event::SourceSettled { contest, winner, reason } => {
            settle(connection, &contest.to_string(), winner, &reason).await
        }
        Event::CollectionPlanned { id, plan, difference } => {
            planned(connection, place, &id, &plan, &difference).await
        }
        Event::CollectionEnded { id, reason } => {
            sqlx::query("UPDATE catalog_plan SET end_reason = $1 WHERE id = $2")
                .bind(reason)
                .bind(id.to_string())
                .execute(connection)
                .await?;
            Ok(())
        }
        // It is asked for where plans are decided on, in the register itself.
        Event::CollectionExcepted { .. } => Ok(()),
    }
}

async fn claim(
    connection: &mut AnyConnection,
    place: &Place<'_>,
    source: &Source,
) -> Result<(), ApplyError> {
    let claimed_in = i64::try_from(place.sequence).map_err(ApplyError::event)?;
    sqlx::query(
        "INSERT INTO catalog_source (
             id, entity_id, resource_id, item, title, entity, entity_key, code, provider_code,
             region_code, claimed_in
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET
             entity_id = excluded.entity_id, title = excluded.title, entity = excluded.entity,
             entity_key = excluded.entity_key, provider_code = excluded.provider_code,
             region_code = excluded.region_code, claimed_in = excluded.claimed_in",
    )
    .bind(id(&source.key))
    .bind(place.entity_id)
    .bind(source.key.resource.to_string())
    .bind(source.key.item.as_str())
    .bind(source.datum.title.as_str())
    .bind(source.datum.entity.as_str())
    .bind(key::title(&source.datum.entity))
    .bind(source.code.to_string())
    .bind(source.provider.to_string())
    .bind(source.region.to_string())
    .bind(claimed_in)
    .execute(connection)
    .await?;
    Ok(())
}

async fn release(
    connection: &mut AnyConnection,
    key: &SourceKey,
    reason: &str,
) -> Result<(), ApplyError> {
    sqlx::query("DELETE FROM catalog_source WHERE id = $1")
        .bind(id(key))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE catalog_contest SET status = 'lapsed', reason = $1
         WHERE holder_id = $2 AND status = 'open'",
    )
    .bind(reason)
    .bind(id(key))
    .execute(connection)
    .await?;
    Ok(())
}

async fn contested(
    connection: &mut AnyConnection,
    place: &Place<'_>,
    contest_id: &str,
    dispute: &Contest,
) -> Result<(), ApplyError> {
    let holder = source_by_id(&mut *connection, &id(&dispute.holder)).await?;
    let holder = holder.ok_or_else(|| ApplyError::event("a contest of what nobody claims"))?;
    let encoded = |source: &Source| hex::encode(source_to_wire(source).encode_to_vec());
    sqlx::query(
        "INSERT INTO catalog_contest (
             id, entity_id, challenger, holder, challenger_code, challenger_region, holder_id,
             holder_code, holder_region, grounds, status, winner, reason, contested_at
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', 0, '', $11)",
    )
    .bind(contest_id)
    .bind(place.entity_id)
    .bind(encoded(&dispute.challenger))
    .bind(encoded(&holder))
    .bind(dispute.challenger.provider.to_string())
    .bind(dispute.challenger.region.to_string())
    .bind(id(&dispute.holder))
    .bind(holder.provider.to_string())
    .bind(holder.region.to_string())
    .bind(dispute.grounds.as_str())
    .bind(place.at.as_microsecond())
    .execute(connection)
    .await?;
    Ok(())
}

async fn settle(
    connection: &mut AnyConnection,
    contest_id: &str,
    winner: Winner,
    reason: &str,
) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE catalog_contest SET status = 'settled', winner = $1, reason = $2 WHERE id = $3",
    )
    .bind(i64::from(winner_to_wire(winner) as i32))
    .bind(reason)
    .bind(contest_id)
    .execute(connection)
    .await?;
    Ok(())
}

async fn planned(
    connection: &mut AnyConnection,
    place: &Place<'_>,
    plan_id: &PlanId,
    plan: &Plan,
    difference: &str,
) -> Result<(), ApplyError> {
    let entity = plan.items.first().map(|item| key::title(&item.entity)).unwrap_or_default();
    sqlx::query(
        "INSERT INTO catalog_plan (
             id, entity_id, entity_key, organisation_code, region_code, plan, difference, until_on
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(plan_id.to_string())
    .bind(place.entity_id)
    .bind(entity)
    .bind(plan.organisation.to_string())
    .bind(plan.region.to_string())
    .bind(hex::encode(plan_to_wire(plan).encode_to_vec()))
    .bind(difference)
    .bind(plan.until.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

fn id(key: &SourceKey) -> String {
    format!("{}/{}", key.resource, key.item)
}
