//! What is pushed, and where to.

use std::collections::HashSet;
use std::path::PathBuf;

use publicdata_exchange_domain::subscription::Trigger;
use publicdata_types::GrantId;
use serde::Deserialize;

use super::{ConfigError, ConnectorKind, DatasetConfig, Secret};

const ROWS_PER_DELIVERY: u64 = 1_000_000;
const POLL_MS: u64 = 500;

/// How a database says what has changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangesConfig {
    /// A column that has a value in every row, which is greater in rows that changed later. Deletions are not seen by it.
    pub watermark: Option<String>,
    /// In place of a watermark, for a table of `postgres`: the publication that holds it, by which deletions are seen as well.
    pub publication: Option<String>,
    /// The replication slot, which is made if it is missing; this node's own, named after the resource without it.
    pub slot: Option<String>,
    /// How many seconds before the newest watermark rows are read again next time, since a transaction may end after another one that
    /// began later; for `postgres`.
    #[serde(default)]
    pub overlap_s: u64,
    /// The most rows in one delivery.
    #[serde(default = "rows_per_delivery")]
    pub rows_per_delivery: u64,
    /// How often it is looked whether something has changed.
    #[serde(default = "poll_ms")]
    pub poll_ms: u64,
}

/// A subscription of the node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionConfig {
    /// Its name; unique in this node, and not to be changed.
    pub name: String,
    /// The grant (UUID).
    pub grant_id: String,
    /// The fields wanted; empty for all that the grant gives.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The purpose of this use.
    pub purpose: String,
    /// The case that it is for.
    #[serde(default)]
    pub case_number: String,
    /// When a delivery is due: "once", "on-change", "every 15m" or "daily 02:30".
    pub trigger: String,
    /// When everything is delivered anew, so that what was deleted at the source goes: "every 7d" or "daily 03:00".
    pub refresh: Option<String>,
    /// When source and sink are compared (R10.1): "every 1d" or "daily 03:30"; never, but when somebody asks for it, without it. For
    /// postgres and sqlite.
    pub reconcile: Option<String>,
    /// Where rows go.
    pub sink: SinkConfig,
}

/// Where pushed rows go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// What kind of sink it is.
    pub kind: SinkKind,
    /// The file of `sqlite`, the folder of `csv` and `parquet`.
    pub path: Option<PathBuf>,
    /// The database of `postgres`, such as `postgresql://writer@localhost/warehouse`.
    pub url: Option<Secret>,
    /// The certificate authority of a database on another machine, PEM.
    pub ca: Option<PathBuf>,
    /// The table, with its schema before a dot if need be; of folders, how the files' names begin.
    pub table: String,
    /// The columns that identify a row; needed for changes.
    #[serde(default)]
    pub key: Vec<String>,
}

/// The kinds of sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A folder of CSV files.
    Csv,
    /// A folder of Parquet files.
    Parquet,
}

impl ChangesConfig {
    /// Checks what is to be seen of a dataset's changes.
    pub(super) fn check(&self, dataset: &DatasetConfig) -> Result<(), &'static str> {
        let is_postgres = dataset.connector == ConnectorKind::Postgres;
        if dataset.connector == ConnectorKind::Mysql {
            return Err("`changes` is for postgres and sqlite; mysql is delivered whole");
        }
        if self.overlap_s > 0 && !is_postgres {
            return Err(
                "`changes.overlap_s` is for postgres; SQLite commits in the order of its writers",
            );
        }
        match (&self.watermark, &self.publication) {
            (Some(_), Some(_)) | (None, None) => {
                Err("name one of `changes.watermark` and `changes.publication`")
            }
            (Some(_), None) if self.slot.is_some() => {
                Err("`changes.slot` goes with `changes.publication`")
            }
            (None, Some(_)) if !is_postgres || dataset.table.is_none() => {
                Err("`changes.publication` is for a `table` of postgres; others have a watermark")
            }
            (None, Some(_)) if self.overlap_s > 0 => {
                Err("`changes.overlap_s` goes with `changes.watermark`")
            }
            (None, Some(_)) if self.slot.as_deref().is_some_and(|slot| !is_slot_name(slot)) => Err(
                "`changes.slot` is no name of a slot: small letters, digits and underscores, 63 at most",
            ),
            (Some(_), None) | (None, Some(_)) => Ok(()),
        }
    }
}

