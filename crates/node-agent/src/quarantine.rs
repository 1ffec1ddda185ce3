//! Rows that were not delivered because they break a rule (R17.2), kept for their own department.
//!
//! A SQLite file that the node's account alone may read: rows hold personal data. It may take so many bytes and no more;
//! beyond that, rows are counted and not kept, and whoever runs the node is told. A row that is met again when a transfer
//! is resumed is neither kept nor counted twice.

pub mod answer;

mod table;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use publicdata_types::quality::Rule;
use publicdata_types::{GrantId, OrganisationCode, ResourceId, TransferId};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};

use crate::quality::{Breach, Rejected};
use table::{
    SCHEMA, broken, bytes, count_breaches, counted, enter, keep_rows, moment, parsed, read, signed,
};

/// How many bytes the rows kept may take.
pub const BYTES_MAX: u64 = 256 << 20;

const FILE: &str = "quarantine.db";
const SUMMARIES_MAX: i64 = 500;

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

#[cfg(test)]
mod tests;
