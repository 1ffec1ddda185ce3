//! Builds the service from its parts: the only file that names concrete adapters.

use std::net::SocketAddr;
use std::sync::Arc;

use publicdata_directory::{Directory, OpenError};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_event_store::jetstream::SetupError;
use publicdata_identity::authority::AuthorityError;
use publicdata_identity::credentials::CredentialsError;
use publicdata_identity::{CertificateAuthority, Credentials};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::catalog::v1::assessment_service_server::AssessmentServiceServer;
use publicdata_proto::catalog::v1::classification_service_server::ClassificationServiceServer;
use publicdata_proto::catalog::v1::library_service_server::LibraryServiceServer;
use publicdata_proto::catalog::v1::organisation_service_server::OrganisationServiceServer;
use publicdata_proto::catalog::v1::resource_service_server::ResourceServiceServer;
use publicdata_proto::catalog::v1::search_index_service_server::SearchIndexServiceServer;
use publicdata_service_kit::grpc::{BoundServer, ServerError, bind};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError};
use tonic::service::Routes;

use crate::config::{Config, ConfigError, ProcessConfig};
use crate::drafting::Drafting;
use crate::grpc::{
    Assessments, Classifications, Issuing, Libraries, Organisations, Resources, SearchIndexes,
    Shared,
};
use crate::search::{OpenError as IndexError, SearchIndex};
use crate::{codec, views};

/// The service's name to the event store: its permissions rest on it.
const SERVICE: &str = "catalog";

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

/// A service that is built, holds its port and follows its events, and does not answer yet.
#[derive(Debug)]
pub struct App {
    server: BoundServer,
    tasks: Tasks,
    shared: Arc<Shared>,
    organisations: Organisations,
    resources: Resources,
    assessments: Assessments,
    libraries: Libraries,
    search: SearchIndexes,
    classifications: Classifications,
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
    /// The certificate authority cannot be opened.
    #[error("the certificate authority cannot be opened")]
    Authority(#[from] AuthorityError),
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
    Directory(#[from] OpenError),
    /// The view of entries cannot be opened.
    #[error("the view of entries cannot be opened")]
    View(#[from] ProjectorError),
    /// The search index cannot be opened.
    #[error("the search index cannot be opened")]
    Index(#[from] IndexError),
}

impl App {
    /// Builds the service with connections of its own.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn connect(config: ProcessConfig, tasks: Tasks) -> Result<Self, BuildError> {
        config.validate()?;
        let credentials = Credentials::load(&config.credentials)?;
        let store = config.nats.open(SERVICE, &config.credentials, &[views::STREAM]).await?;
        let store = Arc::new(store);
        let dependencies = Dependencies { store, clock: Clock::system(), credentials, tasks };
        Self::build(config.catalog, dependencies).await
    }

    /// Builds the service: takes its port, opens its database, and lets its views follow the events.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn build(config: Config, dependencies: Dependencies) -> Result<Self, BuildError> {
        config.validate()?;
        let Dependencies { store, clock, credentials, tasks } = dependencies;
        let server = bind(config.listen, &credentials)?;
        let authority = CertificateAuthority::open(&config.authority)?;

        let database = Database::open(&config.database).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;
        let entries = views::entries(database.clone(), Arc::clone(&store)).await?;
        follow(&tasks, "view of entries", &entries);
        let marks = views::assessment(database.clone(), Arc::clone(&store)).await?;
        follow(&tasks, "view of marks", &marks);
        let libraries = views::libraries(database.clone(), Arc::clone(&store)).await?;
        follow(&tasks, "view of libraries", &libraries);

        let index = SearchIndex::open(&config.index, Arc::clone(&store), clock.clone())?;
        let (running, shutdown) = (Arc::clone(&index), tasks.shutdown().clone());
        tasks.try_spawn("search index", async move { running.run(shutdown).await });

        let shared = Arc::new(Shared { clock, store, directory, database, entries, index });
        let store = &shared.store;
        let drafting = Arc::new(Drafting {
            aggregates: Aggregates::<codec::Resource>::new(Arc::clone(store)),
            classifications: Aggregates::<codec::Classification>::new(Arc::clone(store)),
            shared: Arc::clone(&shared),
        });
        Ok(Self {
            organisations: Organisations {
                aggregates: Aggregates::<codec::Organisation>::new(Arc::clone(store)),
                issuing: Issuing { authority, certificate_days: config.certificate_days },
                shared: Arc::clone(&shared),
            },
            classifications: Classifications {
                aggregates: drafting.classifications.clone(),
                shared: Arc::clone(&shared),
            },
            resources: Resources { drafting, shared: Arc::clone(&shared) },
            assessments: Assessments {
                aggregates: Aggregates::<codec::Assessment>::new(Arc::clone(store)),
                marks,
                shared: Arc::clone(&shared),
            },
            libraries: Libraries {
                aggregates: Aggregates::<codec::Library>::new(Arc::clone(store)),
                view: libraries,
                shared: Arc::clone(&shared),
            },
            search: SearchIndexes { tasks: tasks.clone(), shared: Arc::clone(&shared) },
            server,
            tasks,
            shared,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The organisations, for whoever runs in the same process.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.shared.directory
    }

    /// The view of entries: to rebuild it, and to compare its content.
    #[must_use]
    pub fn entries(&self) -> &Arc<Projector> {
        &self.shared.entries
    }

    /// The view of marks: to wait for it, to rebuild it, and to compare its content.
    #[must_use]
    pub fn marks(&self) -> &Arc<Projector> {
        &self.assessments.marks
    }

    /// The view of libraries: to rebuild it, and to compare its content.
    #[must_use]
    pub fn libraries(&self) -> &Arc<Projector> {
        &self.libraries.view
    }

    /// The search index, for whoever runs in the same process.
    #[must_use]
    pub fn search_index(&self) -> &Arc<SearchIndex> {
        &self.shared.index
    }

    /// Answers calls from now on, as one of the tasks.
    ///
    /// # Errors
    /// The server cannot be set up.
    pub fn spawn(self) -> Result<(), ServerError> {
        let routes = Routes::new(OrganisationServiceServer::new(self.organisations))
            .add_service(ResourceServiceServer::new(self.resources))
            .add_service(AssessmentServiceServer::new(self.assessments))
            .add_service(LibraryServiceServer::new(self.libraries))
            .add_service(SearchIndexServiceServer::new(self.search))
            .add_service(ClassificationServiceServer::new(self.classifications));
        self.server.spawn(&self.tasks, routes, &[DESCRIPTORS])
    }
}

/// Lets a view follow its events, as one of the tasks.
fn follow(tasks: &Tasks, name: &'static str, view: &Arc<Projector>) {
    let (running, shutdown) = (Arc::clone(view), tasks.shutdown().clone());
    tasks.try_spawn(name, async move { running.run(shutdown).await });
}