fn is_slot_name(name: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=63).contains(&name.len()) && name.bytes().all(is_letter)
}

impl SubscriptionConfig {
    /// When a delivery is due.
    pub fn trigger(&self) -> Result<Trigger, String> {
        self.trigger.parse().map_err(|error| format!("{error}"))
    }

    /// When everything is delivered anew, if ever.
    pub fn refresh(&self) -> Result<Option<Trigger>, String> {
        scheduled("refresh", self.refresh.as_deref())
    }

    /// When source and sink are compared, if ever of itself.
    pub fn reconcile(&self) -> Result<Option<Trigger>, String> {
        scheduled("reconcile", self.reconcile.as_deref())
    }

    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("`name` is empty".to_owned());
        }
        if self.grant_id.parse::<GrantId>().is_err() {
            return Err("`grant_id` is not a UUID".to_owned());
        }
        if self.purpose.trim().is_empty() {
            return Err("`purpose` is empty; name the one that was granted".to_owned());
        }
        self.trigger()?;
        self.refresh()?;
        let is_table = matches!(self.sink.kind, SinkKind::Sqlite | SinkKind::Postgres);
        if self.reconcile()?.is_some() && !is_table {
            return Err("`reconcile` is for postgres and sqlite".to_owned());
        }
        self.sink.check().map_err(str::to_owned)
    }
}

impl SinkConfig {
    fn check(&self) -> Result<(), &'static str> {
        if self.table.is_empty() {
            return Err("`sink.table` is empty");
        }
        match self.kind {
            SinkKind::Postgres if self.url.is_none() => {
                Err("`sink.url` is missing; write postgresql://user@host/database")
            }
            SinkKind::Postgres if self.path.is_some() => {
                Err("`sink.path` is for files; name the database as `sink.url`")
            }
            SinkKind::Postgres => Ok(()),
            SinkKind::Sqlite | SinkKind::Csv | SinkKind::Parquet if self.path.is_none() => {
                Err("`sink.path` is missing")
            }
            SinkKind::Sqlite | SinkKind::Csv | SinkKind::Parquet
                if self.url.is_some() || self.ca.is_some() =>
            {
                Err("`sink.url` and `sink.ca` are for postgres")
            }
            SinkKind::Csv | SinkKind::Parquet if self.table.contains('/') => {
                Err("`sink.table` of a folder is how files' names begin, without `/`")
            }
            SinkKind::Sqlite | SinkKind::Csv | SinkKind::Parquet => Ok(()),
        }
    }
}

pub(super) fn validate(subscriptions: &[SubscriptionConfig]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    for (index, subscription) in subscriptions.iter().enumerate() {
        let number = index + 1;
        let error = |message| ConfigError::Subscription { number, message };
        subscription.check().map_err(error)?;
        if !names.insert(&subscription.name) {
            return Err(error(format!("name {} is taken already", subscription.name)));
        }
    }
    Ok(())
}

/// A schedule that may be left out.
pub(super) fn scheduled(key: &str, text: Option<&str>) -> Result<Option<Trigger>, String> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(trigger @ (Trigger::Every { .. } | Trigger::Daily { .. })) => Ok(Some(trigger)),
        Ok(Trigger::Once | Trigger::OnChange) | Err(_) => {
            Err(format!("`{key}` is none of `every 7d` and `daily 03:00`"))
        }
    }
}

const fn rows_per_delivery() -> u64 {
    ROWS_PER_DELIVERY
}

const fn poll_ms() -> u64 {
    POLL_MS
}

#[cfg(test)]
mod tests;
