//! What a delivery of a subscription reads, and what its schema says (R23.1).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use publicdata_transfer::push::{self, Content};
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
    shape: Shape,
}

enum Shape {
    /// Rows as they are.
    Rows,
    /// Rows, and what they are to whoever receives them.
    Push(Content),
}

impl Provider {
    /// What a permit has read: of a subscription to changes, a range that is remembered before anything is sent.
    pub(super) async fn feeding(
        &self,
        permit: &Permit,
        dataset: &Dataset,
    ) -> Result<Reading, Broken> {
        match (push::mode_of(&permit.request), dataset.feed()) {
            (Some(DeliveryMode::Bulk | DeliveryMode::Query) | None, _) => {
                Ok(Reading { connector: dataset.shared_connector(), shape: Shape::Rows })
            }
            (Some(DeliveryMode::Push), None) => {
                let shape = Shape::Push(Content::Whole);
                Ok(Reading { connector: dataset.shared_connector(), shape })
            }
            (Some(DeliveryMode::Push), Some(feed)) => {
                let range = self.range(permit, feed).await?;
                let shape = Shape::Push(Content::Changes(range.follows()));
                Ok(Reading { connector: feed.rows(&range), shape })
            }
        }
    }

    async fn range(&self, permit: &Permit, feed: &Feed) -> Result<Range, ChangesError> {
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
        let range = feed.plan(before.as_ref(), rows_max).await?;
        cursors.remember(request, &range, self.0.clock.now()).await?;
        Ok(range)
    }
}

impl Reading {
    /// The schema of what is sent, where the fields have this one.
    pub(super) fn schema(&self, fields: &SchemaRef) -> SchemaRef {
        match self.shape {
            Shape::Rows => SchemaRef::clone(fields),
            Shape::Push(content) => content.schema(fields),
        }
    }

    /// Rows as they are sent.
    pub(super) fn shaped(
        &self,
        schema: &SchemaRef,
        rows: RecordBatch,
    ) -> Result<RecordBatch, Broken> {
        match self.shape {
            Shape::Rows => Ok(rows),
            Shape::Push(content) => {
                content.upserts(schema, &rows).map_err(|error| AnswerError::Mask(error).into())
            }
        }
    }
}
