//! Resources and organisations as the bus needs them, from the stream CATALOG.

use async_trait::async_trait;
use prost_types::Any;
use publicdata_event_store::{Recorded, Subject};
use publicdata_proto::catalog::v1::{
    CertificateIssued, ConsolidationOrdered, ConsolidationStopped, OrganisationChanged,
    OrganisationRegistered, ResourceDrafted, ResourcePublished, ResourceResumed, ResourceSuspended,
    ResourceWithdrawn,
};
use publicdata_views::{ApplyError, View};
use sqlx::AnyConnection;

use super::{CATALOG, WithoutBeginning, event, microseconds, to_column};

/// What the column `standing` of a resource says.
pub(crate) const IN_USE: &str = "";
/// It is out of use for a time.
pub(crate) const SUSPENDED: &str = "suspended";
/// It is out of use for good.
pub(crate) const WITHDRAWN: &str = "withdrawn";

/// The view of the catalogue's events.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue;

#[async_trait]
impl View for Catalogue {
    fn name(&self) -> &'static str {
        "bus_catalogue"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[CATALOG]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["bus_resource", "bus_organisation", "bus_certificate", "bus_consolidation"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        matches!(subject.aggregate(), "resource" | "organisation" | "consolidation")
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let commit = recorded.commit().map_err(ApplyError::event)?;
        let at = commit.occurred_at.as_ref().map_or(0, microseconds);
        for any in &commit.events {
            match recorded.subject.aggregate() {
                "consolidation" => consolidate(connection, recorded.subject.id(), at, any).await?,
                _ => apply_one(connection, recorded.subject.id(), any).await?,
            }
        }
        Ok(())
    }
}

async fn apply_one(connection: &mut AnyConnection, id: &str, any: &Any) -> Result<(), ApplyError> {
    if let Some(registered) = event::<OrganisationRegistered>(any)? {
        return place(connection, &registered.code, &registered.region_code).await;
    }
    if let Some(changed) = event::<OrganisationChanged>(any)? {
        return place(connection, id, &changed.region_code).await;
    }
    if let Some(issued) = event::<CertificateIssued>(any)? {
        return enrol(connection, issued).await;
    }
    if let Some(drafted) = event::<ResourceDrafted>(any)? {
        return write(connection, id, drafted).await;
    }
    if event::<ResourcePublished>(any)?.is_some() {
        return publish(connection, id).await;
    }
    if event::<ResourceSuspended>(any)?.is_some() {
        return stand(connection, id, SUSPENDED).await;
    }
    if event::<ResourceResumed>(any)?.is_some() {
        return stand(connection, id, IN_USE).await;
    }
    match event::<ResourceWithdrawn>(any)? {
        Some(_) => stand(connection, id, WITHDRAWN).await,
        None => Ok(()),
    }
}

/// What flows to a centre, from now on or no longer.
async fn consolidate(
    connection: &mut AnyConnection,
    resource: &str,
    at: i64,
    any: &Any,
) -> Result<(), ApplyError> {
    if event::<ConsolidationStopped>(any)?.is_some() {
        sqlx::query("DELETE FROM bus_consolidation WHERE resource_id = $1")
            .bind(resource)
            .execute(connection)
            .await?;
        return Ok(());
    }
    let Some(ordered) = event::<ConsolidationOrdered>(any)? else { return Ok(()) };
    sqlx::query(
        "INSERT INTO bus_consolidation (resource_id, resource_code, provider_code, consumer_code, \
         region_code, legal_basis, ordered_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (resource_id) DO UPDATE SET provider_code = excluded.provider_code, \
         consumer_code = excluded.consumer_code, region_code = excluded.region_code, \
         legal_basis = excluded.legal_basis, ordered_at = excluded.ordered_at",
    )
    .bind(resource)
    .bind(ordered.resource_code)
    .bind(ordered.provider_code)
    .bind(ordered.centre_code)
    .bind(ordered.region_code)
    .bind(ordered.legal_basis)
    .bind(at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether what was published is in use; a revision does not change it.
async fn stand(
    connection: &mut AnyConnection,
    id: &str,
    standing: &'static str,
) -> Result<(), ApplyError> {
    sqlx::query("UPDATE bus_resource SET standing = $2 WHERE id = $1")
        .bind(id)
        .bind(standing)
        .execute(connection)
        .await?;
    Ok(())
}

/// Where an organisation is, at first or from now on.
async fn place(
    connection: &mut AnyConnection,
    code: &str,
    region_code: &str,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO bus_organisation (code, region_code) VALUES ($1, $2) \
         ON CONFLICT (code) DO UPDATE SET region_code = excluded.region_code",
    )
    .bind(code)
    .bind(region_code)
    .execute(connection)
    .await?;
    Ok(())
}

async fn enrol(
    connection: &mut AnyConnection,
    issued: CertificateIssued,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO bus_certificate (spiffe_id) VALUES ($1) ON CONFLICT (spiffe_id) DO NOTHING",
    )
    .bind(issued.spiffe_id)
    .execute(connection)
    .await?;
    Ok(())
}

async fn write(
    connection: &mut AnyConnection,
    id: &str,
    drafted: ResourceDrafted,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO bus_resource (id, code, region_code, written, published) \
         VALUES ($1, $2, $3, $4, '') \
         ON CONFLICT (id) DO UPDATE SET \
         code = excluded.code, region_code = excluded.region_code, written = excluded.written",
    )
    .bind(id)
    .bind(drafted.code)
    .bind(drafted.region_code)
    .bind(to_column(&drafted.description.unwrap_or_default()))
    .execute(connection)
    .await?;
    Ok(())
}

/// What was submitted holds from now on; nothing is written between submission and publication.
async fn publish(connection: &mut AnyConnection, id: &str) -> Result<(), ApplyError> {
    let changed = sqlx::query("UPDATE bus_resource SET published = written WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    match changed.rows_affected() {
        1 => Ok(()),
        _ => Err(ApplyError::event(WithoutBeginning {
            event: "ResourcePublished".to_owned(),
            id: id.to_owned(),
        })),
    }
}
