//! Puts the service together: the only place that knows what it is made of.

use std::net::SocketAddr;

use publicdata_audit_domain::LogKey;
use publicdata_directory::{self as directory, Directory};
use publicdata_event_store::Store;
use publicdata_identity::Credentials;
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::audit::v1::audit_service_server::AuditServiceServer;
use publicdata_service_kit::Tasks;
use publicdata_service_kit::grpc::{self, BoundServer, ServerError};
use publicdata_views::{Database, DatabaseError};
use tokio::sync::watch;
use tonic::service::Routes;

use crate::config::{Invalid, LogConfig};
use crate::feed::Findings;
use crate::grpc::Service;
use crate::keys::{self, KeyFileError};
use crate::log::{Log, LogError};
use crate::writer::Writer;

/// What the service is made of.
pub struct Parts {
    /// Where events come from.
    pub store: Store,
    /// `sqlite:<path>` or `postgres://…`, of this service alone.
    pub database_url: String,
    /// Who it is.
    pub credentials: Credentials,
    /// Where gRPC listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What the log is.
    pub log: LogConfig,
    /// Where its tasks run.
    pub tasks: Tasks,
}

/// The service, holding its port, not running yet.
pub struct App {
    server: BoundServer,
    service: Service,
    writer: Writer,
    tasks: Tasks,
    verifier_key: String,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] Invalid),
    /// The log has no key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The log cannot be taken up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The directory cannot be opened.
    #[error(transparent)]
    Directory(#[from] directory::OpenError),
    /// The port cannot be had.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl App {
    /// Takes the port, opens the database and takes up the log.
    ///
    /// # Errors
    /// Says what cannot be used.
    pub async fn build(parts: Parts) -> Result<Self, BuildError> {
        parts.log.validate()?;
        let server = grpc::bind(parts.listen, &parts.credentials)?;
        let key: LogKey = keys::open(&parts.log.folder, &parts.log.origin)?;
        let verifier_key = key.verifier_key().to_owned();
        let database = Database::open(&parts.database_url).await?;
        let log = Log::open(database.clone(), key).await?;
        let directory =
            Directory::open(database.clone(), parts.store.clone(), &parts.tasks).await?;

        let findings = Findings::default();
        let streams = parts.log.streams;
        let writer = Writer {
            store: parts.store.clone(),
            database: database.clone(),
            log,
            streams: streams.clone(),
            findings: findings.clone(),
        };
        let service = Service { database, store: parts.store, directory, streams, findings };
        Ok(Self { server, service, writer, tasks: parts.tasks, verifier_key })
    }

    /// Where gRPC listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
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

    /// Runs the service in its tasks, until they are shut down.
    ///
    /// # Errors
    /// The contracts that reflection shows are damaged.
    pub fn spawn(self) -> Result<(), ServerError> {
        let routes = Routes::new(AuditServiceServer::new(self.service));
        self.server.spawn(&self.tasks, routes, &[DESCRIPTORS])?;
        let shutdown = self.tasks.shutdown().clone();
        self.tasks.spawn("log writer", self.writer.run(shutdown));
        Ok(())
    }
}
