use super::*;
use crate::testing::{PARTIES, noon, template, terms};

#[test]
fn message_comes_back_with_its_signer() {
    let signed = sign(&PARTIES.provider_user, &terms());

    let verified = verify::<GrantTerms>(&PARTIES.roots, &signed, noon()).unwrap();

    assert_eq!(verified.message, terms());
    assert_eq!(&verified.signer, PARTIES.provider_user.id());
}

#[test]
fn signature_serves_one_kind_of_message_alone() {
    let request = sign(&PARTIES.consumer_node, &template());

    assert!(matches!(
        verify::<GrantTerms>(&PARTIES.roots, &request, noon()),
        Err(SignedError::Signature { source: VerifyError::BadSignature { .. }, .. })
    ));
}

/// R26.2: a grant that was changed anywhere is no grant.
#[test]
fn change_at_any_position_is_refused() {
    let signed = sign(&PARTIES.provider_user, &terms());

    for position in 0..signed.message.len() {
        let mut changed = signed.clone();
        changed.message[position] ^= 1;
        assert!(verify::<GrantTerms>(&PARTIES.roots, &changed, noon()).is_err());
    }
}

#[test]
fn unsigned_unknown_and_foreign_signatures_are_refused() {
    let signed = sign(&PARTIES.foreign_node, &template());
    assert!(matches!(
        verify::<TransferRequest>(&PARTIES.roots, &signed, noon()),
        Err(SignedError::Signature { source: VerifyError::ForeignAuthority { .. }, .. })
    ));

    let mut unknown = sign(&PARTIES.consumer_node, &template());
    unknown.signature.as_mut().unwrap().algorithm = "rot13".to_owned();
    assert!(matches!(
        verify::<TransferRequest>(&PARTIES.roots, &unknown, noon()),
        Err(SignedError::Algorithm { .. })
    ));

    let unsigned = wire::SignedMessage { signature: None, ..unknown };
    assert!(matches!(
        verify::<TransferRequest>(&PARTIES.roots, &unsigned, noon()),
        Err(SignedError::Unsigned { .. })
    ));
}
