//! MySQL and MariaDB databases, read in the text protocol: values come as the database writes them, so decimals lose no digit.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use publicdata_types::ItemType;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Executor as _, Row as _};
use sqlx::{SqlSafeStr as _, Statement as _, TypeInfo as _, ValueRef as _};

use super::batch::Rows;
use super::sql::{self, Dialect, Relation};
use super::tls::{TlsRuleError, is_this_machine};
use super::value::Value;
use super::{
    Batches, Cause, Connector, Origin, Reading, RowFilter, Sender, SourceError, check_columns,
    produce,
};

/// What every session is set to: names in double quotes and no other escape in texts than the doubled quote, as the queries are
/// written; times of China; and nothing is changed.
const SESSION: &str = "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', \
    time_zone = '+08:00'; SET SESSION TRANSACTION READ ONLY";

/// A MySQL or MariaDB database.
#[derive(Clone)]
pub struct Mysql {
    /// Which source.
    pub origin: Origin,
    /// Where it is, as whom to read, and how the connection is protected.
    pub options: MySqlConnectOptions,
    /// The table or query, and its order.
    pub relation: Relation,
}

/// A column as the database has it.
struct Described {
    name: String,
    kind: String,
}

/// What the database answered, without the values that its own message may quote (H5).
#[derive(Debug)]
struct Answer(String);

/// How to connect: without TLS on this machine alone, else with certificates from these roots, for this name.
///
/// # Errors
/// The server is elsewhere, and no roots are named.
pub fn protected(
    options: MySqlConnectOptions,
    ca: Option<&Path>,
) -> Result<MySqlConnectOptions, TlsRuleError> {
    let is_local = options.get_socket().is_some() || is_this_machine(options.get_host());
    match ca {
        Some(ca) => Ok(options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(ca)),
        None if is_local => Ok(options.ssl_mode(MySqlSslMode::Disabled)),
        None => Err(TlsRuleError::RootsMissing),
    }
}

#[async_trait]
impl Connector for Mysql {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    async fn columns(&self) -> Result<Vec<String>, SourceError> {
        let mut connection = self.connect().await?;
        let described = self.describe(&mut connection).await?;
        Ok(described.into_iter().map(|column| column.name).collect())
    }

    fn read(&self, readings: Vec<Reading>, filter: Option<RowFilter>) -> Batches {
        let this = self.clone();
        produce(move |sender| async move { this.send(&readings, filter.as_ref(), &sender).await })
    }

    fn dialect(&self) -> Option<Dialect> {
        Some(Dialect::Mysql)
    }

    fn with_relation(&self, relation: Relation) -> Option<Arc<dyn Connector>> {
        Some(Arc::new(Self { relation, ..self.clone() }))
    }
}

impl Mysql {
    async fn connect(&self) -> Result<MySqlConnection, SourceError> {
        let unavailable = |error| self.unavailable(error);
        let options = self.options.clone().charset("utf8mb4").disable_statement_logging();
        let mut connection = options.connect().await.map_err(unavailable)?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await.map_err(unavailable)?;
        Ok(connection)
    }

    async fn describe(
        &self,
        connection: &mut MySqlConnection,
    ) -> Result<Vec<Described>, SourceError> {
        let query = AssertSqlSafe(sql::describe(&self.relation)).into_sql_str();
        let statement = connection.prepare(query).await.map_err(|error| self.unavailable(error))?;
        let described = statement.columns().iter().map(|column| Described {
            name: column.name().to_owned(),
            kind: column.type_info().name().to_owned(),
        });
        Ok(described.collect())
    }

    async fn send(
        &self,
        readings: &[Reading],
        filter: Option<&RowFilter>,
        sender: &Sender,
    ) -> Result<(), SourceError> {
        let mut connection = self.connect().await?;
        let described = self.describe(&mut connection).await?;
        let names: Vec<String> = described.iter().map(|column| column.name.clone()).collect();
        check_columns(&self.origin, readings, &names)?;

        let columns: Vec<String> =
            readings.iter().map(|reading| sql::qualified(&reading.column)).collect();
        let filter = filter
            .filter(|filter| filter.readings.iter().all(|reading| comparable(&described, reading)));
        let query = sql::select(&self.relation, &columns, filter, Dialect::Mysql);
        let mut found = sqlx::raw_sql(AssertSqlSafe(query)).fetch(&mut connection);

        let mut rows = Rows::new(self.origin.clone(), readings);
        while let Some(row) = found.try_next().await.map_err(|error| self.broken(error))? {
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

    fn unavailable(&self, error: sqlx::Error) -> SourceError {
        SourceError::Unavailable { origin: self.origin.clone(), source: cause(error) }
    }

    fn broken(&self, error: sqlx::Error) -> SourceError {
        SourceError::Broken { origin: self.origin.clone(), row: None, source: cause(error) }
    }
}

impl fmt::Debug for Mysql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mysql").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Every value is a text here, but for bytes.
fn push(rows: &mut Rows, row: &MySqlRow, column: usize) -> Result<(), SourceError> {
    let mismatch = |rows: &Rows| rows.mismatch(column);
    let raw = row.try_get_raw(column).map_err(|_| mismatch(rows))?;
    if raw.is_null() {
        return rows.push(column, Value::Null);
    }
    let bytes: &[u8] = row.try_get_unchecked(column).map_err(|_| mismatch(rows))?;
    let value = match row.columns()[column].type_info().name() {
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BIT"
        | "GEOMETRY" => Value::Bytes(bytes),
        _ => Value::Text(std::str::from_utf8(bytes).map_err(|_| mismatch(rows))?),
    };
    rows.push(column, value)
}

/// Whether the database compares this column as the catalogue's type would be compared.
fn comparable(described: &[Described], reading: &Reading) -> bool {
    let column = described.iter().find(|column| column.name == reading.column);
    let kind = column.map_or("", |column| column.kind.trim_end_matches(" UNSIGNED"));
    match reading.kind {
        ItemType::Text | ItemType::Memo => {
            matches!(kind, "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT")
        }
        ItemType::Number | ItemType::Money | ItemType::Integer => {
            matches!(kind, "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "DECIMAL")
        }
        ItemType::Double => kind == "DOUBLE",
        ItemType::Date => kind == "DATE",
        ItemType::Logical => kind == "BOOLEAN",
        ItemType::Float | ItemType::Timestamp | ItemType::General => false,
    }
}

fn cause(error: sqlx::Error) -> Cause {
    match error.as_database_error() {
        Some(answer) => Cause::new(Answer(answer.code().unwrap_or_default().into_owned())),
        None => Cause::new(error),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database answered SQLSTATE {}", self.0)
    }
}

impl Error for Answer {}
