//! What the service is told from outside.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use publicdata_event_store::jetstream::{ClientTls, JetStreamStore, Options, SetupError};
use publicdata_identity::Credentials;
use publicdata_identity::credentials::CredentialsError;
use publicdata_service_kit::Tasks;
use publicdata_service_kit::config::{self, ConfigError};
use publicdata_service_kit::telemetry::TelemetryConfig;
use serde::Deserialize;

use crate::app::Parts;

/// Environment variables that begin so stand above the file.
pub const ENV_PREFIX: &str = "PUBLICDATA_AUDIT_";
/// The service's name to the event store: its permissions rest on it.
const SERVICE: &str = "audit";

/// The configuration of the audit service as a process of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where gRPC listens.
    pub listen: SocketAddr,
    /// Folder with the service's credentials.
    pub credentials: PathBuf,
    /// `nats://host:port` or `tls://host:port` of each server.
    pub nats_urls: Vec<String>,
    /// `sqlite:<path>` or `postgres://…`.
    pub database_url: String,
    /// What the log is.
    pub log: LogConfig,
    /// Logs, traces, metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// What the log is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// The log's name, such as `data.example.gov.cn/audit`. It stands in every checkpoint, and is for life.
    pub origin: String,
    /// Folder of the log's key and of its verifier key.
    pub folder: PathBuf,
    /// Which streams are logged. One that does not exist yet is waited for.
    #[serde(default = "every_stream")]
    pub streams: Vec<String>,
}

/// Why what the configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials cannot be loaded.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The event store cannot be reached.
    #[error(transparent)]
    Store(#[from] SetupError),
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No NATS server is named.
    #[error("nats_urls is empty; name at least one server")]
    NatsUrls,
    /// No stream is named.
    #[error("log.streams is empty; name the streams to log")]
    Streams,
    /// A stream is named twice.
    #[error("log.streams names a stream twice; name each once")]
    StreamTwice,
}

impl Config {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// A key is missing, unknown or of another kind.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(path, ENV_PREFIX)
    }

    /// Checks what types can't say.
    ///
    /// # Errors
    /// Says which key is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.nats_urls.is_empty() {
            return Err(Invalid::NatsUrls);
        }
        self.log.validate()
    }

    /// Loads the credentials and connects to the event store.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub async fn connect(self, tasks: &Tasks) -> Result<Parts, ConnectError> {
        let credentials = Credentials::load(&self.credentials)?;
        let encrypted = self.nats_urls.iter().any(|url| url.starts_with("tls:"));
        let tls = encrypted.then(|| ClientTls {
            ca: self.credentials.join("ca.pem"),
            cert: self.credentials.join("tls.pem"),
            key: self.credentials.join("tls.key"),
        });
        let options = Options { urls: self.nats_urls, tls, ..Options::new("", SERVICE) };
        let store = JetStreamStore::connect(options).await?;

        Ok(Parts {
            store: Arc::new(store),
            database_url: self.database_url,
            credentials,
            listen: self.listen,
            log: self.log,
            tasks: tasks.clone(),
        })
    }
}

impl LogConfig {
    /// A log of every stream.
    #[must_use]
    pub fn new(origin: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self { origin: origin.into(), folder: folder.into(), streams: every_stream() }
    }

    /// Checks what types can't say.
    ///
    /// # Errors
    /// Says which key is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.streams.is_empty() {
            return Err(Invalid::Streams);
        }
        let mut sorted = self.streams.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != self.streams.len() {
            return Err(Invalid::StreamTwice);
        }
        Ok(())
    }
}

fn every_stream() -> Vec<String> {
    ["CATALOG", "EXCHANGE", "OPENDATA"].map(ToOwned::to_owned).to_vec()
}

#[cfg(test)]
mod tests;
