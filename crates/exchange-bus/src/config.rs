//! What is set, and what is checked of it.

mod archive;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use publicdata_event_store::jetstream::StoreConfig;
use publicdata_identity::SpiffeId;
use publicdata_service_kit::holidays::{self, HolidaysError};
use publicdata_service_kit::telemetry::TelemetryConfig;
use publicdata_types::{Calendar, RegionCode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::archive::Place;
use crate::relay::Limits;

pub use archive::{ArchiveConfig, ArchiveConfigError, Period};

const TRANSFER_IDLE_MS: u64 = 60_000;
const PING_INTERVAL_MS: u64 = 15_000;
const DEADLINE_POLL_MS: u64 = 30_000;

/// The exchange bus, wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where its views are: `sqlite:<path>` or `postgres://…`.
    pub database: String,
    /// How long a transfer may make no progress before it is interrupted.
    #[serde(default = "transfer_idle_ms")]
    pub transfer_idle_ms: u64,
    /// How often nodes are pinged; one that does not answer until the next ping is cut.
    #[serde(default = "ping_interval_ms")]
    pub ping_interval_ms: u64,
    /// How often the statutory deadlines are compared with the clock.
    #[serde(default = "deadline_poll_ms")]
    pub deadline_poll_ms: u64,
    /// The announced holidays; those known when this was built, if no file is named.
    #[serde(default)]
    pub holidays: Option<PathBuf>,
    /// Where finished parts of the exchange log are archived; without it, all of it stays near.
    #[serde(default)]
    pub archive: Option<ArchiveConfig>,
    /// The buses of other tiers (R24.1); none unless said otherwise.
    #[serde(default)]
    pub tier: TierConfig,
    /// Where the archives of event streams are, as the audit service has it in `archive.url`: what a stream has dropped is read from there
    /// (R23.2). Without it, all of it has to be in the streams.
    #[serde(default)]
    pub stream_archives: Option<String>,
}

/// The tiers that a bus exchanges with (市县分级交换).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierConfig {
    /// The bus above, which this one dials.
    #[serde(default)]
    pub superior: Option<SuperiorConfig>,
    /// The buses below, which dial this one.
    #[serde(default)]
    pub subordinate: Vec<SubordinateConfig>,
}

/// The bus of the tier above.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuperiorConfig {
    /// Where it listens, `host:port`.
    pub address: String,
    /// Its SPIFFE id.
    #[serde(deserialize_with = "parsed")]
    pub server: SpiffeId,
    /// The administrative division that this bus serves itself: what lies elsewhere is its superior's.
    #[serde(deserialize_with = "parsed")]
    pub region: RegionCode,
}

/// A bus of the tier below.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubordinateConfig {
    /// Its SPIFFE id.
    #[serde(deserialize_with = "parsed")]
    pub server: SpiffeId,
    /// The administrative division that it serves: of its providers' grants it decides, and on behalf of its organisations it asks.
    #[serde(deserialize_with = "parsed")]
    pub region: RegionCode,
}

/// The exchange bus as a process of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    /// The service.
    pub exchange_bus: Config,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The event store.
    pub nats: StoreConfig,
    /// Logs, traces and metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// A value that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A time is zero.
    #[error("`{key}` is 0; write at least 1")]
    Zero {
        /// Which.
        key: &'static str,
    },
    /// Two buses below would serve the same division.
    #[error(
        "`tier.subordinate` names {region} twice, or a division in another one; each has one bus"
    )]
    DivisionTaken {
        /// Which.
        region: RegionCode,
    },
    /// A bus below would serve what this one does not.
    #[error("`tier.subordinate` names {region}, which is not in the division that this bus serves")]
    DivisionOutside {
        /// Which.
        region: RegionCode,
    },
    /// The holidays cannot be used.
    #[error("`holidays` cannot be used")]
    Holidays(#[from] HolidaysError),
    /// What is said of archives cannot be.
    #[error("`archive` is wrong")]
    Archive(#[from] ArchiveConfigError),
    /// The event store is nowhere.
    #[error("`nats.urls` is empty; name at least one server")]
    NatsMissing,
}

impl Config {
    /// A bus with the usual limits.
    #[must_use]
    pub fn new(listen: SocketAddr, database: impl Into<String>) -> Self {
        Self {
            listen,
            database: database.into(),
            transfer_idle_ms: TRANSFER_IDLE_MS,
            ping_interval_ms: PING_INTERVAL_MS,
            deadline_poll_ms: DEADLINE_POLL_MS,
            holidays: None,
            tier: TierConfig::default(),
            archive: None,
            stream_archives: None,
        }
    }

    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (key, value) in [
            ("transfer_idle_ms", self.transfer_idle_ms),
            ("ping_interval_ms", self.ping_interval_ms),
            ("deadline_poll_ms", self.deadline_poll_ms),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { key });
            }
        }
        if let Some(archive) = &self.archive {
            archive.validate()?;
        }
        self.tier.validate()
    }

    /// How often the clock is looked at.
    pub(crate) fn deadline_poll(&self) -> Duration {
        Duration::from_millis(self.deadline_poll_ms)
    }

    /// How long the relay waits.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            idle: Duration::from_millis(self.transfer_idle_ms),
            ping: Duration::from_millis(self.ping_interval_ms),
        }
    }

    /// Where archives are kept.
    pub(crate) fn place(&self) -> Result<Option<Place>, ConfigError> {
        match &self.archive {
            Some(archive) => Ok(Some(archive.place()?)),
            None => Ok(None),
        }
    }

    /// Working days.
    pub(crate) fn calendar(&self) -> Result<Calendar, ConfigError> {
        Ok(holidays::load(self.holidays.as_deref())?)
    }
}

impl TierConfig {
    /// Each division has one bus, so that a grant has one place.
    fn validate(&self) -> Result<(), ConfigError> {
        for (place, SubordinateConfig { region, .. }) in self.subordinate.iter().enumerate() {
            if self.superior.as_ref().is_some_and(|superior| !superior.region.contains(region)) {
                return Err(ConfigError::DivisionOutside { region: *region });
            }
            let overlaps = |other: &SubordinateConfig| {
                other.region.contains(region) || region.contains(&other.region)
            };
            if self.subordinate[..place].iter().any(overlaps) {
                return Err(ConfigError::DivisionTaken { region: *region });
            }
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
        self.exchange_bus.validate()
    }
}

/// A value that is written as text.
fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

const fn transfer_idle_ms() -> u64 {
    TRANSFER_IDLE_MS
}

const fn ping_interval_ms() -> u64 {
    PING_INTERVAL_MS
}

const fn deadline_poll_ms() -> u64 {
    DEADLINE_POLL_MS
}

#[cfg(test)]
mod tests;
