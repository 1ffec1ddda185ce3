//! Events of changes.

use prost_types::Any;
use publicdata_catalog_domain::change::{self, Affected, Event, Record};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::words::{change_kind_from_wire, change_kind_to_wire, required};
use super::{FieldError, from_any, parse, to_any, unknown};

/// How changes are stored, by their id.
#[derive(Debug)]
pub struct Change;

impl Codec for Change {
    type Aggregate = change::Change;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "change";

    fn encode(event: &Event) -> Any {
        let Event::Recorded { record, region } = event;
        let affected = |affected: &Affected| wire::AffectedOrganisation {
            code: affected.organisation.to_string(),
            region_code: affected.region.to_string(),
        };
        to_any(&wire::ChangeRecorded {
            kind: change_kind_to_wire(record.kind).into(),
            title: record.title.clone(),
            description: record.description.clone(),
            effective_on: record.effective_on.to_string(),
            organisations: record.affected.iter().map(affected).collect(),
            region_code: region.to_string(),
        })
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let Some(recorded) = from_any::<wire::ChangeRecorded>(any) else {
            return Err(unknown(any));
        };
        let event = recorded_from_wire(recorded?).map_err(|error| DecodeError::new(any, error))?;
        Ok(Some(event))
    }
}

fn recorded_from_wire(recorded: wire::ChangeRecorded) -> Result<Event, FieldError> {
    let affected = |affected: &wire::AffectedOrganisation| {
        Ok(Affected {
            organisation: parse("organisations.code", &affected.code)?,
            region: parse("organisations.region_code", &affected.region_code)?,
        })
    };
    Ok(Event::Recorded {
        record: Record {
            kind: required("kind", change_kind_from_wire(recorded.kind))?,
            title: recorded.title,
            description: recorded.description,
            effective_on: parse("effective_on", &recorded.effective_on)?,
            affected: recorded
                .organisations
                .iter()
                .map(affected)
                .collect::<Result<_, FieldError>>()?,
        },
        region: parse("region_code", &recorded.region_code)?,
    })
}
