//! Source and sink compared (对账, R10.1): what the sink holds is read back and hashed here, what the source holds by the provider's
//! node, and both statements are signed and go on record at the bus. Which rows differ is for the two departments to find.

use arrow::datatypes::{DataType, Schema};
use futures::StreamExt as _;
use jiff::Timestamp;
use publicdata_exchange_domain::subscription::Trigger;
use publicdata_proto::exchange::v1::{RowSet, SinkStatement};
use publicdata_transfer::push::Follows;
use publicdata_transfer::{RowsDigest, time};
use publicdata_types::ItemType;

use super::due::Due;
use super::{Failure, Subscriber, sinks};
use crate::counting::record;
use crate::fetch::{Came, Offer, Order};
use crate::sink::{Note, Run};
use crate::source::scan::{Scan, scan};
use crate::source::value::{MONEY_SCALE, PRECISION};
use crate::source::{Reading, SourceError};

/// When source and sink are to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparing {
    schedule: Option<Trigger>,
    /// When they were compared last, since the node was started.
    compared_at: Option<Timestamp>,
    /// Somebody wants it now.
    asked: bool,
    /// How often the source was found to have changed meanwhile, one time after the other.
    overtaken: u32,
}

/// How often that may be: a source that always changes is never equal to its sink, and is not read for ever.
const OVERTAKEN_MAX: u32 = 3;

impl Comparing {
    pub(super) fn new(schedule: Option<Trigger>) -> Self {
        Self { schedule, compared_at: None, asked: false, overtaken: 0 }
    }

    /// Somebody wants it now.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Half of a run is no set of rows that could be compared.
    pub(super) fn is_due(&self, last: Option<&Note>, now: Timestamp) -> bool {
        let whole =
            last.is_some_and(|last| last.run == Run::Complete && last.follows == Follows::Nothing);
        let scheduled = self.schedule.is_some_and(|schedule| match self.compared_at {
            None => true,
            Some(at) => schedule.due_after(at).is_some_and(|due| due <= now),
        });
        whole && (self.asked || scheduled)
    }

    fn done(&mut self, at: Timestamp) {
        self.compared_at = Some(at);
        self.asked = false;
        self.overtaken = 0;
    }

    /// The source was found to have changed: they are compared after the next delivery, unless that goes on and on.
    fn overtaken(&mut self, at: Timestamp) {
        self.overtaken += 1;
        if self.overtaken >= OVERTAKEN_MAX {
            tracing::warn!(
                "the source changes too often to be compared; it waits for the next time"
            );
            self.done(at);
        }
    }
}

impl Subscriber {
    /// Compares, unless the source is found to have changed since the last delivery: that one comes first.
    pub(super) async fn compare(&mut self, last: &Note, due: &mut Due) -> Result<(), Failure> {
        let order =
            Order { subscription_id: self.id.to_string(), reconcile: true, ..Order::default() };
        let (fetcher, node) = (self.parts.fetcher.ordering(order), &self.parts.node);
        let offer = fetcher.offer(self.ticket.clone(), node).await?;
        let read_at = self.parts.clock.now();
        let sink = self.sink_rows(&offer).await?;
        let mut fetch = fetcher.begin(offer, node).await?;
        let receipt = loop {
            match fetch.advance().await? {
                // A sign of life.
                Came::Frame(_) => {}
                Came::Receipt(receipt) => break receipt,
            }
        };
        fetcher.hand_in(&fetch.countersigned(&receipt)).await?;
        let source = receipt.receipt().source.clone().ok_or(Failure::Content)?;
        due.heard(source.source_version);
        let now = self.parts.clock.now();
        if due.is_due(Some(last), now) {
            self.comparing.overtaken(now);
            return Ok(());
        }
        let statement = SinkStatement {
            subscription_id: self.id.to_string(),
            transfer_id: fetch.transfer().to_string(),
            last_transfer_id: last.transfer.to_string(),
            sink: Some(RowSet { source_version: last.source_version.clone(), ..sink }),
            read_at: Some(time::to_wire(read_at)),
        };
        let equal = fetcher.state_sink(&statement).await?;
        let now = self.parts.clock.now();
        self.comparing.done(now);
        self.state.send_modify(|state| state.compared(now, equal));
        match equal {
            true => tracing::info!(subscription = self.name, "source and sink are equal"),
            false => tracing::warn!(subscription = self.name, "source and sink differ"),
        }
        Ok(())
    }

    /// What the sink holds of the fields that the offer gives.
    async fn sink_rows(&self, offer: &Offer) -> Result<RowSet, Failure> {
        let connector = sinks::reader(&self.sink_config, offer.resource())
            .ok_or(Failure::NotReadable { kind: self.sink.kind() })?;
        let readings = readings(&offer.schema);
        let mut batches = scan(&*connector, Scan { readings, filter: None });
        let mut digest = RowsDigest::default();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error: SourceError| Failure::SinkRead(error))?;
            digest = record(digest, batch).await.map_err(|_| Failure::Content)?;
        }
        Ok(digest.to_wire(String::new()))
    }
}

/// The sink's columns are named as the fields, and of their types.
fn readings(schema: &Schema) -> Vec<Reading> {
    let reading = |field: &std::sync::Arc<arrow::datatypes::Field>| Reading {
        item: field.name().clone(),
        column: field.name().clone(),
        kind: kind_of(field.data_type()),
    };
    schema.fields().iter().map(reading).collect()
}

fn kind_of(kind: &DataType) -> ItemType {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are texts, also what masks make"
    )]
    match kind {
        DataType::Int64 => ItemType::Integer,
        DataType::Float64 => ItemType::Double,
        DataType::Float32 => ItemType::Float,
        DataType::Boolean => ItemType::Logical,
        DataType::Date32 => ItemType::Date,
        DataType::Timestamp(..) => ItemType::Timestamp,
        DataType::Binary => ItemType::General,
        DataType::Decimal128(PRECISION, MONEY_SCALE) => ItemType::Money,
        DataType::Decimal128(..) => ItemType::Number,
        _ => ItemType::Text,
    }
}
