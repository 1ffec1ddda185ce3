//! Backups, drills and restores, as an operator runs them.

use std::path::{Path, PathBuf};

use publicdata_service_kit::testing::SmallDisk;
use serde_json::Value;

use crate::fleet::connect;
use crate::process::{Terminal, Up};

/// A platform with something in it, and the keys of its backup.
struct Operator {
    folder: tempfile::TempDir,
    terminal: Terminal,
    up: Up,
    recipient: String,
}

impl Operator {
    async fn with_a_platform() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let terminal = Terminal::new(&folder.path().join("data"));
        let up = Up::start(&terminal, &[]).await;
        let description = folder.path().join("entry.json");
        std::fs::write(&description, terminal.text(&["catalog", "template"]).await).unwrap();
        terminal.publish(&description).await;
        let identity = folder.path().join("identity");
        let made = terminal.json(&["backup", "key", identity.to_str().unwrap()]).await;
        let recipient = made["recipient"].as_str().unwrap().to_owned();
        Self { folder, terminal, up, recipient }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn back_up(&self) -> Value {
        let to = self.path("backup");
        let create = ["backup", "create", "--to", &to, "--recipient", &self.recipient];
        self.terminal.json(&create).await
    }

    async fn drill(&self) -> Value {
        let (from, identity) = (self.path("backup"), self.path("identity"));
        self.terminal.json(&["drill", "--from", &from, "--identity", &identity]).await
    }

    /// Restores into a new folder with the keys of this one.
    async fn restore(&self, name: &str, more: &[&str]) -> (Terminal, crate::process::Ended) {
        let terminal = Terminal::new(&self.folder.path().join(name));
        let (from, identity) = (self.path("backup"), self.path("identity"));
        let keys = self.path("data");
        let restore = ["restore", "--from", &from, "--identity", &identity, "--keys", &keys];
        let ended = terminal.run(&[&restore[..], more].concat()).await;
        (terminal, ended)
    }

    /// Keeps the newest checkpoint in a file of this name: it covers what has happened, for whoever verifies waits for that.
    async fn keep_checkpoint(&self, name: &str) -> String {
        self.terminal.text(&["audit", "verify", "--as", "auditor"]).await;
        let path = self.path(name);
        let note = self.terminal.text(&["audit", "checkpoint", "--as", "auditor"]).await;
        std::fs::write(&path, note).unwrap();
        path
    }

    async fn register(&self, code: &str, name: &str) {
        let register = ["organisation", "register", "--code", code, "--name", name];
        let more = ["--region", "510100", "--role", "provider"];
        self.terminal.text(&[&register[..], &more].concat()).await;
    }
}

/// What a person can see of a platform.
async fn seen(terminal: &Terminal) -> Vec<Value> {
    let mut seen = Vec::new();
    for list in [&["organisation", "list"][..], &["catalog", "search"], &["grant", "list"]] {
        seen.push(terminal.json(list).await);
    }
    seen
}

/// R11.1, H2: the second backup is a part of the first one's size; from the backup alone, and the keys, comes the same platform: people
/// see the same, its log continues the one that was backed up, and it says that it was restored. H3: whoever has kept a newer checkpoint
/// is told that the backup, and the platform restored from it, end before it.
#[tokio::test]
async fn backup_alone_gives_the_same_platform() {
    let mut operator = Operator::with_a_platform().await;
    let first = operator.back_up().await;
    operator.register("11510100MB00000514", "成都市气象局").await;
    let second = operator.back_up().await;
    let (before, old) = (seen(&operator.terminal).await, operator.keep_checkpoint("old").await);
    operator.register("11510100MB00000716", "成都市水务局").await;
    let newer = operator.keep_checkpoint("newer").await;
    operator.up.interrupt().await;

    assert_eq!(first["manifest"], 1);
    assert_eq!(second["manifest"], 2);
    assert!(second["new_events"].as_u64() < first["new_events"].as_u64(), "{second}");
    assert!(second["new_bytes"].as_u64() < first["new_bytes"].as_u64(), "{second}");

    let (_, refused) = operator.restore("restored", &["--since", &newer]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("what came after event"), "{refused:?}");
    let (terminal, ended) = operator.restore("restored", &["--since", &old]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (_, again) = operator.restore("restored", &[]).await;
    assert!(again.stderr.contains("a restore never writes over a platform"), "{again:?}");

    let mut up = Up::start(&terminal, &[]).await;
    assert_eq!(seen(&terminal).await, before);
    let verify = ["audit", "verify", "--as", "auditor", "--since"];
    let report = terminal.json(&[&verify[..], &[&old]].concat()).await;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
    assert_eq!(report["continues"], second["events"]);
    let told = terminal.text(&["audit", "replay", "--as", "auditor", "--stream", "RECOVERY"]).await;
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("platform restored"), "{told}");
    let doubt = terminal.run(&[&verify[..], &[&newer]].concat()).await;
    assert_eq!(doubt.code, Some(1), "{doubt:?}");
    assert!(doubt.stdout.contains("does not continue"), "{doubt:?}");
    assert_eq!(up.interrupt().await.code(), Some(0), "{}", up.said());
}

