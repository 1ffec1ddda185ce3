//! Values on their way from Arrow columns into sinks.

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// A value, as far as sinks tell values apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    /// Also decimals, dates and times, which no sink has another lossless form for than text.
    Text(std::borrow::Cow<'a, str>),
    Integer(i64),
    Double(f64),
    Logical(bool),
    Bytes(&'a [u8]),
}

/// A column to read values from.
pub(super) struct Column<'a> {
    array: &'a ArrayRef,
    formatter: ArrayFormatter<'a>,
}

impl<'a> Column<'a> {
    pub(super) fn new(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::new())?;
        Ok(Self { array, formatter })
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'a> {
        let array = self.array;
        if array.is_null(row) {
            return Cell::Null;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other types are written as text")]
        match array.data_type() {
            DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).into()),
            DataType::Int64 => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float64 => Cell::Double(array.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => {
                Cell::Double(f64::from(array.as_primitive::<Float32Type>().value(row)))
            }
            DataType::Boolean => Cell::Logical(array.as_boolean().value(row)),
            DataType::Binary => Cell::Bytes(array.as_binary::<i32>().value(row)),
            _ => Cell::Text(self.formatter.value(row).to_string().into()),
        }
    }
}

/// Appends a value as the text format of PostgreSQL's `COPY` has it.
pub(super) fn write_copy(line: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Null => line.extend_from_slice(b"\\N"),
        Cell::Text(text) => {
            for &byte in text.as_bytes() {
                match byte {
                    b'\\' => line.extend_from_slice(b"\\\\"),
                    b'\n' => line.extend_from_slice(b"\\n"),
                    b'\r' => line.extend_from_slice(b"\\r"),
                    b'\t' => line.extend_from_slice(b"\\t"),
                    byte => line.push(byte),
                }
            }
        }
        Cell::Integer(number) => line.extend_from_slice(number.to_string().as_bytes()),
        Cell::Double(number) => line.extend_from_slice(number.to_string().as_bytes()),
        Cell::Logical(value) => line.push(if *value { b't' } else { b'f' }),
        Cell::Bytes(bytes) => {
            line.extend_from_slice(b"\\\\x");
            line.extend_from_slice(hex::encode(bytes).as_bytes());
        }
    }
}
