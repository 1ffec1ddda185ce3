//! What the service is told from outside.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use publicdata_event_store::jetstream::{ClientTls, JetStreamStore, Options, SetupError};
use publicdata_identity::Credentials;
use publicdata_identity::credentials::CredentialsError;
use publicdata_service_kit::config::{self, ConfigError};
use publicdata_service_kit::telemetry::TelemetryConfig;
use publicdata_service_kit::{Clock, Tasks};
use publicdata_types::Calendar;
use serde::Deserialize;

use crate::app::Parts;
use crate::calendar::{self, HolidaysError};
use crate::relay::Limits;

/// Environment variables that begin so stand above the file.
pub const ENV_PREFIX: &str = "PUBLICDATA_EXCHANGE_BUS_";
/// The service's name to the event store, as in its subjects: its permissions rest on it.
const SERVICE: &str = "exchange";

/// The configuration of the exchange bus as a process of its own.
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
    /// How exchanges run.
    #[serde(default)]
    pub exchange: ExchangeConfig,
    /// Logs, traces, metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// How exchanges run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExchangeConfig {
    /// How long a transfer may make no progress before it is interrupted.
    pub transfer_idle_s: u64,
    /// How often nodes are pinged; one that does not answer until the next ping is cut.
    pub ping_interval_s: u64,
    /// How often limits are compared with the clock.
    pub deadline_poll_s: u64,
    /// The announced holidays; those known when this was built, if no file is named.
    pub holidays: Option<PathBuf>,
}

/// The same, read and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the relay waits.
    pub limits: Limits,
    /// How often limits are compared with the clock.
    pub deadline_poll: Duration,
    /// Working days.
    pub calendar: Arc<Calendar>,
}

/// Why what the configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The credentials cannot be loaded.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The event store cannot be reached.
    #[error(transparent)]
    Store(#[from] SetupError),
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// No NATS server is named.
    #[error("nats_urls is empty; name at least one server")]
    NatsUrls,
    /// A time is zero.
    #[error("exchange.{key} is 0; write at least 1")]
    Zero {
        /// Which.
        key: &'static str,
    },
    /// The holidays file cannot be opened.
    #[error("exchange.holidays names {}, which cannot be opened", .path.display())]
    HolidaysFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The holidays cannot be used.
    #[error("exchange.holidays cannot be used")]
    Holidays(#[from] HolidaysError),
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
        self.exchange.settings().map(drop)
    }

    /// Loads the credentials and connects to the event store.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub async fn connect(self, tasks: &Tasks) -> Result<Parts, ConnectError> {
        let settings = self.exchange.settings()?;
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
            settings,
            clock: Clock::system(),
            tasks: tasks.clone(),
        })
    }
}

impl Default for ExchangeConfig {
    fn default() -> Self {
        Self { transfer_idle_s: 60, ping_interval_s: 15, deadline_poll_s: 30, holidays: None }
    }
}

impl ExchangeConfig {
    /// Reads the holidays and checks the times.
    ///
    /// # Errors
    /// Says which key is wrong.
    pub fn settings(&self) -> Result<Settings, Invalid> {
        for (key, value) in [
            ("transfer_idle_s", self.transfer_idle_s),
            ("ping_interval_s", self.ping_interval_s),
            ("deadline_poll_s", self.deadline_poll_s),
        ] {
            if value == 0 {
                return Err(Invalid::Zero { key });
            }
        }
        let holidays = match &self.holidays {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| Invalid::HolidaysFile { path: path.clone(), source })?,
            None => calendar::BUILT_IN.to_owned(),
        };
        Ok(Settings {
            limits: Limits {
                idle: Duration::from_secs(self.transfer_idle_s),
                ping: Duration::from_secs(self.ping_interval_s),
            },
            deadline_poll: Duration::from_secs(self.deadline_poll_s),
            calendar: Arc::new(calendar::parse(&holidays)?),
        })
    }
}

#[cfg(test)]
mod tests;
