//! Builds the service from its parts: the only file that names concrete adapters.

use std::net::SocketAddr;
use std::sync::Arc;

use publicdata_archive::{ArchivedStore, Place, PlaceError};
use publicdata_directory::{Directory, OpenError};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_event_store::jetstream::SetupError;
use publicdata_identity::credentials::CredentialsError;
use publicdata_identity::{Credentials, Signer};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::exchange::v1::centre_service_server::CentreServiceServer;
use publicdata_proto::exchange::v1::dispute_service_server::DisputeServiceServer;
use publicdata_proto::exchange::v1::duty_service_server::DutyServiceServer;
use publicdata_proto::exchange::v1::grant_service_server::GrantServiceServer;
use publicdata_proto::exchange::v1::log_archive_service_server::LogArchiveServiceServer;
use publicdata_proto::exchange::v1::node_link_service_server::NodeLinkServiceServer;
use publicdata_proto::exchange::v1::subscription_service_server::SubscriptionServiceServer;
use publicdata_proto::exchange::v1::ticket_service_server::TicketServiceServer;
use publicdata_proto::exchange::v1::tier_service_server::TierServiceServer;
use publicdata_proto::exchange::v1::transfer_service_server::TransferServiceServer;
use publicdata_service_kit::grpc::{BoundServer, ChannelError, ServerError, bind};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_types::Calendar;
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError};
use tonic::service::Routes;

use crate::config::{Config, ConfigError, ProcessConfig};
use crate::disputes::DisputeDesk;
use crate::grants::GrantDesk;
use crate::grpc::Service;
use crate::policies::{Archiving, Corrections, Deadlines, Hindrance, Marks, Recovery};
use crate::queries::Queries;
use crate::relay::Relay;
use crate::subscriptions::{SubscriptionDesk, Upkeep};
use crate::tickets::TicketDesk;
use crate::tiers::{Tiers, Tunnel};
use crate::transfers::Exchange;
use crate::views::{self, Catalogue, EXCHANGE, Log, Objections};

/// The service's name to the event store: its permissions rest on it.
const SERVICE: &str = "exchange-bus";

/// What the service shares with others of its process.
#[derive(Clone, Debug)]
pub struct Dependencies {
    /// The events.
    pub store: Store,
    /// What it decides by.
    pub clock: Clock,
    /// The service's own credentials.
    pub credentials: Credentials,
    /// Where its tasks run, and how they end.
    pub tasks: Tasks,
}

/// A service that is built and holds its port, and neither follows events nor answers yet.
pub struct App {
    server: BoundServer,
    service: Service,
    policies: Policies,
    tunnel: Tunnel,
    tasks: Tasks,
}

/// What the bus does of itself.
struct Policies {
    deadlines: Deadlines,
    recovery: Recovery,
    corrections: Corrections,
    marks: Marks,
    upkeep: Upkeep,
    archiving: Option<Archiving>,
}

/// Who decides: they share aggregates and views.
struct Desks {
    grants: GrantDesk,
    exchange: Exchange,
    tickets: TicketDesk,
    disputes: DisputeDesk,
}

/// What desks share beside what the process does.
struct Shared<'a> {
    queries: &'a Queries,
    relay: &'a Relay,
    tiers: &'a Tiers,
    log: &'a Arc<Projector>,
}

