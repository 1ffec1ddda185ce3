//! Builds the service from its parts: the only file that names concrete adapters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use publicdata_archive::{ArchivedStore, Place, PlaceError};
use publicdata_audit_domain::LogKey;
use publicdata_directory::{Directory, OpenError};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_event_store::jetstream::SetupError;
use publicdata_identity::credentials::CredentialsError;
use publicdata_identity::{Credentials, SpiffeId};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::audit::v1::archive_service_server::ArchiveServiceServer;
use publicdata_proto::audit::v1::audit_service_server::AuditServiceServer;
use publicdata_proto::audit::v1::finding_service_server::FindingServiceServer;
use publicdata_service_kit::grpc::{BoundServer, ServerError, bind};
use publicdata_service_kit::http::{BoundHttp, ListenError};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError};
use tokio::sync::watch;
use tonic::service::Routes;

use crate::archiving::grpc::ArchivesService;
use crate::archiving::{Archiving, Archivist, Policy};
use crate::config::{ArchiveConfig, Config, ConfigError, ProcessConfig};
use crate::feed::Stops;
use crate::findings::desk::Desk;
use crate::findings::engine::Engine;
use crate::findings::grpc::Service as FindingsService;
use crate::findings::watch::{Progress, Watch};
use crate::findings::{self, AUDIT, RuleSet, RulesError};
use crate::grpc::Service;
use crate::keys::{self, KeyFileError};
use crate::log::{Log, LogError};
use crate::shown::Shown;
use crate::sweep::{Checks, Sweep};
use crate::tiles::{self, Tiles};
use crate::web::Web;
use crate::witness::Witnessing;
use crate::writer::Writer;

/// The service's name to the event store: its permissions rest on it.
const SERVICE: &str = "audit";

/// What the service shares with others of its process.
#[derive(Clone, Debug)]
pub struct Dependencies {
    /// The events.
    pub store: Store,
    /// What findings are dated by. The log itself has no clock: its times are the event store's.
    pub clock: Clock,
    /// The service's own credentials.
    pub credentials: Credentials,
    /// Where its tasks run, and how they end.
    pub tasks: Tasks,
}

/// A service that is built and holds its port, and neither logs nor answers yet.
pub struct App {
    server: BoundServer,
    http: Option<BoundHttp>,
    service: Service,
    tiles: Tiles,
    writer: Writer,
    sweep: Sweep,
    witnessing: Option<Witnessing>,
    findings: Findings,
    archives: Archives,
    tasks: Tasks,
    verifier_key: String,
}

/// What archives streams.
struct Archives {
    service: ArchivesService,
    policy: Option<Policy>,
}

