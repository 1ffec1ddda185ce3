//! PostgreSQL: rows come in by `COPY`, and rows and note are committed in one transaction.

use std::path::Path;
use std::str::FromStr as _;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use publicdata_types::{SubscriptionId, TransferId};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use super::cell::{Column, write_copy};
use super::columns::{self, Found};
use super::rows::{self, Stored};
use super::sql::{CHANGE, Dialect, NOTES_KEPT, ROW, Tables, column_names};
use super::steps::{Step, Steps};
use super::{Intake, Note, Sink, SinkError, Taken, Taking, check_delivered};
use crate::source::Cause;
use crate::source::tls::is_this_machine;

const KIND: &str = "postgres";
/// `COPY` is sent in pieces of about this size.
const COPY_BYTES: usize = 1 << 20;

/// A table of a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Postgres {
    options: PgConnectOptions,
    tables: Tables,
    steps: Steps,
}

/// Why a connection is not set up.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The address is none.
    #[error("`url` is not a PostgreSQL address")]
    Url,
    /// The server is elsewhere, and nothing protects the way there.
    #[error(
        "the database is not on this machine: name the file of its certificate authority as `ca`"
    )]
    Unprotected,
}

struct Intaking {
    connection: PgConnection,
    tables: Tables,
    intake: Intake,
    steps: Steps,
    rows: u64,
}

// === impl Postgres ===

impl Postgres {
    /// A sink that connects when it is used.
    pub fn new(
        url: &str,
        ca: Option<&Path>,
        named: (&str, &[String]),
        subscription: SubscriptionId,
        steps: Steps,
    ) -> Result<Self, AddressError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| AddressError::Url)?;
        let options = match ca {
            Some(ca) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca),
            None if is_local(&options) => options.ssl_mode(PgSslMode::Disable),
            None => return Err(AddressError::Unprotected),
        };
        let options = options.application_name("publicdata-node-agent").disable_statement_logging();
        let tables = Tables::new(Dialect::Postgres, named, subscription);
        Ok(Self { options, tables, steps })
    }

    async fn connect(&self) -> Result<PgConnection, SinkError> {
        let mut connection = self.options.connect().await.map_err(failed)?;
        execute(&mut connection, &self.tables.create_notes()).await?;
        Ok(connection)
    }

    async fn notes(&self, condition: &str) -> Result<Vec<Note>, SinkError> {
        let mut connection = self.connect().await?;
        let select = rows::select(&self.tables.notes(), condition);
        let found: Vec<Stored> = sqlx::query_as(AssertSqlSafe(select))
            .bind(self.tables.subscription.to_string())
            .fetch_all(&mut connection)
            .await
            .map_err(failed)?;
        let _ = connection.close().await;
        found.into_iter().map(|stored| stored.note(KIND)).collect()
    }

    async fn check_table(
        &self,
        connection: &mut PgConnection,
        schema: &SchemaRef,
    ) -> Result<(), SinkError> {
        check_delivered(&self.tables.key, schema)?;
        execute(connection, &self.tables.create_target(schema)).await?;
        let select = "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS kind \
            FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
        let found: Vec<Found> = sqlx::query_as(select)
            .bind(self.tables.target())
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        let fields: Vec<_> = schema.fields().iter().map(AsRef::as_ref).collect();
        columns::check(Dialect::Postgres, &self.tables.name, &found, &fields)
    }
}

#[async_trait]
impl Sink for Postgres {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn key(&self) -> &[String] {
        &self.tables.key
    }

    async fn last(&self) -> Result<Option<Note>, SinkError> {
        Ok(self.notes("true ORDER BY number DESC LIMIT 1").await?.pop())
    }

    async fn unconfirmed(&self) -> Result<Vec<Note>, SinkError> {
        self.notes("confirmed = 0 ORDER BY number").await
    }

    async fn confirm(&self, transfer: TransferId) -> Result<(), SinkError> {
        let mut connection = self.connect().await?;
        sqlx::query(AssertSqlSafe(rows::confirm(&self.tables.notes())))
            .bind(self.tables.subscription.to_string())
            .bind(transfer.to_string())
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        let _ = connection.close().await;
        self.steps.reach(Step::Confirmed)
    }

    async fn check(&self, schema: &SchemaRef) -> Result<(), SinkError> {
        let mut connection = self.connect().await?;
        self.check_table(&mut connection, schema).await?;
        let _ = connection.close().await;
        Ok(())
    }

    async fn begin(&self, intake: Intake) -> Result<Box<dyn Taking>, SinkError> {
        intake.check_key(&self.tables.key)?;
        let mut connection = self.connect().await?;
        self.check_table(&mut connection, &intake.schema).await?;
        execute(&mut connection, &self.tables.create_incoming(&intake.schema)).await?;
        self.steps.reach(Step::Ready)?;
        let (tables, steps) = (self.tables.clone(), self.steps.clone());
        Ok(Box::new(Intaking { connection, tables, intake, steps, rows: 0 }))
    }
}

