//! Generalisation: what is exact becomes a span that it lies in.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Decimal128Array, Float32Array, Float64Array, Int64Array,
    StringArray, new_null_array,
};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use publicdata_types::Decimal;
use publicdata_types::mask::Step;

/// Above this, a double no longer knows which band it lies in.
const BANDS_MAX: f64 = 9_007_199_254_740_992.0;

/// Year and month of a date or time that is written in ISO 8601.
pub(super) fn month(text: &str) -> Option<String> {
    let date = text.split('T').next()?;
    date.rsplit_once('-').map(|(month, _day)| month.to_owned())
}

/// The year.
pub(super) fn year(text: &str) -> Option<String> {
    let month = month(text)?;
    month.rsplit_once('-').map(|(year, _month)| year.to_owned())
}

/// The band of each number, as a text: `[20,30)`.
#[expect(clippy::wildcard_enum_match_arm, reason = "items have no other types in Arrow")]
pub(super) fn bands(column: &ArrayRef, width: Step) -> Result<ArrayRef, ArrowError> {
    let name = |multiple: Option<i128>| {
        let width = width.number().unscaled();
        let lower = multiple?.checked_mul(width)?;
        let upper = lower.checked_add(width)?;
        Some(format!("[{},{})", Decimal::from_unscaled(lower), Decimal::from_unscaled(upper)))
    };
    let exact =
        |number: Option<i128>| number.map(|number| number.div_euclid(width.number().unscaled()));
    let rough = |number: f64| {
        let multiple = (number / width.number().to_f64()).floor();
        (multiple.abs() < BANDS_MAX).then_some(multiple as i128)
    };
    let texts: StringArray = match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>().iter();
            values.map(|value| name(exact(of_integer(value?)))).collect()
        }
        &DataType::Decimal128(_, scale) => {
            let values = column.as_primitive::<Decimal128Type>().iter();
            values.map(|value| name(exact(of_decimal(value?, scale)))).collect()
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().iter();
            values.map(|value| name(rough(value?))).collect()
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().iter();
            values.map(|value| name(rough(f64::from(value?)))).collect()
        }
        _ => return Ok(new_null_array(&DataType::Utf8, column.len())),
    };
    Ok(Arc::new(texts))
}

/// The multiple of the step that is nearest to each number, of the number's own type.
#[expect(clippy::wildcard_enum_match_arm, reason = "items have no other types in Arrow")]
pub(super) fn rounded(column: &ArrayRef, step: Step) -> Result<ArrayRef, ArrowError> {
    let exact = |number: Option<i128>| nearest(number?, step.number().unscaled());
    let width = step.number().to_f64();
    let rough = |number: f64| {
        let multiple = (number / width).round();
        (multiple.abs() < BANDS_MAX).then_some(multiple * width)
    };
    Ok(match column.data_type() {
        DataType::Int64 => {
            let whole = |number: i128| i64::try_from(number / ONE).ok();
            let values = column.as_primitive::<Int64Type>().iter();
            let values = values.map(|value| exact(of_integer(value?)).and_then(whole));
            Arc::new(values.collect::<Int64Array>())
        }
        &DataType::Decimal128(precision, scale) => {
            let values = column.as_primitive::<Decimal128Type>().iter();
            let values = values.map(|value| to_decimal(exact(of_decimal(value?, scale))?, scale));
            let values = values.collect::<Decimal128Array>();
            Arc::new(values.with_precision_and_scale(precision, scale)?)
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().iter();
            Arc::new(values.map(|value| rough(value?)).collect::<Float64Array>())
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().iter();
            let values = values.map(|value| rough(f64::from(value?)).map(|value| value as f32));
            Arc::new(values.collect::<Float32Array>())
        }
        other => new_null_array(other, column.len()),
    })
}

const ONE: i128 = 10_i128.pow(Decimal::SCALE);

fn of_integer(value: i64) -> Option<i128> {
    i128::from(value).checked_mul(ONE)
}

fn of_decimal(value: i128, scale: i8) -> Option<i128> {
    value.checked_mul(power(scale)?)
}

/// None if the step is finer than the type.
fn to_decimal(number: i128, scale: i8) -> Option<i128> {
    let power = power(scale)?;
    (number % power == 0).then(|| number / power)
}

fn power(scale: i8) -> Option<i128> {
    10_i128.checked_pow(Decimal::SCALE.checked_sub(u32::try_from(scale).ok()?)?)
}

/// What lies in the middle goes away from zero.
fn nearest(number: i128, step: i128) -> Option<i128> {
    let half = number.checked_abs()?.checked_mul(2)?.checked_add(step)?;
    let multiple = half / step.checked_mul(2)?;
    multiple.checked_mul(step)?.checked_mul(number.signum())
}

#[cfg(test)]
mod tests;
