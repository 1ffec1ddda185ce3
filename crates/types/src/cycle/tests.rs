use std::collections::BTreeMap;

use crate::calendar::Year;
use jiff::civil::{Weekday, date};
use proptest::prelude::*;

use super::*;

/// The National Day of 2026 off, Saturday 10 October worked.
fn calendar() -> Calendar {
    let year = Year {
        holidays: (1..=7).map(|day| date(2026, 10, day)).collect(),
        make_up_days: [date(2026, 10, 10)].into(),
    };
    Calendar::new("test", BTreeMap::from([(2026, year)])).unwrap()
}

fn due(period: Period, from: Date) -> Date {
    period.due(&calendar(), from).on
}

/// R12.4: each cycle ends on a civil date, a daily one on a working day.
#[test]
fn cycles_end_where_people_expect_them_to() {
    let from = date(2026, 9, 30);

    assert_eq!(due(Period::Daily, from), date(2026, 10, 8), "after the holidays");
    assert_eq!(due(Period::Daily, date(2026, 10, 9)), date(2026, 10, 10), "a Saturday worked");
    assert_eq!(due(Period::Weekly, from), date(2026, 10, 7), "a holiday, and due all the same");
    assert_eq!(due(Period::Monthly, from), date(2026, 10, 30));
    assert_eq!(due(Period::Quarterly, from), date(2026, 12, 30));
    assert_eq!(due(Period::HalfYearly, from), date(2027, 3, 30));
    assert_eq!(due(Period::Yearly, from), date(2027, 9, 30));
}

#[test]
fn months_that_are_too_short_end_on_their_last_day() {
    assert_eq!(due(Period::Monthly, date(2026, 1, 31)), date(2026, 2, 28));
    assert_eq!(due(Period::Monthly, date(2028, 1, 31)), date(2028, 2, 29));
    assert_eq!(due(Period::Quarterly, date(2026, 11, 30)), date(2027, 2, 28));
    assert_eq!(due(Period::HalfYearly, date(2026, 8, 31)), date(2027, 2, 28));
    assert_eq!(due(Period::Yearly, date(2028, 2, 29)), date(2029, 2, 28));
}

/// Only what is counted in working days depends on holidays that are not announced yet.
#[test]
fn a_civil_date_is_never_provisional() {
    for period in Period::ALL {
        let deadline = period.due(&calendar(), date(2026, 12, 31));
        assert_eq!(deadline.provisional, period == Period::Daily, "{period:?}");
    }
}

#[test]
fn real_time_and_irregular_have_no_period() {
    assert_eq!(Period::of(UpdateCycle::RealTime), None);
    assert_eq!(Period::of(UpdateCycle::Irregular), None);
    for period in Period::ALL {
        assert_eq!(Period::of(period.cycle()), Some(period));
    }
}

#[test]
fn the_last_date_that_can_be_written_is_the_end() {
    for period in Period::ALL {
        assert_eq!(due(period, Date::MAX), Date::MAX, "{period:?}");
    }
}

prop_compose! {
    fn dates()(days in 0_i64..40_000) -> Date {
        date(2000, 1, 1).saturating_add(Span::new().days(days))
    }
}

proptest! {
    /// The next update is due later than the last, no period ends before a shorter one, and what begins later ends no earlier.
    #[test]
    fn periods_are_in_order(from in dates()) {
        // A holiday of more than a week would make a daily update due after a weekly one.
        let ends = Period::ALL.map(|period| due(period, from));
        prop_assert!(ends[0] > from);
        prop_assert!(ends[1..].is_sorted());
        for period in Period::ALL {
            prop_assert!(due(period, from.tomorrow().unwrap()) >= due(period, from));
        }
    }

    /// A civil period keeps the day of the month, or takes the last one that there is; a week keeps the weekday.
    #[test]
    fn civil_periods_keep_the_day(from in dates()) {
        for (period, months) in [(Period::Monthly, 1), (Period::Quarterly, 3), (Period::Yearly, 12)] {
            let end = due(period, from);
            let months_on = (i32::from(end.year()) - i32::from(from.year())) * 12
                + i32::from(end.month()) - i32::from(from.month());
            prop_assert_eq!(months_on, months);
            prop_assert_eq!(end.day(), from.day().min(end.days_in_month()));
        }
        let weekday: Weekday = from.weekday();
        prop_assert_eq!(due(Period::Weekly, from).weekday(), weekday);
        prop_assert!(calendar().is_working_day(due(Period::Daily, from)));
    }
}
