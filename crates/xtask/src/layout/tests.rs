use super::check;
use crate::fixture::{Fixture, said};

#[test]
fn crate_with_readme_and_lints_is_fine() {
    let tree = Fixture::new().package("views", &[]).file("crates/views/src/table.rs", "").tree();

    assert_eq!(said(&check(&tree)), [""; 0]);
}

#[test]
fn crate_without_readme_or_lints_is_named() {
    let tree = Fixture::new()
        .file("crates/views/Cargo.toml", "[package]\nname = \"publicdata-views\"\n")
        .file("crates/views/src/lib.rs", "//! Views.\n")
        .tree();

    let expected = [
        "crates/views/README.md:1: the crate has no README",
        "crates/views/src/lib.rs:1: the README is not the crate's doc",
        "crates/views/Cargo.toml:1: the workspace's lints do not apply",
    ];
    assert_eq!(said(&check(&tree)), expected);
}

#[test]
fn generated_code_needs_no_lints() {
    let tree = Fixture::new()
        .package("proto", &[])
        .file("crates/proto/Cargo.toml", "[package]\nname = \"publicdata-proto\"\n")
        .tree();

    assert_eq!(said(&check(&tree)), [""; 0]);
}

#[test]
fn names_without_a_subject_are_named() {
    let tree = Fixture::new()
        .package("views", &[])
        .file("crates/views/src/table/mod.rs", "")
        .file("crates/views/src/utils.rs", "")
        .file("crates/views/tests/common/server.rs", "")
        .tree();

    let expected = [
        "crates/views/src/table/mod.rs:1: mod.rs says nothing in a list of files",
        "crates/views/src/utils.rs:1: `utils` has no subject",
        "crates/views/tests/common/server.rs:1: `common` has no subject",
    ];
    assert_eq!(said(&check(&tree)), expected);
}

#[test]
fn tests_stand_in_a_file_of_their_own() {
    let tree = Fixture::new()
        .package("views", &[])
        .file("crates/views/src/inline.rs", "fn code() {}\n\nmod tests {\n    fn test() {}\n}\n")
        .file("crates/views/src/apart.rs", "mod tests;\n")
        .tree();

    let expected = ["crates/views/src/inline.rs:3: tests stand inside the code"];
    assert_eq!(said(&check(&tree)), expected);
}
