//! The table of applications and grants.

use prost::Message as _;
use prost_types::Any;
use publicdata_proto::exchange::v1::{
    ApplicationOverdue, ApplicationRefused, ApplicationSubmitted, Grant, GrantIssued, GrantRevoked,
    GrantStatus, GrantTerms,
};
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, Row as _};

use super::log::Context;
use super::{WithoutBeginning, as_number, event, from_column, microseconds, to_column};

/// A row.
struct Entry {
    open_until: i64,
    ends_at: i64,
    grant: Grant,
}

pub(super) async fn apply(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    any: &Any,
) -> Result<(), ApplyError> {
    let before = load(connection, context.id).await?;
    if let Some(mut after) = evolve(before, context, any)? {
        after.grant.updated_at = context.at;
        save(connection, context, &after).await?;
    }
    Ok(())
}

fn evolve(
    before: Option<Entry>,
    context: &Context<'_>,
    any: &Any,
) -> Result<Option<Entry>, ApplyError> {
    if let Some(submitted) = event::<ApplicationSubmitted>(any)? {
        return Ok(Some(apply_for(context.id, submitted)));
    }
    if let Some(issued) = event::<GrantIssued>(any)? {
        return issue(before, context.id, issued).map(Some);
    }
    let begun = |event: &str| match before {
        Some(entry) => Ok(entry),
        None => Err(ApplyError::event(WithoutBeginning {
            event: event.to_owned(),
            id: context.id.to_owned(),
        })),
    };
    if event::<ApplicationOverdue>(any)?.is_some() {
        let mut entry = begun("ApplicationOverdue")?;
        entry.grant.overdue = true;
        entry.open_until = 0;
        return Ok(Some(entry));
    }
    if let Some(refused) = event::<ApplicationRefused>(any)? {
        let mut entry = begun("ApplicationRefused")?;
        entry.grant.set_status(GrantStatus::Refused);
        entry.grant.reason = format!("{}: {}", refused.legal_basis, refused.reason);
        return Ok(Some(entry));
    }
    if let Some(revoked) = event::<GrantRevoked>(any)? {
        let mut entry = begun("GrantRevoked")?;
        entry.grant.set_status(GrantStatus::Revoked);
        entry.grant.reason = revoked.reason;
        return Ok(Some(entry));
    }
    Ok(None)
}

fn apply_for(id: &str, submitted: ApplicationSubmitted) -> Entry {
    let open_until = submitted.deadline.as_ref().map_or(0, |deadline| as_number(&deadline.due_on));
    let mut grant = Grant {
        id: id.to_owned(),
        resource_id: submitted.resource_id,
        resource_code: submitted.resource_code,
        provider_code: submitted.provider_code,
        consumer_code: submitted.consumer_code,
        purpose: submitted.purpose,
        legal_basis: submitted.legal_basis,
        fields: submitted.fields,
        row_filter: submitted.row_filter,
        valid_from: submitted.valid_from,
        valid_until: submitted.valid_until,
        deadline: submitted.deadline,
        delivery_modes: submitted.delivery_modes,
        renews_grant_id: submitted.renews_grant_id,
        ..Grant::default()
    };
    grant.set_status(GrantStatus::Applied);
    Entry { open_until, ends_at: 0, grant }
}

fn issue(before: Option<Entry>, id: &str, issued: GrantIssued) -> Result<Entry, ApplyError> {
    let signed = issued.grant.unwrap_or_default();
    let terms = GrantTerms::decode(signed.message.as_slice()).map_err(ApplyError::event)?;
    let applied_for = before.map(|entry| entry.grant).unwrap_or_default();

    let ends_at = terms.valid_until.as_ref().map_or(0, microseconds);
    let mut grant = Grant {
        id: id.to_owned(),
        resource_id: terms.resource_id,
        resource_code: terms.resource_code,
        provider_code: terms.provider_code,
        consumer_code: terms.consumer_code,
        purpose: terms.purpose,
        fields: terms.fields.into_iter().map(|field| field.name).collect(),
        row_filter: terms.row_filter,
        delivery_modes: terms.delivery_modes,
        signed_terms: Some(signed),
        ..applied_for
    };
    grant.set_status(GrantStatus::Issued);
    Ok(Entry { open_until: 0, ends_at, grant })
}

async fn load(connection: &mut AnyConnection, id: &str) -> Result<Option<Entry>, ApplyError> {
    let row = sqlx::query("SELECT open_until, ends_at, body FROM bus_grant WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => Ok(Some(Entry {
            open_until: row.try_get("open_until")?,
            ends_at: row.try_get("ends_at")?,
            grant: from_column(&row, "body")?,
        })),
        None => Ok(None),
    }
}

async fn save(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    entry: &Entry,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO bus_grant (id, sequence, command_id, status, resource_id, provider_code, \
         consumer_code, open_until, ends_at, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
         open_until = excluded.open_until, ends_at = excluded.ends_at, body = excluded.body",
    )
    .bind(context.id)
    .bind(context.sequence)
    .bind(context.command_id)
    .bind(i64::from(entry.grant.status))
    .bind(entry.grant.resource_id.as_str())
    .bind(entry.grant.provider_code.as_str())
    .bind(entry.grant.consumer_code.as_str())
    .bind(entry.open_until)
    .bind(entry.ends_at)
    .bind(to_column(&entry.grant))
    .execute(connection)
    .await?;
    Ok(())
}
