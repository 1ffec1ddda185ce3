//! Nodes that speak the bus's protocol and nothing else: no connectors, and frames that hold no data.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use prost::Message as _;
use publicdata_identity::{Credentials, Signer};
use publicdata_proto::common::v1::{Signature, SignedMessage};
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    ConfirmDeliveryRequest, ConfirmDeliveryResponse, DeliverRequest, DeliverResponse, DeliveryDue,
    DeliveryFailure, DeliveryHeader, DeliveryTrailer, DisputedRecords, FetchRequest, FetchResponse,
    Frame, GrantTerms, NodeHello, OpenLinkRequest, OpenLinkResponse, Pong, Receipt,
    ResourceChanged, RowSet, SealedParameters, ServeTransfer, StopTransfer, TransferDeclined,
    TransferRequest, deliver_request, fetch_response, open_link_request, open_link_response,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_transfer::signed;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A provider's node with its link open.
pub(crate) struct ProviderNode {
    channel: Channel,
    signer: Signer,
    outbox: mpsc::Sender<OpenLinkRequest>,
    inbox: Streaming<OpenLinkResponse>,
}

/// A `Deliver` call that the test feeds part by part.
pub(crate) struct Delivery {
    parts: mpsc::Sender<DeliverRequest>,
    call: JoinHandle<Result<DeliverResponse, Status>>,
}

/// How many rows a source has whose node says so with three frames; the digest is of sevens.
pub(crate) const SOURCE_ROWS: u64 = 30;

/// What a receipt of the test's choice says of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// The source's state.
    pub(crate) version: &'static str,
    /// What the digests are made of.
    pub(crate) digest: u8,
    /// Whether more follows.
    pub(crate) more: bool,
}

/// Whom every answer is about.
pub(crate) const SUBJECT: &str = "00112233445566778899aabbccddeeff";

/// A consumer's node.
#[derive(Clone)]
pub(crate) struct ConsumerNode {
    channel: Channel,
    signer: Signer,
}

// === impl ProviderNode ===

impl ProviderNode {
    /// Opens the link and waits to be welcomed.
    pub(crate) async fn open(
        channel: Channel,
        credentials: &Credentials,
        resources: &[String],
    ) -> Result<Self, Status> {
        let resource_ids = resources.to_vec();
        let hello = NodeHello { version: "test".to_owned(), resource_ids, ..NodeHello::default() };
        Self::open_with(channel, credentials, hello).await
    }

    /// The same, with a first message of the test's choice.
    pub(crate) async fn open_with(
        channel: Channel,
        credentials: &Credentials,
        hello: NodeHello,
    ) -> Result<Self, Status> {
        let (outbox, requests) = mpsc::channel(16);
        send_hello(&outbox, hello).await;
        let inbox = NodeLinkServiceClient::new(channel.clone())
            .open_link(ReceiverStream::new(requests))
            .await?
            .into_inner();

        let mut node = Self { channel, signer: Signer::from(credentials), outbox, inbox };
        let first = node.hear().await?;
        let open_link_response::Kind::Welcome(welcome) = first else {
            panic!("the first message is the welcome, not {first:?}");
        };
        assert_eq!(welcome.node, credentials.id().to_string());
        Ok(node)
    }

    /// Waits to be asked for a transfer.
    pub(crate) async fn asked(&mut self) -> ServeTransfer {
        loop {
            if let open_link_response::Kind::Serve(serve) = self.hear().await.unwrap() {
                return serve;
            }
        }
    }

    /// Waits to be told to stop something.
    pub(crate) async fn told_to_stop(&mut self) -> StopTransfer {
        loop {
            if let open_link_response::Kind::Stop(stop) = self.hear().await.unwrap() {
                return stop;
            }
        }
    }

    /// Waits to be told what of this resource is in doubt.
    pub(crate) async fn told_of_doubt(&mut self, resource: &str) -> DisputedRecords {
        loop {
            let heard = self.hear().await.unwrap();
            let open_link_response::Kind::Disputed(records) = heard else { continue };
            if records.resource_id == resource {
                return records;
            }
        }
    }

