//! Writers of a Postgres with its own settings of what it syncs (`fsync` and `synchronous_commit` on), each with a connection of
//! its own and a prepared statement. Postgres syncs what commits at the same time at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr as _;

use anyhow::{Context as _, ensure};
use publicdata_views::testing::{TestPostgres, postgres_that_syncs};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tokio::process::Command;
use uuid::Uuid;

use super::Writer;
use crate::bench::{Setting, entry, psql};

/// The two tables that an event store takes, and the function that appends: as plain as it gets.
const TABLES: &str = "
CREATE TABLE aggregates (id text PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate text NOT NULL,
    version bigint NOT NULL,
    command_id uuid NOT NULL UNIQUE,
    data bytea NOT NULL,
    UNIQUE (aggregate, version)
);
CREATE FUNCTION append(to_aggregate text, expected bigint, command uuid, what bytea) RETURNS bigint AS $$
BEGIN
    IF expected = 0 THEN
        INSERT INTO aggregates VALUES (to_aggregate, 1) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE aggregates SET version = version + 1 WHERE id = to_aggregate AND version = expected;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% has changed since %', to_aggregate, expected;
    END IF;
    INSERT INTO events (aggregate, version, command_id, data) VALUES (to_aggregate, expected + 1, command, what);
    RETURN expected + 1;
END $$ LANGUAGE plpgsql";

/// A server that has what a rival's writers need.
pub(super) struct Database {
    server: TestPostgres,
}

/// A rival's writer, which begins with its connection.
pub(super) trait Connects: Writer {
    fn new(connection: PgConnection) -> anyhow::Result<Self>;
}

impl Database {
    /// With Message DB, as its own script installs it.
    pub(super) async fn with_message_db(setting: &Setting) -> anyhow::Result<Self> {
        let script = setting.message_db.join("install.sh");
        ensure!(
            script.is_file(),
            "{} is missing: run `deploy/setup npm-data`, or name Message DB's folder with --message-db",
            script.display()
        );
        let database = Self { server: postgres_that_syncs(&setting.folder) };
        install(&script, database.server.socket()).await?;
        Ok(database)
    }

    pub(super) async fn with_two_tables(setting: &Setting) -> anyhow::Result<Self> {
        let database = Self { server: postgres_that_syncs(&setting.folder) };
        psql::run(&database.server.url(), &[TABLES]).await?;
        Ok(database)
    }

    pub(super) async fn writers<W: Connects>(&self, count: u32) -> anyhow::Result<Vec<W>> {
        let mut writers = Vec::new();
        for _ in 0..count {
            // Message DB's functions name one another without their schema.
            let options = PgConnectOptions::from_str(&self.server.url())?
                .options([("search_path", "message_store,public")]);
            writers.push(W::new(options.connect().await?)?);
        }
        Ok(writers)
    }

    /// Every append left one row, and the server syncs.
    pub(super) async fn verify(&self, table: &str, appended: u64) -> anyhow::Result<()> {
        let mut connection = PgConnectOptions::from_str(&self.server.url())?.connect().await?;
        let count = format!("SELECT count(*) FROM {table}");
        let stored: i64 =
            sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await?;
        ensure!(u64::try_from(stored)? == appended, "{stored} rows, not {appended}");
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let show = AssertSqlSafe(format!("SHOW {setting}"));
            let value: String = sqlx::query_scalar(show).fetch_one(&mut connection).await?;
            ensure!(value == "on", "{setting} is {value}");
        }
        Ok(())
    }

    pub(super) async fn versions(&self) -> anyhow::Result<BTreeMap<&'static str, String>> {
        psql::versions(&self.server.url()).await
    }
}

async fn install(script: &Path, socket: &Path) -> anyhow::Result<()> {
    let installed = Command::new("bash")
        .arg(script)
        .env("PGHOST", socket)
        .env("PGUSER", "postgres")
        .env("DATABASE_NAME", "postgres")
        .env("CREATE_DATABASE", "off")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run bash, which installs Message DB")?;
    ensure!(
        installed.status.success(),
        "Message DB was not installed: {}",
        String::from_utf8_lossy(&installed.stderr)
    );
    Ok(())
}

/// A stream of one category, as all aggregates of a kind are.
pub(super) struct MessageDb {
    connection: PgConnection,
    stream: String,
    version: i64,
    data: String,
}

impl Connects for MessageDb {
    fn new(connection: PgConnection) -> anyhow::Result<Self> {
        let stream = format!("resource-{}", Uuid::new_v4());
        // JSON of as many bytes as our commits have.
        let (before, after) = (r#"{"data": ""#, r#""}"#);
        let filling = entry::commit()?.encode().len() - before.len() - after.len();
        let data = format!("{before}{}{after}", "x".repeat(filling));
        Ok(Self { connection, stream, version: -1, data })
    }
}

impl Writer for MessageDb {
    async fn append(&mut self) -> anyhow::Result<()> {
        const WRITE: &str = "SELECT write_message($1, $2, 'Drafted', $3::jsonb, NULL, $4)";

        self.version = sqlx::query_scalar(WRITE)
            .bind(Uuid::new_v4().to_string())
            .bind(&self.stream)
            .bind(&self.data)
            .bind(self.version)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(())
    }
}

pub(super) struct TwoTables {
    connection: PgConnection,
    aggregate: String,
    version: i64,
    data: Vec<u8>,
}

impl Connects for TwoTables {
    fn new(connection: PgConnection) -> anyhow::Result<Self> {
        let (aggregate, data) = (Uuid::new_v4().to_string(), entry::commit()?.encode().to_vec());
        Ok(Self { connection, aggregate, version: 0, data })
    }
}

impl Writer for TwoTables {
    async fn append(&mut self) -> anyhow::Result<()> {
        self.version = sqlx::query_scalar("SELECT append($1, $2, $3::uuid, $4)")
            .bind(&self.aggregate)
            .bind(self.version)
            .bind(Uuid::new_v4().to_string())
            .bind(&self.data)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(())
    }
}
