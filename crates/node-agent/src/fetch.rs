//! The consuming side: fetches under a grant, resumes what broke off, and signs for what came.

mod known;
mod offer;
mod question;

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use publicdata_identity::{Signer, SpiffeId, TrustRoots};
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::fetch_response::Part;
use publicdata_proto::exchange::v1::subscription_service_client::SubscriptionServiceClient;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    ConfirmDeliveryRequest, FetchRequest, FetchResponse, Receipt, ReconcileSubscriptionRequest,
    SealedParameters, SinkStatement, TransferRequest,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::retry::Backoff;
use publicdata_service_kit::{Clock, Problem};
use publicdata_transfer::credential;
use publicdata_transfer::frames::Parts;
use publicdata_transfer::push::Outline;
use publicdata_transfer::receipt::Checked;
use publicdata_transfer::receiving::{Opened, ReceiveError};
use publicdata_transfer::{Receiving, signed};
use publicdata_types::TransferId;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::error::FetchError;
use crate::ticket::Ticket;
use known::Known;
pub use offer::Offer;

/// How long the bus may take to answer at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long nothing may come. A source may have to sort before its first row.
const PART_TIMEOUT: Duration = Duration::from_secs(300);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// The consuming side of a node. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    bus: Channel,
    signer: Signer,
    roots: TrustRoots,
    clock: Clock,
    resume_deadline: Duration,
    order: Order,
    known: Known,
}

/// Which delivery of a subscription is fetched; of none, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The subscription.
    pub subscription_id: String,
    /// The last delivery that the sink has; empty to begin anew.
    pub after_transfer_id: String,
    /// Whether the rows are not wanted, but what the source says of them.
    pub reconcile: bool,
}

/// A transfer on its way.
pub struct Fetch {
    fetcher: Fetcher,
    receiving: Receiving,
    schema: SchemaRef,
    provider_code: String,
    parameters: Option<SealedParameters>,
    receipt: Option<Receipt>,
    incoming: Option<Streaming<FetchResponse>>,
    first: Option<Parts>,
    interrupted_at: Option<Instant>,
    ended: bool,
}

/// The next part of a transfer.
pub enum Came {
    /// A frame.
    Frame(Opened),
    /// The end: what came is what the provider signed for.
    Receipt(Box<Checked>),
}

// === impl Fetcher ===

impl Fetcher {
    /// A fetcher that signs as this node.
    #[must_use]
    pub fn new(
        bus: Channel,
        signer: Signer,
        roots: TrustRoots,
        clock: Clock,
        resume_deadline: Duration,
    ) -> Self {
        let (bus, order) = (bus.with_deadline(ANSWER_TIMEOUT), Order::default());
        Self { bus, signer, roots, clock, resume_deadline, order, known: Known::default() }
    }

    /// The same, for a delivery of a subscription.
    #[must_use]
    pub fn ordering(&self, order: Order) -> Self {
        Self { order, ..self.clone() }
    }

    /// Begins a transfer: it is accepted when the first frame has come.
    pub async fn begin(&self, offer: Offer, requested_by: &SpiffeId) -> Result<Fetch, FetchError> {
        let request = self.request(offer.ticket, requested_by);
        let (request, parameters) = match offer.question {
            None => (request, None),
            Some(question) => {
                let (request, parameters) = question.ask(request)?;
                (request, Some(parameters))
            }
        };
        let receiving =
            Receiving::new(&offer.terms, request).map_err(|_| FetchError::GrantWrong)?;
        let mut fetch = Fetch {
            fetcher: self.clone(),
            receiving,
            schema: offer.schema,
            provider_code: offer.terms.provider_code,
            parameters,
            receipt: None,
            incoming: None,
            first: None,
            interrupted_at: None,
            ended: false,
        };

        fetch.attempt().await?;
        match fetch.receive().await? {
            Came::Frame(Opened::Schema(parts, _)) => fetch.first = Some(parts),
            Came::Frame(Opened::Batch(_)) | Came::Receipt(_) => return Err(FetchError::Schema),
        }
        Ok(fetch)
    }

