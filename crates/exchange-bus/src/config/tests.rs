use super::*;

const FILE: &str = r#"
    credentials = "/etc/publicdata/exchange-bus"

    [exchange_bus]
    listen = "[::]:7002"
    database = "postgres://bus@db/bus"

    [nats]
    urls = ["tls://nats-0:4222"]
"#;

fn load(text: &str) -> Result<ProcessConfig, publicdata_service_kit::config::ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exchange-bus.toml");
    std::fs::write(&path, text).unwrap();
    publicdata_service_kit::config::load(Some(&path), "PUBLICDATA_EXCHANGE_BUS_TEST_")
}

#[test]
fn a_file_with_what_must_be_there_is_enough() {
    let config = load(FILE).unwrap();
    let bus = &config.exchange_bus;

    config.validate().unwrap();
    assert_eq!(*bus, Config::new(bus.listen, bus.database.clone()));
    assert_eq!(bus.limits().idle, Duration::from_secs(60));
    assert!(bus.calendar().unwrap().is_announced(2025));
}

/// H3: a key that nobody reads is named.
#[test]
fn a_mistyped_key_is_refused() {
    let error = load(&FILE.replace("database =", "databse =")).unwrap_err();
    assert!(error.to_string().contains("databse"), "{error}");
}

#[test]
fn values_that_cannot_be_are_refused() {
    let mut config = load(FILE).unwrap();
    config.exchange_bus.ping_interval_ms = 0;
    let error = config.validate().unwrap_err();
    assert_eq!(error.to_string(), "`ping_interval_ms` is 0; write at least 1");

    config.nats.urls.clear();
    assert!(matches!(config.validate(), Err(ConfigError::NatsMissing)));
}

const TIERS: &str = r#"
    [exchange_bus.tier.superior]
    address = "bus.example:7002"
    server = "spiffe://chengdu.internal/service/exchange-bus"
    region = "510104"
"#;

/// R24.1: a district's bus is told of the one above it.
#[test]
fn tiers_are_read() {
    let config = load(&format!("{FILE}{TIERS}")).unwrap();

    config.validate().unwrap();
    let superior = config.exchange_bus.tier.superior.unwrap();
    assert_eq!(superior.region, "510104".parse().unwrap());
    assert_eq!(superior.server.to_string(), "spiffe://chengdu.internal/service/exchange-bus");

    let error = load(&format!("{FILE}{}", TIERS.replace("spiffe:", "https:"))).unwrap_err();
    assert!(error.to_string().contains("spiffe://"), "{error}");
}

/// R24.1: each division has one bus, so that a grant has one place.
#[test]
fn two_buses_for_one_division_are_refused() {
    let below = |region: &str| SubordinateConfig {
        server: "spiffe://chengdu.internal/service/exchange-bus-510104".parse().unwrap(),
        region: region.parse().unwrap(),
    };
    let mut config = load(FILE).unwrap();
    config.exchange_bus.tier.subordinate = vec![below("510104"), below("510105")];
    config.validate().unwrap();

    config.exchange_bus.tier.subordinate = vec![below("510104"), below("510100")];
    assert!(matches!(config.validate(), Err(ConfigError::DivisionTaken { .. })));

    let mut config = load(&format!("{FILE}{TIERS}")).unwrap();
    config.exchange_bus.tier.subordinate = vec![below("510105")];
    assert!(matches!(config.validate(), Err(ConfigError::DivisionOutside { .. })));
}

/// H3: the file is named.
#[test]
fn a_holidays_file_that_is_missing_is_named() {
    let mut config = load(FILE).unwrap().exchange_bus;
    config.holidays = Some(PathBuf::from("/nowhere/holidays.json"));

    let error = config.calendar().unwrap_err();

    let text = publicdata_service_kit::problem::chain(&error);
    assert!(text.contains("`holidays`") && text.contains("/nowhere/holidays.json"), "{text}");
}

fn archived(lines: &str) -> Result<ProcessConfig, publicdata_service_kit::config::ConfigError> {
    let folder = "url = \"file:///var/lib/publicdata/log-archive\"";
    load(&FILE.replace("[nats]", &format!("[exchange_bus.archive]\n{folder}\n{lines}\n[nats]")))
}

#[test]
fn archives_need_a_place_and_nothing_else() {
    let archive = archived("").unwrap().exchange_bus.archive.unwrap();
    archive.validate().unwrap();
    assert_eq!(archive, ArchiveConfig::new("file:///var/lib/publicdata/log-archive"));
    assert_eq!((archive.period, archive.near_days, archive.keep_years), (Period::Month, 120, None));

    for url in ["s3://bucket", "file://host/folder", "/var/lib", ""] {
        let error = ArchiveConfig::new(url).place().unwrap_err();
        let text = publicdata_service_kit::problem::chain(&error);
        assert!(text.contains("`archive.url`") && text.contains("file:///"), "{url}: {text}");
    }
}

/// R23.2: whoever asks for the log to be kept for less than five years is refused at the start.
#[test]
fn less_than_five_years_is_refused() {
    let text = |lines| {
        let error = archived(lines).unwrap().validate().unwrap_err();
        publicdata_service_kit::problem::chain(&error)
    };
    let refused = text("keep_years = 4");
    assert!(
        refused.contains("`archive.keep_years` is 4") && refused.contains("R23.2"),
        "{refused}"
    );
    let refused = text("near_days = 30");
    assert!(refused.contains("`archive.near_days` is 30"), "{refused}");
    archived("keep_years = 5\nnear_days = 31").unwrap().validate().unwrap();
    assert!(archived("period = \"week\"").is_err());
}

/// R23.2: periods begin at midnight in China.
#[test]
fn periods_are_those_of_the_calendar_in_china() {
    let around = |period: Period, at: &str| {
        let (from, until) = period.around(at.parse().unwrap());
        [from, until].map(|at| at.to_string())
    };
    let last_moment = "2026-03-31T23:59:59.999999999+08:00";
    let expected = ["2026-02-28T16:00:00Z", "2026-03-31T16:00:00Z"];
    assert_eq!(around(Period::Month, last_moment), expected);
    let first_moment = "2026-04-01T00:00:00+08:00";
    let expected = ["2026-03-31T16:00:00Z", "2026-04-30T16:00:00Z"];
    assert_eq!(around(Period::Month, first_moment), expected);
    let expected = ["2026-03-31T16:00:00Z", "2026-06-30T16:00:00Z"];
    assert_eq!(around(Period::Quarter, "2026-06-30T12:00:00+08:00"), expected);
    let expected = ["2025-12-31T16:00:00Z", "2026-12-31T16:00:00Z"];
    assert_eq!(around(Period::Year, first_moment), expected);
}
