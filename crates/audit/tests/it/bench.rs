//! A store with events, and the audit service beside it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, future};
use jiff::Timestamp;
use prost::Name;
use prost_types::Any;
use publicdata_audit::client::{LogClient, Report, TileLog, Verification};
use publicdata_audit::config::{ArchiveConfig, WitnessConfig};
use publicdata_audit::{App, Config, Dependencies, keys};
use publicdata_audit_domain::Verifier;
use publicdata_event_store::jetstream::permissions;
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::server::User;
use publicdata_event_store::testing::{TestNats, nats, nats_over_tls, nats_with};
use publicdata_event_store::{
    AppendError, Appended, Commits, Error, EventStore, NewCommit, Recorded, Store, Subject,
};
use publicdata_identity::{CertificateAuthority, SpiffeId, testing};
use publicdata_proto::audit::v1::audit_service_client::AuditServiceClient;
use publicdata_proto::catalog::v1::{OrganisationRegistered, Role};
use publicdata_service_kit::grpc::{Channel, channel};
use publicdata_service_kit::testing::free_address;
use publicdata_service_kit::{Clock, Tasks};
use publicdata_types::{CommandId, OrganisationCode};
use publicdata_views::Database;
use publicdata_views::testing::{TestPostgres, postgres};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "test.internal/audit";
/// The streams that others write.
pub(crate) const STREAMS: [&str; 3] = ["CATALOG", "EXCHANGE", "OPENDATA"];
/// The service's own.
pub(crate) const AUDIT: &str = "AUDIT";
/// What the service logs unless it is told otherwise. Nobody makes the last one here.
const LOGGED: [&str; 5] = ["CATALOG", "EXCHANGE", "OPENDATA", AUDIT, "RECOVERY"];
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
const WITNESS_PAUSE_MS: u64 = 50;

/// Events, a place for the log, and certificates.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
    pub(crate) nats: Option<TestNats>,
    pub(crate) certificates: CertificateAuthority,
    /// What findings are dated by.
    pub(crate) clock: Clock,
    /// Rules beside those that come with the platform.
    pub(crate) rules: Option<PathBuf>,
    /// The place of archives.
    pub(crate) archive: Option<String>,
    database_url: String,
    _postgres: Option<TestPostgres>,
}

/// The audit service, in this process. Dropped, it is cut off as by a crash.
pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) verifier: Verifier,
    /// Where the log is read over plain HTTP: the beginning of each address.
    pub(crate) url: String,
    size: watch::Receiver<u64>,
    _tasks: Tasks,
}

impl Bench {
    /// On a nats-server of its own, with the usual streams, and on SQLite.
    pub(crate) async fn on_nats() -> Self {
        Self::on_nats_with(&STREAMS).await
    }

    /// On a nats-server of its own with these streams, and on SQLite.
    pub(crate) async fn on_nats_with(streams: &[&str]) -> Self {
        let nats = nats().await;
        let store = nats.store(&with_own(streams)).await;
        Self::with(store, Some(nats), None)
    }

    /// On a nats-server whose data folder holds streams already.
    pub(crate) async fn on_restored(restore: impl FnOnce(&Path)) -> Self {
        let nats = nats_with(|options| {
            restore(&options.data_dir);
            options
        });
        let nats = nats.await;
        let store = nats.store(&with_own(&STREAMS)).await;
        Self::with(store, Some(nats), None)
    }

    /// On nats-server and Postgres.
    pub(crate) async fn on_postgres() -> Self {
        let nats = nats().await;
        let store = nats.store(&with_own(&STREAMS)).await;
        Self::with(store, Some(nats), Some(postgres()))
    }

    /// On a nats-server of its own, and on SQLite in this folder.
    pub(crate) async fn on_nats_with_database_in(folder: &std::path::Path) -> Self {
        let database_url = format!("sqlite:{}", folder.join("audit.db").display());
        Self { database_url, ..Self::on_nats().await }
    }

    /// In memory and on SQLite.
    pub(crate) fn in_memory() -> Self {
        Self::with(Arc::new(MemoryStore::new()), None, None)
    }

