use std::sync::LazyLock;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

mod oracle;

/// deploy/data/cn-holidays.json.
static ANNOUNCED: LazyLock<serde_json::Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../deploy/data/cn-holidays.json")).unwrap()
});
static SHIPPED: LazyLock<Calendar> = LazyLock::new(load);

/// The calendar that is shipped.
fn shipped() -> &'static Calendar {
    &SHIPPED
}

fn load() -> Calendar {
    let json = &*ANNOUNCED;
    let dates = |list: &serde_json::Value| {
        list.as_array().unwrap().iter().map(|day| day.as_str().unwrap().parse().unwrap()).collect()
    };
    let years = json["years"].as_object().unwrap().iter().map(|(year, days)| {
        let announced =
            Year { holidays: dates(&days["holidays"]), make_up_days: dates(&days["workdays"]) };
        (year.parse().unwrap(), announced)
    });
    Calendar::new("2026", years.collect()).unwrap()
}

fn one_day(year: i16, announced: Year) -> Result<Calendar, CalendarError> {
    Calendar::new("test", BTreeMap::from([(year, announced)]))
}

#[test]
fn holidays_are_off_and_make_up_days_are_worked() {
    let calendar = shipped();

    assert!(!calendar.is_working_day(date(2025, 10, 1)), "national day, a Wednesday");
    assert!(calendar.is_working_day(date(2025, 9, 28)), "a Sunday worked in exchange");
    assert!(!calendar.is_working_day(date(2025, 9, 27)), "a Saturday");
    assert!(calendar.is_working_day(date(2025, 9, 29)), "a Monday");
}

/// R26.1: ten working days around the national day of 2025: eight days off, two worked in exchange.
#[test]
fn ten_working_days_skip_a_holiday_and_count_make_up_days() {
    let deadline = shipped().due(date(2025, 9, 26), 10);

    assert_eq!(
        deadline,
        Deadline {
            on: date(2025, 10, 16),
            provisional: false,
            calendar_version: "2026".to_owned()
        }
    );
    assert!(!deadline.has_passed(date(2025, 10, 16)));
    assert!(deadline.has_passed(date(2025, 10, 17)));
}

#[test]
fn the_day_of_the_event_is_not_counted() {
    let calendar = shipped();

    assert_eq!(calendar.due(date(2025, 3, 3), 1).on, date(2025, 3, 4));
    assert_eq!(calendar.due(date(2025, 3, 1), 1).on, date(2025, 3, 3), "from a Saturday");
    assert_eq!(calendar.due(date(2025, 3, 1), 0).on, date(2025, 3, 1));
}

#[test]
fn a_limit_into_a_year_not_announced_is_provisional() {
    let calendar = shipped();

    assert!(!calendar.due(date(2026, 12, 30), 1).provisional);
    assert!(calendar.due(date(2026, 12, 30), 2).provisional);
    assert_eq!(calendar.due(date(2026, 12, 30), 2).on, date(2027, 1, 1), "a Friday, not yet off");
}

#[test]
fn a_limit_in_days_ends_whatever_day_that_is() {
    let calendar = shipped();

    assert_eq!(calendar.due_in_days(date(2025, 9, 26), 10).on, date(2025, 10, 6), "a holiday");
    assert_eq!(calendar.due_in_days(date(2026, 12, 30), 15).on, date(2027, 1, 14));
    assert_eq!(calendar.due_in_days(date(2026, 12, 30), 0).on, date(2026, 12, 30));
    assert_eq!(calendar.due_in_days(date(2026, 12, 30), u32::MAX).on, Date::MAX);
    assert!(!calendar.due_in_days(date(2026, 12, 30), 15).provisional);
}

#[test]
fn counting_back_skips_holidays_too() {
    let calendar = shipped();

    // 22 October 2026 is a Thursday.
    assert_eq!(calendar.working_days_before(date(2026, 10, 22), 3), date(2026, 10, 19));
    // Saturday 10 October 2026 is worked, 1 to 7 October are off.
    assert_eq!(calendar.working_days_before(date(2026, 10, 12), 4), date(2026, 9, 30));
    assert_eq!(calendar.working_days_before(date(2026, 10, 12), 0), date(2026, 10, 12));
    assert_eq!(calendar.working_days_before(Date::MIN, 3), Date::MIN);
}

#[test]
fn days_between_leave_the_first_out_and_take_the_last_in() {
    let calendar = shipped();
    let day = date(2026, 9, 30);

    assert_eq!(calendar.working_days_between(day, day), 0);
    assert_eq!(calendar.working_days_between(day, date(2026, 10, 7)), 0);
    assert_eq!(calendar.working_days_between(day, date(2026, 10, 8)), 1);
    assert_eq!(calendar.working_days_between(date(2026, 10, 8), day), 0);
    assert_eq!(calendar.working_days_between(Date::MAX, Date::MAX), 0);
}

