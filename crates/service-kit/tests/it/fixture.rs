//! A server with a service of its own, its authority, and clients.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::Frame;
use publicdata_identity::testing::{authority, credentials, node, service};
use publicdata_identity::{CertificateAuthority, Credentials, SpiffeId, peer_of};
use publicdata_service_kit::grpc::{self, Channel};
use publicdata_service_kit::problem::{Code, Problem};
use publicdata_service_kit::{Tasks, telemetry};
use std::pin::Pin;
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;
use tower::Service;

/// Ample on a busy machine; what hangs fails here.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) struct Fixture {
    pub(crate) authority: CertificateAuthority,
    pub(crate) tasks: Tasks,
    pub(crate) address: SocketAddr,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Fixture {
    pub(crate) fn start() -> Self {
        Self::start_draining(Duration::from_secs(5))
    }

    pub(crate) fn start_draining(drain_deadline: Duration) -> Self {
        let authority = authority();
        let (tasks, calls) = (Tasks::new(), Arc::new(AtomicUsize::new(0)));
        let server = grpc::bind(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            &credentials(&authority, &server_id()),
        )
        .unwrap()
        .drain_deadline(drain_deadline);
        let address = server.local_addr();
        let fixture = Self { authority, tasks, address, calls };
        server.spawn(&fixture.tasks, fixture.routes(), &[]).unwrap();
        fixture
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel_with(&credentials(&self.authority, &node("n1")), &server_id())
    }

    pub(crate) fn channel_with(&self, credentials: &Credentials, server: &SpiffeId) -> Channel {
        grpc::channel(&self.address.to_string(), credentials, server).unwrap()
    }

    /// The same service, for another way to be called.
    pub(crate) fn routes(&self) -> Routes {
        Routes::new(Echo { calls: Arc::clone(&self.calls) })
    }

    pub(crate) fn handled(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

pub(crate) fn server_id() -> SpiffeId {
    service("exchange-bus")
}

pub(crate) fn whole_server() -> HealthCheckRequest {
    HealthCheckRequest { service: String::new() }
}

pub(crate) async fn check_health(channel: Channel) -> Result<HealthCheckResponse, Status> {
    HealthClient::new(channel).check(whole_server()).await.map(tonic::Response::into_inner)
}

/// Calls a method of [`Echo`] and answers its first message.
pub(crate) async fn call(channel: Channel, method: &str) -> Result<String, Status> {
    let mut stream = open(channel, method).await?;
    let message = stream.message().await?.ok_or_else(|| Status::unknown("no message"))?;
    Ok(message.service)
}

/// Opens a stream of a method of [`Echo`].
pub(crate) async fn open(
    channel: Channel,
    method: &str,
) -> Result<tonic::Streaming<HealthCheckRequest>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = format!("/test.Echo/{method}").parse().unwrap();
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckRequest>::default();
    let answer = client.server_streaming(tonic::Request::new(whole_server()), path, codec).await?;
    Ok(answer.into_inner())
}

/// `Caller` and `Trace` tell what the handler sees, `Refuse` refuses, `Break` fails inside, `Hang`
/// never answers, `Flood` never stops.
#[derive(Clone)]
pub(crate) struct Echo {
    calls: Arc<AtomicUsize>,
}

impl tonic::server::NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let response = match request.uri().path() {
            "/test.Echo/Caller" => message(&peer_of(request.extensions()).unwrap().to_string()),
            "/test.Echo/Trace" => message(&telemetry::current_traceparent().unwrap_or_default()),
            "/test.Echo/Refuse" => refuse(
                Problem::new(Code::PermissionDenied, "FIELD_NOT_GRANTED", "not granted")
                    .with("field", "phone"),
            ),
            "/test.Echo/Break" => refuse(Problem::internal("table `secret` is gone")),
            "/test.Echo/Flood" => answer(Body::new(Flood)),
            "/test.Echo/Hang" => return std::future::pending().boxed(),
            other => panic!("no method {other}"),
        };
        ready(Ok(response)).boxed()
    }
}

fn refuse(problem: Problem) -> Response<Body> {
    Status::from(problem).into_http()
}

fn answer(body: Body) -> Response<Body> {
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

fn message(text: &str) -> Response<Body> {
    answer(Body::new(Once(Some(frame(text)))))
}

/// A `HealthCheckRequest` as gRPC frames it: not compressed, length, field 1.
fn frame(text: &str) -> Bytes {
    let message = prost::Message::encode_to_vec(&HealthCheckRequest { service: text.to_owned() });
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message].concat().into()
}

struct Once(Option<Bytes>);

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let ok = || {
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            Frame::trailers(trailers)
        };
        // First the message, then the trailers; nobody asks again.
        let frame = self.0.take().map_or_else(ok, Frame::data);
        Poll::Ready(Some(Ok(frame)))
    }
}

struct Flood;

impl http_body::Body for Flood {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(Some(Ok(Frame::data(frame(&"x".repeat(1024 * 1024))))))
    }
}
