//! Events of security records.

use prost_types::Any;
use publicdata_catalog_domain::security_record::{self, Entry, Event, Kind};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::register::unsaid;
use super::{FieldError, from_any, parse, to_any, unknown};

/// How security records are stored, by their id.
#[derive(Debug)]
pub struct SecurityRecord;

impl Codec for SecurityRecord {
    type Aggregate = security_record::SecurityRecord;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "security-record";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Opened { entry, region } => to_any(&wire::SecurityRecordOpened {
                organisation_code: entry.organisation.to_string(),
                region_code: region.to_string(),
                kind: kind_to_wire(entry.kind).into(),
                title: entry.title.clone(),
                owner_account: entry.owner.to_string(),
                opened_on: entry.opened_on.to_string(),
                due_on: entry.due_on.to_string(),
            }),
            Event::Closed { on, outcome } => to_any(&wire::SecurityRecordClosed {
                closed_on: on.to_string(),
                outcome: outcome.clone(),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(opened) = from_any(any) {
            opened_from_wire(opened?)
        } else if let Some(closed) = from_any::<wire::SecurityRecordClosed>(any) {
            let wire::SecurityRecordClosed { closed_on, outcome } = closed?;
            parse("closed_on", &closed_on).map(|on| Event::Closed { on, outcome })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn opened_from_wire(wire: wire::SecurityRecordOpened) -> Result<Event, FieldError> {
    Ok(Event::Opened {
        region: parse("region_code", &wire.region_code)?,
        entry: Entry {
            organisation: parse("organisation_code", &wire.organisation_code)?,
            kind: security_kind_from_wire("kind", wire.kind)?,
            title: wire.title,
            owner: parse("owner_account", &wire.owner_account)?,
            opened_on: parse("opened_on", &wire.opened_on)?,
            due_on: parse("due_on", &wire.due_on)?,
        },
    })
}

pub(crate) fn security_kind_from_wire(field: &str, number: i32) -> Result<Kind, FieldError> {
    match wire::SecurityRecordKind::try_from(number) {
        Ok(wire::SecurityRecordKind::Assessment) => Ok(Kind::Assessment),
        Ok(wire::SecurityRecordKind::RiskAssessment) => Ok(Kind::RiskAssessment),
        Ok(wire::SecurityRecordKind::Drill) => Ok(Kind::Drill),
        Ok(wire::SecurityRecordKind::Incident) => Ok(Kind::Incident),
        Ok(wire::SecurityRecordKind::Unspecified) | Err(_) => Err(unsaid(field)),
    }
}

const fn kind_to_wire(kind: Kind) -> wire::SecurityRecordKind {
    match kind {
        Kind::Assessment => wire::SecurityRecordKind::Assessment,
        Kind::RiskAssessment => wire::SecurityRecordKind::RiskAssessment,
        Kind::Drill => wire::SecurityRecordKind::Drill,
        Kind::Incident => wire::SecurityRecordKind::Incident,
    }
}
