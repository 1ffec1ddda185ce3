use prost::Message as _;
use publicdata_types::{PublicationId, ResourceId};

use uuid::Uuid;

use super::*;

const PROPOSED: &str = include_str!("../../tests/golden/publication-proposed.v1.hex");
const REVIEWED: &str = include_str!("../../tests/golden/secrecy-reviewed.v1.hex");
const PUBLISHED: &str = include_str!("../../tests/golden/publication-published.v1.hex");
const WITHDRAWN: &str = include_str!("../../tests/golden/publication-withdrawn.v1.hex");

fn proposed() -> Event {
    Event::Proposed(Proposal {
        resource: ResourceId::from_uuid(Uuid::from_u128(7)),
        resource_code: "3010100/00001".parse().unwrap(),
        provider: "91110000802100433B".parse().unwrap(),
        content: Content {
            digest: Digest::of("code,name\n510104,锦江区\n"),
            bytes: 27,
            rows: 1,
            columns: vec!["code".to_owned(), "name".to_owned()],
        },
        proposed_by: "spiffe://test.internal/org/91110000802100433B/user/catalog-01".to_owned(),
    })
}

fn reviewed() -> Event {
    Event::SecrecyReviewed(Review {
        outcome: Outcome::Passed,
        basis: "不含秘密、商业和个人信息".to_owned(),
        reviewed_by: "spiffe://test.internal/org/91110000802100433B/user/review-01".to_owned(),
        digest: Digest::of("code,name\n510104,锦江区\n"),
    })
}

fn published() -> Event {
    let published_by = "spiffe://test.internal/org/91110000802100433B/user/catalog-01".to_owned();
    Event::Published { published_by }
}

fn withdrawn() -> Event {
    Event::Withdrawn { reason: "内容有误".to_owned() }
}

#[track_caller]
fn check(event: Event, golden: &str) {
    let bytes = hex::decode(golden.trim()).unwrap();
    let stored = Any::decode(bytes.as_slice()).unwrap();
    assert_eq!(Publications::decode(&stored).unwrap(), Some(event.clone()));
    assert_eq!(Publications::encode(&event), stored);
}

/// H2: what version 1 has stored is read for ever, and written the same.
#[test]
fn events_are_as_version_1_stored_them() {
    check(proposed(), PROPOSED);
    check(reviewed(), REVIEWED);
    check(published(), PUBLISHED);
    check(withdrawn(), WITHDRAWN);
}

#[test]
fn an_unknown_event_is_not_skipped() {
    let any = Any {
        type_url: "type.googleapis.com/publicdata.opendata.v1.Newer".to_owned(),
        value: vec![],
    };
    assert!(Publications::decode(&any).is_err());
}

/// H5: an error names the field, and not what stands in it.
#[test]
fn a_wrong_field_is_named_and_not_repeated() {
    let error = parse::<PublicationId>("publication_id", "510104199001011234").unwrap_err();
    assert_eq!(error.field, "publication_id");
    let text = publicdata_service_kit::problem::chain(&error);
    assert!(!text.contains("19900101"), "{text}");
}
