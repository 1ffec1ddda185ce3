//! Where deliveries ended, and what has changed since: an SQLite file in the node's own folder.

mod followed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use publicdata_proto::exchange::v1::TransferRequest;
use publicdata_types::{Digest, ResourceId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};
use tokio::fs::OpenOptions;
use tokio::sync::Mutex;

use super::Range;

pub(crate) use followed::Followed;

const FILE: &str = "push.db";
/// So many deliveries of a subscription are remembered: a consumer whose sink was restored from a copy goes on from there.
const KEPT: i64 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Ranges by subscription and transfer. Cheap to clone; opened when it is first used.
#[derive(Clone)]
pub struct Cursors {
    path: PathBuf,
    options: SqliteConnectOptions,
    connection: Arc<Mutex<Option<SqliteConnection>>>,
}

/// What was delivered cannot be remembered.
#[derive(Debug, thiserror::Error)]
#[error("`push.db` in the node's folder cannot be used")]
pub struct CursorsError(#[from] sqlx::Error);

impl Cursors {
    /// The cursors in this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        Self { path, options, connection: Arc::default() }
    }

    /// The range of a transfer that was begun before, if what is asked for is the same.
    pub async fn of(
        &self,
        transfer: &str,
        request: &TransferRequest,
    ) -> Result<Option<Range>, CursorsError> {
        let select = "SELECT range FROM cursor \
            WHERE subscription = $1 AND transfer = $2 AND asked = $3";
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        let row = sqlx::query(select)
            .bind(&request.subscription_id)
            .bind(transfer)
            .bind(asked(request))
            .fetch_optional(connection)
            .await?;
        let range = row.map(|row| row.try_get::<String, _>("range")).transpose()?;
        Ok(range.and_then(|range| serde_json::from_str(&range).ok()))
    }

    /// Remembers the range of a transfer, before anything of it is sent.
    pub async fn remember(
        &self,
        request: &TransferRequest,
        range: &Range,
        at: Timestamp,
    ) -> Result<(), CursorsError> {
        use sqlx::Connection as _;

        // A struct of texts always has a JSON form.
        let range = serde_json::to_string(range).unwrap_or_default();
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        let mut transaction = connection.begin().await?;
        sqlx::query(
            "INSERT OR REPLACE INTO cursor (subscription, transfer, asked, range, at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&request.subscription_id)
        .bind(&request.transfer_id)
        .bind(asked(request))
        .bind(range)
        .bind(at.to_string())
        .execute(&mut *transaction)
        .await?;
        // Attempts that failed must not push out the one that the consumer has.
        sqlx::query(
            "DELETE FROM cursor WHERE subscription = $1 AND transfer <> $2 AND number NOT IN \
             (SELECT number FROM cursor WHERE subscription = $1 ORDER BY number DESC LIMIT $3)",
        )
        .bind(&request.subscription_id)
        .bind(&request.after_transfer_id)
        .bind(KEPT)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// How a state of a source is named to others: it tells them nothing but that it is another one.
    pub async fn version(&self, resource: ResourceId, state: &str) -> Result<String, CursorsError> {
        let salt = self.salt().await?;
        Ok(Digest::of(format!("{salt} {resource} {state}")).to_string())
    }

    /// A secret of this node.
    async fn salt(&self) -> Result<String, CursorsError> {
        let fresh = hex::encode(rand::random::<[u8; 32]>());
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        sqlx::query("INSERT OR IGNORE INTO salt (id, value) VALUES (1, $1)")
            .bind(fresh)
            .execute(&mut *connection)
            .await?;
        let row = sqlx::query("SELECT value FROM salt").fetch_one(connection).await?;
        Ok(row.try_get("value")?)
    }

    async fn open<'a>(
        &self,
        connection: &'a mut Option<SqliteConnection>,
    ) -> Result<&'a mut SqliteConnection, CursorsError> {
        if connection.is_none() {
            // Positions and keys are values of rows. SQLite gives its journal the mode of the file.
            let mut private = OpenOptions::new();
            private.append(true).create(true).mode(0o600);
            private.open(&self.path).await.map_err(sqlx::Error::from)?;
            let mut opened = self.options.connect().await?;
            sqlx::raw_sql(
                "CREATE TABLE IF NOT EXISTS cursor (number INTEGER PRIMARY KEY AUTOINCREMENT, \
                 subscription TEXT NOT NULL, transfer TEXT NOT NULL, asked TEXT NOT NULL, \
                 range TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (subscription, transfer)); \
                 CREATE TABLE IF NOT EXISTS salt (id INTEGER PRIMARY KEY, value TEXT NOT NULL); \
                 CREATE TABLE IF NOT EXISTS followed (resource TEXT PRIMARY KEY, \
                 source TEXT NOT NULL, epoch TEXT NOT NULL, confirmed INTEGER NOT NULL, \
                 last INTEGER NOT NULL, whole_since INTEGER NOT NULL); \
                 CREATE TABLE IF NOT EXISTS changed (resource TEXT NOT NULL, key TEXT NOT NULL, \
                 number INTEGER NOT NULL, PRIMARY KEY (resource, key)) WITHOUT ROWID; \
                 CREATE INDEX IF NOT EXISTS changed_number ON changed (resource, number)",
            )
            .execute(&mut opened)
            .await?;
            *connection = Some(opened);
        }
        connection.as_mut().ok_or(CursorsError(sqlx::Error::PoolClosed))
    }
}

/// What is asked for. Whoever asks for other fields, or under another grant, has to begin anew: rows that did not change may be
/// new to it.
fn asked(request: &TransferRequest) -> String {
    let words = [&request.consumer_code, &request.grant_id];
    let words: Vec<&str> = words.into_iter().chain(&request.fields).map(String::as_str).collect();
    Digest::of(words.join("\n")).to_string()
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors")
    }
}
