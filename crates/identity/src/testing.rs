//! An authority and credentials for tests.

use jiff::Timestamp;
use publicdata_types::OrganisationCode;

use crate::{
    CertificateAuthority, CredentialRequest, Credentials, SpiffeId, TrustDomain, Validity,
};

/// The trust domain of tests.
#[must_use]
pub fn domain() -> TrustDomain {
    "test.internal".parse().expect("a trust domain")
}

/// Some organisation.
#[must_use]
pub fn organisation() -> OrganisationCode {
    "91350100M000100Y43".parse().expect("an organisation code")
}

/// A moment within [`always`].
#[must_use]
pub fn noon() -> Timestamp {
    "2026-03-02T04:00:00Z".parse().expect("a timestamp")
}

/// A validity that holds whenever the tests run.
#[must_use]
pub fn always() -> Validity {
    validity("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z")
}

/// A validity that is over.
#[must_use]
pub fn past() -> Validity {
    validity("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z")
}

/// A validity between two moments in RFC 3339.
#[must_use]
pub fn validity(not_before: &str, not_after: &str) -> Validity {
    let parse = |text: &str| text.parse().expect("a timestamp");
    Validity::new(parse(not_before), parse(not_after)).expect("a validity")
}

/// A new authority for [`domain`]; each call makes another, foreign to the others.
#[must_use]
pub fn authority() -> CertificateAuthority {
    let folder = tempfile::tempdir().expect("a temporary folder");
    CertificateAuthority::create(folder.path(), domain(), always()).expect("an authority")
}

/// The id of a service in [`domain`].
#[must_use]
pub fn service(name: &str) -> SpiffeId {
    SpiffeId::service(&domain(), name).expect("a service's id")
}

/// The id of a node of [`organisation`].
#[must_use]
pub fn node(name: &str) -> SpiffeId {
    SpiffeId::node(&domain(), organisation(), name).expect("a node's id")
}

/// The id of a user of [`organisation`].
#[must_use]
pub fn user(account: &str) -> SpiffeId {
    SpiffeId::user(&domain(), organisation(), account).expect("a user's id")
}

/// Credentials that are valid whenever the tests run.
#[must_use]
pub fn credentials(authority: &CertificateAuthority, id: &SpiffeId) -> Credentials {
    credentials_for(authority, id, always())
}

/// Credentials with a validity of their own.
#[must_use]
pub fn credentials_for(
    authority: &CertificateAuthority,
    id: &SpiffeId,
    validity: Validity,
) -> Credentials {
    let request = CredentialRequest::generate().expect("keys");
    let issued = authority.issue(id, request.request(), validity).expect("certificates");
    request.complete(&issued).expect("credentials")
}
