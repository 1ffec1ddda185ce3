//! What is set, and what is checked of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use publicdata_event_store::jetstream::StoreConfig;
use publicdata_service_kit::telemetry::TelemetryConfig;
use serde::Deserialize;

const CERTIFICATE_DAYS: u16 = 365;
const CERTIFICATE_DAYS_MAX: u16 = 825;
const DEADLINE_POLL_MS: u64 = 30_000;

/// The catalogue, wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where its views are: `sqlite:<path>` or `postgres://…`.
    pub database: String,
    /// The folder of its search index: each process has one of its own.
    pub index: PathBuf,
    /// The folder of the certificate authority.
    pub authority: PathBuf,
    /// How long the certificates that it issues are valid.
    #[serde(default = "certificate_days")]
    pub certificate_days: u16,
    /// How often obligations are compared with the clock and the calendar.
    #[serde(default = "deadline_poll_ms")]
    pub deadline_poll_ms: u64,
    /// The announced holidays; those known when this was built, if no file is named. A file that is replaced is read anew.
    #[serde(default)]
    pub holidays: Option<PathBuf>,
    /// What other platforms harvest, if they may.
    #[serde(default)]
    pub feed: Option<FeedConfig>,
    /// Where the archives of event streams are, as the audit service has it in `archive.url`: what a stream has dropped is read from there
    /// (R23.2). Without it, all of it has to be in the streams.
    #[serde(default)]
    pub stream_archives: Option<String>,
}

/// The published catalogue over HTTP, in plain HTTP: TLS is the ingress's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How other platforms reach it, such as `https://data.example.gov.cn/catalogue`: the URIs of our datasets begin with it,
    /// so it should never change. Without it, the address that it listens at.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The catalogue's title.
    #[serde(default = "feed_title")]
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
}

/// The catalogue as a process of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    /// The service.
    pub catalog: Config,
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
    /// Certificates are valid for a day at least, and not for ever.
    #[error("`certificate_days` is {found}; write 1 to {CERTIFICATE_DAYS_MAX}")]
    CertificateDays {
        /// The value.
        found: u16,
    },
    /// The clock is looked at without a pause.
    #[error("`deadline_poll_ms` is 0; write at least 1")]
    DeadlinePollMs,
    /// URIs that others resolve begin with a scheme that they know.
    #[error("`feed.base_url` does not begin with `https://` or `http://`")]
    FeedBaseUrl,
    /// The event store is nowhere.
    #[error("`nats.urls` is empty; name at least one server")]
    NatsMissing,
}

impl Config {
    /// A catalogue with the usual limits.
    #[must_use]
    pub fn new(
        listen: SocketAddr,
        database: impl Into<String>,
        index: impl Into<PathBuf>,
        authority: impl Into<PathBuf>,
    ) -> Self {
        Self {
            listen,
            database: database.into(),
            index: index.into(),
            authority: authority.into(),
            certificate_days: CERTIFICATE_DAYS,
            deadline_poll_ms: DEADLINE_POLL_MS,
            holidays: None,
            feed: None,
            stream_archives: None,
        }
    }

    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let base_url = self.feed.as_ref().and_then(|feed| feed.base_url.as_deref());
        if base_url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(ConfigError::FeedBaseUrl);
        }
        match (self.certificate_days, self.deadline_poll_ms) {
            (_, 0) => Err(ConfigError::DeadlinePollMs),
            (1..=CERTIFICATE_DAYS_MAX, _) => Ok(()),
            (found, _) => Err(ConfigError::CertificateDays { found }),
        }
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
        self.catalog.validate()
    }
}

const fn deadline_poll_ms() -> u64 {
    DEADLINE_POLL_MS
}

fn feed_title() -> String {
    "公共数据资源目录".to_owned()
}

const fn certificate_days() -> u16 {
    CERTIFICATE_DAYS
}

#[cfg(test)]
mod tests;
