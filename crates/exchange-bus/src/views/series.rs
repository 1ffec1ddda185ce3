//! The table of series: whether what was fetched again was new (R29.1).

use prost::Message as _;
use prost_types::Any;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::{Receipt, Transfer, TransferCompleted};
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, Row as _};

use super::log::Context;
use super::{event, from_column, microseconds};

/// What a comparison with a sink is, where other transfers have their mode.
const COMPARISON: i64 = 0;

/// What was found by a transfer.
struct Found {
    kind: i64,
    digest: String,
    /// A delivery of changes without any shows nothing new, whatever its digest.
    is_empty: bool,
}

/// Notes what a completed transfer shows of its source. Answers to questions show a part that nobody can compare.
pub(super) async fn note_transfer(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    any: &Any,
) -> Result<(), ApplyError> {
    let Some(completed) = event::<TransferCompleted>(any)? else { return Ok(()) };
    let row = sqlx::query(
        "SELECT t.body AS body, g.resource_id AS resource_id \
         FROM bus_transfer t JOIN bus_grant g ON g.id = t.grant_id WHERE t.id = $1",
    )
    .bind(context.id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let transfer: Transfer = from_column(&row, "body")?;
    let resource: String = row.try_get("resource_id")?;
    if transfer.mode() == DeliveryMode::Query {
        return Ok(());
    }
    let at = context.at.as_ref().map_or(0, microseconds);
    let found = Found::of(&transfer, &completed)?;
    save(connection, &transfer, (&resource, at), &found).await
}

impl Found {
    fn of(transfer: &Transfer, completed: &TransferCompleted) -> Result<Self, ApplyError> {
        let receipt = Receipt::decode(completed.receipt.as_slice()).map_err(ApplyError::event)?;
        Ok(match receipt.source {
            Some(source) => {
                Self { kind: COMPARISON, digest: hex::encode(source.digest), is_empty: false }
            }
            None => Self {
                kind: transfer.mode.into(),
                digest: hex::encode(&completed.sha256),
                is_empty: completed.rows == 0,
            },
        })
    }
}

async fn save(
    connection: &mut AnyConnection,
    transfer: &Transfer,
    (resource, at): (&str, i64),
    found: &Found,
) -> Result<(), ApplyError> {
    // Whoever comes later finds what others may have known for long.
    let known = sqlx::query("SELECT 1 AS known FROM bus_series WHERE resource_id = $1 LIMIT 1")
        .bind(resource)
        .fetch_optional(&mut *connection)
        .await?;
    let first_at = if known.is_some() { 0 } else { at };
    sqlx::query(
        "INSERT INTO bus_series (grant_id, consumer_code, fields, kind, resource_id, digest, new_at, \
         looked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (grant_id, consumer_code, fields, kind) DO UPDATE SET \
         new_at = CASE WHEN $9 = 1 OR bus_series.digest = excluded.digest \
         THEN bus_series.new_at ELSE excluded.looked_at END, \
         digest = excluded.digest, looked_at = excluded.looked_at",
    )
    .bind(transfer.grant_id.as_str())
    .bind(transfer.consumer_code.as_str())
    .bind(transfer.fields.join(","))
    .bind(found.kind)
    .bind(resource)
    .bind(found.digest.as_str())
    .bind(first_at)
    .bind(at)
    .bind(i64::from(found.is_empty))
    .execute(connection)
    .await?;
    Ok(())
}
