//! Rows as answers.

pub(crate) mod assessment;
pub(crate) mod collection;
pub(crate) mod contests;
pub(crate) mod harvest;
pub(crate) mod libraries;
pub(crate) mod listing;
pub(crate) mod obligations;
pub(crate) mod register;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::description::{Alike, Description};
use publicdata_catalog_domain::name::NameKey;
use publicdata_catalog_domain::resource::Update;
use publicdata_proto::catalog::v1::ResourceDescription;
use publicdata_types::{Actor, ClassificationCode, RegionCode, ResourceCode, ResourceId};
use publicdata_views::{Database, places};
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor, Row as _};

use crate::codec::description_from_wire;
use crate::entry::{Entry, Published, Reader, Standing, Status};

/// Those of the entries that there are, whole.
pub(crate) async fn by_ids(
    connection: &mut AnyConnection,
    ids: &[ResourceId],
) -> Result<Vec<Entry>, sqlx::Error> {
    let places = places(1, ids.len());
    let select = format!("SELECT * FROM catalog_resource WHERE id IN {places}");
    let mut query = sqlx::query(AssertSqlSafe(select));
    for id in ids {
        query = query.bind(id.to_string());
    }
    query.fetch_all(connection).await?.iter().map(entry).collect()
}

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

/// The first entry whose name is alike, among those that `reader` may see; one with the id `except` is not meant.
pub(crate) async fn alike(
    database: &Database,
    key: &NameKey,
    except: Option<&ResourceId>,
    reader: Reader<'_>,
) -> Result<Option<Alike>, sqlx::Error> {
    if key.is_empty() {
        return Ok(None);
    }
    let binary = database.binary();
    // Two halves, so that each goes by its index.
    let sql = format!(
        "SELECT * FROM catalog_resource WHERE id <> $1 AND status <> 'withdrawn' AND id IN (
             SELECT id FROM catalog_resource WHERE published_name_key = $2
             UNION
             SELECT id FROM catalog_resource
             WHERE name_key = $2 AND (provider_code = $3 OR region_code LIKE $4)
         ) ORDER BY code {binary} LIMIT 1"
    );
    let (own, governed) = rights(reader);
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(except.map(ToString::to_string).unwrap_or_default())
        .bind(key.as_str())
        .bind(own)
        .bind(governed)
        .fetch_optional(database.pool())
        .await?;
    let Some(found) = row.as_ref().map(entry).transpose()? else { return Ok(None) };

    let published = found.published.map(|published| published.description.name);
    let name = published.filter(|name| NameKey::of(name) == *key);
    Ok(Some(Alike { code: found.code, name: name.unwrap_or(found.description.name) }))
}

/// What the city's authority named, by code.
pub(crate) async fn named_classifications(
    database: &Database,
) -> Result<Vec<(ClassificationCode, String)>, sqlx::Error> {
    let query = "SELECT code, name FROM catalog_classification";
    let rows = sqlx::query(query).fetch_all(database.pool()).await?;
    rows.iter().map(|row| Ok((parsed(row, "code")?, row.try_get("name")?))).collect()
}

/// Whether the city's authority named this node.
pub(crate) async fn is_named(
    database: &Database,
    code: &ClassificationCode,
) -> Result<bool, sqlx::Error> {
    let query = "SELECT name FROM catalog_classification WHERE code = $1";
    let row = sqlx::query(query).bind(code.as_str()).fetch_optional(database.pool()).await?;
    Ok(row.is_some())
}

/// How many published entries are in use, by the classification that each names.
pub(crate) async fn published_by_classification(
    database: &Database,
) -> Result<Vec<(ClassificationCode, u64)>, sqlx::Error> {
    let query = "SELECT classification_code, COUNT(*) AS entries FROM catalog_resource
                 WHERE standing = 'published' GROUP BY classification_code";
    let rows = sqlx::query(query).fetch_all(database.pool()).await?;
    let counted = |row: &AnyRow| {
        let entries: i64 = row.try_get("entries")?;
        Ok((parsed(row, "classification_code")?, entries.unsigned_abs()))
    };
    rows.iter().map(counted).collect()
}

/// Whose drafts a reader may see: those of its own organisation, and those of the regions that it governs, as a pattern.
fn rights(reader: Reader<'_>) -> (String, String) {
    match reader {
        Reader::Actor(actor) => (actor.organisation.to_string(), governed(actor)),
        Reader::Service => (String::new(), String::new()),
    }
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
    format!("{}%", region.leading())
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
            changed_at: time(row, "published_changed_at")?,
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
        standing: standing(row)?,
        update: update(row)?,
        updated_at: time(row, "updated_at")?,
    })
}

fn standing(row: &AnyRow) -> Result<Standing, sqlx::Error> {
    let reason = row.try_get("standing_reason")?;
    match row.try_get("standing")? {
        "" | "published" => Ok(Standing::InUse),
        "suspended" => Ok(Standing::Suspended { reason }),
        "withdrawn" => Ok(Standing::Withdrawn { reason }),
        _ => Err(unreadable("standing", "no such standing")),
    }
}

fn update(row: &AnyRow) -> Result<Option<Update>, sqlx::Error> {
    if row.try_get::<Option<&str>, _>("current_on")?.is_none() {
        return Ok(None);
    }
    let rows: Option<i64> = row.try_get("current_rows")?;
    let rows = rows.map(i64::unsigned_abs);
    Ok(Some(Update { current_on: parsed(row, "current_on")?, rows }))
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
