//! Events of entries.

use prost_types::Any;
use publicdata_catalog_domain::resource::{self, Event, Update};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{
    FieldError, description_from_wire, description_to_wire, from_any, parse, to_any, unknown,
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
            Event::Suspended { reason, authority } => to_any(&wire::ResourceSuspended {
                reason: reason.clone(),
                authority_region_code: authority
                    .map(|region| region.to_string())
                    .unwrap_or_default(),
            }),
            Event::Resumed => to_any(&wire::ResourceResumed {}),
            Event::Withdrawn { reason } => {
                to_any(&wire::ResourceWithdrawn { reason: reason.clone() })
            }
            Event::Updated(Update { current_on, rows }) => to_any(&wire::ResourceUpdated {
                current_on: current_on.to_string(),
                rows: rows.unwrap_or_default(),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(drafted) = from_any::<wire::ResourceDrafted>(any) {
            drafted_from_wire(drafted?).map_err(|error| DecodeError::new(any, error))?
        } else if let Some(submitted) = from_any::<wire::ResourceSubmitted>(any) {
            submitted.map(|wire::ResourceSubmitted {}| Event::Submitted)?
        } else if let Some(returned) = from_any::<wire::ResourceReturned>(any) {
            Event::Returned { reason: returned?.reason }
        } else if let Some(published) = from_any::<wire::ResourcePublished>(any) {
            let wire::ResourcePublished { version, published_on } = published?;
            let on = parse("published_on", &published_on);
            Event::Published { version, on: on.map_err(|error| DecodeError::new(any, error))? }
        } else {
            return life_from_wire(any);
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

/// What happens to an entry once it is published.
fn life_from_wire(any: &Any) -> Result<Option<Event>, DecodeError> {
    let event = if let Some(suspended) = from_any::<wire::ResourceSuspended>(any) {
        let wire::ResourceSuspended { reason, authority_region_code: region } = suspended?;
        let authority = match region.as_str() {
            "" => None,
            region => {
                let region = parse("authority_region_code", region);
                Some(region.map_err(|error| DecodeError::new(any, error))?)
            }
        };
        Event::Suspended { reason, authority }
    } else if let Some(resumed) = from_any::<wire::ResourceResumed>(any) {
        resumed.map(|wire::ResourceResumed {}| Event::Resumed)?
    } else if let Some(withdrawn) = from_any::<wire::ResourceWithdrawn>(any) {
        Event::Withdrawn { reason: withdrawn?.reason }
    } else if let Some(updated) = from_any::<wire::ResourceUpdated>(any) {
        let wire::ResourceUpdated { current_on, rows } = updated?;
        let current_on = parse("current_on", &current_on);
        let current_on = current_on.map_err(|error| DecodeError::new(any, error))?;
        Event::Updated(Update { current_on, rows: (rows > 0).then_some(rows) })
    } else {
        return Err(unknown(any));
    };
    Ok(Some(event))
}
