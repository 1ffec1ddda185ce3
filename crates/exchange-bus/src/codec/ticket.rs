//! Events of the aggregate `ticket`.

use std::collections::BTreeSet;

use prost::Name as _;
use prost_types::Any;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_exchange_domain::ticket::{
    Correction, DataError, Event, Finding, Flow, Owed, RecordReference, Report, Ticket,
};
use publicdata_proto::exchange::v1::{
    CorrectionDelivered, DataError as WireDataError, OwedCorrection, TicketOverdue, TicketRaised,
    TicketRejected, TicketUpheld, TicketWithdrawn,
};
use publicdata_types::Prose;

use super::{FieldError, from_any, to_any, unreadable, values};

/// The requirement that both limits of a ticket rest on.
pub const RULE: &str = "R27.1";

/// How tickets are stored.
#[derive(Clone, Copy, Debug)]
pub struct Tickets;

impl Codec for Tickets {
    type Aggregate = Ticket;

    const SERVICE: &'static str = "exchange";
    const AGGREGATE: &'static str = "ticket";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Raised(report) => to_any(&raised(report)),
            Event::Overdue { deadline } => {
                to_any(&TicketOverdue { deadline: Some(values::limit_to_wire(deadline, RULE)) })
            }
            Event::Upheld { correction, owed } => to_any(&upheld(correction, owed)),
            Event::Rejected { reason } => to_any(&TicketRejected { reason: said(reason) }),
            Event::Withdrawn { reason } => to_any(&TicketWithdrawn { reason: said(reason) }),
            Event::CorrectionDelivered { consumer, transfer } => to_any(&CorrectionDelivered {
                consumer_code: consumer.to_string(),
                transfer_id: transfer.to_string(),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = match any.type_url.as_str() {
            url if url == TicketRaised::type_url() => {
                Event::Raised(report(from_any(any)?).map_err(unreadable(any))?)
            }
            url if url == TicketOverdue::type_url() => {
                let overdue: TicketOverdue = from_any(any)?;
                let deadline = values::deadline(overdue.deadline).map_err(unreadable(any))?;
                Event::Overdue { deadline }
            }
            url if url == TicketUpheld::type_url() => {
                let (correction, owed) = correction(from_any(any)?).map_err(unreadable(any))?;
                Event::Upheld { correction, owed }
            }
            url if url == TicketRejected::type_url() => {
                let TicketRejected { reason } = from_any(any)?;
                Event::Rejected { reason: Prose::recorded(reason) }
            }
            url if url == TicketWithdrawn::type_url() => {
                let TicketWithdrawn { reason } = from_any(any)?;
                Event::Withdrawn { reason: Prose::recorded(reason) }
            }
            url if url == CorrectionDelivered::type_url() => {
                delivered(from_any(any)?).map_err(unreadable(any))?
            }
            _ => return Err(unreadable(any)("no event of a ticket")),
        };
        Ok(Some(event))
    }
}

/// A kind of error, as a request names it.
///
/// # Errors
/// It is none.
pub fn data_error(wire: WireDataError) -> Result<DataError, FieldError> {
    match wire {
        WireDataError::WrongValue => Ok(DataError::WrongValue),
        WireDataError::MissingRow => Ok(DataError::MissingRow),
        WireDataError::SurplusRow => Ok(DataError::SurplusRow),
        WireDataError::OutOfDate => Ok(DataError::OutOfDate),
        WireDataError::Inconsistent => Ok(DataError::Inconsistent),
        WireDataError::Other => Ok(DataError::Other),
        WireDataError::Unspecified => Err(FieldError::missing("kind")),
    }
}

/// References, each once.
///
/// # Errors
/// One is none.
pub fn references(texts: &[String]) -> Result<BTreeSet<RecordReference>, FieldError> {
    texts.iter().map(|text| values::parse("record_references", text)).collect()
}

/// Whether a correction flows, as the wire says it.
#[must_use]
pub fn flow(flows: bool) -> Flow {
    match flows {
        true => Flow::ToConsumers,
        false => Flow::Nowhere,
    }
}

fn data_error_to_wire(kind: DataError) -> WireDataError {
    match kind {
        DataError::WrongValue => WireDataError::WrongValue,
        DataError::MissingRow => WireDataError::MissingRow,
        DataError::SurplusRow => WireDataError::SurplusRow,
        DataError::OutOfDate => WireDataError::OutOfDate,
        DataError::Inconsistent => WireDataError::Inconsistent,
        DataError::Other => WireDataError::Other,
    }
}

fn raised(report: &Report) -> TicketRaised {
    let finding = &report.finding;
    TicketRaised {
        transfer_id: report.transfer.to_string(),
        grant_id: report.grant.to_string(),
        resource_id: report.resource.to_string(),
        resource_code: report.resource_code.to_string(),
        provider_code: report.provider.to_string(),
        consumer_code: report.consumer.to_string(),
        kind: data_error_to_wire(finding.kind).into(),
        items: finding.items.iter().cloned().collect(),
        description: said(&finding.description),
        found_on: finding.found_on.to_string(),
        reported_on: report.reported_on.to_string(),
        report_deadline: Some(values::limit_to_wire(&report.report_deadline, RULE)),
        late: report.is_late(),
        record_references: finding.references.iter().map(ToString::to_string).collect(),
        deadline: Some(values::limit_to_wire(&report.deadline, RULE)),
    }
}

fn report(event: TicketRaised) -> Result<Report, FieldError> {
    let kind = data_error(event.kind())?;
    Ok(Report {
        transfer: values::parse("transfer_id", &event.transfer_id)?,
        grant: values::parse("grant_id", &event.grant_id)?,
        resource: values::parse("resource_id", &event.resource_id)?,
        resource_code: values::parse("resource_code", &event.resource_code)?,
        provider: values::parse("provider_code", &event.provider_code)?,
        consumer: values::parse("consumer_code", &event.consumer_code)?,
        finding: Finding {
            kind,
            items: event.items.into_iter().collect(),
            description: Prose::recorded(event.description),
            found_on: values::parse("found_on", &event.found_on)?,
            references: references(&event.record_references)?,
        },
        reported_on: values::parse("reported_on", &event.reported_on)?,
        report_deadline: values::deadline(event.report_deadline)?,
        deadline: values::deadline(event.deadline)?,
    })
}

fn upheld(correction: &Correction, owed: &[Owed]) -> TicketUpheld {
    let owed = owed.iter().map(|owed| OwedCorrection {
        consumer_code: owed.consumer.to_string(),
        grant_id: owed.grant.to_string(),
    });
    TicketUpheld {
        corrected_at: Some(values::time_to_wire(correction.corrected_at)),
        description: said(&correction.description),
        flows: correction.flow == Flow::ToConsumers,
        owed: owed.collect(),
    }
}

fn correction(event: TicketUpheld) -> Result<(Correction, Vec<Owed>), FieldError> {
    let correction = Correction {
        corrected_at: values::time("corrected_at", event.corrected_at)?,
        description: Prose::recorded(event.description),
        flow: flow(event.flows),
    };
    let owed = |owed: &OwedCorrection| {
        Ok(Owed {
            consumer: values::parse("owed.consumer_code", &owed.consumer_code)?,
            grant: values::parse("owed.grant_id", &owed.grant_id)?,
        })
    };
    Ok((correction, event.owed.iter().map(owed).collect::<Result<_, FieldError>>()?))
}

fn delivered(event: CorrectionDelivered) -> Result<Event, FieldError> {
    Ok(Event::CorrectionDelivered {
        consumer: values::parse("consumer_code", &event.consumer_code)?,
        transfer: values::parse("transfer_id", &event.transfer_id)?,
    })
}

fn said(prose: &Prose) -> String {
    prose.as_str().to_owned()
}
