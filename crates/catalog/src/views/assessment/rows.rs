//! The rows of the view: marks, what stood in the catalogue, and what is open.

use prost::Message as _;
use publicdata_catalog_domain::assessment::completeness;
use publicdata_catalog_domain::assessment::score::Criterion;
use publicdata_event_store::Recorded;
use publicdata_proto::catalog::v1 as catalog;
use publicdata_types::SharingType;
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, Row as _};

use crate::codec::description_from_wire;

/// What all events of a commit have in common.
pub(super) struct Occasion<'a> {
    pub(super) recorded: &'a Recorded,
    /// The day in China on which it happened, by the service that decided it.
    pub(super) on: String,
}

/// A mark, without the occasion.
pub(super) struct Mark<'a> {
    pub(super) index: usize,
    pub(super) criterion: Criterion,
    pub(super) organisation: &'a str,
    pub(super) earned: i64,
    pub(super) what: &'a str,
}

impl Occasion<'_> {
    /// What the commit is about.
    pub(super) fn id(&self) -> &str {
        self.recorded.subject.id()
    }

    fn sequence(&self) -> i64 {
        i64::try_from(self.recorded.sequence).unwrap_or(i64::MAX)
    }

    pub(super) async fn mark(
        &self,
        connection: &mut AnyConnection,
        mark: &Mark<'_>,
        about_id: &str,
    ) -> Result<(), ApplyError> {
        let stream = self.recorded.stream.as_str();
        sqlx::query(
            "INSERT INTO assessment_mark (
                 id, criterion, organisation_code, marked_on, earned, stream, sequence, about_id, what
             ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(format!("{stream}:{}:{}", self.sequence(), mark.index))
        .bind(mark.criterion.as_str())
        .bind(mark.organisation)
        .bind(&self.on)
        .bind(mark.earned)
        .bind(stream)
        .bind(self.sequence())
        .bind(about_id)
        .bind(mark.what)
        .execute(connection)
        .await?;
        Ok(())
    }
}

pub(super) async fn written(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<catalog::ResourceDescription, ApplyError> {
    let query = "SELECT description FROM assessment_draft WHERE resource_id = $1";
    let row = sqlx::query(query).bind(id).fetch_one(connection).await?;
    let bytes = hex::decode(row.try_get::<&str, _>("description")?).map_err(ApplyError::event)?;
    catalog::ResourceDescription::decode(bytes.as_slice()).map_err(ApplyError::event)
}

pub(super) async fn begin(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    written: catalog::ResourceDescription,
) -> Result<(), ApplyError> {
    let description = description_from_wire(written).map_err(ApplyError::event)?;
    let completeness = completeness::of(&description);
    sqlx::query(
        "INSERT INTO assessment_entry (
             sequence, resource_id, organisation_code, name, filled, missing, shared, begun_on
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(occasion.sequence())
    .bind(occasion.id())
    .bind(description.provider.to_string())
    .bind(&description.name)
    .bind(i64::from(completeness.filled_permille))
    .bind(completeness.missing.join(", "))
    .bind(i64::from(description.sharing.kind() != SharingType::NotShared))
    .bind(&occasion.on)
    .execute(connection)
    .await?;
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

pub(super) async fn end(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE assessment_entry SET ended_on = $1 WHERE resource_id = $2 AND ended_on IS NULL",
    )
    .bind(&occasion.on)
    .bind(occasion.id())
    .execute(connection)
    .await?;
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
        index,
        criterion: known.ok_or_else(|| ApplyError::event("a criterion that is none"))?,
        organisation: row.try_get("organisation_code")?,
        earned,
        what: &what,
    };
    occasion.mark(&mut *connection, &mark, occasion.id()).await?;
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
