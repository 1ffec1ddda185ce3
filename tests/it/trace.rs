//! One trace, from the consumer's fetch to the entry in the audit log, as a collector receives it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use arrow_flight::Ticket;
use arrow_flight::flight_service_client::FlightServiceClient;
use futures::TryStreamExt as _;
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
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use publicdata::output::to_json;
use publicdata::session::Session;
use publicdata_proto::node::v1::FetchTicket;
use publicdata_service_kit::Tasks;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::fleet::{City, PURPOSE, Rows};
use crate::process::{Terminal, Up};

pub(crate) const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

/// Where traces and metrics go.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<Metric>>>,
}

impl Collector {
    pub(crate) async fn start(&self, tasks: &Tasks) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(self.clone()))
            .add_service(MetricsServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tasks.try_spawn("collector", server);
        address
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    fn metrics(&self) -> Vec<Metric> {
        self.metrics.lock().unwrap().clone()
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
        self.metrics.lock().unwrap().extend(scopes.flat_map(|scope| scope.metrics));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// The spans that a fetch has to leave, and what each has to follow from.
const CHAIN: [(&str, &str); 9] = [
    (FETCH, DO_GET),
    ("transfer", FETCH),
    ("delivery", FETCH),
    ("publicdata.exchange.v1.NodeLinkService/Deliver", "delivery"),
    (CONFIRM, DO_GET),
    ("append", FETCH),
    ("append", CONFIRM),
    ("audit.entry", FETCH),
    ("audit.entry", CONFIRM),
];
const DO_GET: &str = "arrow.flight.protocol.FlightService/DoGet";
const FETCH: &str = "publicdata.exchange.v1.TransferService/Fetch";
const CONFIRM: &str = "publicdata.exchange.v1.TransferService/ConfirmDelivery";

/// R23.2: one trace leads from the caller through the consumer's node, the bus and the provider's node to the events and to
/// the audit log; metrics say how it ended. H5: neither they nor the log hold any of the data, nor what it was for.
#[tokio::test]
async fn one_trace_leads_from_the_fetch_to_the_audit_log() {
    let (tasks, collector) = (Tasks::new(), Collector::default());
    let endpoint = format!("http://{}", collector.start(&tasks).await);
    let city = City::ready(Rows::few()).await;
    let (data, rows) = (city.fleet.data().to_owned(), city.source_rows().await);
    city.fleet.stop().await.unwrap();
    let terminal = Terminal::new(&data);
    let mut up = Up::start(&terminal, &["--otlp", &endpoint, "--log", "publicdata=trace"]).await;
    terminal.nodes(2).await;

    fetch_in_trace(&Session::open(&data, "health").unwrap(), &city.grant).await;
    // Whoever verifies waits until the log has caught up with the events.
    terminal.text(&["audit", "verify", "--as", "auditor"]).await;
    // What is buffered is sent in the end.
    assert_eq!(up.interrupt().await.code(), Some(0), "{}", up.said());

    let (all, metrics) = (collector.spans(), collector.metrics());
    let spans: Vec<_> =
        all.iter().filter(|span| hex(&span.trace_id) == TRACE_ID).cloned().collect();
    let first = spans.iter().find(|span| hex(&span.parent_span_id) == PARENT_ID);
    assert_eq!(first.map(|span| span.name.as_str()), Some(DO_GET), "{:#?}", tree(&spans));
    for (name, ancestor) in CHAIN {
        assert!(follows(&spans, name, ancestor), "{name} of {ancestor}: {:#?}", tree(&spans));
    }
    let names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    for name in [
        "rpc.server.calls",
        "rpc.server.duration",
        "exchange.transfers",
        "exchange.relayed",
        "exchange.connected_nodes",
        "audit.log_size",
        "audit.judged",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let told = format!("{all:?} {metrics:?} {}", up.said());
    assert!(!told.contains(PURPOSE), "the purpose was told");
    for (code, note) in rows.iter().map(|row| (&row[0], &row[row.len() - 1])) {
        assert!(!told.contains(code) && !told.contains(note), "row {code} was told");
    }
    assert!(!told.contains("plain-"), "a name was told");
}

/// Fetches everything granted, as part of a trace that began elsewhere.
pub(crate) async fn fetch_in_trace(consumer: &Session, grant: &str) {
    let ticket = FetchTicket {
        grant_id: grant.to_owned(),
        purpose: PURPOSE.to_owned(),
        ..FetchTicket::default()
    };
    let mut request = Request::new(Ticket::new(to_json(&ticket).unwrap().to_string()));
    let traceparent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
    request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    let mut client = FlightServiceClient::new(consumer.node_channel(None).unwrap());
    let frames = client.do_get(request).await.unwrap().into_inner();
    let frames: Vec<_> = frames.try_collect().await.unwrap();
    assert!(frames.len() > 1, "a schema and rows");
}

/// Whether a span of this name has such an ancestor.
fn follows(spans: &[Span], name: &str, ancestor: &str) -> bool {
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (&span.span_id, span)).collect();
    let parent = |span: &&Span| by_id.get(&span.parent_span_id).copied();
    let mut named = spans.iter().filter(|span| span.name == name);
    named.any(|span| {
        std::iter::successors(parent(&span), parent).any(|above| above.name == ancestor)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Spans and their parents, by name.
fn tree(spans: &[Span]) -> Vec<String> {
    let name = |id: &[u8]| {
        spans.iter().find(|span| span.span_id == id).map_or_else(|| hex(id), |s| s.name.clone())
    };
    spans.iter().map(|span| format!("{} < {}", span.name, name(&span.parent_span_id))).collect()
}
