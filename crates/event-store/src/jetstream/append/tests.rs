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

/// H4: waiting for a turn and for a batch does not outlast the call.
#[tokio::test(start_paused = true)]
async fn patience_ends_with_the_call() {
    const ATTEMPT: Duration = Duration::from_secs(2);
    let deadline = Instant::now() + Duration::from_secs(3);
    assert_eq!(patience(ATTEMPT, deadline), ATTEMPT);

    tokio::time::advance(ATTEMPT).await;
    assert_eq!(patience(ATTEMPT, deadline), Duration::from_secs(1));

    tokio::time::advance(ATTEMPT).await;
    assert_eq!(patience(ATTEMPT, deadline), Duration::ZERO);
}
