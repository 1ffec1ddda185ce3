//! The consuming side: fetches under a grant, resumes what broke off, and signs for what came.

mod question;

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use publicdata_exchange_domain::Terms;
use publicdata_exchange_domain::terms::Field;
use publicdata_identity::{Signer, SpiffeId, TrustRoots};
use publicdata_proto::exchange::v1::fetch_response::Part;
use publicdata_proto::exchange::v1::grant_service_client::GrantServiceClient;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    ConfirmDeliveryRequest, FetchRequest, FetchResponse, GetGrantRequest, GrantTerms, Receipt,
    SealedParameters, TransferRequest,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::retry::Backoff;
use publicdata_service_kit::{Clock, Problem};
use publicdata_transfer::credential;
use publicdata_transfer::frames::Parts;
use publicdata_transfer::receipt::Checked;
use publicdata_transfer::receiving::{Opened, ReceiveError};
use publicdata_transfer::{Receiving, signed, terms, time};
use publicdata_types::TransferId;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::error::FetchError;
use crate::mask;
use crate::provider;
use crate::ticket::Ticket;
use question::Question;

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
}

/// What a ticket means under its grant.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The ticket, with all its fields.
    pub ticket: Ticket,
    /// The schema that a delivery has to have.
    pub schema: SchemaRef,
    terms: GrantTerms,
    question: Option<Question>,
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

enum Came {
    Frame(Opened),
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
        Self { bus: bus.with_deadline(ANSWER_TIMEOUT), signer, roots, clock, resume_deadline }
    }

    /// What a ticket means, or why not. A ticket that is refused already here would leave no trace in the
    /// exchange log, so the bus is asked for the transfer nevertheless (R23.2).
    pub async fn offer(
        &self,
        ticket: Ticket,
        requested_by: &SpiffeId,
    ) -> Result<Offer, FetchError> {
        let refusal = match self.granted(ticket.clone()).await {
            Err(error) if error.is_refusal() => error,
            answer => return answer,
        };
        match (self.put_on_record(ticket, requested_by).await, &refusal) {
            // The bus now says why it refuses the transfer, where before it did not show the grant.
            (Err(error), FetchError::Bus(_)) => Err(error),
            (Ok(()) | Err(_), _) => Err(refusal),
        }
    }

    /// Asks the bus for the grant, and checks that its provider signed it.
    async fn granted(&self, ticket: Ticket) -> Result<Offer, FetchError> {
        let mut client = GrantServiceClient::new(self.bus.clone());
        let request = GetGrantRequest { grant_id: ticket.grant_id.clone() };
        let grant = client.get_grant(request).await?.into_inner().grant;
        let signed =
            grant.and_then(|grant| grant.signed_terms).ok_or(FetchError::GrantNotIssued)?;

        let verified = signed::verify::<GrantTerms>(&self.roots, &signed, self.clock.now())
            .map_err(FetchError::GrantSignature)?;
        let terms = terms::read(&verified.message).map_err(FetchError::Terms)?;
        let granted_by_user = matches!(&verified.signer,
            SpiffeId::User { organisation, .. } if *organisation == terms.provider);
        if !granted_by_user || terms.grant.to_string() != ticket.grant_id {
            return Err(FetchError::GrantWrong);
        }

        let ticket = ticket.with_fields(terms.fields.iter().map(|field| field.name.clone()));
        let schema = mask::schema_of(&named(&terms, &ticket.fields));
        let schema = match (ticket.is_question(), &ticket.proof) {
            (false, _) => schema,
            (true, None) => provider::with_references(&schema),
            (true, Some(_)) => provider::proof_schema(),
        };
        let question = self.question(&ticket, &terms).await?;
        Ok(Offer { ticket, schema, terms: verified.message, question })
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

    /// Asks for a transfer that is not to happen: without a key, nothing can be sealed for it.
    async fn put_on_record(
        &self,
        ticket: Ticket,
        requested_by: &SpiffeId,
    ) -> Result<(), FetchError> {
        let requested_at = Some(time::to_wire(self.clock.now()));
        let request = question::on_record(&ticket, self.request(ticket.clone(), requested_by));
        let signed = signed::sign(&self.signer, &TransferRequest { requested_at, ..request });
        let mut client = TransferServiceClient::new(self.bus.clone());
        let request = FetchRequest { request: Some(signed), parameters: None };
        let mut incoming = client.fetch(request).await?.into_inner();
        // If the bus has the provider's node serve it, that node still has its say.
        next_part(&mut incoming).await.map(drop)
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
            ..TransferRequest::default()
        }
    }
}

/// In the ticket's order; a field that is not granted is left for the bus to refuse, which records it.
fn named(terms: &Terms, fields: &[String]) -> Vec<Field> {
    let find = |name: &String| terms.fields.iter().find(|field| field.name == *name).cloned();
    fields.iter().filter_map(find).collect()
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
        while !self.ended {
            match self.receive().await {
                Ok(Came::Frame(Opened::Batch(parts) | Opened::Schema(parts, _))) => {
                    self.interrupted_at = None;
                    return Ok(Some(parts));
                }
                Ok(Came::Receipt(checked)) => {
                    self.confirm(&checked).await?;
                    self.receipt = Some(checked.receipt().clone());
                    self.ended = true;
                }
                Err(error) if error.is_interruption() => self.resume(error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
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
                    && *schema != self.schema
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

    /// Tries again until an attempt begins, for as long as the configuration allows.
    async fn resume(&mut self, mut error: FetchError) -> Result<(), FetchError> {
        self.incoming = None;
        let since = *self.interrupted_at.get_or_insert_with(Instant::now);
        let deadline = self.fetcher.resume_deadline;
        let frames = self.receiving.received().frames();
        tracing::info!(
            transfer.id = %self.receiving.transfer(), frames, error = %error, "interrupted; resuming"
        );

        for delay in self.backoff().delays() {
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

    /// Hands in the receipt; the open stream keeps the transfer alive at the bus meanwhile.
    async fn confirm(&mut self, checked: &Checked) -> Result<(), FetchError> {
        let request = ConfirmDeliveryRequest {
            transfer_id: self.receiving.transfer().to_string(),
            receipt: Some(checked.signed().clone()),
            consumer_signature: Some(checked.countersign(&self.fetcher.signer)),
        };
        let mut client = TransferServiceClient::new(self.fetcher.bus.clone());
        let mut delays = self.backoff().delays();
        let begun = Instant::now();
        while let Err(status) = client.confirm_delivery(request.clone()).await {
            let delay = delays.next().unwrap_or(BACKOFF_MAX);
            let in_time = begun.elapsed() + delay <= self.fetcher.resume_deadline;
            if !FetchError::is_temporary(&status) || !in_time {
                return Err(status.into());
            }
            sleep(delay).await;
        }

        let receipt = checked.receipt();
        tracing::info!(
            transfer.id = %self.receiving.transfer(), rows = receipt.rows, bytes = receipt.bytes,
            "received and signed for"
        );
        Ok(())
    }

    fn backoff(&self) -> Backoff {
        Backoff {
            delay_first: BACKOFF_FIRST,
            delay_max: BACKOFF_MAX,
            deadline: self.fetcher.resume_deadline,
        }
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
