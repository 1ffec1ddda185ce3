//! What of one type may become of another: whatever loses nothing.

use arrow::array::StringBuilder;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::{Misfit, PRECISION, Value};

/// Whole numbers up to this one are exact in double precision.
const EXACT_DOUBLE_MAX: f64 = 9_007_199_254_740_992.0;

// Numbers and times in other columns than text are written as the catalogue writes them, so that a
// code stored as a number is delivered as the text that the catalogue promises.
pub(super) fn append_text(builder: &mut StringBuilder, value: Value<'_>) -> Result<(), Misfit> {
    match value {
        Value::Text(text) => builder.append_value(text),
        Value::Integer(number) => builder.append_value(number.to_string()),
        Value::Double(number) => builder.append_value(number.to_string()),
        Value::Float(number) => builder.append_value(number.to_string()),
        Value::Logical(value) => builder.append_value(value.to_string()),
        Value::Decimal { unscaled, scale } => builder.append_value(decimal_text(unscaled, scale)),
        Value::Date(days) => builder.append_value(date_text(days)?),
        Value::Timestamp(micros) => builder.append_value(timestamp_text(micros)?),
        Value::Bytes(_) | Value::Null => return Err(Misfit),
    }
    Ok(())
}

pub(super) fn integer(value: Value<'_>) -> Result<i64, Misfit> {
    match value {
        Value::Integer(number) => Ok(number),
        Value::Text(text) => text.parse().map_err(|_| Misfit),
        Value::Double(number) if number.fract() == 0.0 && number.abs() <= EXACT_DOUBLE_MAX =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "the guard keeps it exact")]
            Ok(number as i64)
        }
        Value::Float(number) => integer(Value::Double(f64::from(number))),
        Value::Decimal { .. } => i64::try_from(decimal(value, 0)?).map_err(|_| Misfit),
        Value::Null
        | Value::Double(_)
        | Value::Logical(_)
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

