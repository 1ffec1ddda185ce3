use super::{check, record};
use crate::fixture::{Fixture, said};

const FOLDER: &str = "crates/catalog/src/codec/tests/golden";

fn fixture() -> Fixture {
    Fixture::new()
        .file(&format!("{FOLDER}/published.v1.json"), "{}")
        .file(&format!("{FOLDER}/older/drafted.v1.json"), "[]")
}

#[test]
fn new_file_must_be_recorded() {
    let fixture = fixture();

    let expected = [
        format!("{FOLDER}/older/drafted.v1.json:1: golden file without a digest"),
        format!("{FOLDER}/published.v1.json:1: golden file without a digest"),
    ];
    assert_eq!(said(&check(fixture.root()).unwrap()), expected);
}

#[test]
fn recorded_files_are_fine() {
    let fixture = fixture();

    assert_eq!(record(fixture.root()).unwrap().added, 2);
    assert_eq!(said(&check(fixture.root()).unwrap()), [""; 0]);
    assert_eq!(record(fixture.root()).unwrap().added, 0);
}

#[test]
fn edited_or_removed_file_is_named() {
    let fixture = fixture();
    record(fixture.root()).unwrap();
    let fixture = fixture.file(&format!("{FOLDER}/published.v1.json"), "{\"edited\":true}");
    std::fs::remove_file(fixture.root().join(FOLDER).join("older/drafted.v1.json")).unwrap();

    let expected = [
        format!("{FOLDER}/SHA256SUMS:1: golden file older/drafted.v1.json is gone"),
        format!("{FOLDER}/SHA256SUMS:2: golden file published.v1.json was edited"),
    ];
    assert_eq!(said(&check(fixture.root()).unwrap()), expected);
}

#[test]
fn recording_does_not_cover_up_an_edit() {
    let fixture = fixture();
    record(fixture.root()).unwrap();
    let fixture = fixture
        .file(&format!("{FOLDER}/published.v1.json"), "{\"edited\":true}")
        .file(&format!("{FOLDER}/withdrawn.v1.json"), "{}");

    let recorded = record(fixture.root()).unwrap();

    assert_eq!((recorded.added, recorded.findings.len()), (0, 1));
    assert_eq!(check(fixture.root()).unwrap().len(), 2);
}
