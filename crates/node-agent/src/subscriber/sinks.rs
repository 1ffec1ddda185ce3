//! The sink that a configuration names.

use std::sync::Arc;

use publicdata_types::SubscriptionId;

use crate::config::{SinkKind, SubscriptionConfig};
use crate::sink::postgres::{AddressError, Postgres};
use crate::sink::sqlite::Sqlite;
use crate::sink::steps::Steps;
use crate::sink::{Sink, csv, parquet};

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
