//! Search: an index of entries that is kept from events, beside the views and independent of them.
//!
//! ```text
//! CATALOG ─► follower: fold, analyse ─► writer ─commit: documents and position─► folder ─► collector ─► answers
//! ```
//!
//! - `analysis` turns text into terms, `schema` says which fields there are, `document` makes an entry a document or two;
//! - `folder` keeps indexes apart on disk, `directory` writes their files, `generation` is one of them, `writer` applies events to it;
//! - `follower` runs all that: opens, catches up, follows, rebuilds;
//! - `query` reads what somebody typed, `view` says who sees what, `collector` counts and orders, `page` goes on where a page ended.

mod analysis;
mod collector;
mod directory;
mod document;
mod facets;
mod folder;
mod follower;
mod generation;
mod page;
mod query;
mod request;
mod schema;
mod state;
mod view;
mod writer;

#[cfg(test)]
mod tests;

pub use facets::{Counts, Facet, FacetCounts};
pub use folder::OpenError;
pub use follower::{Building, FollowError, SearchIndex, Standing, Told};
pub use generation::{Found, SearchError};
pub use page::TokenError;
pub use query::QueryError;
pub use request::{Filters, Order, Search};
pub use schema::VERSION;
pub use state::Hit;
pub use view::Viewer;
