//! The sink that a configuration names.

use std::collections::BTreeMap;
use std::sync::Arc;

use publicdata_types::SubscriptionId;

use crate::config::{ConnectorKind, DatasetConfig, SinkConfig, SinkKind, SubscriptionConfig};
use crate::dataset::Dataset;
use crate::sink::postgres::{AddressError, Postgres};
use crate::sink::sqlite::Sqlite;
use crate::sink::steps::Steps;
use crate::sink::{Sink, csv, parquet};
use crate::source::Connector;

/// Why a subscription cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A value cannot be.
    #[error("subscription {name}: {message}")]
    Invalid {
        /// The subscription.
        name: String,
        /// What is wrong, and what to write.
        message: String,
    },
    /// The sink's database cannot be connected to safely.
    #[error("subscription {name}: its sink cannot be connected to safely")]
    Address {
        /// The subscription.
        name: String,
        /// Why.
        #[source]
        source: AddressError,
    },
    /// The configuration was not validated.
    #[error("subscription {name}: the configuration of its sink is incomplete")]
    Incomplete {
        /// The subscription.
        name: String,
    },
}

pub(super) fn sink(
    config: &SubscriptionConfig,
    id: SubscriptionId,
) -> Result<Arc<dyn Sink>, SetupError> {
    let name = &config.name;
    let incomplete = || SetupError::Incomplete { name: name.clone() };
    let path = || config.sink.path.as_deref().ok_or_else(incomplete);
    let named = (config.sink.table.as_str(), config.sink.key.as_slice());
    let steps = Steps::default();

    Ok(match config.sink.kind {
        SinkKind::Csv => Arc::new(csv::sink(path()?, named, id, steps)),
        SinkKind::Parquet => Arc::new(parquet::sink(path()?, named, id, steps)),
        SinkKind::Sqlite => Arc::new(Sqlite::new(path()?, named, id, steps)),
        SinkKind::Postgres => {
            let url = config.sink.url.as_ref().ok_or_else(incomplete)?;
            let postgres = Postgres::new(&url.0, config.sink.ca.as_deref(), named, id, steps);
            Arc::new(postgres.map_err(|source| SetupError::Address { name: name.clone(), source })?)
        }
    })
}

/// What reads a sink's table back, as the source of this resource; none for folders, whose files are the department's to put together.
pub(super) fn reader(config: &SinkConfig, resource_id: &str) -> Option<Arc<dyn Connector>> {
    let connector = match config.kind {
        SinkKind::Sqlite => ConnectorKind::Sqlite,
        SinkKind::Postgres => ConnectorKind::Postgres,
        SinkKind::Csv | SinkKind::Parquet => return None,
    };
    let table = DatasetConfig {
        resource_id: resource_id.to_owned(),
        connector,
        path: config.path.clone(),
        url: config.url.clone(),
        ca: config.ca.clone(),
        rows_at: String::new(),
        next_at: String::new(),
        headers: BTreeMap::new(),
        table: Some(config.table.clone()),
        query: None,
        // In which order the rows come does not matter.
        order_by: Vec::new(),
        key: Vec::new(),
        columns: BTreeMap::new(),
        changes: None,
    };
    Dataset::new(&table).ok().map(|table| table.shared_connector())
}
