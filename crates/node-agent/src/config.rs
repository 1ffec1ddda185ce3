//! What a node is told at its start.

mod service;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use publicdata_identity::SpiffeId;
use publicdata_identity::spiffe::SpiffeIdError;
use publicdata_service_kit::config::{self, ConfigError as FileError};
use publicdata_service_kit::telemetry::TelemetryConfig;
use publicdata_types::ResourceId;
use publicdata_types::id::IdError;
use serde::Deserialize;

mod centre;
mod push;

pub use centre::{CentreConfig, CentreSinkConfig};
pub use push::{ChangesConfig, SinkConfig, SinkKind, SubscriptionConfig};
pub use service::{Operator, ParameterConfig, ParameterKind, ServiceConfig};

const ENV_PREFIX: &str = "PUBLICDATA_NODE_";

/// A node's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node's credentials folder.
    pub credentials: PathBuf,
    /// Where the node keeps its pseudonym key and its journal.
    pub data_dir: PathBuf,
    /// The bus that it dials.
    pub bus: BusConfig,
    /// Where the department's own systems fetch.
    #[serde(default)]
    pub flight: FlightConfig,
    /// What is logged and exported.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// What the node serves; a node that only fetches has none.
    #[serde(default, rename = "dataset")]
    pub datasets: Vec<DatasetConfig>,
    /// The questions that it answers about them.
    #[serde(default, rename = "service")]
    pub services: Vec<ServiceConfig>,
    /// What is pushed to the node.
    #[serde(default, rename = "subscription")]
    pub subscriptions: Vec<SubscriptionConfig>,
    /// What flows to the node of a big data centre; of other nodes, nothing does.
    pub centre: Option<CentreConfig>,
}

/// The bus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// Its address, as `host:port`.
    pub address: String,
    /// Its SPIFFE id: nothing else is accepted at that address.
    pub server: String,
}

/// The endpoint for the department's own systems.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlightConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// For how many seconds without progress an interrupted transfer is taken up again.
    pub resume_s: u64,
}

/// One resource and where its data is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// The resource (UUID).
    pub resource_id: String,
    /// What kind of source it is.
    pub connector: ConnectorKind,
    /// The file, for `sqlite`, `csv` and `parquet`.
    pub path: Option<PathBuf>,
    /// The database, such as `postgresql://reader@localhost/civil` or `mysql://reader@localhost/civil`; the address, for `http`.
    pub url: Option<Secret>,
    /// The certificate authority of a source on another machine, PEM.
    pub ca: Option<PathBuf>,
    /// For `http`: where in an answer the array of objects is, as a JSON pointer such as `/data/rows`; the answer itself without it.
    #[serde(default)]
    pub rows_at: String,
    /// For `http`: where in an answer the address of the next page is, as a JSON pointer.
    #[serde(default)]
    pub next_at: String,
    /// For `http`: headers that are sent along, such as an authorisation.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// The table, for databases; with its schema before a dot if need be.
    pub table: Option<String>,
    /// A query in place of a table.
    pub query: Option<String>,
    /// Columns of a database that together order the rows, each combination once: an interrupted
    /// transfer can only be taken up if the rows come in the same order again.
    #[serde(default)]
    pub order_by: Vec<String>,
    /// Columns that together identify a row, so that a verification ticket can name it (R27.1); those of `order_by` if it is left out.
    #[serde(default)]
    pub key: Vec<String>,
    /// Items whose column has another name at the source.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// How a database says what has changed; without it, each delivery of a subscription is the whole table.
    pub changes: Option<ChangesConfig>,
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectorKind {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A CSV file.
    Csv,
    /// A Parquet file.
    Parquet,
    /// A MySQL or MariaDB server.
    Mysql,
    /// JSON over HTTP.
    Http,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bus's name is none.
    #[error("bus.server is not a SPIFFE id such as `spiffe://<domain>/service/exchange-bus`")]
    Bus(#[source] SpiffeIdError),
    /// A resource id is none.
    #[error("dataset {number}: resource_id is invalid")]
    Resource {
        /// The dataset, counted from 1.
        number: usize,
        /// Why.
        #[source]
        source: IdError,
    },
    /// A resource is configured twice.
    #[error("dataset {number}: resource {resource} is configured already")]
    Twice {
        /// The dataset, counted from 1.
        number: usize,
        /// The resource.
        resource: ResourceId,
    },
    /// A subscription lacks a key, or has one that cannot be.
    #[error("subscription {number}: {message}")]
    Subscription {
        /// The subscription, counted from 1.
        number: usize,
        /// What is wrong, and what to write.
        message: String,
    },
    /// What flows to the centre is configured wrongly.
    #[error("centre: {message}")]
    Centre {
        /// What is wrong, and what to write.
        message: String,
    },
    /// A dataset lacks a key, or has one that its connector does not use.
    #[error("dataset {number}: {message}")]
    Dataset {
        /// The dataset, counted from 1.
        number: usize,
        /// What is wrong, and what to write.
        message: &'static str,
    },
    /// A data service is configured wrongly.
    #[error("service {number}: {message}")]
    Service {
        /// The service, counted from 1.
        number: usize,
        /// What is wrong, and what to write.
        message: &'static str,
    },
}

// === impl Config ===

impl Config {
    /// Reads the file and the environment, and checks them.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let config: Self = config::load(path, ENV_PREFIX)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks what can be checked without opening anything.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.bus.id()?;
        let (mut seen, mut slots) = (HashSet::new(), HashSet::new());
        for (index, dataset) in self.datasets.iter().enumerate() {
            let number = index + 1;
            let resource =
                dataset.resource().map_err(|source| ConfigError::Resource { number, source })?;
            if !seen.insert(resource) {
                return Err(ConfigError::Twice { number, resource });
            }
            let wrong = |message| ConfigError::Dataset { number, message };
            dataset.check().map_err(wrong)?;
            let slot = dataset.changes.as_ref().and_then(|changes| changes.slot.as_ref());
            if slot.is_some_and(|slot| !slots.insert((&dataset.url, slot))) {
                return Err(wrong("`changes.slot` is that of another dataset already"));
            }
        }
        let mut names = HashSet::new();
        for (index, service) in self.services.iter().enumerate() {
            let wrong = |message| ConfigError::Service { number: index + 1, message };
            service.check().map_err(wrong)?;
            match service.resource() {
                Ok(resource) if seen.contains(&resource) => {
                    if !names.insert((resource, service.name.as_str())) {
                        return Err(wrong("the resource has a service of this name already"));
                    }
                }
                Ok(_) | Err(_) => return Err(wrong("`resource_id` is not that of a dataset here")),
            }
        }
        if let Some(centre) = &self.centre {
            centre.check().map_err(|message| ConfigError::Centre { message })?;
        }
        push::validate(&self.subscriptions)
    }
}

