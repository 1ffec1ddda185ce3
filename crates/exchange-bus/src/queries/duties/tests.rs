use jiff::civil::date;
use jiff::tz::Offset;

use super::*;

fn at(month: i8, day: i8) -> Timestamp {
    Offset::constant(8).to_timestamp(date(2026, month, day).at(12, 0, 0, 0)).unwrap()
}

fn found(cycle: WireCycle, seen: Option<Seen>, now: Timestamp) -> (FreshnessState, u32, String) {
    let calendar = Calendar::new("test", BTreeMap::new()).unwrap();
    let found = freshness(cycle, seen.as_ref(), &calendar, now);
    (found.state(), found.days_late, found.due_on)
}

/// R29.1: late is what was looked at after its day, and was not new; of what nobody looked at, nobody can say so.
#[test]
fn what_is_late_was_looked_at() {
    let seen = |looked_at| Some(Seen { new_at: at(3, 2), looked_at });
    let monthly = |seen, now| found(WireCycle::Monthly, seen, now);
    let due = "2026-04-02".to_owned();

    assert_eq!(monthly(None, at(5, 1)), (FreshnessState::NeverDelivered, 0, String::new()));
    assert_eq!(monthly(seen(at(3, 2)), at(4, 2)), (FreshnessState::Fresh, 0, due.clone()));
    assert_eq!(monthly(seen(at(4, 2)), at(4, 5)), (FreshnessState::NotLookedAt, 0, due.clone()));
    assert_eq!(monthly(seen(at(4, 3)), at(4, 5)), (FreshnessState::Late, 3, due));
}

/// R29.1: real time is measured as daily, and skips days on which nobody works; what is irregular is never late.
#[test]
fn cycles_without_a_day_have_a_rule() {
    // 2026-03-06 is a Friday.
    let seen = Some(Seen { new_at: at(3, 6), looked_at: at(3, 10) });
    let monday = "2026-03-09".to_owned();

    assert_eq!(
        found(WireCycle::RealTime, seen, at(3, 9)),
        (FreshnessState::Fresh, 0, monday.clone())
    );
    assert_eq!(found(WireCycle::RealTime, seen, at(3, 10)), (FreshnessState::Late, 1, monday));
    assert_eq!(
        found(WireCycle::Irregular, seen, at(12, 1)),
        (FreshnessState::NoLimit, 0, String::new())
    );
}
