//! Every date of every announced year, against a list that is made from the announcements alone: dates are texts here, and
//! weekdays are counted from one that is known, so that nothing is shared with what is tested.

use std::collections::BTreeSet;

use super::*;

const FIRST_YEAR: i16 = 2016;
const LAST_YEAR: i16 = 2026;
/// 1 January 2016 was a Friday; Monday is 0.
const FIRST_WEEKDAY: usize = 4;
const MONTHS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

struct Day {
    text: String,
    works: bool,
}

/// Every day from the first announced year to the last, in order.
fn days() -> Vec<Day> {
    let mut days = Vec::new();
    for year in FIRST_YEAR..=LAST_YEAR {
        let listed = |list: &str| -> BTreeSet<&str> {
            let list = ANNOUNCED["years"][year.to_string()][list].as_array().unwrap();
            list.iter().map(|day| day.as_str().unwrap()).collect()
        };
        let (holidays, workdays) = (listed("holidays"), listed("workdays"));
        for (month, length) in (1..).zip(MONTHS) {
            let leap = u8::from(month == 2 && year % 4 == 0);
            for day in 1..=length + leap {
                let text = format!("{year}-{month:02}-{day:02}");
                let weekend = (FIRST_WEEKDAY + days.len()) % 7 >= 5;
                let works = !holidays.contains(text.as_str())
                    && (!weekend || workdays.contains(text.as_str()));
                days.push(Day { text, works });
            }
        }
    }
    days
}

fn parsed(day: &Day) -> Date {
    day.text.parse().unwrap()
}

#[test]
fn every_date_of_the_announced_years_is_worked_or_off_as_announced() {
    let calendar = shipped();
    let days = days();

    assert_eq!(days.len(), 4_018);
    for day in &days {
        assert_eq!(calendar.is_working_day(parsed(day)), day.works, "{}", day.text);
    }
}

/// R14.1, R26.1: limits of 5, 10 and 15 working days, and others, from every date of the announced years.
#[test]
fn limits_from_every_date_of_the_announced_years_are_exact() {
    let calendar = shipped();
    let days = days();

    for (index, from) in days.iter().enumerate() {
        let worked: Vec<&Day> = days[index + 1..].iter().filter(|day| day.works).take(30).collect();
        for working_days in [1, 2, 3, 5, 10, 15, 20, 30] {
            // What ends beyond the announced years is another test's.
            let Some(last) = worked.get(working_days - 1) else { continue };
            let count = u32::try_from(working_days).unwrap();
            let deadline = calendar.due(parsed(from), count);
            let claim = format!("{working_days} working days from {}", from.text);

            assert_eq!(deadline.on.to_string(), last.text, "{claim}");
            assert!(!deadline.provisional, "{claim}");
            assert_eq!(calendar.working_days_between(parsed(from), deadline.on), count, "{claim}");
        }
    }
}

#[test]
fn counting_back_from_every_date_of_the_announced_years_is_exact() {
    let calendar = shipped();
    let days = days();

    for (index, from) in days.iter().enumerate() {
        let before: Vec<&Day> =
            days[..index].iter().rev().filter(|day| day.works).take(15).collect();
        for working_days in [1, 2, 3, 5, 15] {
            let Some(first) = before.get(working_days - 1) else { continue };
            let count = u32::try_from(working_days).unwrap();
            let found = calendar.working_days_before(parsed(from), count);
            assert_eq!(found.to_string(), first.text, "{working_days} before {}", from.text);
        }
    }
}

/// What the notices of the State Council say, by hand: the longest holidays, and the days worked in exchange for them.
#[test]
fn days_that_everybody_remembers_are_right() {
    let calendar = shipped();
    let off = |from: Date, until: Date| {
        let first = calendar.working_days_before(until.tomorrow().unwrap(), 1) < from;
        assert!(first, "{from} to {until} are off");
        assert!(calendar.is_working_day(from.yesterday().unwrap()), "{from} is the first day off");
        assert!(calendar.is_working_day(until.tomorrow().unwrap()), "{until} is the last day off");
    };
    let worked = |days: &[Date]| {
        for day in days {
            assert!(
                is_weekend(*day) && calendar.is_working_day(*day),
                "{day} is worked in exchange"
            );
        }
    };

    // Spring Festival: nine days in 2026, eight in 2025; in 2020 it was extended to 2 February.
    off(date(2026, 2, 15), date(2026, 2, 23));
    worked(&[date(2026, 2, 14), date(2026, 2, 28)]);
    off(date(2025, 1, 28), date(2025, 2, 4));
    worked(&[date(2025, 1, 26), date(2025, 2, 8)]);
    off(date(2020, 1, 24), date(2020, 2, 2));
    worked(&[date(2020, 1, 19)]);
    // National Day, with Mid-Autumn in 2020, 2023 and 2025.
    off(date(2026, 10, 1), date(2026, 10, 7));
    worked(&[date(2026, 9, 20), date(2026, 10, 10)]);
    off(date(2025, 10, 1), date(2025, 10, 8));
    worked(&[date(2025, 9, 28), date(2025, 10, 11)]);
    off(date(2023, 9, 29), date(2023, 10, 6));
    worked(&[date(2023, 10, 7), date(2023, 10, 8)]);
    off(date(2020, 10, 1), date(2020, 10, 8));
    // New Year 2026, three days, and the Sunday worked for it.
    off(date(2026, 1, 1), date(2026, 1, 3));
    worked(&[date(2026, 1, 4)]);

    // 11 public holidays until 2024 and 13 from 2025, beside 104 days of weekends.
    let working_days =
        |year: i16| calendar.working_days_between(date(year - 1, 12, 31), date(year, 12, 31));
    assert_eq!([2024, 2025, 2026].map(working_days), [251, 248, 248]);
}

/// R14.1: 15 working days around the two holidays of 2026 that move most.
#[test]
fn fifteen_working_days_around_the_holidays_of_2026() {
    let calendar = shipped();

    // 28 to 30 September; 8 and 9 October and Saturday 10; 12 to 16 and 19 to 22 October.
    assert_eq!(calendar.due(date(2026, 9, 25), 15).on, date(2026, 10, 22));
    // 10 to 13 February and Saturday 14; 24 to 27 and Saturday 28; 2 to 6 March.
    assert_eq!(calendar.due(date(2026, 2, 9), 15).on, date(2026, 3, 6));
}
