use publicdata_identity::testing::{authority, credentials, node, noon, organisation, user};

use super::*;

const TRANSFER: &str = "00000000-0000-4000-8000-000000000001";

fn proof(signer: &SpiffeId) -> Credential {
    let fact = Fact { stated: "低保".to_owned(), confirmed: true };
    let subject = Subject {
        resource: "307010100001/00001".to_owned(),
        service: "by-id".to_owned(),
        parameters: [("idNumber".to_owned(), "510104199001011234".to_owned())].into(),
        found: true,
        disputed: false,
        answer: Answer::Confirmed([("status".to_owned(), fact)].into()),
    };
    let text = |text: &str| text.to_owned();
    Credential::new(
        TRANSFER,
        Issuer { id: signer.to_string(), organisation: organisation().to_string() },
        (noon(), noon() + SignedDuration::from_hours(24)),
        subject,
        TermsOfUse::new(text("g"), text("c"), text("p"), text("2026-0104")),
    )
}

/// R21.1: a proof is verified with the roots alone, as long as it holds.
#[test]
fn a_proof_is_verified_with_the_roots_alone() {
    let credentials = credentials(&authority(), &node("node-1"));
    let text = proof(credentials.id()).sign(&Signer::from(&credentials)).unwrap();

    let verified = verify(credentials.roots(), &text, noon()).unwrap();
    assert_eq!((verified.credential, verified.signer), (proof(&node("node-1")), node("node-1")));

    let later = noon() + SignedDuration::from_hours(25);
    let error = verify(credentials.roots(), &text, later).unwrap_err();
    assert_eq!(error.reason(), "PROOF_NOT_VALID_NOW");
    assert!(verify(credentials.roots(), &text, noon() - SignedDuration::from_mins(4)).is_ok());
    assert!(verify(credentials.roots(), &text, noon() - SignedDuration::from_mins(6)).is_err());
}

/// R21.1: nobody else's signature stands for a provider's node, not even that of an account of the provider.
#[test]
fn a_proof_that_others_signed_is_refused() {
    let authority = authority();
    let account = credentials(&authority, &user("officer-1"));
    let other_node = credentials(&authority, &node("node-2"));
    for (signer, named) in [(&account, account.id()), (&other_node, &node("node-1"))] {
        let text = proof(named).sign(&Signer::from(signer)).unwrap();
        let error = verify(signer.roots(), &text, noon()).unwrap_err();
        assert_eq!(error.reason(), "PROOF_ISSUER_WRONG", "{error}");
    }
}

/// Golden: what outside verifiers read is a Verifiable Credential of version 2.
#[test]
fn a_proof_has_the_form_of_a_verifiable_credential() {
    let json = serde_json::to_value(proof(&node("node-1"))).unwrap();

    assert_eq!(json["@context"][0], "https://www.w3.org/ns/credentials/v2");
    assert_eq!(json["type"], serde_json::json!(["VerifiableCredential", "PublicDataProof"]));
    assert_eq!(json["id"], format!("urn:uuid:{TRANSFER}"));
    let fact = &json["credentialSubject"]["confirmed"]["status"];
    assert_eq!(*fact, serde_json::json!({ "stated": "低保", "confirmed": true }));
    assert_eq!(json["termsOfUse"]["type"], "PublicDataGrant");
    assert!(json["validUntil"].as_str().unwrap().ends_with('Z'));
}
