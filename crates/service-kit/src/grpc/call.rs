//! Around every call: who calls, which trace it belongs to, how it ended and how long it took.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use publicdata_identity::peer::PeerError;
use publicdata_identity::{Peer, SpiffeId, peer_of};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::problem::{self, Problem};
use crate::telemetry;

/// Wraps every service of a server.
#[derive(Clone)]
pub(super) struct CallLayer {
    metrics: Metrics,
}

#[derive(Clone)]
pub(super) struct Calls<S> {
    inner: S,
    metrics: Metrics,
}

#[derive(Clone)]
struct Metrics {
    calls: Counter<u64>,
    duration: Histogram<f64>,
}

/// A call until its end, which is its last trailer, or the moment that the client gives up.
struct Call {
    method: String,
    caller: SpiffeId,
    span: Span,
    begun: Instant,
    metrics: Metrics,
    ended: bool,
}

/// A response body that tells the call when it ends.
struct WatchedBody {
    inner: Body,
    call: Call,
}

// === impl CallLayer ===

impl CallLayer {
    pub(super) fn new(meter: &Meter) -> Self {
        let metrics = Metrics {
            calls: meter
                .u64_counter("rpc.server.calls")
                .with_description("gRPC calls by method and code")
                .build(),
            duration: meter
                .f64_histogram("rpc.server.duration")
                .with_unit("ms")
                .with_description("duration of gRPC calls, streams included")
                .build(),
        };
        Self { metrics }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls { inner, metrics: self.metrics.clone() }
    }
}

// === impl Calls ===

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let caller = match peer_of(request.extensions()) {
            Ok(caller) => caller,
            Err(error) => return ready(Ok(self.metrics.refuse(&method, error))).boxed(),
        };

        let call = Call::begin(method, caller, self.metrics.clone());
        telemetry::set_parent_of(&call.span, request.headers());
        request.extensions_mut().insert(Peer(call.caller.clone()));
        let response = call.span.in_scope(|| self.inner.call(request));
        let span = call.span.clone();
        async move { Ok(call.watch(response.await?)) }.instrument(span).boxed()
    }
}

// === impl Metrics ===

impl Metrics {
    /// Nobody is to get here, as the handshake asks for a certificate: this is the second lock.
    fn refuse(&self, method: &str, error: PeerError) -> Response<Body> {
        let error = problem::chain(&error);
        tracing::warn!(rpc.method = method, error, "call refused");
        self.record("unauthenticated", Code::Unauthenticated, 0.0);
        let message = format!("{error}; connect with credentials of this platform's authority");
        let problem =
            Problem::new(problem::Code::Unauthenticated, "NO_CLIENT_CERTIFICATE", message);
        Status::from(problem).into_http()
    }

    fn record(&self, method: &str, code: Code, duration_ms: f64) {
        // Whoever calls what doesn't exist must not fill the memory with labels.
        let method = if code == Code::Unimplemented { "unknown" } else { method };
        let labels = [
            KeyValue::new("rpc.method", method.to_owned()),
            KeyValue::new("rpc.grpc.status_code", i64::from(code as i32)),
        ];
        self.calls.add(1, &labels);
        self.duration.record(duration_ms, &labels);
    }
}

// === impl Call ===

impl Call {
    fn begin(method: String, caller: SpiffeId, metrics: Metrics) -> Self {
        let span = info_span!(
            "call",
            otel.name = method,
            otel.kind = "server",
            rpc.system = "grpc",
            rpc.method = method,
            caller = %caller,
            rpc.grpc.status_code = Empty,
            duration_ms = Empty,
        );
        Self { method, caller, span, begun: Instant::now(), metrics, ended: false }
    }

    fn watch(mut self, response: Response<Body>) -> Response<Body> {
        match Status::from_header_map(response.headers()) {
            // An error without any message in the body, or an answer of another protocol's layer.
            Some(status) => {
                self.end(&status);
                response
            }
            None => response.map(|inner| Body::new(WatchedBody { inner, call: self })),
        }
    }

    fn end(&mut self, status: &Status) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let code = status.code();
        let duration_ms = self.begun.elapsed().as_secs_f64() * 1e3;
        self.span.record("rpc.grpc.status_code", code as i32);
        self.span.record("duration_ms", duration_ms);
        self.metrics.record(&self.method, code, duration_ms);

        let (method, caller) = (&self.method, &self.caller);
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        self.span.in_scope(|| match is_refusal(code) {
            true => tracing::warn!(%caller, rpc.method = method, ?code, reason, "call refused"),
            false => tracing::debug!(?code, reason, duration_ms, "call ended"),
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(&Status::cancelled("the client gave up"));
    }
}

// === impl WatchedBody ===

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.call.span.clone();
        let polled = span.in_scope(|| Pin::new(&mut self.inner).poll_frame(cx));

        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let status = Status::from_header_map(trailers);
                    self.call.end(&status.unwrap_or_else(|| Status::unknown("no status")));
                }
            }
            Poll::Ready(Some(Err(status))) => self.call.end(status),
            Poll::Ready(None) => self.call.end(&Status::ok("")),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn is_refusal(code: Code) -> bool {
    matches!(code, Code::PermissionDenied | Code::Unauthenticated)
}

#[cfg(test)]
mod tests;
