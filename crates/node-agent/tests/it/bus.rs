//! A bus that relays as the real one does, and lies where a test tells it to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use prost::Message as _;
use publicdata_identity::Credentials;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::fetch_response::Part;
use publicdata_proto::exchange::v1::grant_service_server::{GrantService, GrantServiceServer};
use publicdata_proto::exchange::v1::node_link_service_server::{
    NodeLinkService, NodeLinkServiceServer,
};
use publicdata_proto::exchange::v1::transfer_service_server::{
    TransferService, TransferServiceServer,
};
use publicdata_proto::exchange::v1::*;
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Problem, Tasks, grpc};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

type Serve = dyn Fn(ServeTransfer) -> ServeTransfer + Send + Sync;
/// Given the number of the attempt: what the consumer's node gets in place of a part.
type Pass = dyn Fn(u64, Part) -> Vec<Result<Part, Status>> + Send + Sync;
type Inlet = mpsc::Sender<Result<FetchResponse, Status>>;

#[derive(Clone)]
pub(crate) struct Bus(Arc<State>);

pub(crate) struct State {
    grant: Mutex<Result<Grant, Status>>,
    refusal: Mutex<Option<Status>>,
    serve: Mutex<Box<Serve>>,
    pass: Mutex<Arc<Pass>>,
    link: watch::Sender<Option<mpsc::Sender<Result<OpenLinkResponse, Status>>>>,
    waiting: Mutex<HashMap<String, (u64, Inlet)>>,
    attempts: AtomicU64,
    pub(crate) asked: Mutex<Vec<TransferRequest>>,
    pub(crate) frames: watch::Sender<u64>,
    pub(crate) served: Mutex<Vec<ServeTransfer>>,
    pub(crate) declined: watch::Sender<Vec<DeliveryFailure>>,
    pub(crate) confirmed: Mutex<Vec<ConfirmDeliveryRequest>>,
    /// What it tells of who answers questions.
    pub(crate) serving: Mutex<Vec<ServingNode>>,
}

impl std::ops::Deref for Bus {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Bus {
    pub(crate) fn new(grant: SignedMessage) -> Self {
        Self(Arc::new(State {
            grant: Mutex::new(Ok(shown(grant))),
            refusal: Mutex::default(),
            asked: Mutex::default(),
            serve: Mutex::new(Box::new(|serve| serve)),
            pass: Mutex::new(Arc::new(|_, part| vec![Ok(part)])),
            link: watch::Sender::new(None),
            waiting: Mutex::default(),
            attempts: AtomicU64::new(0),
            frames: watch::Sender::new(0),
            served: Mutex::default(),
            declined: watch::Sender::default(),
            confirmed: Mutex::default(),
            serving: Mutex::default(),
        }))
    }

    pub(crate) fn start(
        &self,
        at: SocketAddr,
        credentials: &Credentials,
        tasks: &Tasks,
    ) -> SocketAddr {
        let server = grpc::bind(at, credentials).unwrap();
        let address = server.local_addr();
        let routes = Routes::new(GrantServiceServer::new(self.clone()))
            .add_service(TransferServiceServer::new(self.clone()))
            .add_service(NodeLinkServiceServer::new(self.clone()));
        server.spawn(tasks, routes, &[]).unwrap();
        address
    }

    pub(crate) fn show_grant(&self, grant: SignedMessage) {
        *self.grant.lock().unwrap() = Ok(shown(grant));
    }

    /// Shows no terms, and refuses each transfer so.
    pub(crate) fn refuse(&self, shown: Result<Grant, Status>, fetch: Status) {
        *self.grant.lock().unwrap() = shown;
        *self.refusal.lock().unwrap() = Some(fetch);
    }

    pub(crate) fn on_serve(
        &self,
        serve: impl Fn(ServeTransfer) -> ServeTransfer + Send + Sync + 'static,
    ) {
        *self.serve.lock().unwrap() = Box::new(serve);
    }

