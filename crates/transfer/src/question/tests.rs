use publicdata_proto::exchange::v1::{NamedValue, Query};

use super::*;

fn binding(transfer: u8) -> ParameterBinding {
    ParameterBinding {
        transfer: format!("00000000-0000-4000-8000-00000000000{transfer}").parse().unwrap(),
        grant: "00000000-0000-4000-8000-000000000002".parse().unwrap(),
    }
}

fn parameters() -> QueryParameters {
    let value = NamedValue { name: "code".to_owned(), value: "510104".to_owned() };
    QueryParameters { values: vec![value], claims: vec![] }
}

/// R24.1: nobody but the node that holds the key reads what is asked, and for no other request than this.
#[test]
fn parameters_open_with_their_key_for_their_request_alone() {
    let key = ParameterKey::generate(&mut rand::rng());
    let sealed = seal(&key.public_key(), &parameters(), &binding(1), &mut rand::rng()).unwrap();

    assert_eq!(key.open(&sealed, &binding(1)), Ok(parameters()));
    let refused = |result| matches!(result, Err(ParameterError::Sealed(_)));
    assert!(refused(key.open(&sealed, &binding(3))));
    assert!(refused(ParameterKey::generate(&mut rand::rng()).open(&sealed, &binding(1))));
    let mut changed = sealed.clone();
    changed.sealed[0] ^= 1;
    assert!(refused(key.open(&changed, &binding(1))));
    assert!(refused(key.open(&SealedParameters::default(), &binding(1))));
    assert_ne!(digest(&changed), digest(&sealed));
}

#[test]
fn a_request_says_what_columns_come() {
    let fields = ["code".to_owned()];
    let with_query = |proof: ProofKind| TransferRequest {
        query: Some(Query { proof: proof.into(), ..Query::default() }),
        ..TransferRequest::default()
    };
    let columns = |request: &TransferRequest| Shape::of(request).columns(&fields);

    assert_eq!(columns(&TransferRequest::default()), ["code"]);
    assert_eq!(columns(&with_query(ProofKind::Unspecified)), ["code", "_reference", "_disputed"]);
    assert_eq!(columns(&with_query(ProofKind::Confirm)), ["_credential"]);
    let marked = TransferRequest { with_references: true, ..TransferRequest::default() };
    assert_eq!(columns(&marked), ["code", "_reference", "_disputed"]);
}
