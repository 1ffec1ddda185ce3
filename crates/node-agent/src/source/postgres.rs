//! PostgreSQL databases, read by `COPY … TO STDOUT` in the binary format.

mod copy;
mod server;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use publicdata_types::ItemType;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::batch::Rows;
use super::sql::{self, Dialect, From, Relation};
use super::{
    Batches, Cause, Connector, Origin, Reading, RowFilter, Sender, SourceError, check_columns,
    produce,
};
use copy::{Decoder, Shape};

use crate::changes::Database;

pub use super::tls::{TlsRule, TlsRuleError};
pub use server::Server;

/// A PostgreSQL database.
#[derive(Clone)]
pub struct Postgres {
    /// Which source.
    pub origin: Origin,
    /// Where it is, and as whom to read.
    pub server: Server,
    /// The table or query, and its order.
    pub relation: Relation,
}

/// A column as the database has it.
struct Described {
    name: String,
    r#type: Type,
}

/// What the database answered, without the values that its own message may quote (H5).
#[derive(Debug)]
struct Answer {
    code: String,
    message: Option<String>,
}

#[async_trait]
impl Connector for Postgres {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    async fn columns(&self) -> Result<Vec<String>, SourceError> {
        let described =
            self.with_client(async |client| self.describe(client).await, |_| true).await?;
        Ok(described.into_iter().map(|column| column.name).collect())
    }

    fn read(&self, readings: Vec<Reading>, filter: Option<RowFilter>) -> Batches {
        let this = self.clone();
        produce(move |sender| async move {
            let send = async |client: &Client| {
                this.send(client, &readings, filter.as_ref(), &sender).await
            };
            this.with_client(send, |all_was_sent| *all_was_sent).await.map(drop)
        })
    }

    async fn keeps_unique(&self, column: &str) -> Result<bool, SourceError> {
        let From::Table(_) = self.relation.from else { return Ok(false) };
        // Of this column alone, of all rows, also those of tables that inherit, and held at each statement.
        let query = format!(
            "SELECT '1' FROM pg_index AS i \
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
             JOIN pg_class AS c ON c.oid = i.indrelid AND (c.relkind = 'p' OR NOT c.relhassubclass) \
             WHERE i.indrelid = to_regclass({}) AND a.attname = {} AND i.indisunique \
             AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1 AND i.indpred IS NULL LIMIT 1",
            sql::text(&sql::from(&self.relation)),
            sql::text(column)
        );
        Ok(!self.ask(&query).await?.is_empty())
    }

    fn dialect(&self) -> Option<Dialect> {
        Some(Dialect::Postgres)
    }

    fn with_relation(&self, relation: Relation) -> Option<Arc<dyn Connector>> {
        Some(Arc::new(Self { relation, ..self.clone() }))
    }
}

#[async_trait]
impl Database for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn ask(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, SourceError> {
        let ask = async |client: &Client| {
            let found = client.query(query, &[]).await.map_err(|error| self.broken(error))?;
            let row = |row: &Row| (0..row.len()).map(|column| row.try_get(column)).collect();
            let rows: Result<_, _> = found.iter().map(row).collect();
            rows.map_err(|error| self.broken(error))
        };
        self.with_client(ask, |_| true).await
    }

    fn reading(&self, relation: Relation) -> Arc<dyn Connector> {
        Arc::new(Self { relation, ..self.clone() })
    }
}

