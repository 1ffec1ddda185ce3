use serde_json::json;

use super::*;
use crate::replay::ToldEvent;

fn told(subject: &str, actor: &str, fields: Value) -> Told {
    let type_name = "publicdata.exchange.v1.Something".to_owned();
    Told {
        index: 0,
        stream: "EXCHANGE".to_owned(),
        sequence: 1,
        subject: subject.to_owned(),
        recorded_at: None,
        occurred_at: None,
        actor: actor.to_owned(),
        command_id: String::new(),
        events: vec![ToldEvent { type_name, sentence: String::new(), fields }],
    }
}

/// R46.2: of an aggregate that names the thing once, all that follows belongs to the story.
#[test]
fn what_names_a_thing_and_what_follows_concern_it() {
    let service = "spiffe://test.internal/service/exchange-bus";
    let mut about = About::new("grant-1");
    for (subject, fields, expected) in [
        ("ev.exchange.transfer.a", json!({ "grantId": "grant-2" }), false),
        ("ev.exchange.transfer.b", json!({ "grantId": "grant-1" }), true),
        ("ev.exchange.transfer.b", json!({ "rows": "7" }), true),
        ("ev.exchange.transfer.a", json!({ "rows": "7" }), false),
        ("ev.exchange.grant.grant-1", json!({}), true),
        ("ev.exchange.ticket.c", json!({ "records": [{ "of": { "grant": "grant-1" } }] }), true),
        // Not as a part of another word.
        ("ev.exchange.ticket.d", json!({ "note": "see grant-1" }), false),
        ("ev.exchange.ticket.e", json!({ "grant-1": 1 }), false),
    ] {
        assert_eq!(about.concerns(&told(subject, service, fields)), expected, "{subject}");
    }
}

#[test]
fn what_an_organisation_did_concerns_it_and_not_what_others_go_on_with() {
    let mut about = About::new("11510100MB1234567X");
    let by = "spiffe://test.internal/user/11510100MB1234567X/officer";
    let subject = "ev.catalog.resource.1";
    assert!(about.concerns(&told(subject, by, json!({}))));
    assert!(!about.concerns(&told(subject, "spiffe://test.internal/service/catalog", json!({}))));
}
