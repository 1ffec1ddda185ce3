//! Two departments, the bus, and a grant between them.

use std::path::Path;

use publicdata_identity::testing::{authority, credentials, domain};
use publicdata_identity::{CertificateAuthority, Credentials, Signer, SpiffeId};
use publicdata_proto::catalog::v1::{DeliveryMode, ItemType, Mask};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{GrantTerms, GrantedField};
use publicdata_transfer::{signed, time};
use publicdata_types::OrganisationCode;

pub(crate) const PROVIDER: &str = "11510100MB1234567K";
pub(crate) const CONSUMER: &str = "11510100MB7654321G";
pub(crate) const RESOURCE: &str = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002";
pub(crate) const GRANT: &str = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0001";
pub(crate) const PURPOSE: &str = "census";

/// Credentials of everyone, from one authority.
pub(crate) struct Parties {
    authority: CertificateAuthority,
}

impl Parties {
    pub(crate) fn new() -> Self {
        Self { authority: authority() }
    }

    pub(crate) fn bus(&self) -> Credentials {
        self.of(SpiffeId::service(&domain(), "exchange-bus").unwrap())
    }

    pub(crate) fn node(&self, organisation: &str) -> Credentials {
        self.of(SpiffeId::node(&domain(), code(organisation), "node-1").unwrap())
    }

    pub(crate) fn user(&self, organisation: &str) -> Credentials {
        self.of(SpiffeId::user(&domain(), code(organisation), "officer-1").unwrap())
    }

    fn of(&self, id: SpiffeId) -> Credentials {
        credentials(&self.authority, &id)
    }
}

fn code(organisation: &str) -> OrganisationCode {
    organisation.parse().unwrap()
}

/// Code plain, name partly masked, people as a pseudonym; not all rows.
pub(crate) fn terms() -> GrantTerms {
    let field = |name: &str, kind: ItemType, mask: Mask| GrantedField {
        name: name.to_owned(),
        r#type: kind.into(),
        mask: mask.into(),
        ..GrantedField::default()
    };
    GrantTerms {
        grant_id: GRANT.to_owned(),
        resource_id: RESOURCE.to_owned(),
        resource_code: "307010100001/00001".to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        fields: vec![
            field("code", ItemType::Text, Mask::Unspecified),
            field("name", ItemType::Text, Mask::Partial),
            field("people", ItemType::Integer, Mask::Unspecified),
        ],
        purpose: PURPOSE.to_owned(),
        delivery_modes: vec![DeliveryMode::Bulk.into()],
        valid_from: Some(time::to_wire("2020-01-01T00:00:00Z".parse().unwrap())),
        valid_until: Some(time::to_wire("2099-01-01T00:00:00Z".parse().unwrap())),
        ..GrantTerms::default()
    }
}

pub(crate) fn signed_by(credentials: &Credentials, terms: &GrantTerms) -> SignedMessage {
    signed::sign(&Signer::from(credentials), terms)
}

/// A CSV source of that many rows.
pub(crate) fn write_rows(path: &Path, rows: usize) {
    let mut text = "code,name,people\n".to_owned();
    for row in 0..rows {
        text.push_str(&format!("{row:06},村庄{row},{row}\n"));
    }
    std::fs::write(path, text).unwrap();
}
