//! Puts the service together: the only place that knows what it is made of.

use std::net::SocketAddr;
use std::sync::Arc;

use publicdata_directory::{self as directory, Directory};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_identity::Credentials;
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::exchange::v1::grant_service_server::GrantServiceServer;
use publicdata_proto::exchange::v1::node_link_service_server::NodeLinkServiceServer;
use publicdata_proto::exchange::v1::transfer_service_server::TransferServiceServer;
use publicdata_service_kit::grpc::{self, BoundServer, ServerError};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError};
use tonic::service::Routes;

use crate::config::Settings;
use crate::grants::GrantDesk;
use crate::grpc::Service;
use crate::policies::{Deadlines, Recovery};
use crate::queries::Queries;
use crate::relay::Relay;
use crate::transfers::Exchange;
use crate::views::{self, Catalogue, Log};

/// What the service is made of.
pub struct Parts {
    /// Where events are; the streams CATALOG and EXCHANGE exist.
    pub store: Store,
    /// `sqlite:<path>` or `postgres://…`, of this service alone.
    pub database_url: String,
    /// Who it is.
    pub credentials: Credentials,
    /// Where gRPC listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How exchanges run.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// Where its tasks run.
    pub tasks: Tasks,
}

/// The service, holding its port, not running yet.
pub struct App {
    server: BoundServer,
    service: Service,
    deadlines: Deadlines,
    recovery: Recovery,
    tasks: Tasks,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A view cannot be taken up.
    #[error("the views cannot be taken up")]
    View(#[from] ProjectorError),
    /// The directory cannot be opened.
    #[error(transparent)]
    Directory(#[from] directory::OpenError),
    /// The port cannot be had.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl App {
    /// Takes the port, opens the database and takes up the views.
    ///
    /// # Errors
    /// Says what cannot be used.
    pub async fn build(parts: Parts) -> Result<Self, BuildError> {
        let Parts { store, database_url, credentials, listen, settings, clock, tasks } = parts;
        let server = grpc::bind(listen, &credentials)?;
        let database = Database::open(&database_url).await?;
        database.migrate("bus", views::MIGRATIONS).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;
        let catalogue =
            Projector::new(database.clone(), Arc::clone(&store), Arc::new(Catalogue)).await?;
        let log = Projector::new(database.clone(), Arc::clone(&store), Arc::new(Log)).await?;

        let queries = Queries::new(database, Arc::clone(&store), Arc::clone(&catalogue));
        let relay = Relay::new(settings.limits);
        let grants = Aggregates::new(Arc::clone(&store));
        let roots = credentials.roots().clone();
        let desk = GrantDesk {
            grants: grants.clone(),
            queries: queries.clone(),
            relay: relay.clone(),
            roots: roots.clone(),
            clock: clock.clone(),
            calendar: settings.calendar,
        };
        let exchange = Exchange {
            grants,
            transfers: Aggregates::new(Arc::clone(&store)),
            relay: relay.clone(),
            roots,
            clock: clock.clone(),
            tasks: tasks.clone(),
            service: credentials.id().clone(),
        };
        let deadlines = Deadlines {
            queries: queries.clone(),
            desk: desk.clone(),
            clock: clock.clone(),
            service: credentials.id().clone(),
            every: settings.deadline_poll,
        };
        let recovery = Recovery {
            queries: queries.clone(),
            exchange: exchange.clone(),
            store,
            log: Arc::clone(&log),
        };
        let tasks_of_service = tasks.clone();
        let service = Service {
            directory,
            desk,
            exchange,
            queries,
            relay,
            catalogue,
            log,
            clock,
            tasks: tasks_of_service,
        };
        Ok(Self { server, service, deadlines, recovery, tasks })
    }

    /// Where gRPC listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What follows the catalogue's events and our own: to rebuild the views, and to compare their content.
    #[must_use]
    pub fn projectors(&self) -> [Arc<Projector>; 2] {
        [Arc::clone(&self.service.catalogue), Arc::clone(&self.service.log)]
    }

    /// Runs the service in its tasks, until they are shut down.
    ///
    /// # Errors
    /// The contracts that reflection shows are damaged.
    pub fn spawn(self) -> Result<(), ServerError> {
        let Self { server, service, deadlines, recovery, tasks } = self;
        for (name, projector) in
            [("view of catalogue", &service.catalogue), ("view of exchanges", &service.log)]
        {
            let (projector, shutdown) = (Arc::clone(projector), tasks.shutdown().clone());
            tasks.try_spawn(name, async move { projector.run(shutdown).await });
        }
        tasks.spawn("policy of deadlines", deadlines.run(tasks.shutdown().clone()));
        tasks.spawn("policy of recovery", recovery.run(tasks.shutdown().clone()));
        let (relay, shutdown) = (service.relay.clone(), tasks.shutdown().clone());
        tasks.spawn("end of transfers", async move {
            shutdown.cancelled().await;
            relay.shut_down();
        });

        let routes = Routes::new(GrantServiceServer::new(service.clone()))
            .add_service(TransferServiceServer::new(service.clone()))
            .add_service(NodeLinkServiceServer::new(service));
        server.spawn(&tasks, routes, &[DESCRIPTORS])
    }
}
