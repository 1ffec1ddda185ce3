//! Builds the service from its parts: the only file that names concrete adapters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use publicdata_directory::{Directory, OpenError};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_event_store::jetstream::SetupError;
use publicdata_identity::authority::AuthorityError;
use publicdata_identity::credentials::CredentialsError;
use publicdata_identity::{CertificateAuthority, Credentials};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::catalog::v1::agreement_service_server::AgreementServiceServer;
use publicdata_proto::catalog::v1::assessment_service_server::AssessmentServiceServer;
use publicdata_proto::catalog::v1::classification_service_server::ClassificationServiceServer;
use publicdata_proto::catalog::v1::collection_service_server::CollectionServiceServer;
use publicdata_proto::catalog::v1::library_service_server::LibraryServiceServer;
use publicdata_proto::catalog::v1::obligation_service_server::ObligationServiceServer;
use publicdata_proto::catalog::v1::organisation_service_server::OrganisationServiceServer;
use publicdata_proto::catalog::v1::register_service_server::RegisterServiceServer;
use publicdata_proto::catalog::v1::resource_service_server::ResourceServiceServer;
use publicdata_proto::catalog::v1::search_index_service_server::SearchIndexServiceServer;
use publicdata_proto::catalog::v1::source_service_server::SourceServiceServer;
use publicdata_proto::catalog::v1::vocabulary_service_server::VocabularyServiceServer;
use publicdata_service_kit::grpc::{BoundServer, ServerError, bind};
use publicdata_service_kit::holidays::HolidaysError;
use publicdata_service_kit::{Clock, Holidays, Tasks};
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError};
use tonic::service::Routes;

