//! `publicdata up` as a process: it is stopped, killed and started again, and goes on where it was.

use std::path::Path;

use jiff::civil::date;
use serde_json::Value;

use crate::fleet::until;
use crate::process::{Terminal, Up, processes_of};

/// What a person can see of a fleet.
async fn seen(terminal: &Terminal) -> Vec<Value> {
    let mut seen = Vec::new();
    for list in [
        &["organisation", "list"][..],
        &["catalog", "search"],
        &["grant", "list"],
        &["transfer", "list"],
    ] {
        seen.push(terminal.json(list).await);
    }
    seen
}

/// H4: Ctrl-C ends everything in order, and the next start goes on with the same organisations, entries, grants, transfers
/// and nodes. R46.2: its log continues the old checkpoint, and goes on to be signed with SM2 as it was before.
#[tokio::test]
async fn a_stopped_fleet_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    Terminal::new(folder.path()).text(&["demo", "--output", "json"]).await;
    let terminal = Terminal::new(&folder.path().join("demo"));
    let mut up = Up::start(&terminal, &["--sm2"]).await;
    let (before, connected) = (seen(&terminal).await, terminal.nodes(2).await);
    let checkpoint = folder.path().join("checkpoint");
    let kept = terminal.run(&["audit", "checkpoint", "--as", "auditor"]).await.stdout;
    std::fs::write(&checkpoint, &kept).unwrap();

    let status = up.interrupt().await;

    assert_eq!(status.code(), Some(0), "{}", up.said());
    assert_eq!(processes_of(folder.path()), [0; 0]);
    let said = up.said();
    for part in ["catalog", "exchange-bus", "audit", "nats-server", "node-agent", "stopping"] {
        assert!(said.lines().any(|line| line.starts_with(part)), "{part}: {said}");
    }

    let _up = Up::start(&terminal, &[]).await;
    assert_eq!(seen(&terminal).await, before);
    assert_eq!(terminal.nodes(2).await, connected);
    let since = checkpoint.to_str().unwrap();
    let register = [
        &["organisation", "register", "--code", "11510100MB00000514", "--name", "成都市气象局"][..],
        &["--region", "510100", "--role", "provider"],
    ];
    terminal.text(&register.concat()).await;
    let report = terminal.json(&["audit", "verify", "--as", "auditor", "--since", since]).await;
    let old_size = report["continues"].as_u64().unwrap();
    assert!(kept.lines().nth(1) == Some(old_size.to_string().as_str()), "{old_size}: {kept}");
    assert!(report["size"].as_u64().unwrap() > old_size, "{report}");

    let log = folder.path().join("demo/audit-log");
    let both = ["log.vkey", "log.sm2.vkey"].map(|key| std::fs::read_to_string(log.join(key)));
    let keys = folder.path().join("keys");
    std::fs::write(&keys, both.map(Result::unwrap).concat()).unwrap();
    let verify = ["audit", "verify", "--as", "auditor", "--key", keys.to_str().unwrap()];
    assert_eq!(terminal.json(&verify).await["findings"], serde_json::json!([]));
}

/// H4: after `kill -9` the next start comes up, though `nats-server` outlived its parent. H1: what was acknowledged before
/// is there.
#[tokio::test]
async fn a_killed_fleet_comes_up_again_with_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(&folder.path().join("data"));
    let mut up = Up::start(&terminal, &[]).await;
    let entry = publish_template(&terminal, folder.path()).await;

    up.kill9().await;

    let [orphan] = processes_of(folder.path())[..] else { panic!("no nats-server was left") };
    let mut up = Up::start(&terminal, &[]).await;
    assert!(!processes_of(folder.path()).contains(&orphan), "{orphan} still runs");
    let shown = terminal.json(&["catalog", "show", &entry]).await;
    assert_eq!(shown["resource"]["status"], "RESOURCE_STATUS_PUBLISHED");
    let report = terminal.json(&["audit", "verify", "--as", "auditor"]).await;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
    assert_eq!(up.interrupt().await.code(), Some(0), "{}", up.said());
}

/// H3: a second fleet on the same folder is told whose it is and what to do; the first one goes on.
#[tokio::test]
async fn two_fleets_never_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(&folder.path().join("data"));
    let mut up = Up::start(&terminal, &[]).await;

    let second = terminal.run(&["up", "--port", "0"]).await;

    assert_eq!(second.code, Some(1), "{second:?}");
    let process = up.process_id();
    assert!(second.stderr.contains(&format!("`kill {process}`")), "{}", second.stderr);
    terminal.text(&["organisation", "list"]).await;
    assert_eq!(up.interrupt().await.code(), Some(0), "{}", up.said());
}

/// R26.1: the provider has 10 working days, counted by the calendar of 2026. From Sunday 4 January, a make-up day that is not
/// counted itself, they are 5 to 9 and 12 to 16 January. From Monday 9 February they are 10 to 13 February, Saturday 14 (a
/// make-up day), after the Spring Festival 24 to 27, and Saturday 28 (a make-up day).
#[tokio::test]
async fn due_dates_follow_the_clock_and_the_calendar() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(&folder.path().join("data"));

    let mut up = Up::start(&terminal, &["--clock", "2026-01-04T09:00:00+08:00"]).await;
    let entry = publish_template(&terminal, folder.path()).await;
    let first = apply(&terminal, &entry).await;
    assert_eq!(due_on(&terminal, &first).await, date(2026, 1, 16));
    up.interrupt().await;

    let _up = Up::start(&terminal, &["--clock", "2026-02-09T09:00:00+08:00"]).await;
    let second = apply(&terminal, &entry).await;
    assert_eq!(due_on(&terminal, &second).await, date(2026, 2, 28));
    let first = terminal.json(&["grant", "show", &first, "--as", "health"]).await;
    assert_eq!(first["grant"]["overdue"], true, "nobody answered by 16 January: {first}");
}

async fn publish_template(terminal: &Terminal, folder: &Path) -> String {
    let description = folder.join("entry.json");
    std::fs::write(&description, terminal.text(&["catalog", "template"]).await).unwrap();
    terminal.publish(&description).await
}

/// The health commission's application; its id.
async fn apply(terminal: &Terminal, entry: &str) -> String {
    let command_id = uuid::Uuid::new_v4().to_string();
    let arguments = [
        &["grant", "apply", "--as", "health", "--output", "json", "--command-id", &command_id][..],
        &["--resource", entry, "--purpose", "社区服务", "--legal-basis", "某法第一条"],
        &["--fields", "code,name", "--from", "2026-03-01", "--until", "2026-03-31"],
    ]
    .concat();
    let done = until("the bus knows the entry", async || {
        let ended = terminal.run(&arguments).await;
        (ended.code == Some(0)).then_some(ended.stdout)
    })
    .await;
    let done: Value = serde_json::from_str(&done).unwrap();
    done["grantId"].as_str().unwrap().to_owned()
}

async fn due_on(terminal: &Terminal, application: &str) -> jiff::civil::Date {
    let shown = terminal.json(&["grant", "show", application, "--as", "health"]).await;
    shown["grant"]["deadline"]["dueOn"].as_str().unwrap().parse().unwrap()
}
