use figment::Jail;
use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    listen: String,
    nats: Nats,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nats {
    url: String,
    retries: u8,
}

const FILE: &str = "listen = '127.0.0.1:0'\n[nats]\nurl = 'nats://a'\nretries = 3\n";

#[expect(clippy::result_large_err, reason = "figment's Jail asks for its own error")]
fn load_with(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut loaded = None;
    Jail::expect_with(|jail| {
        if let Some(file) = file {
            jail.create_file("service.toml", file)?;
        }
        for (name, value) in variables {
            jail.set_env(name, value);
        }
        loaded = Some(load(file.map(|_| Path::new("service.toml")), "PD_TEST_"));
        Ok(())
    });
    loaded.unwrap()
}

#[track_caller]
fn problem(result: Result<Config, ConfigError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn variables_override_the_file() {
    let config = load_with(Some(FILE), &[("PD_TEST_NATS__URL", "nats://b")]).unwrap();

    assert_eq!(config.nats, Nats { url: "nats://b".to_owned(), retries: 3 });
}

#[test]
fn variables_alone_suffice() {
    let variables =
        [("PD_TEST_LISTEN", "x"), ("PD_TEST_NATS__URL", "y"), ("PD_TEST_NATS__RETRIES", "1")];

    assert!(load_with(None, &variables).is_ok());
}

#[test]
fn a_missing_file_is_named() {
    let result = load::<Config>(Some(Path::new("/nowhere/service.toml")), "PD_TEST_");
    assert_eq!(problem(result), "configuration file /nowhere/service.toml does not exist");
}

/// H3: an error names file and key, and how to set it.
#[test]
fn a_missing_key_is_named() {
    let problem = problem(load_with(Some("listen = 'x'\n[nats]\nretries = 3\n"), &[]));

    assert!(problem.contains("`nats.url` is missing: set it in service.toml"), "{problem}");
    assert!(problem.contains("or as PD_TEST_NATS__URL"), "{problem}");
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let in_file = problem(load_with(Some(&format!("{FILE}speed = 9\n")), &[]));
    assert!(in_file.contains("no such key as `speed`; known are url, retries"), "{in_file}");
    assert!(in_file.contains("service.toml"), "{in_file}");

    let in_environment = problem(load_with(Some(FILE), &[("PD_TEST_SPEED", "9")]));
    assert!(in_environment.contains("no such key as `speed`"), "{in_environment}");
    assert!(in_environment.contains("PD_TEST_"), "{in_environment}");
}

#[test]
fn a_wrong_value_is_named_but_not_shown() {
    let problem = problem(load_with(Some(&FILE.replace("= 3", "= 'hunter2'")), &[]));

    assert!(problem.contains("`nats.retries`"), "{problem}");
    assert!(problem.contains("service.toml: expected u8"), "{problem}");
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[test]
fn broken_toml_is_located() {
    let problem = problem(load_with(Some("listen = [\n"), &[]));

    assert!(problem.contains("line 1"), "{problem}");
}
