use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn due(trigger: &str, last: &str) -> Option<Timestamp> {
    trigger.parse::<Trigger>().unwrap().due_after(at(last))
}

#[test]
fn what_is_said_is_read_back() {
    for text in
        ["once", "on-change", "every 15m", "every 90s", "every 2h", "every 7d", "daily 02:30"]
    {
        assert_eq!(text.parse::<Trigger>().unwrap().to_string(), text);
    }
    assert_eq!("every 3600s".parse::<Trigger>().unwrap().to_string(), "every 1h");
}

#[test]
fn what_is_no_trigger_is_refused() {
    for text in [
        "",
        "sometimes",
        "every",
        "every m",
        "every 5",
        "every -5m",
        "every +5m",
        "every 5mm",
        "daily 24:00",
        "daily 2:30",
        "daily +2:30",
    ] {
        assert_eq!(text.parse::<Trigger>(), Err(TriggerError::Form), "{text}");
    }
    for text in ["every 59s", "every 0m", "every 367d", "every 4294967295d"] {
        assert_eq!(text.parse::<Trigger>(), Err(TriggerError::Period), "{text}");
    }
}

#[test]
fn a_period_is_counted_from_the_last_delivery() {
    assert_eq!(due("every 15m", "2026-03-02T04:07:00Z"), Some(at("2026-03-02T04:22:00Z")));
}

#[test]
fn a_daily_delivery_comes_at_its_time_in_china() {
    assert_eq!(due("daily 02:30", "2026-03-01T18:29:59Z"), Some(at("2026-03-01T18:30:00Z")));
    assert_eq!(due("daily 02:30", "2026-03-01T18:30:00Z"), Some(at("2026-03-02T18:30:00Z")));
    assert_eq!(due("daily 02:30", "2026-12-31T20:00:00Z"), Some(at("2027-01-01T18:30:00Z")));
}

#[test]
fn the_clock_says_nothing_of_once_and_of_changes() {
    assert_eq!(due("once", "2026-03-02T04:00:00Z"), None);
    assert_eq!(due("on-change", "2026-03-02T04:00:00Z"), None);
}
