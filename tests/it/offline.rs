//! Services' states from archives alone, where there is no platform (R46.1, R23.2, H2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::fleet::until;
use crate::process::{Ended, Terminal};
use crate::state::{STRANGER, execute};
use crate::story;

const SERVICES: [&str; 4] = ["catalog", "exchange-bus", "open-data", "audit"];
const STREAMS: [&str; 4] = ["CATALOG", "EXCHANGE", "OPENDATA", "AUDIT"];

/// What is left of a platform that is gone.
struct Remains {
    folder: tempfile::TempDir,
    /// Where nothing of it is.
    terminal: Terminal,
    /// The archives, as the log told of them: of CATALOG two, the second from what happened last.
    archives: Vec<Value>,
    /// At a moment of which all is archived, what each service's views held by the live log.
    states: BTreeMap<&'static str, Value>,
    moment: String,
}

impl Remains {
    async fn of_a_story() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (fleet, _) = story::told(&data).await;
        let terminal = Terminal::new(&data);
        archive(&terminal, &BTreeMap::from([("CATALOG", 1)])).await;
        happens(&terminal, &data).await;
        for service in SERVICES {
            let copy = folder.path().join(format!("{service}.sqlite"));
            let live = data.join(service).with_extension("sqlite");
            execute(&live, format!("VACUUM INTO '{}'", copy.display())).await;
        }

        let moment = fleet.clock().now().to_string();
        let archives = archive(&terminal, &last_events(&terminal).await).await;
        let mut states = BTreeMap::new();
        for service in SERVICES {
            let state = ["audit", "state", "--as", "auditor", "--service", service];
            let state = terminal.json(&[&state[..], &["--as-of", &moment]].concat()).await;
            states.insert(service, state);
        }
        std::fs::write(folder.path().join("log.vkey"), fleet.verifier_key()).unwrap();
        copy(&data.join("stream-archive"), &folder.path().join("archives"));
        fleet.stop().await.unwrap();
        std::fs::remove_dir_all(&data).unwrap();
        let terminal = Terminal::new(&folder.path().join("nowhere"));
        Self { folder, terminal, archives, states, moment }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn run(&self, command: &str, service: &str, more: &[&str]) -> Ended {
        let (archives, key) = (self.path("archives"), self.path("log.vkey"));
        let from = ["--archive", &archives, "--key", &key];
        let database = format!("sqlite:{}", self.path(&format!("{service}.sqlite")));
        let of = ["--database", database.as_str()];
        let of = if command == "compare" { &of[..] } else { &[] };
        let arguments = ["audit", command, "--service", service];
        self.terminal.run(&[&arguments[..], &from, of, more].concat()).await
    }

    async fn refusal(&self, command: &str, service: &str, more: &[&str]) -> String {
        let ended = self.run(command, service, more).await;
        assert!(ended.code == Some(1) && ended.stdout.is_empty(), "{ended:?}");
        ended.stderr
    }

    /// The place of the first or the last archive of the catalogue's stream, with the last event in it.
    fn archive(&self, is_wanted: impl Fn(&Value) -> bool) -> (PathBuf, Value) {
        let of_catalog = |archive: &&Value| archive["stream"] == "CATALOG" && is_wanted(archive);
        let archive = self.archives.iter().find(of_catalog).unwrap();
        let path = self.folder.path().join("archives").join(archive["path"].as_str().unwrap());
        (path, archive["lastSequence"].clone())
    }
}

/// Archives until these events are archived, each the last of its stream; all archives.
async fn archive(terminal: &Terminal, last: &BTreeMap<&'static str, u64>) -> Vec<Value> {
    let command = |name| ["audit", "archive", name, "--as", "auditor"];
    until("all is archived", async || {
        terminal.json(&command("create")).await;
        let listed = terminal.json(&command("list")).await.as_array().unwrap().clone();
        let is_archived = |(stream, last): (&&str, &u64)| {
            listed.iter().any(|archive| {
                archive["stream"] == **stream && archive["lastSequence"].as_u64() >= Some(*last)
            })
        };
        last.iter().all(is_archived).then_some(listed)
    })
    .await
}

/// The last event of each stream.
async fn last_events(terminal: &Terminal) -> BTreeMap<&'static str, u64> {
    let coverage = terminal.json(&["audit", "coverage", "--as", "auditor"]).await;
    let of = |name: &'static str| {
        let line = coverage["streams"].as_array().unwrap().iter().find(|at| at["stream"] == name);
        (name, line.unwrap()["lastSequence"].as_str().unwrap().parse().unwrap())
    };
    STREAMS.map(of).into()
}

/// Something that the catalogue and the audit log have views of, and that these show.
async fn happens(terminal: &Terminal, data: &Path) {
    let register = ["organisation", "register", "--code", STRANGER, "--name", "某单位"];
    let more = ["--region", "510100", "--role", "provider"];
    terminal.text(&[&register[..], &more].concat()).await;
    let raise = ["audit", "finding", "raise", "--organisation", STRANGER, "--clause", "11"];
    let more = ["--article", "第十八条", "--title", "未编目", "--description", "未编制目录"];
    terminal.text(&[&raise[..], &more].concat()).await;
    let shown =
        [("catalog", "directory_organisation", "code"), ("audit", "finding", "organisation_code")];
    for (service, table, column) in shown {
        let live = data.join(service).with_extension("sqlite");
        let copy = live.with_extension("seen");
        until("the views to show it", async || {
            let _ = std::fs::remove_file(&copy);
            execute(&live, format!("VACUUM INTO '{}'", copy.display())).await;
            rows(&copy, &format!("SELECT COUNT(*) FROM {table} WHERE {column} = '{STRANGER}'"))
                .await
        })
        .await;
    }
}

