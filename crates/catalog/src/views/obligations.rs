//! Changes and obligations as rows.

use std::sync::Arc;

use async_trait::async_trait;
use publicdata_catalog_domain::change::Event as ChangeEvent;
use publicdata_catalog_domain::obligation::Event;
use publicdata_event_store::aggregates::Codec;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::Deadline;
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::AnyConnection;

use crate::app::BuildError;
use crate::codec::{Change, Obligation, change_kind_to_wire, time_from_wire};
use crate::queries::obligations::State;
use crate::views::{MIGRATIONS, STREAM};

/// The view of changes and obligations, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn obligations(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Obligations)).await?)
}

struct Obligations;

#[async_trait]
impl View for Obligations {
    fn name(&self) -> &'static str {
        "catalog_obligation"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_change", "catalog_change_organisation", "catalog_obligation"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        [Change::AGGREGATE, Obligation::AGGREGATE].contains(&subject.aggregate())
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        match recorded.subject.aggregate() {
            Change::AGGREGATE => apply_change(connection, recorded).await,
            Obligation::AGGREGATE => apply_obligation(connection, recorded).await,
            _ => Ok(()),
        }
    }
}

async fn apply_change(
    connection: &mut AnyConnection,
    recorded: &Recorded,
) -> Result<(), ApplyError> {
    let commit = recorded.commit().map_err(ApplyError::event)?;
    let at = time_from_wire("occurred_at", commit.occurred_at).map_err(ApplyError::event)?;
    for any in &commit.events {
        let event = Change::decode(any).map_err(ApplyError::event)?;
        let Some(ChangeEvent::Recorded { record, region }) = event else { continue };
        let id = recorded.subject.id();
        sqlx::query(
            "INSERT INTO catalog_change (
                 id, kind, title, description, effective_on, region_code, recorded_at, sequence
             ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(i64::from(i32::from(change_kind_to_wire(record.kind))))
        .bind(record.title.as_str())
        .bind(record.description.as_str())
        .bind(record.effective_on.to_string())
        .bind(region.to_string())
        .bind(at.as_microsecond())
        .bind(sequence(recorded))
        .execute(&mut *connection)
        .await?;
        for affected in &record.affected {
            sqlx::query(
                "INSERT INTO catalog_change_organisation (change_id, organisation_code, region_code)
                 VALUES ($1, $2, $3)",
            )
            .bind(id)
            .bind(affected.organisation.to_string())
            .bind(affected.region.to_string())
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

async fn apply_obligation(
    connection: &mut AnyConnection,
    recorded: &Recorded,
) -> Result<(), ApplyError> {
    for any in &recorded.commit().map_err(ApplyError::event)?.events {
        let event = Obligation::decode(any).map_err(ApplyError::event)?;
        match event {
            Some(Event::Opened { .. }) => open(connection, recorded, &any.value).await?,
            Some(event) => change(connection, recorded, &event).await?,
            None => {}
        }
    }
    Ok(())
}

async fn open(
    connection: &mut AnyConnection,
    recorded: &Recorded,
    opened: &[u8],
) -> Result<(), ApplyError> {
    let opened = <wire::ObligationOpened as prost::Message>::decode(opened);
    let opened = opened.map_err(ApplyError::event)?;
    let deadline = opened.deadline.unwrap_or_default();
    sqlx::query(
        "INSERT INTO catalog_obligation (
             id, kind, organisation_code, region_code, cause_id, subject, counted_from, opened_on,
             working_days, update_cycle, due_on, rule, calendar_version, provisional, warned, state,
             met_on, late, resource_ids, note, cancel_reason, sequence
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 'open',
             '', 0, '', '', '', $15)",
    )
    .bind(recorded.subject.id())
    .bind(i64::from(opened.kind))
    .bind(opened.organisation_code)
    .bind(opened.region_code)
    .bind(opened.cause_id)
    .bind(opened.subject)
    .bind(opened.counted_from)
    .bind(opened.opened_on)
    .bind(i64::from(opened.working_days))
    .bind(i64::from(opened.update_cycle))
    .bind(deadline.due_on)
    .bind(deadline.rule)
    .bind(deadline.calendar_version)
    .bind(i64::from(deadline.provisional))
    .bind(sequence(recorded))
    .execute(connection)
    .await?;
    Ok(())
}

async fn change(
    connection: &mut AnyConnection,
    recorded: &Recorded,
    event: &Event,
) -> Result<(), ApplyError> {
    let (id, sequence) = (recorded.subject.id(), sequence(recorded));
    let query = match event {
        Event::Opened { .. } => return Ok(()),
        Event::Warned { .. } => {
            sqlx::query("UPDATE catalog_obligation SET warned = 1, sequence = $2 WHERE id = $1")
                .bind(id)
                .bind(sequence)
        }
        Event::Recounted { deadline, .. } => recounted(id, sequence, deadline),
        Event::Met(fulfilment) => {
            let resources: Vec<String> =
                fulfilment.resources.iter().map(ToString::to_string).collect();
            sqlx::query(
                "UPDATE catalog_obligation SET state = $3, met_on = $4, late = $5,
                     resource_ids = $6, note = $7, sequence = $2 WHERE id = $1",
            )
            .bind(id)
            .bind(sequence)
            .bind(State::Met.as_str())
            .bind(fulfilment.on.to_string())
            .bind(i64::from(fulfilment.late))
            .bind(resources.join(" "))
            .bind(fulfilment.note.as_str())
        }
        Event::Missed { .. } => {
            sqlx::query("UPDATE catalog_obligation SET state = $3, sequence = $2 WHERE id = $1")
                .bind(id)
                .bind(sequence)
                .bind(State::Missed.as_str())
        }
        Event::Cancelled { reason } => sqlx::query(
            "UPDATE catalog_obligation SET state = $3, cancel_reason = $4, sequence = $2
             WHERE id = $1",
        )
        .bind(id)
        .bind(sequence)
        .bind(State::Cancelled.as_str())
        .bind(reason.as_str()),
    };
    match query.execute(connection).await?.rows_affected() {
        1 => Ok(()),
        _ => Err(ApplyError::event(NeverOpened { id: id.to_owned() })),
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// A warning was of the day that it named: if that moved, it does not count.
fn recounted<'q>(id: &'q str, sequence: i64, deadline: &'q Deadline) -> Query<'q> {
    sqlx::query(
        "UPDATE catalog_obligation SET
             warned = CASE WHEN due_on = $3 THEN warned ELSE 0 END,
             due_on = $3, calendar_version = $4, provisional = $5, sequence = $2 WHERE id = $1",
    )
    .bind(id)
    .bind(sequence)
    .bind(deadline.on.to_string())
    .bind(deadline.calendar_version.as_str())
    .bind(i64::from(deadline.provisional))
}

/// An event of an obligation that comes before its opening.
#[derive(Debug, thiserror::Error)]
#[error("obligation {id} has an event before it opened")]
struct NeverOpened {
    id: String,
}

/// Sequences stay far below 2^63.
fn sequence(recorded: &Recorded) -> i64 {
    i64::try_from(recorded.sequence).unwrap_or(i64::MAX)
}
