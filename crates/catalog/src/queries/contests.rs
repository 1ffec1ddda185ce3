//! Contests as answers.

use jiff::Timestamp;
use publicdata_catalog_domain::entity::Source;
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::Actor;
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::collection::decoded;
use super::{governed, time, unreadable};
use crate::codec::source_from_wire;

/// A contest, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct ContestRow {
    pub(crate) id: String,
    pub(crate) challenger: Source,
    pub(crate) holder: Source,
    pub(crate) grounds: String,
    pub(crate) open: bool,
    pub(crate) winner: i32,
    pub(crate) reason: String,
    pub(crate) contested_at: Timestamp,
}

/// Contests in the order of their ids, as `reader` may see them: a party, or the authority over one (R13.1).
pub(crate) async fn contests(
    database: &Database,
    reader: &Actor,
    status: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<ContestRow>, sqlx::Error> {
    let binary = database.binary();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT * FROM catalog_contest
         WHERE {SEEN_CONTEST} AND status LIKE $3 AND id {binary} > $4
         ORDER BY id {binary} LIMIT $5"
    )))
    .bind(reader.organisation.to_string())
    .bind(governed(reader))
    .bind(status)
    .bind(after.unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(contest).collect()
}

/// A contest and the register that it stands in, if `reader` may see it.
pub(crate) async fn contest_by_id(
    database: &Database,
    reader: &Actor,
    id: &str,
) -> Result<Option<(String, ContestRow)>, sqlx::Error> {
    let sql = format!("SELECT * FROM catalog_contest WHERE {SEEN_CONTEST} AND id = $3");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(governed(reader))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    row.map(|row| Ok((row.try_get("entity_id")?, contest(&row)?))).transpose()
}

/// Who reads is `$1`, and the regions that it governs are `$2`.
const SEEN_CONTEST: &str = "(challenger_code = $1 OR holder_code = $1
     OR challenger_region LIKE $2 OR holder_region LIKE $2)";
fn contest(row: &AnyRow) -> Result<ContestRow, sqlx::Error> {
    let party = |column: &str| {
        let party = decoded::<wire::DataSource>(column, row.try_get(column)?)?;
        source_from_wire(party).map_err(|source| unreadable(column, source))
    };
    let status: &str = row.try_get("status")?;
    let winner: i64 = row.try_get("winner")?;
    Ok(ContestRow {
        id: row.try_get("id")?,
        challenger: party("challenger")?,
        holder: party("holder")?,
        grounds: row.try_get("grounds")?,
        open: status == "open",
        winner: i32::try_from(winner).map_err(|source| unreadable("winner", source))?,
        reason: row.try_get("reason")?,
        contested_at: time(row, "contested_at")?,
    })
}
