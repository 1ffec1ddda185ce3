use super::check;
use crate::fixture::{Fixture, said};

/// A function of so many lines.
fn function(lines: usize) -> String {
    format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
}

#[test]
fn longest_file_and_function_are_fine() {
    let tree = Fixture::new()
        .package("views", &[])
        .file("crates/views/src/file.rs", &"// A line.\n".repeat(400))
        .file("crates/views/src/function.rs", &function(70))
        .tree();

    assert_eq!(said(&check(&tree)), [""; 0]);
}

#[test]
fn one_line_more_is_too_much() {
    let method = format!("struct A;\nimpl A {{\n/// Does it.\n{}}}\n", function(71));
    let tree = Fixture::new()
        .package("views", &[])
        .file("crates/views/src/file.rs", &"// A line.\n".repeat(401))
        .file("crates/views/src/function.rs", &format!("trait A {{ {}}}", function(72)))
        .file("crates/views/src/method.rs", &method)
        .tree();

    let expected = [
        "crates/views/src/file.rs:1: 401 lines, 400 at most",
        "crates/views/src/function.rs:1: long has 72 lines, 70 at most",
        "crates/views/src/method.rs:4: long has 71 lines, 70 at most",
    ];
    assert_eq!(said(&check(&tree)), expected);
}

#[test]
fn tests_may_be_long() {
    let long = function(500);
    let tree = Fixture::new()
        .package("views", &[])
        .file("crates/views/src/table/tests.rs", &long)
        .file("crates/views/tests/it/main.rs", &long)
        .tree();

    assert_eq!(said(&check(&tree)), [""; 0]);
}

#[test]
fn support_for_fleet_tests_may_not() {
    let tree = Fixture::new()
        .file("tests/Cargo.toml", "[package]\nname = \"publicdata-tests\"\n")
        .file("tests/src/bench.rs", &function(71))
        .file("tests/it/main.rs", &function(71))
        .tree();

    assert_eq!(said(&check(&tree)), ["tests/src/bench.rs:1: long has 71 lines, 70 at most"]);
}
