use super::*;

#[test]
fn the_usual_settings_hold() {
    let settings = ExchangeConfig::default().settings().unwrap();

    assert_eq!(settings.limits.idle, Duration::from_secs(60));
    assert!(settings.calendar.is_announced(2025));
}

#[test]
fn a_time_of_zero_is_refused_by_name() {
    let config = ExchangeConfig { ping_interval_s: 0, ..ExchangeConfig::default() };

    let error = config.settings().unwrap_err();

    assert_eq!(error.to_string(), "exchange.ping_interval_s is 0; write at least 1");
}

#[test]
fn a_holidays_file_that_is_missing_is_named() {
    let holidays = Some(PathBuf::from("/nowhere/holidays.json"));
    let config = ExchangeConfig { holidays, ..ExchangeConfig::default() };

    let error = config.settings().unwrap_err();

    assert!(error.to_string().contains("/nowhere/holidays.json"), "{error}");
}
