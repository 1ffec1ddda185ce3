//! Rows as answers.

pub(crate) mod assessment;
pub(crate) mod harvest;
pub(crate) mod libraries;
pub(crate) mod listing;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::description::Description;
use publicdata_proto::catalog::v1::ResourceDescription;
use publicdata_types::region::Level;
use publicdata_types::{Actor, OrganisationCode, RegionCode, ResourceCode, ResourceId};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor, Row as _};

use crate::codec::description_from_wire;
use crate::entry::{Entry, Published, Reader, Status};

/// How many words of a search count; more are refused.
pub(crate) const WORDS_MAX: usize = 8;

/// What is searched for; every part narrows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Each must occur.
    pub(crate) words: Vec<String>,
    pub(crate) provider: Option<OrganisationCode>,
    pub(crate) region: Option<RegionCode>,
    pub(crate) status: Option<Status>,
    pub(crate) after: Option<String>,
    pub(crate) limit: u32,
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

/// Entries in the order of their codes, as `reader` may see them.
pub(crate) async fn search(
    database: &Database,
    reader: Reader<'_>,
    search: &Search,
) -> Result<Vec<Entry>, sqlx::Error> {
    let binary = database.binary();
    let words: String = (0..search.words.len())
        .map(|index| format!(" AND seen_words LIKE ${} ESCAPE '\\'", index + 8))
        .collect();
    // What a reader may see decides what is searched, so that a match tells nothing of a draft.
    let sql = format!(
        "SELECT * FROM (
             SELECT entry.*,
                 CASE WHEN provider_code = $1 OR region_code LIKE $2 THEN words
                      ELSE published_words END AS seen_words,
                 CASE WHEN provider_code = $1 OR region_code LIKE $2 THEN status
                      ELSE 'published' END AS seen_status
             FROM catalog_resource AS entry
         ) AS seen
         WHERE seen_words IS NOT NULL AND code {binary} > $3 AND provider_code LIKE $4
             AND region_code LIKE $5 AND seen_status LIKE $6{words}
         ORDER BY code {binary} LIMIT $7"
    );
    let (own, governed) = match reader {
        Reader::Actor(actor) => (actor.organisation.to_string(), governed(actor)),
        Reader::Service => (String::new(), String::new()),
        Reader::Whole => (String::new(), "%".to_owned()),
    };
    let any = || "%".to_owned();
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(own)
        .bind(governed)
        .bind(search.after.as_deref().unwrap_or_default())
        .bind(search.provider.map_or_else(any, |provider| provider.to_string()))
        .bind(search.region.as_ref().map_or_else(any, within))
        .bind(search.status.map_or("%", Status::as_str))
        .bind(i64::from(search.limit));
    for word in &search.words {
        query = query.bind(containing(word));
    }

    let rows = query.fetch_all(database.pool()).await?;
    let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().filter_map(|entry| entry.seen_by(reader)).collect())
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

fn containing(word: &str) -> String {
    let mut pattern = String::from("%");
    for character in word.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
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