    /// Hands in a receipt with both signatures; to hand it in again changes nothing.
    pub async fn hand_in(&self, request: &ConfirmDeliveryRequest) -> Result<(), FetchError> {
        let mut client = TransferServiceClient::new(self.bus.clone());
        let mut delays = self.backoff().delays();
        let begun = Instant::now();
        while let Err(status) = client.confirm_delivery(request.clone()).await {
            let delay = delays.next().unwrap_or(BACKOFF_MAX);
            let in_time = begun.elapsed() + delay <= self.resume_deadline;
            if !FetchError::is_temporary(&status) || !in_time {
                return Err(status.into());
            }
            sleep(delay).await;
        }
        tracing::info!(transfer.id = %request.transfer_id, "received and signed for");
        Ok(())
    }

    /// Says at the bus what a sink holds; the answer is whether the source holds the same.
    pub async fn state_sink(&self, statement: &SinkStatement) -> Result<bool, FetchError> {
        let mut client = SubscriptionServiceClient::new(self.bus.clone());
        let statement = Some(signed::sign(&self.signer, statement));
        let request = ReconcileSubscriptionRequest { statement };
        Ok(client.reconcile_subscription(request).await?.into_inner().equal)
    }

    fn backoff(&self) -> Backoff {
        Backoff {
            delay_first: BACKOFF_FIRST,
            delay_max: BACKOFF_MAX,
            deadline: self.resume_deadline,
        }
    }

    /// A first attempt, without what is made for each attempt anew.
    fn request(&self, ticket: Ticket, requested_by: &SpiffeId) -> TransferRequest {
        let organisation = self.signer.id().organisation();
        TransferRequest {
            transfer_id: TransferId::from_uuid(Uuid::new_v4()).to_string(),
            grant_id: ticket.grant_id,
            consumer_code: organisation.map(|code| code.to_string()).unwrap_or_default(),
            consumer_node: self.signer.id().to_string(),
            requested_by: requested_by.to_string(),
            fields: ticket.fields,
            purpose: ticket.purpose,
            case_number: ticket.case_number,
            mode: match self.order.subscription_id.is_empty() {
                true => 0,
                false => DeliveryMode::Push.into(),
            },
            subscription_id: self.order.subscription_id.clone(),
            after_transfer_id: self.order.after_transfer_id.clone(),
            reconcile: self.order.reconcile,
            ..TransferRequest::default()
        }
    }
}

// === impl Fetch ===

impl Fetch {
    /// The transfer's id.
    #[must_use]
    pub fn transfer(&self) -> TransferId {
        self.receiving.transfer()
    }

    /// What both nodes signed, once everything has come.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// Whether a proof that came is one for this transfer, signed by a node of the provider, and holds now.
    ///
    /// # Errors
    /// It is not.
    pub fn check_proof(&self, text: &str) -> Result<(), FetchError> {
        let verified = credential::verify(&self.fetcher.roots, text, self.fetcher.clock.now());
        let proof = verified.map_err(FetchError::Proof)?.credential;
        let is_own = proof.id == format!("urn:uuid:{}", self.transfer())
            && proof.issuer.organisation == self.provider_code;
        match is_own {
            true => Ok(()),
            false => Err(FetchError::ProofWrong),
        }
    }

