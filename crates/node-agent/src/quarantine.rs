//! Rows that were not delivered because they break a rule (R17.2), kept for their own department.
//!
//! A SQLite file that the node's account alone may read: rows hold personal data. It may take so many bytes and no more;
//! beyond that, rows are counted and not kept, and whoever runs the node is told. A row that is met again when a transfer
//! is resumed is neither kept nor counted twice.

pub mod answer;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use publicdata_types::quality::Rule;
use publicdata_types::{GrantId, OrganisationCode, ResourceId, TransferId};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Executor as _, Row as _, Sqlite, Transaction};

use crate::quality::{Breach, Rejected};

/// How many bytes the rows kept may take.
pub const BYTES_MAX: u64 = 256 << 20;

const FILE: &str = "quarantine.db";
/// What a row takes beside its values.
const ROW_BYTES: u64 = 128;
const SUMMARIES_MAX: i64 = 500;
const SCHEMA: &str = "
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

/// Where the rows are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Quarantine {
    pool: SqlitePool,
    bytes_max: u64,
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The transfer.
    pub transfer: TransferId,
    /// The resource.
    pub resource: ResourceId,
    /// The grant.
    pub grant: GrantId,
    /// Who does not get them.
    pub consumer: OrganisationCode,
}

/// What became of the rows of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose rows they are.
    pub delivery: Delivery,
    /// When the first was found.
    pub first_at: Timestamp,
    /// When the last was.
    pub last_at: Timestamp,
    /// How many there are.
    pub rejected: u64,
    /// How many of them are kept.
    pub kept: u64,
    /// How many break each rule.
    pub broken: Vec<(Breach, u64)>,
}

/// A row that is kept. It holds values, and so must not be logged (H5).
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number here.
    pub id: i64,
    /// The transfer.
    pub transfer: TransferId,
    /// The resource.
    pub resource: ResourceId,
    /// When it was found.
    pub at: Timestamp,
    /// The row.
    pub rejected: Rejected,
}

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only of this resource.
    pub resource: Option<ResourceId>,
    /// Only of this transfer.
    pub transfer: Option<TransferId>,
    /// Only after this one.
    pub after: i64,
    /// How many at most.
    pub rows_max: u32,
}

/// The quarantine cannot be used. Then rows that belong there cannot be left out of a delivery either.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// The file cannot be made.
    #[error("the node's quarantine {path} cannot be made")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database fails.
    #[error("the node's quarantine cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// It holds what it never wrote.
    #[error("the node's quarantine is damaged: its `{0}` cannot be read")]
    Damaged(&'static str),
}

// === impl Quarantine ===