/// The projections of the views.
struct Projectors {
    catalogue: Arc<Projector>,
    log: Arc<Projector>,
    objections: Arc<Projector>,
    /// What tells when the last of them has changed.
    view: Objections,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A value is wrong.
    #[error("the configuration is wrong")]
    Config(#[from] ConfigError),
    /// The port is taken, or the credentials cannot serve.
    #[error("the server cannot start")]
    Server(#[from] ServerError),
    /// The service's own credentials cannot be used.
    #[error("the service's credentials cannot be used")]
    Credentials(#[from] CredentialsError),
    /// The place of the streams' archives cannot be used.
    #[error("`stream_archives` cannot be used")]
    Archives(#[from] PlaceError),
    /// The event store cannot be reached, or is set up wrongly.
    #[error("the event store cannot be used")]
    Store(#[from] SetupError),
    /// The views' database cannot be used.
    #[error("the views' database cannot be used")]
    Database(#[from] DatabaseError),
    /// The directory cannot be opened.
    #[error("the directory cannot be opened")]
    Directory(#[from] OpenError),
    /// The bus of another tier cannot be named.
    #[error("the buses of other tiers cannot be used")]
    Tiers(#[from] ChannelError),
    /// A view cannot be opened.
    #[error("the views cannot be opened")]
    View(#[from] ProjectorError),
}

impl App {
    /// Builds the service with connections of its own. While its event store is away, it waits for it.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn connect(config: ProcessConfig, tasks: Tasks) -> Result<Self, BuildError> {
        config.validate()?;
        let credentials = Credentials::load(&config.credentials)?;
        let opening = config.nats.open_when_reachable(SERVICE, &config.credentials, &[EXCHANGE]);
        let store = opening.await?;
        let store = Arc::new(store);
        let dependencies = Dependencies { store, clock: Clock::system(), credentials, tasks };
        Self::build(config.exchange_bus, dependencies).await
    }

    /// Builds the service: takes its port, opens its database and its views.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn build(config: Config, dependencies: Dependencies) -> Result<Self, BuildError> {
        config.validate()?;
        let archives = config.stream_archives.as_deref().map(Place::open).transpose()?;
        let store: Store = Arc::new(ArchivedStore::new(dependencies.store, archives));
        let dependencies = Dependencies { store, ..dependencies };
        let server = bind(config.listen, &dependencies.credentials)?;
        let calendar = Arc::new(config.calendar()?);
        let Dependencies { store, clock, credentials, tasks } = dependencies.clone();

        let database = Database::open(&config.database).await?;
        database.migrate(views::OWNER, views::MIGRATIONS).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;
        let Projectors { catalogue, log, objections, view } =
            Projectors::open(&database, &store).await?;

        let (place, followed) = (config.place()?, Arc::clone(&catalogue));
        let queries = Queries::new(database, Arc::clone(&store), followed, place);
        let relay = Relay::new(config.limits());
        let tiers = Tiers::new(&config.tier, &credentials)?;
        let shared = Shared { queries: &queries, relay: &relay, tiers: &tiers, log: &log };
        let desks = Desks::new(&dependencies, &shared, Arc::clone(&calendar));
        let (archiving, hindrance) =
            archiving(&config, &dependencies, &queries, [&log, &objections]);
        let marks = Marks { queries: queries.clone(), view, relay: relay.clone() };
        let policies = Policies {
            deadlines: desks.deadlines(&dependencies, &config),
            recovery: Recovery {
                queries: queries.clone(),
                exchange: desks.exchange.clone(),
                store,
                log: Arc::clone(&log),
            },
            corrections: Corrections {
                queries: queries.clone(),
                desk: desks.tickets.clone(),
                clock: clock.clone(),
                service: credentials.id().clone(),
                views: [Arc::clone(&log), Arc::clone(&objections)],
                every: config.deadline_poll(),
            },
            marks,
            upkeep: Upkeep {
                desk: desks.exchange.subscriptions.clone(),
                every: config.deadline_poll(),
            },
            archiving,
        };
        let Desks { grants: desk, exchange, tickets, disputes } = desks;
        let service = Service {
            directory,
            desk,
            tickets,
            disputes,
            subscriptions: exchange.subscriptions.clone(),
            exchange,
            hindrance,
            queries,
            relay,
            tiers: tiers.clone(),
            catalogue,
            log,
            objections,
            calendar,
            clock: clock.clone(),
            tasks: tasks.clone(),
        };
        let routes = Routes::new(TierServiceServer::new(service.clone()));
        let tunnel = Tunnel { tiers, routes, clock };
        Ok(Self { server, service, policies, tunnel, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What follows the catalogue's events and our own: to rebuild the views, and to compare their content.
    #[must_use]
    pub fn projectors(&self) -> [Arc<Projector>; 3] {
        let Service { catalogue, log, objections, .. } = &self.service;
        [catalogue, log, objections].map(Arc::clone)
    }

    /// Follows events and answers calls from now on, in its tasks.
    ///
    /// # Errors
    /// The server cannot be set up.
    pub fn spawn(self) -> Result<(), ServerError> {
        let Self { server, service, policies, tunnel, tasks } = self;
        for (name, projector) in [
            ("view of catalogue", &service.catalogue),
            ("view of exchanges", &service.log),
            ("view of objections", &service.objections),
        ] {
            let (projector, shutdown) = (Arc::clone(projector), tasks.shutdown().clone());
            tasks.try_spawn(name, async move { projector.run(shutdown).await });
        }
        policies.spawn(&tasks);
        tasks.spawn("tunnel to the superior bus", tunnel.run(tasks.shutdown().clone()));
        let (relay, shutdown) = (service.relay.clone(), tasks.shutdown().clone());
        tasks.spawn("end of transfers", async move {
            shutdown.cancelled().await;
            relay.shut_down();
        });

        let routes = Routes::new(GrantServiceServer::new(service.clone()))
            .add_service(TransferServiceServer::new(service.clone()))
            .add_service(SubscriptionServiceServer::new(service.clone()))
            .add_service(TicketServiceServer::new(service.clone()))
            .add_service(DisputeServiceServer::new(service.clone()))
            .add_service(CentreServiceServer::new(service.clone()))
            .add_service(DutyServiceServer::new(service.clone()))
            .add_service(TierServiceServer::new(service.clone()))
            .add_service(LogArchiveServiceServer::new(service.clone()))
            .add_service(NodeLinkServiceServer::new(service));
        server.spawn(&tasks, routes, &[DESCRIPTORS])
    }
}

impl Policies {
    fn spawn(self, tasks: &Tasks) {
        let Self { deadlines, recovery, corrections, marks, upkeep, archiving } = self;
        let shutdown = || tasks.shutdown().clone();
        tasks.spawn("policy of deadlines", deadlines.run(shutdown()));
        tasks.spawn("policy of recovery", recovery.run(shutdown()));
        tasks.spawn("policy of corrections", corrections.run(shutdown()));
        tasks.spawn("policy of marks", marks.run(shutdown()));
        tasks.spawn("upkeep of subscriptions", upkeep.run(shutdown()));
        if let Some(archiving) = archiving {
            tasks.spawn("policy of archiving", archiving.run(shutdown()));
        }
    }
}

/// What archives the exchange log, if the bus was told where to, and what may keep it from that.
fn archiving(
    config: &Config,
    dependencies: &Dependencies,
    queries: &Queries,
    [log, objections]: [&Arc<Projector>; 2],
) -> (Option<Archiving>, Hindrance) {
    let Dependencies { store, clock, credentials, .. } = dependencies;
    let hindrance = Hindrance::default();
    let told = config.archive.as_ref().zip(queries.place());
    let archiving = told.map(|(archive, place)| Archiving {
        place: place.clone(),
        queries: queries.clone(),
        archives: Aggregates::new(Arc::clone(store)),
        store: Arc::clone(store),
        log: Arc::clone(log),
        objections: Arc::clone(objections),
        signer: Signer::from(credentials),
        clock: clock.clone(),
        period: archive.period,
        near_days: archive.near_days,
        kept: archive.kept(),
        hindrance: hindrance.clone(),
        every: config.deadline_poll(),
    });
    if archiving.is_none() {
        hindrance.is("no place for archives is configured: name one as `archive.url`".to_owned());
    }
    (archiving, hindrance)
}

impl Desks {
    /// What sees to limits that pass.
    fn deadlines(&self, dependencies: &Dependencies, config: &Config) -> Deadlines {
        Deadlines {
            limited: vec![Arc::new(self.grants.clone()), Arc::new(self.tickets.clone())],
            clock: dependencies.clock.clone(),
            service: dependencies.credentials.id().clone(),
            every: config.deadline_poll(),
        }
    }

    fn new(
        dependencies: &Dependencies,
        &Shared { queries, relay, tiers, log }: &Shared<'_>,
        calendar: Arc<Calendar>,
    ) -> Self {
        let Dependencies { store, clock, credentials, tasks } = dependencies;
        let grants = GrantDesk {
            grants: Aggregates::new(Arc::clone(store)),
            queries: queries.clone(),
            relay: relay.clone(),
            tiers: tiers.clone(),
            roots: credentials.roots().clone(),
            clock: clock.clone(),
            calendar: Arc::clone(&calendar),
        };
        let subscriptions = SubscriptionDesk::new(store, queries, relay, clock, credentials.id());
        let exchange = Exchange {
            grants: grants.grants.clone(),
            subscriptions,
            queries: queries.clone(),
            transfers: Aggregates::new(Arc::clone(store)),
            relay: relay.clone(),
            tiers: tiers.clone(),
            roots: credentials.roots().clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            service: credentials.id().clone(),
        };
        let tickets = TicketDesk {
            tickets: Aggregates::new(Arc::clone(store)),
            transfers: exchange.transfers.clone(),
            grants: grants.grants.clone(),
            queries: queries.clone(),
            store: Arc::clone(store),
            log: Arc::clone(log),
            calendar,
        };
        let disputes = DisputeDesk {
            disputes: Aggregates::new(Arc::clone(store)),
            tickets: tickets.tickets.clone(),
            queries: queries.clone(),
        };
        Self { grants, exchange, tickets, disputes }
    }
}

impl Projectors {
    async fn open(database: &Database, store: &Store) -> Result<Self, ProjectorError> {
        let view = Objections::default();
        let open = |view| Projector::new(database.clone(), Arc::clone(store), view);
        Ok(Self {
            catalogue: open(Arc::new(Catalogue)).await?,
            log: open(Arc::new(Log)).await?,
            objections: open(Arc::new(view.clone())).await?,
            view,
        })
    }
}
