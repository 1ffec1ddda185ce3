//! What a delivery of a subscription reads, and what its schema says (R23.1).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use publicdata_transfer::push::{Change, Content, Follows, Outline};
use publicdata_types::{DeliveryMode, Mask};

use super::answer::{AnswerError, Answers};
use super::{Broken, Provider};
use crate::changes::{ChangesError, Feed, Range};
use crate::dataset::Dataset;
use crate::permit::Permit;
use crate::source::{Connector, Scan};

/// What is read, and how it is sent.
pub(super) struct Reading {
    pub(super) connector: Arc<dyn Connector>,
    /// Where the rows are that are gone, if they are told.
    deletions: Option<Arc<dyn Connector>>,
    /// The state of the source, as it is named to others; empty if it is not watched, or a question is answered.
    pub(super) source_version: String,
    shape: Shape,
}

enum Shape {
    /// Rows as they are.
    Rows,
    /// Rows, and what they are to whoever receives them.
    Push(Outline),
}

impl Provider {
    /// What a permit has read: of a subscription to changes, a range that is remembered before anything is sent.
    pub(super) async fn feeding(
        &self,
        permit: &Permit,
        dataset: &Dataset,
    ) -> Result<Reading, Broken> {
        let is_delivery = permit.mode == DeliveryMode::Push && !permit.request.reconcile;
        if let Some(feed) = dataset.feed().filter(|_| is_delivery) {
            let range = self.range(permit, dataset, feed).await?;
            let rows = feed.rows(&self.0.cursors, &range).await?;
            let content = range.content();
            let source_version = range.source_version;
            let outline = Outline { content, source_version: source_version.clone() };
            return Ok(Reading {
                connector: rows.upserts,
                deletions: rows.deletions.filter(|_| may_know_of_deletions(permit, dataset)),
                source_version,
                shape: Shape::Push(outline),
            });
        }
        let source_version = match permit.mode {
            // What is known of one subject is no state of the source.
            DeliveryMode::Query => String::new(),
            // Rows can be read although nobody says what changes.
            DeliveryMode::Bulk => self.source_version(dataset).await.unwrap_or_default(),
            DeliveryMode::Push => self.source_version(dataset).await?,
        };
        let shape = match is_delivery {
            true => {
                let state = source_version.clone();
                Shape::Push(Outline { content: Content::Whole, source_version: state })
            }
            false => Shape::Rows,
        };
        let connector = dataset.shared_connector();
        Ok(Reading { connector, deletions: None, source_version, shape })
    }

    /// The state that the source has now, or a later one when it is read.
    async fn source_version(&self, dataset: &Dataset) -> Result<String, ChangesError> {
        match dataset.watched() {
            Some(_) => {
                let state = dataset.state(&self.0.cursors).await?;
                Ok(self.0.cursors.version(dataset.resource, &state).await?)
            }
            None => Ok(String::new()),
        }
    }

    async fn range(
        &self,
        permit: &Permit,
        dataset: &Dataset,
        feed: &Feed,
    ) -> Result<Range, ChangesError> {
        let (request, cursors) = (&permit.request, &self.0.cursors);
        if let Some(range) = cursors.of(&request.transfer_id, request).await? {
            return Ok(range);
        }
        let before = match request.after_transfer_id.as_str() {
            "" => None,
            transfer => {
                let before = cursors.of(transfer, request).await?;
                Some(before.ok_or(ChangesError::CursorUnknown)?)
            }
        };
        let rows_max = permit.terms.rows_max.unwrap_or(u64::MAX);
        let rows_max = rows_max.min(permit.rows_left.unwrap_or(u64::MAX));
        let source_version = self.source_version(dataset).await?;
        let mut range = feed.plan(cursors, before.as_ref(), rows_max).await?;
        range.source_version = source_version;
        cursors.remember(request, &range, self.0.clock.now()).await?;
        Ok(range)
    }
}

impl Reading {
    /// What comes after it.
    pub(super) fn follows(&self) -> Follows {
        match &self.shape {
            Shape::Push(Outline { content: Content::Changes(follows), .. }) => *follows,
            Shape::Push(Outline { content: Content::Whole, .. }) | Shape::Rows => Follows::Nothing,
        }
    }

    /// The schema of what is sent, where the fields have this one.
    pub(super) fn schema(&self, fields: &SchemaRef) -> SchemaRef {
        match &self.shape {
            Shape::Rows => SchemaRef::clone(fields),
            Shape::Push(outline) => outline.schema(fields),
        }
    }

    /// What is read, and what became of it: first the rows that are gone, as others may have come in their place.
    pub(super) fn batches(
        &self,
        wanted: &Scan,
        upserts: Answers,
    ) -> BoxStream<'static, (Change, Result<RecordBatch, AnswerError>)> {
        let upserts = upserts.map(|batch| (Change::Upsert, batch));
        let Some(deletions) = &self.deletions else { return upserts.boxed() };
        let deletions = deletions.read(wanted.readings.clone(), None);
        let deletions = deletions.map_err(AnswerError::from).map(|batch| (Change::Delete, batch));
        deletions.chain(upserts).boxed()
    }

    /// Rows as they are sent.
    pub(super) fn shaped(
        &self,
        schema: &SchemaRef,
        change: Change,
        rows: RecordBatch,
    ) -> Result<RecordBatch, Broken> {
        match &self.shape {
            Shape::Rows => Ok(rows),
            Shape::Push(outline) => {
                outline.rows(schema, change, &rows).map_err(|error| AnswerError::Mask(error).into())
            }
        }
    }
}

/// Whether a consumer may be told which rows are gone. Of those that a row filter leaves out it has no right to know that they ever
/// were, and without the whole key it would not know which are meant.
fn may_know_of_deletions(permit: &Permit, dataset: &Dataset) -> bool {
    let identifies = |column: &String| {
        permit.fields.iter().any(|field| {
            let is_unique = matches!(field.mask, None | Some(Mask::Pseudonym(_)));
            is_unique && dataset.column(&field.name) == *column
        })
    };
    permit.terms.row_filter.is_none() && dataset.key().iter().all(identifies)
}
