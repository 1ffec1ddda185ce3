use super::*;

/// R23.2: there is no value that says less than five years.
#[test]
fn fewer_than_five_years_cannot_be_said() {
    for years in 0..5 {
        assert_eq!(KeptYears::new(years), Err(KeptTooShort { years }));
    }
    assert_eq!(KeptYears::new(5), Ok(KeptYears::MIN));
    assert_eq!((KeptYears::at_least(1).get(), KeptYears::at_least(30).get()), (5, 30));
}

/// R23.2: years are those of the calendar in China, leap days included.
#[test]
fn years_are_those_of_the_calendar() {
    let until = |ended: &str| KeptYears::MIN.kept_until(ended.parse().unwrap()).to_string();

    assert_eq!(until("2020-02-28T12:00:00+08:00"), "2025-03-01");
    assert_eq!(until("2020-02-29T12:00:00+08:00"), "2025-03-01");
    assert_eq!(until("2020-12-31T15:59:59Z"), "2026-01-01");
    assert_eq!(until("2020-12-31T16:00:00Z"), "2026-01-01");
    assert_eq!(until("2020-12-31T16:00:01Z"), "2026-01-02");
    let for_good = KeptYears::new(u16::MAX).unwrap();
    assert_eq!(for_good.kept_until("2020-12-31T16:00:00Z".parse().unwrap()), Date::MAX);
}
