use super::check;
use crate::fixture::{Fixture, said};

/// What is said of a workspace with one crate and these dependencies.
#[track_caller]
fn assert_said(name: &str, dependencies: &[&str], expected: &[&str]) {
    let tree = Fixture::new().package(name, dependencies).tree();

    assert_eq!(said(&check(&tree.packages)), expected);
}

#[test]
fn crate_imports_what_stands_above_it() {
    assert_said("views", &["publicdata-event-store", "publicdata-types", "sqlx"], &[]);
    assert_said("tests", &["publicdata", "publicdata-catalog"], &[]);
    assert_said("decider", &["publicdata-decider"], &[]);
}

#[test]
fn crate_cannot_import_what_stands_below_it() {
    let expected = "crates/event-store/Cargo.toml:4: event-store must not import publicdata-views";
    assert_said("event-store", &["publicdata-views"], &[expected]);
}

#[test]
fn service_cannot_import_its_sibling() {
    let expected = "crates/catalog/Cargo.toml:5: catalog must not import publicdata-audit";
    assert_said("catalog", &["publicdata-audit-domains", "publicdata-audit"], &[expected]);
}

#[test]
fn domain_belongs_to_its_service() {
    let expected = "crates/audit/Cargo.toml:4: audit must not import publicdata-catalog-domain";
    assert_said("audit", &["publicdata-catalog-domain"], &[expected]);
    assert_said("node-agent", &["publicdata-exchange-domain"], &[]);
}

#[test]
fn auditor_checks_proofs_without_the_service() {
    assert_said("publicdata", &["publicdata-audit-domain"], &[]);
}

#[test]
fn domain_is_pure() {
    let expected = "crates/catalog-domain/Cargo.toml:5: catalog-domain must not import tokio";
    assert_said("catalog-domain", &["thiserror", "tokio"], &[expected]);
}

#[test]
fn event_store_alone_names_nats() {
    let expected = "crates/catalog/Cargo.toml:4: catalog must not import async-nats";
    assert_said("catalog", &["async-nats"], &[expected]);
    assert_said("event-store", &["async-nats"], &[]);
}

#[test]
fn xtask_stands_apart() {
    let expected = "crates/xtask/Cargo.toml:4: xtask must not import publicdata-types";
    assert_said("xtask", &["publicdata-types", "syn"], &[expected]);
    let expected = "crates/tests/Cargo.toml:4: tests must not import publicdata-xtask";
    assert_said("tests", &["publicdata-xtask"], &[expected]);
}

#[test]
fn new_crate_needs_a_place() {
    assert_said("cache", &[], &["crates/cache/Cargo.toml:2: cache stands in no layer"]);
}

#[test]
fn dependencies_of_tests_and_targets_count() {
    let manifest = "[package]\nname = \"publicdata-types\"\n\
        [dev-dependencies]\npublicdata-views = { path = \"../views\" }\n\
        [target.'cfg(unix)'.dependencies]\nbus = { package = \"async-nats\", version = \"1\" }\n";
    let tree = Fixture::new().file("crates/types/Cargo.toml", manifest).tree();

    let expected = [
        "crates/types/Cargo.toml:1: types must not import async-nats",
        "crates/types/Cargo.toml:4: types must not import publicdata-views",
    ];
    assert_eq!(said(&check(&tree.packages)), expected);
}
