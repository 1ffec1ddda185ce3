//! The nodes of this machine: their configuration files, and running them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use publicdata_identity::{Credentials, SpiffeId};
use publicdata_node_agent as node_agent;
use publicdata_proto::exchange::v1::ListNodesRequest;
use publicdata_service_kit::Tasks;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{DRAIN_DEADLINE, Fleet};
use crate::commands::{answer, init};
use crate::sample::Organisation;
use crate::session::{CREDENTIALS_FOLDER, Session};

const NODES_FOLDER: &str = "nodes";
const CONFIG_FILE: &str = "node.toml";
const FIRST_NODE_PORT: u16 = 100;
const CHANGES_POLL_MS: u64 = 100;
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
const CONNECT_POLL: Duration = Duration::from_millis(20);

/// What a node does for its organisation.
#[derive(Clone, Debug, Default)]
pub struct NodeWork {
    /// What it serves.
    pub datasets: Vec<NodeDataset>,
    /// What is pushed to it.
    pub subscriptions: Vec<NodeSubscription>,
}

/// A table of an SQLite database that a node serves.
#[derive(Clone, Debug)]
pub struct NodeDataset {
    /// The resource's id.
    pub resource_id: String,
    /// The database.
    pub database: PathBuf,
    /// The table.
    pub table: String,
    /// Columns that order its rows.
    pub order_by: Vec<String>,
    /// Questions that it answers: the name of each, and the item that names the subject.
    pub services: Vec<(&'static str, &'static str)>,
    /// The column that is greater in rows that changed later, if there is one.
    pub watermark: Option<&'static str>,
}

/// Changes that go into a table of an SQLite database.
#[derive(Clone, Debug, Serialize)]
pub struct NodeSubscription {
    /// Its name.
    pub name: &'static str,
    /// The grant's id.
    pub grant_id: String,
    /// The purpose.
    pub purpose: &'static str,
    /// When a delivery is due.
    pub trigger: &'static str,
    /// Where rows go.
    pub sink: NodeSink,
}

/// A table of an SQLite database.
#[derive(Clone, Debug, Serialize)]
pub struct NodeSink {
    /// The kind of sink.
    pub kind: &'static str,
    /// The database.
    pub path: PathBuf,
    /// The table.
    pub table: &'static str,
    /// The columns that identify a row.
    pub key: Vec<&'static str>,
}

/// A node's configuration, as it is written.
#[derive(Serialize)]
struct File {
    credentials: PathBuf,
    data_dir: PathBuf,
    bus: Bus,
    flight: Flight,
    // Without an empty list, so that a person can add one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset: Vec<Dataset>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service: Vec<Service>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscription: Vec<NodeSubscription>,
}

#[derive(Serialize)]
struct Bus {
    address: String,
    server: String,
}

#[derive(Serialize)]
struct Flight {
    listen: String,
}

#[derive(Serialize)]
struct Dataset {
    resource_id: String,
    connector: &'static str,
    path: PathBuf,
    table: String,
    order_by: Vec<String>,
    changes: Option<Changes>,
}

#[derive(Serialize)]
struct Changes {
    watermark: &'static str,
    poll_ms: u64,
}

#[derive(Serialize)]
struct Service {
    resource_id: String,
    name: &'static str,
    subject: &'static str,
    parameter: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    r#type: &'static str,
}

impl Fleet {
    /// Whether the organisation has a node here.
    #[must_use]
    pub fn has_node(&self, organisation: &Organisation) -> bool {
        organisation.node.is_some_and(|(name, _)| {
            self.nodes.contains_key(&format!("{}/{name}", organisation.code))
        })
    }