/// What is found in what is logged.
struct Findings {
    view: Arc<Projector>,
    service: FindingsService,
    watch: Watch,
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
    /// The port for plain HTTP is taken.
    #[error("the log cannot be served over HTTP")]
    Http(#[from] ListenError),
    /// The log has no key.
    #[error("the log's key cannot be used")]
    Key(#[from] KeyFileError),
    /// The service's own credentials cannot be used.
    #[error("the service's credentials cannot be used")]
    Credentials(#[from] CredentialsError),
    /// The event store cannot be reached, or is set up wrongly.
    #[error("the event store cannot be used")]
    Store(#[from] SetupError),
    /// The log's database cannot be used.
    #[error("the log's database cannot be used")]
    Database(#[from] DatabaseError),
    /// The log cannot be taken up.
    #[error("the log cannot be taken up")]
    Log(#[from] LogError),
    /// Witnesses cannot be asked.
    #[error("TLS to witnesses cannot be set up")]
    Tls(#[from] rustls::Error),
    /// What witnesses signed cannot be read.
    #[error("what witnesses signed cannot be read")]
    Witnesses(#[from] crate::Error),
    /// The directory cannot be opened.
    #[error("the directory cannot be opened")]
    Directory(#[from] OpenError),
    /// The rules of findings cannot be applied.
    #[error("the rules cannot be applied")]
    Rules(#[from] RulesError),
    /// The place of archives cannot be used.
    #[error("`archive.url` cannot be used")]
    Archive(#[from] PlaceError),
    /// The view of findings cannot be opened.
    #[error("the view of findings cannot be opened")]
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
        let opening = config.nats.open_when_reachable(SERVICE, &config.credentials, &[AUDIT]);
        let store = opening.await?;
        let (store, clock) = (Arc::new(store), Clock::system());
        let dependencies = Dependencies { store, clock, credentials, tasks };
        Self::build(config.audit, dependencies).await
    }

    /// Builds the service: takes its port, opens its database and takes up the log.
    ///
    /// # Errors
    /// Says which part cannot be had.
    pub async fn build(config: Config, dependencies: Dependencies) -> Result<Self, BuildError> {
        config.validate()?;
        let Dependencies { store, clock, credentials, tasks } = dependencies;
        let place = config.archive.as_ref().map(ArchiveConfig::place).transpose()?;
        let store: Store = Arc::new(ArchivedStore::new(store, place.clone()));
        let server = bind(config.listen, &credentials)?;
        let http = config.http.map(BoundHttp::bind).transpose()?;
        let key = log_key(&config)?;
        let verifier_key = key.verifier_key().to_owned();
        let database = Database::open(&config.database).await?;
        let log = Log::open(database.clone(), key).await?;
        let directory = Directory::open(database.clone(), Arc::clone(&store), &tasks).await?;

        let witnessing = witnessing(&database, &config).await?;
        let shown = witnessing
            .as_ref()
            .map_or_else(Shown::newest, |witnessing| Shown::offered(witnessing.offered()));
        let witnesses = witnessing.as_ref().map(Witnessing::statuses).unwrap_or_default();

        let setting = Setting {
            store: &store,
            database: &database,
            directory: &directory,
            clock: &clock,
            streams: &config.streams,
        };
        let findings = setting.findings(rules(&config)?, credentials.id(), log.size()).await?;

        let archiving = Archiving::new(Arc::clone(&store));
        let after_days = config.archive.as_ref().map_or(0, |archive| archive.after_days);
        let archivist = place
            .map(|place| setting.archivist(place, &archiving, &verifier_key, credentials.id()));
        let archives = setting.archives(archivist.transpose()?, &archiving, after_days);
        let (stops, checks, streams) =
            (Stops::default(), Checks::default(), config.streams.clone());
        let sweep = setting.sweep(&config, &checks);
        let writer = Writer {
            store: Arc::clone(&store),
            database: database.clone(),
            log,
            streams: streams.clone(),
            stops: stops.clone(),
        };
        let tiles = Tiles { database: database.clone(), shown: shown.clone() };
        let service = Service {
            database,
            store,
            directory,
            streams,
            stops,
            checks,
            shown,
            witnesses,
            archiving,
        };
        Ok(Self {
            server,
            http,
            service,
            tiles,
            writer,
            sweep,
            witnessing,
            findings,
            archives,
            tasks,
            verifier_key,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Where the log is read over plain HTTP, if anywhere.
    #[must_use]
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(BoundHttp::local_addr)
    }

    /// The public key that checkpoints are verified with; it also stands in `log.vkey` in the log's folder.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// How many events are in the log, as it grows.
    #[must_use]
    pub fn log_size(&self) -> watch::Receiver<u64> {
        self.writer.log.size()
    }

    /// Logs events and answers calls from now on, as tasks.
    ///
    /// # Errors
    /// The server cannot be set up.
    pub fn spawn(self) -> Result<(), ServerError> {
        let Findings { view, service: findings, watch } = self.findings;
        let routes = Routes::new(AuditServiceServer::new(self.service))
            .add_service(FindingServiceServer::new(findings))
            .add_service(ArchiveServiceServer::new(self.archives.service));
        self.server.spawn(&self.tasks, routes, &[DESCRIPTORS])?;
        if let Some(http) = self.http {
            http.spawn(&self.tasks, "log", tiles::router(self.tiles));
        }
        let shutdown = self.tasks.shutdown();
        self.tasks.spawn("log writer", self.writer.run(shutdown.clone()));
        self.tasks.spawn("check of logged events", self.sweep.run(shutdown.clone()));
        if let Some(witnessing) = self.witnessing {
            self.tasks.spawn("witnesses", witnessing.run(shutdown.clone()));
        }
        let following = shutdown.clone();
        self.tasks.try_spawn("view of findings", async move { view.run(following).await });
        if let Some(policy) = self.archives.policy {
            self.tasks.spawn("archives of streams", policy.run(shutdown.clone()));
        }
        self.tasks.spawn("rules", watch.run(shutdown.clone()));
        Ok(())
    }
}

/// What findings stand on.
struct Setting<'a> {
    store: &'a Store,
    database: &'a Database,
    directory: &'a Arc<Directory>,
    clock: &'a Clock,
    streams: &'a [String],
}

impl Setting<'_> {
    fn sweep(&self, config: &Config, checks: &Checks) -> Sweep {
        Sweep {
            store: Arc::clone(self.store),
            database: self.database.clone(),
            streams: self.streams.to_vec(),
            events_per_s: config.check_events_per_s,
            checks: checks.clone(),
        }
    }

    fn archivist(
        &self,
        place: Place,
        archiving: &Archiving,
        verifier_key: &str,
        service: &SpiffeId,
    ) -> Result<Archivist, BuildError> {
        Ok(Archivist {
            store: Arc::clone(self.store),
            database: self.database.clone(),
            place,
            archives: archiving.archives().clone(),
            verifier: verifier_key.parse().map_err(LogError::Key)?,
            clock: self.clock.clone(),
            actor: service.to_string(),
        })
    }

    fn archives(
        &self,
        archivist: Option<Archivist>,
        archiving: &Archiving,
        after_days: u32,
    ) -> Archives {
        let streams = self.streams.to_vec();
        let policy = archivist.clone().map(|archivist| Policy {
            archivist,
            streams: streams.clone(),
            after_days,
            problems: archiving.problems.clone(),
        });
        let directory = Arc::clone(self.directory);
        Archives { service: ArchivesService { directory, archivist, streams }, policy }
    }

    async fn findings(
        &self,
        rules: RuleSet,
        service: &SpiffeId,
        size: watch::Receiver<u64>,
    ) -> Result<Findings, BuildError> {
        let (store, database) = (Arc::clone(self.store), self.database.clone());
        let view = findings::open_view(&database, &store).await?;
        let findings = Aggregates::new(Arc::clone(&store));
        let desk = Desk { findings, view: Arc::clone(&view), store: Arc::clone(&store) };
        let engine = Arc::new(Engine::new(Arc::new(rules)).map_err(RulesError::from)?);
        let (clock, progress) = (self.clock.clone(), Progress::default());
        let watch = Watch {
            store,
            database: database.clone(),
            engine: Arc::clone(&engine),
            desk: desk.clone(),
            clock: clock.clone(),
            streams: self.streams.to_vec(),
            swept_on: None,
            service: service.clone(),
            size,
            progress: progress.clone(),
        };
        let directory = Arc::clone(self.directory);
        let service = FindingsService { desk, database, directory, clock, engine, progress };
        Ok(Findings { view, service, watch })
    }
}

/// The log's key, with the one of SM2 beside it if it is wanted.
fn log_key(config: &Config) -> Result<LogKey, BuildError> {
    let key = keys::open(&config.key, &config.origin)?;
    let key = match config.sm2 {
        true => {
            let sm2 = keys::open_sm2(&config.key, &config.origin)?;
            key.with_sm2(sm2).map_err(LogError::Key)?
        }
        false => key,
    };
    tracing::info!(
        log.origin = config.origin,
        log.verifier_key = key.verifier_key(),
        log.sm2_verifier_key = key.sm2_verifier_key(),
        "log has its keys"
    );
    Ok(key)
}

fn rules(config: &Config) -> Result<RuleSet, RulesError> {
    match &config.rules {
        Some(path) => RuleSet::with_file(path),
        None => RuleSet::built_in(),
    }
}

/// Offers checkpoints, if there are witnesses to offer them to.
async fn witnessing(
    database: &Database,
    config: &Config,
) -> Result<Option<Witnessing>, BuildError> {
    if config.witnesses.is_empty() {
        return Ok(None);
    }
    let (web, pause) = (Web::new()?, Duration::from_millis(config.witness_pause_ms));
    let witnessing = Witnessing::open(database.clone(), &config.witnesses, &web, pause).await?;
    Ok(Some(witnessing))
}
