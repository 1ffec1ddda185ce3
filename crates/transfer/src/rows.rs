//! A digest over rows that does not depend on their order, so that what two databases hold can be compared without sorting (R10.1).
//!
//! Each row is hashed to an element of the group ristretto255 (RFC 9496), and the elements are added: a multiset hash in the manner of
//! Clarke et al. and Maitin-Shepard et al. A sum of plain hashes would be as quick to write, but rows that cancel each other can be
//! found for it; here that is as hard as the discrete logarithm.

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type,
    TimestampMicrosecondType,
};
use curve25519_dalek::RistrettoPoint;
use publicdata_proto::exchange::v1::RowSet;
use sha2::{Digest as _, Sha512};

/// What is hashed before each row, so that no other hash is one of a row.
const CONTEXT: &[u8] = b"publicdata/row/v1\0";
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Rows that are counted and hashed, in any order.
#[derive(Clone, Debug, Default)]
pub struct RowsDigest {
    rows: u64,
    sum: RistrettoPoint,
}

/// Rows cannot be hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` has a type that the catalogue does not have")]
pub struct RowTypeError {
    /// The column.
    pub column: String,
}

impl RowsDigest {
    /// Counts the rows of a batch. Columns are told by their places, and values by what the catalogue's types say.
    ///
    /// # Errors
    /// A column is of none of the catalogue's types.
    pub fn record(&mut self, batch: &RecordBatch) -> Result<(), RowTypeError> {
        let mut bytes = Vec::new();
        for row in 0..batch.num_rows() {
            bytes.clear();
            for (place, column) in batch.columns().iter().enumerate() {
                write_value(&mut bytes, column, row).ok_or_else(|| RowTypeError {
                    column: batch.schema().field(place).name().clone(),
                })?;
            }
            let hash: [u8; 64] =
                Sha512::new().chain_update(CONTEXT).chain_update(&bytes).finalize().into();
            self.sum += RistrettoPoint::from_uniform_bytes(&hash);
            self.rows += 1;
        }
        Ok(())
    }

    /// As it is signed.
    #[must_use]
    pub fn to_wire(&self, source_version: String) -> RowSet {
        let digest = self.sum.compress().as_bytes().to_vec();
        RowSet { rows: self.rows, digest, source_version }
    }
}

/// Whether two statements say the same of their rows.
#[must_use]
pub fn are_equal(one: &RowSet, other: &RowSet) -> bool {
    (one.rows, &one.digest) == (other.rows, &other.digest)
}

/// Appends a value, with its length before it, so that no two rows are written alike. None if its type is not one of the catalogue's.
fn write_value(bytes: &mut Vec<u8>, column: &ArrayRef, row: usize) -> Option<()> {
    if column.is_null(row) {
        bytes.push(ABSENT);
        return Some(());
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the catalogue has no other types")]
    match column.data_type() {
        DataType::Utf8 => write(bytes, column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => write(bytes, column.as_binary::<i32>().value(row)),
        DataType::Boolean => write(bytes, &[u8::from(column.as_boolean().value(row))]),
        DataType::Int64 => {
            write(bytes, &column.as_primitive::<Int64Type>().value(row).to_be_bytes());
        }
        DataType::Float64 => write_number(bytes, column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => {
            write_number(bytes, column.as_primitive::<Float32Type>().value(row).into());
        }
        DataType::Date32 => {
            write(bytes, &column.as_primitive::<Date32Type>().value(row).to_be_bytes());
        }
        DataType::Timestamp(..) => {
            let micros = column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row);
            write(bytes, &micros.to_be_bytes());
        }
        DataType::Decimal128(..) => {
            write(bytes, &column.as_primitive::<Decimal128Type>().value(row).to_be_bytes());
        }
        _ => return None,
    }
    Some(())
}

/// Zero is zero, whatever its sign: not every database keeps it.
fn write_number(bytes: &mut Vec<u8>, number: f64) {
    let number = if number == 0.0 { 0.0 } else { number };
    write(bytes, &number.to_be_bytes());
}

fn write(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.push(PRESENT);
    bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
    bytes.extend_from_slice(value);
}

#[cfg(test)]
mod tests;
