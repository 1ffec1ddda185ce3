//! Where pushed data goes: the department's own databases and folders (R23.1).
//!
//! The rows of a delivery and the note of it become visible together or not at all, so that after any crash the note says what
//! the sink holds: each delivery is taken exactly once, and one that was taken can be signed for later.

pub mod note;
pub mod steps;

mod cell;
mod columns;
mod files;
mod rows;
mod sql;

pub mod csv;
pub mod parquet;
pub mod postgres;
pub mod sqlite;

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use publicdata_transfer::push::{Content, Follows};
use publicdata_types::TransferId;

pub use note::{Note, Run};

use crate::source::Cause;

/// One kind of sink, for one subscription.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Its kind, as the configuration says it.
    fn kind(&self) -> &'static str;

    /// The columns that identify a row; none if rows are only ever replaced together.
    fn key(&self) -> &[String];

    /// The last delivery that it has taken.
    async fn last(&self) -> Result<Option<Note>, SinkError>;

    /// Deliveries that it has taken and whose receipts were not handed in, the oldest first.
    async fn unconfirmed(&self) -> Result<Vec<Note>, SinkError>;

    /// Remembers that a receipt was handed in.
    async fn confirm(&self, transfer: TransferId) -> Result<(), SinkError>;

    /// Fails unless rows with these fields can be taken; makes what is missing. Asked before anything is fetched.
    async fn check(&self, schema: &SchemaRef) -> Result<(), SinkError>;

    /// Makes ready to take a delivery. What is dropped before it is committed leaves no trace.
    async fn begin(&self, intake: Intake) -> Result<Box<dyn Taking>, SinkError>;
}

/// A delivery on its way into a sink.
#[async_trait]
pub trait Taking: Send {
    /// Takes rows, in order; with the column that says what became of each, if it has changes.
    async fn rows(&mut self, batch: &RecordBatch) -> Result<(), SinkError>;

    /// Makes the rows and the note visible, together.
    async fn commit(self: Box<Self>, note: &Note) -> Result<Taken, SinkError>;
}

/// What becomes of a delivery that is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the sink now.
    Now,
    /// It was there already, and nothing was changed.
    Before,
}

/// What is to be taken.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The transfer.
    pub transfer: TransferId,
    /// What is to be done with the rows.
    pub effect: Effect,
    /// The fields, without the column that says what became of each row.
    pub schema: SchemaRef,
    /// What the delivery holds.
    pub content: Content,
}

/// What a delivery does to the rows that are there. A run from the beginning that takes several deliveries is gathered beside the
/// table, and takes the table's place when it is complete: nobody ever sees half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It takes the place of all rows.
    Replace,
    /// It begins to gather a run.
    BeginRun,
    /// It is added to the run.
    ExtendRun,
    /// It is added to the run, which takes the place of all rows.
    CompleteRun,
    /// It changes rows by their key.
    Change,
}

/// Where a delivery begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first row of the source.
    Beginning,
    /// After what the sink has.
    After(Run),
}

