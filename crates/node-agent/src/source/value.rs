//! One value on its way from a source into an Arrow column of the catalogue's type.

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    Float32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, TimeUnit};
use publicdata_types::ItemType;

mod convert;

use convert::{append_text, bytes, date, decimal, double, float, integer, logical, timestamp};
pub use convert::{days_of, micros_of};

/// The time zone of the catalogue's timestamps: China's, without a database of zones.
pub const CHINA: &str = "+08:00";
/// Digits of a decimal, before and after the point together.
pub const PRECISION: u8 = 38;
/// Digits after the point of type N.
pub const NUMBER_SCALE: i8 = 10;
/// Digits after the point of type Y.
pub const MONEY_SCALE: i8 = 4;

/// A value as a source has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// Characters.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A double-precision number.
    Double(f64),
    /// A single-precision number.
    Float(f32),
    /// A decimal number: `unscaled` divided by ten to the power of `scale`.
    Decimal {
        /// All digits, as a whole number.
        unscaled: i128,
        /// How many of them stand after the point.
        scale: i8,
    },
    /// True or false.
    Logical(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A value that is not of the catalogue's type, and cannot be made so without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

/// A column under construction.
#[derive(Debug)]
pub enum Column {
    /// Types C and M.
    Text(StringBuilder),
    /// Types N and Y, with the digits after the point.
    Decimal(Decimal128Builder, i8),
    /// Type D.
    Date(Date32Builder),
    /// Type T.
    Timestamp(TimestampMicrosecondBuilder),
    /// Type L.
    Logical(BooleanBuilder),
    /// Type G.
    Bytes(BinaryBuilder),
    /// Type B.
    Double(Float64Builder),
    /// Type I.
    Integer(Int64Builder),
    /// Type F.
    Float(Float32Builder),
}

/// The Arrow type of an item's values.
#[must_use]
pub fn arrow_type(kind: ItemType) -> DataType {
    match kind {
        ItemType::Text | ItemType::Memo => DataType::Utf8,
        ItemType::Number => DataType::Decimal128(PRECISION, NUMBER_SCALE),
        ItemType::Money => DataType::Decimal128(PRECISION, MONEY_SCALE),
        ItemType::Date => DataType::Date32,
        ItemType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(CHINA.into())),
        ItemType::Logical => DataType::Boolean,
        ItemType::General => DataType::Binary,
        ItemType::Double => DataType::Float64,
        ItemType::Integer => DataType::Int64,
        ItemType::Float => DataType::Float32,
    }
}

/// What a value of this type looks like, for error messages.
#[must_use]
pub fn expected(kind: ItemType) -> &'static str {
    match kind {
        ItemType::Text | ItemType::Memo => "text in UTF-8",
        ItemType::Number => "a decimal number with at most 10 digits after the point",
        ItemType::Money => "an amount with at most 4 digits after the point",
        ItemType::Date => "a date such as 2026-01-04",
        ItemType::Timestamp => "a time such as 2026-01-04T09:00:00",
        ItemType::Logical => "true or false",
        ItemType::General => "bytes",
        ItemType::Double | ItemType::Float => "a number such as 12.5",
        ItemType::Integer => "a whole number of at most 64 bits",
    }
}

// === impl Column ===

impl Column {
    /// An empty column.
    #[must_use]
    pub fn new(kind: ItemType) -> Self {
        let decimal = |scale| {
            let builder =
                Decimal128Builder::new().with_data_type(DataType::Decimal128(PRECISION, scale));
            Self::Decimal(builder, scale)
        };
        match kind {
            ItemType::Text | ItemType::Memo => Self::Text(StringBuilder::new()),
            ItemType::Number => decimal(NUMBER_SCALE),
            ItemType::Money => decimal(MONEY_SCALE),
            ItemType::Date => Self::Date(Date32Builder::new()),
            ItemType::Timestamp => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(CHINA))
            }
            ItemType::Logical => Self::Logical(BooleanBuilder::new()),
            ItemType::General => Self::Bytes(BinaryBuilder::new()),
            ItemType::Double => Self::Double(Float64Builder::new()),
            ItemType::Integer => Self::Integer(Int64Builder::new()),
            ItemType::Float => Self::Float(Float32Builder::new()),
        }
    }

    /// Adds a value, if it has the column's type or can be given it without loss.
    pub fn append(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        if value == Value::Null {
            self.append_null();
            return Ok(());
        }
        match self {
            Self::Text(builder) => append_text(builder, value)?,
            Self::Decimal(builder, scale) => builder.append_value(decimal(value, *scale)?),
            Self::Date(builder) => builder.append_value(date(value)?),
            Self::Timestamp(builder) => builder.append_value(timestamp(value)?),
            Self::Logical(builder) => builder.append_value(logical(value)?),
            Self::Bytes(builder) => builder.append_value(bytes(value)?),
            Self::Double(builder) => builder.append_value(double(value)?),
            Self::Integer(builder) => builder.append_value(integer(value)?),
            Self::Float(builder) => builder.append_value(float(value)?),
        }
        Ok(())
    }

    /// The values so far; the column begins anew.
    pub fn finish(&mut self) -> ArrayRef {
        self.builder().finish()
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Logical(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
        }
    }

    fn builder(&mut self) -> &mut dyn ArrayBuilder {
        match self {
            Self::Text(builder) => builder,
            Self::Decimal(builder, _) => builder,
            Self::Date(builder) => builder,
            Self::Timestamp(builder) => builder,
            Self::Logical(builder) => builder,
            Self::Bytes(builder) => builder,
            Self::Double(builder) => builder,
            Self::Integer(builder) => builder,
            Self::Float(builder) => builder,
        }
    }
}

#[cfg(test)]
mod tests;
