use std::os::unix::fs::PermissionsExt as _;

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use super::*;
use crate::testing::{always, authority, domain, node, service, user, validity};
use crate::{CredentialRequest, certificate};

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn request_with(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
    let key = KeyPair::generate_for(algorithm).unwrap();
    rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
}

fn public_key_of(request: &[u8]) -> Vec<u8> {
    let (_, request) = X509CertificationRequest::from_der(request).unwrap();
    request.certification_request_info.subject_pki.raw.to_vec()
}

/// Somebody else's public key within a request that was signed with one's own.
fn with_key_of(own: &[u8], stolen: &[u8]) -> Vec<u8> {
    let (mine, theirs) = (public_key_of(own), public_key_of(stolen));
    let at = own.windows(mine.len()).position(|window| window == mine).unwrap();
    [&own[..at], &theirs, &own[at + mine.len()..]].concat()
}

#[test]
fn an_authority_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let created = CertificateAuthority::create(folder.path(), domain(), always()).unwrap();

    let opened = CertificateAuthority::open(folder.path()).unwrap();

    assert_eq!(opened.root_pem(), created.root_pem());
    assert_eq!(opened.domain(), &domain());
    assert_eq!(opened.not_after(), always().not_after());
}

#[test]
fn the_key_is_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    CertificateAuthority::create(folder.path(), domain(), always()).unwrap();

    let mode = folder.path().join("ca.key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_authority_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    CertificateAuthority::create(folder.path(), domain(), always()).unwrap();

    let error = CertificateAuthority::create(folder.path(), domain(), always()).unwrap_err();
    assert!(matches!(error, AuthorityError::Exists(_)), "{error}");
}

#[test]
fn a_missing_authority_is_named() {
    let folder = tempfile::tempdir().unwrap();

    let error = CertificateAuthority::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("ca.key is missing"), "{error}");
}

#[test]
fn a_key_beside_anothers_certificate_is_refused() {
    let [ours, theirs] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in [&ours, &theirs] {
        CertificateAuthority::create(folder.path(), domain(), always()).unwrap();
    }
    fs::copy(theirs.path().join("ca.key"), ours.path().join("ca.key")).unwrap();

    let error = CertificateAuthority::open(ours.path()).unwrap_err();
    assert!(matches!(error, AuthorityError::Mismatch(_)), "{error}");
}

#[test]
fn both_certificates_carry_the_id_and_what_the_register_keeps() {
    let request = CredentialRequest::generate().unwrap();
    let issued = authority().issue(&node("n1"), request.request(), always()).unwrap();

    for issued in [&issued.tls, &issued.signing] {
        let der = der(&issued.pem);
        let info = certificate::read(&der).unwrap();
        assert_eq!(info.id, node("n1"));
        assert_eq!(info.not_after, always().not_after());
        assert_eq!(issued.public_key_digest, Digest::of(&info.public_key_info));
        let parsed = certificate::parse(&der).unwrap();
        assert_eq!(issued.serial, parsed.raw_serial_as_string().replace(':', ""));
    }
    assert_ne!(issued.tls.serial, issued.signing.serial);
}

#[test]
fn only_nodes_and_services_may_serve() {
    let authority = authority();
    for (id, may_serve) in [(node("n1"), true), (service("audit"), true), (user("u1"), false)] {
        let request = CredentialRequest::generate().unwrap();
        let issued = authority.issue(&id, request.request(), always()).unwrap();

        let der = der(&issued.tls.pem);
        let certificate = certificate::parse(&der).unwrap();
        let usage = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth, "{id}");
        assert_eq!(usage.server_auth, may_serve, "{id}");
    }
}

#[test]
fn a_request_signed_with_another_key_is_refused() {
    let own = CredentialRequest::generate().unwrap().request().clone();
    let stolen = CredentialRequest::generate().unwrap().request().clone();
    let cases = [
        CertificateRequest { tls: with_key_of(&own.tls, &stolen.tls), ..own.clone() },
        CertificateRequest { signing: with_key_of(&own.signing, &stolen.signing), ..own.clone() },
    ];

    for request in cases {
        let error = authority().issue(&node("n1"), &request, always()).unwrap_err();
        assert!(
            matches!(error, IssueError::Request(RequestError::NotPossessed { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn keys_of_another_kind_are_refused() {
    let good = CredentialRequest::generate().unwrap();
    let cases = [
        CertificateRequest { tls: request_with(&PKCS_ED25519), ..good.request().clone() },
        CertificateRequest { tls: request_with(&PKCS_ECDSA_P384_SHA384), ..good.request().clone() },
        CertificateRequest {
            signing: request_with(&PKCS_ECDSA_P256_SHA256),
            ..good.request().clone()
        },
    ];

    for request in cases {
        let error = authority().issue(&node("n1"), &request, always()).unwrap_err();
        assert!(matches!(error, IssueError::Request(RequestError::WrongKey { .. })), "{error:?}");
    }
}

#[test]
fn garbage_is_no_request() {
    let request = CertificateRequest { tls: b"hello".to_vec(), signing: Vec::new() };

    let error = authority().issue(&node("n1"), &request, always()).unwrap_err();
    assert_eq!(error.to_string(), "the TLS certification request cannot be read");
}

#[test]
fn another_domains_principal_is_refused() {
    let foreign = SpiffeId::service(&"other.internal".parse().unwrap(), "audit").unwrap();
    let request = CredentialRequest::generate().unwrap();

    let error = authority().issue(&foreign, request.request(), always()).unwrap_err();
    assert!(matches!(error, IssueError::ForeignDomain { .. }), "{error}");
}

#[test]
fn nothing_outlives_the_root() {
    let request = CredentialRequest::generate().unwrap();
    let longer = validity("2020-01-01T00:00:00Z", "2099-01-01T00:00:01Z");

    let error = authority().issue(&node("n1"), request.request(), longer).unwrap_err();
    assert!(matches!(error, IssueError::OutlivesRoot { .. }), "{error}");
}

#[test]
fn a_validity_ends_after_it_begins() {
    let at = always().not_before();

    assert!(Validity::new(at, at).is_err());
    assert!(Validity::days(at, 0).is_err());
    assert_eq!(
        Validity::days(at, 1).unwrap(),
        validity("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z")
    );
}

/// H1: asking again for what a register holds gives the same certificates but for the signature.
#[test]
fn reissued_certificates_have_the_first_ones_numbers() {
    let authority = authority();
    let request = CredentialRequest::generate().unwrap();
    let first = authority.issue(&node("n1"), request.request(), always()).unwrap();

    let serials = [first.tls.serial.as_str(), first.signing.serial.as_str()];
    let again = authority.reissue(&node("n1"), request.request(), always(), serials).unwrap();

    assert_eq!([again.tls.serial.as_str(), again.signing.serial.as_str()], serials);
    assert_eq!(again.tls.public_key_digest, first.tls.public_key_digest);
    let again_tls = der(&again.tls.pem);
    let (_, certificate) = x509_parser::parse_x509_certificate(&again_tls).unwrap();
    let serial: String =
        certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(serial, first.tls.serial);
    request.complete(&again).unwrap();
}
