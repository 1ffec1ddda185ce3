//! Rows as answers.

pub(crate) mod assessment;
pub(crate) mod libraries;
pub(crate) mod register;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::description::Description;
use publicdata_proto::catalog::v1::ResourceDescription;
use publicdata_types::region::Level;
use publicdata_types::{Actor, RegionCode, ResourceCode, ResourceId};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Executor, Row as _};

use crate::codec::description_from_wire;
use crate::entry::{Entry, Published, Status};

/// The entry, whole.
pub(crate) async fn by_id(
    connection: &mut AnyConnection,
    id: &ResourceId,
) -> Result<Option<Entry>, sqlx::Error> {
    let query = "SELECT * FROM catalog_resource WHERE id = $1";
    one(connection, query, id.to_string()).await
}

/// The entry, whole.
pub(crate) async fn by_code(
    database: &Database,
    code: &ResourceCode,
) -> Result<Option<Entry>, sqlx::Error> {
    let query = "SELECT * FROM catalog_resource WHERE code = $1";
    one(database.pool(), query, code.to_string()).await
}

async fn one<'c>(
    executor: impl Executor<'c, Database = Any>,
    query: &'static str,
    key: String,
) -> Result<Option<Entry>, sqlx::Error> {
    let row = sqlx::query(query).bind(key).fetch_optional(executor).await?;
    row.as_ref().map(entry).transpose()
}

/// A pattern for the regions that the actor's organisation governs; it matches none if it is no authority.
fn governed(actor: &Actor) -> String {
    match actor.is_authority_over(&actor.region) {
        true => within(&actor.region),
        false => String::new(),
    }
}

/// A pattern for the region and those within it: two digits for each level.
fn within(region: &RegionCode) -> String {
    let digits = match region.level() {
        Level::Province => 2,
        Level::City => 4,
        Level::County => 6,
    };
    format!("{}%", &region.to_string()[..digits])
}

fn entry(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    let published: Option<&str> = row.try_get("published_description")?;
    let published = match published {
        Some(description) => Some(Published {
            version: u32::try_from(row.try_get::<i64, _>("version")?)
                .map_err(|source| unreadable("version", source))?,
            on: parsed(row, "published_on")?,
            at: time(row, "published_at")?,
            description: decoded("published_description", description)?,
        }),
        None => None,
    };
    let status: &str = row.try_get("status")?;
    Ok(Entry {
        id: parsed(row, "id")?,
        code: parsed(row, "code")?,
        region: parsed(row, "region_code")?,
        status: Status::ALL
            .into_iter()
            .find(|known| known.as_str() == status)
            .ok_or_else(|| unreadable("status", "no such status"))?,
        description: decoded("description", row.try_get("description")?)?,
        return_reason: row.try_get("return_reason")?,
        published,
        updated_at: time(row, "updated_at")?,
    })
}

fn decoded(column: &str, text: &str) -> Result<Description, sqlx::Error> {
    let bytes = hex::decode(text).map_err(|source| unreadable(column, source))?;
    let description = ResourceDescription::decode(bytes.as_slice());
    let description = description.map_err(|source| unreadable(column, source))?;
    description_from_wire(description).map_err(|source| unreadable(column, source))
}

fn time(row: &AnyRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    let microseconds = row.try_get(column)?;
    Timestamp::from_microsecond(microseconds).map_err(|source| unreadable(column, source))
}

fn parsed<T>(row: &AnyRow, column: &str) -> Result<T, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|source| unreadable(column, source))
}

fn unreadable(
    column: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