    pub(crate) fn on_part(
        &self,
        pass: impl Fn(u64, Part) -> Vec<Result<Part, Status>> + Send + Sync + 'static,
    ) {
        *self.pass.lock().unwrap() = Arc::new(pass);
    }

    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::SeqCst)
    }

    /// Says something to the provider's node, once it is linked.
    pub(crate) async fn say(&self, kind: open_link_response::Kind) {
        let link = self.link.subscribe().wait_for(Option::is_some).await.unwrap().clone().unwrap();
        link.send(Ok(OpenLinkResponse { kind: Some(kind) })).await.unwrap();
    }

    pub(crate) fn unlink(&self) {
        self.link.send_replace(None);
    }

    pub(crate) async fn linked(&self) {
        self.link.subscribe().wait_for(Option::is_some).await.unwrap();
    }
}

fn shown(terms: SignedMessage) -> Grant {
    Grant { signed_terms: Some(terms), ..Grant::default() }
}

fn failed(failure: DeliveryFailure) -> Status {
    let code = match failure.refused {
        true => Code::PermissionDenied,
        false => Code::FailedPrecondition,
    };
    let mut problem = Problem::new(code, "FAILED", failure.message);
    problem.reason = failure.reason.into();
    problem.into()
}

pub(crate) fn interrupted() -> Status {
    Problem::new(Code::Unavailable, "PROVIDER_NODE_LOST", "the test interrupts").into()
}

#[tonic::async_trait]
impl GrantService for Bus {
    async fn get_grant(
        &self,
        _: Request<GetGrantRequest>,
    ) -> Result<Response<GetGrantResponse>, Status> {
        let grant = self.grant.lock().unwrap().clone()?;
        Ok(Response::new(GetGrantResponse { grant: Some(grant) }))
    }

    async fn submit_application(
        &self,
        _: Request<SubmitApplicationRequest>,
    ) -> Result<Response<SubmitApplicationResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn refuse_application(
        &self,
        _: Request<RefuseApplicationRequest>,
    ) -> Result<Response<RefuseApplicationResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn issue_grant(
        &self,
        _: Request<IssueGrantRequest>,
    ) -> Result<Response<IssueGrantResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn revoke_grant(
        &self,
        _: Request<RevokeGrantRequest>,
    ) -> Result<Response<RevokeGrantResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn list_grants(
        &self,
        _: Request<ListGrantsRequest>,
    ) -> Result<Response<ListGrantsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[tonic::async_trait]
impl TransferService for Bus {
    type FetchStream = BoxStream<'static, Result<FetchResponse, Status>>;

    async fn fetch(
        &self,
        request: Request<FetchRequest>,
    ) -> Result<Response<Self::FetchStream>, Status> {
        let FetchRequest { request: signed, parameters } = request.into_inner();
        let signed = signed.unwrap();
        let asked = TransferRequest::decode(signed.message.as_slice()).unwrap();
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        self.asked.lock().unwrap().push(asked.clone());
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let (inlet, outlet) = mpsc::channel(1);
        self.waiting.lock().unwrap().insert(asked.transfer_id, (attempt, inlet));

        let serve = ServeTransfer {
            grant: self.grant.lock().unwrap().clone().unwrap().signed_terms,
            request: Some(signed),
            traceparent: String::new(),
            parameters,
        };
        let serve = (self.serve.lock().unwrap())(serve);
        self.served.lock().unwrap().push(serve.clone());
        self.say(open_link_response::Kind::Serve(serve)).await;
        Ok(Response::new(ReceiverStream::new(outlet).boxed()))
    }

    async fn confirm_delivery(
        &self,
        request: Request<ConfirmDeliveryRequest>,
    ) -> Result<Response<ConfirmDeliveryResponse>, Status> {
        self.confirmed.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ConfirmDeliveryResponse { sequence: 1 }))
    }

    async fn list_transfers(
        &self,
        _: Request<ListTransfersRequest>,
    ) -> Result<Response<ListTransfersResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn find_services(
        &self,
        _: Request<FindServicesRequest>,
    ) -> Result<Response<FindServicesResponse>, Status> {
        let nodes = self.serving.lock().unwrap().clone();
        Ok(Response::new(FindServicesResponse { nodes }))
    }

    async fn count_subjects(
        &self,
        _: Request<CountSubjectsRequest>,
    ) -> Result<Response<CountSubjectsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[tonic::async_trait]