/// R11.1, R42.1: a drill restores into an empty place while the platform runs, finds the log's root and every view to be what was backed
/// up, measures what would be lost and how long it takes, and is on record; whatever it made is removed.
#[tokio::test]
async fn drill_is_held_and_recorded() {
    let operator = Operator::with_a_platform().await;
    let made = operator.back_up().await;
    let work = operator.folder.path().join("work");
    std::fs::create_dir(&work).unwrap();

    let first = operator.drill().await;
    operator.register("11510100MB00000514", "成都市气象局").await;
    let (from, identity) = (operator.path("backup"), operator.path("identity"));
    let drill = ["drill", "--from", &from, "--identity", &identity];
    let drill = [&drill[..], &["--work", work.to_str().unwrap()]].concat();
    let second = operator.terminal.json(&drill).await;

    assert_eq!((&first["events"], &first["events_missing"]), (&made["events"], &0.into()));
    // The organisation, and the first drill.
    assert_eq!((&second["events"], &second["events_missing"]), (&made["events"], &2.into()));
    assert!(second["rpo_ms"].as_u64() > Some(0), "{second}");
    for drill in [&first, &second] {
        assert_eq!(drill["findings"], serde_json::json!([]), "{drill}");
        assert!(drill["rto_ms"].as_u64() > Some(0), "{drill}");
        let views = drill["views"].as_array().unwrap();
        assert!(views.iter().all(|view| view["equal"] == true), "{drill}");
        let named = |name: &str| views.iter().find(|view| view["view"] == name).unwrap();
        assert!(named("catalog_entry")["rows"].as_u64() > Some(0), "{drill}");
        assert!(named("finding")["equal"] == true && views.len() > 15, "{drill}");
    }
    let replay = ["audit", "replay", "--as", "auditor", "--stream", "RECOVERY"];
    let told = operator.terminal.text(&replay).await;
    for drill in [&first, &second] {
        assert!(told.contains(drill["drill_id"].as_str().unwrap()), "{told}");
    }
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);
    let report = operator.terminal.json(&["audit", "verify", "--as", "auditor"]).await;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
}

/// R11.1, H3: a backup that was tampered with is refused by check, drill and restore alike, with what is wrong and where; nothing is
/// restored, and nothing is left behind.
#[tokio::test]
async fn tampered_backup_is_refused() {
    let operator = Operator::with_a_platform().await;
    operator.back_up().await;
    let segments = operator.folder.path().join("backup/segments");
    let segment = std::fs::read_dir(&segments).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&segment, bytes).unwrap();

    let (from, identity) = (operator.path("backup"), operator.path("identity"));
    let verified = operator.terminal.run(&["backup", "verify", &from]).await;
    let drill = ["drill", "--from", &from, "--identity", &identity];
    let drilled = operator.terminal.run(&drill).await;
    assert!(drilled.stderr.contains("on record as failed"), "{drilled:?}");
    let (_, restored) = operator.restore("restored", &[]).await;

    for ended in [verified, drilled, restored] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let name = segment.file_name().unwrap().to_str().unwrap();
        assert!(ended.stderr.contains(name), "{ended:?}");
        assert!(ended.stderr.contains("its digest is sha256:"), "{ended:?}");
    }
    assert!(!operator.folder.path().join("restored").exists());
    assert_eq!(
        files(&operator.folder.path().join("restored.restoring")),
        [Path::new("fleet.lock")]
    );
}

/// R11.1, H3, H4: a full disk at the backup is told, with the file that did not fit; what was complete before still is, and when there is
/// room the next run goes on.
#[tokio::test]
async fn a_full_disk_at_the_backup_is_told() {
    let operator = Operator::with_a_platform().await;
    let place = operator.folder.path().join("backup");
    let Some(disk) = SmallDisk::mount(&place, 8) else { return };
    let first = operator.back_up().await;
    operator.register("11510100MB00000514", "成都市气象局").await;
    disk.fill(0);

    let (to, identity) = (operator.path("backup"), operator.path("identity"));
    let create = ["backup", "create", "--to", &to, "--recipient", &operator.recipient];
    let ended = operator.terminal.run(&create).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot write"), "{ended:?}");
    assert!(ended.stderr.contains("No space left on device"), "{ended:?}");
    let verify = ["backup", "verify", &to, "--identity", &identity];
    assert_eq!(operator.terminal.json(&verify).await["events"], first["events"]);
    disk.make_room();
    let second = operator.back_up().await;
    assert_eq!(operator.terminal.json(&verify).await["events"], second["events"]);
    assert!(second["events"].as_u64() > first["events"].as_u64(), "{second}");
}

/// R11.1, H2: whoever makes a backup before an upgrade, or compares views, with the new program already, is told to take the one that runs:
/// nothing is written, and above all no table of the services is changed.
#[tokio::test]
async fn tables_of_another_version_are_left_alone() {
    let operator = Operator::with_a_platform().await;
    let database = operator.folder.path().join("data/exchange-bus.sqlite");
    let mut tables = connect(&database).await;
    let migrations = "SELECT COUNT(*) FROM bus_migrations";
    let known: i64 = sqlx::query_scalar(migrations).fetch_one(&mut tables).await.unwrap();
    let undo =
        "DELETE FROM bus_migrations WHERE version = (SELECT MAX(version) FROM bus_migrations)";
    sqlx::raw_sql(undo).execute(&mut tables).await.unwrap();

    let to = operator.path("backup");
    let create = ["backup", "create", "--to", &to, "--recipient", &operator.recipient];
    let compare = ["audit", "compare", "--as", "auditor", "--service", "exchange-bus"];
    for command in [&create[..], &compare] {
        let ended = operator.terminal.run(command).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("the tables of `bus` are of another version"), "{ended:?}");
    }
    let left: i64 = sqlx::query_scalar(migrations).fetch_one(&mut tables).await.unwrap();
    assert_eq!(left, known - 1);
    assert!(!Path::new(&to).exists());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into()).collect()
}
