//! Events to tables: one view an area, so that each is rebuilt, and fails, by itself.

mod entries;
mod register;

pub use entries::entries;
pub(crate) use entries::events;
pub use register::register;

/// The stream of the catalogue's events.
pub(crate) const STREAM: &str = "CATALOG";

/// Every migration of the catalogue's tables that ever was, oldest first. One that was released never changes.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_catalog_resource.sql"),
    include_str!("../migrations/0006_register.sql"),
    include_str!("../migrations/0007_agreement.sql"),
];
