use prost::Message as _;
use publicdata_audit_domain::Checkpoint;
use publicdata_audit_domain::archive::{Archive, Release};
use publicdata_types::Digest;

use super::*;

const ARCHIVED: &str = include_str!("../../tests/golden/stream-archived.v1.hex");
const RELEASED: &str = include_str!("../../tests/golden/stream-source-released.v1.hex");

/// H2: what version 1 has stored is read for ever, and written the same.
#[test]
fn seals_are_as_version_1_stored_them() {
    let event = Event::Archived(Archive {
        stream: "EXCHANGE".to_owned(),
        first_sequence: 1,
        last_sequence: 4_711,
        earliest_recorded_at: "2026-01-01T00:00:00.000000001+08:00".parse().unwrap(),
        latest_recorded_at: "2026-01-31T23:59:59.5+08:00".parse().unwrap(),
        path: "EXCHANGE/000000000001-000000004711-3b9c358f36f0a31b.parquet".to_owned(),
        bytes: 1_048_576,
        digest: Digest::of(b"file"),
        log: Checkpoint { size: 40_000, hash: Digest::of(b"root") },
        layout: 1,
    });
    holds(&event, ARCHIVED);
}

/// H2: the same of releases.
#[test]
fn releases_are_as_version_1_stored_them() {
    let event = Event::Released(Release {
        stream: "EXCHANGE".to_owned(),
        last_sequence: 4_711,
        latest_recorded_at: "2026-01-31T23:59:59.5+08:00".parse().unwrap(),
        author: "11510100MB1234567K".parse().unwrap(),
    });
    holds(&event, RELEASED);
}

fn holds(event: &Event, stored: &str) {
    let encoded = StreamArchives::encode(event);
    let stored = Any::decode(hex::decode(stored.trim()).unwrap().as_slice()).unwrap();

    assert_eq!(encoded, stored, "{}", hex::encode(encoded.encode_to_vec()));
    assert_eq!(StreamArchives::decode(&stored).unwrap().as_ref(), Some(event));
}

#[test]
fn an_unknown_event_is_not_skipped() {
    let type_url = "type.googleapis.com/publicdata.audit.v1.Newer".to_owned();
    assert!(StreamArchives::decode(&Any { type_url, value: vec![] }).is_err());
}
