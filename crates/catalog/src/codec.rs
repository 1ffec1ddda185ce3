//! Domain events to wire events and back. A wire event is for ever: its field numbers and its golden file never change.

mod agreement;
mod assessment;
mod change;
mod classification;
mod consolidation;
mod description;
mod entity;
mod harvest;
mod library;
mod network;
mod obligation;
mod organisation;
mod recovery;
mod register;
mod resource;
mod security_record;
mod system;
mod vocabulary;
mod words;

pub(crate) use publicdata_event_store::aggregates::from_any;

pub(crate) use agreement::agreement_terms_from_wire;
pub(crate) use assessment::{
    bulletin_from_wire, criterion_to_wire, period_from_wire, position_to_wire, weights_from_wire,
    weights_to_wire,
};
pub(crate) use description::{choices_to_wire, description_from_wire, description_to_wire};
pub(crate) use entity::{
    items_from_wire, plan_from_wire, plan_to_wire, source_from_wire, source_to_wire,
    winner_from_wire, winner_to_wire,
};
pub(crate) use harvest::{
    foreign_from_wire, foreign_to_wire, harvest_kind_from_wire, harvest_kind_to_wire,
};
pub(crate) use network::{basis_to_wire, network_from_wire, opinion_from_wire};
pub(crate) use obligation::deadline_to_wire;
pub(crate) use recovery::{recovery_kind_from_wire, recovery_terms_from_wire};
pub(crate) use register::optional_date;
pub(crate) use security_record::security_kind_from_wire;
pub(crate) use system::system_from_wire;
pub(crate) use words::{
    change_kind_from_wire, change_kind_to_wire, obligation_kind_from_wire, obligation_kind_to_wire,
    optional, required, role_from_request, sharing_type_from_number, sharing_type_to_number,
    status_from_request, status_to_wire, update_cycle_from_number, update_cycle_from_request,
    update_cycle_from_wire, update_cycle_to_number,
};

pub use agreement::Agreement;
pub use assessment::Assessment;
pub use change::Change;
pub use classification::Classification;
pub use consolidation::Consolidation;
pub use entity::Entity;
pub use harvest::{ForeignResource, HarvestSource};
pub use library::Library;
pub use network::Network;
pub use obligation::Obligation;
pub use organisation::Organisation;
pub use recovery::Recovery;
pub use resource::Resource;
pub use security_record::SecurityRecord;
pub use system::System;
pub use vocabulary::Vocabulary;

use std::str::FromStr;

use jiff::Timestamp;
use prost_types::Any;
use publicdata_event_store::BoxError;
use publicdata_event_store::aggregates::{DecodeError, to_any};

/// A field of a message that holds what it must not, or does not hold what it must.
#[derive(Debug, thiserror::Error)]
#[error("field `{field}` is wrong")]
pub(crate) struct FieldError {
    /// The field, from the message on.
    pub(crate) field: String,
    source: BoxError,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self { field: field.into(), source: source.into() }
    }

    /// The same field, seen from the message that holds this one.
    pub(crate) fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}

/// Parses a text field.
pub(crate) fn parse<T>(field: &str, text: &str) -> Result<T, FieldError>
where
    T: FromStr<Err: Into<BoxError>>,
{
    text.parse().map_err(|source| FieldError::new(field, source))
}

pub(crate) fn time_to_wire(time: Timestamp) -> prost_types::Timestamp {
    const SECOND: i128 = 1_000_000_000;

    let nanoseconds = time.as_nanosecond();
    // 20,000 years of seconds fit an i64, and less than a second of nanoseconds an i32.
    let seconds = i64::try_from(nanoseconds.div_euclid(SECOND)).unwrap_or_default();
    let nanos = i32::try_from(nanoseconds.rem_euclid(SECOND)).unwrap_or_default();
    prost_types::Timestamp { seconds, nanos }
}

pub(crate) fn time_from_wire(
    field: &str,
    time: Option<prost_types::Timestamp>,
) -> Result<Timestamp, FieldError> {
    let time = time.ok_or_else(|| FieldError::new(field, "the time is missing"))?;
    match (Timestamp::new(time.seconds, time.nanos), time.nanos) {
        (Ok(time), 0..) => Ok(time),
        (Ok(_), _) => Err(FieldError::new(field, "the nanoseconds are negative")),
        (Err(error), _) => Err(FieldError::new(field, error)),
    }
}

fn unknown(any: &Any) -> DecodeError {
    DecodeError::new(any, "its type is unknown; this program is older than the event")
}

#[cfg(test)]
mod tests;