/// Why a sink does not take a delivery. No message contains data (H5).
#[derive(Clone, Debug, thiserror::Error)]
pub enum SinkError {
    /// It does not answer.
    #[error("the {kind} sink cannot be reached; see that it runs and that the node may use it")]
    Unavailable {
        /// Which.
        kind: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// There is no room.
    #[error("the {kind} sink has no room left; make room, and the delivery is tried again")]
    Full {
        /// Which.
        kind: &'static str,
        /// What it said.
        #[source]
        source: Cause,
    },
    /// The table lacks a column.
    #[error("table {table} of the sink has no column `{column}`; add it as {expected}")]
    ColumnMissing {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type that it has to have.
        expected: &'static str,
    },
    /// A column cannot hold what comes without loss.
    #[error("column `{column}` of the sink's table {table} is {found}; make it {expected}")]
    ColumnType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The type that it has to have.
        expected: &'static str,
    },
    /// Changes come, and nobody said what identifies a row.
    #[error("changes come, and the sink has no `key`; name the columns that identify a row")]
    KeyMissing,
    /// A column of the key does not come.
    #[error("the sink's key names `{column}`, which is not among the subscription's fields")]
    KeyNotDelivered {
        /// The column.
        column: String,
    },
    /// A row lacks its key.
    #[error("a row has no value in `{column}`, which the sink's key names; choose another key")]
    KeyNull {
        /// The column.
        column: String,
    },
    /// Somebody else has taken a delivery of the same subscription meanwhile.
    #[error(
        "another process takes deliveries of the same subscription into this sink; stop one of them"
    )]
    Overtaken,
    /// What the sink remembers cannot be read.
    #[error(
        "the notes of deliveries in the {kind} sink are damaged at {place}; restore them, or empty the sink to begin anew"
    )]
    Damaged {
        /// Which.
        kind: &'static str,
        /// Where.
        place: String,
    },
    /// It failed otherwise.
    #[error("the {kind} sink failed")]
    Failed {
        /// Which.
        kind: &'static str,
        /// What it said.
        #[source]
        source: Cause,
    },
}

// === impl Effect ===

impl Effect {
    /// What a delivery with this content does.
    #[must_use]
    pub fn of(content: Content, start: Start) -> Self {
        match (content, start) {
            (Content::Whole, _) | (Content::Changes(Follows::Nothing), Start::Beginning) => {
                Self::Replace
            }
            (Content::Changes(Follows::More), Start::Beginning) => Self::BeginRun,
            (Content::Changes(Follows::More), Start::After(Run::Gathering)) => Self::ExtendRun,
            (Content::Changes(Follows::Nothing), Start::After(Run::Gathering)) => Self::CompleteRun,
            (Content::Changes(_), Start::After(Run::Complete)) => Self::Change,
        }
    }

    /// What readers of a manifest are told to do.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::BeginRun => "beginRun",
            Self::ExtendRun => "extendRun",
            Self::CompleteRun => "completeRun",
            Self::Change => "change",
        }
    }

    /// Whether the sink's rows are those of a complete run afterwards.
    #[must_use]
    pub fn run(self) -> Run {
        match self {
            Self::BeginRun | Self::ExtendRun => Run::Gathering,
            Self::Replace | Self::CompleteRun | Self::Change => Run::Complete,
        }
    }
}

// === impl Intake ===

impl Intake {
    /// Fails unless there is a key, where one is needed.
    fn check_key(&self, key: &[String]) -> Result<(), SinkError> {
        match self.content {
            Content::Changes(_) if key.is_empty() => Err(SinkError::KeyMissing),
            Content::Changes(_) | Content::Whole => Ok(()),
        }
    }
}

/// Fails unless the key comes with the rows.
fn check_delivered(key: &[String], schema: &SchemaRef) -> Result<(), SinkError> {
    match key.iter().find(|column| schema.field_with_name(column).is_err()) {
        Some(column) => Err(SinkError::KeyNotDelivered { column: column.clone() }),
        None => Ok(()),
    }
}

// === impl SinkError ===

impl SinkError {
    /// The stable code that operators may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "SINK_UNAVAILABLE",
            Self::Full { .. } => "SINK_FULL",
            Self::ColumnMissing { .. } => "SINK_COLUMN_MISSING",
            Self::ColumnType { .. } => "SINK_COLUMN_TYPE",
            Self::KeyMissing => "SINK_KEY_MISSING",
            Self::KeyNotDelivered { .. } => "SINK_KEY_NOT_DELIVERED",
            Self::KeyNull { .. } => "SINK_KEY_NULL",
            Self::Overtaken => "SINK_OVERTAKEN",
            Self::Damaged { .. } => "SINK_DAMAGED",
            Self::Failed { .. } => "SINK_FAILED",
        }
    }
}

impl fmt::Debug for dyn Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
