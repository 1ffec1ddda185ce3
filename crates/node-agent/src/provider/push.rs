//! What a delivery of a subscription reads, and what its schema says (R23.1).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use publicdata_transfer::push::{Content, Follows, Outline};
use publicdata_types::DeliveryMode;

use super::answer::AnswerError;
use super::{Broken, Provider};
use crate::changes::{ChangesError, Feed, Range};
use crate::dataset::Dataset;
use crate::permit::Permit;
use crate::source::Connector;

/// What is read, and how it is sent.
pub(super) struct Reading {
    pub(super) connector: Arc<dyn Connector>,
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
            let connector = feed.rows(&range);
            let content = Content::Changes(range.follows());
            let source_version = range.source_version;
            let outline = Outline { content, source_version: source_version.clone() };
            return Ok(Reading { connector, source_version, shape: Shape::Push(outline) });
        }
        let source_version = match permit.mode {
            // What is known of one subject is no state of the source.
            DeliveryMode::Query => String::new(),
            DeliveryMode::Bulk | DeliveryMode::Push => self.source_version(dataset).await?,
        };
        let shape = match is_delivery {
            true => {
                let state = source_version.clone();
                Shape::Push(Outline { content: Content::Whole, source_version: state })
            }
            false => Shape::Rows,
        };
        Ok(Reading { connector: dataset.shared_connector(), source_version, shape })
    }

    /// The state that the source has now, or a later one when it is read.
    async fn source_version(&self, dataset: &Dataset) -> Result<String, ChangesError> {
        match dataset.watched() {
            Some(_) => {
                let state = dataset.state().await?;
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
        let mut range = feed.plan(before.as_ref(), rows_max).await?;
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

    /// Rows as they are sent.
    pub(super) fn shaped(
        &self,
        schema: &SchemaRef,
        rows: RecordBatch,
    ) -> Result<RecordBatch, Broken> {
        match &self.shape {
            Shape::Rows => Ok(rows),
            Shape::Push(outline) => {
                outline.upserts(schema, &rows).map_err(|error| AnswerError::Mask(error).into())
            }
        }
    }
}
