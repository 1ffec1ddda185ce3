//! Events of networks.

use prost_types::Any;
use publicdata_catalog_domain::network::{self, Basis, Event, Opinion, Plan};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::register::{owner_from_wire, unsaid};
use super::{FieldError, from_any, parse, to_any, unknown};

/// How networks are stored, by their id.
#[derive(Debug)]
pub struct Network;

impl Codec for Network {
    type Aggregate = network::Network;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "network";

    fn encode(event: &Event) -> Any {
        match event {
            Event::OpinionRequested { owner, answering, plan } => {
                to_any(&wire::NetworkOpinionRequested {
                    organisation_code: owner.code.to_string(),
                    region_code: owner.region.to_string(),
                    answering_region_code: answering.to_string(),
                    plan: Some(plan_to_wire(plan)),
                })
            }
            Event::OpinionGiven { opinion, reasons, authority } => {
                to_any(&wire::NetworkOpinionGiven {
                    opinion: opinion_to_wire(*opinion).into(),
                    reasons: reasons.clone(),
                    authority_code: authority.to_string(),
                })
            }
            Event::Built { owner, on, basis, plan } => to_any(&wire::NetworkBuilt {
                organisation_code: owner.code.to_string(),
                region_code: owner.region.to_string(),
                built_on: on.to_string(),
                basis: basis_to_wire(*basis).into(),
                plan: Some(plan_to_wire(plan)),
            }),
            Event::Merged { on } => to_any(&wire::NetworkMerged { merged_on: on.to_string() }),
            Event::GivenUp { on, reason } => to_any(&wire::NetworkGivenUp {
                given_up_on: on.to_string(),
                reason: reason.clone(),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(requested) = from_any(any) {
            requested_from_wire(requested?)
        } else if let Some(given) = from_any(any) {
            given_from_wire(given?)
        } else if let Some(built) = from_any(any) {
            built_from_wire(built?)
        } else if let Some(merged) = from_any::<wire::NetworkMerged>(any) {
            parse("merged_on", &merged?.merged_on).map(|on| Event::Merged { on })
        } else if let Some(given_up) = from_any::<wire::NetworkGivenUp>(any) {
            let wire::NetworkGivenUp { given_up_on, reason } = given_up?;
            parse("given_up_on", &given_up_on).map(|on| Event::GivenUp { on, reason })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn requested_from_wire(wire: wire::NetworkOpinionRequested) -> Result<Event, FieldError> {
    Ok(Event::OpinionRequested {
        owner: owner_from_wire(&wire.organisation_code, &wire.region_code)?,
        answering: parse("answering_region_code", &wire.answering_region_code)?,
        plan: network_from_wire(wire.plan.unwrap_or_default()),
    })
}

fn given_from_wire(wire: wire::NetworkOpinionGiven) -> Result<Event, FieldError> {
    Ok(Event::OpinionGiven {
        opinion: opinion_from_wire("opinion", wire.opinion)?,
        authority: parse("authority_code", &wire.authority_code)?,
        reasons: wire.reasons,
    })
}

fn built_from_wire(wire: wire::NetworkBuilt) -> Result<Event, FieldError> {
    let basis = match wire::NetworkBasis::try_from(wire.basis) {
        Ok(wire::NetworkBasis::Existing) => Basis::Existing,
        Ok(wire::NetworkBasis::Agreed) => Basis::Agreed,
        Ok(wire::NetworkBasis::WithoutOpinion) => Basis::WithoutOpinion,
        Ok(wire::NetworkBasis::AgainstObjection) => Basis::AgainstObjection,
        Ok(wire::NetworkBasis::Unspecified) | Err(_) => return Err(unsaid("basis")),
    };
    Ok(Event::Built {
        owner: owner_from_wire(&wire.organisation_code, &wire.region_code)?,
        on: parse("built_on", &wire.built_on)?,
        basis,
        plan: network_from_wire(wire.plan.unwrap_or_default()),
    })
}

pub(crate) fn network_from_wire(wire: wire::NetworkPlan) -> Plan {
    let wire::NetworkPlan { name, purpose, legal_basis, scope } = wire;
    Plan { name, purpose, legal_basis, scope }
}

fn plan_to_wire(plan: &Plan) -> wire::NetworkPlan {
    let Plan { name, purpose, legal_basis, scope } = plan.clone();
    wire::NetworkPlan { name, purpose, legal_basis, scope }
}

pub(crate) fn opinion_from_wire(field: &str, number: i32) -> Result<Opinion, FieldError> {
    match wire::NetworkOpinion::try_from(number) {
        Ok(wire::NetworkOpinion::Agreed) => Ok(Opinion::Agreed),
        Ok(wire::NetworkOpinion::Objected) => Ok(Opinion::Objected),
        Ok(wire::NetworkOpinion::Unspecified) | Err(_) => Err(unsaid(field)),
    }
}

const fn opinion_to_wire(opinion: Opinion) -> wire::NetworkOpinion {
    match opinion {
        Opinion::Agreed => wire::NetworkOpinion::Agreed,
        Opinion::Objected => wire::NetworkOpinion::Objected,
    }
}

pub(crate) const fn basis_to_wire(basis: Basis) -> wire::NetworkBasis {
    match basis {
        Basis::Existing => wire::NetworkBasis::Existing,
        Basis::Agreed => wire::NetworkBasis::Agreed,
        Basis::WithoutOpinion => wire::NetworkBasis::WithoutOpinion,
        Basis::AgainstObjection => wire::NetworkBasis::AgainstObjection,
    }
}
