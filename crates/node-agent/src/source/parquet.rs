//! Parquet files, read column by column.

use std::fs::File;
use std::path::PathBuf;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use async_trait::async_trait;

use super::batch::{BATCH_ROWS, schema_of};
use super::value::{CHINA, Value, arrow_type, expected};
use super::{
    Batches, Cause, Connector, Origin, Reading, RowFilter, Sender, SourceError, check_columns,
    produce_blocking,
};

/// A Parquet file. Its own order of rows is the order of delivery.
#[derive(Clone, Debug)]
pub struct Parquet {
    /// Which source.
    pub origin: Origin,
    /// The file.
    pub path: PathBuf,
}

type Builder = ParquetRecordBatchReaderBuilder<File>;

#[async_trait]
impl Connector for Parquet {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    async fn columns(&self) -> Result<Vec<String>, SourceError> {
        let this = self.clone();
        let opened =
            tokio::task::spawn_blocking(move || this.open().map(|file| names(&file))).await;
        opened.map_err(|error| SourceError::broken(&self.origin, error))?
    }

    fn read(&self, readings: Vec<Reading>, _filter: Option<RowFilter>) -> Batches {
        let this = self.clone();
        produce_blocking(move |sender| this.send(&readings, sender))
    }
}

impl Parquet {
    fn open(&self) -> Result<Builder, SourceError> {
        let file = File::open(&self.path)
            .map_err(|error| SourceError::unavailable(&self.origin, error))?;
        Builder::try_new(file).map_err(|error| self.broken(error))
    }

    fn send(&self, readings: &[Reading], sender: &Sender) -> Result<(), SourceError> {
        let file = self.open()?;
        check_columns(&self.origin, readings, &names(&file))?;
        let wanted = readings.iter().map(|reading| reading.column.as_str());
        let mask = ProjectionMask::columns(file.parquet_schema(), wanted);
        let batches = file
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| self.broken(error))?;

        let mut before = 0;
        for batch in batches {
            let batch = batch.map_err(|error| SourceError::broken(&self.origin, error))?;
            let converted = self.convert(readings, &batch, before)?;
            before += batch.num_rows() as u64;
            if sender.blocking_send(Ok(converted)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn convert(
        &self,
        readings: &[Reading],
        batch: &RecordBatch,
        before: u64,
    ) -> Result<RecordBatch, SourceError> {
        let mut columns = Vec::with_capacity(readings.len());
        for reading in readings {
            let column = batch.column_by_name(&reading.column).ok_or_else(|| {
                SourceError::ColumnMissing {
                    origin: self.origin.clone(),
                    column: reading.column.clone(),
                }
            })?;
            columns.push(self.convert_column(reading, column, before)?);
        }
        RecordBatch::try_new(schema_of(readings), columns)
            .map_err(|error| SourceError::broken(&self.origin, error))
    }

    fn convert_column(
        &self,
        reading: &Reading,
        column: &ArrayRef,
        before: u64,
    ) -> Result<ArrayRef, SourceError> {
        if *column.data_type() == arrow_type(reading.kind) {
            return Ok(ArrayRef::clone(column));
        }
        let misfit = |row| SourceError::TypeMismatch {
            origin: self.origin.clone(),
            column: reading.column.clone(),
            row,
            expected: expected(reading.kind),
        };
        let plain = plain_type(column.data_type()).ok_or_else(|| misfit(None))?;
        let column =
            cast(column, &plain).map_err(|error| SourceError::broken(&self.origin, error))?;

        let mut builder = super::value::Column::new(reading.kind);
        for row in 0..column.len() {
            let appended = builder.append(value_at(&column, row));
            appended.map_err(|_| misfit(Some(before + row as u64 + 1)))?;
        }
        Ok(builder.finish())
    }

    fn broken(&self, error: ParquetError) -> SourceError {
        SourceError::Broken { origin: self.origin.clone(), row: None, source: Cause::new(error) }
    }
}

fn names(file: &Builder) -> Vec<String> {
    file.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// The widest of each kind of Arrow type, which loses nothing and leaves few cases.
fn plain_type(from: &DataType) -> Option<DataType> {
    use DataType::{
        Binary, Boolean, Date32, Decimal128, FixedSizeBinary, Float16, Float32, Float64, Int8,
        Int16, Int32, Int64, LargeBinary, LargeUtf8, Timestamp, UInt8, UInt16, UInt32, Utf8,
        Utf8View,
    };

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are types the catalogue lacks")]
    match from {
        Utf8 | LargeUtf8 | Utf8View => Some(Utf8),
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => Some(Int64),
        Float16 | Float32 => Some(Float32),
        Float64 => Some(Float64),
        Boolean => Some(Boolean),
        Date32 => Some(Date32),
        Binary | LargeBinary | FixedSizeBinary(_) => Some(Binary),
        Decimal128(precision, scale) => Some(Decimal128(*precision, *scale)),
        // Arrow reads a time without a zone as one in the zone that it is cast to.
        Timestamp(..) => Some(Timestamp(TimeUnit::Microsecond, Some(CHINA.into()))),
        _ => None,
    }
}

fn value_at(column: &ArrayRef, row: usize) -> Value<'_> {
    if column.is_null(row) {
        return Value::Null;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "`plain_type` leaves no other")]
    match column.data_type() {
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row)),
        DataType::Int64 => Value::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Value::Float(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Value::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::Logical(column.as_boolean().value(row)),
        DataType::Date32 => Value::Date(column.as_primitive::<Date32Type>().value(row)),
        DataType::Binary => Value::Bytes(column.as_binary::<i32>().value(row)),
        DataType::Decimal128(_, scale) => Value::Decimal {
            unscaled: column.as_primitive::<Decimal128Type>().value(row),
            scale: *scale,
        },
        DataType::Timestamp(..) => {
            Value::Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        _ => Value::Null,
    }
}
