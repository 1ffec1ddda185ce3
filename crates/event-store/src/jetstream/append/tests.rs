use super::*;

/// H1: the server has two errors for a conflict: the second is seen with replicas alone.
#[test]
fn both_conflicts_are_recognised() {
    for (code, conflict) in [(10071, true), (10164, true), (10077, false), (10008, false)] {
        let json = format!(r#"{{"code":400,"err_code":{code},"description":"told so"}}"#);
        let refusal: jetstream::Error = serde_json::from_str(&json).unwrap();
        let error = PublishError::with_source(PublishErrorKind::Other, refusal);
        assert_eq!(is_conflict(&error), conflict, "{code}");
    }
    assert!(!is_conflict(&PublishError::new(PublishErrorKind::TimedOut)));
}
