//! Values of the catalogue's types, as a CSV file writes them and as JSON does.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use publicdata_types::ItemType;

const DATE_LENGTH: usize = 10;

/// Whether a text, which is not empty, is a value of this type.
///
/// Numbers follow JSON's grammar, so that they pass into JSON digit by digit. A code with leading zeros is a text.
pub(super) fn fits(kind: ItemType, text: &str) -> bool {
    match kind {
        ItemType::Text | ItemType::Memo => true,
        ItemType::Number | ItemType::Money => is_decimal(text),
        ItemType::Integer => is_decimal(text) && text.parse::<i64>().is_ok(),
        ItemType::Double => is_floating(text) && text.parse().is_ok_and(f64::is_finite),
        ItemType::Float => is_floating(text) && text.parse().is_ok_and(f32::is_finite),
        ItemType::Logical => matches!(text, "true" | "false"),
        ItemType::Date => text.len() == DATE_LENGTH && text.parse::<Date>().is_ok(),
        // Both also read a mere date.
        ItemType::Timestamp => {
            let is_time = text.parse::<DateTime>().is_ok() || text.parse::<Timestamp>().is_ok();
            text.len() > DATE_LENGTH && is_time
        }
        ItemType::General => BASE64_STANDARD.decode(text).is_ok(),
    }
}

/// What to write for a value of this type.
pub(super) const fn expected(kind: ItemType) -> &'static str {
    match kind {
        ItemType::Text | ItemType::Memo => "any text",
        ItemType::Number | ItemType::Money => {
            "digits with at most one point and no leading zeros, such as -12.50"
        }
        ItemType::Integer => "a whole number within 64 bits, without leading zeros",
        ItemType::Double | ItemType::Float => "a finite number, such as 12.5 or 1.25e-3",
        ItemType::Logical => "true or false",
        ItemType::Date => "a date such as 2026-01-04",
        ItemType::Timestamp => "a date with time such as 2026-01-04T09:00:00+08:00",
        ItemType::General => "Base64",
    }
}

/// What the catalogue's length counts: characters of texts, digits of numbers; `None` where it counts nothing.
pub(super) fn length(kind: ItemType, text: &str) -> Option<usize> {
    match kind {
        ItemType::Text | ItemType::Memo => Some(text.chars().count()),
        ItemType::Number | ItemType::Money | ItemType::Integer => {
            Some(text.bytes().filter(u8::is_ascii_digit).count())
        }
        ItemType::Date
        | ItemType::Timestamp
        | ItemType::Logical
        | ItemType::General
        | ItemType::Double
        | ItemType::Float => None,
    }
}

/// Writes a value as JSON: null for none, numbers and truth values as such, everything else as a string.
///
/// A text that is no value of its type, because the type was changed since, is a string too.
pub(super) fn write_json(kind: ItemType, text: &str, json: &mut Vec<u8>) {
    let literal = match kind {
        ItemType::Number
        | ItemType::Money
        | ItemType::Integer
        | ItemType::Double
        | ItemType::Float
        | ItemType::Logical => fits(kind, text),
        ItemType::Text
        | ItemType::Memo
        | ItemType::Date
        | ItemType::Timestamp
        | ItemType::General => false,
    };
    match text {
        "" => json.extend_from_slice(b"null"),
        text if literal => json.extend_from_slice(text.as_bytes()),
        text => write_json_string(text, json),
    }
}

pub(super) fn write_json_string(text: &str, json: &mut Vec<u8>) {
    json.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    are_digits(whole) && !leading_zero && fraction.is_none_or(are_digits)
}

fn is_floating(text: &str) -> bool {
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            is_decimal(mantissa) && are_digits(digits)
        }
        None => is_decimal(text),
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
