use super::{BASELINE, check, record};
use crate::fixture::{Fixture, said};

const EVENTS: &str = "proto/publicdata/catalog/v1/events.proto";

const BEFORE: &str = r#"
syntax = "proto3";
package publicdata.catalog.v1;
import "publicdata/catalog/v1/service.proto";
message Published {
  string title = 1;
  repeated Item items = 2;
  oneof outcome { string reason = 3; Sharing sharing = 4; }
  optional uint64 rows = 5;
  map<string, string> labels = 6;
}
enum Sharing { SHARING_UNSPECIFIED = 0; SHARING_OPEN = 1; }
"#;

const SERVICE: &str = r#"
syntax = "proto3";
package publicdata.catalog.v1;
message Item { string name = 1; }
message GetRequest { string id = 1; }
"#;

const RECORDED: &str = "\
publicdata.catalog.v1.Item = message
publicdata.catalog.v1.Item.1 = string name
publicdata.catalog.v1.Published = message
publicdata.catalog.v1.Published.1 = string title
publicdata.catalog.v1.Published.2 = repeated publicdata.catalog.v1.Item items
publicdata.catalog.v1.Published.3 = oneof outcome string reason
publicdata.catalog.v1.Published.4 = oneof outcome publicdata.catalog.v1.Sharing sharing
publicdata.catalog.v1.Published.5 = optional uint64 rows
publicdata.catalog.v1.Published.6 = repeated publicdata.catalog.v1.Published.LabelsEntry labels
publicdata.catalog.v1.Published.LabelsEntry = message
publicdata.catalog.v1.Published.LabelsEntry.1 = string key
publicdata.catalog.v1.Published.LabelsEntry.2 = string value
publicdata.catalog.v1.Sharing = enum
publicdata.catalog.v1.Sharing.0 = SHARING_UNSPECIFIED
publicdata.catalog.v1.Sharing.1 = SHARING_OPEN
";

fn fixture() -> Fixture {
    Fixture::new().file(EVENTS, BEFORE).file("proto/publicdata/catalog/v1/service.proto", SERVICE)
}

fn baseline(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.root().join(BASELINE)).unwrap()
}

/// What is said once the recorded events are edited so.
#[track_caller]
fn assert_said(from: &str, to: &str, expected: &[&str]) {
    let fixture = fixture();
    record(fixture.root()).unwrap();
    assert!(BEFORE.contains(from), "{from} stands in the events");

    let fixture = fixture.file(EVENTS, &BEFORE.replace(from, to));

    assert_eq!(said(&check(fixture.root()).unwrap()), expected);
}

#[test]
fn record_holds_what_is_stored_and_what_it_carries() {
    let fixture = fixture();
    record(fixture.root()).unwrap();

    let text = baseline(&fixture);
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, RECORDED.lines().collect::<Vec<_>>());
    assert_eq!(said(&check(fixture.root()).unwrap()), [""; 0]);
}

#[test]
fn changed_fields_are_named() {
    let name = "proto/baseline.txt:5: publicdata.catalog.v1.Published.1";
    assert_said("  string title = 1;", "", &[&format!("{name}, `string title`, is gone")]);
    let renamed = format!("{name} was `string title`, and is `string name` now");
    assert_said("string title", "string name", &[&renamed]);
    let retyped = format!("{name} was `string title`, and is `bytes title` now");
    assert_said("string title", "bytes title", &[&retyped]);
    let repeated = format!("{name} was `string title`, and is `repeated string title` now");
    assert_said("string title", "repeated string title", &[&repeated]);
}

#[test]
fn renumbered_field_is_gone_and_new() {
    let expected = [
        "proto/baseline.txt:5: publicdata.catalog.v1.Published.1, `string title`, is gone",
        "proto/baseline.txt:1: not recorded yet, 1 in all: publicdata.catalog.v1.Published.7",
    ];
    assert_said("string title = 1", "string title = 7", &expected);
}

#[test]
fn changed_enum_value_is_named() {
    let what = "publicdata.catalog.v1.Sharing.1 was `SHARING_OPEN`, and is `SHARING_ALL` now";
    assert_said("SHARING_OPEN", "SHARING_ALL", &[&format!("proto/baseline.txt:16: {what}")]);
}

#[test]
fn addition_is_recorded_on_demand() {
    let fixture = fixture();
    record(fixture.root()).unwrap();
    let added = BEFORE.replace("string title = 1;", "string title = 1; string note = 7;");
    let fixture = fixture.file(EVENTS, &added);

    let unrecorded = "not recorded yet, 1 in all: publicdata.catalog.v1.Published.7";
    let expected = [format!("proto/baseline.txt:1: {unrecorded}")];
    assert_eq!(said(&check(fixture.root()).unwrap()), expected);
    assert_eq!(record(fixture.root()).unwrap().added, 1);
    assert_eq!(said(&check(fixture.root()).unwrap()), [""; 0]);
}

#[test]
fn recording_does_not_cover_up_a_change() {
    let fixture = fixture();
    record(fixture.root()).unwrap();
    let before = baseline(&fixture);
    let fixture = fixture.file(EVENTS, &BEFORE.replace("string title = 1", "string title = 7"));

    let recorded = record(fixture.root()).unwrap();

    assert_eq!(recorded.findings.len(), 1);
    assert_eq!(baseline(&fixture), before);
}

#[test]
fn requests_are_free_to_change() {
    let fixture = fixture();
    record(fixture.root()).unwrap();
    let service = SERVICE.replace("string id = 1", "bytes id = 1");
    let fixture = fixture.file("proto/publicdata/catalog/v1/service.proto", &service);

    assert_eq!(said(&check(fixture.root()).unwrap()), [""; 0]);
}
