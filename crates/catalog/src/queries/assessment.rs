//! Marks as tallies and as single losses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_catalog_domain::assessment::score::{Criterion, Tallies, Tally};
use publicdata_catalog_domain::assessment::{Bulletin, Period};
use publicdata_proto::catalog::v1::AssessmentPublished;
use publicdata_types::{OrganisationCode, RegionCode};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{parsed, unreadable, within};
use crate::codec::bulletin_from_wire;

/// All marks of a period: those of events, and those of the entries that stood at its end. `$1` is its first and `$2` its last
/// day, `$3` the pattern of organisations, `$4` that of regions. A resource that is shared with nobody need not be used.
const MARKS: &str = "
    SELECT mark.*, organisation.region_code FROM (
        SELECT organisation_code, criterion, earned, marked_on, stream, sequence, about_id, what
        FROM assessment_mark WHERE marked_on >= $1 AND marked_on <= $2
        UNION ALL
        SELECT organisation_code, 'completeness', filled, begun_on, 'CATALOG', sequence, resource_id,
            name || ' does not say: ' || missing
        FROM assessment_entry
        WHERE begun_on <= $2 AND (ended_on IS NULL OR ended_on > $2)
        UNION ALL
        SELECT organisation_code, 'use', CASE WHEN EXISTS (
                SELECT 1 FROM assessment_use AS used
                WHERE used.resource_id = entry.resource_id AND used_on >= $1 AND used_on <= $2
            ) THEN 1000 ELSE 0 END, begun_on, 'CATALOG', sequence, resource_id,
            name || ': nobody fetched it'
        FROM assessment_entry AS entry
        WHERE shared = 1 AND begun_on <= $2 AND (ended_on IS NULL OR ended_on > $2)
    ) AS mark
    JOIN directory_organisation AS organisation ON organisation.code = mark.organisation_code
    WHERE mark.organisation_code LIKE $3 AND organisation.region_code LIKE $4";

/// Whose marks are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// One organisation's.
    Organisation(OrganisationCode),
    /// Those of every organisation of a region and below.
    Region(RegionCode),
}

/// An organisation's marks, and where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    pub(crate) region: RegionCode,
    pub(crate) tallies: Tallies,
}

/// A mark that did not earn everything.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) criterion: Criterion,
    pub(crate) lost_permille: u64,
    pub(crate) on: String,
    pub(crate) what: String,
    pub(crate) about_id: String,
    pub(crate) stream: String,
    pub(crate) sequence: u64,
}

/// A published assessment.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) bulletin: Bulletin,
}

/// What organisations earned in a period.
pub(crate) async fn tallies(
    database: &Database,
    period: &Period,
    scope: Scope,
) -> Result<BTreeMap<OrganisationCode, Marked>, sqlx::Error> {
    let (organisation, region) = scope.patterns();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT organisation_code, region_code, criterion, COUNT(*) AS marks,
             CAST(SUM(earned) AS BIGINT) AS earned
         FROM ({MARKS}) AS marks GROUP BY organisation_code, region_code, criterion"
    )))
    .bind(period.first().to_string())
    .bind(period.last().to_string())
    .bind(organisation)
    .bind(region)
    .fetch_all(database.pool())
    .await?;

    let mut found = BTreeMap::new();
    for row in &rows {
        let tally = Tally { marks: number(row, "marks")?, earned_permille: number(row, "earned")? };
        let region = parsed(row, "region_code")?;
        let marked = found
            .entry(parsed(row, "organisation_code")?)
            .or_insert_with(|| Marked { region, tallies: Tallies::default() });
        marked.tallies.add(criterion(row)?, tally);
    }
    Ok(found)
}

/// The marks of an organisation that did not earn everything, by criterion and day.
pub(crate) async fn losses(
    database: &Database,
    period: &Period,
    organisation: &OrganisationCode,
    (skipped, limit): (u64, u32),
) -> Result<Vec<Loss>, sqlx::Error> {
    let binary = database.binary();
    let (organisation, region) = Scope::Organisation(*organisation).patterns();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT * FROM ({MARKS}) AS marks WHERE earned < 1000
         ORDER BY criterion {binary}, marked_on {binary}, stream {binary}, sequence, about_id {binary}
         LIMIT $5 OFFSET $6"
    )))
    .bind(period.first().to_string())
    .bind(period.last().to_string())
    .bind(organisation)
    .bind(region)
    .bind(i64::from(limit))
    .bind(i64::try_from(skipped).unwrap_or(i64::MAX))
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Loss {
                criterion: criterion(row)?,
                lost_permille: 1_000_u64.saturating_sub(number(row, "earned")?),
                on: row.try_get("marked_on")?,
                what: row.try_get("what")?,
                about_id: row.try_get("about_id")?,
                stream: row.try_get("stream")?,
                sequence: number(row, "sequence")?,
            })
        })
        .collect()
}

/// One published assessment.
pub(crate) async fn published(
    database: &Database,
    id: &str,
) -> Result<Option<Published>, sqlx::Error> {
    let query = "SELECT * FROM assessment_bulletin WHERE id = $1";
    let row = sqlx::query(query).bind(id).fetch_optional(database.pool()).await?;
    row.as_ref().map(from_row).transpose()
}

/// Published assessments, the newest period first.
pub(crate) async fn all_published(
    database: &Database,
    (skipped, limit): (u64, u32),
) -> Result<Vec<Published>, sqlx::Error> {
    let binary = database.binary();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT * FROM assessment_bulletin
         ORDER BY last_on {binary} DESC, first_on {binary} DESC, id {binary} LIMIT $1 OFFSET $2"
    )))
    .bind(i64::from(limit))
    .bind(i64::try_from(skipped).unwrap_or(i64::MAX))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(from_row).collect()
}

impl Scope {
    fn patterns(self) -> (String, String) {
        match self {
            Self::Organisation(code) => (code.to_string(), "%".to_owned()),
            Self::Region(region) => ("%".to_owned(), within(&region)),
        }
    }
}

/// The marks of each district's organisations together.
pub(crate) fn by_district(
    organisations: &BTreeMap<OrganisationCode, Marked>,
) -> BTreeMap<RegionCode, Tallies> {
    let mut districts: BTreeMap<RegionCode, Tallies> = BTreeMap::new();
    for marked in organisations.values() {
        let district = districts.entry(marked.region).or_default();
        for (criterion, tally) in marked.tallies.iter() {
            district.add(criterion, tally);
        }
    }
    districts
}

fn from_row(row: &AnyRow) -> Result<Published, sqlx::Error> {
    let bytes = hex::decode(row.try_get::<&str, _>("bulletin")?)
        .map_err(|source| unreadable("bulletin", source))?;
    let published = AssessmentPublished::decode(bytes.as_slice())
        .map_err(|source| unreadable("bulletin", source))?;
    Ok(Published {
        id: row.try_get("id")?,
        at: super::time(row, "published_at")?,
        bulletin: bulletin_from_wire(published).map_err(|source| unreadable("bulletin", source))?,
    })
}

fn criterion(row: &AnyRow) -> Result<Criterion, sqlx::Error> {
    let text: &str = row.try_get("criterion")?;
    let known = Criterion::ALL.into_iter().find(|known| known.as_str() == text);
    known.ok_or_else(|| unreadable("criterion", "no such criterion"))
}

fn number(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|source| unreadable(column, source))
}