    /// Waits to be told that a delivery is due.
    pub(crate) async fn told_due(&mut self) -> DeliveryDue {
        loop {
            if let open_link_response::Kind::Due(due) = self.hear().await.unwrap() {
                return due;
            }
        }
    }

    /// Says that a source has changed.
    pub(crate) async fn say_changed(&self, resource_id: &str, source_version: &str) {
        let changed = ResourceChanged {
            resource_id: resource_id.to_owned(),
            source_version: source_version.to_owned(),
        };
        let kind = Some(open_link_request::Kind::Changed(changed));
        self.outbox.send(OpenLinkRequest { kind }).await.unwrap();
    }

    /// Waits until the bus ends the link.
    pub(crate) async fn cut(&mut self) -> Status {
        loop {
            if let Err(status) = self.hear().await {
                return status;
            }
        }
    }

    /// Declines what it was asked for.
    pub(crate) async fn decline(&self, serve: &ServeTransfer, failure: DeliveryFailure) {
        let transfer_id = request_of(serve).transfer_id;
        let declined = TransferDeclined { transfer_id, failure: Some(failure) };
        let kind = Some(open_link_request::Kind::Declined(declined));
        self.outbox.send(OpenLinkRequest { kind }).await.unwrap();
    }

    /// Begins to deliver what it was asked for.
    pub(crate) async fn begin(&self, serve: &ServeTransfer) -> Delivery {
        let request = request_of(serve);
        let delivery = self.deliver_call();
        let header = DeliveryHeader {
            transfer_id: request.transfer_id,
            encapsulated_key: vec![1; 32],
            first_frame: request.received_frames,
        };
        delivery.send(deliver_request::Part::Header(header)).await;
        delivery
    }

    /// Waits to be asked and begins to deliver.
    pub(crate) async fn begin_when_asked(&mut self) -> Delivery {
        let serve = self.asked().await;
        self.begin(&serve).await
    }

    /// Delivers frames `from..until` and the receipt.
    pub(crate) async fn deliver(&self, serve: &ServeTransfer, until: u64) -> Result<(), Status> {
        let delivery = self.begin(serve).await;
        for index in request_of(serve).received_frames..until {
            delivery.frame(index).await;
        }
        delivery.send(self.trailer(serve, until)).await;
        delivery.end().await
    }

    /// Delivers three frames and a receipt that says this of the source.
    pub(crate) async fn deliver_saying(&self, serve: &ServeTransfer, said: Said) {
        const FRAMES: u64 = 3;
        let delivery = self.begin(serve).await;
        for index in 0..FRAMES {
            delivery.frame(index).await;
        }
        let mut receipt = receipt(serve, FRAMES);
        match &mut receipt.source {
            Some(source) => {
                source.digest = vec![said.digest; 32];
                source.source_version = said.version.to_owned();
            }
            None => {
                receipt.sha256 = vec![said.digest; 32];
                receipt.source_version = said.version.to_owned();
                receipt.more_follows = said.more;
            }
        }
        let receipt = Some(signed::sign(&self.signer, &receipt));
        delivery.send(deliver_request::Part::Trailer(DeliveryTrailer { receipt })).await;
        delivery.end().await.unwrap();
    }

    /// The last part, with a receipt over so many frames.
    pub(crate) fn trailer(&self, serve: &ServeTransfer, frames: u64) -> deliver_request::Part {
        let receipt = Some(signed::sign(&self.signer, &receipt(serve, frames)));
        deliver_request::Part::Trailer(DeliveryTrailer { receipt })
    }

    /// A `Deliver` call that has said nothing yet.
    pub(crate) fn deliver_call(&self) -> Delivery {
        let (parts, requests) = mpsc::channel(1);
        let mut client = NodeLinkServiceClient::new(self.channel.clone());
        let call = async move {
            client.deliver(ReceiverStream::new(requests)).await.map(tonic::Response::into_inner)
        };
        #[expect(clippy::disallowed_methods, reason = "a test's task ends with its runtime")]
        let call = tokio::spawn(call);
        Delivery { parts, call }
    }

