//! Events of agreements with service providers.

use prost_types::Any;
use publicdata_catalog_domain::agreement::{self, Event, Terms};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::register::owner_from_wire;
use super::{FieldError, from_any, parse, to_any, unknown};

/// How agreements are stored, by their id.
#[derive(Debug)]
pub struct Agreement;

impl Codec for Agreement {
    type Aggregate = agreement::Agreement;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "agreement";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Registered { owner, terms } => to_any(&wire::AgreementRegistered {
                organisation_code: owner.code.to_string(),
                region_code: owner.region.to_string(),
                terms: Some(terms_to_wire(terms)),
            }),
            Event::Terminated { on, reason } => to_any(&wire::AgreementTerminated {
                terminated_on: on.to_string(),
                reason: reason.clone(),
            }),
            Event::Ended { until } => to_any(&wire::AgreementEnded { until: until.to_string() }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(registered) = from_any(any) {
            registered_from_wire(registered?)
        } else if let Some(terminated) = from_any::<wire::AgreementTerminated>(any) {
            let wire::AgreementTerminated { terminated_on, reason } = terminated?;
            parse("terminated_on", &terminated_on).map(|on| Event::Terminated { on, reason })
        } else if let Some(ended) = from_any::<wire::AgreementEnded>(any) {
            parse("until", &ended?.until).map(|until| Event::Ended { until })
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn registered_from_wire(wire: wire::AgreementRegistered) -> Result<Event, FieldError> {
    let terms = agreement_terms_from_wire(wire.terms.unwrap_or_default());
    Ok(Event::Registered {
        owner: owner_from_wire(&wire.organisation_code, &wire.region_code)?,
        terms: terms.map_err(|error| error.within("terms"))?,
    })
}

fn terms_to_wire(terms: &Terms) -> wire::AgreementTerms {
    wire::AgreementTerms {
        provider_name: terms.provider_name.clone(),
        provider_code: terms.provider.to_string(),
        scope: terms.scope.clone(),
        from: terms.from.to_string(),
        until: terms.until.to_string(),
        security_agreement_number: terms.security_agreement_number.clone(),
    }
}

pub(crate) fn agreement_terms_from_wire(wire: wire::AgreementTerms) -> Result<Terms, FieldError> {
    Ok(Terms {
        provider: parse("provider_code", &wire.provider_code)?,
        from: parse("from", &wire.from)?,
        until: parse("until", &wire.until)?,
        provider_name: wire.provider_name,
        scope: wire.scope,
        security_agreement_number: wire.security_agreement_number,
    })
}
