use super::check;
use crate::fixture::{Fixture, said};

#[test]
fn ignored_test_is_named() {
    let tree = Fixture::new()
        .package("views", &[])
        .file("crates/views/src/table/tests.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n")
        .tree();

    let expected = ["crates/views/src/table/tests.rs:2: an ignored test shows nothing"];
    assert_eq!(said(&check(&tree)), expected);
}

#[test]
fn sleep_that_hopes_is_named() {
    let test = "async fn a() {\n    tokio::time::sleep(SECOND).await;\n}\n";
    let tree =
        Fixture::new().package("views", &[]).file("crates/views/tests/it/main.rs", test).tree();

    let what = "a sleep is too short on a busy machine and too long on any other";
    assert_eq!(said(&check(&tree)), [format!("crates/views/tests/it/main.rs:2: {what}")]);
}

#[test]
fn rest_between_two_looks_is_fine() {
    let test = "fn a() {\n    while !ready() { sleep(SHORT); }\n    loop { sleep(SHORT); }\n}\n";
    let tree =
        Fixture::new().package("views", &[]).file("crates/views/tests/it/main.rs", test).tree();

    assert_eq!(said(&check(&tree)), [""; 0]);
}

#[test]
fn code_outside_tests_may_sleep() {
    let code = "fn a() { sleep(PAUSE); }\n";
    let tree = Fixture::new().package("views", &[]).file("crates/views/src/retry.rs", code).tree();

    assert_eq!(said(&check(&tree)), [""; 0]);
}
