//! A channel to one server: connects when first used and again when lost, hands on the trace, and
//! explains its failures.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderName, Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use publicdata_identity::tls::TlsError;
use publicdata_identity::{Credentials, SpiffeId, client_tls};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::transport::{self, Endpoint};
use tonic::{Status, TimeoutExpired};
use tower::{Service, service_fn};

use super::connect::connect;
use super::explain::{Target, explain};
use super::{CONNECTION_WINDOW, HTTP_2, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, STREAM_WINDOW};
use crate::telemetry;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// What generated clients take as their transport. Cheap to clone; clones share a connection.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: transport::Channel,
    target: Arc<Target>,
    deadline: Option<Duration>,
}

/// Why there can be no channel to such an address.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The address is not one.
    #[error("`{address}` is not an address; write `host:port`")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        #[source]
        source: transport::Error,
    },
    /// The address asks for a connection without TLS.
    #[error("`{address}` is not `https`; every connection is encrypted")]
    Plain {
        /// The address.
        address: String,
    },
    /// The other side is not one that serves, or the credentials are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A channel to this one server at `host:port`. It connects when it is first used.
pub fn channel(
    address: &str,
    credentials: &Credentials,
    server: &SpiffeId,
) -> Result<Channel, ChannelError> {
    let host_and_port = match address.split_once("://") {
        None => address,
        Some(("https", host_and_port)) => host_and_port,
        Some(_) => return Err(ChannelError::Plain { address: address.to_owned() }),
    };
    let tls = client_tls(credentials, server, &[HTTP_2])?;
    // Plain to tonic, because the connector below does the handshake.
    let endpoint = Endpoint::from_shared(format!("http://{host_and_port}"))
        .map_err(|source| ChannelError::Address { address: address.to_owned(), source })?
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);

    let target = Arc::new(Target {
        address: host_and_port.to_owned(),
        server: server.clone(),
        client: credentials.id().clone(),
    });
    let dialled = Arc::clone(&target);
    let connector = service_fn(move |_: Uri| {
        let (target, tls) = (Arc::clone(&dialled), tls.clone());
        async move { connect(&target.address, &tls).await.map(TokioIo::new) }
    });
    Ok(Channel { inner: endpoint.connect_with_connector_lazy(connector), target, deadline: None })
}

impl Channel {
    pub(super) fn new(inner: transport::Channel, target: Target) -> Self {
        Self { inner, target: Arc::new(target), deadline: None }
    }

    /// The same channel, for calls that must be answered within this time unless they say otherwise.
    ///
    /// For streams it bounds the time until the first answer.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx).map_err(|error| explain(error, &self.target))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let headers = request.headers_mut();
        telemetry::inject(headers);
        let deadline = self.deadline.filter(|_| !headers.contains_key(GRPC_TIMEOUT));

        let target = Arc::clone(&self.target);
        let response = self.inner.call(request);
        async move {
            // Giving up resets the stream, and so ends the work at the server.
            let answered = match deadline {
                Some(deadline) => match timeout(deadline, response).await {
                    Ok(answered) => answered,
                    Err(_) => return Err(explain(TimeoutExpired(()), &target)),
                },
                None => response.await,
            };
            match answered {
                Ok(response) => {
                    Ok(response.map(|inner| Body::new(ExplainedBody { inner, target })))
                }
                Err(error) => Err(explain(error, &target)),
            }
        }
        .boxed()
    }
}

/// A response whose transport errors are explained; what the server answers passes unchanged.
struct ExplainedBody {
    inner: Body,
    target: Arc<Target>,
}

impl HttpBody for ExplainedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        polled.map_err(|error| explain(error, &self.target))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
