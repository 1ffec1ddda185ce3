use proptest::prelude::*;

use super::*;
use crate::testing::{domain, organisation};

#[track_caller]
fn refused(text: &str, expected: SpiffeIdError) {
    assert_eq!(text.parse::<SpiffeId>(), Err(expected), "{text}");
}

#[test]
fn each_kind_is_written_and_read() {
    let code = organisation();
    let cases = [
        (
            SpiffeId::node(&domain(), code, "n1"),
            format!("spiffe://test.internal/org/{code}/node/n1"),
        ),
        (
            SpiffeId::user(&domain(), code, "U.7"),
            format!("spiffe://test.internal/org/{code}/user/U.7"),
        ),
        (SpiffeId::service(&domain(), "audit"), "spiffe://test.internal/service/audit".to_owned()),
    ];

    for (id, text) in cases {
        let id = id.unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
    }
}

#[test]
fn other_forms_are_refused() {
    refused("https://test.internal/service/audit", SpiffeIdError::Scheme);
    refused("SPIFFE://test.internal/service/audit", SpiffeIdError::Scheme);
    refused("spiffe://test.internal", SpiffeIdError::Path);
    refused("spiffe://test.internal/service/audit/", SpiffeIdError::Path);
    refused("spiffe://test.internal//service/audit", SpiffeIdError::Path);
    refused("spiffe://test.internal/org/91350100M000100Y43/admin/a", SpiffeIdError::Path);
    refused("spiffe://Test.internal/service/audit", SpiffeIdError::Domain);
    refused("spiffe://test.internal:443/service/audit", SpiffeIdError::Domain);
    refused("spiffe://user@test.internal/service/audit", SpiffeIdError::Domain);
    refused("spiffe:///service/audit", SpiffeIdError::Domain);
    refused("spiffe://test.internal/service/", SpiffeIdError::Label);
    refused("spiffe://test.internal/service/Audit", SpiffeIdError::Label);
    refused("spiffe://test.internal/service/audit?x", SpiffeIdError::Label);
    refused("spiffe://test.internal/service/-audit", SpiffeIdError::Label);
    refused("spiffe://test.internal/org/91350100M000100Y43/user/..", SpiffeIdError::Account);
    refused("spiffe://test.internal/org/91350100M000100Y43/user/张三", SpiffeIdError::Account);
}

#[test]
fn an_unknown_organisation_code_is_refused_with_its_reason() {
    let error = "spiffe://test.internal/org/91350100M000100Y44/node/n1".parse::<SpiffeId>();

    let Err(SpiffeIdError::Organisation(OrganisationCodeError::CheckCharacter { .. })) = error
    else {
        panic!("{error:?}");
    };
}

#[test]
fn servers_have_a_dns_name_and_users_have_none() {
    let name = |id: Result<SpiffeId, SpiffeIdError>| id.unwrap().dns_name();

    assert_eq!(
        name(SpiffeId::service(&domain(), "exchange-bus")).as_deref(),
        Some("exchange-bus.test.internal")
    );
    assert_eq!(
        name(SpiffeId::node(&domain(), organisation(), "n1")).as_deref(),
        Some("n1.91350100m000100y43.test.internal")
    );
    assert_eq!(name(SpiffeId::user(&domain(), organisation(), "u1")), None);
}

proptest! {
    #[test]
    fn what_is_accepted_is_canonical(text in "spiffe://[a-z.]{1,8}/(org/91350100M000100Y43/(node|user)|service)/[a-zA-Z0-9._-]{0,9}") {
        if let Ok(id) = text.parse::<SpiffeId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".*") {
        let _ = text.parse::<SpiffeId>();
    }
}
