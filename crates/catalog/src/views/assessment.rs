//! What events earned or lost, as rows (R12.4): our own events, and what the bus tells of applications and transfers.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use prost::{Message, Name};
use prost_types::Any;
use publicdata_catalog_domain::assessment::score::Criterion;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_proto::catalog::v1 as catalog;
use publicdata_proto::exchange::v1 as exchange;
use publicdata_types::china_date;
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::AnyConnection;

use crate::app::BuildError;
use crate::codec::time_from_wire;
use crate::views::{MIGRATIONS, STREAM};
use reviews::Reviews;
use rows::{
    MARK_MAX, Mark, Occasion, Publication, close, end, forget, keep, marks, open, published,
    resume, written,
};

mod reviews;
mod rows;

/// The stream of the bus's events: how applications were answered, and what was delivered.
const EXCHANGE: &str = "EXCHANGE";
/// How many commits are written together, if nothing else is among them: few enough that this often holds.
const TOGETHER_MAX: usize = 64;

/// The view of marks, in a database of the catalogue's.
///
/// # Errors
/// The database cannot be used.
pub async fn assessment(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Marks)).await?)
}

struct Marks;

#[async_trait]
impl View for Marks {
    fn name(&self) -> &'static str {
        "assessment"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM, EXCHANGE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "assessment_mark",
            "assessment_entry",
            "assessment_draft",
            "assessment_use",
            "assessment_open",
            "assessment_bulletin",
        ]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        matches!(
            subject.aggregate(),
            "resource" | "obligation" | "assessment" | "grant" | "transfer"
        )
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let commit = recorded.commit().map_err(ApplyError::event)?;
        let at = time_from_wire("occurred_at", commit.occurred_at).map_err(ApplyError::event)?;
        let occasion = Occasion { recorded, on: china_date(at).to_string() };
        for (index, any) in commit.events.iter().enumerate() {
            match recorded.subject.aggregate() {
                "resource" => resource(connection, &occasion, index, any).await?,
                "obligation" => obligation(connection, &occasion, index, any).await?,
                "assessment" => bulletin(connection, &occasion, at, any).await?,
                "grant" => application(connection, &occasion, index, any).await?,
                "transfer" => transfer(connection, &occasion, any).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn apply_all(
        &self,
        connection: &mut AnyConnection,
        commits: &[&Recorded],
    ) -> Result<(), ApplyError> {
        for commits in commits.chunks(TOGETHER_MAX) {
            match Reviews::of(commits)? {
                Some(reviews) => reviews.write(&mut *connection).await?,
                None => {
                    for recorded in commits {
                        self.apply(&mut *connection, recorded).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

async fn resource(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    index: usize,
    any: &Any,
) -> Result<(), ApplyError> {
    let id = occasion.id();
    if let Some(drafted) = event::<catalog::ResourceDrafted>(any)? {
        return keep(connection, &[(id, drafted.description.unwrap_or_default())]).await;
    }
    if let Some(returned) = event::<catalog::ResourceReturned>(any)? {
        let written = written_of(&mut *connection, id).await?;
        let what = format!("{} was returned: {}", written.name, returned.reason);
        let (organisation, what) = (written.provider_code.as_str(), what.as_str());
        let criterion = Criterion::Completeness;
        let mark = Mark { occasion, index, criterion, organisation, earned: 0, what };
        return marks(connection, &[mark]).await;
    }
    if event::<catalog::ResourcePublished>(any)?.is_some() {
        let written = written_of(&mut *connection, id).await?;
        return published(connection, &[Publication { occasion, index, written }]).await;
    }
    if event::<catalog::ResourceResumed>(any)?.is_some() {
        return resume(connection, occasion).await;
    }
    if event::<catalog::ResourceSuspended>(any)?.is_some()
        || event::<catalog::ResourceWithdrawn>(any)?.is_some()
    {
        return end(connection, &occasion.on, &[id]).await;
    }
    Ok(())
}

async fn obligation(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    index: usize,
    any: &Any,
) -> Result<(), ApplyError> {
    if let Some(opened) = event::<catalog::ObligationOpened>(any)? {
        let criterion = match opened.kind() {
            catalog::ObligationKind::CatalogueUpdate => Criterion::Completeness,
            catalog::ObligationKind::DataUpdate | catalog::ObligationKind::LibraryItem => {
                Criterion::Timeliness
            }
            // A kind that is newer than this program earns and loses nothing here.
            catalog::ObligationKind::Unspecified => return Ok(()),
        };
        let organisation = &opened.organisation_code;
        return open(connection, occasion, organisation, criterion, &opened.subject).await;
    }
    if event::<catalog::ObligationMet>(any)?.is_some() {
        return close(connection, occasion, index, MARK_MAX, "was done in time").await;
    }
    if event::<catalog::ObligationMissed>(any)?.is_some() {
        return close(connection, occasion, index, 0, "was not done in time").await;
    }
    if event::<catalog::ObligationCancelled>(any)?.is_some() {
        return forget(connection, occasion).await;
    }
    Ok(())
}

async fn application(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    index: usize,
    any: &Any,
) -> Result<(), ApplyError> {
    if let Some(submitted) = event::<exchange::ApplicationSubmitted>(any)? {
        let subject = format!("application for {}", submitted.resource_code);
        let (provider, criterion) = (&submitted.provider_code, Criterion::Response);
        return open(connection, occasion, provider, criterion, &subject).await;
    }
    if event::<exchange::ApplicationOverdue>(any)?.is_some() {
        return close(connection, occasion, index, 0, "was not taken up in time").await;
    }
    if event::<exchange::GrantIssued>(any)?.is_some()
        || event::<exchange::ApplicationRefused>(any)?.is_some()
    {
        return close(connection, occasion, index, MARK_MAX, "was taken up in time").await;
    }
    Ok(())
}

async fn transfer(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    any: &Any,
) -> Result<(), ApplyError> {
    if let Some(requested) = event::<exchange::TransferRequested>(any)? {
        return open(connection, occasion, "", Criterion::Use, &requested.resource_id).await;
    }
    if event::<exchange::TransferCompleted>(any)?.is_some() {
        sqlx::query(
            "INSERT INTO assessment_use (resource_id, used_on)
             SELECT subject, $2 FROM assessment_open WHERE id = $1
             ON CONFLICT (resource_id, used_on) DO NOTHING",
        )
        .bind(occasion.id())
        .bind(&occasion.on)
        .execute(&mut *connection)
        .await?;
        return forget(connection, occasion).await;
    }
    if event::<exchange::TransferRefused>(any)?.is_some()
        || event::<exchange::TransferStopped>(any)?.is_some()
    {
        return forget(connection, occasion).await;
    }
    Ok(())
}

async fn bulletin(
    connection: &mut AnyConnection,
    occasion: &Occasion<'_>,
    at: Timestamp,
    any: &Any,
) -> Result<(), ApplyError> {
    let Some(published) = event::<catalog::AssessmentPublished>(any)? else { return Ok(()) };
    sqlx::query(
        "INSERT INTO assessment_bulletin (id, first_on, last_on, region_code, published_at, bulletin)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(occasion.id())
    .bind(&published.first_on)
    .bind(&published.last_on)
    .bind(&published.region_code)
    .bind(at.as_microsecond())
    .bind(hex::encode(published.encode_to_vec()))
    .execute(connection)
    .await?;
    Ok(())
}

/// What was last written of an entry.
async fn written_of(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<catalog::ResourceDescription, ApplyError> {
    let mut known = written(connection, &[id]).await?;
    known.remove(id).ok_or_else(|| ApplyError::event("a review of what was not drafted"))
}

fn event<M: Message + Name + Default>(any: &Any) -> Result<Option<M>, ApplyError> {
    if any.type_url != M::type_url() {
        return Ok(None);
    }
    M::decode(any.value.as_slice()).map(Some).map_err(ApplyError::event)
}
