use super::check;
use crate::Report;
use crate::fixture::{Fixture, said};

const TABLE: &str =
    "# Platform\n\n| id | requirement |\n| --- | --- |\n| R26.2 | Grants |\n| `H1` | Retries |\n";
const TEST: &str = "crates/exchange-bus/tests/it/main.rs";

fn checked(fixture: &Fixture) -> Report {
    let mut report = Report::default();
    check(&fixture.tree(), &mut report);
    report
}

#[test]
fn requirement_without_a_test_is_named() {
    let fixture = Fixture::new()
        .package("exchange-bus", &[])
        .file("README.md", TABLE)
        .file(TEST, "/// H1: a retry is safe.\nfn a() {}\n")
        .file(
            "crates/exchange-bus/src/grant.rs",
            "/// R26.2, in code that is no test.\nfn b() {}\n",
        );

    let expected = ["README.md:5: no test names requirement R26.2"];
    assert_eq!(said(&checked(&fixture).findings), expected);
}

#[test]
fn unknown_requirement_is_named() {
    let fixture = Fixture::new().package("exchange-bus", &[]).file("README.md", TABLE).file(
        TEST,
        "//! R26.2, H1.\n\n    /// R26.3: a slip of the pen (with R3 replicas).\n    fn a() {}\n",
    );

    let expected = [format!("{TEST}:3: requirement R26.3 does not stand in README.md's table")];
    assert_eq!(said(&checked(&fixture).findings), expected);
}

#[test]
fn readme_without_a_table_is_named() {
    let fixture = Fixture::new().package("exchange-bus", &[]).file("README.md", "# Platform\n");

    assert_eq!(said(&checked(&fixture).findings), ["README.md:1: no table of requirements"]);
}

#[test]
fn absent_readme_is_a_note() {
    let report = checked(&Fixture::new().package("exchange-bus", &[]));

    assert_eq!(report.findings, []);
    assert_eq!(report.notes, ["README.md is absent: requirements were not looked at"]);
}
