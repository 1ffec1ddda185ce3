//! Events of classifications.

use prost_types::Any;
use publicdata_catalog_domain::classification::{self, Event};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{from_any, parse, to_any, unknown};

/// How classifications are stored, by their code.
#[derive(Debug)]
pub struct Classification;

impl Codec for Classification {
    type Aggregate = classification::Classification;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "classification";

    fn encode(event: &Event) -> Any {
        match event {
            Event::SerialAssigned { resource, serial } => {
                to_any(&wire::SerialAssigned { resource_id: resource.to_string(), serial: *serial })
            }
            Event::Named { name } => to_any(&wire::ClassificationNamed { name: name.clone() }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        if let Some(named) = from_any::<wire::ClassificationNamed>(any) {
            return Ok(Some(Event::Named { name: named?.name }));
        }
        let Some(assigned) = from_any::<wire::SerialAssigned>(any) else {
            return Err(unknown(any));
        };
        let wire::SerialAssigned { resource_id, serial } = assigned?;
        let resource =
            parse("resource_id", &resource_id).map_err(|error| DecodeError::new(any, error))?;
        Ok(Some(Event::SerialAssigned { resource, serial }))
    }
}
