use rustls_pki_types::pem::PemObject as _;

use super::*;
use crate::request::{Purpose, proven_key};
use crate::testing::{always, authority, credentials, credentials_for, noon, past, user, validity};
use crate::{CertificateAuthority, CredentialRequest, Validity, profile};

const CONTEXT: &str = "grant";
const MESSAGE: &[u8] = b"the terms";

struct Signed {
    roots: TrustRoots,
    signature: Signature,
}

fn signed() -> Signed {
    signed_by(&authority(), always())
}

fn signed_by(authority: &CertificateAuthority, validity: Validity) -> Signed {
    let credentials = credentials_for(authority, &user("u1"), validity);
    let signature = Signer::from(&credentials).sign(CONTEXT, MESSAGE);
    Signed { roots: credentials.roots().clone(), signature }
}

fn verified(signed: &Signed) -> Result<SpiffeId, VerifyError> {
    verify(&signed.roots, CONTEXT, MESSAGE, &signed.signature, noon())
}

#[test]
fn a_signature_names_its_signer() {
    assert_eq!(verified(&signed()), Ok(user("u1")));
}

#[test]
fn the_signed_bytes_are_as_documented() {
    assert_eq!(
        signed_bytes("grant", Algorithm::Ed25519, b"message"),
        b"publicdata/grant/v1/ed25519\0message"
    );
}

#[test]
fn a_changed_message_is_noticed() {
    let Signed { roots, signature } = signed();

    let error = verify(&roots, CONTEXT, b"the term5", &signature, noon()).unwrap_err();
    assert!(matches!(error, VerifyError::BadSignature { .. }), "{error:?}");
}

#[test]
fn every_bit_of_the_signature_counts() {
    let Signed { roots, signature } = signed();
    for index in 0..signature.value.len() {
        let mut changed = signature.clone();
        changed.value[index] ^= 1;
        assert!(verify(&roots, CONTEXT, MESSAGE, &changed, noon()).is_err(), "{index}");
    }
    let cut = Signature { value: signature.value[..63].to_vec(), ..signature };
    assert!(verify(&roots, CONTEXT, MESSAGE, &cut, noon()).is_err());
}

#[test]
fn a_signature_serves_no_other_purpose() {
    let Signed { roots, signature } = signed();

    let error = verify(&roots, "receipt", MESSAGE, &signature, noon()).unwrap_err();
    assert!(matches!(error, VerifyError::BadSignature { .. }), "{error:?}");
}

#[test]
fn a_foreign_authority_of_the_same_name_is_refused() {
    let foreign = Signed { roots: signed().roots, ..signed() };

    let error = verified(&foreign).unwrap_err();
    assert!(matches!(error, VerifyError::ForeignAuthority { .. }), "{error:?}");
}

#[test]
fn a_certificate_counts_only_in_its_time() {
    let expired = verified(&signed_by(&authority(), past())).unwrap_err();
    assert!(matches!(expired, VerifyError::Expired { .. }), "{expired:?}");

    let future = validity("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z");
    let early = verified(&signed_by(&authority(), future)).unwrap_err();
    assert!(matches!(early, VerifyError::NotYetValid { .. }), "{early:?}");
}

#[test]
fn what_was_signed_in_time_stays_valid_then() {
    let Signed { roots, signature } = signed_by(&authority(), past());
    let then = "2020-06-01T00:00:00Z".parse().unwrap();

    assert_eq!(verify(&roots, CONTEXT, MESSAGE, &signature, then), Ok(user("u1")));
}

#[test]
fn a_tls_certificate_signs_nothing() {
    let authority = authority();
    let Signed { roots, mut signature } = signed_by(&authority, always());
    let tls = credentials(&authority, &user("u1"));
    let tls = CertificateDer::from_pem_slice(tls.tls_certificate_pem().as_bytes()).unwrap();
    signature.certificate_chain = vec![tls.to_vec()];

    let error = verify(&roots, CONTEXT, MESSAGE, &signature, noon()).unwrap_err();
    assert!(matches!(error, VerifyError::WrongKeyUsage { .. }), "{error:?}");
}

#[test]
fn anothers_certificate_does_not_fit() {
    let authority = authority();
    let mut signed = signed_by(&authority, always());
    let other = credentials(&authority, &user("u2"));
    signed.signature.certificate_chain = Signer::from(&other).sign(CONTEXT, b"").certificate_chain;

    let error = verified(&signed).unwrap_err();
    assert!(matches!(error, VerifyError::BadSignature { .. }), "{error:?}");
}

#[test]
fn a_chain_is_neither_empty_nor_endless_nor_garbage() {
    let mut signed = signed();
    let certificate = signed.signature.certificate_chain[0].clone();

    signed.signature.certificate_chain = vec![];
    assert_eq!(verified(&signed), Err(VerifyError::ChainLength { found: 0 }));
    signed.signature.certificate_chain = vec![certificate; 4];
    assert_eq!(verified(&signed), Err(VerifyError::ChainLength { found: 4 }));
    signed.signature.certificate_chain = vec![b"garbage".to_vec()];
    assert_eq!(verified(&signed), Err(VerifyError::Certificate(CertificateError::Unreadable)));
}

#[test]
fn a_key_of_another_algorithm_is_noticed() {
    let authority = authority();
    let Signed { roots, mut signature } = signed_by(&authority, always());
    let request = CredentialRequest::generate().unwrap();
    let p256 = proven_key(&request.request().tls, Purpose::Tls).unwrap();
    let params = profile::leaf(&user("u1"), Purpose::Signing, always()).unwrap();
    let issued = authority.sign(params, &p256, always()).unwrap();
    let certificate = CertificateDer::from_pem_slice(issued.pem.as_bytes()).unwrap();
    signature.certificate_chain = vec![certificate.to_vec()];

    let error = verify(&roots, CONTEXT, MESSAGE, &signature, noon()).unwrap_err();
    assert!(matches!(error, VerifyError::AlgorithmMismatch { .. }), "{error:?}");
}

#[test]
fn a_signature_crosses_the_wire() {
    let Signed { roots, signature } = signed();

    let wire = publicdata_proto::common::v1::Signature::from(signature);
    let signature = Signature::try_from(wire.clone()).unwrap();
    assert_eq!(verified(&Signed { roots, signature }), Ok(user("u1")));

    let unknown = publicdata_proto::common::v1::Signature { algorithm: "rot13".to_owned(), ..wire };
    assert_eq!(Signature::try_from(unknown), Err(UnknownAlgorithm));
}

#[test]
fn algorithms_are_known_by_name() {
    assert_eq!("ed25519".parse(), Ok(Algorithm::Ed25519));
    assert_eq!("sm2-sm3".parse::<Algorithm>(), Err(UnknownAlgorithm));
}
