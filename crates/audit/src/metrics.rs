//! What operators watch: how long the log is, how far the rules and the witnesses are behind it, and what is wrong with streams.
//!
//! Labels are names of streams and witnesses, never organisations (H5).

use std::sync::LazyLock;

use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};

struct Metrics {
    size: Gauge<u64>,
    stopped: Gauge<u64>,
    changed: Gauge<u64>,
    judged: Gauge<u64>,
    witnessed: Gauge<u64>,
}

/// Made at first use, which is after telemetry was set up.
static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let meter = global::meter("publicdata-audit");
    let gauge = |name, description| meter.u64_gauge(name).with_description(description).build();
    Metrics {
        size: gauge("audit.log_size", "Events in the log"),
        stopped: gauge(
            "audit.stopped",
            "1 for a stream whose log has stopped, 0 for one that is followed",
        ),
        changed: gauge(
            "audit.changed_events",
            "Logged events of a stream that are not what they were",
        ),
        judged: gauge("audit.judged", "Events that were held against the rules"),
        witnessed: gauge("audit.witnessed_size", "Events in the tree that a witness signed last"),
    }
});

/// The log has so many events.
pub(crate) fn log_size(size: u64) {
    METRICS.size.record(size, &[]);
}

/// Whether the log of this stream has stopped.
pub(crate) fn stopped(stream: &str, stopped: bool) {
    METRICS.stopped.record(stopped.into(), &of_stream(stream));
}

/// So many of this stream's events have changed, as far as was checked.
pub(crate) fn changed(stream: &str, count: u64) {
    METRICS.changed.record(count, &of_stream(stream));
}

/// So many events were held against the rules.
pub(crate) fn judged(events: u64) {
    METRICS.judged.record(events, &[]);
}

/// The tree that this witness signed last has so many events.
pub(crate) fn witnessed(witness: &str, size: u64) {
    METRICS.witnessed.record(size, &[KeyValue::new("witness", witness.to_owned())]);
}

fn of_stream(stream: &str) -> [KeyValue; 1] {
    [KeyValue::new("stream", stream.to_owned())]
}
