//! Puts a node together: the only file that names what it is made of.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use arrow_flight::flight_service_server::FlightServiceServer;
use publicdata_identity::credentials::CredentialsError;
use publicdata_identity::{Credentials, Signer, SpiffeId};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::node::v1::node_service_server::NodeServiceServer;
use publicdata_service_kit::grpc::{self, BoundServer, ChannelError, ServerError};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_types::OrganisationCode;
use tokio::sync::watch;
use tonic::service::Routes;

use crate::centre::Centre;
use crate::changes::cursors::Cursors;
use crate::changes::watch::Watcher;
use crate::config::{Config, ConfigError};
use crate::dataset::{Dataset, DatasetError};
use crate::fetch::Fetcher;
use crate::flight::{self, Flight};
use crate::journal::{Journal, JournalError};
use crate::link::{Link, LinkStatus, Push};
use crate::mask::{KeyError, PseudonymKey};
use crate::permit::{Gate, REQUEST_AGE_MAX};
use crate::provider::{Parts, Provider};
use crate::quarantine::{BYTES_MAX, Quarantine, QuarantineError};
use crate::service::{DataService, ServiceError};
use crate::status::Wellbeing;
use crate::subscriber::roster::Roster;
use crate::subscriber::{self, SetupError, Subscriber};

/// A node that holds its port and has opened its files, and does not run yet.
pub struct App {
    server: BoundServer,
    routes: Routes,
    link: Link,
    watcher: Watcher,
    subscribers: Vec<Subscriber>,
    centre: Option<Centre>,
    tasks: Tasks,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The credentials are not those of a node.
    #[error("{id} is no node; a node needs credentials of its own")]
    NotANode {
        /// Whose credentials they are.
        id: Box<SpiffeId>,
    },
    /// The credentials cannot be used now.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A dataset cannot be set up.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A data service cannot be set up.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The pseudonym key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The quarantine cannot be used.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// A subscription cannot be set up.
    #[error(transparent)]
    Subscription(#[from] SetupError),
    /// There can be no channel to the bus.
    #[error(transparent)]
    Bus(#[from] ChannelError),
    /// The port cannot be taken, or not served.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl App {
    /// Builds the node: takes its port, opens its journal and key.
    pub fn build(
        config: &Config,
        credentials: &Credentials,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Self, BuildError> {
        config.validate()?;
        credentials.check_valid(clock.now())?;
        let organisation = node_organisation(credentials.id())?;
        let server = grpc::bind(config.flight.listen, credentials)?;
        let bus = grpc::channel(&config.bus.address, credentials, &config.bus.id()?)?;

        let signer = Signer::from(credentials);
        let roots = credentials.roots().clone();
        let (datasets, cursors) = (datasets(config)?, Cursors::new(&config.data_dir));
        let provider = Provider::new(Parts {
            gate: Gate { organisation, roots: roots.clone() },
            services: services(config, &datasets)?,
            datasets,
            cursors: cursors.clone(),
            journal: Journal::open(&config.data_dir, clock.now(), REQUEST_AGE_MAX)?,
            key: PseudonymKey::open(&config.data_dir)?,
            quarantine: Quarantine::open(&config.data_dir, BYTES_MAX)?,
            signer: signer.clone(),
            clock: clock.clone(),
            bus: bus.clone(),
        });
        let status = watch::Sender::new(LinkStatus { connected: false, since: clock.now() });
        let resume_deadline = config.flight.resume_deadline();
        let fetcher = Fetcher::new(bus.clone(), signer, roots, clock.clone(), resume_deadline);
        let parts = subscriber::Parts {
            fetcher: fetcher.clone(),
            bus: bus.clone(),
            node: credentials.id().clone(),
            link: status.subscribe(),
            clock: clock.clone(),
            tasks: tasks.clone(),
        };
        let roster = Roster::default();
        let subscribers = subscribers(config, &parts)?;
        let centre = config
            .centre
            .clone()
            .map(|centre| Centre::new(centre, organisation, parts, roster.clone()));
        let watcher = Watcher::new(provider.datasets().values(), cursors, tasks.clone());
        for subscriber in &subscribers {
            // Those of the configuration end with the node.
            let _ = roster.add(subscriber);
        }
        let push = Push { versions: watcher.versions(), roster: roster.clone() };
        let link = Link::new((bus, provider.clone()), push, status, clock.clone(), tasks.clone());

        let only_own = flight::only(organisation);
        let id = credentials.id().clone();
        let status = Wellbeing::new(id, provider, fetcher.clone(), link.status(), roster);
        let flight = FlightServiceServer::with_interceptor(Flight::new(fetcher), only_own.clone());
        let status = NodeServiceServer::with_interceptor(status, only_own);
        let routes = Routes::new(flight).add_service(status);
        Ok(Self { server, routes, link, watcher, subscribers, centre, tasks: tasks.clone() })
    }

    /// Where the department's systems fetch.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Follows whether the node is linked to the bus.
    #[must_use]
    pub fn link(&self) -> watch::Receiver<LinkStatus> {
        self.link.status()
    }

    /// Runs the node, until its tasks shut down.
    pub fn spawn(self) -> Result<(), BuildError> {
        self.server.spawn(&self.tasks, self.routes, &[DESCRIPTORS])?;
        self.tasks.spawn("link to the bus", self.link.run());
        self.watcher.spawn();
        for subscriber in self.subscribers {
            self.tasks.spawn("subscription", subscriber.run());
        }
        if let Some(centre) = self.centre {
            self.tasks.spawn("consolidation", centre.run());
        }
        Ok(())
    }
}

fn subscribers(config: &Config, parts: &subscriber::Parts) -> Result<Vec<Subscriber>, SetupError> {
    let new = |config| Subscriber::new(config, parts.clone());
    config.subscriptions.iter().map(new).collect()
}

fn datasets(
    config: &Config,
) -> Result<BTreeMap<publicdata_types::ResourceId, Dataset>, BuildError> {
    let mut datasets = BTreeMap::new();
    for dataset in &config.datasets {
        let dataset = Dataset::new(dataset)?;
        datasets.insert(dataset.resource, dataset);
    }
    Ok(datasets)
}

fn services(
    config: &Config,
    datasets: &BTreeMap<publicdata_types::ResourceId, Dataset>,
) -> Result<Vec<DataService>, BuildError> {
    let mut services = Vec::new();
    for service in &config.services {
        // The configuration was validated: its resource is one of those.
        let dataset = service.resource().ok().and_then(|resource| datasets.get(&resource));
        if let Some(dataset) = dataset {
            services.push(DataService::new(service, dataset)?);
        }
    }
    Ok(services)
}

fn node_organisation(id: &SpiffeId) -> Result<OrganisationCode, BuildError> {
    match id {
        SpiffeId::Node { organisation, .. } => Ok(*organisation),
        SpiffeId::User { .. } | SpiffeId::Service { .. } => {
            Err(BuildError::NotANode { id: Box::new(id.clone()) })
        }
    }
}
