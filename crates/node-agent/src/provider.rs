//! The providing side: admits requests, and delivers what they ask for.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use futures::future::join;
use publicdata_exchange_domain::Terms;
use publicdata_identity::Signer;
use publicdata_proto::exchange::v1::deliver_request::Part;
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::exchange::v1::{
    DeliverRequest, DeliveryFailure, DisputedRecords, StopTransfer,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::{Clock, Problem};
use publicdata_transfer::Progress;
use publicdata_transfer::delivering::DeliveryError;
use publicdata_transfer::question::{ParameterKey, Shape};
use publicdata_transfer::rows::RowTypeError;
use publicdata_types::ResourceId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::changes::ChangesError;
use crate::changes::cursors::Cursors;
use crate::dataset::Dataset;
use crate::journal::{Journal, JournalError};
use crate::mask::{Masking, PseudonymKey};
use crate::permit::{Gate, Permit};
use crate::quality::QualityError;
use crate::quarantine::{Quarantine, QuarantineError};
use crate::reference::{Disputed, References};
use crate::service::DataService;
use crate::source::scan::scan;
use answer::{AnswerError, Output, Proof, Rows};
use attempts::{Count, Memory};
use counting::Counting;
use question::Question;

mod admission;
mod answer;
mod attempts;
mod checking;
mod counting;
mod push;
mod question;

pub use admission::{AdmissionError, Admitted};
pub use answer::{proof_schema, with_references};

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
    /// The questions that it answers.
    pub services: Vec<DataService>,
    /// Where deliveries of subscriptions ended.
    pub cursors: Cursors,
    /// What it makes pseudonyms with.
    pub key: PseudonymKey,
    /// Where it keeps rows that break a rule.
    pub quarantine: Quarantine,
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
    services: Vec<DataService>,
    /// Made anew at each start: what was sealed to an earlier one stays sealed.
    parameter_key: ParameterKey,
    disputed: Disputed,
    memory: Mutex<Memory>,
    cursors: Cursors,
    key: PseudonymKey,
    quarantine: Quarantine,
    signer: Signer,
    clock: Clock,
    bus: Channel,
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    Quality(#[from] QualityError),
    #[error(
        "the provider's node cannot keep rows that break a rule; its operator finds why in its log"
    )]
    Quarantine(#[from] QuarantineError),
    #[error(transparent)]
    Count(#[from] RowTypeError),
    #[error(transparent)]
    Changes(#[from] ChangesError),
    #[error("the provider's node cannot count what it delivers; its operator finds why in its log")]
    Journal(#[from] JournalError),
    #[error("nobody takes the delivery any more")]
    Gone,
}

impl Provider {
    /// Puts the providing side together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            gate,
            datasets,
            services,
            journal,
            cursors,
            key,
            quarantine,
            signer,
            clock,
            bus,
        } = parts;
        Self(Arc::new(Inner {
            gate,
            datasets,
            services,
            parameter_key: ParameterKey::generate(&mut rand::rng()),
            disputed: Disputed::default(),
            cursors,
            memory: Mutex::new(Memory::new(journal)),
            key,
            quarantine,
            signer,
            clock,
            bus,
        }))
    }

    /// What the node serves.
    #[must_use]
    pub fn datasets(&self) -> &BTreeMap<ResourceId, Dataset> {
        &self.0.datasets
    }

    /// Where rows are that break a rule.
    #[must_use]
    pub fn quarantine(&self) -> &Quarantine {
        &self.0.quarantine
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

    /// Which rows of a resource are in doubt from now on (R27.2).
    pub fn mark(&self, records: &DisputedRecords) {
        self.0.disputed.hear(records);
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
        let Admitted { permit, scan: wanted, dataset, question, count, .. } = admitted;
        let (header, mut delivering) = question::delivering(&permit, question.as_ref())?;
        send(parts, Part::Header(header)).await?;
        // After the header, which has to come first, also before a failure.
        let reading = self.feeding(&permit, &dataset).await?;
        let mut checks = self.checks(&permit, &dataset).await?;

        let output = self.output(&permit, question.as_ref());
        let schema = reading.schema(&output.schema());
        if let Some(frame) = delivering.schema(&schema)? {
            send(parts, Part::Frame(frame)).await?;
        }
        let (answers, rows) = output.deliver(scan(&*reading.connector, wanted.clone()));
        let mut batches = reading.batches(&wanted, answers);
        let mut counting = permit.request.reconcile.then(Counting::default);
        let mut reserved = 0;
        loop {
            // A source may take long, and nobody waits any more.
            let batch = tokio::select! {
                biased;
                () = parts.closed() => return Err(Broken::Gone),
                batch = batches.next() => batch,
            };
            let Some((change, batch)) = batch else { break };
            let batch = match &rows {
                Some(rows) => {
                    let came = (change, batch?);
                    let passing = self.passing(&permit, &mut checks, came, &mut delivering);
                    reading.shaped(&schema, change, rows.apply(&passing.await?)?)?
                }
                None => batch?,
            };
            let frames = match &mut counting {
                Some(counting) => counting.count(batch, &mut delivering).await?,
                None => delivering.batch(&batch)?,
            };
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
        match counting {
            Some(counting) => delivering.state(counting.digest.to_wire(reading.source_version)),
            None => {
                let follows = reading.follows();
                delivering.read(reading.source_version, follows);
            }
        }
        // Before the end can be known: whoever asks again then meets what was delivered.
        self.settle(count).await?;
        let delivered = delivering.delivered().clone();
        let trailer = delivering.trailer(&self.0.signer, self.0.clock.now())?;
        send(parts, Part::Trailer(trailer)).await?;
        Ok(delivered)
    }

    /// What is made of the rows that are read for a request.
    fn output(&self, permit: &Permit, question: Option<&Question>) -> Output {
        let masking = Masking::new(&permit.fields, self.0.key.clone());
        let references = match Shape::of(&permit.request) {
            Shape::Rows => None,
            Shape::RowsWithReferences | Shape::Proof => {
                let Terms { resource, grant, .. } = permit.terms;
                Some(References::new(self.0.key.clone(), resource, grant, &self.0.disputed))
            }
        };
        let rows = Rows::new(masking, references);
        match question.and_then(|question| Some((question, question.claims.as_ref()?))) {
            None => Output::Rows(Box::new(rows)),
            Some(asked) => {
                let (signer, now) = (self.0.signer.clone(), self.0.clock.now());
                Output::Proof(Box::new(Proof::new(rows, permit, asked, signer, now)))
            }
        }
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

// === impl Broken ===

impl Broken {
    fn reason(&self) -> &'static str {
        match self {
            Self::Answer(error) => error.reason(),
            Self::Delivery(error) => error.reason(),
            Self::Changes(error) => error.reason(),
            Self::Quality(error) => error.reason(),
            Self::Count(_) => "ENCODING_FAILED",
            Self::Journal(_) | Self::Quarantine(_) => "NODE_FAILED",
            Self::Gone => "CONSUMER_GONE",
        }
    }

    /// What the consumer is told. What the source itself said stays in this node's log.
    fn failure(&self) -> Option<DeliveryFailure> {
        let message = match self {
            Self::Answer(error) => error.to_string(),
            Self::Quality(error) => error.to_string(),
            Self::Delivery(error) => chain(error),
            Self::Changes(_) | Self::Count(_) | Self::Journal(_) | Self::Quarantine(_) => {
                self.to_string()
            }
            Self::Gone => return None,
        };
        // It cannot be resumed: what is asked for is not known.
        let refused = matches!(self, Self::Changes(ChangesError::CursorUnknown));
        Some(DeliveryFailure { reason: self.reason().to_owned(), message, refused })
    }
}
