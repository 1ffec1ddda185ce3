//! Other platforms' catalogues as answers.

use prost::Message as _;
use publicdata_catalog_domain::harvest_source::Kind;
use publicdata_proto::catalog::v1::{ForeignDescription, ForeignResource, HarvestSource};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{time, unreadable};
use crate::codec::{harvest_kind_to_wire, time_to_wire};
use crate::views::kind_text;

/// How many words of a search count; more are refused.
pub(crate) const WORDS_MAX: usize = 8;

/// Sources in the order of their ids: at most `limit`, after `after`.
pub(crate) async fn sources(
    database: &Database,
    after: &str,
    limit: u32,
) -> Result<Vec<HarvestSource>, sqlx::Error> {
    let binary = database.binary();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT source.*, (SELECT COUNT(*) FROM catalog_foreign_resource AS resource
             WHERE resource.source_id = source.id) AS resources
         FROM catalog_harvest_source AS source WHERE id {binary} > $1 ORDER BY id {binary} LIMIT $2"
    )))
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(source).collect()
}

/// Datasets in the order of their URIs.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForeignSearch {
    /// The source; empty for any.
    pub(crate) source_id: String,
    /// Each must occur.
    pub(crate) words: Vec<String>,
    /// The URI and id of the last one before.
    pub(crate) after: Option<(String, String)>,
    pub(crate) limit: u32,
}

/// Other platforms' datasets that are offered now.
pub(crate) async fn resources(
    database: &Database,
    search: &ForeignSearch,
) -> Result<Vec<ForeignResource>, sqlx::Error> {
    let binary = database.binary();
    let words: String = (0..search.words.len())
        .map(|index| format!(" AND words LIKE ${} ESCAPE '\\'", index + 5))
        .collect();
    let sql = format!(
        "SELECT * FROM catalog_foreign_resource
         WHERE (uri {binary} > $1 OR (uri = $1 AND id {binary} > $2)) AND source_id LIKE $3{words}
         ORDER BY uri {binary}, id {binary} LIMIT $4"
    );
    let (uri, id) = search.after.clone().unwrap_or_default();
    let source = match search.source_id.as_str() {
        "" => "%",
        id => id,
    };
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(uri)
        .bind(id)
        .bind(source)
        .bind(i64::from(search.limit));
    for word in &search.words {
        query = query.bind(containing(word));
    }
    let rows = query.fetch_all(database.pool()).await?;
    rows.iter().map(resource).collect()
}

fn source(row: &AnyRow) -> Result<HarvestSource, sqlx::Error> {
    let kind: &str = row.try_get("kind")?;
    let kind = [Kind::Dcat, Kind::Ckan].into_iter().find(|known| kind_text(*known) == kind);
    let kind = kind.ok_or_else(|| unreadable("kind", "no such kind"))?;
    let completed: Option<i64> = row.try_get("completed_at")?;
    let completed = completed.map(|_| time(row, "completed_at")).transpose()?;
    let resources: i64 = row.try_get("resources")?;
    Ok(HarvestSource {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        kind: harvest_kind_to_wire(kind).into(),
        url: row.try_get("url")?,
        platform: row.try_get("platform")?,
        region_code: row.try_get("region_code")?,
        cursor: row.try_get("cursor_text")?,
        completed_at: completed.map(time_to_wire),
        resources: u64::try_from(resources).unwrap_or_default(),
    })
}

fn resource(row: &AnyRow) -> Result<ForeignResource, sqlx::Error> {
    let text: &str = row.try_get("description")?;
    let bytes = hex::decode(text).map_err(|source| unreadable("description", source))?;
    let description = ForeignDescription::decode(bytes.as_slice());
    let description = description.map_err(|source| unreadable("description", source))?;
    Ok(ForeignResource {
        id: row.try_get("id")?,
        source_id: row.try_get("source_id")?,
        description: Some(description),
        seen_at: Some(time_to_wire(time(row, "seen_at")?)),
    })
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
