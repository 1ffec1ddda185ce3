//! Small values, field by field.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_proto::catalog::v1 as catalog;
use publicdata_proto::exchange::v1 as wire;
use publicdata_types::{Deadline, DeliveryMode, SharingType};

use super::FieldError;

/// The requirement that an application's limit rests on.
const APPLICATION_RULE: &str = "R26.1";
const NANOSECONDS: i128 = 1_000_000_000;

/// Parses a text field.
///
/// # Errors
/// Names the field.
pub fn parse<T>(field: &'static str, text: &str) -> Result<T, FieldError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(FieldError::of(field))
}

/// The same, where an empty text is none.
///
/// # Errors
/// Names the field.
pub fn optional<T>(field: &'static str, text: &str) -> Result<Option<T>, FieldError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

/// `None` for an empty text.
#[must_use]
pub fn non_empty(text: String) -> Option<String> {
    match text.is_empty() {
        true => None,
        false => Some(text),
    }
}

pub(super) fn sharing(number: i32) -> Option<SharingType> {
    use catalog::SharingType as Wire;

    match Wire::try_from(number) {
        Ok(Wire::Unconditional) => Some(SharingType::Unconditional),
        Ok(Wire::Conditional) => Some(SharingType::Conditional),
        Ok(Wire::NotShared) => Some(SharingType::NotShared),
        Ok(Wire::Unspecified) | Err(_) => None,
    }
}

/// Delivery modes, each once.
///
/// # Errors
/// One is not known.
pub fn modes(numbers: &[i32]) -> Result<BTreeSet<DeliveryMode>, FieldError> {
    use catalog::DeliveryMode as Wire;

    let mode = |number: &i32| match Wire::try_from(*number) {
        Ok(Wire::Query) => Ok(DeliveryMode::Query),
        Ok(Wire::Bulk) => Ok(DeliveryMode::Bulk),
        Ok(Wire::Push) => Ok(DeliveryMode::Push),
        Ok(Wire::Unspecified) | Err(_) => Err(FieldError::missing("delivery_modes")),
    };
    numbers.iter().map(mode).collect()
}

pub(super) fn modes_to_wire(modes: &BTreeSet<DeliveryMode>) -> Vec<i32> {
    modes.iter().map(|&mode| mode_to_wire(mode)).collect()
}

pub(super) fn mode_to_wire(mode: DeliveryMode) -> i32 {
    use catalog::DeliveryMode as Wire;

    match mode {
        DeliveryMode::Query => Wire::Query.into(),
        DeliveryMode::Bulk => Wire::Bulk.into(),
        DeliveryMode::Push => Wire::Push.into(),
    }
}

/// The limit of an application as it stands in events and answers.
#[must_use]
pub fn deadline_to_wire(deadline: &Deadline) -> wire::Deadline {
    limit_to_wire(deadline, APPLICATION_RULE)
}

/// A limit as it stands in events and answers, with the requirement that sets it.
#[must_use]
pub fn limit_to_wire(deadline: &Deadline, rule: &'static str) -> wire::Deadline {
    wire::Deadline {
        due_on: deadline.on.to_string(),
        rule: rule.to_owned(),
        calendar_version: deadline.calendar_version.clone(),
        provisional: deadline.provisional,
    }
}

pub(super) fn deadline(deadline: Option<wire::Deadline>) -> Result<Deadline, FieldError> {
    let deadline = deadline.ok_or_else(|| FieldError::missing("deadline"))?;
    Ok(Deadline {
        on: parse::<Date>("due_on", &deadline.due_on)?,
        provisional: deadline.provisional,
        calendar_version: deadline.calendar_version,
    })
}

/// A moment as protobuf says it.
#[must_use]
pub fn time_to_wire(at: Timestamp) -> prost_types::Timestamp {
    let nanoseconds = at.as_nanosecond();
    // A jiff timestamp spans 20,000 years: its seconds fit an i64, and what is left of a second an i32.
    prost_types::Timestamp {
        seconds: i64::try_from(nanoseconds.div_euclid(NANOSECONDS)).unwrap_or_default(),
        nanos: i32::try_from(nanoseconds.rem_euclid(NANOSECONDS)).unwrap_or_default(),
    }
}

pub(crate) fn time(
    field: &'static str,
    time: Option<prost_types::Timestamp>,
) -> Result<Timestamp, FieldError> {
    let time = time.ok_or_else(|| FieldError::missing(field))?;
    Timestamp::new(time.seconds, time.nanos).map_err(FieldError::of(field))
}