    /// Writes the configuration of the organisation's node, and starts the node, or starts it again, with it.
    ///
    /// # Errors
    /// The organisation has no node, or the node does not start.
    pub async fn configure_node(
        &mut self,
        organisation: &Organisation,
        work: NodeWork,
    ) -> anyhow::Result<()> {
        let (name, credentials) =
            organisation.node.with_context(|| format!("{} has no node", organisation.name))?;
        let folder = self.data.join(NODES_FOLDER).join(organisation.code).join(name);
        std::fs::create_dir_all(&folder)?;
        let domain = self.endpoints.trust_domain.parse()?;
        let place = FIRST_NODE_PORT + u16::try_from(self.nodes.len())?;
        let file = File {
            credentials: self.data.join(CREDENTIALS_FOLDER).join(credentials),
            data_dir: folder.clone(),
            bus: Bus {
                address: self.endpoints.exchange_bus.clone(),
                server: SpiffeId::service(&domain, &self.endpoints.exchange_bus_service)?
                    .to_string(),
            },
            flight: Flight { listen: self.ports.address(place).to_string() },
            service: work
                .datasets
                .iter()
                .flat_map(|dataset| {
                    dataset.services.iter().map(|&(name, subject)| Service {
                        resource_id: dataset.resource_id.clone(),
                        name,
                        subject,
                        parameter: vec![Parameter { name: subject, r#type: "text" }],
                    })
                })
                .collect(),
            dataset: work
                .datasets
                .into_iter()
                .map(|dataset| Dataset {
                    resource_id: dataset.resource_id,
                    connector: "sqlite",
                    path: dataset.database,
                    table: dataset.table,
                    order_by: dataset.order_by,
                    changes: dataset
                        .watermark
                        .map(|watermark| Changes { watermark, poll_ms: CHANGES_POLL_MS }),
                })
                .collect(),
            subscription: work.subscriptions,
        };
        std::fs::write(folder.join(CONFIG_FILE), toml::to_string_pretty(&file)?)?;
        self.start_node(&folder.join(CONFIG_FILE)).await
    }

    /// Starts every node that has a configuration here.
    pub(super) async fn start_nodes(&mut self) -> anyhow::Result<()> {
        for organisation in folders(&self.data.join(NODES_FOLDER))? {
            for node in folders(&organisation)? {
                self.start_node(&node.join(CONFIG_FILE)).await?;
            }
        }
        Ok(())
    }

    /// Starts the node of this configuration; if it runs, it is stopped first.
    ///
    /// # Errors
    /// The configuration does not hold, or the node does not start.
    pub async fn start_node(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut config = node_agent::Config::load(Some(path))
            .with_context(|| format!("{} cannot be used", path.display()))?;
        // The bus may listen elsewhere than when the file was written.
        config.bus.address = self.endpoints.exchange_bus.clone();
        let credentials = Credentials::load(&config.credentials)?;
        let key = key(credentials.id())?;
        if let Some(running) = self.nodes.remove(&key) {
            running.drain(DRAIN_DEADLINE).await?;
        }

        let tasks = Tasks::under(&self.root);
        let app = node_agent::App::build(&config, &credentials, &self.clock, &tasks)
            .with_context(|| format!("node {key} does not start"))?;
        self.endpoints.nodes.insert(key.clone(), app.local_addr().to_string());
        app.spawn()?;
        self.nodes.insert(key, tasks);
        self.endpoints.write(&self.data)
    }

    /// Waits until so many nodes are connected to the bus.
    ///
    /// # Errors
    /// They are not, after a while.
    pub async fn nodes_connected(&self, count: usize) -> anyhow::Result<()> {
        let mut links = Session::open(&self.data, init::FIRST_AUTHORITY)?.links()?;
        let deadline = Instant::now() + CONNECT_DEADLINE;
        loop {
            let connected = answer(links.list_nodes(ListNodesRequest {}).await)?.nodes.len();
            if connected >= count {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("{connected} of {count} nodes are connected after {CONNECT_DEADLINE:?}");
            }
            sleep(CONNECT_POLL).await;
        }
    }
}

/// How a node is named among those of this machine.
fn key(id: &SpiffeId) -> anyhow::Result<String> {
    match id {
        SpiffeId::Node { organisation, name, .. } => Ok(format!("{organisation}/{name}")),
        SpiffeId::User { .. } | SpiffeId::Service { .. } => bail!("{id} is no node"),
    }
}

fn folders(parent: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
