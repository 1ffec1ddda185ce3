use super::*;

const FILE: &str = r#"
listen = "127.0.0.1:7104"
credentials = "credentials/audit"
nats_urls = ["tls://127.0.0.1:4222"]
database_url = "sqlite:data/audit.db"

[log]
origin = "test.internal/audit"
folder = "data/audit"
"#;

fn load(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path))
}

#[test]
fn every_stream_is_logged_unless_said_otherwise() {
    let config = load(FILE).unwrap();

    assert_eq!(config.validate(), Ok(()));
    assert_eq!(config.log.streams, ["CATALOG", "EXCHANGE", "OPENDATA"]);
}

#[test]
fn mistyped_key_is_an_error() {
    assert!(load(&FILE.replace("origin", "orgin")).is_err());
}

#[test]
fn empty_or_doubled_lists_are_refused() {
    let config = load(FILE).unwrap();
    let with = |streams: &[&str]| {
        let streams = streams.iter().map(|&stream| stream.to_owned()).collect();
        LogConfig { streams, ..config.log.clone() }.validate()
    };

    assert_eq!(with(&[]), Err(Invalid::Streams));
    assert_eq!(with(&["CATALOG", "CATALOG"]), Err(Invalid::StreamTwice));
    let config = Config { nats_urls: Vec::new(), ..config };
    assert_eq!(config.validate(), Err(Invalid::NatsUrls));
}