    /// On a nats-server that asks for certificates, as the service's own program needs it, and on SQLite. In place of the
    /// services that write, the bench makes these streams.
    pub(crate) async fn on_nats_over_tls(streams: &[&str]) -> Self {
        let (folder, certificates) = (tempfile::tempdir().unwrap(), testing::authority());
        let user = |name: &str, written: &[&str], read: &[&str]| {
            let id = testing::service(name);
            let credentials = testing::credentials(&certificates, &id);
            credentials.save(&folder.path().join(name)).unwrap();
            User { spiffe_id: id.to_string(), permissions: permissions(name, written, read) }
        };
        let users = vec![user("audit", &[AUDIT], &LOGGED), user("writers", &STREAMS, &LOGGED)];
        let writers = folder.path().join("writers");
        let nats = nats_over_tls(&writers, users).await;
        let store = Arc::new(nats.config().open("writers", &writers, streams).await.unwrap());
        let database_url = sqlite(&folder);
        let (nats, clock) = (Some(nats), Clock::system());
        let (rules, archive, _postgres) = (None, None, None);
        Self { store, folder, nats, certificates, clock, rules, archive, database_url, _postgres }
    }

    fn with(store: Store, nats: Option<TestNats>, postgres: Option<TestPostgres>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database_url = postgres.as_ref().map_or_else(|| sqlite(&folder), TestPostgres::url);
        let certificates = testing::authority();
        let (clock, rules, archive, _postgres) = (Clock::system(), None, None, postgres);
        Self { store, folder, nats, certificates, clock, rules, archive, database_url, _postgres }
    }

    /// The configuration of the service's own program, on what [`on_nats_over_tls`](Self::on_nats_over_tls) made.
    pub(crate) fn write_config(&self, listen: SocketAddr) -> PathBuf {
        self.write_config_as("audit", listen, free_address())
    }

