use super::is_recent;

#[test]
fn servers_before_2_12_are_too_old() {
    for version in ["2.12.0", "2.15.1", "3.0.0", "2.12.0-RC.1"] {
        assert!(is_recent(version), "{version}");
    }
    for version in ["2.9.10", "2.11.9", "1.99.0", "", "dev", "2"] {
        assert!(!is_recent(version), "{version}");
    }
}
