//! The trace of an event ends where it enters the log.

use publicdata_service_kit::telemetry;

use crate::leaf::Entry;

/// Notes, in the trace that the event belongs to, that it is in the log. Said after the transaction was committed: a trace
/// tells what has happened.
pub(crate) fn entered(index: u64, entry: &Entry) {
    let span = tracing::info_span!(
        "audit.entry",
        otel.kind = "consumer",
        stream.name = entry.stream,
        event.sequence = entry.sequence,
        event.subject = entry.subject,
        log.index = index,
    );
    if let Some(traceparent) = &entry.traceparent {
        telemetry::set_parent(&span, traceparent);
    }
    span.in_scope(|| tracing::debug!("event is in the log"));
}