impl BusConfig {
    /// The bus's SPIFFE id.
    pub fn id(&self) -> Result<SpiffeId, ConfigError> {
        self.server.parse().map_err(ConfigError::Bus)
    }
}

impl FlightConfig {
    /// For how long without progress an interrupted transfer is taken up again.
    #[must_use]
    pub fn resume_deadline(&self) -> Duration {
        Duration::from_secs(self.resume_s)
    }
}

impl Default for FlightConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), resume_s: 60 }
    }
}

// === impl DatasetConfig ===

impl DatasetConfig {
    /// The resource.
    pub fn resource(&self) -> Result<ResourceId, IdError> {
        self.resource_id.parse()
    }

    fn check(&self) -> Result<(), &'static str> {
        let of_http =
            !(self.rows_at.is_empty() && self.next_at.is_empty() && self.headers.is_empty());
        match self.connector {
            ConnectorKind::Http => self.check_http(),
            _ if of_http => Err("`rows_at`, `next_at` and `headers` are for http"),
            ConnectorKind::Csv | ConnectorKind::Parquet => self.check_file(),
            ConnectorKind::Sqlite if self.path.is_none() => {
                Err("`path` of the database is missing")
            }
            ConnectorKind::Sqlite if self.url.is_some() => {
                Err("`url` is for servers; name the file as `path`")
            }
            ConnectorKind::Mysql if self.url.is_none() => {
                Err("`url` is missing; write mysql://user@host/database")
            }
            ConnectorKind::Postgres if self.url.is_none() => {
                Err("`url` is missing; write postgresql://user@host/database")
            }
            ConnectorKind::Postgres | ConnectorKind::Mysql if self.path.is_some() => {
                Err("`path` is for files; name the database as `url`")
            }
            ConnectorKind::Sqlite | ConnectorKind::Postgres | ConnectorKind::Mysql => {
                self.check_relation()
            }
        }
    }

    fn check_http(&self) -> Result<(), &'static str> {
        let of_others = self.path.is_some()
            || self.table.is_some()
            || self.query.is_some()
            || !self.order_by.is_empty();
        match self.url {
            None => Err("`url` is missing; write https://host/path"),
            Some(_) if of_others => Err(
                "`path`, `table`, `query` and `order_by` are for others; http has its `url`, and its own order",
            ),
            Some(_) if self.changes.is_some() => {
                Err("`changes` is for postgres and sqlite; http is delivered whole")
            }
            Some(_) => Ok(()),
        }
    }

    fn check_file(&self) -> Result<(), &'static str> {
        let of_databases =
            self.url.is_some() || self.ca.is_some() || self.table.is_some() || self.query.is_some();
        if self.path.is_none() {
            return Err("`path` of the file is missing");
        }
        if of_databases {
            return Err(
                "`url`, `ca`, `table` and `query` are for databases; a file has its `path`",
            );
        }
        if self.changes.is_some() {
            return Err("`changes` is for postgres and sqlite; a file is delivered whole");
        }
        match self.order_by.is_empty() {
            true => Ok(()),
            false => Err("a file has its own order; leave `order_by` out"),
        }
    }

    fn check_relation(&self) -> Result<(), &'static str> {
        if self.table.is_some() == self.query.is_some() {
            return Err("name one of `table` and `query`");
        }
        if self.order_by.is_empty() {
            return Err("`order_by` is missing; name columns that together are unique");
        }
        self.changes.as_ref().map_or(Ok(()), |changes| changes.check(self))
    }
}

impl ConnectorKind {
    /// The connector's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Mysql => "mysql",
            Self::Http => "http",
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests;
