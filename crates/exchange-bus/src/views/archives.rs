//! The table of the log's archives, and what leaves the near log when they take its place (R23.2).

use prost_types::Any;
use publicdata_event_store::Recorded;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::{
    LogArchiveExpired, LogArchiveSealed, LogArchiveStatus, LogTrimmed, SealedLogArchive,
    TransferStatus,
};
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{WithoutBeginning, event, from_column, to_column};
use crate::codec;

/// What can never change again, and came to rest up to the sequence $1. What was interrupted or stopped may still be completed by a
/// receipt, and so it stays.
const SETTLED: &str = "ended_sequence > 0 AND ended_sequence <= $1 AND status IN ($2, $3)";

pub(super) async fn apply(
    connection: &mut AnyConnection,
    recorded: &Recorded,
    any: &Any,
) -> Result<(), ApplyError> {
    if let Some(LogArchiveSealed { archive }) = event(any)? {
        let archive = codec::archive::read(&archive.unwrap_or_default());
        let mut sealed = SealedLogArchive {
            archive: Some(archive.map_err(ApplyError::event)?),
            sealed_at: recorded.commit().map_err(ApplyError::event)?.occurred_at,
            sequence: recorded.sequence,
            commit: recorded.payload.to_vec(),
            ..SealedLogArchive::default()
        };
        sealed.set_status(LogArchiveStatus::Sealed);
        return save(connection, &sealed).await;
    }
    if let Some(LogTrimmed { number }) = event(any)? {
        let sealed = load(connection, number, any).await?;
        trim(connection, sealed.archive.clone().unwrap_or_default().last_sequence).await?;
        return turn(connection, sealed, LogArchiveStatus::Trimmed).await;
    }
    if let Some(LogArchiveExpired { number }) = event(any)? {
        let sealed = load(connection, number, any).await?;
        return turn(connection, sealed, LogArchiveStatus::Expired).await;
    }
    Ok(())
}

/// What is read from files from now on leaves the tables; what others ask about it stays.
async fn trim(connection: &mut AnyConnection, last_sequence: u64) -> Result<(), ApplyError> {
    let last_sequence = i64::try_from(last_sequence).map_err(ApplyError::event)?;
    for statement in [
        &format!(
            "INSERT INTO bus_archived_use \
             (grant_id, consumer_code, delivered_rows, received_at, first_received_at) \
             SELECT grant_id, consumer_code, CAST(SUM(delivered_rows) AS BIGINT), \
             MAX(CASE WHEN {RECEIVED} THEN requested_at ELSE 0 END), \
             COALESCE(MIN(CASE WHEN {RECEIVED} THEN requested_at END), 0) \
             FROM bus_transfer WHERE {SETTLED} GROUP BY grant_id, consumer_code \
             ON CONFLICT (grant_id, consumer_code) DO UPDATE SET \
             delivered_rows = bus_archived_use.delivered_rows + excluded.delivered_rows, \
             received_at = CASE WHEN excluded.received_at > bus_archived_use.received_at \
             THEN excluded.received_at ELSE bus_archived_use.received_at END, \
             first_received_at = CASE WHEN bus_archived_use.first_received_at = 0 \
             OR (excluded.first_received_at > 0 \
             AND excluded.first_received_at < bus_archived_use.first_received_at) \
             THEN excluded.first_received_at ELSE bus_archived_use.first_received_at END",
            RECEIVED = received(),
        ),
        &format!(
            "INSERT INTO bus_archived_arrival \
             (grant_id, consumer_code, fields, transfer_id, requested_at) \
             SELECT grant_id, consumer_code, fields, id, requested_at FROM (SELECT grant_id, \
             consumer_code, fields, id, requested_at, ROW_NUMBER() OVER \
             (PARTITION BY grant_id, consumer_code, fields ORDER BY requested_at DESC, id) AS place \
             FROM bus_transfer WHERE {SETTLED} AND {RECEIVED} AND more_follows = 0) AS newest \
             WHERE place = 1 ON CONFLICT (consumer_code, grant_id, fields) DO UPDATE SET \
             transfer_id = excluded.transfer_id, requested_at = excluded.requested_at \
             WHERE excluded.requested_at > bus_archived_arrival.requested_at",
            RECEIVED = received(),
        ),
        &format!(
            "DELETE FROM bus_delivery WHERE transfer_id IN \
             (SELECT id FROM bus_transfer WHERE {SETTLED})"
        ),
        &format!("DELETE FROM bus_transfer WHERE {SETTLED}"),
    ] {
        sqlx::query(AssertSqlSafe(statement.as_str()))
            .bind(last_sequence)
            .bind(i64::from(i32::from(TransferStatus::Refused)))
            .bind(i64::from(i32::from(TransferStatus::Completed)))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Whether a transfer brought rows, other than in answer to a query. A comparison with a sink brings none.
fn received() -> String {
    format!("status = $3 AND mode <> {} AND reconciliation = 0", i32::from(DeliveryMode::Query))
}

async fn turn(
    connection: &mut AnyConnection,
    mut sealed: SealedLogArchive,
    status: LogArchiveStatus,
) -> Result<(), ApplyError> {
    sealed.set_status(status);
    save(connection, &sealed).await
}

async fn load(
    connection: &mut AnyConnection,
    number: u32,
    any: &Any,
) -> Result<SealedLogArchive, ApplyError> {
    let row = sqlx::query("SELECT body FROM bus_log_archive WHERE number = $1")
        .bind(i64::from(number))
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => Ok(from_column(&row, "body")?),
        None => Err(ApplyError::event(WithoutBeginning {
            event: any.type_url.clone(),
            id: number.to_string(),
        })),
    }
}

async fn save(connection: &mut AnyConnection, sealed: &SealedLogArchive) -> Result<(), ApplyError> {
    let archive = sealed.archive.clone().unwrap_or_default();
    sqlx::query(
        "INSERT INTO bus_log_archive (number, status, last_sequence, body) \
         VALUES ($1, $2, $3, $4) \
         ON CONFLICT (number) DO UPDATE SET status = excluded.status, body = excluded.body",
    )
    .bind(i64::from(archive.number))
    .bind(i64::from(sealed.status))
    .bind(i64::try_from(archive.last_sequence).map_err(ApplyError::event)?)
    .bind(to_column(sealed))
    .execute(connection)
    .await?;
    Ok(())
}
