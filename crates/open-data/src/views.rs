//! Events to tables: catalogue entries from the catalogue's events, publications from our own.
//!
//! A row holds what is searched by in columns, and the whole as the protobuf message that it came in or goes out with.

mod publications;
mod resources;

use std::sync::Arc;

use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::Store;
use publicdata_views::{ApplyError, Database, DatabaseError, Projector, ProjectorError};
use sqlx::any::AnyRow;
use sqlx::{Row as _, error::BoxDynError};

use crate::app::BuildError;

pub(crate) use resources::{SUSPENDED, WITHDRAWN};

/// The stream that tells of catalogue entries.
pub(crate) const CATALOG: &str = "CATALOG";
/// The stream of our own events.
pub(crate) const OPENDATA: &str = "OPENDATA";

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_open_data.sql"),
    include_str!("../migrations/0002_standing.sql"),
];

/// What follows the events.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    pub(crate) resources: Arc<Projector>,
    pub(crate) publications: Arc<Projector>,
}

/// Every view of the portal's service, and its directory, in this database: to rebuild them, and to compare them with live ones (H2).
///
/// # Errors
/// The database cannot be used.
pub async fn all(database: &Database, store: &Store) -> Result<Vec<Arc<Projector>>, BuildError> {
    let Views { resources, publications } = Views::open(database, store).await?;
    Ok(vec![publicdata_directory::view(database, store).await?, resources, publications])
}

/// Why the views cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The tables cannot be made, or are of another version.
    #[error("the tables cannot be used")]
    Migrate(#[from] DatabaseError),
    /// The positions cannot be read.
    #[error("the views cannot be read")]
    Read(#[from] ProjectorError),
}

impl Views {
    /// Takes up the views in the service's own database.
    pub(crate) async fn open(database: &Database, store: &Store) -> Result<Self, OpenError> {
        database.migrate("opendata", MIGRATIONS).await?;
        let open = |view| Projector::new(database.clone(), Arc::clone(store), view);
        Ok(Self {
            resources: open(Arc::new(resources::Resources)).await?,
            publications: open(Arc::new(publications::Publications)).await?,
        })
    }
}

/// An event that contradicts those before it.
#[derive(Debug, thiserror::Error)]
#[error("{event} of {id}, which nothing began")]
struct WithoutBeginning {
    event: &'static str,
    id: String,
}

/// The event, if it is of this type.
fn event<M: Message + Name + Default>(any: &Any) -> Result<Option<M>, ApplyError> {
    if any.type_url != M::type_url() {
        return Ok(None);
    }
    M::decode(any.value.as_slice()).map(Some).map_err(ApplyError::event)
}

/// A message as a column holds it.
fn to_column(message: &impl Message) -> String {
    hex::encode(message.encode_to_vec())
}

/// A column's message.
pub(crate) fn from_column<M: Message + Default>(
    row: &AnyRow,
    column: &str,
) -> Result<M, sqlx::Error> {
    let failed =
        |source: BoxDynError| sqlx::Error::ColumnDecode { index: column.to_owned(), source };
    let text: &str = row.try_get(column)?;
    let bytes = hex::decode(text).map_err(|error| failed(error.into()))?;
    M::decode(bytes.as_slice()).map_err(|error| failed(error.into()))
}
