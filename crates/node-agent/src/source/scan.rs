//! A scan: what a connector reads, less the rows that the filter leaves out.

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::error::ArrowError;
use futures::StreamExt as _;
use futures::stream;
use publicdata_exchange_domain::filter::Filter;
use publicdata_types::ItemType;

use super::batch::{BATCH_ROWS, schema_of};
use super::{Batches, Connector, Origin, Reading, SourceError, evaluate};

/// What to read.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The columns, in the order that they are delivered in.
    pub readings: Vec<Reading>,
    /// The rows; none for all.
    pub filter: Option<RowFilter>,
}

/// A filter, with the columns that it reads.
#[derive(Clone, Debug)]
pub struct RowFilter {
    /// The condition, over items.
    pub filter: Filter,
    /// Every item that it names.
    pub readings: Vec<Reading>,
}

struct Filtering {
    batches: Batches,
    filter: Filter,
    origin: Origin,
    delivered: Vec<usize>,
    whole: BatchCoalescer,
    ended: bool,
}

/// Reads exactly the rows and columns of the scan. The same data makes the same batches.
#[must_use]
pub fn scan(connector: &dyn Connector, scan: Scan) -> Batches {
    let Some(filter) = scan.filter.clone() else {
        return connector.read(scan.readings, None);
    };
    let delivered: Vec<usize> = (0..scan.readings.len()).collect();
    let whole = BatchCoalescer::new(schema_of(&scan.readings), BATCH_ROWS);
    let filtering = Filtering {
        filter: filter.filter.clone(),
        batches: connector.read(scan.all_readings(), Some(filter)),
        origin: connector.origin().clone(),
        delivered,
        whole,
        ended: false,
    };

    stream::try_unfold(filtering, |mut filtering| async move {
        let batch = filtering.next().await?;
        Ok(batch.map(|batch| (batch, filtering)))
    })
    .boxed()
}

// === impl Filtering ===

impl Filtering {
    async fn next(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        loop {
            if let Some(batch) = self.whole.next_completed_batch() {
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            let pushed = match self.batches.next().await {
                Some(batch) => self.push(&batch?),
                None => {
                    self.ended = true;
                    self.whole.finish_buffered_batch()
                }
            };
            pushed.map_err(|source| SourceError::broken(&self.origin, source))?;
        }
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let chosen = evaluate::rows(self.filter.condition(), batch)?;
        self.whole.push_batch_with_filter(batch.project(&self.delivered)?, &chosen)
    }
}

// === impl Scan ===

impl Scan {
    /// Leaves the rows that this filter lets through as well; it names one item, read like this.
    pub fn narrow(&mut self, filter: Filter, reading: Reading) {
        let narrowed = match self.filter.take() {
            None => RowFilter { filter, readings: vec![reading] },
            Some(mut known) => {
                known.readings.push(reading);
                RowFilter { filter: known.filter.and(filter), readings: known.readings }
            }
        };
        self.filter = Some(narrowed);
    }

    /// What has to be read: the columns delivered, and then those that only the filter needs.
    #[must_use]
    pub fn all_readings(&self) -> Vec<Reading> {
        let mut all = self.readings.clone();
        for reading in self.filter.iter().flat_map(|filter| &filter.readings) {
            if !all.iter().any(|known| known.item == reading.item) {
                all.push(reading.clone());
            }
        }
        all
    }
}

// === impl RowFilter ===

impl RowFilter {
    /// Whether it compares times.
    #[must_use]
    pub fn names_timestamps(&self) -> bool {
        self.readings.iter().any(|reading| reading.kind == ItemType::Timestamp)
    }
}
