//! Tickets, corrections and marks, for people.

use publicdata_proto::exchange::v1::{Correction, Deadline, DisputedRecord, Ticket};

use crate::commands::{calendar, short, time_text};

pub(super) const HEADER: [&str; 7] =
    ["answer due on", "status", "resource", "provider", "consumer", "kind", "id"];
pub(super) const CORRECTION_HEADER: [&str; 6] =
    ["corrected at", "status", "resource", "consumer", "correction", "ticket"];
pub(super) const DISPUTED_HEADER: [&str; 6] =
    ["reported on", "answer due on", "kind", "items", "records", "ticket"];

/// The last day of a limit, and whether it may still move.
pub(super) fn due(deadline: Option<&Deadline>) -> String {
    let Some(deadline) = deadline else { return String::new() };
    let day = calendar::with_weekday(&deadline.due_on);
    match deadline.provisional {
        true => format!("{day} (provisional: holidays of that year are not announced)"),
        false => day,
    }
}

pub(super) fn row(ticket: &Ticket) -> Vec<String> {
    vec![
        due(ticket.deadline.as_ref()),
        status(ticket),
        ticket.resource_code.clone(),
        ticket.provider_code.clone(),
        ticket.consumer_code.clone(),
        short(ticket.kind().as_str_name(), "DATA_ERROR_"),
        ticket.id.clone(),
    ]
}

pub(super) fn lines(ticket: &Ticket) -> Vec<(&'static str, String)> {
    let corrections = match ticket.corrections_owed {
        0 => String::new(),
        owed => format!("{} of {owed} delivered", ticket.corrections_delivered),
    };
    vec![
        ("id", ticket.id.clone()),
        ("status", status(ticket)),
        ("resource", format!("{} {}", ticket.resource_code, ticket.resource_id)),
        ("provider", ticket.provider_code.clone()),
        ("consumer", ticket.consumer_code.clone()),
        ("transfer", ticket.transfer_id.clone()),
        ("grant", ticket.grant_id.clone()),
        ("kind", short(ticket.kind().as_str_name(), "DATA_ERROR_")),
        ("items", ticket.items.join(", ")),
        ("description", ticket.description.clone()),
        ("records", ticket.record_references.join("\n                   ")),
        ("found on", ticket.found_on.clone()),
        ("reported on", ticket.reported_on.clone()),
        ("report due on", due(ticket.report_deadline.as_ref())),
        ("reported late", yes(ticket.late)),
        ("answer due on", due(ticket.deadline.as_ref())),
        ("overdue", yes(ticket.overdue)),
        ("answer", ticket.answer.clone()),
        ("corrected at", time_text(ticket.corrected_at)),
        ("corrections", corrections),
        ("updated at", time_text(ticket.updated_at)),
    ]
}

pub(super) fn correction(correction: &Correction) -> Vec<String> {
    vec![
        time_text(correction.corrected_at),
        short(correction.status().as_str_name(), "CORRECTION_STATUS_"),
        correction.resource_code.clone(),
        correction.consumer_code.clone(),
        correction.description.clone(),
        correction.ticket_id.clone(),
    ]
}

pub(super) fn disputed(record: &DisputedRecord) -> Vec<String> {
    vec![
        record.reported_on.clone(),
        due(record.deadline.as_ref()),
        short(record.kind().as_str_name(), "DATA_ERROR_"),
        record.items.join(", "),
        record.record_references.join("\n"),
        record.ticket_id.clone(),
    ]
}

fn status(ticket: &Ticket) -> String {
    let status = short(ticket.status().as_str_name(), "TICKET_STATUS_");
    match ticket.overdue {
        true => format!("{status}, overdue"),
        false => status,
    }
}

fn yes(holds: bool) -> String {
    if holds { "yes".to_owned() } else { String::new() }
}
