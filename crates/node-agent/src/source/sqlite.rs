//! SQLite databases, opened read-only.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use sqlx::{Column as _, SqlSafeStr as _};
use sqlx::{Row as _, SqliteConnection, Statement as _, TypeInfo as _, ValueRef as _};

use super::batch::Rows;
use super::sql::{self, Dialect, Relation};
use super::value::Value;
use super::{
    Batches, Connector, Origin, Reading, RowFilter, Sender, SourceError, check_columns, produce,
};
use crate::changes::Database;

/// A SQLite database.
#[derive(Clone, Debug)]
pub struct Sqlite {
    /// Which source.
    pub origin: Origin,
    /// The file.
    pub path: PathBuf,
    /// The table or query, and its order.
    pub relation: Relation,
}

#[async_trait]
impl Connector for Sqlite {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    async fn columns(&self) -> Result<Vec<String>, SourceError> {
        let mut connection = self.connect().await?;
        let columns = self.describe(&mut connection).await;
        let _ = connection.close().await;
        columns
    }

    fn read(&self, readings: Vec<Reading>, filter: Option<RowFilter>) -> Batches {
        let this = self.clone();
        produce(move |sender| async move { this.send(&readings, filter.as_ref(), &sender).await })
    }

    fn dialect(&self) -> Option<Dialect> {
        Some(Dialect::Sqlite)
    }

    fn with_relation(&self, relation: Relation) -> Option<Arc<dyn Connector>> {
        Some(Arc::new(Self { relation, ..self.clone() }))
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn ask(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, SourceError> {
        let mut connection = self.connect().await?;
        let found = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await;
        let _ = connection.close().await;
        let row = |row: &SqliteRow| (0..row.len()).map(|column| row.try_get(column)).collect();
        let rows: Result<_, _> = found.and_then(|found| found.iter().map(row).collect());
        rows.map_err(|error| SourceError::broken(&self.origin, error))
    }

    fn reading(&self, relation: Relation) -> Arc<dyn Connector> {
        Arc::new(Self { relation, ..self.clone() })
    }
}

impl Sqlite {
    async fn connect(&self) -> Result<SqliteConnection, SourceError> {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .disable_statement_logging()
            .connect()
            .await
            .map_err(|error| SourceError::unavailable(&self.origin, error))
    }

    async fn describe(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<String>, SourceError> {
        let query = AssertSqlSafe(sql::describe(&self.relation)).into_sql_str();
        let statement = connection
            .prepare(query)
            .await
            .map_err(|error| SourceError::unavailable(&self.origin, error))?;
        Ok(statement.columns().iter().map(|column| column.name().to_owned()).collect())
    }

    async fn send(
        &self,
        readings: &[Reading],
        filter: Option<&RowFilter>,
        sender: &Sender,
    ) -> Result<(), SourceError> {
        let mut connection = self.connect().await?;
        check_columns(&self.origin, readings, &self.describe(&mut connection).await?)?;

        let columns: Vec<String> =
            readings.iter().map(|reading| sql::qualified(&reading.column)).collect();
        // SQLite stores times as any text, so only the typed values can be compared.
        let filter = filter.filter(|filter| !filter.names_timestamps());
        let query = sql::select(&self.relation, &columns, filter, Dialect::Sqlite);
        let mut found = sqlx::query(AssertSqlSafe(query)).fetch(&mut connection);

        let mut rows = Rows::new(self.origin.clone(), readings);
        while let Some(row) =
            found.try_next().await.map_err(|error| SourceError::broken(&self.origin, error))?
        {
            for column in 0..readings.len() {
                push(&mut rows, &row, column)?;
            }
            if let Some(batch) = rows.end_row()?
                && sender.send(Ok(batch)).await.is_err()
            {
                return Ok(());
            }
        }
        if let Some(batch) = rows.finish()? {
            let _ = sender.send(Ok(batch)).await;
        }
        Ok(())
    }
}

/// In SQLite each value has a type of its own, whatever the column's.
fn push(rows: &mut Rows, row: &SqliteRow, column: usize) -> Result<(), SourceError> {
    let mismatch = |rows: &Rows| rows.mismatch(column);
    let raw = row.try_get_raw(column).map_err(|_| mismatch(rows))?;
    if raw.is_null() {
        return rows.push(column, Value::Null);
    }

    let kind = raw.type_info().into_owned();
    match kind.name() {
        "INTEGER" => {
            let number = row.try_get_unchecked(column).map_err(|_| mismatch(rows))?;
            rows.push(column, Value::Integer(number))
        }
        "REAL" => {
            let number = row.try_get_unchecked(column).map_err(|_| mismatch(rows))?;
            rows.push(column, Value::Double(number))
        }
        "TEXT" => {
            let text: &str = row.try_get_unchecked(column).map_err(|_| mismatch(rows))?;
            rows.push(column, Value::Text(text))
        }
        _ => {
            let bytes: &[u8] = row.try_get_unchecked(column).map_err(|_| mismatch(rows))?;
            rows.push(column, Value::Bytes(bytes))
        }
    }
}
