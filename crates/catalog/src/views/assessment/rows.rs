//! The rows of the view: marks, what stood in the catalogue, and what is open.

use std::collections::{BTreeMap, HashMap};

use prost::Message as _;
use publicdata_catalog_domain::assessment::completeness;
use publicdata_catalog_domain::assessment::score::Criterion;
use publicdata_event_store::Recorded;
use publicdata_proto::catalog::v1 as catalog;
use publicdata_types::SharingType;
use publicdata_views::{ApplyError, parts, places};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::codec::description_from_wire;

/// What is earned where nothing is wrong, in thousandths.
pub(super) const MARK_MAX: i64 = 1_000;

/// What all events of a commit have in common.
pub(super) struct Occasion<'a> {
    pub(super) recorded: &'a Recorded,
    /// The day in China on which it happened, by the service that decided it.
    pub(super) on: String,
}

/// A mark.
pub(super) struct Mark<'a> {
    pub(super) occasion: &'a Occasion<'a>,
    /// Which event of the commit it is for.
    pub(super) index: usize,
    pub(super) criterion: Criterion,
    pub(super) organisation: &'a str,
    pub(super) earned: i64,
    pub(super) what: &'a str,
}

/// A publication, and what it published.
pub(super) struct Publication<'a> {
    pub(super) occasion: &'a Occasion<'a>,
    /// Which event of the commit it is.
    pub(super) index: usize,
    pub(super) written: catalog::ResourceDescription,
}

impl Occasion<'_> {
    /// What the commit is about.
    pub(super) fn id(&self) -> &str {
        self.recorded.subject.id()
    }

    fn sequence(&self) -> i64 {
        i64::try_from(self.recorded.sequence).unwrap_or(i64::MAX)
    }
}

pub(super) async fn marks(
    connection: &mut AnyConnection,
    marks: &[Mark<'_>],
) -> Result<(), ApplyError> {
    let insert = format!(
        "INSERT INTO assessment_mark (
             id, criterion, organisation_code, marked_on, earned, stream, sequence, about_id, what
         ) VALUES {}",
        places(marks.len(), 9)
    );
    let mut query = sqlx::query(AssertSqlSafe(insert));
    for Mark { occasion, index, criterion, organisation, earned, what } in marks {
        let (stream, sequence) = (occasion.recorded.stream.as_str(), occasion.sequence());
        query = query
            .bind(format!("{stream}:{sequence}:{index}"))
            .bind(criterion.as_str())
            .bind(*organisation)
            .bind(occasion.on.as_str())
            .bind(*earned)
            .bind(stream)
            .bind(sequence)
            .bind(occasion.id())
            .bind(*what);
    }
    query.execute(connection).await?;
    Ok(())
}

/// Keeps what drafts say until they are reviewed.
pub(super) async fn keep(
    connection: &mut AnyConnection,
    drafts: &[(&str, catalog::ResourceDescription)],
) -> Result<(), ApplyError> {
    let upsert = format!(
        "INSERT INTO assessment_draft (resource_id, description) VALUES {}
         ON CONFLICT (resource_id) DO UPDATE SET description = excluded.description",
        places(drafts.len(), 2)
    );
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for (id, description) in drafts {
        query = query.bind(*id).bind(hex::encode(description.encode_to_vec()));
    }
    query.execute(connection).await?;
    Ok(())
}

/// What was last written of these entries.
pub(super) async fn written(
    connection: &mut AnyConnection,
    ids: &[&str],
) -> Result<HashMap<String, catalog::ResourceDescription>, ApplyError> {
    let places = places(1, ids.len());
    let select = format!(
        "SELECT resource_id, description FROM assessment_draft WHERE resource_id IN {places}"
    );
    let mut query = sqlx::query(AssertSqlSafe(select));
    for id in ids {
        query = query.bind(*id);
    }
    let mut known = HashMap::new();
    for row in query.fetch_all(connection).await? {
        let bytes = hex::decode(row.try_get::<&str, _>("description")?);
        let bytes = bytes.map_err(ApplyError::event)?;
        let description = catalog::ResourceDescription::decode(bytes.as_slice());
        known.insert(row.try_get("resource_id")?, description.map_err(ApplyError::event)?);
    }
    Ok(known)
}

