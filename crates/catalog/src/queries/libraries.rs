//! Libraries as answers.

use jiff::civil::Date;
use publicdata_catalog_domain::leadership::Leadership;
use publicdata_catalog_domain::library::{Assignment, LibraryCode};
use publicdata_types::{Actor, ClassificationCode, OrganisationCode};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{governed, parsed, unreadable};
use crate::codec::update_cycle_from_number;

/// A library.
#[derive(Clone, Debug)]
pub(crate) struct LibraryRow {
    pub(crate) code: LibraryCode,
    pub(crate) name: String,
    pub(crate) lead: OrganisationCode,
    pub(crate) items: u32,
}

/// An assigned item of a library.
#[derive(Clone, Debug)]
pub(crate) struct ItemRow {
    pub(crate) library: LibraryCode,
    pub(crate) item: String,
    pub(crate) assignment: Assignment,
    /// The last day for the update that it owes; `None` if it owes none. It is its obligation's.
    pub(crate) due_on: Option<Date>,
}

/// Which items are listed; every part narrows it.
#[derive(Clone, Debug)]
pub(crate) struct ItemFilter {
    pub(crate) library: Option<LibraryCode>,
    pub(crate) organisation: Option<OrganisationCode>,
    /// Only what was due before this day.
    pub(crate) due_before: Option<Date>,
    pub(crate) after: Option<String>,
    pub(crate) limit: u32,
}

/// Who writes the entries of a place in the classification.
pub(crate) async fn leadership(
    database: &Database,
    place: &ClassificationCode,
) -> Result<Leadership, sqlx::Error> {
    if !Leadership::lies_in_library(place) {
        return Ok(Leadership::Provider);
    }
    for library in LibraryCode::around(place) {
        let row = sqlx::query("SELECT lead_code FROM catalog_library WHERE code = $1")
            .bind(library.as_str())
            .fetch_optional(database.pool())
            .await?;
        if let Some(row) = row {
            return Ok(Leadership::Led { library, lead: parsed(&row, "lead_code")? });
        }
    }
    Ok(Leadership::Vacant { place: place.clone() })
}

/// Libraries in the order of their codes.
pub(crate) async fn list(
    database: &Database,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<LibraryRow>, sqlx::Error> {
    let binary = database.binary();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT code, name, lead_code,
             (SELECT COUNT(*) FROM catalog_library_item WHERE library_code = code) AS items
         FROM catalog_library WHERE code {binary} > $1 ORDER BY code {binary} LIMIT $2"
    )))
    .bind(after.unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(library).collect()
}

/// Assigned items in the order of libraries and items, as `reader` may see them: the lead of their library, the department
/// that collects them, and the authority over it (R13.1).
pub(crate) async fn items(
    database: &Database,
    reader: &Actor,
    filter: &ItemFilter,
) -> Result<Vec<ItemRow>, sqlx::Error> {
    let binary = database.binary();
    let late = match filter.due_before {
        Some(_) => format!("WHERE due_on {binary} < $7"),
        None => String::new(),
    };
    let sql = format!(
        "SELECT * FROM (
             SELECT item.*, (
                 SELECT due_on FROM catalog_obligation AS duty
                 WHERE duty.cause_id = item.library_code AND duty.subject = item.item
                     AND duty.organisation_code = item.organisation_code
                     AND duty.update_cycle = item.update_cycle
                     AND duty.counted_from >= item.assigned_from
                     AND duty.state IN ('open', 'missed')
                 ORDER BY duty.sequence DESC LIMIT 1
             ) AS due_on
             FROM catalog_library_item AS item
             JOIN catalog_library AS library ON library.code = item.library_code
             WHERE (lead_code = $1 OR item.organisation_code = $1 OR item.region_code LIKE $2)
                 AND item.id {binary} > $3 AND item.library_code LIKE $4
                 AND item.organisation_code LIKE $5
         ) AS owing {late}
         ORDER BY id {binary} LIMIT $6"
    );
    let any = || "%".to_owned();
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(governed(reader))
        .bind(filter.after.as_deref().unwrap_or_default())
        .bind(filter.library.as_ref().map_or_else(any, ToString::to_string))
        .bind(filter.organisation.map_or_else(any, |organisation| organisation.to_string()))
        .bind(i64::from(filter.limit));
    if let Some(due_before) = filter.due_before {
        query = query.bind(due_before.to_string());
    }
    query.fetch_all(database.pool()).await?.iter().map(item).collect()
}

/// Who collects the item of that id.
pub(crate) async fn assignment(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<Assignment>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM catalog_library_item WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(assigned).transpose()
}

fn library(row: &AnyRow) -> Result<LibraryRow, sqlx::Error> {
    let items: i64 = row.try_get("items")?;
    Ok(LibraryRow {
        code: parsed(row, "code")?,
        name: row.try_get("name")?,
        lead: parsed(row, "lead_code")?,
        items: u32::try_from(items).map_err(|source| unreadable("items", source))?,
    })
}

fn item(row: &AnyRow) -> Result<ItemRow, sqlx::Error> {
    let due_on: Option<&str> = row.try_get("due_on")?;
    let due_on = due_on.map(str::parse).transpose();
    Ok(ItemRow {
        library: parsed(row, "library_code")?,
        item: row.try_get("item")?,
        assignment: assigned(row)?,
        due_on: due_on.map_err(|source| unreadable("due_on", source))?,
    })
}

fn assigned(row: &AnyRow) -> Result<Assignment, sqlx::Error> {
    let cycle: i64 = row.try_get("update_cycle")?;
    let cycle = i32::try_from(cycle).ok().and_then(update_cycle_from_number);
    let current_on: Option<&str> = row.try_get("current_on")?;
    let current_on = current_on.map(str::parse).transpose();
    Ok(Assignment {
        organisation: parsed(row, "organisation_code")?,
        region: parsed(row, "region_code")?,
        update_cycle: cycle.ok_or_else(|| unreadable("update_cycle", "no such cycle"))?,
        from: parsed(row, "assigned_from")?,
        current_on: current_on.map_err(|source| unreadable("current_on", source))?,
    })
}
