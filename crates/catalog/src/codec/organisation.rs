//! Events of organisations.

use std::collections::BTreeSet;
use std::str::FromStr;

use prost_types::Any;
use publicdata_catalog_domain::organisation::{self, Certificate, Event, Key, Registration};
use publicdata_directory::organisation::{role_from_wire, role_to_wire};
use publicdata_event_store::BoxError;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{Digest, Role};

use super::{FieldError, from_any, parse, time_from_wire, time_to_wire, to_any, unknown};

/// How organisations are stored, by their code.
#[derive(Debug)]
pub struct Organisation;

impl Codec for Organisation {
    type Aggregate = organisation::Organisation;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "organisation";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Registered(Registration { code, name, region, region_revision, roles }) => {
                to_any(&wire::OrganisationRegistered {
                    code: code.to_string(),
                    name: name.clone(),
                    region_code: region.to_string(),
                    roles: roles_to_wire(roles),
                    region_revision: text_of(region_revision.as_ref()),
                })
            }
            Event::Changed { name, region, region_revision, roles, reason } => {
                to_any(&wire::OrganisationChanged {
                    name: name.clone(),
                    region_code: region.to_string(),
                    region_revision: text_of(region_revision.as_ref()),
                    roles: roles_to_wire(roles),
                    reason: reason.clone(),
                })
            }
            Event::Closed { successor, on, reason } => to_any(&wire::OrganisationClosed {
                successor_code: text_of(successor.as_ref()),
                closed_on: on.to_string(),
                reason: reason.clone(),
            }),
            Event::SecurityOfficerAppointed { account } => {
                to_any(&wire::SecurityOfficerAppointed { account: account.to_string() })
            }
            Event::CertificateIssued(certificate) => to_any(&certificate_to_wire(certificate)),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(registered) = from_any(any) {
            registered_from_wire(&registered?)
        } else if let Some(changed) = from_any(any) {
            changed_from_wire(changed?)
        } else if let Some(closed) = from_any(any) {
            closed_from_wire(closed?)
        } else if let Some(appointed) = from_any::<wire::SecurityOfficerAppointed>(any) {
            let account = parse("account", &appointed?.account);
            account.map(|account| Event::SecurityOfficerAppointed { account })
        } else if let Some(issued) = from_any(any) {
            certificate_from_wire(issued?).map(Event::CertificateIssued)
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

fn registered_from_wire(registered: &wire::OrganisationRegistered) -> Result<Event, FieldError> {
    Ok(Event::Registered(Registration {
        code: parse("code", &registered.code)?,
        name: registered.name.clone(),
        region: parse("region_code", &registered.region_code)?,
        region_revision: optional("region_revision", &registered.region_revision)?,
        roles: roles_from_wire(&registered.roles),
    }))
}

fn changed_from_wire(changed: wire::OrganisationChanged) -> Result<Event, FieldError> {
    Ok(Event::Changed {
        region: parse("region_code", &changed.region_code)?,
        region_revision: optional("region_revision", &changed.region_revision)?,
        roles: roles_from_wire(&changed.roles),
        name: changed.name,
        reason: changed.reason,
    })
}

fn closed_from_wire(closed: wire::OrganisationClosed) -> Result<Event, FieldError> {
    Ok(Event::Closed {
        successor: optional("successor_code", &closed.successor_code)?,
        on: parse("closed_on", &closed.closed_on)?,
        reason: closed.reason,
    })
}

fn roles_to_wire(roles: &BTreeSet<Role>) -> Vec<i32> {
    roles.iter().map(|role| role_to_wire(*role).into()).collect()
}

/// A role that is newer than this program gives no right here.
fn roles_from_wire(roles: &[i32]) -> BTreeSet<Role> {
    roles.iter().copied().filter_map(role_from_wire).collect()
}

fn text_of(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn optional<T>(field: &str, text: &str) -> Result<Option<T>, FieldError>
where
    T: FromStr<Err: Into<BoxError>>,
{
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

fn certificate_to_wire(certificate: &Certificate) -> wire::CertificateIssued {
    let Certificate { spiffe_id, tls, signing, not_before, not_after, agreement } = certificate;
    wire::CertificateIssued {
        spiffe_id: spiffe_id.clone(),
        tls_serial: tls.serial.clone(),
        tls_public_key_sha256: tls.public_key.as_bytes().to_vec(),
        signing_serial: signing.serial.clone(),
        signing_public_key_sha256: signing.public_key.as_bytes().to_vec(),
        not_before: Some(time_to_wire(*not_before)),
        not_after: Some(time_to_wire(*not_after)),
        agreement_id: text_of(agreement.as_ref()),
    }
}

fn certificate_from_wire(issued: wire::CertificateIssued) -> Result<Certificate, FieldError> {
    Ok(Certificate {
        agreement: optional("agreement_id", &issued.agreement_id)?,
        spiffe_id: issued.spiffe_id,
        tls: Key {
            serial: issued.tls_serial,
            public_key: digest("tls_public_key_sha256", issued.tls_public_key_sha256)?,
        },
        signing: Key {
            serial: issued.signing_serial,
            public_key: digest("signing_public_key_sha256", issued.signing_public_key_sha256)?,
        },
        not_before: time_from_wire("not_before", issued.not_before)?,
        not_after: time_from_wire("not_after", issued.not_after)?,
    })
}

fn digest(field: &str, bytes: Vec<u8>) -> Result<Digest, FieldError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Digest::from_bytes).map_err(|_| FieldError::new(field, "not 32 bytes"))
}