/// Marks that entries passed review, each of another resource, and lets them stand in the place of what stood there.
pub(super) async fn published(
    connection: &mut AnyConnection,
    publications: &[Publication<'_>],
) -> Result<(), ApplyError> {
    let what: Vec<String> = publications
        .iter()
        .map(|publication| format!("{} passed review", publication.written.name))
        .collect();
    let mark = |(publication, what)| {
        let Publication { occasion, index, written }: &Publication<'_> = publication;
        let what: &String = what;
        Mark {
            occasion,
            index: *index,
            criterion: Criterion::Completeness,
            organisation: written.provider_code.as_str(),
            earned: MARK_MAX,
            what: what.as_str(),
        }
    };
    let passed: Vec<Mark<'_>> = publications.iter().zip(&what).map(mark).collect();
    marks(&mut *connection, &passed).await?;

    let mut ended: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Publication { occasion, .. } in publications {
        ended.entry(occasion.on.as_str()).or_default().push(occasion.id());
    }
    for (on, ids) in ended {
        for ids in parts(&ids) {
            end(&mut *connection, on, ids).await?;
        }
    }
    begin(connection, publications).await
}

async fn begin(
    connection: &mut AnyConnection,
    publications: &[Publication<'_>],
) -> Result<(), ApplyError> {
    let insert = format!(
        "INSERT INTO assessment_entry (
             sequence, resource_id, organisation_code, name, filled, missing, shared, begun_on
         ) VALUES {}",
        places(publications.len(), 8)
    );
    let mut query = sqlx::query(AssertSqlSafe(insert));
    for Publication { occasion, written, .. } in publications {
        let description = description_from_wire(written.clone()).map_err(ApplyError::event)?;
        let completeness = completeness::of(&description);
        query = query
            .bind(occasion.sequence())
            .bind(occasion.id())
            .bind(description.provider.to_string())
            .bind(description.name)
            .bind(i64::from(completeness.filled_permille))
            .bind(completeness.missing.join(", "))
            .bind(i64::from(description.sharing.kind() != SharingType::NotShared))
            .bind(occasion.on.as_str());
    }
    query.execute(connection).await?;
    Ok(())
}

/// What held before the suspension holds again.
pub(super) async fn resume(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO assessment_entry (
             sequence, resource_id, organisation_code, name, filled, missing, shared, begun_on
         )
         SELECT CAST($1 AS BIGINT), resource_id, organisation_code, name, filled, missing, shared, $3
         FROM assessment_entry WHERE resource_id = $2 ORDER BY sequence DESC LIMIT 1",
    )
    .bind(occasion.sequence())
    .bind(occasion.id())
    .bind(&occasion.on)
    .execute(connection)
    .await?;
    Ok(())
}

/// What stands of these entries ends on this day.
pub(super) async fn end(
    connection: &mut AnyConnection,
    on: &str,
    ids: &[&str],
) -> Result<(), ApplyError> {
    let places = (2..).take(ids.len()).map(|place| format!("${place}")).collect::<Vec<_>>();
    let update = format!(
        "UPDATE assessment_entry SET ended_on = $1 WHERE resource_id IN ({}) AND ended_on IS NULL",
        places.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(update)).bind(on);
    for id in ids {
        query = query.bind(*id);
    }
    query.execute(connection).await?;
    Ok(())
}

pub(super) async fn open(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    organisation: &str,
    criterion: Criterion,
    subject: &str,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO assessment_open (id, organisation_code, criterion, subject)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(occasion.id())
    .bind(organisation)
    .bind(criterion.as_str())
    .bind(subject)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks how something ended. What ended before, or never began as an application, earns and loses nothing more.
pub(super) async fn close(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    index: usize,
    earned: i64,
    how: &str,
) -> Result<(), ApplyError> {
    let row = sqlx::query("SELECT * FROM assessment_open WHERE id = $1")
        .bind(occasion.id())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(()) };
    let criterion: &str = row.try_get("criterion")?;
    let known = Criterion::ALL.into_iter().find(|known| known.as_str() == criterion);
    let what = format!("{}: {how}", row.try_get::<&str, _>("subject")?);
    let mark = Mark {
        occasion,
        index,
        criterion: known.ok_or_else(|| ApplyError::event("a criterion that is none"))?,
        organisation: row.try_get("organisation_code")?,
        earned,
        what: &what,
    };
    marks(&mut *connection, &[mark]).await?;
    forget(connection, occasion).await
}

pub(super) async fn forget(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
) -> Result<(), ApplyError> {
    let query = "DELETE FROM assessment_open WHERE id = $1";
    sqlx::query(query).bind(occasion.id()).execute(connection).await?;
    Ok(())
}
