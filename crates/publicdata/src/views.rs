//! The services that keep views of events, and these views.

use std::sync::Arc;

use clap::ValueEnum;
use publicdata_event_store::Store;
use publicdata_views::{Database, Projector};

/// A service that keeps views of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Service {
    /// The catalogue.
    Catalog,
    /// The exchange bus.
    ExchangeBus,
    /// The opening of data, and its portal.
    OpenData,
    /// The audit log: what was found, and what is done about it.
    Audit,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Catalog, Self::ExchangeBus, Self::OpenData, Self::Audit];

    /// What it is called in the fleet.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::ExchangeBus => "exchange-bus",
            Self::OpenData => "open-data",
            Self::Audit => "audit",
        }
    }

    /// The service that is called so, if one is.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Its views, in this database, of what this store has.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn views(
        self,
        database: &Database,
        store: &Store,
    ) -> anyhow::Result<Vec<Arc<Projector>>> {
        Ok(match self {
            Self::Catalog => publicdata_catalog::views::all(database, store).await?,
            Self::ExchangeBus => publicdata_exchange_bus::views::all(database, store).await?,
            Self::OpenData => publicdata_open_data::views(database, store).await?,
            Self::Audit => vec![
                publicdata_directory::view(database, store).await?,
                publicdata_audit::findings::open_view(database, store).await?,
            ],
        })
    }
}
