//! Events of obligations.

use prost_types::Any;
use publicdata_catalog_domain::obligation::{self, Cause, Duty, Event, Fulfilment, Kind, Term};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;
use publicdata_proto::common::v1 as common;
use publicdata_types::Deadline;
use publicdata_types::Period;

use super::words::{
    obligation_kind_from_wire, obligation_kind_to_wire, required, update_cycle_from_wire,
    update_cycle_to_wire,
};
use super::{FieldError, from_any, parse, to_any, unknown};

/// How obligations are stored, by their id.
#[derive(Debug)]
pub struct Obligation;

impl Codec for Obligation {
    type Aggregate = obligation::Obligation;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "obligation";

    fn encode(event: &Event) -> Any {
        let limit = |kind: Kind, deadline: &Deadline| Some(deadline_to_wire(deadline, kind.rule()));
        match event {
            Event::Opened { duty, deadline } => to_any(&opened_to_wire(duty, deadline)),
            Event::Warned { kind, deadline } => {
                to_any(&wire::ObligationWarned { deadline: limit(*kind, deadline) })
            }
            Event::Recounted { kind, deadline } => {
                to_any(&wire::ObligationRecounted { deadline: limit(*kind, deadline) })
            }
            Event::Met(fulfilment) => to_any(&wire::ObligationMet {
                met_on: fulfilment.on.to_string(),
                late: fulfilment.late,
                resource_ids: fulfilment.resources.iter().map(ToString::to_string).collect(),
                note: fulfilment.note.clone(),
            }),
            Event::Missed { kind, deadline } => {
                to_any(&wire::ObligationMissed { deadline: limit(*kind, deadline) })
            }
            Event::Cancelled { reason } => {
                to_any(&wire::ObligationCancelled { reason: reason.clone() })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let limit = |deadline| limit(deadline).map_err(|error| DecodeError::new(any, error));
        let event = if let Some(opened) = from_any::<wire::ObligationOpened>(any) {
            opened_from_wire(opened?).map_err(|error| DecodeError::new(any, error))?
        } else if let Some(warned) = from_any::<wire::ObligationWarned>(any) {
            let (kind, deadline) = limit(warned?.deadline)?;
            Event::Warned { kind, deadline }
        } else if let Some(recounted) = from_any::<wire::ObligationRecounted>(any) {
            let (kind, deadline) = limit(recounted?.deadline)?;
            Event::Recounted { kind, deadline }
        } else if let Some(met) = from_any::<wire::ObligationMet>(any) {
            met_from_wire(met?).map_err(|error| DecodeError::new(any, error))?
        } else if let Some(missed) = from_any::<wire::ObligationMissed>(any) {
            let (kind, deadline) = limit(missed?.deadline)?;
            Event::Missed { kind, deadline }
        } else if let Some(cancelled) = from_any::<wire::ObligationCancelled>(any) {
            Event::Cancelled { reason: cancelled?.reason }
        } else {
            return Err(unknown(any));
        };
        Ok(Some(event))
    }
}

/// A limit as events and answers say it.
pub(crate) fn deadline_to_wire(deadline: &Deadline, rule: &str) -> common::Deadline {
    common::Deadline {
        due_on: deadline.on.to_string(),
        rule: rule.to_owned(),
        calendar_version: deadline.calendar_version.clone(),
        provisional: deadline.provisional,
    }
}

fn deadline_from_wire(deadline: Option<common::Deadline>) -> Result<Deadline, FieldError> {
    let deadline =
        deadline.ok_or_else(|| FieldError::new("deadline", "the deadline is missing"))?;
    Ok(Deadline {
        on: parse("deadline.due_on", &deadline.due_on)?,
        provisional: deadline.provisional,
        calendar_version: deadline.calendar_version,
    })
}

/// A limit, and the kind of obligation that its rule belongs to.
fn limit(deadline: Option<common::Deadline>) -> Result<(Kind, Deadline), FieldError> {
    let rule = deadline.as_ref().map(|deadline| deadline.rule.clone()).unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.rule() == rule);
    let kind =
        kind.ok_or_else(|| FieldError::new("deadline.rule", "no obligation has this rule"))?;
    Ok((kind, deadline_from_wire(deadline)?))
}

fn opened_to_wire(duty: &Duty, deadline: &Deadline) -> wire::ObligationOpened {
    let kind = duty.kind();
    wire::ObligationOpened {
        kind: obligation_kind_to_wire(kind).into(),
        organisation_code: duty.organisation.to_string(),
        region_code: duty.region.to_string(),
        cause_id: cause_id(&duty.cause),
        subject: duty.subject.clone(),
        counted_from: duty.counted_from.to_string(),
        working_days: duty.term.working_days().unwrap_or_default(),
        deadline: Some(deadline_to_wire(deadline, kind.rule())),
        opened_on: duty.opened_on.to_string(),
        update_cycle: match duty.term {
            Term::WorkingDays(_) => wire::UpdateCycle::Unspecified.into(),
            Term::Every(period) => update_cycle_to_wire(period.cycle()).into(),
        },
    }
}

fn cause_id(cause: &Cause) -> String {
    match cause {
        Cause::Change(id) => id.to_string(),
        Cause::Resource(id) => id.to_string(),
        Cause::Library(code) => code.to_string(),
    }
}

fn opened_from_wire(opened: wire::ObligationOpened) -> Result<Event, FieldError> {
    let cause = match required("kind", obligation_kind_from_wire(opened.kind))? {
        Kind::CatalogueUpdate => Cause::Change(parse("cause_id", &opened.cause_id)?),
        Kind::DataUpdate => Cause::Resource(parse("cause_id", &opened.cause_id)?),
        Kind::LibraryItem => Cause::Library(parse("cause_id", &opened.cause_id)?),
    };
    let term = match update_cycle_from_wire(opened.update_cycle) {
        None => Term::WorkingDays(opened.working_days),
        Some(cycle) => Term::Every(required("update_cycle", Period::of(cycle))?),
    };
    let duty = Duty {
        organisation: parse("organisation_code", &opened.organisation_code)?,
        region: parse("region_code", &opened.region_code)?,
        cause,
        subject: opened.subject,
        counted_from: parse("counted_from", &opened.counted_from)?,
        opened_on: parse("opened_on", &opened.opened_on)?,
        term,
    };
    Ok(Event::Opened { duty, deadline: deadline_from_wire(opened.deadline)? })
}

fn met_from_wire(met: wire::ObligationMet) -> Result<Event, FieldError> {
    let resources = met.resource_ids.iter().map(|id| parse("resource_ids", id));
    Ok(Event::Met(Fulfilment {
        on: parse("met_on", &met.met_on)?,
        late: met.late,
        resources: resources.collect::<Result<_, _>>()?,
        note: met.note,
    }))
}
