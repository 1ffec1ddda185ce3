//! `publicdata node`: data service nodes.

mod quarantine;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use publicdata_proto::exchange::v1::{ListNodesRequest, ListNodesResponse, PeerBus};
use publicdata_proto::node::v1::{GetStatusRequest, ReconcileSubscriptionRequest, Subscription};

use super::{answer, short, time_text};
use crate::context::Context;

/// What can be done with nodes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one node until Ctrl-C, from its configuration file.
    Run {
        /// The configuration (TOML).
        config: PathBuf,
    },
    /// Say whether a node of your organisation is connected, and what it serves.
    Status {
        /// The node's name; needed if your organisation has several here.
        #[arg(long)]
        node: Option<String>,
    },
    /// List the nodes connected to the bus that you may see.
    List,
    /// Have a subscription's source and sink compared now (对账); `status` and the bus show what came of it.
    Reconcile {
        /// The subscription: its name in the node's configuration, or its id.
        subscription: String,
        /// The node's name; needed if your organisation has several here.
        #[arg(long)]
        node: Option<String>,
    },
    /// List the buses of other tiers that the bus exchanges with (市县分级交换), and whether they are connected.
    Peers,
    /// Show the rows of your organisation that were not delivered because they break a quality rule (质量问题数据).
    Quarantine(quarantine::Arguments),
    /// Delete the rows kept of a transfer, once they were seen to; their count stands.
    DiscardQuarantine(quarantine::Discard),
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run { config } => crate::up::run_node(&config).await,
        Command::Status { node } => {
            let mut client = context.session()?.node(node.as_deref())?;
            let status = answer(client.get_status(GetStatusRequest {}).await)?;
            let datasets: Vec<_> = status
                .datasets
                .iter()
                .map(|dataset| {
                    let state = if dataset.problem.is_empty() { "ready" } else { &dataset.problem };
                    format!("{} ({}): {state}", dataset.resource_id, dataset.connector)
                })
                .collect();
            let subscriptions: Vec<_> = status.subscriptions.iter().map(subscription).collect();
            let lines = [
                ("node", status.id.clone()),
                ("connected", if status.connected { "yes" } else { "no" }.to_owned()),
                ("since", time_text(status.since)),
                ("datasets", datasets.join("\n                   ")),
                ("subscriptions", subscriptions.join("\n                   ")),
            ];
            context.output.record(&status, &lines)
        }
        Command::Reconcile { subscription, node } => {
            let mut client = context.session()?.node(node.as_deref())?;
            let request = ReconcileSubscriptionRequest { subscription };
            let asked = answer(client.reconcile_subscription(request).await)?;
            context.output.record(&asked, &[("asked", "yes".to_owned())])
        }
        Command::Quarantine(arguments) => quarantine::run(context, arguments).await,
        Command::DiscardQuarantine(arguments) => quarantine::discard(context, arguments).await,
        Command::Peers => {
            let mut client = context.session()?.links().context("cannot reach the bus")?;
            let ListNodesResponse { peers, .. } =
                answer(client.list_nodes(ListNodesRequest {}).await)?;
            let rows = peers.iter().map(peer).collect();
            let page = ListNodesResponse { peers, ..ListNodesResponse::default() };
            context.output.table(&page, &["bus", "tier", "division", "connected since"], rows)
        }
        Command::List => {
            let mut client = context.session()?.links().context("cannot reach the bus")?;
            let nodes = answer(client.list_nodes(ListNodesRequest {}).await)?;
            let rows = nodes
                .nodes
                .iter()
                .map(|node| {
                    let datasets = node.resource_ids.len().to_string();
                    vec![
                        node.id.clone(),
                        node.version.clone(),
                        time_text(node.connected_at),
                        datasets,
                    ]
                })
                .collect();
            context.output.table(&nodes, &["node", "version", "connected at", "datasets"], rows)
        }
    }
}

fn peer(peer: &PeerBus) -> Vec<String> {
    let since = match peer.connected_since {
        Some(since) => time_text(Some(since)),
        None => "cut off".to_owned(),
    };
    let tier = short(peer.tier().as_str_name(), "PEER_BUS_TIER_");
    vec![peer.id.clone(), tier, peer.region_code.clone(), since]
}

fn subscription(subscription: &Subscription) -> String {
    let Subscription { name, trigger, sink, deliveries, rows, problem, .. } = subscription;
    let state = short(subscription.state().as_str_name(), "SUBSCRIPTION_STATE_");
    let last = time_text(subscription.last_delivered_at);
    let text = format!(
        "{name} ({trigger}, into {sink}): {state}, {deliveries} deliveries, {rows} rows, last {last}"
    );
    let text = match (subscription.last_compared_at, subscription.equal) {
        (None, _) => text,
        (at, true) => format!("{text}, equal to its source at {}", time_text(at)),
        (at, false) => format!("{text}, unequal to its source at {}", time_text(at)),
    };
    match problem.is_empty() {
        true => text,
        false => format!("{text}; {problem}"),
    }
}
