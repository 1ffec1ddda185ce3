//! Findings: what rules find in events, or an authority sees, and what is done about it (R45.1, R46.1).
//!
//! `rules` are read from TOML; `engine` holds the log against them, event by event, and remembers what it must in tables; `watch` does so
//! with the log as it grows, `trial` with any events, to see what rules would have found. What is found becomes an aggregate, on which
//! `desk` decides.

pub mod rules;

pub mod engine;
pub mod trial;

pub(crate) mod codec;
pub(crate) mod desk;
pub(crate) mod grpc;
pub(crate) mod queries;
pub(crate) mod views;
pub(crate) mod watch;

mod facts;
mod state;

pub use codec::FieldError;
pub use rules::{RuleSet, RulesError};
pub use trial::{Found, Trial, TrialError, Tried};

use std::sync::Arc;

use publicdata_event_store::Store;
use publicdata_views::{Database, Projector};

use crate::app::BuildError;

/// The stream of findings.
pub const AUDIT: &str = "AUDIT";

/// Takes up the view of findings, and the tables that rules remember in.
///
/// # Errors
/// The tables cannot be made or read.
pub async fn open_view(database: &Database, store: &Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("findings", MIGRATIONS).await?;
    let view = Arc::new(views::FindingsView);
    Ok(Projector::new(database.clone(), Arc::clone(store), view).await?)
}

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/findings_0001.sql"),
    include_str!("../migrations/findings_0002.sql"),
];