impl NodeLinkService for Bus {
    type OpenLinkStream = BoxStream<'static, Result<OpenLinkResponse, Status>>;

    async fn open_link(
        &self,
        request: Request<Streaming<OpenLinkRequest>>,
    ) -> Result<Response<Self::OpenLinkStream>, Status> {
        let mut said = request.into_inner();
        let hello = said.message().await?.unwrap();
        let Some(open_link_request::Kind::Hello(hello)) = hello.kind else {
            return Err(Status::invalid_argument("hello first"));
        };
        let (sender, receiver) = mpsc::channel(8);
        let welcome = open_link_response::Kind::Welcome(Welcome { node: String::new() });
        sender.send(Ok(OpenLinkResponse { kind: Some(welcome) })).await.unwrap();
        // Only the provider's node serves anything.
        if !hello.resource_ids.is_empty() {
            self.link.send_replace(Some(sender.clone()));
            *self.serving.lock().unwrap() = serving(&hello);
        }

        let bus = self.clone();
        let listening = async move {
            while let Ok(Some(word)) = said.message().await {
                if let Some(open_link_request::Kind::Declined(declined)) = word.kind {
                    let failure = declined.failure.unwrap();
                    bus.declined.send_modify(|all| all.push(failure.clone()));
                    let waiting = bus.waiting.lock().unwrap().remove(&declined.transfer_id);
                    if let Some((_, inlet)) = waiting {
                        let _ = inlet.send(Err(failed(failure))).await;
                    }
                }
            }
            drop(sender);
        };
        let heard = ReceiverStream::new(receiver);
        let listening = futures::stream::once(listening).filter_map(async |()| None);
        Ok(Response::new(until_first_ends(heard, listening).boxed()))
    }

    async fn deliver(
        &self,
        request: Request<Streaming<DeliverRequest>>,
    ) -> Result<Response<DeliverResponse>, Status> {
        let mut parts = request.into_inner();
        let mut to = None;
        while let Some(DeliverRequest { part: Some(part) }) = parts.message().await? {
            let part = match part {
                deliver_request::Part::Header(header) => {
                    to = self.waiting.lock().unwrap().remove(&header.transfer_id);
                    Ok(Part::Header(header))
                }
                deliver_request::Part::Frame(frame) => {
                    self.frames.send_modify(|frames| *frames += 1);
                    Ok(Part::Frame(frame))
                }
                deliver_request::Part::Trailer(trailer) => Ok(Part::Trailer(trailer)),
                deliver_request::Part::Failure(failure) => Err(failed(failure)),
            };
            let Some((attempt, inlet)) = &to else {
                return Err(Status::failed_precondition("not asked"));
            };
            let pass = Arc::clone(&self.pass.lock().unwrap());
            let passed = match part {
                Ok(part) => pass(*attempt, part),
                Err(status) => vec![Err(status)],
            };
            for part in passed {
                let ends = part.is_err();
                let part = part.map(|part| FetchResponse { part: Some(part) });
                if inlet.send(part).await.is_err() || ends {
                    return Err(Status::aborted("the fetch has ended"));
                }
            }
        }
        Ok(Response::new(DeliverResponse {}))
    }

    async fn list_nodes(
        &self,
        _: Request<ListNodesRequest>,
    ) -> Result<Response<ListNodesResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

fn serving(hello: &NodeHello) -> Vec<ServingNode> {
    let Some(signed) = &hello.key else { return Vec::new() };
    let key = NodeKey::decode(signed.message.as_slice()).unwrap();
    let services = hello.services.clone();
    vec![ServingNode { node: key.node, key: hello.key.clone(), services }]
}

fn until_first_ends<T>(
    first: impl Stream<Item = T> + Send + 'static,
    second: impl Stream<Item = T> + Send + 'static,
) -> impl Stream<Item = T> {
    futures::stream::select(first, second)
}
