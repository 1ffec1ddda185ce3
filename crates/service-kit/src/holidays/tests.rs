use jiff::civil::date;

use super::*;

/// R26.1: the limits that applications are counted by know the announced holidays and the days worked in exchange.
#[test]
fn built_in_holidays_make_a_calendar() {
    let calendar = parse(BUILT_IN).unwrap();

    assert!(calendar.version().starts_with("cn-"));
    // National Day 2025 lasted until 8 October, and 28 September, a Sunday, was worked in exchange.
    assert!(!calendar.is_working_day(date(2025, 10, 8)));
    assert!(calendar.is_working_day(date(2025, 9, 28)));
}

#[test]
fn another_file_has_another_version() {
    let version = |json: &str| parse(json).unwrap().version().to_owned();
    let empty = r#"{"years":{"2026":{"holidays":[],"workdays":[]}}}"#;

    assert_eq!(version(empty), version(empty));
    assert_ne!(version(empty), version(BUILT_IN));
}

#[test]
fn dates_that_contradict_each_other_are_refused() {
    let json = r#"{"years":{"2026":{"holidays":["2025-01-01"],"workdays":[]}}}"#;

    assert!(matches!(parse(json), Err(HolidaysError::Calendar(_))));
    assert!(matches!(parse("{}"), Err(HolidaysError::Format(_))));
}

/// H3: the file is named.
#[test]
fn a_file_that_is_missing_is_named() {
    let error = Holidays::open(Some("/nowhere/holidays.json".into())).unwrap_err();

    assert!(error.to_string().contains("/nowhere/holidays.json"), "{error}");
}

#[test]
fn a_new_file_counts_from_the_next_reading_on_and_a_wrong_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holidays.json");
    std::fs::write(&path, BUILT_IN).unwrap();
    let holidays = Holidays::open(Some(path.clone())).unwrap();
    let built_in = holidays.calendar();

    std::fs::write(&path, r#"{"years":{"2027":{"holidays":["2027-01-01"],"workdays":[]}}}"#)
        .unwrap();
    assert_eq!(holidays.calendar(), built_in);
    holidays.reload().unwrap();
    assert!(holidays.calendar().is_announced(2027));

    std::fs::write(&path, "{").unwrap();
    holidays.reload().unwrap_err();
    assert!(holidays.calendar().is_announced(2027));
}
