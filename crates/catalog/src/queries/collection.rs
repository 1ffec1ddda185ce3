//! Published items, sources and plans as answers.

use std::collections::BTreeSet;

use jiff::civil::Date;
use prost::{Message, Name};
use publicdata_catalog_domain::entity::{OtherPlan, Shared, Source, SourceKey};
use publicdata_catalog_domain::likeness::Datum;
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{
    Actor, OrganisationCode, RegionCode, ResourceCode, ResourceId, SharingType,
};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{governed, parsed, unreadable};
use crate::codec::{plan_from_wire, sharing_type_from_number};

/// A published resource, with the items that it has.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) id: ResourceId,
    pub(crate) code: ResourceCode,
    pub(crate) provider: OrganisationCode,
    pub(crate) region: RegionCode,
    pub(crate) entity: String,
    /// Each with how it is shared.
    pub(crate) items: Vec<(Datum, SharingType)>,
    pub(crate) in_use: bool,
}

/// A plan, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct PlanRow {
    pub(crate) id: String,
    pub(crate) plan: wire::CollectionPlan,
    pub(crate) organisation: OrganisationCode,
    pub(crate) difference: String,
    pub(crate) until: Date,
    pub(crate) end_reason: String,
    pub(crate) ended: bool,
}

/// A claim, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct SourceRow {
    pub(crate) entity_id: String,
    pub(crate) source: Source,
}

/// Which sources or plans are listed; every part narrows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Keys of an entity and its synonyms; none for any entity.
    pub(crate) entity_keys: Vec<String>,
    pub(crate) organisation: Option<OrganisationCode>,
    pub(crate) resource: Option<ResourceId>,
    /// Only plans that are in force on this day.
    pub(crate) in_force_on: Option<Date>,
    pub(crate) after: Option<String>,
    pub(crate) limit: u32,
}

/// A published resource, by its id.
pub(crate) async fn published(
    database: &Database,
    id: &ResourceId,
) -> Result<Option<Published>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM catalog_item WHERE resource_id = $1")
        .bind(id.to_string())
        .fetch_optional(database.pool())
        .await?;
    row.as_ref().map(resource).transpose()
}

/// Published resources in use that are about one of these entities, or do not say what they are about and have one of these
/// titles; entities and titles by their keys.
pub(crate) async fn candidates(
    database: &Database,
    entity_keys: &[String],
    titles: &[String],
) -> Result<Vec<Published>, sqlx::Error> {
    let entities = places(1, entity_keys.len());
    let unsaid: String = (0..titles.len())
        .map(|index| {
            format!(" OR (entity_key = '' AND titles LIKE ${})", entity_keys.len() + index + 1)
        })
        .collect();
    let sql = format!(
        "SELECT * FROM catalog_item WHERE in_use = 'yes' AND (entity_key IN ({entities}){unsaid})"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for key in entity_keys {
        query = query.bind(key.as_str());
    }
    for title in titles {
        query = query.bind(format!("% {title} %"));
    }
    query.fetch_all(database.pool()).await?.iter().map(resource).collect()
}

/// The claim of that id.
pub(crate) async fn source_by_id(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<Source>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM catalog_source WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.as_ref().map(source).transpose()?.map(|row| row.source))
}

/// The claim of an item of a resource, by the resource's code.
pub(crate) async fn source_of(
    database: &Database,
    code: &ResourceCode,
    item: &str,
) -> Result<Option<SourceRow>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM catalog_source WHERE code = $1 AND item = $2")
        .bind(code.to_string())
        .bind(item)
        .fetch_optional(database.pool())
        .await?;
    row.as_ref().map(source).transpose()
}

/// Resources of which something is claimed about these entities, and which were withdrawn since.
pub(crate) async fn withdrawn(
    database: &Database,
    entity_keys: &[String],
) -> Result<BTreeSet<ResourceId>, sqlx::Error> {
    let entities = places(1, entity_keys.len());
    let sql = format!(
        "SELECT DISTINCT source.resource_id FROM catalog_source AS source
         JOIN catalog_item AS item ON item.resource_id = source.resource_id
         WHERE item.in_use = 'never' AND source.entity_key IN ({entities})"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for key in entity_keys {
        query = query.bind(key.as_str());
    }
    query.fetch_all(database.pool()).await?.iter().map(|row| parsed(row, "resource_id")).collect()
}

