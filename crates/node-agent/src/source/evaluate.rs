//! A row filter on a batch. What SQL calls unknown, a comparison with null, lets no row through.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Datum, Float64Array, Int64Array, RecordBatch,
    Scalar, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp;
use arrow::compute::{and_kleene, cast, is_null, like, not, or_kleene};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use publicdata_exchange_domain::filter::{Comparison, Condition, Literal, Number};

use super::value::{self, CHINA};

/// Digits of the decimals that are compared with each other, so that neither side is rounded.
const COMPARED_PRECISION: u8 = 76;
const COMPARED_SCALE_MAX: usize = 38;

/// Which rows the condition lets through, for columns that bear their items' names.
pub fn rows(condition: &Condition, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    match condition {
        Condition::Compare { column, operator, value } => {
            compare(named(batch, column)?, *operator, value)
        }
        Condition::In { column, values } => {
            let column = named(batch, column)?;
            let equal = |value| compare(column, Comparison::Equal, value);
            joined(values.iter().map(equal), or_kleene)
        }
        Condition::Between { column, low, high } => {
            let column = named(batch, column)?;
            and_kleene(
                &compare(column, Comparison::GreaterOrEqual, low)?,
                &compare(column, Comparison::LessOrEqual, high)?,
            )
        }
        Condition::Like { column, pattern } => {
            // Arrow's pattern has an escape character, the filter's has none.
            let pattern = StringArray::new_scalar(pattern.replace('\\', "\\\\"));
            like(named(batch, column)?, &pattern)
        }
        Condition::IsNull { column } => is_null(named(batch, column)?),
        Condition::All(inner) => joined(inner.iter().map(|inner| rows(inner, batch)), and_kleene),
        Condition::Any(inner) => joined(inner.iter().map(|inner| rows(inner, batch)), or_kleene),
        Condition::Not(inner) => not(&rows(inner, batch)?),
    }
}

fn named<'a>(batch: &'a RecordBatch, item: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch
        .column_by_name(item)
        .ok_or_else(|| ArrowError::SchemaError(format!("the filter's item {item} was not read")))
}

fn joined(
    mut parts: impl Iterator<Item = Result<BooleanArray, ArrowError>>,
    join: fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>,
) -> Result<BooleanArray, ArrowError> {
    let empty = || ArrowError::InvalidArgumentError("a filter joins no conditions".to_owned());
    let mut result = parts.next().ok_or_else(empty)??;
    for part in parts {
        result = join(&result, &part?)?;
    }
    Ok(result)
}

fn compare(
    column: &ArrayRef,
    operator: Comparison,
    literal: &Literal,
) -> Result<BooleanArray, ArrowError> {
    let scalar: Scalar<ArrayRef> = match literal {
        Literal::Text(text) => boxed(StringArray::from(vec![text.as_str()])),
        Literal::Logical(value) => boxed(BooleanArray::from(vec![*value])),
        Literal::Date(date) => boxed(Date32Array::from(vec![value::days_of(*date)])),
        Literal::Timestamp(time) => {
            let micros = value::micros_of(*time)
                .map_err(|_| ArrowError::InvalidArgumentError("a time is too far".to_owned()))?;
            boxed(TimestampMicrosecondArray::from(vec![micros]).with_timezone(CHINA))
        }
        Literal::Number(number) => return compare_number(column, operator, number),
    };
    compared(column, operator, &scalar)
}

fn compare_number(
    column: &ArrayRef,
    operator: Comparison,
    number: &Number,
) -> Result<BooleanArray, ArrowError> {
    let text = number.as_str();
    let unfit = || ArrowError::InvalidArgumentError("a number has too many digits".to_owned());

    if let (DataType::Int64, Some(whole)) = (column.data_type(), number.to_i64()) {
        return compared(column, operator, &boxed(Int64Array::from(vec![whole])));
    }
    if let DataType::Float64 | DataType::Float32 = column.data_type() {
        let double: f64 = text.parse().map_err(|_| unfit())?;
        let column = cast(column, &DataType::Float64)?;
        return compared(&column, operator, &boxed(Float64Array::from(vec![double])));
    }

    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() > COMPARED_SCALE_MAX || fraction.len() > COMPARED_SCALE_MAX {
        return Err(unfit());
    }
    let own = if let DataType::Decimal128(_, scale) = column.data_type() { *scale } else { 0 };
    let scale = own.max(i8::try_from(fraction.len()).map_err(|_| unfit())?);
    let wide = DataType::Decimal256(COMPARED_PRECISION, scale);
    let scalar = cast(&StringArray::from(vec![text]), &wide)?;
    compared(&cast(column, &wide)?, operator, &Scalar::new(scalar))
}

fn compared(
    column: &dyn Datum,
    operator: Comparison,
    scalar: &dyn Datum,
) -> Result<BooleanArray, ArrowError> {
    match operator {
        Comparison::Equal => cmp::eq(column, scalar),
        Comparison::NotEqual => cmp::neq(column, scalar),
        Comparison::Less => cmp::lt(column, scalar),
        Comparison::LessOrEqual => cmp::lt_eq(column, scalar),
        Comparison::Greater => cmp::gt(column, scalar),
        Comparison::GreaterOrEqual => cmp::gt_eq(column, scalar),
    }
}

fn boxed(array: impl Array + 'static) -> Scalar<ArrayRef> {
    Scalar::new(Arc::new(array))
}
