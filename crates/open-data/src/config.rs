//! What is set, and what is checked of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use publicdata_event_store::jetstream::StoreConfig;
use publicdata_service_kit::telemetry::TelemetryConfig;
use serde::Deserialize;

const CONTENT_BYTES_MAX: u64 = 256 << 20;

/// Opening, wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where gRPC listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the public's portal listens, in plain HTTP: TLS is the ingress's. Port 0 takes a free one.
    #[serde(default = "loopback")]
    pub http_listen: SocketAddr,
    /// How the public reaches the portal, such as `https://data.example.gov.cn`; else the address that it listens at.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Where its views are: `sqlite:<path>` or `postgres://…`.
    pub database: String,
    /// The folder of proposed and published content. It belongs to one process.
    pub content: PathBuf,
    /// How large a proposed CSV file may be.
    #[serde(default = "content_bytes_max")]
    pub content_bytes_max: u64,
}

/// Opening as a process of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    /// The service.
    pub open_data: Config,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The event store.
    pub nats: StoreConfig,
    /// Logs, traces and metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// A value that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The public's address is no address of a site.
    #[error("`public_url` is not `https://<host>` or `http://<host>`, without a path")]
    PublicUrl,
    /// No content is that small.
    #[error("`content_bytes_max` is 0; nothing could be proposed")]
    ContentBytesMax,
    /// The event store is nowhere.
    #[error("`nats.urls` is empty; name at least one server")]
    NatsMissing,
}

impl Config {
    /// A service with the usual limits, whose portal is reached where it listens.
    #[must_use]
    pub fn new(
        listen: SocketAddr,
        http_listen: SocketAddr,
        database: impl Into<String>,
        content: impl Into<PathBuf>,
    ) -> Self {
        Self {
            listen,
            http_listen,
            public_url: None,
            database: database.into(),
            content: content.into(),
            content_bytes_max: CONTENT_BYTES_MAX,
        }
    }

    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.public_url
            && !is_site(url)
        {
            return Err(ConfigError::PublicUrl);
        }
        match self.content_bytes_max {
            0 => Err(ConfigError::ContentBytesMax),
            _ => Ok(()),
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
        self.open_data.validate()
    }
}

/// The portal's own links begin with `/`, so a site has no path.
fn is_site(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && !host.contains(['/', '?', '#']) && !host.contains(char::is_whitespace)
    })
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

const fn content_bytes_max() -> u64 {
    CONTENT_BYTES_MAX
}

#[cfg(test)]
mod tests;
