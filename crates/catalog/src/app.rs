//! Builds the service from its parts: this and its parts are the only files that name concrete adapters.

mod parts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use publicdata_archive::{ArchivedStore, Place, PlaceError};
use publicdata_directory::{Directory, OpenError};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_event_store::jetstream::SetupError;
use publicdata_identity::authority::AuthorityError;
use publicdata_identity::credentials::CredentialsError;
use publicdata_identity::{CertificateAuthority, Credentials};
use publicdata_proto::DESCRIPTORS;
use publicdata_service_kit::grpc::{BoundServer, ServerError, bind};
use publicdata_service_kit::holidays::HolidaysError;
use publicdata_service_kit::{Clock, Holidays, Tasks};
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError};
use tonic::service::Routes;

use crate::agreements::{AgreementDesk, Endings};
use crate::config::{Config, ConfigError, ProcessConfig};
use crate::feed::{BoundFeed, FeedError};
use crate::grpc::{Issuing, Resources, Shared};
use crate::obligations::Desk;
use crate::policies::{Causes, Deadlines};
use crate::search::{OpenError as IndexError, SearchIndex};
use crate::{codec, views};
use parts::{Desks, Views};

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
    views: Views,
    desks: Desks,
    deadline_poll: Duration,
    /// Who acts where nobody called: this service.
    service: String,
    resources: Resources,
    feed: Option<BoundFeed>,
    routes: Routes,
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
    /// The feed cannot listen.
    #[error("the feed cannot start")]
    Feed(#[from] FeedError),
    /// The certificate authority cannot be opened.
    #[error("the certificate authority cannot be opened")]
    Authority(#[from] AuthorityError),
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
    /// A view cannot be opened.
    #[error("a view cannot be opened")]
    View(#[from] ProjectorError),
    /// The search index cannot be opened.
    #[error("the search index cannot be opened")]
    Index(#[from] IndexError),
}

impl App {
    /// Builds the service with connections of its own. While its event store is away, it waits for it.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn connect(config: ProcessConfig, tasks: Tasks) -> Result<Self, BuildError> {
        config.validate()?;
        let credentials = Credentials::load(&config.credentials)?;
        let opening =
            config.nats.open_when_reachable(SERVICE, &config.credentials, &[views::STREAM]);
        let store = Arc::new(opening.await?);
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
        let archives = config.stream_archives.as_deref().map(Place::open).transpose()?;
        let store: Store = Arc::new(ArchivedStore::new(store, archives));
        let server = bind(config.listen, &credentials)?;
        let feed = config.feed.as_ref().map(BoundFeed::bind).transpose()?;
        let authority = CertificateAuthority::open(&config.authority)?;
        let holidays = Arc::new(Holidays::open(config.holidays)?);

        let database = Database::open(&config.database).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;
        let views = Views::open(&database, &store, &tasks).await?;
        let index = SearchIndex::open(&config.index, Arc::clone(&store), clock.clone())?;
        let (running, shutdown) = (Arc::clone(&index), tasks.shutdown().clone());
        tasks.try_spawn("search index", async move { running.run(shutdown).await });

        let (entries, register) = (Arc::clone(&views.entries), Arc::clone(&views.register));
        let shared =
            Arc::new(Shared { clock, store, directory, database, entries, index, register });
        let desks = Desks {
            obligations: Arc::new(Desk {
                changes: Aggregates::new(Arc::clone(&shared.store)),
                obligations: Aggregates::new(Arc::clone(&shared.store)),
                shared: Arc::clone(&shared),
                holidays,
                view: Arc::clone(&views.obligations),
                service: credentials.id().clone(),
            }),
            agreements: Arc::new(AgreementDesk {
                aggregates: Aggregates::<codec::Agreement>::new(Arc::clone(&shared.store)),
                shared: Arc::clone(&shared),
            }),
            offer: feed.as_ref().map(|feed| feed.offer().clone()),
        };
        let issuing = Issuing { authority, certificate_days: config.certificate_days };
        let resources = parts::resources(&shared);
        Ok(Self {
            routes: parts::routes(&resources, &views, &desks, issuing, &tasks),
            deadline_poll: Duration::from_millis(config.deadline_poll_ms),
            service: credentials.id().to_string(),
            server,
            tasks,
            shared,
            views,
            desks,
            resources,
            feed,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Where other platforms harvest, if they may.
    #[must_use]
    pub fn feed_addr(&self) -> Option<SocketAddr> {
        self.feed.as_ref().map(BoundFeed::local_addr)
    }

    /// The organisations, for whoever runs in the same process.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.shared.directory
    }

    /// The view of entries: to rebuild it, and to compare its content.
    #[must_use]
    pub fn entries(&self) -> &Arc<Projector> {
        &self.views.entries
    }

    /// The view of changes and obligations: to rebuild it, and to compare its content.
    #[must_use]
    pub fn obligations(&self) -> &Arc<Projector> {
        &self.views.obligations
    }

    /// The view of the infrastructure register: to rebuild it, and to compare its content.
    #[must_use]
    pub fn register(&self) -> &Arc<Projector> {
        &self.views.register
    }

    /// The view of marks: to wait for it, to rebuild it, and to compare its content.
    #[must_use]
    pub fn marks(&self) -> &Arc<Projector> {
        &self.views.marks
    }

    /// The view of libraries: to rebuild it, and to compare its content.
    #[must_use]
    pub fn libraries(&self) -> &Arc<Projector> {
        &self.views.libraries
    }

    /// The views of published items, and of sources and plans: to rebuild them, and to compare their content.
    #[must_use]
    pub fn collection(&self) -> [&Arc<Projector>; 2] {
        [&self.views.items, &self.views.collection]
    }

    /// The view of other platforms' datasets: to rebuild it, and to compare its content.
    #[must_use]
    pub fn harvest(&self) -> &Arc<Projector> {
        &self.views.harvest
    }

    /// Every view: to wait for them.
    pub fn views(&self) -> impl Iterator<Item = &Arc<Projector>> {
        std::iter::once(self.shared.directory.projector()).chain(self.views.all())
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
        let (Desks { obligations, agreements, .. }, shutdown) = (self.desks, self.tasks.shutdown());
        let causes = Causes { desk: Arc::clone(&obligations) };
        self.tasks.spawn("policy of causes", causes.run(shutdown.clone()));
        let deadlines = Deadlines::new(obligations, self.deadline_poll);
        self.tasks.spawn("policy of deadlines", deadlines.run(shutdown.clone()));
        let endings =
            Endings { desk: agreements, service: self.service, every: self.deadline_poll };
        self.tasks.spawn("policy of agreements", endings.run(shutdown.clone()));
        if let Some(feed) = self.feed {
            feed.spawn(&self.tasks, self.resources);
        }
        self.server.spawn(&self.tasks, self.routes, &[DESCRIPTORS])
    }
}
