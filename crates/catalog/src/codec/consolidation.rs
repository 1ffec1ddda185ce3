//! Events of consolidation at the big data centre.

use prost_types::Any;
use publicdata_catalog_domain::consolidation::{self, Event, Order, Source};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{FieldError, from_any, parse, to_any, unknown};

/// How consolidations are stored, by the id of the resource.
#[derive(Debug)]
pub struct Consolidation;

impl Codec for Consolidation {
    type Aggregate = consolidation::Consolidation;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "consolidation";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Ordered(Order { source, centre, legal_basis }) => {
                to_any(&wire::ConsolidationOrdered {
                    resource_code: source.code.to_string(),
                    provider_code: source.provider.to_string(),
                    region_code: source.region.to_string(),
                    centre_code: centre.to_string(),
                    legal_basis: legal_basis.clone(),
                })
            }
            Event::Stopped { reason } => {
                to_any(&wire::ConsolidationStopped { reason: reason.clone() })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(ordered) = from_any(any) {
            ordered_from_wire(ordered?)
        } else if let Some(stopped) = from_any::<wire::ConsolidationStopped>(any) {
            Ok(Event::Stopped { reason: stopped?.reason })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn ordered_from_wire(wire: wire::ConsolidationOrdered) -> Result<Event, FieldError> {
    Ok(Event::Ordered(Order {
        source: Source {
            code: parse("resource_code", &wire.resource_code)?,
            provider: parse("provider_code", &wire.provider_code)?,
            region: parse("region_code", &wire.region_code)?,
        },
        centre: parse("centre_code", &wire.centre_code)?,
        legal_basis: wire.legal_basis,
    }))
}