impl Quarantine {
    /// The quarantine in this folder, which is made if it is not there. Connects when it is first used.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, QuarantineError> {
        let path = folder.join(FILE);
        let error = |source| QuarantineError::File { path: path.display().to_string(), source };
        std::fs::create_dir_all(folder).map_err(error)?;
        // SQLite gives its journal the mode of the file.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(error)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            // What was deleted is overwritten.
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SCHEMA).await.map(drop) })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, bytes_max })
    }

    /// Keeps and counts rows of a transfer, those alone that come after all that were counted already.
    pub async fn keep(
        &self,
        delivery: &Delivery,
        rows: &[Rejected],
        at: Timestamp,
    ) -> Result<(), QuarantineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let last_row = enter(&mut transaction, delivery, at).await?;
        let new: Vec<_> = rows.iter().filter(|row| row.row > last_row).collect();
        let Some(last) = new.last() else { return Ok(()) };

        let room = self.bytes_max.saturating_sub(bytes(&mut transaction).await?);
        let kept = keep_rows(&mut transaction, delivery, (&new, at), room).await?;
        count_breaches(&mut transaction, delivery.transfer, &new).await?;
        sqlx::query(
            "UPDATE transfer SET last_at = ?, last_row = ?, rejected = rejected + ?, \
             kept = kept + ? WHERE id = ?",
        )
        .bind(at.as_microsecond())
        .bind(signed(last.row))
        .bind(signed(new.len() as u64))
        .bind(signed(kept))
        .bind(delivery.transfer.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;

        let lost = new.len() as u64 - kept;
        if lost > 0 {
            tracing::warn!(
                transfer.id = %delivery.transfer, resource.id = %delivery.resource, rows = lost,
                bytes_max = self.bytes_max,
                "the quarantine is full: rows are counted and not kept; look through what is there, and discard it"
            );
        }
        Ok(())
    }

    /// What became of the rows of each transfer, the latest first, and how many bytes are taken.
    pub async fn summaries(
        &self,
        resource: Option<ResourceId>,
    ) -> Result<(Vec<Summary>, u64), QuarantineError> {
        let mut transaction = self.pool.begin().await?;
        let rows = sqlx::query(
            "SELECT id, resource, grant_id, consumer, first_at, last_at, rejected, kept FROM transfer \
             WHERE ?1 IS NULL OR resource = ?1 ORDER BY last_at DESC, id LIMIT ?2",
        )
        .bind(resource.map(|resource| resource.to_string()))
        .bind(SUMMARIES_MAX)
        .fetch_all(&mut *transaction)
        .await?;
        let mut summaries = Vec::with_capacity(rows.len());
        for row in rows {
            let delivery = Delivery {
                transfer: parsed(&row, "id")?,
                resource: parsed(&row, "resource")?,
                grant: parsed(&row, "grant_id")?,
                consumer: parsed(&row, "consumer")?,
            };
            summaries.push(Summary {
                delivery,
                first_at: moment(&row, "first_at")?,
                last_at: moment(&row, "last_at")?,
                rejected: counted(&row, "rejected")?,
                kept: counted(&row, "kept")?,
                broken: broken(&mut transaction, delivery.transfer).await?,
            });
        }
        Ok((summaries, bytes(&mut transaction).await?))
    }

    /// The most bytes that rows may take.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Rows that are kept, in the order that they were found in.
    pub async fn rows(&self, wanted: &Wanted) -> Result<Vec<Kept>, QuarantineError> {
        let rows = sqlx::query(
            "SELECT id, transfer, resource, row, at, breaches, row_values FROM kept \
             WHERE id > ?1 AND (?2 IS NULL OR resource = ?2) AND (?3 IS NULL OR transfer = ?3) \
             ORDER BY id LIMIT ?4",
        )
        .bind(wanted.after)
        .bind(wanted.resource.map(|resource| resource.to_string()))
        .bind(wanted.transfer.map(|transfer| transfer.to_string()))
        .bind(i64::from(wanted.rows_max))
        .fetch_all(&self.pool)
        .await?;
        let kept = |row| {
            let breaches: Vec<(String, String)> = read(&row, "breaches")?;
            let breach = |(item, rule): (String, String)| {
                let rule: Rule = rule.parse().map_err(|_| QuarantineError::Damaged("breaches"))?;
                Ok(Breach { item, rule })
            };
            let rejected = Rejected {
                row: counted(&row, "row")?,
                breaches: breaches
                    .into_iter()
                    .map(breach)
                    .collect::<Result<_, QuarantineError>>()?,
                values: read(&row, "row_values")?,
            };
            Ok(Kept {
                id: row.try_get("id")?,
                transfer: parsed(&row, "transfer")?,
                resource: parsed(&row, "resource")?,
                at: moment(&row, "at")?,
                rejected,
            })
        };
        rows.into_iter().map(kept).collect()
    }

    /// Deletes the rows of a transfer; what was counted stands. Says how many rows there were.
    pub async fn discard(&self, transfer: TransferId) -> Result<u64, QuarantineError> {
        let id = transfer.to_string();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "UPDATE size SET bytes = bytes - (SELECT coalesce(sum(bytes), 0) FROM kept WHERE transfer = ?)",
        )
        .bind(&id)
        .execute(&mut *transaction)
        .await?;
        let deleted = sqlx::query("DELETE FROM kept WHERE transfer = ?")
            .bind(&id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE transfer SET kept = 0 WHERE id = ?")
            .bind(&id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected())
    }
}

/// Enters a transfer, if it is new, and says up to which row it was counted.
async fn enter(
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
async fn keep_rows(
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

async fn count_breaches(
    transaction: &mut Transaction<'_, Sqlite>,
    transfer: TransferId,
    rows: &[&Rejected],
) -> Result<(), QuarantineError> {
    let mut counts = std::collections::BTreeMap::new();
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

async fn broken(
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

async fn bytes(transaction: &mut Transaction<'_, Sqlite>) -> Result<u64, QuarantineError> {
    let row = sqlx::query("SELECT bytes FROM size").fetch_one(&mut **transaction).await?;
    counted(&row, "bytes")
}

type SqliteRow = sqlx::sqlite::SqliteRow;

fn row_text(row: &SqliteRow, column: &'static str) -> Result<String, QuarantineError> {
    Ok(row.try_get(column)?)
}

fn parsed<T: std::str::FromStr>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, QuarantineError> {
    row_text(row, column)?.parse().map_err(|_| QuarantineError::Damaged(column))
}

fn read<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, QuarantineError> {
    serde_json::from_str(&row_text(row, column)?).map_err(|_| QuarantineError::Damaged(column))
}

fn counted(row: &SqliteRow, column: &'static str) -> Result<u64, QuarantineError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| QuarantineError::Damaged(column))
}

fn moment(row: &SqliteRow, column: &'static str) -> Result<Timestamp, QuarantineError> {
    let microseconds: i64 = row.try_get(column)?;
    Timestamp::from_microsecond(microseconds).map_err(|_| QuarantineError::Damaged(column))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
