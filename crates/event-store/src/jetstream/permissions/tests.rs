use super::*;

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
