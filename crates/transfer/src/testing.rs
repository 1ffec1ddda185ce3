//! Two departments, and some rows, for tests.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use jiff::Timestamp;
use publicdata_identity::{
    CertificateAuthority, CredentialRequest, Credentials, Signer, SpiffeId, TrustRoots, Validity,
};
use publicdata_proto::catalog::v1::ItemType;
use publicdata_proto::exchange::v1::{GrantTerms, GrantedField, TransferRequest};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

pub(crate) const PROVIDER: &str = "11510100MB1234567K";
pub(crate) const CONSUMER: &str = "11510100MB7654321G";

pub(crate) struct Parties {
    pub(crate) roots: TrustRoots,
    pub(crate) provider_node: Signer,
    pub(crate) provider_user: Signer,
    pub(crate) consumer_node: Signer,
    pub(crate) foreign_node: Signer,
}

pub(crate) static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let authority = authority();
    let signer = |id: String| signer(&authority, &id);

    Parties {
        roots: TrustRoots::from_pem(authority.root_pem()).unwrap(),
        provider_node: signer(format!("spiffe://test.internal/org/{PROVIDER}/node/node-1")),
        provider_user: signer(format!("spiffe://test.internal/org/{PROVIDER}/user/officer")),
        consumer_node: signer(format!("spiffe://test.internal/org/{CONSUMER}/node/node-1")),
        foreign_node: self::signer(
            &self::authority(),
            &format!("spiffe://test.internal/org/{PROVIDER}/node/node-1"),
        ),
    }
});

pub(crate) fn noon() -> Timestamp {
    "2026-03-02T04:00:00Z".parse().unwrap()
}

pub(crate) fn random() -> StdRng {
    StdRng::seed_from_u64(7)
}

pub(crate) fn terms() -> GrantTerms {
    let field = |name: &str, item_type: ItemType| GrantedField {
        name: name.to_owned(),
        r#type: item_type.into(),
        ..GrantedField::default()
    };
    GrantTerms {
        grant_id: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0001".to_owned(),
        resource_id: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002".to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        fields: vec![field("code", ItemType::Text), field("people", ItemType::Integer)],
        purpose: "census".to_owned(),
        ..GrantTerms::default()
    }
}

pub(crate) fn template() -> TransferRequest {
    TransferRequest {
        transfer_id: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0003".to_owned(),
        grant_id: terms().grant_id,
        consumer_code: CONSUMER.to_owned(),
        consumer_node: PARTIES.consumer_node.id().to_string(),
        requested_by: PARTIES.consumer_node.id().to_string(),
        fields: vec!["code".to_owned(), "people".to_owned()],
        purpose: "census".to_owned(),
        ..TransferRequest::default()
    }
}

/// A batch whose content follows from `first` alone.
pub(crate) fn batch(first: usize, rows: usize) -> RecordBatch {
    let codes: StringArray =
        (first..first + rows).map(|row| (row % 7 != 3).then(|| format!("{row:012}"))).collect();
    let people: Int64Array = (first..first + rows).map(|row| Some((row * row) as i64)).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("code", Arc::new(codes) as ArrayRef, true),
        ("people", Arc::new(people) as ArrayRef, true),
    ])
    .unwrap()
}

fn authority() -> CertificateAuthority {
    let folder = tempfile::tempdir().unwrap();
    let domain = "test.internal".parse().unwrap();
    CertificateAuthority::create(folder.path(), domain, validity()).unwrap()
}

fn signer(authority: &CertificateAuthority, id: &str) -> Signer {
    let id: SpiffeId = id.parse().unwrap();
    let request = CredentialRequest::generate().unwrap();
    let issued = authority.issue(&id, request.request(), validity()).unwrap();
    let credentials: Credentials = request.complete(&issued).unwrap();
    Signer::from(&credentials)
}

fn validity() -> Validity {
    let parse = |text: &str| text.parse().unwrap();
    Validity::new(parse("2020-01-01T00:00:00Z"), parse("2099-01-01T00:00:00Z")).unwrap()
}
