//! A platform of events and their audit log, and a place for its backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prost::Name;
use prost_types::Any;
use publicdata_audit::client::TileLog;
use publicdata_audit::{App, Config, Dependencies, keys};
use publicdata_audit_domain::{Checkpoint, Verifier};
use publicdata_event_store::jetstream::{JetStreamStore, Options};
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_event_store::testing::{TestNats, nats};
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_identity::{CertificateAuthority, testing};
use publicdata_proto::catalog::v1::OrganisationRegistered;
use publicdata_recovery::backup::{self, Folder, Made, Source};
use publicdata_recovery::{Backup, Error, Identities, Place, Recipients, restore};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_types::CommandId;
use publicdata_views::Database;
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) const STREAMS: [&str; 3] = ["CATALOG", "EXCHANGE", "OPENDATA"];
const ORIGIN: &str = "test.internal/audit";
const TIMEOUT: Duration = Duration::from_secs(30);

/// A platform, its backup, and the keys of both.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) verifier: Verifier,
    pub(crate) identities: Identities,
    pub(crate) recipients: Recipients,
    pub(crate) place: Place,
    pub(crate) audit: Audit,
    certificates: CertificateAuthority,
    _nats: TestNats,
}

/// The audit service.
pub(crate) struct Audit {
    pub(crate) log: TileLog,
    size: watch::Receiver<u64>,
    _tasks: Tasks,
}

/// What was restored.
pub(crate) struct Restored {
    pub(crate) store: Store,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) folder: PathBuf,
    server: NatsServer,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = nats().await;
        let store = nats.store(&STREAMS).await;
        let certificates = testing::authority();
        let key = folder.path().join("log");
        let verifier = keys::open(&key, ORIGIN).unwrap().verifier_key().parse().unwrap();
        let identity = folder.path().join("identity");
        let recipient = Identities::generate(&identity).unwrap();
        let audit = audit(&certificates, &key, &folder.path().join("audit.db"), &store).await;
        Self {
            place: Place::new(folder.path().join("backup")),
            identities: Identities::read(&identity).unwrap(),
            recipients: Recipients::parse(&[recipient]).unwrap(),
            folder,
            store,
            verifier,
            audit,
            certificates,
            _nats: nats,
        }
    }

    /// A platform with so many events of each stream.
    pub(crate) async fn with_events(count: u64) -> Self {
        let bench = Self::new().await;
        bench.append_many(count).await;
        bench
    }

    /// Appends `count` events to each stream, and waits until they are logged.
    pub(crate) async fn append_many(&self, count: u64) {
        let mut events = 0;
        for stream in STREAMS {
            for number in 0..count {
                append(&self.store, &stream.to_lowercase(), number).await;
            }
            events += self.store.last_sequence(stream).await.unwrap();
        }
        self.audit.reaches(events).await;
    }

    /// The files that are backed up, below the bench's folder.
    pub(crate) fn content(&self) -> PathBuf {
        let content = self.folder.path().join("content");
        std::fs::create_dir_all(content.join("incoming")).unwrap();
        content
    }

    pub(crate) async fn back_up(&self) -> Result<Made, Error> {
        let source = Source {
            store: Arc::clone(&self.store),
            log: self.audit.log.clone(),
            verifier: self.verifier.clone(),
            root: self.folder.path().to_owned(),
            folders: vec![Folder { name: "content".into(), without: vec!["incoming".into()] }],
            views: Vec::new(),
            clock: Clock::system(),
        };
        backup::run(&source, &self.place, &self.recipients, &|_, _, _| {}).await
    }

    pub(crate) fn backup(&self) -> Result<Backup, Error> {
        Backup::open(&self.place, &self.verifier)
    }

    pub(crate) async fn verify(&self) -> Result<(), Error> {
        self.backup()?.verify(&self.identities, &|_, _, _| {}).await
    }

    /// Restores the backup into an empty folder of this name, and starts a server on it.
    pub(crate) async fn restore(&self, name: &str) -> Result<Restored, Error> {
        let folder = self.folder.path().join(name);
        let database = Database::open(&sqlite(&folder)).await.unwrap();
        let target = restore::Target { events: &folder, database: &database, root: &folder };
        let backup = self.backup()?;
        let (verifier, identities) = (&self.verifier, &self.identities);
        let checkpoint =
            restore::run(&backup, verifier, identities, &target, &|_, _, _| {}).await?;
        database.close().await;
        let server = NatsServer::start(ServerOptions::new(&folder)).await.unwrap();
        let store = JetStreamStore::connect(Options::new(server.url(), "test")).await.unwrap();
        Ok(Restored { store: Arc::new(store), checkpoint, folder, server })
    }

    /// The audit service on what was restored, with the log's own key.
    pub(crate) async fn audit_of(&self, restored: &Restored) -> Audit {
        let key = self.folder.path().join("log");
        let database = restored.folder.join("audit.db");
        audit(&self.certificates, &key, &database, &restored.store).await
    }
}

impl Audit {
    /// Waits until the log has at least so many events.
    pub(crate) async fn reaches(&self, size: u64) {
        let mut log = self.size.clone();
        let there = log.wait_for(|now| *now >= size);
        tokio::time::timeout(TIMEOUT, there).await.expect("events in the log").unwrap();
    }
}

impl Restored {
    /// A connection of `service`.
    pub(crate) async fn connect(&self, service: &str) -> JetStreamStore {
        JetStreamStore::connect(Options::new(self.server.url(), service)).await.unwrap()
    }

    pub(crate) async fn database(&self) -> Database {
        Database::open(&sqlite(&self.folder)).await.unwrap()
    }
}

/// Appends a commit to a new aggregate.
pub(crate) async fn append(store: &Store, service: &str, number: u64) -> u64 {
    let event =
        OrganisationRegistered { name: format!("organisation {number}"), ..Default::default() };
    let subject = Subject::new(service, "thing", &Uuid::new_v4().to_string()).unwrap();
    store.append(&subject, 0, commit(&event)).await.unwrap().sequence
}

fn commit<M: Name>(event: &M) -> NewCommit {
    NewCommit {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: testing::service("catalog").to_string(),
        occurred_at: Timestamp::from_second(1_767_488_400).unwrap(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        events: vec![Any { type_url: M::type_url(), value: event.encode_to_vec() }],
    }
}

async fn audit(
    certificates: &CertificateAuthority,
    key: &Path,
    database: &Path,
    store: &Store,
) -> Audit {
    let (tasks, listen) = (Tasks::new(), "127.0.0.1:0".parse().unwrap());
    let url = format!("sqlite:{}", database.display());
    let config = Config { http: Some(listen), ..Config::new(listen, &url, ORIGIN, key) };
    let credentials = testing::credentials(certificates, &testing::service("audit"));
    let dependencies = Dependencies {
        store: Arc::clone(store),
        clock: publicdata_service_kit::Clock::system(),
        credentials,
        tasks: tasks.clone(),
    };
    let app = App::build(config, dependencies).await.unwrap();
    let log = TileLog::new(&format!("http://{}", app.http_addr().unwrap())).unwrap();
    let size = app.log_size();
    app.spawn().unwrap();
    Audit { log, size, _tasks: tasks }
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("audit.db").display())
}