    async fn hear(&mut self) -> Result<open_link_response::Kind, Status> {
        loop {
            let message = tokio::time::timeout(SOON, self.inbox.message()).await;
            let message = message.expect("a message in time")?;
            let Some(OpenLinkResponse { kind: Some(kind) }) = message else {
                return Err(Status::aborted("the bus closed the link"));
            };
            let open_link_response::Kind::Ping(ping) = kind else { return Ok(kind) };
            let pong = open_link_request::Kind::Pong(Pong { nonce: ping.nonce });
            let _ = self.outbox.send(OpenLinkRequest { kind: Some(pong) }).await;
        }
    }
}

// === impl Delivery ===

impl Delivery {
    /// Sends a part; in vain if the bus has ended the call.
    pub(crate) async fn send(&self, part: deliver_request::Part) {
        let _ = self.parts.send(DeliverRequest { part: Some(part) }).await;
    }

    /// Sends a frame of 1,000 bytes.
    pub(crate) async fn frame(&self, index: u64) {
        self.send(frame(index, 1_000)).await;
    }

    /// Sends a frame of 1 MiB, unless that takes more than a moment because nobody reads.
    pub(crate) async fn large_frame(&self, index: u64, moment: Duration) -> bool {
        tokio::time::timeout(moment, self.send(frame(index, 1 << 20))).await.is_ok()
    }

    /// Says that no more comes, and waits for the answer.
    pub(crate) async fn end(self) -> Result<(), Status> {
        drop(self.parts);
        tokio::time::timeout(SOON, self.call).await.expect("an answer in time").unwrap().map(drop)
    }

    /// Breaks the call off, as a node does that is killed.
    pub(crate) fn kill(self) {
        self.call.abort();
    }
}

// === impl ConsumerNode ===

impl ConsumerNode {
    /// A node that has dialled the bus.
    pub(crate) fn new(channel: Channel, credentials: &Credentials) -> Self {
        Self { channel, signer: Signer::from(credentials) }
    }

    /// A request for all that the terms give, for their purpose.
    pub(crate) fn request(&self, terms: &GrantTerms) -> TransferRequest {
        let node = self.signer.id();
        TransferRequest {
            transfer_id: Uuid::new_v4().to_string(),
            grant_id: terms.grant_id.clone(),
            consumer_code: node.organisation().unwrap().to_string(),
            consumer_node: node.to_string(),
            requested_by: node.to_string(),
            fields: terms.fields.iter().map(|field| field.name.clone()).collect(),
            purpose: terms.purpose.clone(),
            case_number: "case-1".to_owned(),
            seal_public_key: Uuid::new_v4().as_bytes().repeat(2),
            ..TransferRequest::default()
        }
    }

    /// Signs and sends a request.
    pub(crate) async fn fetch(
        &self,
        request: &TransferRequest,
    ) -> Result<Streaming<FetchResponse>, Status> {
        self.fetch_signed(signed::sign(&self.signer, request)).await
    }

    /// Sends a request as it is.
    pub(crate) async fn fetch_signed(
        &self,
        request: SignedMessage,
    ) -> Result<Streaming<FetchResponse>, Status> {
        self.ask(FetchRequest { request: Some(request), parameters: None }).await
    }

    /// Signs a request, and sends it with parameters.
    pub(crate) async fn query(
        &self,
        request: &TransferRequest,
        parameters: SealedParameters,
    ) -> Result<Streaming<FetchResponse>, Status> {
        let request = Some(signed::sign(&self.signer, request));
        self.ask(FetchRequest { request, parameters: Some(parameters) }).await
    }

    async fn ask(&self, request: FetchRequest) -> Result<Streaming<FetchResponse>, Status> {
        let mut client =
            TransferServiceClient::new(self.channel.clone()).max_decoding_message_size(8 << 20);
        Ok(client.fetch(request).await?.into_inner())
    }

    /// Fetches and reads until the refusal or failure that must come.
    pub(crate) async fn refused(&self, request: &TransferRequest) -> Status {
        match self.fetch(request).await {
            Ok(answer) => read(answer).await.1.expect_err("the fetch must fail"),
            Err(status) => status,
        }
    }

    /// Countersigns a receipt and hands it in.
    pub(crate) async fn confirm(
        &self,
        receipt: &SignedMessage,
    ) -> Result<ConfirmDeliveryResponse, Status> {
        let signature = signed::countersign::<Receipt>(&self.signer, receipt);
        self.confirm_with(receipt, signature).await
    }

