use std::io::Write as _;

use super::super::Config;
use super::*;

const BEGINNING: &str = r#"
credentials = "node"
data_dir = "data"
[bus]
address = "localhost:7443"
server = "spiffe://test.internal/service/exchange-bus"
"#;
const SUBSCRIPTION: &str = r#"
[[subscription]]
name = "villages"
grant_id = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0001"
purpose = "census"
trigger = "on-change"
refresh = "every 7d"
[subscription.sink]
kind = "postgres"
url = "postgresql://writer:secret@localhost/warehouse"
table = "villages"
key = ["code"]
"#;

fn load(rest: &str) -> Result<Config, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{BEGINNING}{rest}").unwrap();
    Config::load(Some(file.path()))
}

fn changed(from: &str, to: &str) -> String {
    assert!(SUBSCRIPTION.contains(from), "{from}");
    load(&SUBSCRIPTION.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn a_subscription_is_read() {
    let config = load(SUBSCRIPTION).unwrap();
    let subscription = &config.subscriptions[0];
    assert_eq!(subscription.trigger(), Ok(Trigger::OnChange));
    assert_eq!(subscription.refresh(), Ok(Some(Trigger::Every { seconds: 7 * 86_400 })));
    assert_eq!(subscription.sink.key, ["code"]);
    assert!(!format!("{config:?}").contains("secret"), "an address may hold a password");
}

/// H3: what is wrong is named, with the subscription and what to write.
#[test]
fn what_cannot_be_subscribed_is_named() {
    for (from, to, expected) in [
        ("\"on-change\"", "\"sometimes\"", "`every 15m`"),
        ("\"on-change\"", "\"every 5s\"", "60 s"),
        ("\"every 7d\"", "\"once\"", "`refresh`"),
        ("\"census\"", "\"\"", "`purpose` is empty"),
        ("name = \"villages\"", "name = \" \"", "`name` is empty"),
        ("0b51e1a6-", "", "`grant_id` is not a UUID"),
        ("url = ", "path = ", "`sink.url` is missing"),
        ("kind = \"postgres\"", "kind = \"sqlite\"", "`sink.path` is missing"),
        ("kind = \"postgres\"", "kind = \"csv\"\npath = \"a\"", "are for postgres"),
        ("table = \"villages\"", "table = \"\"", "`sink.table` is empty"),
        ("key = [\"code\"]", "keys = 1", "no such key"),
    ] {
        let error = changed(from, to);
        assert!(error.contains(expected), "{to}: {error}");
    }
    let twice = load(&format!("{SUBSCRIPTION}{SUBSCRIPTION}")).unwrap_err().to_string();
    assert!(twice.contains("subscription 2: name villages is taken"), "{twice}");
}

#[test]
fn changes_are_those_of_databases() {
    let dataset = |connector: &str, rest: &str| {
        load(&format!(
            "[[dataset]]\nresource_id = \"0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002\"\n\
             connector = \"{connector}\"\npath = \"a\"\n{rest}"
        ))
    };
    let of_table = "table = \"t\"\norder_by = [\"code\"]\nchanges = { watermark = \"at\" }";
    let config = dataset("sqlite", of_table).unwrap();
    let changes = config.datasets[0].changes.clone().unwrap();
    assert_eq!((changes.poll_ms, changes.rows_per_delivery), (500, 1_000_000));

    let of_file = dataset("csv", "changes = { watermark = \"at\" }").unwrap_err().to_string();
    assert!(of_file.contains("a file is delivered whole"), "{of_file}");
    for (url, rest) in [
        ("mysql://u@localhost/d", of_table),
        ("http://localhost/x", "changes = { watermark = \"at\" }"),
    ] {
        let kind = url.split(':').next().unwrap();
        let refused = load(&format!(
            "[[dataset]]\nresource_id = \"0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002\"\n\
             connector = \"{kind}\"\nurl = \"{url}\"\n{rest}"
        ));
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(&format!("{kind} is delivered whole")), "{refused}");
    }
    let late = of_table.replace("\"at\"", "\"at\", overlap_s = 5");
    let late = dataset("sqlite", &late).unwrap_err().to_string();
    assert!(late.contains("is for postgres"), "{late}");
}

#[test]
fn a_publication_is_for_a_table_of_postgres() {
    let dataset = |number: u8, connector: &str, rest: &str| {
        format!(
            "[[dataset]]\nresource_id = \"0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f00{number:02}\"\n\
             connector = \"{connector}\"\norder_by = [\"code\"]\n{rest}\n"
        )
    };
    let postgres = |number, changes: &str| {
        let rest = format!(
            "url = \"postgresql://u@localhost/d\"\ntable = \"t\"\nchanges = {{ {changes} }}"
        );
        dataset(number, "postgres", &rest)
    };
    let slot = r#"publication = "p", slot = "one""#;
    load(&postgres(1, r#"publication = "p""#)).unwrap();
    load(&(postgres(1, slot) + &postgres(2, r#"publication = "p", slot = "two""#))).unwrap();

    let of_query = postgres(1, r#"publication = "p""#).replace("table = \"t\"", "query = \"q\"");
    let of_sqlite = "path = \"a\"\ntable = \"t\"\nchanges = { publication = \"p\" }";
    for (text, expected) in [
        (postgres(1, "poll_ms = 5"), "name one of"),
        (postgres(1, r#"publication = "p", watermark = "at""#), "name one of"),
        (postgres(1, r#"watermark = "at", slot = "one""#), "goes with `changes.publication`"),
        (postgres(1, r#"publication = "p", overlap_s = 5"#), "goes with `changes.watermark`"),
        (postgres(1, r#"publication = "p", slot = "No Name""#), "no name of a slot"),
        (of_query, "for a `table` of postgres"),
        (dataset(1, "sqlite", of_sqlite), "for a `table` of postgres"),
        (postgres(1, slot) + &postgres(2, slot), "of another dataset already"),
    ] {
        let refused = load(&text).unwrap_err().to_string();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}