    /// The same under a name, with the log over plain HTTP.
    pub(crate) fn write_config_as(
        &self,
        name: &str,
        listen: SocketAddr,
        http: SocketAddr,
    ) -> PathBuf {
        let text = format!(
            "credentials = \"{folder}/audit\"\n\
             [audit]\n\
             listen = \"{listen}\"\n\
             http = \"{http}\"\n\
             database = \"{database}\"\n\
             origin = \"{ORIGIN}\"\n\
             key = \"{folder}/log\"\n\
             {nats}",
            folder = self.folder.path().display(),
            database = self.database_url,
            nats = self.nats.as_ref().unwrap().config_toml(),
        );
        let archive = self.archive.as_ref();
        let archive = archive.map(|url| format!("\n[audit.archive]\nurl = \"{url}\"\n"));
        let text = text + &archive.unwrap_or_default();
        let path = self.folder.path().join(name).with_extension("toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) async fn database(&self) -> Database {
        Database::open(&self.database_url).await.unwrap()
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_on(Arc::clone(&self.store)).await
    }

    /// The service on another store than the one that is written to.
    pub(crate) async fn start_on(&self, store: Store) -> Running {
        self.start_with(store, Vec::new()).await
    }

    /// The service with witnesses, which it asks often.
    pub(crate) async fn start_witnessed(&self, witnesses: Vec<WitnessConfig>) -> Running {
        self.start_with(Arc::clone(&self.store), witnesses).await
    }

    /// The log's verifier key, also before the service has started.
    pub(crate) fn log_key(&self) -> String {
        let key = keys::open(&self.folder.path().join("log"), ORIGIN).unwrap();
        key.verifier_key().to_owned()
    }

    /// The service with an SM2 key beside the other. Its verifier demands both.
    pub(crate) async fn start_with_sm2(&self) -> Running {
        let mut config = self.config();
        config.sm2 = true;
        let running = self.start_as(Arc::clone(&self.store), config).await;
        let log = self.folder.path().join("log");
        let keys = [keys::VERIFIER_KEY_FILE, keys::SM2_VERIFIER_KEY_FILE]
            .map(|name| std::fs::read_to_string(log.join(name)).unwrap());
        Running { verifier: keys.concat().parse().unwrap(), ..running }
    }

    pub(crate) async fn start_with(&self, store: Store, witnesses: Vec<WitnessConfig>) -> Running {
        let config = Config { witnesses, ..self.config() };
        self.start_as(store, config).await
    }

    pub(crate) fn config(&self) -> Config {
        let listen = "127.0.0.1:0".parse().unwrap();
        let key = self.folder.path().join("log");
        let mut config = Config::new(listen, &self.database_url, ORIGIN, key);
        config.http = Some(listen);
        config.witness_pause_ms = WITNESS_PAUSE_MS;
        config.rules.clone_from(&self.rules);
        config.archive = self.archive.as_ref().map(ArchiveConfig::new);
        config
    }

    /// Why the service does not start.
    pub(crate) async fn refused(&self, config: Config) -> String {
        let (tasks, store) = (Tasks::new(), Arc::clone(&self.store));
        let credentials = testing::credentials(&self.certificates, &testing::service("audit"));
        let dependencies = Dependencies { store, clock: self.clock.clone(), credentials, tasks };
        match App::build(config, dependencies).await {
            Ok(_) => panic!("it starts"),
            Err(error) => publicdata_service_kit::problem::chain(&error),
        }
    }

    pub(crate) async fn start_as(&self, store: Store, config: Config) -> Running {
        let tasks = Tasks::new();
        let id = testing::service("audit");
        let clock = self.clock.clone();
        let credentials = testing::credentials(&self.certificates, &id);
        let dependencies = Dependencies { store, clock, credentials, tasks: tasks.clone() };
        let app = App::build(config, dependencies).await.unwrap();
        let address = app.local_addr().to_string();
        let verifier = app.verifier_key().parse().unwrap();
        let url = format!("http://{}", app.http_addr().unwrap());
        let size = app.log_size();
        app.spawn().unwrap();
        Running { address, verifier, url, size, _tasks: tasks }
    }

    /// Appends one commit with one event to a new aggregate.
    pub(crate) async fn append<M: Name>(&self, service: &str, aggregate: &str, event: &M) -> u64 {
        self.append_traced(service, aggregate, event, None).await
    }

    pub(crate) async fn append_traced<M: Name>(
        &self,
        service: &str,
        aggregate: &str,
        event: &M,
        traceparent: Option<String>,
    ) -> u64 {
        let id = Uuid::new_v4().to_string();
        let commit = commit(event, traceparent);
        let subject = Subject::new(service, aggregate, &id).unwrap();
        self.store.append(&subject, 0, commit).await.unwrap().sequence
    }

    /// Appends `count` events of some kind to each stream, all streams at once.
    pub(crate) async fn append_many(&self, count: u64) {
        future::join_all(STREAMS.map(|stream| async move {
            let service = stream.to_lowercase();
            for number in 0..count {
                self.append(&service, "thing", &organisation(number)).await;
            }
        }))
        .await;
    }

    /// A channel of a user of an organisation with this role, which it registers first.
    pub(crate) async fn user(&self, running: &Running, code: &str, role: Role) -> Channel {
        let code: OrganisationCode = code.parse().unwrap();
        let registered = OrganisationRegistered {
            code: code.to_string(),
            name: "某单位".to_owned(),
            region_code: "510100".to_owned(),
            roles: vec![role.into()],
            ..OrganisationRegistered::default()
        };
        let subject = Subject::new("catalog", "organisation", code.as_str()).unwrap();
        match self.store.append(&subject, 0, commit(&registered, None)).await {
            Ok(_) | Err(AppendError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        let id = SpiffeId::user(&testing::domain(), code, "account-1").unwrap();
        self.channel(running, &id)
    }

    pub(crate) fn channel(&self, running: &Running, id: &SpiffeId) -> Channel {
        let credentials = testing::credentials(&self.certificates, id);
        channel(&running.address, &credentials, &testing::service("audit")).unwrap()
    }

    /// An auditor's client. Its organisation is one more event of CATALOG.
    pub(crate) async fn auditor(&self, running: &Running) -> LogClient {
        LogClient::new(self.auditor_channel(running).await)
    }

    pub(crate) async fn auditor_channel(&self, running: &Running) -> Channel {
        let code = testing::organisation().to_string();
        self.user(running, &code, Role::Auditor).await
    }

    pub(crate) async fn calls(&self, running: &Running) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.auditor_channel(running).await)
    }

    /// How many events the streams have that others write.
    pub(crate) async fn events(&self) -> u64 {
        let mut events = 0;
        for stream in STREAMS {
            events += self.store.last_sequence(stream).await.unwrap();
        }
        events
    }

    /// Waits until every event is in the log, those of the service itself included: where they count, others could be missing.
    pub(crate) async fn settled(&self, running: &Running) -> u64 {
        let own = match self.store.last_sequence(AUDIT).await {
            Err(Error::UnknownStream { .. }) => 0,
            last => last.unwrap(),
        };
        let events = self.events().await + own;
        running.reaches(events).await;
        events
    }
}

impl Running {
    /// Waits until the log has at least so many events.
    pub(crate) async fn reaches(&self, size: u64) {
        let mut log = self.size.clone();
        let there = log.wait_for(|now| *now >= size);
        tokio::time::timeout(TIMEOUT, there).await.expect("events in the log").unwrap();
    }