use crate::agreements::{AgreementDesk, Endings};
use crate::collecting::Collecting;
use crate::config::{Config, ConfigError, ProcessConfig};
use crate::drafting::Drafting;
use crate::grpc::{
    Agreements, Assessments, Classifications, Issuing, Libraries, Obligations, Organisations,
    Plans, Register, RegisterDesk, Resources, SearchIndexes, Shared, Sources, Terms,
};
use crate::obligations::Desk;
use crate::policies::{Causes, Deadlines};
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
    agreements: Agreements,
    organisations: Organisations,
    register: Register,
    resources: Resources,
    obligations: Obligations,
    deadline_poll: Duration,
    assessments: Assessments,
    libraries: Libraries,
    collecting: Arc<Collecting>,
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
    /// The holidays cannot be used.
    #[error("`holidays` cannot be used")]
    Holidays(#[from] HolidaysError),
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
    /// A view cannot be opened.
    #[error("the views cannot be opened")]
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
        let holidays = Arc::new(Holidays::open(config.holidays)?);
        let service = credentials.id().clone();

        let database = Database::open(&config.database).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;
        let views = Views::open(&database, &store, &tasks).await?;
        let index = SearchIndex::open(&config.index, Arc::clone(&store), clock.clone())?;
        let (running, shutdown) = (Arc::clone(&index), tasks.shutdown().clone());
        tasks.try_spawn("search index", async move { running.run(shutdown).await });

        let Views { entries, register, obligations, marks, libraries, items, collection } = views;
        let shared =
            Arc::new(Shared { clock, store, directory, database, entries, register, index });
        let store = &shared.store;
        let drafting = Arc::new(Drafting {
            aggregates: Aggregates::<codec::Resource>::new(Arc::clone(store)),
            classifications: Aggregates::<codec::Classification>::new(Arc::clone(store)),
            shared: Arc::clone(&shared),
        });
        let agreements = Arc::new(AgreementDesk {
            aggregates: Aggregates::<codec::Agreement>::new(Arc::clone(store)),
            shared: Arc::clone(&shared),
        });
        let desk = Desk {
            changes: Aggregates::new(Arc::clone(store)),
            obligations: Aggregates::new(Arc::clone(store)),
            shared: Arc::clone(&shared),
            holidays,
            view: obligations,
            service,
        };
        Ok(Self {
            agreements: Agreements { desk: Arc::clone(&agreements), shared: Arc::clone(&shared) },
            obligations: Obligations { desk: Arc::new(desk) },
            deadline_poll: Duration::from_millis(config.deadline_poll_ms),
            organisations: Organisations {
                aggregates: Aggregates::<codec::Organisation>::new(Arc::clone(store)),
                agreements,
                issuing: Issuing { authority, certificate_days: config.certificate_days },
                shared: Arc::clone(&shared),
            },
            register: Register { desk: register_desk(&shared) },
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
            collecting: Arc::new(collecting(&shared, items, collection)),
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

    /// The view of the infrastructure register: to rebuild it, and to compare its content.
    #[must_use]
    pub fn register(&self) -> &Arc<Projector> {
        &self.shared.register
    }

    /// The view of changes and obligations: to rebuild it, and to compare its content.
    #[must_use]
    pub fn obligations(&self) -> &Arc<Projector> {
        &self.obligations.desk.view
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

    /// The views of published items, and of sources and plans: to rebuild them, and to compare their content.
    #[must_use]
    pub fn collection(&self) -> [&Arc<Projector>; 2] {
        [&self.collecting.items, &self.collecting.view]
    }

    /// The search index, for whoever runs in the same process.
    #[must_use]
    pub fn search_index(&self) -> &Arc<SearchIndex> {
        &self.shared.index
    }

    /// Answers calls, and does what follows from events and from the clock, from now on, in its tasks.
    ///
    /// # Errors
    /// The server cannot be set up.
    pub fn spawn(self) -> Result<(), ServerError> {
        let (desk, shutdown) = (&self.obligations.desk, self.tasks.shutdown());
        let causes = Causes { desk: Arc::clone(desk) };
        self.tasks.spawn("policy of causes", causes.run(shutdown.clone()));
        let deadlines = Deadlines::new(Arc::clone(desk), self.deadline_poll);
        self.tasks.spawn("policy of deadlines", deadlines.run(shutdown.clone()));
        let endings = Endings {
            desk: Arc::clone(&self.agreements.desk),
            service: desk.service.to_string(),
            every: self.deadline_poll,
        };
        self.tasks.spawn("policy of agreements", endings.run(shutdown.clone()));

        let routes = Routes::new(OrganisationServiceServer::new(self.organisations))
            .add_service(ResourceServiceServer::new(self.resources))
            .add_service(AgreementServiceServer::new(self.agreements))
            .add_service(RegisterServiceServer::new(self.register))
            .add_service(ObligationServiceServer::new(self.obligations))
            .add_service(AssessmentServiceServer::new(self.assessments))
            .add_service(LibraryServiceServer::new(self.libraries))
            .add_service(SearchIndexServiceServer::new(self.search))
            .add_service(ClassificationServiceServer::new(self.classifications))
            .add_service(VocabularyServiceServer::new(Terms(Arc::clone(&self.collecting))))
            .add_service(SourceServiceServer::new(Sources(Arc::clone(&self.collecting))))
            .add_service(CollectionServiceServer::new(Plans(self.collecting)));
        self.server.spawn(&self.tasks, routes, &[DESCRIPTORS])
    }
}

/// The views, each following its events.
struct Views {
    entries: Arc<Projector>,
    register: Arc<Projector>,
    obligations: Arc<Projector>,
    marks: Arc<Projector>,
    libraries: Arc<Projector>,
    items: Arc<Projector>,
    collection: Arc<Projector>,
}

impl Views {
    async fn open(database: &Database, store: &Store, tasks: &Tasks) -> Result<Self, BuildError> {
        let parts = || (database.clone(), Arc::clone(store));
        let (tables, events) = parts();
        let entries = views::entries(tables, events).await?;
        follow(tasks, "view of entries", &entries);
        let (tables, events) = parts();
        let register = views::register(tables, events).await?;
        follow(tasks, "view of the register", &register);
        let (tables, events) = parts();
        let obligations = views::obligations(tables, events).await?;
        follow(tasks, "view of obligations", &obligations);
        let (tables, events) = parts();
        let marks = views::assessment(tables, events).await?;
        follow(tasks, "view of marks", &marks);
        let (tables, events) = parts();
        let libraries = views::libraries(tables, events).await?;
        follow(tasks, "view of libraries", &libraries);
        let (tables, events) = parts();
        let items = views::items(tables, events).await?;
        follow(tasks, "view of published items", &items);
        let (tables, events) = parts();
        let collection = views::collection(tables, events).await?;
        follow(tasks, "view of sources and plans", &collection);
        Ok(Self { entries, register, obligations, marks, libraries, items, collection })
    }
}

fn register_desk(shared: &Arc<Shared>) -> RegisterDesk {
    let store = &shared.store;
    RegisterDesk {
        systems: Aggregates::<codec::System>::new(Arc::clone(store)),
        networks: Aggregates::<codec::Network>::new(Arc::clone(store)),
        recoveries: Aggregates::<codec::Recovery>::new(Arc::clone(store)),
        records: Aggregates::<codec::SecurityRecord>::new(Arc::clone(store)),
        shared: Arc::clone(shared),
    }
}

fn collecting(shared: &Arc<Shared>, items: Arc<Projector>, view: Arc<Projector>) -> Collecting {
    let store = &shared.store;
    Collecting {
        registers: Aggregates::<codec::Entity>::new(Arc::clone(store)),
        vocabularies: Aggregates::<codec::Vocabulary>::new(Arc::clone(store)),
        items,
        view,
        shared: Arc::clone(shared),
    }
}

/// Lets a view follow its events, as one of the tasks.
fn follow(tasks: &Tasks, name: &'static str, view: &Arc<Projector>) {
    let (running, shutdown) = (Arc::clone(view), tasks.shutdown().clone());
    tasks.try_spawn(name, async move { running.run(shutdown).await });
}
