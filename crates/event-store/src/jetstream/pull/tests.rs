use super::*;

#[test]
fn both_forms_of_reply_subject_are_read() {
    let place = Place {
        stream_sequence: 7,
        consumer_sequence: 3,
        recorded_at: "2026-01-04T01:00:00.000000005Z".parse().unwrap(),
        pending: 2,
    };
    for reply in [
        "$JS.ACK.CATALOG.c1.1.7.3.1767488400000000005.2",
        "$JS.ACK.hub.ACCOUNT.CATALOG.c1.1.7.3.1767488400000000005.2",
        "$JS.ACK.hub.ACCOUNT.CATALOG.c1.1.7.3.1767488400000000005.2.random",
    ] {
        assert_eq!(Place::parse(reply).unwrap(), place, "{reply}");
    }
}

#[test]
fn other_reply_subjects_are_refused() {
    for reply in ["", "_INBOX.a.b", "a.b.c.d.e.1.2.3.4", "$JS.ACK.CATALOG.c1.1.7.x.0.2"] {
        assert!(Place::parse(reply).is_err(), "{reply}");
    }
}