pub(super) fn double(value: Value<'_>) -> Result<f64, Misfit> {
    match value {
        Value::Double(number) => Ok(number),
        Value::Float(number) => Ok(f64::from(number)),
        #[expect(clippy::cast_precision_loss, reason = "the guard keeps it exact")]
        Value::Integer(number) if (number as f64).abs() <= EXACT_DOUBLE_MAX => Ok(number as f64),
        Value::Text(text) => text.parse().map_err(|_| Misfit),
        // The nearest double: the catalogue says that double precision is enough.
        Value::Decimal { unscaled, scale } => {
            decimal_text(unscaled, scale).parse().map_err(|_| Misfit)
        }
        Value::Null
        | Value::Integer(_)
        | Value::Logical(_)
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

pub(super) fn float(value: Value<'_>) -> Result<f32, Misfit> {
    match value {
        Value::Float(number) => Ok(number),
        Value::Text(text) => text.parse().map_err(|_| Misfit),
        Value::Integer(_) | Value::Double(_) | Value::Decimal { .. } => {
            #[expect(clippy::cast_possible_truncation, reason = "single precision was catalogued")]
            let number = double(value)? as f32;
            Ok(number)
        }
        Value::Null
        | Value::Logical(_)
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

pub(super) fn decimal(value: Value<'_>, scale: i8) -> Result<i128, Misfit> {
    match value {
        Value::Integer(number) => rescale(i128::from(number), 0, scale),
        Value::Decimal { unscaled, scale: from } => rescale(unscaled, from, scale),
        Value::Text(text) => decimal_of_text(text, scale),
        // The shortest text that reads back as the same number.
        Value::Double(number) => decimal_of_text(&number.to_string(), scale),
        Value::Float(number) => decimal_of_text(&number.to_string(), scale),
        Value::Null
        | Value::Logical(_)
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

fn decimal_of_text(text: &str, scale: i8) -> Result<i128, Misfit> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits || digits.ends_with('.') {
        return Err(Misfit);
    }

    let unscaled: i128 = format!("{whole}{fraction}").parse().map_err(|_| Misfit)?;
    let from = i8::try_from(fraction.len()).map_err(|_| Misfit)?;
    rescale(if text.starts_with('-') { -unscaled } else { unscaled }, from, scale)
}

/// Changes the digits after the point, without loss.
fn rescale(unscaled: i128, from: i8, to: i8) -> Result<i128, Misfit> {
    let power = |exponent: i8| 10_i128.checked_pow(u32::try_from(exponent).ok()?);
    let number = if to >= from {
        power(to - from).and_then(|factor| unscaled.checked_mul(factor)).ok_or(Misfit)?
    } else {
        let divisor = power(from - to).ok_or(Misfit)?;
        match unscaled % divisor {
            0 => unscaled / divisor,
            _ => return Err(Misfit),
        }
    };
    match number.unsigned_abs() < 10_u128.pow(u32::from(PRECISION)) {
        true => Ok(number),
        false => Err(Misfit),
    }
}

fn decimal_text(unscaled: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or_default();
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    match fraction.is_empty() {
        true => format!("{sign}{whole}"),
        false => format!("{sign}{whole}.{fraction}"),
    }
}

pub(super) fn logical(value: Value<'_>) -> Result<bool, Misfit> {
    match value {
        Value::Logical(value) => Ok(value),
        Value::Integer(1) | Value::Text("true" | "TRUE" | "True" | "t" | "1") => Ok(true),
        Value::Integer(0) | Value::Text("false" | "FALSE" | "False" | "f" | "0") => Ok(false),
        Value::Null
        | Value::Text(_)
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Float(_)
        | Value::Decimal { .. }
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

pub(super) fn date(value: Value<'_>) -> Result<i32, Misfit> {
    match value {
        Value::Date(days) => Ok(days),
        Value::Text(text) => text.parse().map(days_of).map_err(|_| Misfit),
        Value::Null
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Float(_)
        | Value::Decimal { .. }
        | Value::Logical(_)
        | Value::Timestamp(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

pub(super) fn timestamp(value: Value<'_>) -> Result<i64, Misfit> {
    match value {
        Value::Timestamp(micros) => Ok(micros),
        Value::Text(text) => timestamp_of_text(text),
        Value::Null
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Float(_)
        | Value::Decimal { .. }
        | Value::Logical(_)
        | Value::Date(_)
        | Value::Bytes(_) => Err(Misfit),
    }
}

/// A time with an offset is an instant; one without is China's.
fn timestamp_of_text(text: &str) -> Result<i64, Misfit> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_microsecond());
    }
    text.parse().map_err(|_| Misfit).and_then(micros_of)
}

pub(super) fn bytes<'a>(value: Value<'a>) -> Result<&'a [u8], Misfit> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Text(text) => Ok(text.as_bytes()),
        Value::Null
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Float(_)
        | Value::Decimal { .. }
        | Value::Logical(_)
        | Value::Date(_)
        | Value::Timestamp(_) => Err(Misfit),
    }
}

/// Days since 1970-01-01.
#[must_use]
pub fn days_of(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    // Jiff's dates span the years -9999 to 9999, so the days always fit.
    (date - epoch).get_days()
}

/// Microseconds since 1970-01-01T00:00:00Z of a time in China.
pub fn micros_of(time: DateTime) -> Result<i64, Misfit> {
    let instant = Offset::constant(8).to_timestamp(time).map_err(|_| Misfit)?;
    Ok(instant.as_microsecond())
}

fn date_text(days: i32) -> Result<String, Misfit> {
    use jiff::ToSpan as _;

    let date = Date::constant(1970, 1, 1).checked_add(days.days()).map_err(|_| Misfit)?;
    Ok(date.to_string())
}

fn timestamp_text(micros: i64) -> Result<String, Misfit> {
    let instant = Timestamp::from_microsecond(micros).map_err(|_| Misfit)?;
    Ok(Offset::constant(8).to_datetime(instant).to_string())
}
