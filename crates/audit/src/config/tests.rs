use super::*;

const FILE: &str = r#"
    credentials = "/etc/publicdata/audit"

    [audit]
    listen = "[::]:7004"
    database = "postgres://audit@db/audit"
    origin = "test.internal/audit"
    key = "/var/lib/publicdata/audit"

    [nats]
    urls = ["tls://nats-0:4222"]
"#;

fn load(text: &str) -> Result<ProcessConfig, publicdata_service_kit::config::ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.toml");
    std::fs::write(&path, text).unwrap();
    publicdata_service_kit::config::load(Some(&path), "PUBLICDATA_AUDIT_TEST_")
}

#[test]
fn every_stream_is_logged_unless_said_otherwise() {
    let config = load(FILE).unwrap();

    assert_eq!(config.validate(), Ok(()));
    assert_eq!(config.audit.streams, ["CATALOG", "EXCHANGE", "OPENDATA", "AUDIT", "RECOVERY"]);
}

const WITNESS: &str = r#"
    [[audit.witnesses]]
    name = "university"
    url = "https://witness.example/log/"
    vkey = "witness.test/w1+6e5439cb+BMDVQm2QGeyi3ekhv1RZrM/8qIgCyjF27nlO3H6+2a11"
"#;

/// R46.2: witnesses are configured by address and key.
#[test]
fn witnesses_are_named() {
    let config = load(&FILE.replace("[nats]", &format!("{WITNESS}\n[nats]"))).unwrap();

    assert_eq!(config.validate(), Ok(()));
    let (key, uri) = config.audit.witnesses[0].parts().unwrap();
    assert_eq!(key.name(), "witness.test/w1");
    assert_eq!(uri, "https://witness.example/log/add-checkpoint");
}

/// H3: a witness that could not be asked, or not be told from another, is refused by its name.
#[test]
fn witnesses_that_cannot_be_are_refused() {
    let load = |witnesses: &str| {
        load(&FILE.replace("[nats]", &format!("{witnesses}\n[nats]"))).unwrap().validate()
    };
    let name = "university".to_owned();
    let wrong = Err(ConfigError::Witness { name: name.clone() });

    assert_eq!(load(&WITNESS.replace("https://", "ftp://")), wrong);
    assert_eq!(load(&WITNESS.replace("https://witness.example/log/", "nowhere")), wrong);
    assert_eq!(load(&WITNESS.replace("+BMDV", "+AMDV")), wrong);
    assert_eq!(load(&WITNESS.repeat(2)), Err(ConfigError::WitnessTwice { name }));
}

/// H3: a key that nobody reads is named.
#[test]
fn a_mistyped_key_is_refused() {
    let error = load(&FILE.replace("origin =", "orgin =")).unwrap_err();
    assert!(error.to_string().contains("orgin"), "{error}");
}

#[test]
fn values_that_cannot_be_are_refused() {
    let mut config = load(FILE).unwrap();
    config.audit.streams = vec!["CATALOG".to_owned(), "CATALOG".to_owned()];
    assert_eq!(config.validate(), Err(ConfigError::StreamTwice));
    config.audit.streams.pop();
    config.audit.witness_pause_ms = 0;
    assert_eq!(config.validate(), Err(ConfigError::WitnessPauseMissing));
    config.audit.streams.clear();
    assert_eq!(config.validate(), Err(ConfigError::StreamsMissing));
    config.nats.urls.clear();
    assert_eq!(config.validate(), Err(ConfigError::NatsMissing));
}
