//! Wire messages to domain values and back: events, terms, resources.

pub mod archive;
pub mod dispute;
pub mod grant;
pub mod subscription;
pub mod ticket;
pub mod transfer;
pub mod values;

mod resource;

use prost::Message;
use prost_types::Any;
use publicdata_event_store::BoxError;
use publicdata_event_store::aggregates::{DecodeError, to_any};
use publicdata_transfer::item::ItemError;
use publicdata_transfer::terms::TermsError;

pub use resource::{SharingConditions, facts};

/// A field of a wire message that does not hold what it has to.
#[derive(Debug, thiserror::Error)]
#[error("`{field}` is wrong: {source}")]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong with it. It does not repeat the value (H5).
    pub source: BoxError,
}

impl FieldError {
    /// For `map_err`: names the field that an error is about.
    pub fn of<E: Into<BoxError>>(field: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { field, source: source.into() }
    }

    /// For `map_err`: a field of an item, below the place of the item.
    pub fn of_item(field: &'static str) -> impl FnOnce(ItemError) -> Self {
        move |error| Self { field, source: error.to_string().into() }
    }

    /// The field is not there.
    #[must_use]
    pub fn missing(field: &'static str) -> Self {
        Self { field, source: "it is missing".into() }
    }
}

impl From<TermsError> for FieldError {
    fn from(error: TermsError) -> Self {
        Self { field: "grant", source: format!("`{}`: {}", error.field, error.source).into() }
    }
}

/// Reads an event that is of this type.
fn from_any<M: Message + Default>(any: &Any) -> Result<M, DecodeError> {
    M::decode(any.value.as_slice()).map_err(unreadable(any))
}

/// For `map_err`: an event that cannot be read.
fn unreadable<E: Into<BoxError>>(any: &Any) -> impl FnOnce(E) -> DecodeError {
    let type_url = any.type_url.clone();
    move |source| DecodeError { type_url, source: source.into() }
}

#[cfg(test)]
mod tests;
