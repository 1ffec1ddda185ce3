//! The quarantine's tables, and what is written to and read from them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use publicdata_types::TransferId;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::{Delivery, QuarantineError};
use crate::quality::{Breach, Rejected};

/// What a row takes beside its values.
const ROW_BYTES: u64 = 128;
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS transfer (
    id TEXT PRIMARY KEY, resource TEXT NOT NULL, grant_id TEXT NOT NULL, consumer TEXT NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, last_row INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS transfer_by_time ON transfer (last_at);
CREATE TABLE IF NOT EXISTS broken (
    transfer TEXT NOT NULL, item TEXT NOT NULL, rule TEXT NOT NULL, rows INTEGER NOT NULL,
    PRIMARY KEY (transfer, item, rule)
) STRICT;
CREATE TABLE IF NOT EXISTS kept (
    id INTEGER PRIMARY KEY AUTOINCREMENT, transfer TEXT NOT NULL, resource TEXT NOT NULL, row INTEGER NOT NULL,
    at INTEGER NOT NULL, breaches TEXT NOT NULL, row_values TEXT NOT NULL, bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS kept_by_transfer ON kept (transfer);
CREATE TABLE IF NOT EXISTS size (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO size (one, bytes) VALUES (1, 0);
";

/// Enters a transfer, if it is new, and says up to which row it was counted.
pub(super) async fn enter(
    transaction: &mut Transaction<'_, Sqlite>,
    delivery: &Delivery,
    at: Timestamp,
) -> Result<u64, QuarantineError> {
    sqlx::query(
        "INSERT OR IGNORE INTO transfer (id, resource, grant_id, consumer, first_at, last_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(delivery.transfer.to_string())
    .bind(delivery.resource.to_string())
    .bind(delivery.grant.to_string())
    .bind(delivery.consumer.to_string())
    .bind(at.as_microsecond())
    .bind(at.as_microsecond())
    .execute(&mut **transaction)
    .await?;
    let row = sqlx::query("SELECT last_row FROM transfer WHERE id = ?")
        .bind(delivery.transfer.to_string())
        .fetch_one(&mut **transaction)
        .await?;
    counted(&row, "last_row")
}

/// Keeps as many rows as there is room for, and says how many those are.
pub(super) async fn keep_rows(
    transaction: &mut Transaction<'_, Sqlite>,
    delivery: &Delivery,
    (rows, at): (&[&Rejected], Timestamp),
    room: u64,
) -> Result<u64, QuarantineError> {
    let (mut kept, mut taken) = (0, 0);
    for row in rows {
        let breaches = row.breaches.iter().map(|breach| (&breach.item, breach.rule.as_str()));
        let breaches = json!(breaches.collect::<Vec<_>>()).to_string();
        let values = json!(row.values).to_string();
        let bytes = (breaches.len() + values.len()) as u64 + ROW_BYTES;
        if taken + bytes > room {
            break;
        }
        sqlx::query(
            "INSERT INTO kept (transfer, resource, row, at, breaches, row_values, bytes) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(delivery.transfer.to_string())
        .bind(delivery.resource.to_string())
        .bind(signed(row.row))
        .bind(at.as_microsecond())
        .bind(breaches)
        .bind(values)
        .bind(signed(bytes))
        .execute(&mut **transaction)
        .await?;
        (kept, taken) = (kept + 1, taken + bytes);
    }
    sqlx::query("UPDATE size SET bytes = bytes + ?")
        .bind(signed(taken))
        .execute(&mut **transaction)
        .await?;
    Ok(kept)
}

pub(super) async fn count_breaches(
    transaction: &mut Transaction<'_, Sqlite>,
    transfer: TransferId,
    rows: &[&Rejected],
) -> Result<(), QuarantineError> {
    let mut counts = BTreeMap::new();
    for breach in rows.iter().flat_map(|row| &row.breaches) {
        *counts.entry(breach).or_insert(0_u64) += 1;
    }
    for (breach, rows) in counts {
        sqlx::query(
            "INSERT INTO broken (transfer, item, rule, rows) VALUES (?, ?, ?, ?) \
             ON CONFLICT (transfer, item, rule) DO UPDATE SET rows = rows + excluded.rows",
        )
        .bind(transfer.to_string())
        .bind(&breach.item)
        .bind(breach.rule.as_str())
        .bind(signed(rows))
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

pub(super) async fn broken(
    transaction: &mut Transaction<'_, Sqlite>,
    transfer: TransferId,
) -> Result<Vec<(Breach, u64)>, QuarantineError> {
    let rows =
        sqlx::query("SELECT item, rule, rows FROM broken WHERE transfer = ? ORDER BY item, rule")
            .bind(transfer.to_string())
            .fetch_all(&mut **transaction)
            .await?;
    let broken = |row| {
        let breach = Breach { item: row_text(&row, "item")?, rule: parsed(&row, "rule")? };
        Ok((breach, counted(&row, "rows")?))
    };
    rows.into_iter().map(broken).collect()
}

pub(super) async fn bytes(
    transaction: &mut Transaction<'_, Sqlite>,
) -> Result<u64, QuarantineError> {
    let row = sqlx::query("SELECT bytes FROM size").fetch_one(&mut **transaction).await?;
    counted(&row, "bytes")
}

fn row_text(row: &SqliteRow, column: &'static str) -> Result<String, QuarantineError> {
    Ok(row.try_get(column)?)
}

pub(super) fn parsed<T: std::str::FromStr>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, QuarantineError> {
    row_text(row, column)?.parse().map_err(|_| QuarantineError::Damaged(column))
}

pub(super) fn read<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, QuarantineError> {
    serde_json::from_str(&row_text(row, column)?).map_err(|_| QuarantineError::Damaged(column))
}

pub(super) fn counted(row: &SqliteRow, column: &'static str) -> Result<u64, QuarantineError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| QuarantineError::Damaged(column))
}

pub(super) fn moment(row: &SqliteRow, column: &'static str) -> Result<Timestamp, QuarantineError> {
    let microseconds: i64 = row.try_get(column)?;
    Timestamp::from_microsecond(microseconds).map_err(|_| QuarantineError::Damaged(column))
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
