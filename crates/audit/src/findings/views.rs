//! Findings as a table, from the stream AUDIT.

use async_trait::async_trait;
use prost::Message as _;
use prost_types::{Any, Timestamp};
use publicdata_audit_domain::finding::Event;
use publicdata_event_store::aggregates::Codec;
use publicdata_event_store::{Recorded, Subject};
use publicdata_proto::audit::v1 as wire;
use publicdata_views::{ApplyError, View};
use sqlx::{AnyConnection, Row as _};

use super::AUDIT;
use super::codec::{self, Findings};

/// The view of our own events.
pub(super) struct FindingsView;

/// What a commit says beside its events.
struct Context {
    position: wire::StreamPosition,
    command_id: String,
    at: Option<Timestamp>,
}

/// A row.
struct Row {
    finding: wire::Finding,
    sequence: i64,
    due_cause: String,
}

#[async_trait]
impl View for FindingsView {
    fn name(&self) -> &'static str {
        "finding"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[AUDIT]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["finding"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == Findings::AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let commit = recorded.commit().map_err(ApplyError::event)?;
        let id = recorded.subject.id();
        let context = Context {
            position: wire::StreamPosition {
                stream: recorded.stream.clone(),
                sequence: recorded.sequence,
            },
            command_id: commit.command_id,
            at: commit.occurred_at,
        };
        let mut row = load(connection, id).await?;
        for any in &commit.events {
            row = evolve(row, id, &context, any)?;
        }
        match row {
            Some(row) => save(connection, id, row).await,
            None => Ok(()),
        }
    }
}

fn evolve(
    row: Option<Row>,
    id: &str,
    context: &Context,
    any: &Any,
) -> Result<Option<Row>, ApplyError> {
    let Some(event) = Findings::decode(any).map_err(ApplyError::event)? else { return Ok(row) };
    let mut row = match (row, &event) {
        (None, Event::Raised(raised)) => {
            let raised = Some(codec::raised_to_wire(raised));
            let mut finding =
                wire::Finding { id: id.to_owned(), raised, ..wire::Finding::default() };
            finding.set_status(wire::FindingStatus::Open);
            let sequence = context.position.sequence.try_into().map_err(ApplyError::event)?;
            Row { finding, sequence, due_cause: String::new() }
        }
        (Some(row), _) => row,
        (None, _) => {
            let problem = format!("{} of finding {id}, which nothing raised", any.type_url);
            return Err(ApplyError::event(problem));
        }
    };
    happen(&mut row, context, event);
    row.finding.updated_at = context.at;
    row.finding.events.push(context.position.clone());
    Ok(Some(row))
}

fn happen(row: &mut Row, context: &Context, event: Event) {
    use wire::FindingStatus as Status;

    let finding = &mut row.finding;
    match event {
        Event::Raised(_) => {}
        Event::Cleared { .. } => {
            finding.cleared = true;
            if finding.status() == Status::Open {
                finding.set_status(Status::Cleared);
            }
        }
        Event::Ordered(order) => {
            finding.order = Some(codec::order_to_wire(&order));
            finding.set_status(Status::Ordered);
            row.due_cause.clone_from(&context.command_id);
        }
        Event::Rejected { due_on, .. } => {
            if let Some(order) = &mut finding.order {
                order.due_on = due_on.to_string();
            }
            finding.set_status(Status::Ordered);
            row.due_cause.clone_from(&context.command_id);
        }
        Event::Reported { author, statement, late } => {
            let (author_code, statement) = (author.to_string(), codec::said(&statement));
            finding.report = Some(wire::RectificationReported { author_code, statement, late });
            // What is reported after an escalation stays with those who were asked.
            if finding.status() != Status::Escalated {
                finding.set_status(Status::Reported);
            }
        }
        Event::Accepted { .. } => finding.set_status(Status::Accepted),
        Event::Overdue { .. } => finding.set_status(Status::Overdue),
        Event::Escalated { .. } => finding.set_status(Status::Escalated),
        Event::Dismissed { .. } => finding.set_status(Status::Dismissed),
    }
}

async fn load(connection: &mut AnyConnection, id: &str) -> Result<Option<Row>, ApplyError> {
    let row = sqlx::query("SELECT sequence, due_cause, body FROM finding WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Row {
        finding: super::queries::body(&row)?,
        sequence: row.try_get("sequence")?,
        due_cause: row.try_get("due_cause")?,
    }))
}

async fn save(connection: &mut AnyConnection, id: &str, row: Row) -> Result<(), ApplyError> {
    let Row { finding, sequence, due_cause } = row;
    let raised = finding.raised.clone().unwrap_or_default();
    let due_on = match (finding.status(), &finding.order) {
        (wire::FindingStatus::Ordered, Some(order)) => order.due_on.clone(),
        _ => String::new(),
    };
    sqlx::query(
        "INSERT INTO finding (id, sequence, status, kind, clause, organisation_code, region_code, \
         rule_name, due_on, due_cause, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, due_on = excluded.due_on, \
         due_cause = excluded.due_cause, body = excluded.body",
    )
    .bind(id.to_owned())
    .bind(sequence)
    .bind(i64::from(finding.status))
    .bind(i64::from(raised.kind))
    .bind(i64::from(raised.clause))
    .bind(raised.organisation_code)
    .bind(raised.region_code)
    .bind(raised.rule)
    .bind(due_on)
    .bind(due_cause)
    .bind(hex::encode(finding.encode_to_vec()))
    .execute(connection)
    .await?;
    Ok(())
}
