//! Events of enrolments in disaster recovery.

use prost_types::Any;
use publicdata_catalog_domain::recovery::{self, Event, Kind, Terms};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::register::{owner_from_wire, unsaid};
use super::{FieldError, from_any, parse, to_any, unknown};

/// How enrolments are stored, by the id of the resource or system.
#[derive(Debug)]
pub struct Recovery;

impl Codec for Recovery {
    type Aggregate = recovery::Recovery;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "recovery";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Enrolled { kind, owner, terms } => to_any(&wire::RecoveryEnrolled {
                kind: kind_to_wire(*kind).into(),
                organisation_code: owner.code.to_string(),
                region_code: owner.region.to_string(),
                terms: Some(wire::RecoveryTerms {
                    method: terms.method.clone(),
                    rpo_hours: terms.rpo_hours,
                    rto_hours: terms.rto_hours,
                    since: terms.since.to_string(),
                }),
            }),
            Event::Withdrawn { on, reason } => to_any(&wire::RecoveryWithdrawn {
                withdrawn_on: on.to_string(),
                reason: reason.clone(),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(enrolled) = from_any(any) {
            enrolled_from_wire(enrolled?)
        } else if let Some(withdrawn) = from_any::<wire::RecoveryWithdrawn>(any) {
            let wire::RecoveryWithdrawn { withdrawn_on, reason } = withdrawn?;
            parse("withdrawn_on", &withdrawn_on).map(|on| Event::Withdrawn { on, reason })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn enrolled_from_wire(wire: wire::RecoveryEnrolled) -> Result<Event, FieldError> {
    let terms = recovery_terms_from_wire(wire.terms.unwrap_or_default());
    Ok(Event::Enrolled {
        kind: recovery_kind_from_wire("kind", wire.kind)?,
        owner: owner_from_wire(&wire.organisation_code, &wire.region_code)?,
        terms: terms.map_err(|error| error.within("terms"))?,
    })
}

pub(crate) fn recovery_terms_from_wire(wire: wire::RecoveryTerms) -> Result<Terms, FieldError> {
    Ok(Terms {
        since: parse("since", &wire.since)?,
        method: wire.method,
        rpo_hours: wire.rpo_hours,
        rto_hours: wire.rto_hours,
    })
}

pub(crate) fn recovery_kind_from_wire(field: &str, number: i32) -> Result<Kind, FieldError> {
    match wire::RecoveryKind::try_from(number) {
        Ok(wire::RecoveryKind::Resource) => Ok(Kind::Resource),
        Ok(wire::RecoveryKind::System) => Ok(Kind::System),
        Ok(wire::RecoveryKind::Unspecified) | Err(_) => Err(unsaid(field)),
    }
}

const fn kind_to_wire(kind: Kind) -> wire::RecoveryKind {
    match kind {
        Kind::Resource => wire::RecoveryKind::Resource,
        Kind::System => wire::RecoveryKind::System,
    }
}