    /// Hands a receipt in with a signature of the test's choice.
    pub(crate) async fn confirm_with(
        &self,
        receipt: &SignedMessage,
        signature: Signature,
    ) -> Result<ConfirmDeliveryResponse, Status> {
        let transfer_id = Receipt::decode(receipt.message.as_slice()).unwrap().transfer_id;
        self.confirm_for(transfer_id, receipt, signature).await
    }

    /// Hands a receipt in for a transfer of the test's choice.
    pub(crate) async fn confirm_for(
        &self,
        transfer_id: String,
        receipt: &SignedMessage,
        signature: Signature,
    ) -> Result<ConfirmDeliveryResponse, Status> {
        let request = ConfirmDeliveryRequest {
            transfer_id,
            receipt: Some(receipt.clone()),
            consumer_signature: Some(signature),
        };
        let mut client = TransferServiceClient::new(self.channel.clone());
        Ok(client.confirm_delivery(request).await?.into_inner())
    }
}

/// Reads an answer to its end: its parts, and how it ended.
pub(crate) async fn read(
    mut answer: Streaming<FetchResponse>,
) -> (Vec<fetch_response::Part>, Result<(), Status>) {
    let mut parts = Vec::new();
    loop {
        let next = tokio::time::timeout(SOON, answer.next()).await.expect("a part in time");
        match next {
            Some(Ok(response)) => parts.push(response.part.expect("a part")),
            Some(Err(status)) => return (parts, Err(status)),
            None => return (parts, Ok(())),
        }
    }
}

/// Reads the next part.
pub(crate) async fn next(answer: &mut Streaming<FetchResponse>) -> fetch_response::Part {
    let next = tokio::time::timeout(SOON, answer.message()).await.expect("a part in time");
    next.unwrap().expect("a message").part.expect("a part")
}

/// The receipt that stands in the last part.
pub(crate) fn receipt_in(parts: &[fetch_response::Part]) -> SignedMessage {
    match parts.last() {
        Some(fetch_response::Part::Trailer(trailer)) => trailer.receipt.clone().unwrap(),
        other => panic!("the last part is the trailer, not {other:?}"),
    }
}

/// The reason that a status carries for programs.
pub(crate) fn reason(status: &Status) -> String {
    use tonic_types::StatusExt as _;

    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Fails unless the call was refused so.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(
    outcome: Result<T, Status>,
    code: Code,
    why: &str,
) {
    let status = outcome.expect_err("the call must be refused");
    assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{status:?}");
}

/// The request inside.
pub(crate) fn request_of(serve: &ServeTransfer) -> TransferRequest {
    TransferRequest::decode(serve.request.as_ref().unwrap().message.as_slice()).unwrap()
}

fn receipt(serve: &ServeTransfer, frames: u64) -> Receipt {
    let terms = serve.grant.as_ref().unwrap();
    let terms = GrantTerms::decode(terms.message.as_slice()).unwrap();
    let request = request_of(serve);
    let held = RowSet {
        rows: 10 * frames,
        digest: vec![u8::try_from(4 + frames).unwrap(); 32],
        ..RowSet::default()
    };
    Receipt {
        source: request.reconcile.then_some(held),
        transfer_id: request.transfer_id,
        grant_id: request.grant_id,
        provider_code: terms.provider_code,
        consumer_code: request.consumer_code,
        fields: request.fields,
        purpose: request.purpose,
        rows: if request.reconcile { 0 } else { 10 * frames },
        bytes: 1_000 * frames,
        frames,
        sha256: vec![7; 32],
        subject_reference: match request.query {
            Some(_) => SUBJECT.to_owned(),
            None => String::new(),
        },
        rejected_rows: frames,
        ..Receipt::default()
    }
}

fn frame(index: u64, bytes: usize) -> deliver_request::Part {
    deliver_request::Part::Frame(Frame { index, sealed: Bytes::from(vec![0; bytes]) })
}

async fn send_hello(outbox: &mpsc::Sender<OpenLinkRequest>, hello: NodeHello) {
    let kind = Some(open_link_request::Kind::Hello(hello));
    outbox.send(OpenLinkRequest { kind }).await.unwrap();
}