#[async_trait]
impl Taking for Intaking {
    async fn rows(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        let names = column_names(&self.intake.schema).join(", ");
        let copy = format!("COPY {} ({ROW}, {CHANGE}, {names}) FROM STDIN", self.tables.incoming());
        let lines = lines(&self.intake, batch, self.rows)?;
        let mut sending = self.connection.copy_in_raw(&copy).await.map_err(failed)?;
        for piece in lines {
            sending.send(piece).await.map_err(failed)?;
        }
        sending.finish().await.map_err(failed)?;
        self.rows += batch.num_rows() as u64;
        self.steps.reach(Step::Rows)
    }

    async fn commit(mut self: Box<Self>, note: &Note) -> Result<Taken, SinkError> {
        let Self { connection, tables, intake, steps, .. } = &mut *self;
        steps.reach(Step::Written)?;
        let mut transaction = connection.begin().await.map_err(failed)?;
        // Whoever writes the note first goes first; another one with the same number waits, and then fails.
        if let Taken::Before = take_note(&mut transaction, tables, note).await? {
            return Ok(Taken::Before);
        }
        steps.reach(Step::Noted)?;
        for column in &tables.key {
            let select = rows::null_key(&tables.incoming(), column);
            let found = sqlx::query(AssertSqlSafe(select)).fetch_optional(&mut *transaction).await;
            if found.map_err(failed)?.is_some() {
                return Err(SinkError::KeyNull { column: column.clone() });
            }
        }
        let analyse = format!("ANALYZE {}", tables.incoming());
        for statement in
            tables.leave_last().into_iter().chain([analyse]).chain(tables.apply(intake))
        {
            execute(&mut transaction, &statement).await?;
        }
        steps.reach(Step::Applied)?;
        transaction.commit().await.map_err(failed)?;
        steps.reach(Step::Committed)?;
        let _ = self.connection.close().await;
        Ok(Taken::Now)
    }
}

async fn take_note(
    connection: &mut PgConnection,
    tables: &Tables,
    note: &Note,
) -> Result<Taken, SinkError> {
    let subscription = tables.subscription.to_string();
    let known = sqlx::query(AssertSqlSafe(rows::known(&tables.notes())))
        .bind(&subscription)
        .bind(note.transfer.to_string())
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let last: i64 = known.try_get("last").map_err(failed)?;
    let taken: i64 = known.try_get("taken").map_err(failed)?;
    if taken > 0 {
        return Ok(Taken::Before);
    }
    let stored = Stored::of(tables.subscription, note);
    if stored.number != last + 1 {
        return Err(SinkError::Overtaken);
    }
    let insert = rows::insert(&tables.notes());
    let inserted = sqlx::query(AssertSqlSafe(insert))
        .bind(&stored.subscription_id)
        .bind(stored.number)
        .bind(&stored.transfer_id)
        .bind(&stored.run)
        .bind(&stored.follows)
        .bind(stored.row_count)
        .bind(stored.row_total)
        .bind(&stored.run_began_at)
        .bind(&stored.committed_at)
        .bind(&stored.source_version)
        .bind(&stored.receipt)
        .bind(0_i64)
        .execute(&mut *connection)
        .await;
    match inserted {
        Ok(_) => {}
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            return Err(SinkError::Overtaken);
        }
        Err(error) => return Err(failed(error)),
    }
    sqlx::query(AssertSqlSafe(rows::prune(&tables.notes())))
        .bind(&subscription)
        .bind(stored.number - NOTES_KEPT)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(Taken::Now)
}

/// A batch as the text format of `COPY` has it, in pieces.
fn lines(intake: &Intake, batch: &RecordBatch, before: u64) -> Result<Vec<Vec<u8>>, SinkError> {
    let (changes, rows) = rows::split(intake, batch);
    let columns: Result<Vec<_>, _> = rows.columns().iter().map(Column::new).collect();
    let columns =
        columns.map_err(|error| SinkError::Failed { kind: KIND, source: Cause::new(error) })?;
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for row in 0..rows.num_rows() {
        piece.extend_from_slice((before + row as u64).to_string().as_bytes());
        piece.push(b'\t');
        piece.extend_from_slice(changes.word(row).as_bytes());
        for column in &columns {
            piece.push(b'\t');
            write_copy(&mut piece, &column.cell(row));
        }
        piece.push(b'\n');
        if piece.len() >= COPY_BYTES {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    Ok(pieces)
}

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<(), SinkError> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map_err(failed)?;
    Ok(())
}

fn failed(error: sqlx::Error) -> SinkError {
    rows::failed(KIND, error)
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some() || host.starts_with('/') || is_this_machine(host)
}
