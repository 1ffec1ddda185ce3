//! Deliveries of a subscription (数据推送, R23.1): what they hold stands in the metadata of the schema, and so in the receipt.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use publicdata_proto::exchange::v1::TransferRequest;
use publicdata_types::DeliveryMode;

use crate::question;

/// The first column of changes: [`UPSERT`] or [`DELETE`].
pub const CHANGE_COLUMN: &str = "_change";
/// The row is new, or has changed.
pub const UPSERT: &str = "upsert";
/// The row is gone; only its key is given.
pub const DELETE: &str = "delete";

/// Where the schema says what the delivery holds. One key alone, so that the schema is always encoded in the same way.
const METADATA_KEY: &str = "publicdata.push";

/// What a delivery of a subscription holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// All rows of the source, which take the place of what there was.
    Whole,
    /// Changes, row by row.
    Changes(Follows),
}

/// What a delivery says of itself, before its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// What it holds.
    pub content: Content,
    /// The state of the source that it has at least, as it is named in `ResourceChanged`; empty if states are not named.
    pub source_version: String,
}

/// What comes after these changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follows {
    /// There are more already, for the next delivery.
    More,
    /// Nothing: the source had no more when the delivery began.
    #[default]
    Nothing,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or has changed.
    Upsert,
    /// It is gone.
    Delete,
}

/// How a request wants data delivered: by push if and only if it is for a subscription. None if it contradicts itself, or says what is
/// not known.
#[must_use]
pub fn mode_of(request: &TransferRequest) -> Option<DeliveryMode> {
    let said = question::mode(request.mode)?;
    match (request.subscription_id.is_empty(), said) {
        (true, DeliveryMode::Query | DeliveryMode::Bulk) if !request.reconcile => Some(said),
        (false, DeliveryMode::Push) => Some(said),
        (true, _) | (false, DeliveryMode::Query | DeliveryMode::Bulk) => None,
    }
}

impl Change {
    /// As it stands in the column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => UPSERT,
            Self::Delete => DELETE,
        }
    }
}

impl Content {
    fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Changes(Follows::More) => "changes, more follow",
            Self::Changes(Follows::Nothing) => "changes",
        }
    }

    fn of(word: &str) -> Option<Self> {
        match word {
            "whole" => Some(Self::Whole),
            "changes, more follow" => Some(Self::Changes(Follows::More)),
            "changes" => Some(Self::Changes(Follows::Nothing)),
            _ => None,
        }
    }
}

impl Outline {
    /// The schema of a delivery with these fields.
    #[must_use]
    pub fn schema(&self, fields: &Schema) -> SchemaRef {
        let change = match self.content {
            Content::Whole => None,
            Content::Changes(_) => Some(Arc::new(Field::new(CHANGE_COLUMN, DataType::Utf8, false))),
        };
        let fields: Vec<_> = change.into_iter().chain(fields.fields().iter().cloned()).collect();
        let said = format!("{}; {}", self.content.word(), self.source_version);
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), said)]);
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    /// What a schema says of its delivery; nothing if it is no delivery of a subscription.
    #[must_use]
    pub fn of(schema: &Schema) -> Option<Self> {
        let (word, version) = schema.metadata().get(METADATA_KEY)?.split_once("; ")?;
        Some(Self { content: Content::of(word)?, source_version: version.to_owned() })
    }

    /// Rows of the source as they stand in the delivery, to each of which the same happened; of those that are gone only the key is
    /// given.
    pub fn rows(
        &self,
        schema: &SchemaRef,
        change: Change,
        rows: &RecordBatch,
    ) -> Result<RecordBatch, ArrowError> {
        let mut columns = rows.columns().to_vec();
        if let Content::Changes(_) = self.content {
            let word = change.as_str();
            let words = StringArray::from_iter_values(std::iter::repeat_n(word, rows.num_rows()));
            columns.insert(0, Arc::new(words) as ArrayRef);
        }
        RecordBatch::try_new(SchemaRef::clone(schema), columns)
    }
}

/// The names of the fields that a schema gives, without the column that says what became of a row.
pub(crate) fn field_names(schema: &Schema) -> impl Iterator<Item = &String> {
    let content = Outline::of(schema).map(|outline| outline.content);
    let is_change = matches!(content, Some(Content::Changes(_)));
    let first = schema.fields().first().map(|field| field.name().as_str());
    let skipped = usize::from(is_change && first == Some(CHANGE_COLUMN));
    schema.fields().iter().skip(skipped).map(|field| field.name())
}

#[cfg(test)]
mod tests;
