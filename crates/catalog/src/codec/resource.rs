//! Events of entries.

use prost_types::Any;
use publicdata_catalog_domain::resource::{self, Event};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{
    FieldError, description_from_wire, description_to_wire, from_any, parse, to_any, unknown,
    unreadable,
};

/// How entries are stored, by their id.
#[derive(Debug)]
pub struct Resource;

impl Codec for Resource {
    type Aggregate = resource::Resource;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "resource";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Drafted { code, description, region } => to_any(&wire::ResourceDrafted {
                code: code.to_string(),
                description: Some(description_to_wire(description)),
                region_code: region.to_string(),
            }),
            Event::Submitted => to_any(&wire::ResourceSubmitted {}),
            Event::Returned { reason } => {
                to_any(&wire::ResourceReturned { reason: reason.clone() })
            }
            Event::Published { version, on } => {
                to_any(&wire::ResourcePublished { version: *version, published_on: on.to_string() })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(drafted) = from_any::<wire::ResourceDrafted>(any) {
            drafted_from_wire(drafted?).map_err(|error| unreadable(any, error))?
        } else if let Some(submitted) = from_any::<wire::ResourceSubmitted>(any) {
            submitted.map(|wire::ResourceSubmitted {}| Event::Submitted)?
        } else if let Some(returned) = from_any::<wire::ResourceReturned>(any) {
            Event::Returned { reason: returned?.reason }
        } else if let Some(published) = from_any::<wire::ResourcePublished>(any) {
            let wire::ResourcePublished { version, published_on } = published?;
            let on = parse("published_on", &published_on);
            Event::Published { version, on: on.map_err(|error| unreadable(any, error))? }
        } else {
            return Err(unknown(any));
        };
        Ok(Some(event))
    }
}

fn drafted_from_wire(drafted: wire::ResourceDrafted) -> Result<Event, FieldError> {
    let description = drafted.description.unwrap_or_default();
    Ok(Event::Drafted {
        code: parse("code", &drafted.code)?,
        description: description_from_wire(description)
            .map_err(|error| error.within("description"))?,
        region: parse("region_code", &drafted.region_code)?,
    })
}
