//! The whole fleet in one process: every service, the nodes of this machine, and `nats-server` as a child.
//!
//! The services are the very ones that production runs one to a pod; here they share a process, keep their views in SQLite,
//! and find each other on loopback, with mutual TLS all the same.

mod lock;
mod nodes;
pub(crate) mod services;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::select_all;
use publicdata_event_store::server::NatsServer;
use publicdata_service_kit::{Clock, Tasks};
use publicdata_views::Projector;
use tokio_util::sync::CancellationToken;

pub(crate) use lock::claim;
pub use nodes::{NodeDataset, NodeSink, NodeSubscription, NodeWork};
pub use services::CITY_DOMAIN;

use crate::commands::init;
use crate::endpoints::Endpoints;
use crate::sample::{self, CONSUMER, ORGANISATIONS, PROVIDER};
use crate::session::Session;

const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// How a fleet is to run.
#[derive(Debug)]
pub struct Options {
    /// Where everything is kept; made if missing.
    pub data: PathBuf,
    /// What all services decide by.
    pub clock: Clock,
    /// The trust that a new folder begins with.
    pub init: init::Arguments,
    /// The nats-server to use; by default it is looked for.
    pub nats_server: Option<PathBuf>,
    /// Where services listen.
    pub ports: Ports,
    /// Whether the log is signed with SM2 (国密) too. A folder whose log ever was goes on with it.
    pub sm2: bool,
}

/// Where services listen on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Wherever there is room: several fleets can run side by side.
    Free,
    /// From this port on, in the order of [`Endpoints`]; nodes from a hundred further on.
    From(u16),
}

/// A fleet that runs.
pub struct Fleet {
    data: PathBuf,
    clock: Clock,
    ports: Ports,
    endpoints: Endpoints,
    entries: Arc<Projector>,
    verifier_key: String,
    root: CancellationToken,
    /// Services, in the order in which they started.
    services: Vec<(&'static str, Tasks)>,
    /// Nodes, by `<organisation code>/<node name>`.
    nodes: BTreeMap<String, Tasks>,
    nats: NatsServer,
    /// Let go of last, when nothing uses the folder any more.
    _lock: std::fs::File,
}

// === impl Options ===

impl Options {
    /// A fleet in this folder, on free ports.
    #[must_use]
    pub fn new(data: &Path, clock: Clock, init: init::Arguments) -> Self {
        let (nats_server, ports, sm2) = (None, Ports::Free, false);
        Self { data: data.to_owned(), clock, init, nats_server, ports, sm2 }
    }
}

// === impl Ports ===

impl Ports {
    /// The loopback address of the part with this place in the order.
    #[must_use]
    pub fn address(self, place: u16) -> std::net::SocketAddr {
        let port = match self {
            Self::Free => 0,
            Self::From(first) => first.saturating_add(place),
        };
        (std::net::Ipv4Addr::LOCALHOST, port).into()
    }
}

// === impl Fleet ===

impl Fleet {
    /// Starts everything: what the folder holds goes on, what it lacks is made.
    ///
    /// # Errors
    /// Says which part does not start, and why. What had started is stopped.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let data = std::path::absolute(&options.data)?;
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make {}", data.display()))?;
        let lock = claim(&data, options.nats_server.as_deref()).await?;
        let authority = init::prepare(&data, &options.clock, &options.init)?;

        let districts = &options.init.districts;
        let (binary, ports) = (options.nats_server, options.ports);
        let nats = services::nats(&data, authority.domain(), binary, districts, ports).await?;
        let root = CancellationToken::new();
        let started = services::start(&services::Setting {
            data: &data,
            domain: authority.domain(),
            clock: &options.clock,
            ports: options.ports,
            root: &root,
            nats: &nats,
            districts,
            sm2: options.sm2,
        })
        .await?;
        let mut fleet = Self {
            data,
            clock: options.clock,
            ports: options.ports,
            endpoints: started.endpoints,
            entries: started.entries,
            verifier_key: started.verifier_key,
            root,
            services: started.services,
            nodes: BTreeMap::new(),
            nats,
            _lock: lock,
        };
        fleet.endpoints.write(&fleet.data)?;
        fleet.start_nodes().await?;
        Ok(fleet)
    }

