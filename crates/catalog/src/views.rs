//! Events to tables: one view an area, so that each is rebuilt, and fails, by itself.

mod entries;
mod harvest;

pub use entries::entries;
pub(crate) use entries::events;
pub use harvest::harvest;
pub(crate) use harvest::kind_text;

/// The stream of the catalogue's events.
pub(crate) const STREAM: &str = "CATALOG";

/// Every migration of the catalogue's tables that ever was, oldest first. One that was released never changes.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_catalog_resource.sql"),
    include_str!("../migrations/0008_catalog_harvest.sql"),
];
