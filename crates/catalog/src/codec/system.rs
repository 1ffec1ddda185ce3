//! Events of systems.

use prost_types::Any;
use publicdata_catalog_domain::system::{self, Description, Event, Hosting, Integration};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::register::{optional_date, owner_from_wire};
use super::{FieldError, from_any, parse, to_any, unknown};

/// How systems are stored, by their id.
#[derive(Debug)]
pub struct System;

impl Codec for System {
    type Aggregate = system::System;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "system";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Registered { owner, description } => to_any(&wire::SystemRegistered {
                organisation_code: owner.code.to_string(),
                region_code: owner.region.to_string(),
                description: Some(system_to_wire(description)),
            }),
            Event::Changed { description } => {
                to_any(&wire::SystemChanged { description: Some(system_to_wire(description)) })
            }
            Event::Retired { on, reason } => {
                to_any(&wire::SystemRetired { retired_on: on.to_string(), reason: reason.clone() })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(registered) = from_any(any) {
            registered_from_wire(registered?)
        } else if let Some(changed) = from_any::<wire::SystemChanged>(any) {
            described(changed?.description).map(|description| Event::Changed { description })
        } else if let Some(retired) = from_any::<wire::SystemRetired>(any) {
            let wire::SystemRetired { retired_on, reason } = retired?;
            parse("retired_on", &retired_on).map(|on| Event::Retired { on, reason })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn registered_from_wire(registered: wire::SystemRegistered) -> Result<Event, FieldError> {
    Ok(Event::Registered {
        owner: owner_from_wire(&registered.organisation_code, &registered.region_code)?,
        description: described(registered.description)?,
    })
}

fn described(description: Option<wire::SystemDescription>) -> Result<Description, FieldError> {
    let description = system_from_wire(description.unwrap_or_default());
    description.map_err(|error| error.within("description"))
}

fn system_to_wire(description: &Description) -> wire::SystemDescription {
    let (hosting, place) = match &description.hosting {
        Hosting::GovernmentCloud => (wire::SystemHosting::GovernmentCloud, ""),
        Hosting::OwnDataCentre { place } => (wire::SystemHosting::OwnDataCentre, place.as_str()),
        Hosting::Other { place } => (wire::SystemHosting::Other, place.as_str()),
    };
    let (integration, due, reason) = match &description.integration {
        Integration::Integrated => (wire::SystemIntegration::Integrated, None, ""),
        Integration::Planned { due } => (wire::SystemIntegration::Planned, Some(*due), ""),
        Integration::Isolated { reason } => {
            (wire::SystemIntegration::Isolated, None, reason.as_str())
        }
    };
    wire::SystemDescription {
        name: description.name.clone(),
        operator_code: description.operator.to_string(),
        hosting: hosting.into(),
        place: place.to_owned(),
        integration: integration.into(),
        integration_due_on: due.map(|due| due.to_string()).unwrap_or_default(),
        isolation_reason: reason.to_owned(),
        protection_level: description.protection_level.map_or(0, u32::from),
        networks: description.networks.iter().cloned().collect(),
        holds_personal_data: description.holds_personal_data,
        agreement_id: description.agreement.map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// A description; what does not go with the rest of it is refused by its field.
pub(crate) fn system_from_wire(wire: wire::SystemDescription) -> Result<Description, FieldError> {
    let hosting = match wire::SystemHosting::try_from(wire.hosting) {
        Ok(wire::SystemHosting::GovernmentCloud) if !wire.place.is_empty() => {
            return Err(FieldError::new(
                "place",
                "the government cloud is one place; leave it out",
            ));
        }
        Ok(wire::SystemHosting::GovernmentCloud) => Hosting::GovernmentCloud,
        Ok(wire::SystemHosting::OwnDataCentre) => Hosting::OwnDataCentre { place: wire.place },
        Ok(wire::SystemHosting::Other) => Hosting::Other { place: wire.place },
        Ok(wire::SystemHosting::Unspecified) | Err(_) => {
            return Err(FieldError::new("hosting", "say where the system runs"));
        }
    };
    let due = optional_date("integration_due_on", &wire.integration_due_on)?;
    let reason = wire.isolation_reason;
    let integration = match (wire::SystemIntegration::try_from(wire.integration), due) {
        (Ok(wire::SystemIntegration::Integrated), None) if reason.is_empty() => {
            Integration::Integrated
        }
        (Ok(wire::SystemIntegration::Planned), Some(due)) if reason.is_empty() => {
            Integration::Planned { due }
        }
        (Ok(wire::SystemIntegration::Isolated), None) => Integration::Isolated { reason },
        (Ok(wire::SystemIntegration::Planned), None) => {
            return Err(FieldError::new("integration_due_on", "say by which day it is planned"));
        }
        (Ok(wire::SystemIntegration::Integrated | wire::SystemIntegration::Isolated), Some(_)) => {
            let text = "only an integration that is planned has a day";
            return Err(FieldError::new("integration_due_on", text));
        }
        (Ok(wire::SystemIntegration::Integrated | wire::SystemIntegration::Planned), _) => {
            let text = "only a system that is isolated has a reason for it";
            return Err(FieldError::new("isolation_reason", text));
        }
        (Ok(wire::SystemIntegration::Unspecified) | Err(_), _) => {
            return Err(FieldError::new("integration", "say whether the system is integrated"));
        }
    };
    let protection_level = u8::try_from(wire.protection_level)
        .map_err(|_| FieldError::new("protection_level", "1 to 5 are there, and 0 for none"))?;
    let agreement = match wire.agreement_id.as_str() {
        "" => None,
        id => Some(parse("agreement_id", id)?),
    };
    Ok(Description {
        name: wire.name,
        operator: parse("operator_code", &wire.operator_code)?,
        hosting,
        integration,
        protection_level: Some(protection_level).filter(|level| *level != 0),
        networks: wire.networks.into_iter().collect(),
        holds_personal_data: wire.holds_personal_data,
        agreement,
    })
}
