use std::io::Write as _;

use super::*;

const BEGINNING: &str = r#"
credentials = "node"
data_dir = "data"
[bus]
address = "localhost:7443"
server = "spiffe://test.internal/service/exchange-bus"
"#;

fn load(rest: &str) -> Result<Config, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{BEGINNING}{rest}").unwrap();
    Config::load(Some(file.path()))
}

fn dataset(rest: &str) -> Result<Config, ConfigError> {
    load(&format!("[[dataset]]\nresource_id = \"0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002\"\n{rest}"))
}

#[test]
fn readme_shows_a_valid_configuration() {
    let readme = include_str!("../../README.md");
    let (_, toml) = readme.split_once("```toml\n").unwrap();
    let (toml, _) = toml.split_once("```").unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{toml}").unwrap();

    let config = Config::load(Some(file.path())).unwrap();

    assert_eq!(config.flight.resume_deadline(), Duration::from_secs(60));
    assert_eq!(config.datasets[0].connector, ConnectorKind::Postgres);
    assert!(!format!("{config:?}").contains("reader@"), "an address may hold a password");
}

#[test]
fn node_that_only_fetches_needs_no_dataset() {
    let config = load("").unwrap();
    assert!(config.datasets.is_empty());
    assert!(config.flight.listen.ip().is_loopback());
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    let cases = [
        ("connector = \"csv\"", "`path` of the file is missing"),
        ("connector = \"csv\"\npath = \"a\"\norder_by = [\"x\"]", "a file has its own order"),
        ("connector = \"parquet\"\npath = \"a\"\ntable = \"t\"", "are for databases"),
        ("connector = \"sqlite\"\ntable = \"t\"\norder_by = [\"x\"]", "`path` of the database"),
        ("connector = \"sqlite\"\npath = \"a\"\norder_by = [\"x\"]", "one of `table` and `query`"),
        ("connector = \"sqlite\"\npath = \"a\"\ntable = \"t\"", "`order_by` is missing"),
        ("connector = \"postgres\"\ntable = \"t\"\norder_by = [\"x\"]", "`url` is missing"),
        ("connector = \"excel\"", "unknown variant"),
        ("connector = \"csv\"\npath = \"a\"\nsheet = 1", "no such key as `sheet`"),
    ];
    for (rest, expected) in cases {
        let error = dataset(rest).unwrap_err().to_string();
        assert!(error.contains(expected), "{rest}: {error}");
    }
}

#[test]
fn resource_is_configured_once() {
    let one = "[[dataset]]\nresource_id = \"0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002\"\n\
               connector = \"csv\"\npath = \"a\"\n";
    assert!(load(one).is_ok());

    let error = load(&format!("{one}{one}")).unwrap_err().to_string();
    assert!(error.contains("dataset 2: resource 0b51e1a6"), "{error}");
    assert!(load(&one.replace("0b51e1a6-", "")).is_err());
}
