use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use publicdata_identity::testing::node;
use tower::{ServiceExt as _, service_fn};

use super::*;

struct Fixture {
    layer: CallLayer,
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Fixture {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build();
        Self { layer: CallLayer::new(&provider.meter("test")), provider, exporter }
    }

    /// Method, code and count of all calls.
    fn counted(&self) -> Vec<(String, i64, u64)> {
        self.provider.force_flush().unwrap();
        let exported = self.exporter.get_finished_metrics().unwrap();
        let latest = exported.last().unwrap();
        let calls = latest
            .scope_metrics()
            .flat_map(|scope| scope.metrics())
            .find(|metric| metric.name() == "rpc.server.calls")
            .unwrap();
        let AggregatedMetrics::U64(MetricData::Sum(sum)) = calls.data() else { panic!() };
        sum.data_points()
            .map(|point| {
                let label = |key: &str| {
                    let found = point.attributes().find(|label| label.key.as_str() == key);
                    found.unwrap().value.to_string()
                };
                let code = label("rpc.grpc.status_code").parse().unwrap();
                (label("rpc.method"), code, point.value())
            })
            .collect()
    }
}

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

fn request_of_a_peer(path: &str) -> Request<Body> {
    let mut request = request(path);
    request.extensions_mut().insert(Peer(node("n1")));
    request
}

fn answer(status: Status) -> Response<Body> {
    status.into_http()
}

/// R9.2: a call without a peer certificate never reaches a handler.
#[tokio::test]
async fn a_call_without_a_certificate_is_refused_before_any_handler() {
    let fixture = Fixture::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let service = fixture.layer.layer(service_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        ready(Ok::<_, std::convert::Infallible>(answer(Status::ok(""))))
    }));

    let response = service.oneshot(request("/test.Echo/Call")).await.unwrap();

    let status = Status::from_header_map(response.headers()).unwrap();
    let problem = Problem::from_status(&status);
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(problem.reason, "NO_CLIENT_CERTIFICATE");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(fixture.counted(), [("unauthenticated".to_owned(), 16, 1)]);
}

#[tokio::test]
async fn a_handler_finds_its_caller() {
    let fixture = Fixture::new();
    let service = fixture.layer.layer(service_fn(|request: Request<Body>| {
        assert_eq!(peer_of(request.extensions()), Ok(node("n1")));
        ready(Ok::<_, std::convert::Infallible>(answer(Status::ok(""))))
    }));

    service.oneshot(request_of_a_peer("/test.Echo/Call")).await.unwrap();

    assert_eq!(fixture.counted(), [("test.Echo/Call".to_owned(), 0, 1)]);
}

#[tokio::test]
async fn methods_that_do_not_exist_share_a_label() {
    let fixture = Fixture::new();
    for path in ["/test.Echo/One", "/test.Echo/Two"] {
        let service = fixture.layer.layer(service_fn(|_: Request<Body>| {
            ready(Ok::<_, std::convert::Infallible>(answer(Status::unimplemented("no"))))
        }));
        service.oneshot(request_of_a_peer(path)).await.unwrap();
    }

    assert_eq!(fixture.counted(), [("unknown".to_owned(), 12, 2)]);
}

#[tokio::test]
async fn a_call_that_the_client_abandons_counts_as_cancelled() {
    let fixture = Fixture::new();
    let service = fixture.layer.layer(service_fn(|_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, std::convert::Infallible>>()
    }));

    drop(service.oneshot(request_of_a_peer("/test.Echo/Call")).now_or_never());

    assert_eq!(fixture.counted(), [("test.Echo/Call".to_owned(), 1, 1)]);
}
