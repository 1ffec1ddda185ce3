//! Rows of the register as answers, and to whom: an organisation sees its own, an authority its region and below, an auditor
//! all (R13.1).

use std::fmt::Write as _;

use jiff::civil::Date;
use prost::Message;
use publicdata_proto::catalog::v1::{
    Agreement, Network, Recovery, RecoveryKind, RecoveryTerms, SecurityRecord, System, SystemCount,
    SystemIntegration,
};
use publicdata_types::{Actor, AgreementId, CommandId, OrganisationCode, RegionCode};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{parsed, unreadable, within};

/// A pattern that no region fits.
const NOWHERE: &str = "-";

/// What is listed; every part narrows it.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) organisation: Option<OrganisationCode>,
    pub(crate) region: Option<RegionCode>,
    /// Further conditions, of numbers and dates alone.
    pub(crate) conditions: String,
    pub(crate) after: String,
    pub(crate) limit: u32,
}

/// A row, and where it stands in lists.
#[derive(Clone, Debug)]
pub(crate) struct Placed<M> {
    pub(crate) place: String,
    pub(crate) message: M,
}

/// An answer that holds whose it is.
pub(crate) trait Owned: Message + Default {
    /// The table, by its alias `t`; its rows lie in a list by `t.place`.
    const TABLE: &'static str;
    /// A condition on the reader's region, `$2`, under which it is seen as well.
    const ALSO_SEEN: &'static str = "";

    /// Fills in what the row does not hold.
    fn owned_by(&mut self, name: String, region: String);
}

