//! Entries one after another, for whoever takes all of them.

use publicdata_types::{ClassificationCode, OrganisationCode, RegionCode};
use publicdata_views::Database;
use sqlx::AssertSqlSafe;

use super::{entry, within};
use crate::entry::{Entry, Reader, Status};

/// How many entries are read at once.
const PAGE: i64 = 500;

/// Which entries; every part narrows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) provider: Option<OrganisationCode>,
    pub(crate) region: Option<RegionCode>,
    pub(crate) classification: Option<ClassificationCode>,
    pub(crate) status: Option<Status>,
}

/// Some entries, and where the next begin.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// In the order of their codes; what the reader may not see is left out.
    pub(crate) entries: Vec<Entry>,
    /// The code after which more may come.
    pub(crate) next: Option<String>,
}

/// Entries after the code `after`, as `reader` may see them.
pub(crate) async fn list(
    database: &Database,
    reader: Reader<'_>,
    listing: &Listing,
    after: &str,
) -> Result<Listed, sqlx::Error> {
    let Listed { entries, next } = whole(database, listing, after).await?;
    let seen = entries.into_iter().filter_map(|entry| entry.seen_by(reader));
    let wanted = seen.filter(|entry| listing.status.is_none_or(|status| status == entry.status));
    Ok(Listed { entries: wanted.collect(), next })
}

/// Entries after the code `after`, whole, whatever their status: for the catalogue itself, on the way to a decision.
pub(crate) async fn whole(
    database: &Database,
    listing: &Listing,
    after: &str,
) -> Result<Listed, sqlx::Error> {
    let binary = database.binary();
    let sql = format!(
        "SELECT * FROM catalog_resource
         WHERE code {binary} > $1 AND provider_code LIKE $2 AND region_code LIKE $3 AND code LIKE $4
         ORDER BY code {binary} LIMIT $5"
    );
    let any = || "%".to_owned();
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(after)
        .bind(listing.provider.map_or_else(any, |provider| provider.to_string()))
        .bind(listing.region.as_ref().map_or_else(any, within))
        .bind(listing.classification.as_ref().map_or_else(any, |code| format!("{code}%")))
        .bind(PAGE)
        .fetch_all(database.pool())
        .await?;
    let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let is_full = i64::try_from(entries.len()).is_ok_and(|count| count == PAGE);
    let next = entries.last().filter(|_| is_full).map(|last| last.code.to_string());
    Ok(Listed { entries, next })
}
