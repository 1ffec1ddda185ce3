//! Builds the service from its parts: the only file that names concrete adapters.

use std::net::SocketAddr;
use std::sync::Arc;

use publicdata_directory::{self as directory, Directory};
use publicdata_event_store::Store;
use publicdata_event_store::jetstream::SetupError;
use publicdata_identity::Credentials;
use publicdata_identity::credentials::CredentialsError;
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::opendata::v1::publication_service_server::PublicationServiceServer;
use publicdata_service_kit::grpc::{BoundServer, ServerError, bind};
use publicdata_service_kit::http::{BoundHttp, ListenError};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_views::{Database, DatabaseError, Projector};
use tonic::service::Routes;

use crate::blobs::{self, Blobs};
use crate::config::{Config, ConfigError, ProcessConfig};
use crate::grpc::Service;
use crate::portal::{self, Portal, Site};
use crate::publishing::Publishing;
use crate::queries::Queries;
use crate::views::{self, OPENDATA, Views};

/// The service's name to the event store: its permissions rest on it.
const SERVICE: &str = "open-data";

/// What the service shares with others of its process.
#[derive(Clone, Debug)]
pub struct Dependencies {
    /// The events.
    pub store: Store,
    /// What it dates by.
    pub clock: Clock,
    /// The service's own credentials.
    pub credentials: Credentials,
    /// Where its tasks run, and how they end.
    pub tasks: Tasks,
}

/// A service that is built, holds its ports and follows its events, and does not answer yet.
#[derive(Debug)]
pub struct App {
    server: BoundServer,
    http: BoundHttp,
    tasks: Tasks,
    directory: Arc<Directory>,
    views: Views,
    service: Service,
    portal: Portal,
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
    /// The portal's port is taken.
    #[error("the portal cannot start")]
    Portal(#[from] ListenError),
    /// The folder of content cannot be used.
    #[error("the content cannot be used")]
    Content(#[from] blobs::OpenError),
    /// The service's own credentials cannot be used.
    #[error("the service's credentials cannot be used")]
    Credentials(#[from] CredentialsError),
    /// The event store cannot be reached, or is set up wrongly.
    #[error("the event store cannot be used")]
    Store(#[from] SetupError),
    /// The views' database cannot be used.
    #[error("the views' database cannot be used")]
    Database(#[from] DatabaseError),
    /// The directory cannot be opened.
    #[error("the directory cannot be opened")]
    Directory(#[from] directory::OpenError),
    /// The views cannot be opened.
    #[error("the views cannot be opened")]
    Views(#[from] views::OpenError),
}

impl App {
    /// Builds the service with connections of its own. While its event store is away, it waits for it.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn connect(config: ProcessConfig, tasks: Tasks) -> Result<Self, BuildError> {
        config.validate()?;
        let credentials = Credentials::load(&config.credentials)?;
        let opening = config.nats.open_when_reachable(SERVICE, &config.credentials, &[OPENDATA]);
        let store = Arc::new(opening.await?);
        let dependencies = Dependencies { store, clock: Clock::system(), credentials, tasks };
        Self::build(config.open_data, dependencies).await
    }

    /// Builds the service: takes its ports, opens its database, and lets its views follow the events.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn build(config: Config, dependencies: Dependencies) -> Result<Self, BuildError> {
        config.validate()?;
        let Dependencies { store, clock, credentials, tasks } = dependencies;
        let server = bind(config.listen, &credentials)?;
        let http = BoundHttp::bind(config.http_listen)?;
        let blobs = Arc::new(Blobs::open(&config.content, config.content_bytes_max)?);

        let database = Database::open(&config.database).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;
        let views = Views::open(&database, &store).await?;
        for (name, view) in
            [("view of entries", &views.resources), ("view of publications", &views.publications)]
        {
            let (running, shutdown) = (Arc::clone(view), tasks.shutdown().clone());
            tasks.try_spawn(name, async move { running.run(shutdown).await });
        }

        let queries = Queries::new(database);
        let site = Site::new(config.public_url.as_deref(), http.local_addr());
        let publishing = Publishing::new(store, queries.clone(), views.clone(), Arc::clone(&blobs));
        let service = Service {
            publishing,
            queries: queries.clone(),
            directory: Arc::clone(&directory),
            clock,
            site: site.clone(),
        };
        let portal = Portal { queries, directory: Arc::clone(&directory), blobs, site };
        Ok(Self { server, http, tasks, directory, views, service, portal })
    }

    /// Where gRPC listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Where the public's portal listens.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http.local_addr()
    }

    /// The organisations, for whoever runs in the same process.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The view of catalogue entries: to rebuild it, and to compare its content.
    #[must_use]
    pub fn resources(&self) -> &Arc<Projector> {
        &self.views.resources
    }

    /// The view of publications: to rebuild it, and to compare its content.
    #[must_use]
    pub fn publications(&self) -> &Arc<Projector> {
        &self.views.publications
    }

    /// Answers calls and visitors from now on, as two of the tasks; a third reads once what is open, so that damage shows
    /// before a visitor meets it.
    ///
    /// # Errors
    /// The server cannot be set up.
    pub fn spawn(self) -> Result<(), ServerError> {
        let routes = Routes::new(PublicationServiceServer::new(self.service));
        self.server.spawn(&self.tasks, routes, &[DESCRIPTORS])?;
        let (portal, shutdown) = (self.portal.clone(), self.tasks.shutdown().clone());
        self.tasks.spawn("check of open content", async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = portal.verify_content() => {}
            }
        });
        self.http.spawn(&self.tasks, "portal", portal::router(self.portal));
        Ok(())
    }
}
