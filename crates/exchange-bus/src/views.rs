//! Events to tables: resources and organisations from the catalogue's events; grants and transfers, tickets and disputes from
//! our own.
//!
//! A row holds what is searched by in columns, and the whole answer as the protobuf message that the API gives out.

pub mod catalogue;
pub mod log;
pub mod objections;

mod archives;
mod disputes;
mod grants;
mod series;
mod subscriptions;
mod tickets;
pub(crate) mod transfers;

use std::sync::Arc;

use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::Store;
use publicdata_views::{ApplyError, Database, Projector, parts, places};
use sqlx::any::AnyRow;
use sqlx::error::BoxDynError;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::app::BuildError;

pub use catalogue::Catalogue;
pub use log::Log;
pub use objections::Objections;

/// Every view of the bus, and its directory, in this database: to rebuild them, and to compare them with live ones (H2).
///
/// # Errors
/// The database cannot be used.
pub async fn all(database: &Database, store: &Store) -> Result<Vec<Arc<Projector>>, BuildError> {
    database.migrate(OWNER, MIGRATIONS).await?;
    let open = |view| Projector::new(database.clone(), Arc::clone(store), view);
    Ok(vec![
        publicdata_directory::view(database, store).await?,
        open(Arc::new(Catalogue)).await?,
        open(Arc::new(Log)).await?,
        open(Arc::new(Objections::default())).await?,
    ])
}

/// The stream of the catalogue's events.
pub(crate) const CATALOG: &str = "CATALOG";
/// The stream of our own events.
pub(crate) const EXCHANGE: &str = "EXCHANGE";

/// Whose tables they are, to the database.
pub(crate) const OWNER: &str = "bus";

/// Every migration of the bus's tables, oldest first.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_exchange.sql"),
    include_str!("../migrations/0002_standing.sql"),
    include_str!("../migrations/0003_usage.sql"),
    include_str!("../migrations/0004_objections.sql"),
    include_str!("../migrations/0005_search.sql"),
    include_str!("../migrations/0006_subscription.sql"),
    include_str!("../migrations/0007_archive.sql"),
    include_str!("../migrations/0008_consolidation.sql"),
    include_str!("../migrations/0009_correction.sql"),
    include_str!("../migrations/0010_source_state.sql"),
];

/// An event that contradicts those before it.
#[derive(Debug, thiserror::Error)]
#[error("{event} of {id}, which nothing began")]
struct WithoutBeginning {
    event: String,
    id: String,
}

/// The event, if it is of this type.
fn event<M: Message + Name + Default>(any: &Any) -> Result<Option<M>, ApplyError> {
    if any.type_url != M::type_url() {
        return Ok(None);
    }
    M::decode(any.value.as_slice()).map(Some).map_err(ApplyError::event)
}

/// The rows that a table has of these ids, which the statement's first column names. Their places are put at its end.
async fn rows_of<'a>(
    connection: &mut AnyConnection,
    select: &str,
    ids: &[&'a str],
) -> Result<Vec<(&'a str, AnyRow)>, sqlx::Error> {
    let mut rows = Vec::new();
    for ids in parts(ids) {
        let select = format!("{select} {}", places(1, ids.len()));
        let mut query = sqlx::query(AssertSqlSafe(select));
        for id in ids {
            query = query.bind(*id);
        }
        for row in query.fetch_all(&mut *connection).await? {
            let id: &str = row.try_get(0)?;
            if let Some(id) = ids.iter().copied().find(|asked| *asked == id) {
                rows.push((id, row));
            }
        }
    }
    Ok(rows)
}

/// A moment as columns hold it, in microseconds since the epoch.
pub(crate) fn microseconds(at: &prost_types::Timestamp) -> i64 {
    const MICROSECONDS: i64 = 1_000_000;

    at.seconds.saturating_mul(MICROSECONDS).saturating_add(i64::from(at.nanos) / 1_000)
}

/// `2026-03-04` as 20260304; 0 if it is no date.
fn as_number(date: &str) -> i64 {
    date.replace('-', "").parse().unwrap_or_default()
}

/// A message as a column holds it.
pub(crate) fn to_column(message: &impl Message) -> String {
    hex::encode(message.encode_to_vec())
}

/// A column's message.
pub(crate) fn from_column<M: Message + Default>(
    row: &AnyRow,
    column: &str,
) -> Result<M, sqlx::Error> {
    let failed =
        |source: BoxDynError| sqlx::Error::ColumnDecode { index: column.to_owned(), source };
    let bytes = hex::decode(row.try_get::<String, _>(column)?).map_err(|e| failed(e.into()))?;
    M::decode(bytes.as_slice()).map_err(|e| failed(e.into()))
}
