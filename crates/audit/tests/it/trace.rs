//! The trace of an exchange reaches the log.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::bench::{Bench, organisation, until};

/// R23.2: one trace leads from whoever caused an event to its entry in the log.
#[tokio::test]
async fn entry_belongs_to_the_trace_of_its_event() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let bench = Bench::on_nats().await;
    let running = bench.start().await;

    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let event = organisation(1);
    bench.append_traced("exchange", "transfer", &event, Some(traceparent.to_owned())).await;
    bench.settled(&running).await;

    let entry = || {
        let spans = exporter.get_finished_spans().unwrap();
        spans.into_iter().find(|span| span.name == "audit.entry")
    };
    until("the span", async || entry().is_some()).await;
    let entry = entry().unwrap();
    assert_eq!(entry.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(entry.parent_span_id.to_string(), "00f067aa0ba902b7");
}
