//! Where a provider's data comes from: its own databases and files, read as Arrow batches.

pub mod scan;

pub mod csv;
pub mod http;
pub mod mysql;
pub mod parquet;
pub mod postgres;
pub mod sqlite;

pub mod batch;
pub mod evaluate;
pub mod sql;
pub mod tls;
pub mod value;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use publicdata_types::{ItemType, ResourceId};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

pub use scan::{RowFilter, Scan};

/// How many batches wait between a source's reader and whoever takes them.
pub const BATCHES_WAITING_MAX: usize = 2;

/// Batches in the source's order; nothing is read ahead of demand but [`BATCHES_WAITING_MAX`].
/// Dropping the stream ends the reading.
pub type Batches = BoxStream<'static, Result<RecordBatch, SourceError>>;
type Sender = mpsc::Sender<Result<RecordBatch, SourceError>>;

/// One kind of source.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Which source this is.
    fn origin(&self) -> &Origin;

    /// The columns that the source has now.
    async fn columns(&self) -> Result<Vec<String>, SourceError>;

    /// Reads columns, in an order of rows that is the same each time while the data is.
    ///
    /// The filter is a hint: rows that it lets through must come, others may. Whoever calls this
    /// applies the filter as well, so all sources mean the same by it.
    fn read(&self, readings: Vec<Reading>, filter: Option<RowFilter>) -> Batches;

    /// Whether it keeps any value of a column from being there twice; false if nobody knows.
    async fn keeps_unique(&self, _column: &str) -> Result<bool, SourceError> {
        Ok(false)
    }

    /// The language that it is asked in; none if it is no database.
    fn dialect(&self) -> Option<sql::Dialect> {
        None
    }

    /// Another table or query of the same database; none if it is no database.
    fn with_relation(&self, _: sql::Relation) -> Option<Arc<dyn Connector>> {
        None
    }
}

/// Which resource's source, for messages: no address, no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The resource.
    pub resource: ResourceId,
    /// The connector's name.
    pub connector: &'static str,
}

/// One column to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The item of the catalogue.
    pub item: String,
    /// Its column at the source.
    pub column: String,
    /// Its type in the catalogue.
    pub kind: ItemType,
}

/// Why a source cannot be read. No message contains data (H5).
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// The source does not answer.
    #[error("the {origin} cannot be reached; the provider has been told why in its node's log")]
    Unavailable {
        /// Which source.
        origin: Origin,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A column is not there.
    #[error("the {origin} has no column `{column}`")]
    ColumnMissing {
        /// Which source.
        origin: Origin,
        /// The column.
        column: String,
    },
    /// A value is not of the catalogue's type.
    #[error("the {origin} has in column `{column}`{} a value that is not {expected}", Row(row))]
    TypeMismatch {
        /// Which source.
        origin: Origin,
        /// The column.
        column: String,
        /// The row, counted from 1 in the order of reading; none if the whole column is of another type.
        row: Option<u64>,
        /// What the catalogue promises.
        expected: &'static str,
    },
    /// A row does not have as many values as there are columns.
    #[error("the {origin} is broken{}", Row(row))]
    Broken {
        /// Which source.
        origin: Origin,
        /// The row, counted from 1, where it is known.
        row: Option<u64>,
        /// What is wrong.
        #[source]
        source: Cause,
    },
}

/// A cause that may be kept and told again.
#[derive(Clone, Debug)]
pub struct Cause(std::sync::Arc<dyn Error + Send + Sync>);

struct Row<'a>(&'a Option<u64>);

// === impl SourceError ===

impl SourceError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "SOURCE_UNAVAILABLE",
            Self::ColumnMissing { .. } => "SOURCE_COLUMN_MISSING",
            Self::TypeMismatch { .. } => "SOURCE_TYPE_MISMATCH",
            Self::Broken { .. } => "SOURCE_BROKEN",
        }
    }

    pub(crate) fn unavailable(origin: &Origin, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable { origin: origin.clone(), source: Cause::new(source) }
    }

    fn broken(origin: &Origin, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Broken { origin: origin.clone(), row: None, source: Cause::new(source) }
    }
}

/// Fails unless the source has every column that is wanted.
fn check_columns(
    origin: &Origin,
    wanted: &[Reading],
    columns: &[String],
) -> Result<(), SourceError> {
    match wanted.iter().find(|reading| !columns.contains(&reading.column)) {
        Some(reading) => Err(SourceError::ColumnMissing {
            origin: origin.clone(),
            column: reading.column.clone(),
        }),
        None => Ok(()),
    }
}

// === impl Cause ===

impl Cause {
    pub(crate) fn new(source: impl Error + Send + Sync + 'static) -> Self {
        Self(std::sync::Arc::new(source))
    }

    /// The first error of this type, of those that led to it.
    pub(crate) fn find<T: Error + 'static>(&self) -> Option<&T> {
        let mut next: Option<&(dyn Error + 'static)> = Some(self.0.as_ref());
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} source of resource {}", self.connector, self.resource)
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(row) => write!(f, ", row {row},"),
            None => Ok(()),
        }
    }
}

/// Runs an asynchronous reader while somebody takes its batches; no task of its own outlives them.
fn produce<T, F, Reader>(reader: F) -> BoxStream<'static, Result<T, SourceError>>
where
    T: Send + 'static,
    F: FnOnce(mpsc::Sender<Result<T, SourceError>>) -> Reader + Send + 'static,
    Reader: Future<Output = Result<(), SourceError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    let reading = async move {
        if let Err(error) = reader(sender.clone()).await {
            // Nobody is left to tell if the receiver is gone.
            let _ = sender.send(Err(error)).await;
        }
    };
    let reading = stream::once(reading).filter_map(async |()| None);
    stream::select(ReceiverStream::new(receiver), reading).boxed()
}

/// Runs a blocking reader on a thread of its own; it ends when nobody takes its batches.
fn produce_blocking<F>(reader: F) -> Batches
where
    F: FnOnce(&Sender) -> Result<(), SourceError> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = reader(&sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    ReceiverStream::new(receiver).boxed()
}
