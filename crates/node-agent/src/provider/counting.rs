//! What the source holds of what a grant gives, counted and hashed rather than delivered (R10.1).

use std::mem;

use arrow::array::RecordBatch;
use publicdata_proto::exchange::v1::Frame;
use publicdata_transfer::{Delivering, RowsDigest};

use super::Broken;
use crate::counting::record;

/// After so many batches there is a sign of life, before the bus takes the delivery for stalled. It is counted in batches and not in
/// seconds, so that an attempt to resume makes the same frames.
const BATCHES_BETWEEN_PULSES: u32 = 16;

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) digest: RowsDigest,
    batches: u32,
}

impl Counting {
    /// Counts a batch; a sign of life is to be sent if one is due.
    pub(super) async fn count(
        &mut self,
        batch: RecordBatch,
        delivering: &mut Delivering,
    ) -> Result<Vec<Frame>, Broken> {
        let schema = batch.schema();
        self.digest = record(mem::take(&mut self.digest), batch).await?;
        self.batches += 1;
        match self.batches.is_multiple_of(BATCHES_BETWEEN_PULSES) {
            true => Ok(delivering.pulse(&schema)?.into_iter().collect()),
            false => Ok(Vec::new()),
        }
    }
}
