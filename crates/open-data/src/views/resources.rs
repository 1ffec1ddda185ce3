//! Catalogue entries as opening needs them, from the stream CATALOG.

use async_trait::async_trait;
use prost_types::Any;
use publicdata_event_store::{Recorded, Subject};
use publicdata_proto::catalog::v1::{
    ResourceDescription, ResourceDrafted, ResourcePublished, ResourceResumed, ResourceSuspended,
    ResourceWithdrawn,
};
use publicdata_views::{ApplyError, View};
use sqlx::{AnyConnection, Row as _};

use super::{CATALOG, WithoutBeginning, event, from_column, to_column};

const AGGREGATE: &str = "resource";

/// What the column `standing` says of a resource that is out of use for a time.
pub(crate) const SUSPENDED: &str = "suspended";
/// The same for good.
pub(crate) const WITHDRAWN: &str = "withdrawn";

/// The view of the catalogue's events.
pub(super) struct Resources;

#[async_trait]
impl View for Resources {
    fn name(&self) -> &'static str {
        "opendata_resource"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[CATALOG]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["opendata_resource"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let commit = recorded.commit().map_err(ApplyError::event)?;
        for any in &commit.events {
            apply_one(connection, recorded.subject.id(), any).await?;
        }
        Ok(())
    }
}

async fn apply_one(connection: &mut AnyConnection, id: &str, any: &Any) -> Result<(), ApplyError> {
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
        return stand(connection, id, "").await;
    }
    match event::<ResourceWithdrawn>(any)? {
        Some(_) => {
            // What the catalogue withdrew, the public no longer gets; nothing follows a withdrawal.
            close(connection, id).await?;
            stand(connection, id, WITHDRAWN).await
        }
        None => Ok(()),
    }
}

/// Whether what was published is in use; a revision does not change it.
async fn stand(
    connection: &mut AnyConnection,
    id: &str,
    standing: &'static str,
) -> Result<(), ApplyError> {
    sqlx::query("UPDATE opendata_resource SET standing = $2 WHERE id = $1")
        .bind(id)
        .bind(standing)
        .execute(connection)
        .await?;
    Ok(())
}

async fn close(connection: &mut AnyConnection, id: &str) -> Result<(), ApplyError> {
    sqlx::query("UPDATE opendata_resource SET is_open = 0 WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn write(
    connection: &mut AnyConnection,
    id: &str,
    drafted: ResourceDrafted,
) -> Result<(), ApplyError> {
    let description = drafted.description.unwrap_or_default();
    sqlx::query(
        "INSERT INTO opendata_resource \
         (id, code, provider_code, region_code, written, published, name, is_open, words) \
         VALUES ($1, $2, $3, $4, $5, '', '', 0, '') \
         ON CONFLICT (id) DO UPDATE SET code = excluded.code, \
         provider_code = excluded.provider_code, region_code = excluded.region_code, \
         written = excluded.written",
    )
    .bind(id)
    .bind(drafted.code)
    .bind(description.provider_code.as_str())
    .bind(drafted.region_code)
    .bind(to_column(&description))
    .execute(connection)
    .await?;
    Ok(())
}

/// What was submitted holds from now on; nothing is written between submission and publication.
async fn publish(connection: &mut AnyConnection, id: &str) -> Result<(), ApplyError> {
    let row = sqlx::query("SELECT code, written FROM opendata_resource WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else {
        let (event, id) = ("ResourcePublished", id.to_owned());
        return Err(ApplyError::event(WithoutBeginning { event, id }));
    };
    let description: ResourceDescription = from_column(&row, "written")?;

    sqlx::query(
        "UPDATE opendata_resource SET published = written, name = $2, is_open = $3, words = $4 \
         WHERE id = $1",
    )
    .bind(id)
    .bind(description.name.as_str())
    .bind(i64::from(description.open))
    .bind(words(row.try_get("code")?, &description))
    .execute(connection)
    .await?;
    Ok(())
}

/// Name, abstract and code, and the items that are open: a search finds nothing by what the public may not see.
fn words(code: &str, description: &ResourceDescription) -> String {
    let mut words = vec![code, &description.name, &description.r#abstract];
    for item in description.items.iter().filter(|item| item.open && item.mask == 0) {
        words.extend([item.name.as_str(), item.title.as_str()]);
    }
    words.join("\n").to_lowercase()
}
