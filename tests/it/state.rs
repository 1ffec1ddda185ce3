//! A service's state from events alone: as it was at a moment, and held against the live one (H2).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use publicdata_event_store::Store;
use publicdata_event_store::memory::MemoryStore;
use publicdata_views::{Content, Database};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::fleet::{City, Rows, until};
use crate::process::Terminal;

pub(crate) const STRANGER: &str = "12100000400002259P";

/// What every view of the catalogue holds in this file.
async fn contents(file: &Path) -> BTreeMap<&'static str, Content> {
    let database = Database::open(&format!("sqlite:{}", file.display())).await.unwrap();
    let store: Store = Arc::new(MemoryStore::new());
    let mut contents = BTreeMap::new();
    for view in publicdata_catalog::views::all(&database, &store).await.unwrap() {
        contents.insert(view.name(), view.content().await.unwrap());
    }
    database.close().await;
    contents
}

pub(crate) async fn execute(live: &Path, sql: String) {
    let database = Database::open(&format!("sqlite:{}", live.display())).await.unwrap();
    database.pool().execute(AssertSqlSafe(sql)).await.unwrap();
    database.close().await;
}

/// H2: the catalogue's state as of a past moment, from events alone, is the state that it had then: every table of every view.
#[tokio::test]
async fn state_as_of_a_moment_is_the_state_of_that_moment() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let live = city.fleet.data().join("catalog.sqlite");
    let moment = city.fleet.clock().now().to_string();
    let (snapshot, past) = (city.path("snapshot.sqlite"), city.path("past.sqlite"));
    let state = async |file: &Path| {
        let _ = std::fs::remove_file(file);
        let state = ["audit", "state", "--as", "auditor", "--service", "catalog"];
        let when = ["--as-of", &moment, "--to", file.to_str().unwrap()];
        terminal.json(&[&state[..], &when].concat()).await
    };
    let then = until("the live views hold what has happened", async || {
        let _ = std::fs::remove_file(&snapshot);
        execute(&live, format!("VACUUM INTO '{}'", snapshot.display())).await;
        state(&past).await;
        let then = contents(&snapshot).await;
        (then == contents(&past).await).then_some(then)
    })
    .await;
    assert!(then["catalog_entry"].rows > 0, "{then:?}");

    let register = ["organisation", "register", "--code", STRANGER, "--name", "某单位"];
    let rest = ["--region", "510100", "--role", "provider"];
    terminal.text(&[&register[..], &rest].concat()).await;
    until("the live view moves on", async || {
        let _ = std::fs::remove_file(&snapshot);
        execute(&live, format!("VACUUM INTO '{}'", snapshot.display())).await;
        (contents(&snapshot).await != then).then_some(())
    })
    .await;

    let told = state(&past).await;
    assert_eq!(contents(&past).await, then);
    for view in told.as_array().unwrap() {
        let then = &then[view["view"].as_str().unwrap()];
        assert_eq!(view["digest"], then.digest.to_string(), "{view}");
    }
    city.fleet.stop().await.unwrap();
}

/// H2, R46.2: what somebody changed in a service's database behind its back is shown row by row, with what the events give; every
/// other view of every service is as the events give it.
#[tokio::test]
async fn tampered_row_is_shown_beside_what_the_events_give() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    terminal.json(&["audit", "verify", "--as", "auditor"]).await;
    let compare = ["audit", "compare", "--as", "auditor", "--service"];
    for service in ["catalog", "exchange-bus", "open-data", "audit"] {
        let compared = terminal.json(&[&compare[..], &[service]].concat()).await;
        let views = compared.as_array().unwrap();
        assert!(views.len() >= 2 && views.iter().any(|view| view["rows"] != 0), "{compared}");
    }

    let live = city.fleet.data().join("exchange-bus.sqlite");
    let tamper = "UPDATE directory_organisation SET roles = 'authority' WHERE roles = 'consumer'";
    execute(&live, tamper.to_owned()).await;
    let exchange = [&compare[..], &["exchange-bus"]].concat();
    let found = terminal.run(&[&exchange[..], &["--output", "json"]].concat()).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stderr.contains("do not hold what the events give"), "{found:?}");
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let differing: Vec<_> =
        found.as_array().unwrap().iter().filter(|view| view["differing"] != 0).collect();
    let [directory] = differing[..] else { panic!("{found}") };
    let row = &directory["differences"][0];
    assert_eq!((&row["table"], &row["row"]), (&"directory_organisation".into(), &"CHANGED".into()));
    let columns =
        serde_json::json!([{ "column": "roles", "live": "authority", "rebuilt": "consumer" }]);
    assert_eq!(row["columns"], columns);

    let table = terminal.run(&[&exchange[..], &["--csv"]].concat()).await.stdout;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(!rows.is_empty());
    for row in &rows {
        let cells: Vec<_> = row.iter().collect();
        assert_eq!(cells[3..], ["CHANGED", "roles", "authority", "consumer"], "{table}");
    }
    let view = ["--view", directory["view"].as_str().unwrap()];
    let told = terminal.run(&[&exchange[..], &view].concat()).await.stdout;
    assert!(told.contains("roles: live authority, rebuilt consumer"), "{told}");
    city.fleet.stop().await.unwrap();
}
