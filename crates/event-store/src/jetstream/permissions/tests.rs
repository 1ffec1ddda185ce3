use super::*;

/// R23.2: no call by which something could be removed, or a stream be changed, is among them, by a wildcard neither.
#[test]
fn nothing_removes_or_changes() {
    let calls = ["CREATE", "INFO", "MSG.GET"].map(|call| format!("$JS.API.STREAM.{call}."));
    let all = permissions("audit", &["AUDIT"], &["CATALOG", "EXCHANGE"]);

    let of_streams = all.publish.iter().filter(|subject| subject.starts_with("$JS.API.STREAM."));
    for subject in of_streams {
        assert!(calls.iter().any(|call| subject.starts_with(call)), "{subject}");
        assert!(!subject.contains(['*', '>']), "{subject}");
    }
    assert!(
        all.publish
            .iter()
            .all(|subject| subject.starts_with("ev.audit.") || subject.starts_with("$JS.API."))
    );
}

/// R45.1: least privilege: a service writes its own subjects alone.
#[test]
fn audit_reads_all_and_writes_its_own() {
    let audit = permissions("audit", &["AUDIT"], &["CATALOG"]);
    assert_eq!(
        audit.publish,
        [
            "ev.audit.>",
            "$JS.API.STREAM.CREATE.AUDIT",
            "$JS.API.STREAM.INFO.AUDIT",
            "$JS.API.STREAM.MSG.GET.AUDIT",
            "$JS.API.DIRECT.GET.AUDIT",
            "$JS.API.CONSUMER.CREATE.AUDIT.*",
            "$JS.API.CONSUMER.MSG.NEXT.AUDIT.*",
            "$JS.API.STREAM.INFO.CATALOG",
            "$JS.API.STREAM.MSG.GET.CATALOG",
            "$JS.API.DIRECT.GET.CATALOG",
            "$JS.API.CONSUMER.CREATE.CATALOG.*",
            "$JS.API.CONSUMER.MSG.NEXT.CATALOG.*",
        ]
    );
    assert_eq!(audit.subscribe, ["_INBOX.audit.>"]);
}
