//! A fleet's folder as a backup sees it: which events, log, files and views there are, and how they are put back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use publicdata_archive::{ArchivedStore, Place};
use publicdata_audit::client::TileLog;
use publicdata_audit_domain::{Checkpoint, Verifier};
use publicdata_event_store::Store;
use publicdata_event_store::jetstream::{ClientTls, JetStreamStore, Options, StreamOptions, Token};
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_identity::{SpiffeId, TrustDomain};
use publicdata_recovery::backup::{Folder, Source};
use publicdata_recovery::events::Recorder;
use publicdata_recovery::restore::{self, Target};
use publicdata_recovery::views::{self, Compared, ViewDigest};
use publicdata_recovery::{Backup, Identities, SERVICE, STREAM, drill};
use publicdata_service_kit::Clock;
use publicdata_views::Database;

use crate::commands::init::AUTHORITY_FOLDER;
use crate::endpoints::Endpoints;
use crate::fleet::services::{
    ARCHIVE_FOLDER, CONTENT_FOLDER, LOG_KEY_FOLDER, NATS_FOLDER, STREAM_ARCHIVE_FOLDER,
    database_url,
};
use crate::progress::Progress;
use crate::session::CREDENTIALS_FOLDER;
use crate::views::Service;

/// Folders of keys. They are in no backup, and are kept elsewhere.
pub const KEY_FOLDERS: [&str; 3] = [AUTHORITY_FOLDER, CREDENTIALS_FOLDER, LOG_KEY_FOLDER];
/// The streams of a fleet.
pub const STREAMS: [&str; 5] = ["CATALOG", "EXCHANGE", "OPENDATA", "AUDIT", STREAM];
/// Folders of files that are backed up.
const FILE_FOLDERS: [&str; 3] = [CONTENT_FOLDER, ARCHIVE_FOLDER, STREAM_ARCHIVE_FOLDER];

/// A fleet that runs, as backups are made of it.
pub struct Live {
    data: PathBuf,
    domain: TrustDomain,
    /// Its events.
    pub store: Store,
    /// Its log.
    pub log: TileLog,
    clock: Clock,
}

/// How a backup is restored.
pub struct Plan<'a> {
    /// The backup.
    pub backup: &'a Backup,
    /// The log's public key.
    pub verifier: &'a Verifier,
    /// Who can read it.
    pub identities: &'a Identities,
    /// The nats-server to use; by default it is looked for.
    pub nats_server: Option<PathBuf>,
}

/// What was restored, as it was read back.
pub struct Restored {
    /// The log's tree, built from the restored events.
    pub checkpoint: Checkpoint,
    /// The views, built from the restored events.
    pub views: Vec<Compared>,
    /// What is not what it was when it was backed up.
    pub findings: Vec<String>,
    server: NatsServer,
    store: Arc<JetStreamStore>,
}

// === impl Live ===

impl Live {
    /// Connects to the fleet of this folder.
    ///
    /// # Errors
    /// None runs, or it has no credentials for backups.
    pub async fn connect(data: &Path) -> anyhow::Result<Self> {
        let data = std::path::absolute(data)?;
        let endpoints = Endpoints::read(&data)?;
        anyhow::ensure!(
            !endpoints.event_store.is_empty(),
            "{} was written by an older program, and does not say where the events are; start the fleet again",
            data.join(crate::endpoints::FILE).display()
        );
        let folder = data.join(CREDENTIALS_FOLDER).join(SERVICE);
        let tls = ClientTls {
            ca: folder.join("ca.pem"),
            cert: folder.join("tls.pem"),
            key: folder.join("tls.key"),
        };
        let options = Options { tls: Some(tls), ..Options::new(&endpoints.event_store, SERVICE) };
        let store = JetStreamStore::connect(options)
            .await
            .context("the fleet's event store cannot be reached; is the fleet running?")?;
        let domain = endpoints.trust_domain.parse()?;
        let log = TileLog::new(&endpoints.audit_log)?;
        let archives = Place::folder(data.join(STREAM_ARCHIVE_FOLDER))?;
        let store = Arc::new(ArchivedStore::new(Arc::new(store), Some(archives)));
        Ok(Self { data, domain, store, log, clock: Clock::system() })
    }

    /// What is backed up of it, with what its views hold now.
    ///
    /// # Errors
    /// A service's database cannot be read.
    pub async fn source(&self, verifier: Verifier) -> anyhow::Result<Source> {
        let folder = |name: &str, without: &str| Folder {
            name: name.to_owned(),
            without: vec![without.to_owned()],
        };
        Ok(Source {
            store: Arc::clone(&self.store),
            log: self.log.clone(),
            verifier,
            root: self.data.clone(),
            folders: vec![
                folder(CONTENT_FOLDER, "incoming"),
                folder(ARCHIVE_FOLDER, "unsealed"),
                folder(STREAM_ARCHIVE_FOLDER, publicdata_archive::place::UNSEALED),
            ],
            views: self.views().await?,
            clock: self.clock.clone(),
        })
    }

    /// Who records what was done.
    ///
    /// # Errors
    /// The trust domain cannot name anybody.
    pub fn recorder(&self) -> anyhow::Result<Recorder> {
        recorder(Arc::clone(&self.store), &self.domain, &self.clock)
    }