    /// The log as outsiders read it.
    pub(crate) fn tiles(&self) -> TileLog {
        TileLog::new(&self.url).unwrap()
    }

    pub(crate) async fn verify(&self, client: &LogClient) -> Report {
        client.verify(&self.verifier, &Verification::default()).await.unwrap()
    }
}

/// Waits for a condition, asked for again and again.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(TIMEOUT, asked).await.is_ok(), "waited too long for {what}");
}

pub(crate) fn organisation(number: u64) -> OrganisationRegistered {
    OrganisationRegistered { name: format!("organisation {number}"), ..Default::default() }
}

pub(crate) fn commit<M: Name>(event: &M, traceparent: Option<String>) -> NewCommit {
    NewCommit {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: testing::service("catalog").to_string(),
        occurred_at: testing::noon(),
        traceparent,
        events: vec![Any { type_url: M::type_url(), value: event.encode_to_vec() }],
    }
}

/// A store that shows something else than what was stored.
pub(crate) struct Doctored {
    inner: Store,
    change: Arc<Change>,
}

/// What becomes of a commit; nothing: it is lost.
type Change = dyn Fn(Recorded) -> Option<Recorded> + Send + Sync;

impl Doctored {
    pub(crate) fn store(
        bench: &Bench,
        change: impl Fn(Recorded) -> Option<Recorded> + Send + Sync + 'static,
    ) -> Store {
        Arc::new(Self { inner: Arc::clone(&bench.store), change: Arc::new(change) })
    }

    fn commits(&self, commits: Commits) -> BoxStream<'static, Result<Recorded, Error>> {
        let change = Arc::clone(&self.change);
        commits.try_filter_map(move |recorded| future::ready(Ok(change(recorded)))).boxed()
    }
}

impl fmt::Debug for Doctored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctored").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl EventStore for Doctored {
    async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        self.inner.append(subject, expected_last, commit).await
    }

    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.inner.load(subject, after).await
    }

    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.inner.tail(subject, after).await
    }

    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error> {
        Ok(self.commits(self.inner.read(stream, from, until).await?))
    }

    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, Error> {
        Ok(self.commits(self.inner.subscribe(stream, from).await?))
    }

    async fn first_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.inner.first_sequence(stream).await
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.inner.last_sequence(stream).await
    }

    async fn risks(&self, stream: &str) -> Result<Vec<String>, Error> {
        self.inner.risks(stream).await
    }
}

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("audit.db").display())
}

fn with_own<'a>(streams: &[&'a str]) -> Vec<&'a str> {
    streams.iter().copied().chain([AUDIT]).collect()
}
