//! Rows gathered into batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::value::{self, Column, Misfit, Value};
use super::{Origin, Reading, SourceError};

/// Rows of a batch.
pub const BATCH_ROWS: usize = 8_192;
/// A batch ends early when its values take about this much, so that wide rows don't take all memory.
const BATCH_BYTES: usize = 8 << 20;

/// Gathers values row by row. Where a batch ends depends on the values alone.
pub struct Rows {
    origin: Origin,
    readings: Vec<Reading>,
    columns: Vec<Column>,
    schema: SchemaRef,
    rows: usize,
    bytes: usize,
    rows_total: u64,
}

/// The schema of what is read.
#[must_use]
pub fn schema_of(readings: &[Reading]) -> SchemaRef {
    let field =
        |reading: &Reading| Field::new(&reading.item, value::arrow_type(reading.kind), true);
    Arc::new(Schema::new(readings.iter().map(field).collect::<Vec<_>>()))
}

// === impl Rows ===

impl Rows {
    /// No rows yet.
    #[must_use]
    pub fn new(origin: Origin, readings: &[Reading]) -> Self {
        Self {
            origin,
            readings: readings.to_vec(),
            columns: readings.iter().map(|reading| Column::new(reading.kind)).collect(),
            schema: schema_of(readings),
            rows: 0,
            bytes: 0,
            rows_total: 0,
        }
    }

    /// Which source the rows come from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Adds the current row's value of a column.
    pub fn push(&mut self, column: usize, value: Value<'_>) -> Result<(), SourceError> {
        self.bytes += match value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Null
            | Value::Integer(_)
            | Value::Double(_)
            | Value::Float(_)
            | Value::Decimal { .. }
            | Value::Logical(_)
            | Value::Date(_)
            | Value::Timestamp(_) => 8,
        };
        match self.columns[column].append(value) {
            Ok(()) => Ok(()),
            Err(Misfit) => Err(self.mismatch(column)),
        }
    }

    /// The error for a value in the current row that cannot be what the catalogue says.
    #[must_use]
    pub fn mismatch(&self, column: usize) -> SourceError {
        let reading = &self.readings[column];
        SourceError::TypeMismatch {
            origin: self.origin.clone(),
            column: reading.column.clone(),
            row: Some(self.rows_total + 1),
            expected: value::expected(reading.kind),
        }
    }

    /// Ends a row that has a value in each column; returns the batch if it is full.
    pub fn end_row(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        self.rows += 1;
        self.rows_total += 1;
        match self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            true => self.finish(),
            false => Ok(None),
        }
    }

    /// The rows since the last batch; none if there are none.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.rows = 0;
        self.bytes = 0;
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect();
        RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)
            .map(Some)
            .map_err(|source| SourceError::broken(&self.origin, source))
    }
}
