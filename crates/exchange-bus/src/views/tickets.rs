//! The tables of tickets and of the corrections that follow from them.

use prost_types::Any;
use publicdata_proto::exchange::v1::{
    Correction, CorrectionDelivered, CorrectionStatus, Ticket, TicketOverdue, TicketRaised,
    TicketRejected, TicketStatus, TicketUpheld, TicketWithdrawn,
};
use publicdata_views::ApplyError;
use sqlx::AnyConnection;

use super::objections::Context;
use super::{WithoutBeginning, as_number, event, from_column, microseconds, to_column};

/// Places for the corrections that one commit makes. No city has so many organisations.
const CORRECTIONS_MAX: i64 = 1_000_000;

pub(super) async fn apply(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    any: &Any,
) -> Result<(), ApplyError> {
    if let Some(raised) = event::<TicketRaised>(any)? {
        return save(connection, context, &begin(context, raised)).await;
    }
    let mut ticket = load(connection, context.id).await?.ok_or_else(|| without(any, context.id))?;
    if let Some(upheld) = event::<TicketUpheld>(any)? {
        owe(connection, context, &ticket, &upheld).await?;
        ticket.corrections_owed = u32::try_from(upheld.owed.len()).unwrap_or(u32::MAX);
        ticket.set_status(TicketStatus::Upheld);
        ticket.answer = upheld.description;
        ticket.corrected_at = upheld.corrected_at;
        ticket.flows = upheld.flows;
    }
    if let Some(delivered) = event::<CorrectionDelivered>(any)? {
        deliver(connection, context, delivered, any).await?;
        ticket.corrections_delivered += 1;
    }
    if event::<TicketOverdue>(any)?.is_some() {
        ticket.overdue = true;
    }
    if let Some(rejected) = event::<TicketRejected>(any)? {
        ticket.set_status(TicketStatus::Rejected);
        ticket.answer = rejected.reason;
    }
    if let Some(withdrawn) = event::<TicketWithdrawn>(any)? {
        ticket.set_status(TicketStatus::Withdrawn);
        ticket.answer = withdrawn.reason;
    }
    ticket.updated_at = context.at;
    save(connection, context, &ticket).await
}

fn without(any: &Any, id: &str) -> ApplyError {
    ApplyError::event(WithoutBeginning { event: any.type_url.clone(), id: id.to_owned() })
}

fn begin(context: &Context<'_>, raised: TicketRaised) -> Ticket {
    let mut ticket = Ticket {
        id: context.id.to_owned(),
        transfer_id: raised.transfer_id,
        grant_id: raised.grant_id,
        resource_id: raised.resource_id,
        resource_code: raised.resource_code,
        provider_code: raised.provider_code,
        consumer_code: raised.consumer_code,
        kind: raised.kind,
        items: raised.items,
        description: raised.description,
        record_references: raised.record_references,
        found_on: raised.found_on,
        reported_on: raised.reported_on,
        report_deadline: raised.report_deadline,
        late: raised.late,
        deadline: raised.deadline,
        raised_at: context.at,
        updated_at: context.at,
        ..Ticket::default()
    };
    ticket.set_status(TicketStatus::Open);
    ticket
}

/// Notes each consumer that is owed a correction.
async fn owe(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    ticket: &Ticket,
    upheld: &TicketUpheld,
) -> Result<(), ApplyError> {
    let corrected_at = upheld.corrected_at.as_ref().map_or(0, microseconds);
    for (index, owed) in (0..).zip(&upheld.owed) {
        let mut correction = Correction {
            ticket_id: ticket.id.clone(),
            resource_id: ticket.resource_id.clone(),
            resource_code: ticket.resource_code.clone(),
            provider_code: ticket.provider_code.clone(),
            consumer_code: owed.consumer_code.clone(),
            grant_id: owed.grant_id.clone(),
            description: upheld.description.clone(),
            items: ticket.items.clone(),
            corrected_at: upheld.corrected_at,
            ..Correction::default()
        };
        correction.set_status(CorrectionStatus::Owed);
        sqlx::query(
            "INSERT INTO bus_correction (ticket_id, consumer_code, sequence, command_id, status, \
             resource_id, provider_code, corrected_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(context.id)
        .bind(owed.consumer_code.as_str())
        .bind(context.sequence.saturating_mul(CORRECTIONS_MAX).saturating_add(index))
        .bind(context.command_id)
        .bind(i64::from(correction.status))
        .bind(ticket.resource_id.as_str())
        .bind(ticket.provider_code.as_str())
        .bind(corrected_at)
        .bind(to_column(&correction))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Notes that a correction has arrived.
async fn deliver(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    delivered: CorrectionDelivered,
    any: &Any,
) -> Result<(), ApplyError> {
    let row =
        sqlx::query("SELECT body FROM bus_correction WHERE ticket_id = $1 AND consumer_code = $2")
            .bind(context.id)
            .bind(delivered.consumer_code.as_str())
            .fetch_optional(&mut *connection)
            .await?
            .ok_or_else(|| without(any, context.id))?;
    let mut correction: Correction = from_column(&row, "body")?;
    correction.set_status(CorrectionStatus::Delivered);
    correction.transfer_id = delivered.transfer_id;
    correction.delivered_at = context.at;

    sqlx::query(
        "UPDATE bus_correction SET status = $3, body = $4 \
         WHERE ticket_id = $1 AND consumer_code = $2",
    )
    .bind(context.id)
    .bind(correction.consumer_code.as_str())
    .bind(i64::from(correction.status))
    .bind(to_column(&correction))
    .execute(connection)
    .await?;
    Ok(())
}

async fn load(connection: &mut AnyConnection, id: &str) -> Result<Option<Ticket>, ApplyError> {
    let row = sqlx::query("SELECT body FROM bus_ticket WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| from_column(&row, "body")).transpose()?)
}

async fn save(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    ticket: &Ticket,
) -> Result<(), ApplyError> {
    let due_on = ticket.deadline.as_ref().map_or(0, |deadline| as_number(&deadline.due_on));
    sqlx::query(
        "INSERT INTO bus_ticket (id, sequence, command_id, status, resource_id, provider_code, \
         consumer_code, open_until, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
         open_until = excluded.open_until, body = excluded.body",
    )
    .bind(context.id)
    .bind(context.sequence)
    .bind(context.command_id)
    .bind(i64::from(ticket.status))
    .bind(ticket.resource_id.as_str())
    .bind(ticket.provider_code.as_str())
    .bind(ticket.consumer_code.as_str())
    .bind(if ticket.overdue { 0 } else { due_on })
    .bind(to_column(ticket))
    .execute(connection)
    .await?;
    Ok(())
}
