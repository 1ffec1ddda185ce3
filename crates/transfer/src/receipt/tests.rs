use super::*;
use crate::testing::{PARTIES, noon, template, terms};

fn agreed() -> Agreed {
    Agreed::new(&terms(), &template())
}

fn progress() -> Progress {
    let mut progress = Progress::default();
    progress.record(b"schema", 0);
    progress.record(b"batch", 3);
    progress
}

fn issued() -> SignedMessage {
    issue(&agreed(), &progress(), 0, (&PARTIES.provider_node, noon()))
}

/// R30.1: a receipt carries the signatures of both sides over the same bytes.
#[test]
fn both_nodes_sign_the_same_bytes() {
    let checked = check(&PARTIES.roots, issued(), &agreed(), &progress(), noon()).unwrap();
    let consumer = checked.countersign(&PARTIES.consumer_node);

    let receipt = verify(&PARTIES.roots, checked.signed(), Some(&consumer), noon()).unwrap();

    assert_eq!(&receipt, checked.receipt());
    assert_eq!((receipt.rows, receipt.frames, receipt.bytes), (3, 2, 11));
    assert_eq!(receipt.sha256, progress().digest().as_bytes());
    assert_eq!(checked.provider_node(), PARTIES.provider_node.id());
}

/// R23.2: nothing that the receipt says goes unchecked.
#[test]
fn every_wrong_field_is_named() {
    type Change = fn(&mut Receipt);
    let changes: [(&str, Change); 10] = [
        ("transfer_id", |receipt| receipt.transfer_id.clear()),
        ("grant_id", |receipt| receipt.grant_id.clear()),
        ("provider_code", |receipt| receipt.provider_code.clear()),
        ("consumer_code", |receipt| receipt.consumer_code.clear()),
        ("fields", |receipt| receipt.fields.reverse()),
        ("purpose", |receipt| receipt.purpose.push('!')),
        ("rows", |receipt| receipt.rows += 1),
        ("bytes", |receipt| receipt.bytes += 1),
        ("frames", |receipt| receipt.frames += 1),
        ("sha256", |receipt| receipt.sha256[0] ^= 1),
    ];
    let honest = signed::verify::<Receipt>(&PARTIES.roots, &issued(), noon()).unwrap().message;

    for (name, change) in changes {
        let mut receipt = honest.clone();
        change(&mut receipt);
        let signed = signed::sign(&PARTIES.provider_node, &receipt);

        let error = check(&PARTIES.roots, signed, &agreed(), &progress(), noon()).unwrap_err();
        assert!(
            matches!(error, ReceiptError::Mismatch { field } if field == name),
            "{name}: {error}"
        );
    }
}

#[test]
fn only_the_providers_node_issues() {
    for signer in [&PARTIES.provider_user, &PARTIES.consumer_node] {
        let signed = issue(&agreed(), &progress(), 0, (signer, noon()));
        assert!(matches!(
            check(&PARTIES.roots, signed, &agreed(), &progress(), noon()),
            Err(ReceiptError::Signer { .. })
        ));
    }
}

#[test]
fn both_signatures_are_needed() {
    let signed = issued();
    let twice = signed::countersign::<Receipt>(&PARTIES.provider_node, &signed);

    assert!(matches!(
        verify(&PARTIES.roots, &signed, Some(&twice), noon()),
        Err(ReceiptError::Signer { .. })
    ));
    assert!(matches!(
        verify(&PARTIES.roots, &signed, None, noon()),
        Err(ReceiptError::Signed(SignedError::Unsigned { .. }))
    ));
}
