//! Events to tables: one view an area, so that each is rebuilt, and fails, by itself.

mod assessment;
mod collection;
mod entries;
mod harvest;
mod items;
mod libraries;
mod obligations;
mod register;

pub use assessment::assessment;
pub use collection::collection;
pub use entries::entries;
pub(crate) use entries::events;
pub use harvest::harvest;
pub(crate) use harvest::kind_text;
pub use items::items;
pub use libraries::libraries;
pub use obligations::obligations;
pub use register::register;

use std::sync::Arc;

use publicdata_event_store::aggregates::{Codec, EventOf};
use publicdata_event_store::{Recorded, Store};
use publicdata_views::{ApplyError, Database, Projector};

use crate::app::BuildError;

/// The stream of the catalogue's events.
pub(crate) const STREAM: &str = "CATALOG";

/// Every migration of the catalogue's tables that ever was, oldest first. One that was released never changes.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_catalog_entry.sql"),
    include_str!("../migrations/0002_catalog_obligation.sql"),
    include_str!("../migrations/0003_catalog_harvest.sql"),
    include_str!("../migrations/0004_catalog_assessment.sql"),
    include_str!("../migrations/0005_catalog_library.sql"),
    include_str!("../migrations/0006_catalog_collection.sql"),
    include_str!("../migrations/0007_catalog_register.sql"),
    include_str!("../migrations/0008_catalog_agreement.sql"),
];

/// All of the service's views, in a database of its own: to rebuild them, and to compare their content.
///
/// # Errors
/// The database cannot be used.
pub async fn all(database: &Database, store: &Store) -> Result<Vec<Arc<Projector>>, BuildError> {
    let (database, store) = (|| database.clone(), || Arc::clone(store));
    Ok(vec![
        entries(database(), store()).await?,
        items(database(), store()).await?,
        libraries(database(), store()).await?,
        collection(database(), store()).await?,
        register(database(), store()).await?,
        obligations(database(), store()).await?,
        assessment(database(), store()).await?,
        harvest(database(), store()).await?,
    ])
}

/// What happened to an aggregate of this kind; `None` if the commit is about another.
pub(crate) fn events_of<C: Codec>(
    recorded: &Recorded,
) -> Result<Option<Vec<EventOf<C>>>, ApplyError> {
    if recorded.subject.aggregate() != C::AGGREGATE {
        return Ok(None);
    }
    let mut events = Vec::new();
    for event in recorded.commit().map_err(ApplyError::event)?.events {
        events.extend(C::decode(&event).map_err(ApplyError::event)?);
    }
    Ok(Some(events))
}
