use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use publicdata_service_kit::Tasks;
use publicdata_service_kit::telemetry::{self, LogFormat, TelemetryConfig, TelemetryError};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tracing::{Instrument as _, info_span};

use crate::fixture::{Fixture, call};

/// Where traces and metrics go.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    async fn start(&self, tasks: &Tasks) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(self.clone()))
            .add_service(MetricsServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tasks.try_spawn("collector", server);
        address
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans;
        let scopes = resources.into_iter().flat_map(|resource| resource.scope_spans);
        self.spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics;
        let scopes = resources.into_iter().flat_map(|resource| resource.scope_metrics);
        let names = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name);
        self.metrics.lock().unwrap().extend(names);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// R23.2: one trace from the caller's span through the server's, as far as the collector. This is
/// the only test that starts telemetry, as that is done once a process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_client_to_server_to_collector() {
    let (tasks, collector) = (Tasks::new(), Collector::default());
    let endpoint = format!("http://{}", collector.start(&tasks).await);
    let config = TelemetryConfig {
        service_name: "test".to_owned(),
        log: "warn".to_owned(),
        format: LogFormat::Json,
        otlp_endpoint: Some(endpoint),
    };
    let guard = telemetry::init(&config).unwrap();
    let fixture = Fixture::start();

    let seen_by_handler = call(fixture.channel(), "Trace")
        .instrument(info_span!(target: "publicdata_test", "fetch"))
        .await
        .unwrap();
    guard.flush().await.unwrap();

    let spans = collector.spans.lock().unwrap().clone();
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (client, server) = (named("fetch"), named("test.Echo/Trace"));
    assert_eq!(server.trace_id, client.trace_id);
    assert_eq!(server.parent_span_id, client.span_id);
    let trace_id: String = server.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(seen_by_handler.contains(&trace_id), "{seen_by_handler} in {trace_id}");
    let metrics = collector.metrics.lock().unwrap().clone();
    for name in ["rpc.server.calls", "rpc.server.duration"] {
        assert!(metrics.iter().any(|metric| metric == name), "{metrics:?}");
    }

    let again = telemetry::init(&TelemetryConfig { otlp_endpoint: None, ..config }).unwrap_err();
    assert!(matches!(again, TelemetryError::Twice(_)), "{again}");
    guard.shutdown().await.unwrap();
}
