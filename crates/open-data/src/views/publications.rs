//! Publications, from the stream OPENDATA.

use async_trait::async_trait;
use prost_types::{Any, Timestamp};
use publicdata_event_store::aggregates::Codec;
use publicdata_event_store::{Recorded, Subject};
use publicdata_open_data_domain::publication::{Event, Outcome, Proposal};
use publicdata_proto::opendata::v1::{Publication, PublicationStatus};
use publicdata_views::{ApplyError, View};
use sqlx::{AnyConnection, Row as _};

use super::{OPENDATA, WithoutBeginning, from_column, to_column};
use crate::codec;

/// The view of our own events.
pub(super) struct Publications;

/// A row.
struct Row {
    publication: Publication,
    sequence: i64,
    published_sequence: i64,
    published_at: i64,
}

/// What a commit says beside its events.
struct Context<'a> {
    id: &'a str,
    sequence: i64,
    at: Option<Timestamp>,
}

#[async_trait]
impl View for Publications {
    fn name(&self) -> &'static str {
        "opendata_publication"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[OPENDATA]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["opendata_publication"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == codec::Publications::AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let commit = recorded.commit().map_err(ApplyError::event)?;
        let context = Context {
            id: recorded.subject.id(),
            sequence: i64::try_from(recorded.sequence).map_err(ApplyError::event)?,
            at: commit.occurred_at,
        };
        let mut row = load(connection, context.id).await?;
        for any in &commit.events {
            row = evolve(row, &context, any)?;
        }
        match row {
            Some(row) => save(connection, context.id, &row).await,
            None => Ok(()),
        }
    }
}

fn evolve(row: Option<Row>, context: &Context<'_>, any: &Any) -> Result<Option<Row>, ApplyError> {
    let Some(event) = codec::Publications::decode(any).map_err(ApplyError::event)? else {
        return Ok(row);
    };
    let begun = |event| match row {
        Some(row) => Ok(row),
        None => Err(ApplyError::event(WithoutBeginning { event, id: context.id.to_owned() })),
    };
    let mut row = match event {
        Event::Proposed(proposal) => proposed(context, proposal),
        Event::SecrecyReviewed(review) => {
            let mut row = begun("SecrecyReviewed")?;
            row.publication.set_status(match review.outcome {
                Outcome::Passed => PublicationStatus::Reviewed,
                Outcome::Rejected => PublicationStatus::Rejected,
            });
            row
        }
        Event::Published { .. } => {
            let mut row = begun("PublicationPublished")?;
            row.publication.set_status(PublicationStatus::Published);
            row.published_sequence = context.sequence;
            let at = codec::time_from_wire("occurred_at", context.at);
            row.published_at = at.map_err(ApplyError::event)?.as_microsecond();
            row
        }
        Event::Withdrawn { .. } => {
            let mut row = begun("PublicationWithdrawn")?;
            row.publication.set_status(PublicationStatus::Withdrawn);
            row
        }
    };
    row.publication.updated_at = context.at;
    Ok(Some(row))
}

fn proposed(context: &Context<'_>, proposal: Proposal) -> Row {
    let mut publication = Publication {
        id: context.id.to_owned(),
        resource_id: proposal.resource.to_string(),
        resource_code: proposal.resource_code.to_string(),
        provider_code: proposal.provider.to_string(),
        content_sha256: proposal.content.digest.as_bytes().to_vec(),
        content_bytes: proposal.content.bytes,
        rows: proposal.content.rows,
        columns: proposal.content.columns,
        ..Publication::default()
    };
    publication.set_status(PublicationStatus::Proposed);
    Row { publication, sequence: context.sequence, published_sequence: 0, published_at: 0 }
}

async fn load(connection: &mut AnyConnection, id: &str) -> Result<Option<Row>, ApplyError> {
    let row = sqlx::query(
        "SELECT sequence, published_sequence, published_at, body FROM opendata_publication \
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    match row {
        Some(row) => Ok(Some(Row {
            publication: from_column(&row, "body")?,
            sequence: row.try_get("sequence")?,
            published_sequence: row.try_get("published_sequence")?,
            published_at: row.try_get("published_at")?,
        })),
        None => Ok(None),
    }
}

async fn save(connection: &mut AnyConnection, id: &str, row: &Row) -> Result<(), ApplyError> {
    let publication = &row.publication;
    sqlx::query(
        "INSERT INTO opendata_publication (id, sequence, status, resource_id, provider_code, \
         content_sha256, published_sequence, published_at, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
         published_sequence = excluded.published_sequence, \
         published_at = excluded.published_at, body = excluded.body",
    )
    .bind(id)
    .bind(row.sequence)
    .bind(i64::from(publication.status))
    .bind(publication.resource_id.as_str())
    .bind(publication.provider_code.as_str())
    .bind(hex::encode(&publication.content_sha256))
    .bind(row.published_sequence)
    .bind(row.published_at)
    .bind(to_column(publication))
    .execute(connection)
    .await?;
    Ok(())
}
