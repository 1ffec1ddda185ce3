//! What is set, and what is checked of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use http::Uri;
use publicdata_audit_domain::Witness;
use publicdata_event_store::jetstream::StoreConfig;
use publicdata_service_kit::telemetry::TelemetryConfig;
use serde::Deserialize;

mod archive;

pub use archive::ArchiveConfig;

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
    /// Whether checkpoints are signed with SM2 (国密) too, beside Ed25519.
    #[serde(default)]
    pub sm2: bool,
    /// Where the log is read over plain HTTP, by anybody; nowhere, unless it is set. Port 0 takes a free one.
    #[serde(default)]
    pub http: Option<SocketAddr>,
    /// Who is asked to cosign checkpoints; nobody, unless they are set.
    #[serde(default)]
    pub witnesses: Vec<WitnessConfig>,
    /// How long to wait after one offer to witnesses before the next.
    #[serde(default = "witness_pause_ms")]
    pub witness_pause_ms: u64,
    /// How many logged events are read again a second, at most, to be held against their leaves.
    #[serde(default = "check_events_per_s")]
    pub check_events_per_s: u32,
    /// Rules for findings, beside those that come with the platform: a TOML file.
    #[serde(default)]
    pub rules: Option<PathBuf>,
    /// Where streams are archived; nowhere, unless it is set.
    #[serde(default)]
    pub archive: Option<ArchiveConfig>,
    /// Which streams are logged. One that does not exist yet is waited for.
    #[serde(default = "every_stream")]
    pub streams: Vec<String>,
}

/// Somebody else who keeps an eye on the log (C2SP tlog-witness).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// What it is called here.
    pub name: String,
    /// The address before `/add-checkpoint`.
    pub url: String,
    /// Its verifier key, of cosignature/v1.
    pub vkey: String,
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
    /// Two witnesses could not be told apart.
    #[error("`witnesses` has {name} twice, or its key; name each once")]
    WitnessTwice {
        /// Its name.
        name: String,
    },
    /// A witness cannot be asked, or its answer not checked.
    #[error(
        "witness {name} needs a `url` such as https://witness.example/log, and a `vkey` that reads <name>+<id>+<key>"
    )]
    Witness {
        /// Its name.
        name: String,
    },
    /// Witnesses would be asked without end.
    #[error("`witness_pause_ms` is 0; name a pause, such as 5000")]
    WitnessPauseMissing,
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
        let (sm2, http) = (false, None);
        let (witnesses, witness_pause_ms) = (Vec::new(), witness_pause_ms());
        let (check_events_per_s, rules, archive) = (check_events_per_s(), None, None);
        Self {
            listen,
            database,
            origin,
            key,
            sm2,
            http,
            witnesses,
            witness_pause_ms,
            check_events_per_s,
            rules,
            archive,
            streams: every_stream(),
        }
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
        if self.witness_pause_ms == 0 {
            return Err(ConfigError::WitnessPauseMissing);
        }
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for witness in &self.witnesses {
            let name = witness.name.clone();
            let Some((key, _)) = witness.parts() else { return Err(ConfigError::Witness { name }) };
            if !names.insert(&witness.name) || !keys.insert(key.id()) {
                return Err(ConfigError::WitnessTwice { name });
            }
        }
        Ok(())
    }
}

impl WitnessConfig {
    /// Its key, and where checkpoints are handed in, unless one of them is none.
    pub(crate) fn parts(&self) -> Option<(Witness, Uri)> {
        let key = self.vkey.parse().ok()?;
        let uri: Uri = format!("{}/add-checkpoint", self.url.trim_end_matches('/')).parse().ok()?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        (is_web && uri.query().is_none()).then_some((key, uri))
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

/// Often enough for an auditor, and rarely enough for who witnesses many logs.
const fn witness_pause_ms() -> u64 {
    5_000
}

/// So little that nobody feels it; ten million events, spread evenly over the streams, take 28 hours. Each stream has an equal share, so
/// in one stream of five they take 140.
const fn check_events_per_s() -> u32 {
    100
}

fn every_stream() -> Vec<String> {
    ["CATALOG", "EXCHANGE", "OPENDATA", "AUDIT", "RECOVERY"].map(ToOwned::to_owned).to_vec()
}

#[cfg(test)]
mod tests;
