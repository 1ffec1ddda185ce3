//! Events of libraries.

use prost_types::Any;
use publicdata_catalog_domain::library::{self, Event};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::words::{required, update_cycle_from_wire, update_cycle_to_wire};
use super::{FieldError, from_any, parse, to_any, unknown};

/// How libraries are stored, by their code.
#[derive(Debug)]
pub struct Library;

impl Codec for Library {
    type Aggregate = library::Library;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "library";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Established { name, lead } => to_any(&wire::LibraryEstablished {
                name: name.clone(),
                lead_code: lead.to_string(),
            }),
            Event::LeadChanged { lead, reason } => to_any(&wire::LibraryLeadChanged {
                lead_code: lead.to_string(),
                reason: reason.clone(),
            }),
            Event::ItemAssigned { item, organisation, region, update_cycle, from } => {
                to_any(&wire::LibraryItemAssigned {
                    item: item.clone(),
                    organisation_code: organisation.to_string(),
                    update_cycle: update_cycle_to_wire(*update_cycle).into(),
                    from: from.to_string(),
                    region_code: region.to_string(),
                })
            }
            Event::ItemReleased { item, reason } => {
                to_any(&wire::LibraryItemReleased { item: item.clone(), reason: reason.clone() })
            }
            Event::ItemUpdated { item, current_on } => to_any(&wire::LibraryItemUpdated {
                item: item.clone(),
                current_on: current_on.to_string(),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(established) = from_any::<wire::LibraryEstablished>(any) {
            let wire::LibraryEstablished { name, lead_code } = established?;
            parse("lead_code", &lead_code).map(|lead| Event::Established { name, lead })
        } else if let Some(changed) = from_any::<wire::LibraryLeadChanged>(any) {
            let wire::LibraryLeadChanged { lead_code, reason } = changed?;
            parse("lead_code", &lead_code).map(|lead| Event::LeadChanged { lead, reason })
        } else if let Some(assigned) = from_any::<wire::LibraryItemAssigned>(any) {
            assigned_from_wire(assigned?)
        } else if let Some(released) = from_any::<wire::LibraryItemReleased>(any) {
            let wire::LibraryItemReleased { item, reason } = released?;
            Ok(Event::ItemReleased { item, reason })
        } else if let Some(updated) = from_any::<wire::LibraryItemUpdated>(any) {
            let wire::LibraryItemUpdated { item, current_on } = updated?;
            let current_on = parse("current_on", &current_on);
            current_on.map(|current_on| Event::ItemUpdated { item, current_on })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn assigned_from_wire(assigned: wire::LibraryItemAssigned) -> Result<Event, FieldError> {
    let update_cycle = update_cycle_from_wire(assigned.update_cycle);
    Ok(Event::ItemAssigned {
        item: assigned.item,
        organisation: parse("organisation_code", &assigned.organisation_code)?,
        region: parse("region_code", &assigned.region_code)?,
        update_cycle: required("update_cycle", update_cycle)?,
        from: parse("from", &assigned.from)?,
    })
}
