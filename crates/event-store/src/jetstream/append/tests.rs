use super::*;

/// H1: a write that is still on its way is no conflict yet: it may be our own.
#[test]
fn conflict_is_told_from_a_write_on_its_way() {
    for (code, conflict) in [(10071, true), (10164, false), (10077, false), (10008, false)] {
        let json = format!(r#"{{"code":400,"err_code":{code},"description":"told so"}}"#);
        let refusal: jetstream::Error = serde_json::from_str(&json).unwrap();
        let error = PublishError::with_source(PublishErrorKind::Other, refusal);
        assert_eq!(is_conflict(&error), conflict, "{code}");
    }
    assert!(!is_conflict(&PublishError::new(PublishErrorKind::TimedOut)));
}