#[test]
fn impossible_announcements_name_the_date() {
    let day = date(2026, 1, 1);
    let days = BTreeSet::from([day]);
    let none = BTreeSet::new;

    assert_eq!(
        one_day(2025, Year { holidays: days.clone(), make_up_days: none() }),
        Err(CalendarError::OtherYear { date: day, year: 2025 })
    );
    assert_eq!(
        one_day(2026, Year { holidays: days.clone(), make_up_days: days.clone() }),
        Err(CalendarError::Both { date: day })
    );
    assert_eq!(
        one_day(2026, Year { holidays: none(), make_up_days: days }),
        Err(CalendarError::MakeUpOnWeekday { date: day })
    );
    assert_eq!(Calendar::new("", BTreeMap::new()), Err(CalendarError::Version));
}

#[test]
fn a_limit_without_end_stops_at_the_last_date() {
    assert_eq!(shipped().due(date(9999, 12, 1), u32::MAX).on, Date::MAX);
}

#[test]
fn dates_change_at_midnight_in_china() {
    assert_eq!(china_date("2025-12-31T15:59:59Z".parse().unwrap()), date(2025, 12, 31));
    assert_eq!(china_date("2025-12-31T16:00:00Z".parse().unwrap()), date(2026, 1, 1));
}

prop_compose! {
    fn dates()(days in 0_i64..4_300) -> Date {
        date(2016, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
    }
}

#[test]
fn a_day_in_china_ends_at_sixteen_in_greenwich() {
    let day: Date = "2026-01-04".parse().unwrap();
    let end = china_day_end(day);
    assert_eq!(end.to_string(), "2026-01-04T15:59:59Z");
    assert_eq!(china_date(end), day);
    assert_eq!(china_day_end(Date::MAX), Timestamp::MAX);
}

proptest! {
    /// A limit ends on a working day, and so many working days lie behind the day of the event.
    #[test]
    fn due_counts_exactly_the_working_days(from in dates(), working_days in 1_u32..60) {
        let calendar = shipped();
        let deadline = calendar.due(from, working_days);

        let counted = from.series(jiff::Span::new().days(1))
            .skip(1)
            .take_while(|day| *day <= deadline.on)
            .filter(|day| calendar.is_working_day(*day))
            .count();
        prop_assert_eq!(counted, usize::try_from(working_days).unwrap());
        prop_assert!(calendar.is_working_day(deadline.on));
        prop_assert_eq!(deadline.provisional, deadline.on.year() > 2026);
    }

    /// A longer limit never ends earlier, nor does one that begins later.
    #[test]
    fn due_is_monotonic(from in dates(), working_days in 0_u32..60) {
        let calendar = shipped();
        let deadline = calendar.due(from, working_days).on;

        prop_assert!(calendar.due(from, working_days + 1).on > deadline);
        prop_assert!(calendar.due(from.tomorrow().unwrap(), working_days).on >= deadline);
    }

    /// A limit and then another one are the limit of both together.
    #[test]
    fn limits_add_up(from in dates(), first in 0_u32..40, second in 0_u32..40) {
        let calendar = shipped();
        let between = calendar.due(from, first).on;

        prop_assert_eq!(calendar.due(between, second).on, calendar.due(from, first + second).on);
        if first > 0 {
            let there = calendar.working_days_between(from, between);
            let further = calendar.working_days_between(between, calendar.due(between, second).on);
            prop_assert_eq!((there, further), (first, second));
        }
    }

    /// From a working day, counting on and counting back undo each other; and a day is within so many working days of
    /// another from either end.
    #[test]
    fn counting_back_undoes_counting_on(from in dates(), until in dates(), days in 1_u32..40) {
        let calendar = shipped();
        let worked = calendar.due(from, 1).on;

        prop_assert_eq!(calendar.working_days_before(calendar.due(worked, days).on, days), worked);
        prop_assert_eq!(
            calendar.working_days_before(until, days) <= from,
            until <= calendar.due(from, days).on
        );
    }

    /// Calendar days know no holidays: neither weekends nor announcements move them.
    #[test]
    fn calendar_days_are_just_days(from in dates(), days in 0_u32..400) {
        let deadline = shipped().due_in_days(from, days);

        let counted = from.until(deadline.on).unwrap().get_days();
        prop_assert_eq!(u32::try_from(counted).unwrap(), days);
        prop_assert!(!deadline.provisional);
    }

    /// Whatever is announced for a later year, a limit that ends before it stays as it was; one that is provisional becomes
    /// firm when the years that it reaches into are announced.
    #[test]
    fn an_announcement_moves_only_what_reaches_into_it(
        from in dates(),
        working_days in 1_u32..60,
        off in prop::collection::btree_set(1_i16..=365, 0..20),
    ) {
        let (before, version) = (load(), "with 2027");
        let holidays = off.iter().map(|day| {
            date(2027, 1, 1).checked_add(Span::new().days(i64::from(*day) - 1)).unwrap()
        });
        let mut years = before.years.clone();
        years.insert(2027, Year { holidays: holidays.collect(), make_up_days: BTreeSet::new() });
        let after = Calendar::new(version, years).unwrap();

        let (then, now) = (before.due(from, working_days), after.due(from, working_days));
        if then.on.year() < 2027 {
            prop_assert!(then.is_same_limit(&now));
        } else {
            prop_assert!(then.provisional && now.on >= then.on);
            prop_assert_eq!(now.provisional, now.on.year() > 2027);
        }
        prop_assert_eq!(now.calendar_version, version);
    }
}
