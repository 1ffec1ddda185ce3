//! The providing side: admits requests, and delivers what they ask for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::error::ArrowError;
use futures::StreamExt as _;
use futures::future::join;
use publicdata_exchange_domain::Standing;
use publicdata_identity::Signer;
use publicdata_proto::exchange::v1::deliver_request::Part;
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::exchange::v1::{
    DeliverRequest, DeliveryFailure, ServeTransfer, StopTransfer,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::{Clock, Problem};
use publicdata_transfer::delivering::DeliveryError;
use publicdata_transfer::{Delivering, Progress};
use publicdata_types::ResourceId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::changes::ChangesError;
use crate::changes::cursors::Cursors;
use crate::dataset::Dataset;
use crate::journal::{Journal, JournalError, Seen};
use crate::mask::{Masking, PseudonymKey};
use crate::permit::{Attempt, Gate, Permit, Refused};
use crate::source::scan::scan;
use crate::source::{Scan, SourceError};
use attempts::{Count, Memory};

mod attempts;
mod push;

/// How many frames wait for the connection: what waits is memory, and the connection has a window of
/// its own.
pub const PARTS_WAITING_MAX: usize = 1;

/// How many rows of a limited volume are counted ahead of their delivery.
const RESERVED_ROWS: u64 = 100_000;

/// The providing side of a node. Cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

/// What a provider is made of.
pub struct Parts {
    /// What a request must pass.
    pub gate: Gate,
    /// What the node serves.
    pub datasets: BTreeMap<ResourceId, Dataset>,
    /// What it remembers.
    pub journal: Journal,
    /// Where deliveries of subscriptions ended.
    pub cursors: Cursors,
    /// What it makes pseudonyms with.
    pub key: PseudonymKey,
    /// In whose name it signs receipts.
    pub signer: Signer,
    /// The time.
    pub clock: Clock,
    /// The bus.
    pub bus: Channel,
}

struct Inner {
    gate: Gate,
    datasets: BTreeMap<ResourceId, Dataset>,
    memory: Mutex<Memory>,
    cursors: Cursors,
    key: PseudonymKey,
    signer: Signer,
    clock: Clock,
    bus: Channel,
}

/// A delivery that was admitted and waits to be made.
pub struct Admitted {
    permit: Permit,
    scan: Scan,
    dataset: Dataset,
    stop: CancellationToken,
    count: Arc<Count>,
}

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The node cannot remember it, and so must not serve it.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    Changes(#[from] ChangesError),
    #[error("a batch cannot be masked")]
    Mask(#[source] ArrowError),
    #[error("the provider's node cannot count what it delivers; its operator finds why in its log")]
    Journal(#[from] JournalError),
    #[error("nobody takes the delivery any more")]
    Gone,
}

impl Provider {
    /// Puts the providing side together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { gate, datasets, journal, cursors, key, signer, clock, bus } = parts;
        let memory = Mutex::new(Memory::new(journal));
        Self(Arc::new(Inner { gate, datasets, memory, cursors, key, signer, clock, bus }))
    }

    /// What the node serves.
    #[must_use]
    pub fn datasets(&self) -> &BTreeMap<ResourceId, Dataset> {
        &self.0.datasets
    }

    /// Decides on a request, and remembers it if it is to be served. Writes to disk, so it belongs on
    /// a thread that may block.
    pub fn admit(&self, serve: &ServeTransfer) -> Result<Admitted, AdmissionError> {
        let now = self.0.clock.now();
        let mut memory = self.memory();
        let journal = &memory.journal;
        let permit = self.0.gate.check(serve, now, |terms, attempt| {
            let standing = match journal.is_revoked(terms.grant) {
                true => Standing::Revoked,
                false => Standing::InForce,
            };
            let Attempt { consumer, transfer, received_frames } = *attempt;
            (standing, journal.usage((terms.grant, consumer), transfer, received_frames))
        })?;

        let Permit { terms, request, .. } = &permit;
        let resource = terms.resource;
        let dataset =
            self.0.datasets.get(&resource).ok_or(Refused::NotServed { resource })?.clone();
        let scan = dataset
            .scan(&permit.fields, &terms.columns(), terms.row_filter.as_deref())
            .map_err(Refused::Filter)?;

        if terms.total_rows_max.is_some() && memory.is_used(permit.key(), permit.transfer) {
            return Err(Refused::VolumeInUse.into());
        }
        let (key, at) = (&request.seal_public_key, permit.requested_at);
        match memory.journal.serve(permit.transfer, key, at, now)? {
            Seen::Never => {}
            Seen::Before => return Err(Refused::Replayed.into()),
        }
        // Without a key to seal with, nothing can be delivered: it is on record, and no use.
        let earlier_rows = match request.seal_public_key.is_empty() {
            true => 0,
            false => {
                let attempt = (permit.transfer, request.received_frames);
                memory.journal.begin(terms, permit.consumer, attempt, now)?
            }
        };
        let stop = CancellationToken::new();
        let number = memory.run(&permit, stop.clone());
        Ok(Admitted {
            count: Arc::new(Count {
                key: permit.key(),
                transfer: permit.transfer,
                number,
                earlier_rows,
                rows: AtomicU64::new(0),
                frames: AtomicU64::new(0),
            }),
            permit,
            scan,
            dataset,
            stop,
        })
    }

    /// Delivers, until the end or until it is stopped.
    pub async fn deliver(&self, admitted: Admitted) {
        let (stop, count) = (admitted.stop.clone(), Arc::clone(&admitted.count));
        let (sender, receiver) = mpsc::channel(PARTS_WAITING_MAX);
        let mut client = NodeLinkServiceClient::new(self.0.bus.clone());
        let call = client.deliver(ReceiverStream::new(receiver));

        tokio::select! {
            () = stop.cancelled() => tracing::info!("delivery stopped"),
            (answer, delivered) = join(call, self.produce(admitted, sender)) => {
                report(answer.err(), delivered);
            }
        }
        if let Err(error) = self.settle(count).await {
            tracing::error!(error = chain(&error), "rows are not counted");
        }
    }

    /// Ends a delivery on this side: what it delivered counts from now on, and nothing can stop it any more.
    async fn settle(&self, count: Arc<Count>) -> Result<(), JournalError> {
        let provider = self.clone();
        let settled = tokio::task::spawn_blocking(move || {
            let mut memory = provider.memory();
            memory.running.remove(&count.number);
            memory.journal.delivered(
                count.key,
                count.transfer,
                count.earlier_rows + count.rows.load(Ordering::Relaxed),
                count.frames.load(Ordering::Relaxed),
            )
        });
        // It does not panic, and is not aborted.
        settled.await.unwrap_or(Ok(()))
    }

    /// Counts rows before they are sent: if the node is killed, it has counted too many rather than too few.
    async fn reserve(&self, count: Arc<Count>, rows: u64) -> Result<(), JournalError> {
        let provider = self.clone();
        let reserved = tokio::task::spawn_blocking(move || {
            let Count { key, transfer, earlier_rows, ref frames, .. } = *count;
            let frames = frames.load(Ordering::Relaxed);
            provider.memory().journal.delivered(key, transfer, earlier_rows + rows, frames)
        });
        reserved.await.unwrap_or(Ok(()))
    }

    /// Stops a delivery, and remembers a grant that ended. Writes to disk.
    pub fn stop(&self, stop: &StopTransfer) -> Result<(), JournalError> {
        let mut memory = self.memory();
        if let Ok(grant) = stop.revoked_grant_id.parse() {
            memory.journal.revoke(grant)?;
            memory.cancel(|running| running.grant == grant);
        }
        if let Ok(transfer) = stop.transfer_id.parse() {
            memory.cancel(|running| running.transfer == transfer);
        }
        Ok(())
    }

    async fn produce(
        &self,
        admitted: Admitted,
        parts: mpsc::Sender<DeliverRequest>,
    ) -> Result<Progress, Broken> {
        let result = self.send_parts(admitted, &parts).await;
        if let Err(error) = &result
            && let Some(failure) = error.failure()
        {
            // If nobody takes the failure, the call itself says why.
            let _ = send(&parts, Part::Failure(failure)).await;
        }
        result
    }

    async fn send_parts(
        &self,
        admitted: Admitted,
        parts: &mpsc::Sender<DeliverRequest>,
    ) -> Result<Progress, Broken> {
        let Admitted { permit, scan: wanted, dataset, count, .. } = admitted;
        let (header, delivering) =
            Delivering::new(&permit.signed_terms, &permit.request, &mut rand::rng())?;
        let mut delivering = delivering.with_rows_left(permit.rows_left);
        send(parts, Part::Header(header)).await?;
        // After the header, which has to come first, also before a failure.
        let reading = self.reading(&permit, &dataset).await?;

        let masking = Masking::new(&permit.fields, self.0.key.clone());
        let schema = reading.schema(masking.schema());
        if let Some(frame) = delivering.schema(&schema)? {
            send(parts, Part::Frame(frame)).await?;
        }
        let mut batches = scan(&*reading.connector, wanted);
        let mut reserved = 0;
        loop {
            // A source may take long, and nobody waits any more.
            let batch = tokio::select! {
                biased;
                () = parts.closed() => return Err(Broken::Gone),
                batch = batches.next() => batch,
            };
            let Some(batch) = batch else { break };
            let batch = masking.apply(&batch?).map_err(Broken::Mask)?;
            let batch = reading.shaped(&schema, batch)?;
            let frames = delivering.batch(&batch)?;
            let rows = delivering.sealed_rows();
            count.rows.store(rows, Ordering::Relaxed);
            count.frames.store(delivering.delivered().frames(), Ordering::Relaxed);
            if let Some(rows_left) = permit.rows_left
                && rows > reserved
            {
                reserved = rows_left.min(rows + RESERVED_ROWS);
                self.reserve(Arc::clone(&count), reserved).await?;
            }
            for frame in frames {
                send(parts, Part::Frame(frame)).await?;
            }
        }
        // Before the end can be known: whoever asks again then meets what was delivered.
        self.settle(count).await?;
        let delivered = delivering.delivered().clone();
        let trailer = delivering.trailer(&self.0.signer, self.0.clock.now())?;
        send(parts, Part::Trailer(trailer)).await?;
        Ok(delivered)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(parts: &mpsc::Sender<DeliverRequest>, part: Part) -> Result<(), Broken> {
    parts.send(DeliverRequest { part: Some(part) }).await.map_err(|_| Broken::Gone)
}

fn report(answer: Option<tonic::Status>, delivered: Result<Progress, Broken>) {
    match (answer, delivered) {
        (None, Ok(progress)) => {
            let (rows, bytes) = (progress.rows(), progress.bytes());
            tracing::info!(rows, bytes, frames = progress.frames(), "delivered");
        }
        (Some(status), Ok(_) | Err(Broken::Gone)) => {
            let problem = Problem::from_status(&status);
            tracing::warn!(reason = %problem.reason, error = %problem, "delivery broke off");
        }
        (_, Err(error)) => {
            tracing::warn!(reason = error.reason(), error = chain(&error), "delivery failed");
        }
    }
}

// === impl AdmissionError ===

impl AdmissionError {
    /// What the bus and the consumer are told.
    #[must_use]
    pub fn failure(&self) -> DeliveryFailure {
        match self {
            Self::Refused(refused) => DeliveryFailure {
                reason: refused.reason().to_owned(),
                message: chain(refused),
                // It may be resumed once the other one has ended.
                refused: !matches!(refused, Refused::VolumeInUse),
            },
            Self::Journal(_) => DeliveryFailure {
                reason: "NODE_FAILED".to_owned(),
                message: "the provider's node cannot serve; its operator finds why in its log"
                    .to_owned(),
                refused: false,
            },
        }
    }
}

// === impl Broken ===

impl Broken {
    fn reason(&self) -> &'static str {
        match self {
            Self::Source(error) => error.reason(),
            Self::Delivery(error) => error.reason(),
            Self::Changes(error) => error.reason(),
            Self::Mask(_) => "MASKING_FAILED",
            Self::Journal(_) => "NODE_FAILED",
            Self::Gone => "CONSUMER_GONE",
        }
    }

    /// What the consumer is told. What the source itself said stays in this node's log.
    fn failure(&self) -> Option<DeliveryFailure> {
        let message = match self {
            Self::Source(error) => error.to_string(),
            Self::Delivery(error) => chain(error),
            Self::Changes(_) | Self::Mask(_) | Self::Journal(_) => self.to_string(),
            Self::Gone => return None,
        };
        // It cannot be resumed: what is asked for is not known.
        let refused = matches!(self, Self::Changes(ChangesError::CursorUnknown));
        Some(DeliveryFailure { reason: self.reason().to_owned(), message, refused })
    }
}
