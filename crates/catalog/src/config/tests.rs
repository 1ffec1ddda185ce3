use super::*;

const FILE: &str = r#"
    credentials = "/etc/publicdata/catalog"

    [catalog]
    listen = "[::]:7001"
    database = "postgres://catalog@db/catalog"
    index = "/var/lib/publicdata/catalog-index"
    authority = "/etc/publicdata/ca"

    [nats]
    urls = ["tls://nats-0:4222", "tls://nats-1:4222"]
"#;

fn load(text: &str) -> Result<ProcessConfig, publicdata_service_kit::config::ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.toml");
    std::fs::write(&path, text).unwrap();
    publicdata_service_kit::config::load(Some(&path), "PUBLICDATA_CATALOG_TEST_")
}

#[test]
fn a_file_with_what_must_be_there_is_enough() {
    let config = load(FILE).unwrap();

    assert_eq!(config.catalog.certificate_days, CERTIFICATE_DAYS);
    assert_eq!(config.nats.urls.len(), 2);
    assert_eq!(config.validate(), Ok(()));
}

/// H3: a key that nobody reads is named.
#[test]
fn a_mistyped_key_is_refused() {
    let error = load(&FILE.replace("authority =", "autority =")).unwrap_err();
    assert!(error.to_string().contains("autority"), "{error}");
}

#[test]
fn values_that_cannot_be_are_refused() {
    let mut config = load(FILE).unwrap();
    config.catalog.certificate_days = 0;
    assert_eq!(config.validate(), Err(ConfigError::CertificateDays { found: 0 }));
    config.nats.urls.clear();
    assert_eq!(config.validate(), Err(ConfigError::NatsMissing));
}