impl Postgres {
    /// Asks for rows of one binary value.
    pub(crate) fn values(&self, query: String) -> BoxStream<'static, Result<Bytes, SourceError>> {
        let this = self.clone();
        produce(move |sender| async move {
            let broken = |error| this.broken(error);
            let send = async |client: &Client| {
                let none: [&str; 0] = [];
                let mut rows = pin!(client.query_raw(&query, none).await.map_err(broken)?);
                while let Some(row) = rows.try_next().await.map_err(broken)? {
                    let value: &[u8] = row.try_get(0).map_err(broken)?;
                    if sender.send(Ok(Bytes::copy_from_slice(value))).await.is_err() {
                        return Ok(false);
                    }
                }
                Ok(true)
            };
            this.with_client(send, |all_was_sent| *all_was_sent).await.map(drop)
        })
    }

    /// Works with a connection, which may be used again if `is_done` with it.
    async fn with_client<T>(
        &self,
        work: impl AsyncFnOnce(&Client) -> Result<T, SourceError>,
        is_done: impl FnOnce(&T) -> bool,
    ) -> Result<T, SourceError> {
        let unavailable = |error| self.unavailable(error);
        let mut connection = self.server.connection().await.map_err(unavailable)?;
        let result = connection.drive(work, unavailable).await?;
        if is_done(&result) {
            self.server.keep(connection);
        }
        Ok(result)
    }

    async fn describe(&self, client: &Client) -> Result<Vec<Described>, SourceError> {
        let statement = client
            .prepare(&sql::describe(&self.relation))
            .await
            .map_err(|error| self.unavailable(error))?;
        let described = statement.columns().iter().map(|column| Described {
            name: column.name().to_owned(),
            r#type: column.type_().clone(),
        });
        Ok(described.collect())
    }

    /// Sends what is read; says whether that was all, or nobody takes it any more.
    async fn send(
        &self,
        client: &Client,
        readings: &[Reading],
        filter: Option<&RowFilter>,
        sender: &Sender,
    ) -> Result<bool, SourceError> {
        let described = self.describe(client).await?;
        let names: Vec<String> = described.iter().map(|column| column.name.clone()).collect();
        check_columns(&self.origin, readings, &names)?;

        let shapes: Vec<Shape> =
            readings.iter().map(|reading| shape(&described, reading)).collect();
        let columns: Vec<String> = readings
            .iter()
            .zip(&shapes)
            .map(|(reading, shape)| shape.expression(&sql::qualified(&reading.column)))
            .collect();
        let filter = filter
            .filter(|filter| filter.readings.iter().all(|reading| comparable(&described, reading)));
        let select = sql::select(&self.relation, &columns, filter, Dialect::Postgres);
        let copy = format!("COPY ({select}) TO STDOUT (FORMAT binary)");

        let broken = |error| self.broken(error);
        let mut chunks = pin!(client.copy_out(&copy).await.map_err(broken)?);
        let mut decoder = Decoder::new(shapes, Rows::new(self.origin.clone(), readings));
        while let Some(chunk) = chunks.try_next().await.map_err(broken)? {
            decoder.feed(&chunk);
            while let Some(batch) = decoder.next_batch()? {
                if sender.send(Ok(batch)).await.is_err() {
                    return Ok(false);
                }
            }
        }
        if let Some(batch) = decoder.finish()? {
            let _ = sender.send(Ok(batch)).await;
        }
        Ok(true)
    }

    fn unavailable(&self, error: tokio_postgres::Error) -> SourceError {
        SourceError::Unavailable { origin: self.origin.clone(), source: cause(error) }
    }

    fn broken(&self, error: tokio_postgres::Error) -> SourceError {
        SourceError::Broken { origin: self.origin.clone(), row: None, source: cause(error) }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn shape(described: &[Described], reading: &Reading) -> Shape {
    let column = described.iter().find(|column| column.name == reading.column);
    column.map_or(Shape::CastText, |column| Shape::of(&column.r#type))
}

/// Whether the database compares this column as the catalogue's type would be compared.
fn comparable(described: &[Described], reading: &Reading) -> bool {
    let shape = shape(described, reading);
    match reading.kind {
        ItemType::Text | ItemType::Memo => matches!(shape, Shape::Text | Shape::CastText),
        ItemType::Number
        | ItemType::Money
        | ItemType::Integer
        | ItemType::Double
        | ItemType::Float => matches!(
            shape,
            Shape::Int2
                | Shape::Int4
                | Shape::Int8
                | Shape::Float4
                | Shape::Float8
                | Shape::Numeric
        ),
        ItemType::Date => shape == Shape::Date,
        // Without a zone the database would take the session's; the node takes China's.
        ItemType::Timestamp => shape == Shape::Instant,
        ItemType::Logical => shape == Shape::Bool,
        ItemType::General => true,
    }
}

fn cause(error: tokio_postgres::Error) -> Cause {
    // Classes that speak of connections, rights and names; the others may quote a value.
    const CLASSES_WITHOUT_DATA: [&str; 6] = ["08", "28", "3D", "42", "53", "57"];

    let Some(answer) = error.as_db_error() else {
        return Cause::new(error);
    };
    let code = answer.code().code();
    let harmless = CLASSES_WITHOUT_DATA.iter().any(|class| code.starts_with(class));
    let message = harmless.then(|| answer.message().to_owned());
    Cause::new(Answer { code: code.to_owned(), message })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgreSQL answered SQLSTATE {}", self.code)?;
        match &self.message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Answer {}
