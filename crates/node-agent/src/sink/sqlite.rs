//! SQLite: rows wait in a temporary table, and rows and note are committed in one transaction.

use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use publicdata_types::{SubscriptionId, TransferId};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteSynchronous};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
};

use super::cell::{Cell, Column};
use super::columns::{self, Found};
use super::rows::{self, Stored};
use super::sql::{CHANGE, Dialect, NOTES_KEPT, ROW, Tables, column_names};
use super::steps::{Step, Steps};
use super::{Intake, Note, Sink, SinkError, Taken, Taking, check_delivered};
use crate::source::Cause;

const KIND: &str = "sqlite";
/// How long another writer is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Values in one statement; SQLite allows 32,766.
const VALUES_MAX: usize = 8_000;

/// A table of an SQLite file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    options: SqliteConnectOptions,
    tables: Tables,
    steps: Steps,
}

struct Intaking {
    connection: SqliteConnection,
    tables: Tables,
    intake: Intake,
    steps: Steps,
    rows: u64,
}

// === impl Sqlite ===

impl Sqlite {
    /// A sink that opens the file when it is used, and makes it if it is missing.
    #[must_use]
    pub fn new(
        path: &Path,
        named: (&str, &[String]),
        subscription: SubscriptionId,
        steps: Steps,
    ) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            // What was committed is on disk.
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        Self { options, tables: Tables::new(Dialect::Sqlite, named, subscription), steps }
    }

    async fn connect(&self) -> Result<SqliteConnection, SinkError> {
        let opened = self.options.connect().await;
        // A file that cannot be opened is no failure of SQLite's.
        let mut connection = opened
            .map_err(|error| SinkError::Unavailable { kind: KIND, source: rows::cause(error) })?;
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
        connection: &mut SqliteConnection,
        schema: &SchemaRef,
    ) -> Result<(), SinkError> {
        check_delivered(&self.tables.key, schema)?;
        execute(connection, &self.tables.create_target(schema)).await?;
        let select = "SELECT name, lower(type) AS kind FROM pragma_table_info($1)";
        let mut found: Vec<Found> = sqlx::query_as(select)
            .bind(&self.tables.name)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        for Found { kind, .. } in &mut found {
            // A length says nothing in SQLite.
            *kind = kind.split('(').next().unwrap_or_default().trim().to_owned();
        }
        let fields: Vec<_> = schema.fields().iter().map(AsRef::as_ref).collect();
        columns::check(Dialect::Sqlite, &self.tables.name, &found, &fields)
    }
}

#[async_trait]
impl Sink for Sqlite {
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
        let inserts = self.inserts(batch)?;
        let mut transaction = self.connection.begin().await.map_err(failed)?;
        for (statement, values) in inserts {
            let query = sqlx::query_with(AssertSqlSafe(statement), values);
            query.execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        self.rows += batch.num_rows() as u64;
        self.steps.reach(Step::Rows)
    }

    async fn commit(mut self: Box<Self>, note: &Note) -> Result<Taken, SinkError> {
        let Self { connection, tables, intake, steps, .. } = &mut *self;
        steps.reach(Step::Written)?;
        // Outside of the transaction, so that other writers wait for what has to be together alone.
        for column in &tables.key {
            let select = rows::null_key(&tables.incoming(), column);
            let found = sqlx::query(AssertSqlSafe(select)).fetch_optional(&mut *connection).await;
            if found.map_err(failed)?.is_some() {
                return Err(SinkError::KeyNull { column: column.clone() });
            }
        }
        for statement in tables.leave_last() {
            execute(connection, &statement).await?;
        }
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        if let Taken::Before = take_note(&mut transaction, tables, note).await? {
            return Ok(Taken::Before);
        }
        steps.reach(Step::Noted)?;
        for statement in tables.apply(intake) {
            execute(&mut transaction, &statement).await?;
        }
        steps.reach(Step::Applied)?;
        transaction.commit().await.map_err(failed)?;
        steps.reach(Step::Committed)?;
        let _ = self.connection.close().await;
        Ok(Taken::Now)
    }
}

impl Intaking {
    /// The statements that take a batch in, with their values.
    fn inserts(&self, batch: &RecordBatch) -> Result<Vec<(String, SqliteArguments)>, SinkError> {
        let broken = |source| SinkError::Failed { kind: KIND, source };
        let (changes, rows) = rows::split(&self.intake, batch);
        let columns: Result<Vec<_>, _> = rows.columns().iter().map(Column::new).collect();
        let columns = columns.map_err(|error| broken(Cause::new(error)))?;
        let names = column_names(&self.intake.schema).join(", ");
        let into = format!("INSERT INTO {} ({ROW}, {CHANGE}, {names})", self.tables.incoming());
        let width = columns.len() + 2;
        let at_once = (VALUES_MAX / width).max(1);
        let mut inserts = Vec::new();
        for start in (0..rows.num_rows()).step_by(at_once) {
            let end = rows.num_rows().min(start + at_once);
            let places = format!("({})", vec!["?"; width].join(", "));
            let values = vec![places; end - start].join(", ");
            let mut arguments = SqliteArguments::default();
            for row in start..end {
                let number = i64::try_from(self.rows + row as u64).unwrap_or(i64::MAX);
                add(&mut arguments, Cell::Integer(number))?;
                add(&mut arguments, Cell::Text(changes.word(row).into()))?;
                for column in &columns {
                    add(&mut arguments, column.cell(row))?;
                }
            }
            inserts.push((format!("{into} VALUES {values}"), arguments));
        }
        Ok(inserts)
    }
}

async fn take_note(
    connection: &mut SqliteConnection,
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
    sqlx::query(AssertSqlSafe(insert))
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
        .await
        .map_err(failed)?;
    sqlx::query(AssertSqlSafe(rows::prune(&tables.notes())))
        .bind(&subscription)
        .bind(stored.number - NOTES_KEPT)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(Taken::Now)
}

fn add(arguments: &mut SqliteArguments, cell: Cell<'_>) -> Result<(), SinkError> {
    let added = match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Text(text) => arguments.add(text.into_owned()),
        Cell::Integer(number) => arguments.add(number),
        Cell::Double(number) => arguments.add(number),
        Cell::Logical(value) => arguments.add(value),
        Cell::Bytes(bytes) => arguments.add(bytes.to_vec()),
    };
    added.map_err(|error| failed(sqlx::Error::Encode(error)))
}

async fn execute(connection: &mut SqliteConnection, statement: &str) -> Result<(), SinkError> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map_err(failed)?;
    Ok(())
}

fn failed(error: sqlx::Error) -> SinkError {
    rows::failed(KIND, error)
}