    async fn views(&self) -> anyhow::Result<Vec<ViewDigest>> {
        let mut digests = Vec::new();
        // Nothing is read of it: the views of services that run are read as they are.
        let nothing: Store = Arc::new(MemoryStore::new());
        for service in Service::ALL {
            let name = service.name();
            let database = Database::open_read_only(&database_url(&self.data, name)).await;
            let database = database.with_context(|| unusable(name))?;
            let views = service.views(&database, &nothing).await;
            for projector in views.with_context(|| unusable(name))? {
                let digest = views::digest(name, &projector).await;
                digests.push(digest.with_context(|| format!("views of {name}"))?);
            }
            database.close().await;
        }
        Ok(digests)
    }
}

// === impl Plan ===

impl Plan<'_> {
    /// Restores everything into an empty folder, as a fleet has it, and reads it back: each event is the one that was logged, the log's
    /// tree is the one that was signed, and each view is what it was. A server runs on the events until the answer is done with.
    ///
    /// # Errors
    /// The backup is not what was written, or the folder cannot be written. What is in the folder is then no fleet.
    pub async fn restore_into(&self, folder: &Path) -> anyhow::Result<Restored> {
        // Nothing proves which files a manifest names: none may stand where events, keys or views do.
        let is_ours = |path: &str| {
            FILE_FOLDERS
                .iter()
                .any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
        };
        if let Some(stray) = self.backup.files().find(|file| !is_ours(&file.path)) {
            anyhow::bail!(
                "the backup names the file {}; there are only those of {}",
                stray.path,
                FILE_FOLDERS.join(" and ")
            );
        }
        let progress = Progress::begin()?;
        let events = folder.join(NATS_FOLDER);
        let database = open(folder, "audit").await?;
        let target = Target { events: &events, database: &database, root: folder };
        let report = |step: &'static str, done, total| progress.report(step, done, total);
        let written =
            restore::run(self.backup, self.verifier, self.identities, &target, &report).await;
        if let Err(error) = written {
            // Whoever clears the folder finds nobody who still writes to it.
            database.close().await;
            return Err(error.into());
        }

        // Nobody else on this machine writes to what is being restored, or reads it.
        let token = Some(Token::random());
        let binary = self.nats_server.clone();
        let options = ServerOptions { binary, token: token.clone(), ..ServerOptions::new(&events) };
        let server = NatsServer::start(options).await.context("nats-server does not start")?;
        let options = Options { token, ..Options::new(server.url(), SERVICE) };
        let store = Arc::new(JetStreamStore::connect(options).await?);
        let shared: Store = Arc::clone(&store) as _;
        let checkpoint = restore::read_back(&shared, &database, &report).await?;
        database.close().await;
        for (stream, last) in &self.backup.newest().streams {
            let found = shared.last_sequence(stream).await?;
            anyhow::ensure!(
                found == *last,
                "stream {stream} ends at {found} after the restore, not at {last}"
            );
        }
        let (views, unknown) = self.rebuild_views(folder, &shared, &progress).await?;
        let mut findings = drill::findings(self.backup, checkpoint, &views);
        findings.extend(unknown);
        Ok(Restored { checkpoint, views, findings, server, store })
    }

    async fn rebuild_views(
        &self,
        folder: &Path,
        store: &Store,
        progress: &Progress,
    ) -> anyhow::Result<(Vec<Compared>, Vec<String>)> {
        let mut unknown = Vec::new();
        let digests = &self.backup.newest().views;
        let mut by_service: BTreeMap<&str, Vec<&ViewDigest>> = BTreeMap::new();
        for digest in digests {
            by_service.entry(&digest.service).or_default().push(digest);
        }
        let (mut compared, total) = (Vec::new(), digests.len() as u64);
        for (name, digests) in by_service {
            let Some(service) = Service::named(name) else {
                unknown.push(format!("this program knows no service {name} with views"));
                continue;
            };
            let database = open(folder, name).await?;
            for digest in digests {
                let store = views::as_of(store, digest);
                let found = service.views(&database, &store).await?;
                let projector = found.iter().find(|projector| projector.name() == digest.view);
                let Some(projector) = projector else {
                    unknown.push(format!("this program knows no view {} of {name}", digest.view));
                    continue;
                };
                compared.push(views::compare(digest, projector).await?);
                progress.report("views", compared.len() as u64, total);
            }
            database.close().await;
        }
        Ok((compared, unknown))
    }
}

// === impl Restored ===

impl Restored {
    /// Marks the platform as a restored one, before anything else happens in it.
    ///
    /// # Errors
    /// The event store failed.
    pub async fn mark(
        &self,
        backup: &Backup,
        domain: &TrustDomain,
        began_at: jiff::Timestamp,
    ) -> anyhow::Result<uuid::Uuid> {
        self.store.ensure_stream_with(StreamOptions::new(STREAM, 1)).await?;
        let recorder = recorder(Arc::clone(&self.store) as _, domain, &Clock::system())?;
        Ok(recorder.restored(backup, began_at).await?)
    }

    /// Ends the server: everything is on disk.
    pub async fn stop(self) {
        let Self { mut server, store, .. } = self;
        drop(store);
        server.stop().await;
    }
}

fn recorder(store: Store, domain: &TrustDomain, clock: &Clock) -> anyhow::Result<Recorder> {
    let actor = SpiffeId::service(domain, SERVICE)?.to_string();
    Ok(Recorder { store, actor, now: clock.now() })
}

async fn open(data: &Path, service: &str) -> anyhow::Result<Database> {
    let opened = Database::open(&database_url(data, service)).await;
    opened.with_context(|| unusable(service))
}

fn unusable(service: &str) -> String {
    format!("the database of {service} cannot be used")
}
