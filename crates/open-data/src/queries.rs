//! Tables to answers, and to whom.
//!
//! A dataset is what the public gets of a resource: its newest publication that was published. An older one never takes its
//! place again; if the newest was withdrawn, or the catalogue no longer opens the resource, there is nothing.

use std::str::FromStr;

use jiff::Timestamp;
use publicdata_directory::Caller;
use publicdata_proto::catalog::v1::ResourceDescription;
use publicdata_proto::opendata::v1::{Publication, PublicationStatus};
use publicdata_types::{Digest, PageToken, PublicationId, RegionCode, ResourceCode, ResourceId};
use publicdata_views::Database;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AssertSqlSafe, Row as _};

use crate::codec;
use crate::entry::{self, Entry};
use crate::error::Error;
use crate::views::{SUSPENDED, WITHDRAWN, from_column};

/// How many words of a search count; more are refused.
pub(crate) const WORDS_MAX: usize = 8;

/// The parameters $1 to $3 say who reads, as [`Reader::bind`] binds them. Status 4 is published: for everybody.
const SEEN: &str = "($1 = 1 OR p.provider_code = $2 OR r.region_code LIKE $3 OR p.status = 4)";
const PUBLICATIONS: &str = "SELECT p.sequence, p.body, COALESCE(r.name, '') AS title \
    FROM opendata_publication p LEFT JOIN opendata_resource r ON r.id = p.resource_id";
const DATASETS: &str = "FROM opendata_publication p JOIN opendata_resource r ON r.id = p.resource_id \
    WHERE p.status = 4 AND r.is_open = 1 AND NOT EXISTS (SELECT 1 FROM opendata_publication n \
    WHERE n.resource_id = p.resource_id AND n.published_sequence > p.published_sequence)";
/// A pattern that no region fits.
const NOWHERE: &str = "-";

/// Reads the tables. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queries {
    database: Database,
}

/// Who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    everything: bool,
    organisation: String,
    region: String,
}

/// Which part of a list.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) size: u32,
    /// Where the page before ended.
    pub(crate) after: Option<PageToken>,
}

/// What the public gets of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    pub(crate) entry: Entry,
    pub(crate) publication: Publication,
    pub(crate) digest: Digest,
    pub(crate) published_at: Timestamp,
}

/// What there is of a resource for the public.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Nothing,
    /// There was something once.
    Gone,
    Open(Box<Dataset>),
}

// === impl Reader ===

impl From<&Caller> for Reader {
    fn from(caller: &Caller) -> Self {
        // A service of the platform sees what everybody sees.
        let Some(actor) = caller.actor() else {
            let (organisation, region) = (String::new(), NOWHERE.to_owned());
            return Self { everything: false, organisation, region };
        };
        let region = match actor.is_authority_over(&actor.region) {
            true => region_pattern(&actor.region),
            false => NOWHERE.to_owned(),
        };
        let everything = actor.may_audit().is_ok();
        Self { everything, organisation: actor.organisation.to_string(), region }
    }
}

impl Reader {
    fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(i64::from(self.everything))
            .bind(self.organisation.as_str())
            .bind(self.region.as_str())
    }
}

type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;

// === impl Queries ===

impl Queries {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The published catalogue entry, if there is one.
    pub(crate) async fn entry(&self, id: ResourceId) -> Result<Option<Entry>, Error> {
        let row = sqlx::query(
            "SELECT r.id AS resource_id, r.code, r.region_code, r.published \
             FROM opendata_resource r WHERE r.id = $1 AND r.published <> ''",
        )
        .bind(id.to_string())
        .fetch_optional(self.database.pool())
        .await?;
        row.as_ref().map(entry_of).transpose()
    }

    /// The published catalogue entry, if there is one and the catalogue has it in use.
    pub(crate) async fn entry_in_use(&self, id: ResourceId) -> Result<Option<Entry>, Error> {
        let row = sqlx::query("SELECT standing FROM opendata_resource WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        let standing: Option<String> = row.map(|row| row.try_get("standing")).transpose()?;
        match standing.as_deref() {
            Some(SUSPENDED) => Err(Error::ResourceSuspended),
            Some(WITHDRAWN) => Err(Error::ResourceWithdrawn),
            Some(_) | None => self.entry(id).await,
        }
    }

    /// One publication, if the reader may see it.
    pub(crate) async fn publication(
        &self,
        id: PublicationId,
        reader: &Reader,
    ) -> Result<Option<Publication>, Error> {
        let select = format!("{PUBLICATIONS} WHERE {SEEN} AND p.id = $4");
        let row = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        row.as_ref().map(publication_of).transpose()
    }

    /// Publications that the reader may see, newest first, and where to go on.
    pub(crate) async fn publications(
        &self,
        reader: &Reader,
        status: PublicationStatus,
        page: &Page,
    ) -> Result<(Vec<Publication>, Option<PageToken>), Error> {
        let before = match &page.after {
            Some(token) => token.key().parse().map_err(|_| Error::PageToken)?,
            None => i64::MAX,
        };
        let select = format!(
            "{PUBLICATIONS} WHERE {SEEN} AND ($4 = 0 OR p.status = $4) AND p.sequence < $5 \
             ORDER BY p.sequence DESC LIMIT $6"
        );
        // One row more than fits says that there is a next page.
        let mut rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(i32::from(status)))
            .bind(before)
            .bind(i64::from(page.size) + 1)
            .fetch_all(self.database.pool())
            .await?;
        let more = rows.len() > page.size as usize;
        rows.truncate(page.size as usize);

        let next = match rows.last() {
            Some(last) if more => {
                Some(PageToken::after(last.try_get::<i64, _>("sequence")?.to_string()))
            }
            Some(_) | None => None,
        };
        Ok((rows.iter().map(publication_of).collect::<Result<_, _>>()?, next))
    }