    /// The schema of what comes.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next frame; none when everything has come, is signed for, and the bus has the receipt.
    pub async fn next(&mut self) -> Result<Option<Parts>, FetchError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.ended {
            return Ok(None);
        }
        match self.advance().await? {
            Came::Frame(Opened::Batch(parts) | Opened::Schema(parts, _)) => Ok(Some(parts)),
            Came::Receipt(checked) => {
                // The open stream keeps the transfer alive at the bus meanwhile.
                self.fetcher.hand_in(&self.countersigned(&checked)).await?;
                self.receipt = Some(checked.receipt().clone());
                self.ended = true;
                Ok(None)
            }
        }
    }

    /// The next frame, or the receipt, which is not handed in by this; over as many attempts as it takes.
    pub async fn advance(&mut self) -> Result<Came, FetchError> {
        loop {
            match self.receive().await {
                Ok(came) => {
                    self.interrupted_at = None;
                    return Ok(came);
                }
                Err(error) if error.is_interruption() => self.resume(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The schema, as it was delivered.
    #[must_use]
    pub fn delivered_schema(&self) -> Option<SchemaRef> {
        self.receiving.schema().cloned()
    }

    /// How many frames have come.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.receiving.received().frames()
    }

    /// A receipt with this node's signature, as it is handed in.
    #[must_use]
    pub fn countersigned(&self, checked: &Checked) -> ConfirmDeliveryRequest {
        ConfirmDeliveryRequest {
            transfer_id: self.receiving.transfer().to_string(),
            receipt: Some(checked.signed().clone()),
            consumer_signature: Some(checked.countersign(&self.fetcher.signer)),
        }
    }

    /// Asks the bus to deliver from where we are.
    async fn attempt(&mut self) -> Result<(), FetchError> {
        let request = self.receiving.request(self.fetcher.clock.now(), &mut rand::rng());
        let signed = signed::sign(&self.fetcher.signer, &request);
        let mut client = TransferServiceClient::new(self.fetcher.bus.clone());
        let request = FetchRequest { request: Some(signed), parameters: self.parameters.clone() };
        let mut incoming = client.fetch(request).await?.into_inner();

        match next_part(&mut incoming).await? {
            Part::Header(header) => self.receiving.header(&header)?,
            Part::Frame(_) | Part::Trailer(_) => {
                return Err(
                    ReceiveError::Order { found: "something else", expected: "a header" }.into()
                );
            }
        }
        self.incoming = Some(incoming);
        Ok(())
    }

    async fn receive(&mut self) -> Result<Came, FetchError> {
        let incoming = self.incoming.as_mut().ok_or(FetchError::Ended)?;
        match next_part(incoming).await? {
            Part::Frame(frame) => {
                let opened = self.receiving.frame(frame)?;
                if let Opened::Schema(_, schema) = &opened
                    && *schema != self.expected(schema)
                {
                    return Err(FetchError::Schema);
                }
                Ok(Came::Frame(opened))
            }
            Part::Trailer(trailer) => {
                let now = self.fetcher.clock.now();
                let checked = self.receiving.trailer(trailer, &self.fetcher.roots, now)?;
                Ok(Came::Receipt(Box::new(checked)))
            }
            Part::Header(_) => {
                Err(ReceiveError::Order { found: "a header", expected: "a frame" }.into())
            }
        }
    }

    /// The schema that has to come, if the delivery is what this one says.
    fn expected(&self, schema: &SchemaRef) -> SchemaRef {
        match Outline::of(schema) {
            Some(outline) => outline.schema(&self.schema),
            None => SchemaRef::clone(&self.schema),
        }
    }

    /// Tries again until an attempt begins, for as long as the configuration allows.
    async fn resume(&mut self, mut error: FetchError) -> Result<(), FetchError> {
        self.incoming = None;
        let since = *self.interrupted_at.get_or_insert_with(Instant::now);
        let deadline = self.fetcher.resume_deadline;
        let frames = self.receiving.received().frames();
        tracing::info!(
            transfer.id = %self.receiving.transfer(), frames, error = %error, "interrupted; resuming"
        );

        for delay in self.fetcher.backoff().delays() {
            if since.elapsed() + delay > deadline {
                break;
            }
            sleep(delay).await;
            match self.attempt().await {
                Ok(()) => return Ok(()),
                Err(again) if again.is_interruption() => error = again,
                Err(final_error) => return Err(final_error),
            }
        }
        Err(FetchError::NotResumed { after: since.elapsed(), last: Box::new(error) })
    }
}

async fn next_part(incoming: &mut Streaming<FetchResponse>) -> Result<Part, FetchError> {
    match timeout(PART_TIMEOUT, incoming.message()).await {
        Ok(Ok(Some(FetchResponse { part: Some(part) }))) => Ok(part),
        Ok(Ok(Some(FetchResponse { part: None }))) => {
            Err(ReceiveError::Order { found: "an empty part", expected: "a frame" }.into())
        }
        Ok(Ok(None)) => Err(FetchError::Ended),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => {
            let text = "nothing came from the bus for too long";
            Err(Status::from(Problem::new(Code::Unavailable, "DELIVERY_STALLED", text)).into())
        }
    }
}
