//! What operators watch: transfers by outcome, bytes relayed, nodes connected, archives of the log.
//!
//! Labels are outcomes and reasons, never organisations, purposes or case numbers (H5).

use std::sync::LazyLock;

use opentelemetry::metrics::{Counter, UpDownCounter};
use opentelemetry::{KeyValue, global};

struct Metrics {
    transfers: Counter<u64>,
    relayed: Counter<u64>,
    nodes: UpDownCounter<i64>,
    archives: Counter<u64>,
}

/// Made at first use, which is after telemetry was set up.
static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let meter = global::meter("publicdata-exchange-bus");
    Metrics {
        transfers: meter
            .u64_counter("exchange.transfers")
            .with_description("Transfers by outcome")
            .build(),
        relayed: meter
            .u64_counter("exchange.relayed")
            .with_description("Sealed bytes passed on")
            .with_unit("By")
            .build(),
        nodes: meter
            .i64_up_down_counter("exchange.connected_nodes")
            .with_description("Nodes whose link is open")
            .build(),
        archives: meter
            .u64_counter("exchange.log_archives")
            .with_description("Steps of archiving the exchange log, by outcome")
            .build(),
    }
});

/// A node is connected as long as this lives.
#[derive(Debug)]
pub(crate) struct NodeConnected(());

/// Counts a transfer's outcome: `completed`, `refused`, `interrupted` or `stopped`, and its reason in capitals.
pub(crate) fn transfer(outcome: &'static str, reason: &str) {
    let labels = [KeyValue::new("outcome", outcome), KeyValue::new("reason", reason.to_owned())];
    METRICS.transfers.add(1, &labels);
}

/// Counts sealed bytes that were passed on.
pub(crate) fn relayed(bytes: usize) {
    METRICS.relayed.add(bytes as u64, &[]);
}

/// Counts a step of archiving: `sealed`, `trimmed`, `expired` or `failed`.
pub(crate) fn archive(outcome: &'static str) {
    METRICS.archives.add(1, &[KeyValue::new("outcome", outcome)]);
}

impl NodeConnected {
    /// Counts a node in.
    pub(crate) fn new() -> Self {
        METRICS.nodes.add(1, &[]);
        Self(())
    }
}

impl Drop for NodeConnected {
    fn drop(&mut self) {
        METRICS.nodes.add(-1, &[]);
    }
}