/// Claims in the order of their ids.
pub(crate) async fn sources(
    database: &Database,
    filter: &Filter,
) -> Result<Vec<SourceRow>, sqlx::Error> {
    let binary = database.binary();
    let entities = narrowed(5, &filter.entity_keys);
    let mut query = sqlx::query(AssertSqlSafe(format!(
        "SELECT * FROM catalog_source
         WHERE id {binary} > $1 AND provider_code LIKE $2 AND resource_id LIKE $3{entities}
         ORDER BY id {binary} LIMIT $4"
    )))
    .bind(filter.after.clone().unwrap_or_default())
    .bind(filter.organisation.map_or_else(any, |code| code.to_string()))
    .bind(filter.resource.map_or_else(any, |id| id.to_string()))
    .bind(i64::from(filter.limit));
    for key in &filter.entity_keys {
        query = query.bind(key.clone());
    }
    query.fetch_all(database.pool()).await?.iter().map(source).collect()
}

/// The claims of these entities, in the order in which they were made.
pub(crate) async fn all_sources(
    database: &Database,
    entity_keys: &[String],
) -> Result<Vec<SourceRow>, sqlx::Error> {
    let entities = narrowed(1, entity_keys);
    let sql =
        format!("SELECT * FROM catalog_source WHERE id <> ''{entities} ORDER BY claimed_in, id");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for key in entity_keys {
        query = query.bind(key.as_str());
    }
    query.fetch_all(database.pool()).await?.iter().map(source).collect()
}

/// The register that a plan stands in, if `reader` may see it.
pub(crate) async fn register_of_plan(
    database: &Database,
    reader: &Actor,
    id: &str,
) -> Result<Option<String>, sqlx::Error> {
    let sql = format!("SELECT entity_id FROM catalog_plan WHERE {SEEN_PLAN} AND id = $3");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(governed(reader))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    row.map(|row| row.try_get("entity_id")).transpose()
}

/// Plans in the order of their ids, as `reader` may see them: their organisation, and the authority over it (R13.1).
pub(crate) async fn plans(
    database: &Database,
    reader: &Actor,
    filter: &Filter,
) -> Result<Vec<PlanRow>, sqlx::Error> {
    let binary = database.binary();
    let entities = narrowed(7, &filter.entity_keys);
    let in_force = match filter.in_force_on {
        Some(_) => format!(" AND end_reason IS NULL AND until_on {binary} >= $6"),
        None => " AND $6 = ''".to_owned(),
    };
    let mut query = sqlx::query(AssertSqlSafe(format!(
        "SELECT * FROM catalog_plan
         WHERE {SEEN_PLAN} AND id {binary} > $3 AND organisation_code LIKE $4{in_force}{entities}
         ORDER BY id {binary} LIMIT $5"
    )))
    .bind(reader.organisation.to_string())
    .bind(governed(reader))
    .bind(filter.after.clone().unwrap_or_default())
    .bind(filter.organisation.map_or_else(any, |code| code.to_string()))
    .bind(i64::from(filter.limit))
    .bind(filter.in_force_on.map(|day| day.to_string()).unwrap_or_default());
    for key in &filter.entity_keys {
        query = query.bind(key.clone());
    }
    query.fetch_all(database.pool()).await?.iter().map(plan).collect()
}