/// How many rows there are, if there are any.
async fn rows(file: &Path, count: &str) -> Option<i64> {
    let url = format!("sqlite:{}", file.display());
    let database = publicdata_views::Database::open_read_only(&url).await.unwrap();
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count.to_owned()));
    let count: i64 = count.fetch_one(database.pool()).await.unwrap();
    database.close().await;
    (count > 0).then_some(count)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => std::fs::copy(entry.path(), to).map(|_| ()).unwrap(),
        }
    }
}

/// R46.1, H2, R23.2: from archives alone, and the log's public key, comes the state that the live log gave at that moment, of every view
/// of every service, and it is said up to where it reaches. A copy of a database is held against them: what was changed in it is shown,
/// every row of it in CSV. Archives that are missing, at the beginning, as a whole or at the end, and a file that was tampered with are
/// refused, with what is missing or wrong.
#[tokio::test]
async fn states_come_from_archives_alone() {
    let remains = Remains::of_a_story().await;
    for service in SERVICES {
        let as_of = ["--as-of", &remains.moment, "--output", "json"];
        let state = remains.run("state", service, &as_of).await;
        assert_eq!(state.code, Some(0), "{service}: {state:?}");
        let found: Value = serde_json::from_str(&state.stdout).unwrap();
        assert_eq!(found, remains.states[service], "{service}");
        assert!(found.as_array().unwrap().iter().any(|view| view["rows"] != 0), "{service}");
        let equal = remains.run("compare", service, &[]).await;
        assert_eq!(equal.code, Some(0), "{service}: {equal:?}");
    }
    let (_, last) = remains.archive(|archive| archive["firstSequence"] != 1);
    let state = remains.run("state", "catalog", &[]).await;
    let reach =
        format!("CATALOG: the state is as of event {last}; these files hold events 1 to {last}");
    assert!(state.stderr.contains(&reach), "{state:?}");

    changed_rows_are_shown(&remains).await;
    archives_that_are_wrong_are_refused(&remains).await;
}

async fn changed_rows_are_shown(remains: &Remains) {
    let database = remains.folder.path().join("audit.sqlite");
    let tamper = format!("UPDATE finding SET clause = 3 WHERE organisation_code = '{STRANGER}'");
    execute(&database, tamper).await;
    let found = remains.run("compare", "audit", &["--output", "json"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let differing: Vec<_> =
        found.as_array().unwrap().iter().filter(|view| view["differing"] != 0).collect();
    let [findings] = differing[..] else { panic!("{found}") };
    let columns = serde_json::json!([{ "column": "clause", "live": 3, "rebuilt": 11 }]);
    assert_eq!(findings["differences"][0]["columns"], columns, "{found}");

    // More rows than are named for people.
    let more = "WITH RECURSIVE more (number) AS \
                (SELECT 1 UNION ALL SELECT number + 1 FROM more WHERE number < 10100) \
                INSERT INTO directory_agreement_over (id) SELECT 'agreement-' || number FROM more";
    execute(&remains.folder.path().join("exchange-bus.sqlite"), more.to_owned()).await;
    let text = remains.run("compare", "exchange-bus", &[]).await.stdout;
    assert!(text.contains("10100 differ") && text.contains("and 100 more rows"), "{}", text.len());
    let table = remains.run("compare", "exchange-bus", &["--csv"]).await.stdout;
    assert_eq!(csv::Reader::from_reader(table.as_bytes()).records().count(), 10_100);
}

async fn archives_that_are_wrong_are_refused(remains: &Remains) {
    let (newest, _) = remains.archive(|archive| archive["firstSequence"] != 1);
    let (oldest, last) = remains.archive(|archive| archive["firstSequence"] == 1);
    let aside = remains.folder.path().join("aside");
    let without = async |path: &Path, command: &str, more: &[&str]| {
        std::fs::rename(path, &aside).unwrap();
        let refused = remains.refusal(command, "catalog", more).await;
        std::fs::rename(&aside, path).unwrap();
        refused
    };
    let refused = without(&oldest, "state", &[]).await;
    let missing = format!("events 1 to {last} of stream CATALOG are in none of the archives; put");
    assert!(refused.contains(&missing), "{refused}");
    let refused = without(&newest, "compare", &[]).await;
    assert!(refused.contains("the archives end before what the database holds"), "{refused}");

    let exchange = remains.folder.path().join("archives/EXCHANGE");
    let refused = without(&exchange, "state", &[]).await;
    assert!(refused.contains("events 1 and all after it of stream EXCHANGE"), "{refused}");
    std::fs::rename(&exchange, &aside).unwrap();
    // Whoever asks for less needs less.
    let one = remains.run("state", "catalog", &["--view", "directory"]).await;
    assert!(one.code == Some(0) && one.stdout.contains(STRANGER), "{one:?}");
    std::fs::rename(&aside, &exchange).unwrap();

    let mut bytes = std::fs::read(&newest).unwrap();
    // Where the numbers of the events are.
    bytes[20..60].iter_mut().for_each(|byte| *byte ^= 1);
    std::fs::write(&newest, bytes).unwrap();
    for command in ["state", "compare"] {
        let refused = remains.refusal(command, "catalog", &[]).await;
        assert!(refused.contains(newest.to_str().unwrap()), "{refused}");
    }
}