    /// Registers the sample city's organisations, has their certificates issued and starts their nodes, where that has not
    /// happened yet.
    ///
    /// # Errors
    /// A service refused.
    pub async fn settle_sample_city(&mut self) -> anyhow::Result<()> {
        let authority = Session::open(&self.data, init::FIRST_AUTHORITY)?;
        for organisation in &ORGANISATIONS {
            sample::register(&authority, organisation).await?;
            sample::issue(&authority, &self.data, organisation).await?;
        }
        for organisation in [&PROVIDER, &CONSUMER] {
            if !self.has_node(organisation) {
                self.configure_node(organisation, NodeWork::default()).await?;
            }
        }
        self.nodes_connected(self.nodes.len()).await
    }

    /// The folder that everything is kept in.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What all services decide by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where everything listens.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The catalogue's view of entries: to rebuild it, and to compare its content.
    #[must_use]
    pub fn entries(&self) -> &Arc<Projector> {
        &self.entries
    }

    /// The public key that the audit log's checkpoints are verified with.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// The child that keeps the events: faults are tried on it.
    pub fn nats(&mut self) -> &mut NatsServer {
        &mut self.nats
    }

    /// A line for each part, saying where it listens.
    #[must_use]
    pub fn listening(&self) -> Vec<String> {
        let Endpoints {
            catalog,
            catalog_feed,
            exchange_bus,
            leaf_nodes,
            open_data,
            audit,
            audit_log,
            portal,
            nodes,
            ..
        } = &self.endpoints;
        let nats = match leaf_nodes.is_empty() {
            true => self.nats.url(),
            false => format!("{}  leaf nodes {leaf_nodes}", self.nats.url()),
        };
        let mut lines: Vec<_> = [
            ("catalog", catalog),
            ("catalog feed", catalog_feed),
            ("exchange-bus", exchange_bus),
            ("open-data", open_data),
            ("audit", audit),
            ("audit log", audit_log),
            ("portal", portal),
            ("nats-server", &nats),
        ]
        .into_iter()
        .map(|(name, address)| format!("{name:<14} {address}"))
        .collect();
        lines.extend(nodes.iter().map(|(key, address)| format!("node-agent     {address}  {key}")));
        lines
    }

    /// Ends when one of the services has failed, and says which, and why. A node that fails is its department's concern.
    pub fn failed(&self) -> impl Future<Output = anyhow::Error> + use<> {
        let ends: Vec<_> = self
            .services
            .iter()
            .cloned()
            .map(|(name, tasks)| {
                Box::pin(async move {
                    tasks.shutdown().cancelled().await;
                    (name, tasks)
                })
            })
            .collect();
        async move {
            let ((name, tasks), ..) = select_all(ends).await;
            match tasks.drain(DRAIN_DEADLINE).await {
                Err(failure) => anyhow::Error::new(failure).context(format!("{name} failed")),
                Ok(()) => anyhow::anyhow!("{name} ended"),
            }
        }
    }

    /// Stops everything: nodes, then services, then the child.
    ///
    /// # Errors
    /// A part had to be cut off, or had failed before.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let mut result = Ok(());
        for (key, tasks) in &self.nodes {
            let ended = tasks.drain(DRAIN_DEADLINE).await;
            let ended = ended.with_context(|| format!("node {key} did not end cleanly"));
            result = result.and(ended);
        }
        for (name, tasks) in self.services.iter().rev() {
            let ended = tasks.drain(DRAIN_DEADLINE).await;
            let ended = ended.with_context(|| format!("{name} did not end cleanly"));
            result = result.and(ended);
        }
        self.root.cancel();
        self.nats.stop().await;
        result
    }
}
