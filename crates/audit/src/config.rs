//! What is set, and what is checked of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use publicdata_event_store::jetstream::StoreConfig;
use publicdata_service_kit::telemetry::TelemetryConfig;
use serde::Deserialize;

/// The audit service, wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the log is: `sqlite:<path>` or `postgres://…`.
    pub database: String,
    /// The log's name, such as `data.example.gov.cn/audit`. It stands in every checkpoint, and is for life.
    pub origin: String,
    /// The folder of the log's key and of its verifier key.
    pub key: PathBuf,
    /// Which streams are logged. One that does not exist yet is waited for.
    #[serde(default = "every_stream")]
    pub streams: Vec<String>,
}

/// The audit service as a process of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    /// The service.
    pub audit: Config,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The event store.
    pub nats: StoreConfig,
    /// Logs, traces and metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// A value that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is nothing to log.
    #[error("`streams` is empty; name the streams to log")]
    StreamsMissing,
    /// A stream is named twice.
    #[error("`streams` names a stream twice; name each once")]
    StreamTwice,
    /// The event store is nowhere.
    #[error("`nats.urls` is empty; name at least one server")]
    NatsMissing,
}

impl Config {
    /// A log of every stream.
    #[must_use]
    pub fn new(
        listen: SocketAddr,
        database: impl Into<String>,
        origin: impl Into<String>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let (database, origin, key) = (database.into(), origin.into(), key.into());
        Self { listen, database, origin, key, streams: every_stream() }
    }

    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.streams.is_empty() {
            return Err(ConfigError::StreamsMissing);
        }
        let mut sorted = self.streams.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != self.streams.len() {
            return Err(ConfigError::StreamTwice);
        }
        Ok(())
    }
}

impl ProcessConfig {
    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.nats.urls.is_empty() {
            return Err(ConfigError::NatsMissing);
        }
        self.audit.validate()
    }
}

fn every_stream() -> Vec<String> {
    ["CATALOG", "EXCHANGE", "OPENDATA"].map(ToOwned::to_owned).to_vec()
}

#[cfg(test)]
mod tests;