    /// Datasets in which all of these words occur, or in their provider's name; the newest first, and how many there are.
    pub(crate) async fn datasets(
        &self,
        words: &[String],
        offset: u32,
        limit: u32,
    ) -> Result<(Vec<Dataset>, u64), Error> {
        let found: String = (1..=words.len())
            .map(|place| {
                // The directory keeps its table in the same database: a new name is found at once.
                format!(
                    " AND (r.words LIKE ${place} ESCAPE '!' OR EXISTS (SELECT 1 \
                     FROM directory_organisation o WHERE o.code = r.provider_code \
                     AND LOWER(o.name) LIKE ${place} ESCAPE '!'))"
                )
            })
            .collect();
        let bound = |mut query: Query<'static>| {
            for word in words {
                query = query.bind(containing(word));
            }
            query
        };
        let count = format!("SELECT COUNT(*) AS total {DATASETS}{found}");
        let count = bound(sqlx::query(AssertSqlSafe(count)));
        let total: i64 = count.fetch_one(self.database.pool()).await?.try_get("total")?;

        let places = (words.len() + 1, words.len() + 2);
        let select = format!(
            "SELECT r.id AS resource_id, r.code, r.region_code, r.published, p.body, \
             p.published_at, r.name AS title {DATASETS}{found} \
             ORDER BY p.published_sequence DESC LIMIT ${} OFFSET ${}",
            places.0, places.1
        );
        let rows = bound(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(limit))
            .bind(i64::from(offset))
            .fetch_all(self.database.pool())
            .await?;
        let datasets = rows.iter().map(dataset_of).collect::<Result<_, _>>()?;
        Ok((datasets, u64::try_from(total).unwrap_or_default()))
    }

    /// The dataset of the resource with this code.
    pub(crate) async fn dataset(&self, code: &ResourceCode) -> Result<Found, Error> {
        let row = sqlx::query(
            "SELECT r.id AS resource_id, r.code, r.region_code, r.published, p.body, \
             p.published_at, r.name AS title, p.status, r.is_open \
             FROM opendata_publication p JOIN opendata_resource r ON r.id = p.resource_id \
             WHERE r.code = $1 AND p.published_sequence > 0 \
             ORDER BY p.published_sequence DESC LIMIT 1",
        )
        .bind(code.to_string())
        .fetch_optional(self.database.pool())
        .await?;
        let Some(row) = row else { return Ok(Found::Nothing) };

        let published = i64::from(i32::from(PublicationStatus::Published));
        if row.try_get::<i64, _>("status")? != published || row.try_get::<i64, _>("is_open")? != 1 {
            return Ok(Found::Gone);
        }
        Ok(Found::Open(Box::new(dataset_of(&row)?)))
    }

    /// The digests of all that is open to the public.
    pub(crate) async fn open_digests(&self) -> Result<Vec<Digest>, Error> {
        let select = format!("SELECT p.content_sha256 {DATASETS}");
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(self.database.pool()).await?;
        let digest = |row: &AnyRow| {
            let text: &str = row.try_get("content_sha256")?;
            let bytes = hex::decode(text).map_err(Error::unreadable)?;
            codec::digest("content_sha256", &bytes).map_err(Error::unreadable)
        };
        rows.iter().map(digest).collect()
    }
}

fn entry_of(row: &AnyRow) -> Result<Entry, Error> {
    let description: ResourceDescription = from_column(row, "published")?;
    Ok(Entry {
        id: parsed(row.try_get("resource_id")?)?,
        code: parsed(row.try_get("code")?)?,
        provider: parsed(&description.provider_code)?,
        region: parsed(row.try_get("region_code")?)?,
        items: entry::items(&description).map_err(Error::unreadable)?,
        description,
    })
}

fn publication_of(row: &AnyRow) -> Result<Publication, Error> {
    Ok(Publication { title: row.try_get("title")?, ..from_column(row, "body")? })
}

fn dataset_of(row: &AnyRow) -> Result<Dataset, Error> {
    let publication = publication_of(row)?;
    let published_at = row.try_get("published_at")?;
    Ok(Dataset {
        entry: entry_of(row)?,
        digest: codec::digest("content_sha256", &publication.content_sha256)
            .map_err(Error::unreadable)?,
        publication,
        published_at: Timestamp::from_microsecond(published_at).map_err(Error::unreadable)?,
    })
}

fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    text: &str,
) -> Result<T, Error> {
    text.parse().map_err(Error::unreadable)
}

/// What the codes of the divisions in a region look like.
fn region_pattern(region: &RegionCode) -> String {
    format!("{}%", region.leading())
}

fn containing(word: &str) -> String {
    let mut pattern = String::from("%");
    for character in word.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
