use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use tracing::info_span;
use tracing_subscriber::Registry;

use http::HeaderMap;

use super::*;

const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The spans that end while this runs.
fn spans_of(work: impl FnOnce()) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(OURS));
    tracing::subscriber::with_default(Registry::default().with(layer), work);
    exporter.get_finished_spans().unwrap()
}

#[test]
fn a_span_joins_the_trace_it_is_given() {
    let spans = spans_of(|| {
        let span = info_span!("work");
        set_parent(&span, REMOTE);
    });

    assert_eq!(spans[0].span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(spans[0].parent_span_id.to_string(), "b7ad6b7169203331");
}

#[test]
fn the_trace_context_goes_on_from_hand_to_hand() {
    let spans = spans_of(|| {
        let first = info_span!("first");
        let handed_on = first.in_scope(current_traceparent).unwrap();
        let second = info_span!("second");
        set_parent(&second, &handed_on);
        let mut headers = HeaderMap::new();
        second.in_scope(|| inject(&mut headers));
        set_parent_of(&info_span!("third"), &headers);
    });

    let traces: Vec<_> = spans.iter().map(|span| span.span_context.trace_id()).collect();
    assert_eq!(spans.len(), 3);
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{spans:?}");
}

#[test]
fn a_broken_traceparent_is_ignored() {
    let spans = spans_of(|| set_parent(&info_span!("work"), "00-zz-zz-01"));

    assert_eq!(spans.len(), 1);
}

#[test]
fn outside_a_span_there_is_no_context() {
    assert_eq!(current_traceparent(), None);
}

#[test]
fn a_wrong_filter_is_named() {
    let config = TelemetryConfig { log: "publicdata=loud".to_owned(), ..Default::default() };

    let error = init(&config).unwrap_err().to_string();
    assert!(error.contains("`publicdata=loud`"), "{error}");
}