macro_rules! owned {
    ($message:ident, $table:literal $(, $also:literal)?) => {
        impl Owned for $message {
            const TABLE: &'static str = $table;
            $(const ALSO_SEEN: &'static str = $also;)?

            fn owned_by(&mut self, name: String, region: String) {
                self.organisation_name = name;
                self.region_code = region;
            }
        }
    };
}

owned!(System, "register_system");
// Whoever has to answer sees the question, also after the organisation moved.
owned!(Network, "register_network", " OR t.answering_region_code LIKE $2");
owned!(SecurityRecord, "register_security_record");
owned!(Agreement, "register_agreement");

/// A page of what `reader` may see.
pub(crate) async fn list<M: Owned>(
    database: &Database,
    reader: &Actor,
    listing: &Listing,
) -> Result<Vec<Placed<M>>, sqlx::Error> {
    let (binary, table, also) = (database.binary(), M::TABLE, M::ALSO_SEEN);
    let sql = format!(
        "SELECT t.body, t.place, o.name AS owner_name, o.region_code AS owner_region
         FROM {table} AS t JOIN register_organisation AS o ON o.code = t.organisation_code
         WHERE (t.organisation_code = $1 OR o.region_code LIKE $2{also})
             AND t.organisation_code LIKE $3 AND o.region_code LIKE $4{conditions}
             AND t.place {binary} > $5
         ORDER BY t.place {binary} LIMIT $6",
        conditions = listing.conditions,
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(seen(reader))
        .bind(any_or(listing.organisation.as_ref().map(ToString::to_string)))
        .bind(any_or(listing.region.as_ref().map(within)))
        .bind(&listing.after)
        .bind(i64::from(listing.limit))
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(placed).collect()
}

/// One of them, if `reader` may see it.
pub(crate) async fn one<M: Owned>(
    database: &Database,
    reader: &Actor,
    id: &str,
) -> Result<Option<M>, sqlx::Error> {
    let (table, also) = (M::TABLE, M::ALSO_SEEN);
    let sql = format!(
        "SELECT t.body, t.place, o.name AS owner_name, o.region_code AS owner_region
         FROM {table} AS t JOIN register_organisation AS o ON o.code = t.organisation_code
         WHERE (t.organisation_code = $1 OR o.region_code LIKE $2{also}) AND t.id = $3"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(seen(reader))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    Ok(row.as_ref().map(placed::<M>).transpose()?.map(|placed| placed.message))
}

/// R8.2: how many systems each organisation runs, those with the most isolated ones first.
pub(crate) async fn count_systems(
    database: &Database,
    reader: &Actor,
    region: Option<&RegionCode>,
    today: Date,
) -> Result<Vec<SystemCount>, sqlx::Error> {
    let of = |integration: SystemIntegration, also: &str| {
        let number = integration as i32;
        format!("CAST(SUM(CASE WHEN t.integration = {number}{also} THEN 1 ELSE 0 END) AS BIGINT)")
    };
    let overdue = format!(" AND t.due_on < '{today}'");
    let sql = format!(
        "SELECT o.code, o.name, o.region_code, {integrated} AS integrated, {planned} AS planned,
             {overdue} AS overdue, {isolated} AS isolated
         FROM register_system AS t JOIN register_organisation AS o ON o.code = t.organisation_code
         WHERE (t.organisation_code = $1 OR o.region_code LIKE $2) AND o.region_code LIKE $3
             AND t.retired = 0
         GROUP BY o.code, o.name, o.region_code ORDER BY isolated DESC, o.code",
        integrated = of(SystemIntegration::Integrated, ""),
        planned = of(SystemIntegration::Planned, ""),
        overdue = of(SystemIntegration::Planned, &overdue),
        isolated = of(SystemIntegration::Isolated, ""),
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(seen(reader))
        .bind(any_or(region.map(within)))
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(count).collect()
}

/// R11.1: what is published or registered, and whether it is enrolled in disaster recovery.
pub(crate) async fn list_recovery(
    database: &Database,
    reader: &Actor,
    listing: &Listing,
) -> Result<Vec<Recovery>, sqlx::Error> {
    let binary = database.binary();
    let (resource, system) = (RecoveryKind::Resource as i32, RecoveryKind::System as i32);
    let sql = format!(
        "SELECT t.id, t.kind, t.name, t.description, t.organisation_code, r.terms,
             o.name AS owner_name, o.region_code AS owner_region
         FROM (
             SELECT id, CAST({resource} AS BIGINT) AS kind, '' AS name, published_description AS description,
                 provider_code AS organisation_code
             FROM catalog_resource
             WHERE published_description IS NOT NULL AND status <> 'withdrawn'
             UNION ALL
             SELECT id, CAST({system} AS BIGINT) AS kind, name, '' AS description, organisation_code
             FROM register_system WHERE retired = 0
         ) AS t
         JOIN register_organisation AS o ON o.code = t.organisation_code
         LEFT JOIN register_recovery AS r ON r.id = t.id
         WHERE (t.organisation_code = $1 OR o.region_code LIKE $2)
             AND t.organisation_code LIKE $3 AND o.region_code LIKE $4{conditions}
             AND t.id {binary} > $5
         ORDER BY t.id {binary} LIMIT $6",
        conditions = listing.conditions,
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(reader.organisation.to_string())
        .bind(seen(reader))
        .bind(any_or(listing.organisation.as_ref().map(ToString::to_string)))
        .bind(any_or(listing.region.as_ref().map(within)))
        .bind(&listing.after)
        .bind(i64::from(listing.limit))
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(recovery).collect()
}

/// Whether a system that the organisation runs has a name like this: a resource is not named after the system that it comes
/// from (R12.1). Of others' systems nothing is told (R13.1).
pub(crate) async fn system_named(
    connection: &mut AnyConnection,
    organisation: &OrganisationCode,
    name_key: &str,
) -> Result<bool, sqlx::Error> {
    let query = "SELECT id FROM register_system
                 WHERE name_key = $1 AND organisation_code = $2 AND retired = 0 LIMIT 1";
    let found = sqlx::query(query)
        .bind(name_key)
        .bind(organisation.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// R44.1: agreements whose last day has passed unnoticed, with the commands that registered them.
pub(crate) async fn elapsed_agreements(
    database: &Database,
    in_force: i32,
    today: Date,
) -> Result<Vec<(AgreementId, CommandId)>, sqlx::Error> {
    let query = "SELECT id, cause FROM register_agreement
                 WHERE status = $1 AND until_on < $2 ORDER BY until_on LIMIT 500";
    let rows = sqlx::query(query)
        .bind(i64::from(in_force))
        .bind(today.to_string())
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(|row| Ok((parsed(row, "id")?, parsed(row, "cause")?))).collect()
}

/// The principals whose last certificates rest on an agreement.
pub(crate) async fn accounts_under(
    database: &Database,
    agreement: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let query = "SELECT spiffe_id FROM register_agreement_account WHERE agreement_id = $1
                 ORDER BY spiffe_id LIMIT 500";
    let rows = sqlx::query(query).bind(agreement).fetch_all(database.pool()).await?;
    rows.iter().map(|row| row.try_get("spiffe_id")).collect()
}

impl Listing {
    /// Narrows it by a column's number, unless that is 0.
    #[must_use]
    pub(crate) fn numbered(mut self, column: &'static str, number: i32) -> Self {
        if number != 0 {
            // Writing to a string does not fail.
            let _ = write!(self.conditions, " AND t.{column} = {number}");
        }
        self
    }

    /// Narrows it by a condition without parameters.
    #[must_use]
    pub(crate) fn only(mut self, condition: &str) -> Self {
        let _ = write!(self.conditions, " AND {condition}");
        self
    }
}

/// The pattern of the regions whose organisations the reader may see.
fn seen(reader: &Actor) -> String {
    if reader.may_audit().is_ok() {
        return "%".to_owned();
    }
    match reader.is_authority_over(&reader.region) {
        true => within(&reader.region),
        false => NOWHERE.to_owned(),
    }
}

fn any_or(pattern: Option<String>) -> String {
    pattern.unwrap_or_else(|| "%".to_owned())
}

fn placed<M: Owned>(row: &AnyRow) -> Result<Placed<M>, sqlx::Error> {
    let mut message: M = decoded(row, "body")?;
    message.owned_by(row.try_get("owner_name")?, row.try_get("owner_region")?);
    Ok(Placed { place: row.try_get("place")?, message })
}

fn count(row: &AnyRow) -> Result<SystemCount, sqlx::Error> {
    let number = |column: &str| -> Result<u32, sqlx::Error> {
        let number: i64 = row.try_get(column)?;
        u32::try_from(number).map_err(|source| unreadable(column, source))
    };
    Ok(SystemCount {
        organisation_code: row.try_get("code")?,
        organisation_name: row.try_get("name")?,
        region_code: row.try_get("region_code")?,
        integrated: number("integrated")?,
        planned: number("planned")?,
        overdue: number("overdue")?,
        isolated: number("isolated")?,
    })
}

fn recovery(row: &AnyRow) -> Result<Recovery, sqlx::Error> {
    let kind: i64 = row.try_get("kind")?;
    let kind = i32::try_from(kind).map_err(|source| unreadable("kind", source))?;
    let name = match kind == RecoveryKind::Resource as i32 {
        true => super::decoded("description", row.try_get("description")?)?.name,
        false => row.try_get("name")?,
    };
    let terms = match row.try_get::<Option<&str>, _>("terms")? {
        Some(_) => Some(decoded::<RecoveryTerms>(row, "terms")?),
        None => None,
    };
    Ok(Recovery {
        id: row.try_get("id")?,
        kind,
        name,
        organisation_code: row.try_get("organisation_code")?,
        organisation_name: row.try_get("owner_name")?,
        region_code: row.try_get("owner_region")?,
        enrolled: terms.is_some(),
        terms,
    })
}

fn decoded<M: Message + Default>(row: &AnyRow, column: &str) -> Result<M, sqlx::Error> {
    let bytes = hex::decode(row.try_get::<&str, _>(column)?);
    let bytes = bytes.map_err(|source| unreadable(column, source))?;
    M::decode(bytes.as_slice()).map_err(|source| unreadable(column, source))
}
