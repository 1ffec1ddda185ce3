//! Events of the aggregate `grant`.

use prost::{Message as _, Name as _};
use prost_types::Any;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_exchange_domain::application::{Application, Request};
use publicdata_exchange_domain::grant::{Event, Grant};
use publicdata_exchange_domain::{SignedBytes, Terms};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{
    ApplicationOverdue, ApplicationRefused, ApplicationSubmitted, GrantIssued, GrantRevoked,
    GrantTerms,
};
use publicdata_transfer::terms;

use super::{FieldError, from_any, to_any, unreadable, values};

/// How grants are stored.
#[derive(Clone, Copy, Debug)]
pub struct Grants;

impl Codec for Grants {
    type Aggregate = Grant;

    const SERVICE: &'static str = "exchange";
    const AGGREGATE: &'static str = "grant";

    fn encode(event: &Event) -> Any {
        match event {
            Event::ApplicationSubmitted(application) => to_any(&submitted(application)),
            Event::ApplicationOverdue { deadline } => {
                to_any(&ApplicationOverdue { deadline: Some(values::deadline_to_wire(deadline)) })
            }
            Event::ApplicationRefused { legal_basis, reason } => to_any(&ApplicationRefused {
                legal_basis: legal_basis.clone(),
                reason: reason.clone(),
            }),
            // The terms are in the signed bytes, and nowhere else.
            Event::Issued { terms: _, signed } => to_any(&GrantIssued { grant: open(signed) }),
            Event::Revoked { reason } => to_any(&GrantRevoked { reason: reason.clone() }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = match any.type_url.as_str() {
            url if url == ApplicationSubmitted::type_url() => {
                let application = application(from_any(any)?).map_err(unreadable(any))?;
                Event::ApplicationSubmitted(application)
            }
            url if url == ApplicationOverdue::type_url() => {
                let overdue: ApplicationOverdue = from_any(any)?;
                let deadline = values::deadline(overdue.deadline).map_err(unreadable(any))?;
                Event::ApplicationOverdue { deadline }
            }
            url if url == ApplicationRefused::type_url() => {
                let ApplicationRefused { legal_basis, reason } = from_any(any)?;
                Event::ApplicationRefused { legal_basis, reason }
            }
            url if url == GrantIssued::type_url() => {
                let (terms, signed) = issued(from_any(any)?).map_err(unreadable(any))?;
                Event::Issued { terms, signed }
            }
            url if url == GrantRevoked::type_url() => {
                let GrantRevoked { reason } = from_any(any)?;
                Event::Revoked { reason }
            }
            _ => return Err(unreadable(any)("no event of a grant")),
        };
        Ok(Some(event))
    }
}

/// Keeps a signed message as it came.
#[must_use]
pub fn seal(signed: &SignedMessage) -> SignedBytes {
    SignedBytes(signed.encode_to_vec())
}

/// What [`seal`] kept.
#[must_use]
pub fn open(signed: &SignedBytes) -> Option<SignedMessage> {
    SignedMessage::decode(signed.0.as_slice()).ok()
}

fn issued(event: GrantIssued) -> Result<(Terms, SignedBytes), FieldError> {
    let signed = event.grant.ok_or_else(|| FieldError::missing("grant"))?;
    let wire =
        GrantTerms::decode(signed.message.as_slice()).map_err(FieldError::of("grant.message"))?;
    Ok((terms::read(&wire)?, seal(&signed)))
}

fn submitted(application: &Application) -> ApplicationSubmitted {
    let request = &application.request;
    ApplicationSubmitted {
        resource_id: application.resource.to_string(),
        resource_code: application.resource_code.to_string(),
        provider_code: application.provider.to_string(),
        consumer_code: application.consumer.to_string(),
        purpose: request.purpose.clone(),
        legal_basis: request.legal_basis.clone(),
        fields: request.fields.clone(),
        row_filter: request.row_filter.clone().unwrap_or_default(),
        delivery_modes: values::modes_to_wire(&request.modes),
        valid_from: request.valid_from.to_string(),
        valid_until: request.valid_until.to_string(),
        deadline: Some(values::deadline_to_wire(&application.deadline)),
        renews_grant_id: request.renews.map(|grant| grant.to_string()).unwrap_or_default(),
    }
}

fn application(event: ApplicationSubmitted) -> Result<Application, FieldError> {
    Ok(Application {
        resource: values::parse("resource_id", &event.resource_id)?,
        resource_code: values::parse("resource_code", &event.resource_code)?,
        provider: values::parse("provider_code", &event.provider_code)?,
        consumer: values::parse("consumer_code", &event.consumer_code)?,
        request: Request {
            purpose: event.purpose,
            legal_basis: event.legal_basis,
            fields: event.fields,
            row_filter: values::non_empty(event.row_filter),
            modes: values::modes(&event.delivery_modes)?,
            valid_from: values::parse("valid_from", &event.valid_from)?,
            valid_until: values::parse("valid_until", &event.valid_until)?,
            renews: values::optional("renews_grant_id", &event.renews_grant_id)?,
        },
        deadline: values::deadline(event.deadline)?,
    })
}