/// Plans of these entities that were not ended and stand in another register than this one.
pub(crate) async fn plans_elsewhere(
    database: &Database,
    entity_keys: &[String],
    entity_id: &str,
) -> Result<Vec<OtherPlan>, sqlx::Error> {
    let entities = narrowed(2, entity_keys);
    let sql = format!(
        "SELECT * FROM catalog_plan WHERE end_reason IS NULL AND entity_id <> $1{entities}"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(entity_id);
    for key in entity_keys {
        query = query.bind(key.as_str());
    }
    let rows = query.fetch_all(database.pool()).await?;
    let other = |row: &AnyRow| {
        let plan = decoded::<wire::CollectionPlan>("plan", row.try_get("plan")?)?;
        let plan = plan_from_wire(plan).map_err(|source| unreadable("plan", source))?;
        Ok(OtherPlan { id: parsed(row, "id")?, plan })
    };
    rows.iter().map(other).collect()
}

/// A message that stands in a column, hexadecimal.
pub(crate) fn decoded<M: Message + Name + Default>(
    column: &str,
    text: &str,
) -> Result<M, sqlx::Error> {
    let bytes = hex::decode(text).map_err(|source| unreadable(column, source))?;
    M::decode(bytes.as_slice()).map_err(|source| unreadable(column, source))
}

impl Published {
    /// The items that are to be had, as candidates of likeness.
    pub(crate) fn shared(&self) -> impl Iterator<Item = Shared> {
        let had = self.items.iter().filter(|(_, sharing)| *sharing != SharingType::NotShared);
        had.map(|(datum, sharing)| Shared {
            key: SourceKey { resource: self.id, item: datum.name.clone() },
            code: self.code.clone(),
            provider: self.provider,
            sharing: *sharing,
            datum: datum.clone(),
        })
    }
}

/// Who reads is `$1`, and the regions that it governs are `$2`.
const SEEN_PLAN: &str = "(organisation_code = $1 OR region_code LIKE $2)";

fn any() -> String {
    "%".to_owned()
}

/// `$3, $4` for two values from the third on.
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// A condition on the entity, if there is one.
fn narrowed(first: usize, entity_keys: &[String]) -> String {
    match entity_keys {
        [] => String::new(),
        keys => format!(" AND entity_key IN ({})", places(first, keys.len())),
    }
}

fn resource(row: &AnyRow) -> Result<Published, sqlx::Error> {
    let description: wire::ResourceDescription =
        decoded("description", row.try_get("description")?)?;
    let of_resource = sharing_type_from_number(description.sharing_type);
    let of_resource = of_resource.ok_or_else(|| unreadable("description", "no sharing type"))?;
    let entity = description.entity;
    let items = description.items.into_iter().map(|item| {
        let sharing = sharing_type_from_number(item.sharing_type).unwrap_or(of_resource);
        (Datum { entity: entity.clone(), name: item.name, title: item.title }, sharing)
    });
    let in_use: &str = row.try_get("in_use")?;
    Ok(Published {
        id: parsed(row, "resource_id")?,
        code: parsed(row, "code")?,
        provider: parsed(row, "provider_code")?,
        region: parsed(row, "region_code")?,
        items: items.collect(),
        entity,
        in_use: in_use == "yes",
    })
}

fn source(row: &AnyRow) -> Result<SourceRow, sqlx::Error> {
    let item: String = row.try_get("item")?;
    Ok(SourceRow {
        entity_id: row.try_get("entity_id")?,
        source: Source {
            key: SourceKey { resource: parsed(row, "resource_id")?, item: item.clone() },
            code: parsed(row, "code")?,
            provider: parsed(row, "provider_code")?,
            region: parsed(row, "region_code")?,
            datum: Datum {
                entity: row.try_get("entity")?,
                name: item,
                title: row.try_get("title")?,
            },
        },
    })
}

fn plan(row: &AnyRow) -> Result<PlanRow, sqlx::Error> {
    let end_reason: Option<String> = row.try_get("end_reason")?;
    Ok(PlanRow {
        id: row.try_get("id")?,
        plan: decoded("plan", row.try_get("plan")?)?,
        organisation: parsed(row, "organisation_code")?,
        difference: row.try_get("difference")?,
        until: parsed(row, "until_on")?,
        ended: end_reason.is_some(),
        end_reason: end_reason.unwrap_or_default(),
    })
}
