use publicdata_proto::exchange::v1::ConfirmDeliveryRequest;
use publicdata_types::TransferId;
use uuid::Uuid;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A delivery of 12:00 in China, of the state `v1`.
fn noon() -> Note {
    let at = at("2026-03-02T04:00:00Z");
    Note {
        number: 1,
        transfer: TransferId::from_uuid(Uuid::from_u128(1)),
        run: Run::Complete,
        follows: Follows::Nothing,
        rows: 1,
        rows_total: 1,
        run_began_at: at,
        at,
        source_version: "v1".to_owned(),
        receipt: ConfirmDeliveryRequest::default(),
    }
}

fn due(trigger: &str) -> Due {
    Due::new(trigger.parse().unwrap(), None)
}

/// R23.1: whatever the trigger, the first delivery is due at once, and what follows at once is due at once.
#[test]
fn the_first_delivery_and_what_follows_it_are_due_at_once() {
    let now = at("2026-03-02T04:00:00Z");
    let more = Note { follows: Follows::More, ..noon() };
    for trigger in ["once", "on-change", "every 15m", "daily 02:30"] {
        assert!(due(trigger).is_due(None, now), "{trigger}");
        assert!(!due(trigger).is_due(Some(&noon()), now), "{trigger}");
        assert!(due(trigger).is_due(Some(&more), now), "{trigger}");
        assert!(!due(trigger).is_done(Some(&more)), "{trigger}");
    }
}

#[test]
fn once_is_done_with_its_delivery() {
    assert!(!due("once").is_done(None));
    assert!(due("once").is_done(Some(&noon())));
    assert!(!due("daily 02:30").is_done(Some(&noon())));
}

#[test]
fn a_schedule_follows_the_clock() {
    assert!(!due("every 15m").is_due(Some(&noon()), at("2026-03-02T04:14:59Z")));
    assert!(due("every 15m").is_due(Some(&noon()), at("2026-03-02T04:15:00Z")));
    assert!(!due("daily 02:30").is_due(Some(&noon()), at("2026-03-02T18:29:59Z")));
    assert!(due("daily 02:30").is_due(Some(&noon()), at("2026-03-02T18:30:00Z")));
}

/// R23.1: on change means a state that the sink does not have; to hear of nothing, or of the same, means nothing.
#[test]
fn on_change_needs_another_state() {
    let now = at("2026-03-02T04:00:00Z");
    let mut due = due("on-change");
    due.heard(String::new());
    assert!(!due.is_due(Some(&noon()), now));
    due.heard("v1".to_owned());
    assert!(!due.is_due(Some(&noon()), now));
    due.heard("v2".to_owned());
    assert!(due.is_due(Some(&noon()), now));
    due.heard(String::new());
    assert!(due.is_due(Some(&noon()), now));
}

/// R23.1: nodes of one provider may name one state differently, and a delivery may hold a later one than was heard of: neither is
/// a reason to fetch the same again, and the next word is.
#[test]
fn what_was_heard_before_a_delivery_is_settled_by_it() {
    let now = at("2026-03-02T04:00:00Z");
    let mut due = due("on-change");
    due.heard("v2 of the other node".to_owned());
    assert!(due.is_due(Some(&noon()), now));
    due.delivered();
    due.heard("v2 of the other node".to_owned());
    assert!(!due.is_due(Some(&noon()), now));
    due.heard("v3".to_owned());
    assert!(due.is_due(Some(&noon()), now));
}

#[test]
fn a_refresh_begins_anew_when_its_time_has_come() {
    let due = Due::new(Trigger::OnChange, Some("every 7d".parse().unwrap()));
    let (before, then) = (at("2026-03-09T03:59:59Z"), at("2026-03-09T04:00:00Z"));
    assert_eq!(due.start(Some(&noon()), before), Start::After(Run::Complete));
    assert!(due.is_due(Some(&noon()), then));
    assert_eq!(due.start(Some(&noon()), then), Start::Beginning);
    // The run that this begins is not begun again before it is complete.
    let gathering = Note { run: Run::Gathering, follows: Follows::More, ..noon() };
    assert_eq!(due.start(Some(&gathering), then), Start::After(Run::Gathering));
}

#[test]
fn what_the_provider_forgot_begins_anew_once() {
    let now = at("2026-03-02T04:00:00Z");
    let mut due = due("daily 02:30");
    due.begin_anew();
    assert!(due.is_due(Some(&noon()), now));
    assert_eq!(due.start(Some(&noon()), now), Start::Beginning);
    due.delivered();
    assert!(!due.is_due(Some(&noon()), now));
}
