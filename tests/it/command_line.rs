//! The command line, as a person or a script meets it: what it prints, how it ends, and what it says when something is wrong.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use publicdata::endpoints::Endpoints;
use publicdata::sample::CONSUMER;
use publicdata::session::CREDENTIALS_FOLDER;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::fleet::{City, PURPOSE, Rows, until};
use crate::process::{Ended, Terminal, signal};

/// H3: help explains every command; bad arguments end with status 2 and say which.
#[tokio::test]
async fn help_and_bad_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(folder.path());

    let help = terminal.text(&["--help"]).await;
    for command in [
        "demo",
        "up",
        "catalog",
        "library",
        "collection",
        "grant",
        "fetch",
        "transfer",
        "node",
        "open",
        "audit",
    ] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}: {help}"
        );
    }
    for arguments in [&["nonsense"][..], &["fetch"], &["catalog", "search", "--page-size", "x"]] {
        let ended = terminal.run(arguments).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.contains("Usage:") || ended.stderr.contains("--help"), "{ended:?}");
    }
}

/// H3: without a fleet, with unknown credentials, with a file that cannot be read: what was wrong, where, what to do, all of
/// it on standard error, and for machines as one line of JSON.
#[tokio::test]
async fn errors_say_what_where_and_what_to_do() {
    let city = City::settled(Rows::few()).await;
    let nowhere = Terminal::new(&city.path("nowhere"));
    let failed = failure(nowhere.run(&["catalog", "search"]).await);
    assert!(failed.contains("nowhere/fleet.json") && failed.contains("publicdata up"), "{failed}");

    let terminal = Terminal::new(city.fleet.data());
    let failed = failure(terminal.run(&["catalog", "search", "--as", "nobody"]).await);
    assert!(failed.contains("nobody") && failed.contains("--as"), "{failed}");

    let broken = city.path("broken.json");
    std::fs::write(&broken, "{ \"name\": \"x\", \"colour\": 1 }").unwrap();
    let file = broken.to_str().unwrap();
    let failed = failure(terminal.run(&["catalog", "draft", file]).await);
    assert!(failed.contains("broken.json") && failed.contains("colour"), "{failed}");

    let unknown = uuid::Uuid::new_v4().to_string();
    let arguments = ["grant", "show", &unknown, "--as", "health", "--output", "json"];
    let failed = failure(terminal.run(&arguments).await);
    let parsed: Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(parsed["reason"], "GRANT_UNKNOWN", "{failed}");
    assert_eq!(failed.trim().lines().count(), 1, "{failed}");
}

/// R12.1: a department writes an entry from the template, through a pipe. H1: a command that is repeated with its id is
/// answered as the first time, and done once. R26.1, R26.2: from application over approval to the data, by commands alone.
#[tokio::test]
async fn a_department_works_from_the_command_line() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());

    let template = terminal.text(&["catalog", "template"]).await;
    let command_id = uuid::Uuid::new_v4().to_string();
    let draft = ["catalog", "draft", "-", "--as", "civil-affairs", "--output", "json"];
    let draft = [&draft[..], &["--command-id", &command_id]].concat();
    let first = piped(&terminal, &draft, &template).await;
    let second = piped(&terminal, &draft, &template).await;
    assert_eq!(first, second, "a repeat is answered as the first time");
    let written: Value = serde_json::from_str(&first).unwrap();
    let entry = written["resourceId"].as_str().unwrap();
    terminal.text(&["catalog", "submit", entry, "--as", "civil-affairs"]).await;
    terminal.text(&["catalog", "publish", entry]).await;
    let found = until("the search finds the entry", async || {
        let found = terminal.json(&["catalog", "search", "名录", "--as", "health"]).await;
        (!found["resources"].as_array().unwrap().is_empty()).then_some(found)
    })
    .await;
    assert_eq!(found["resources"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["resources"][0]["id"], entry);

    let grant = applied_and_approved(&terminal, &city.resource).await;
    let csv = city.path("people.csv");
    let target = csv.to_str().unwrap();
    let fetch = fetch(&grant, target);
    let report = terminal.json(&fetch).await;
    assert_eq!(report["rows"], 50, "{report}");
    let rows: Vec<_> =
        csv::Reader::from_path(&csv).unwrap().records().map(Result::unwrap).collect();
    let expected: Vec<_> =
        city.source_rows().await.into_iter().filter(|row| row[1] == "510104").collect();
    let arrived: Vec<Vec<_>> = rows.iter().map(|row| row.iter().collect()).collect();
    let expected: Vec<Vec<_>> =
        expected.iter().map(|row| vec![row[0].as_str(), row[1].as_str()]).collect();
    assert_eq!(arrived, expected);

    let log = terminal.json(&["transfer", "list", "--as", "auditor"]).await;
    assert_eq!(log["transfers"][0]["status"], "TRANSFER_STATUS_COMPLETED", "{log}");
    terminal.text(&["grant", "revoke", &grant, "--reason", "完成", "--as", "civil-affairs"]).await;
    let failed = failure(terminal.run(&fetch).await);
    assert!(failed.contains("GRANT_REVOKED"), "{failed}");
}

/// R12.3, R15.1: the whole life of an entry by commands alone, as `catalog --help` leads through it.
#[tokio::test]
async fn an_entry_lives_by_commands_alone() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let help = terminal.text(&["catalog", "--help"]).await;
    for step in ["catalog template", "catalog submit", "catalog diff", "catalog withdraw"] {
        assert!(help.contains(step), "{step}: {help}");
    }
    let classes = terminal.text(&["catalog", "classes", "1"]).await;
    assert!(classes.contains("人口信息"), "{classes}");
    terminal.text(&["catalog", "name-class", "301", "民政"]).await;

    let provider = |arguments: &[&str]| -> Vec<String> {
        let all = [&["catalog"], arguments, &["--as", "civil-affairs"]].concat();
        all.into_iter().map(ToOwned::to_owned).collect()
    };
    let run = async |arguments: &[&str]| {
        let arguments = provider(arguments);
        terminal.text(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let mut entry: Value =
        serde_json::from_str(&terminal.text(&["catalog", "template"]).await).unwrap();
    let file = city.path("entry.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, entry.to_string()).unwrap();
    let drafted: Value =
        serde_json::from_str(&run(&["draft", path, "--output", "json"]).await).unwrap();
    let id = drafted["resourceId"].as_str().unwrap();
    run(&["submit", id]).await;
    terminal.text(&["catalog", "publish", id]).await;

    entry["useRequirements"] = "使用时注明来源。".into();
    std::fs::write(&file, entry.to_string()).unwrap();
    run(&["draft", path, "--id", id]).await;
    run(&["submit", id]).await;
    let diff = terminal.text(&["catalog", "diff", id]).await;
    assert!(diff.contains("use_requirements") && diff.contains("draft"), "{diff}");
    terminal.text(&["catalog", "publish", id]).await;
    let versions = run(&["versions", id]).await;
    assert_eq!(versions.lines().count(), 3, "a header and two versions: {versions}");

    let shown = terminal.json(&["catalog", "show", id]).await;
    let day = shown["resource"]["publishedOn"].as_str().unwrap();
    run(&["update", id, "--current-on", day, "--rows", "7"]).await;
    run(&["suspend", id, "--reason", "核查中"]).await;
    let held = run(&["show", id, "--valid-on", day]).await;
    assert!(held.contains("suspended") && held.contains("核查中"), "{held}");
    let failed = failure(terminal.run(&["catalog", "resume", id]).await);
    assert!(failed.contains("SUSPENDED_BY_PROVIDER"), "{failed}");
    run(&["resume", id]).await;
    run(&["withdraw", id, "--reason", "职能已划转"]).await;
    let history = terminal.text(&["catalog", "history", id, "--as", "health"]).await;
    for what in ["published", "version 2", "updated", "suspended", "resumed", "职能已划转"] {
        assert!(history.contains(what), "{what}: {history}");
    }
    let found = terminal.json(&["catalog", "search", "名录", "--as", "health"]).await;
    assert_eq!(found["resources"], serde_json::json!([]), "{found}");

    entry["name"] = "民政信息管理系统".into();
    entry["sharingCondition"] = "无".into();
    std::fs::write(&file, entry.to_string()).unwrap();
    let wrong = provider(&["draft", path, "--output", "json"]);
    let wrong: Vec<_> = wrong.iter().map(String::as_str).collect();
    let failed: Value = serde_json::from_str(&failure(terminal.run(&wrong).await)).unwrap();
    assert_eq!(failed["details"]["mistakes[0].field"], "name", "{failed}");
    assert_eq!(failed["details"]["mistakes[1].reason"], "FILLER", "{failed}");
}

/// R46.2: an auditor verifies the log, replays a story and has an event proven; the proof holds with the fleet gone, and a
/// changed one does not.
#[tokio::test]
async fn an_auditor_verifies_and_keeps_a_proof() {
    let city = City::settled(Rows::few()).await;
    let data = city.fleet.data().to_owned();
    let terminal = Terminal::new(&data);

    let report = terminal.json(&["audit", "verify", "--as", "auditor"]).await;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
    let subject = format!("ev.exchange.grant.{}", city.grant);
    let replay = ["audit", "replay", "--as", "auditor", "--subject", &subject, "--output", "json"];
    let told = terminal.text(&replay).await;
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 2, "applied and issued: {told:?}");
    let text = terminal.text(&["audit", "replay", "--as", "auditor", "--subject", &subject]).await;
    assert!(text.contains(PURPOSE), "{text}");

    let index = told[1]["index"].to_string();
    let proof = terminal.text(&["audit", "prove", "--as", "auditor", "--index", &index]).await;
    city.fleet.stop().await.unwrap();
    let path = data.join("proof.json");
    std::fs::write(&path, &proof).unwrap();
    let checked = terminal.json(&["audit", "check", path.to_str().unwrap()]).await;
    assert_eq!((&checked["subject"], &checked["index"]), (&subject.into(), &told[1]["index"]));

    let mut changed: Value = serde_json::from_str(&proof).unwrap();
    changed["index"] = 0.into();
    std::fs::write(&path, changed.to_string()).unwrap();
    let failed = failure(terminal.run(&["audit", "check", path.to_str().unwrap()]).await);
    assert!(failed.contains("does not hold"), "{failed}");
    let failed = failure(terminal.run(&["audit", "verify", "--as", "auditor"]).await);
    assert!(failed.contains("audit"), "the fleet is gone: {failed}");
}

/// R46.2: the story of a grant holds its transfers, that of an organisation what it did, and that of a case what was fetched for it;
/// also as a table, and for a period.
#[tokio::test]
async fn an_auditor_replays_what_concerns_one_thing() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    for case in ["民政-2026-7", "民政-2026-8"] {
        let file = city.path(&format!("{case}.csv"));
        let fetched = ["--purpose", PURPOSE, "--case", case, "--to", file.to_str().unwrap()];
        let fetch = ["fetch", "--grant", &city.grant, "--as", "health"];
        terminal.text(&[&fetch[..], &fetched].concat()).await;
    }
    let replay = async |rest: &[&str]| {
        let replay = ["audit", "replay", "--as", "auditor"];
        terminal.text(&[&replay[..], rest].concat()).await
    };
    let kinds = async |thing: &str| {
        let told = replay(&["--about", thing, "--output", "json"]).await;
        let told = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut kinds = BTreeMap::<String, usize>::new();
        for event in told.flat_map(|told| told["events"].as_array().unwrap().clone()) {
            let kind = event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    };

    let of_grant = kinds(&city.grant).await;
    for (kind, count) in [("GrantIssued", 1), ("TransferRequested", 2), ("TransferCompleted", 2)] {
        assert_eq!(of_grant.get(kind), Some(&count), "{kind}: {of_grant:?}");
    }
    assert!(!of_grant.contains_key("ResourcePublished"), "{of_grant:?}");
    let of_case = kinds("民政-2026-7").await;
    assert_eq!(of_case.get("TransferCompleted"), Some(&1), "{of_case:?}");
    assert!(!of_case.contains_key("GrantIssued"), "{of_case:?}");
    let of_resource = kinds(&city.resource).await;
    for kind in ["ResourcePublished", "GrantIssued", "TransferCompleted"] {
        assert!(of_resource.contains_key(kind), "{kind}: {of_resource:?}");
    }
    assert!(kinds(CONSUMER.code).await.contains_key("OrganisationRegistered"));
    assert_eq!(kinds("nobody").await, BTreeMap::new());

    let table = replay(&["--about", &city.grant, "--csv"]).await;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let types = reader.records().map(|record| record.unwrap()[8].to_owned());
    assert_eq!(types.count(), of_grant.values().sum::<usize>(), "{table}");
    // What named the thing before a period begins what belongs to it within.
    let now = city.fleet.clock().now().to_string();
    assert_eq!(replay(&["--about", &city.grant, "--from", &now]).await, "");
}

/// R46.2: an auditor writes the story of a grant into one file; with it and two public keys a stranger, who never met the fleet, is told
/// what happened, that it is in the log and who signed it, replays it, and is not fooled.
#[tokio::test]
async fn a_stranger_verifies_a_file_of_evidence() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let file = text(&city.path("fetched.csv"));
    let fetch =
        ["fetch", "--grant", &city.grant, "--as", "health", "--purpose", PURPOSE, "--to", &file];
    terminal.text(&fetch).await;
    terminal.json(&["audit", "verify", "--as", "auditor"]).await;

    let bundle = text(&city.path("evidence.zip"));
    let evidence = ["audit", "evidence", "--as", "auditor", "--to", &bundle];
    let about = ["--about", &city.grant, "--title", "一次交换"];
    let written = terminal.json(&[&evidence[..], &about].concat()).await;
    assert_eq!(written["events"], 4, "applied, issued, requested, completed: {written}");
    let (key, roots) = (text(&city.path("log.vkey")), text(&city.path("ca.pem")));
    std::fs::write(&key, city.fleet.verifier_key()).unwrap();
    std::fs::copy(city.fleet.data().join("credentials/auditor/ca.pem"), &roots).unwrap();
    let replayed = ["audit", "replay", "--as", "auditor", "--about", &city.grant];
    let replayed = terminal.text(&replayed).await;
    // Other places and forms to choose events.
    let other = text(&city.path("other.zip"));
    let evidence = ["audit", "evidence", "--as", "auditor", "--to", &other];
    for chosen in [&["--index", "0,2"][..], &["--stream", "EXCHANGE", "--sequence", "1,2"]] {
        let written = terminal.json(&[&evidence[..], chosen].concat()).await;
        assert_eq!(written["events"], 2, "{chosen:?}: {written}");
    }
    let none = terminal.run(&[&evidence[..], &["--about", "nobody"]].concat()).await;
    assert!(failure(none).contains("no event was chosen"));
    city.fleet.stop().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let stranger = Terminal::new(&folder.path().join("nowhere"));
    let report = text(&folder.path().join("report.html"));
    let verify = ["audit", "verify", &bundle, "--key", &key, "--roots", &roots];
    let verdict = stranger.json(&[&verify[..], &["--report", &report]].concat()).await;
    assert_eq!(verdict["faults"], serde_json::json!([]), "{verdict}");
    let signed: Vec<_> = verdict["signatures"].as_array().unwrap().clone();
    assert!(signed.iter().all(|signed| signed["accepted"] == true), "{verdict}");
    let signed: Vec<_> = signed.iter().map(|signed| signed["what"].as_str().unwrap()).collect();
    assert_eq!(signed, ["grant", "transfer request", "receipt", "receipt"]);
    assert!(std::fs::read_to_string(&report).unwrap().contains("<strong>一次交换</strong>"));
    let told = stranger.text(&["audit", "replay", "--bundle", &bundle, "--key", &key]).await;
    assert_eq!(told, replayed);
    let unchecked = stranger.text(&verify[..5]).await;
    assert!(unchecked.contains("name the root certificate with --roots"), "{unchecked}");

    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&bundle, bytes).unwrap();
    let refused = stranger.run(&verify).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("not a whole zip archive"), "{refused:?}");
    assert!(refused.stderr.contains("does not hold"), "{refused:?}");
    let refused = stranger.run(&["audit", "replay", "--bundle", &bundle, "--key", &key]).await;
    assert!(failure(refused).contains("not a whole zip archive"));
}

/// R46.2, R23.2: without certificate or account a stranger keeps a checkpoint, and later verifies the log against it over plain HTTP; a
/// witness that is required and has not cosigned is a finding. An auditor is told what is logged, and how it stands with witnesses.
#[tokio::test]
async fn a_stranger_verifies_the_log_over_http() {
    let city = City::settled(Rows::few()).await;
    let (terminal, stranger) =
        (Terminal::new(city.fleet.data()), Terminal::new(&city.path("nowhere")));
    let url = city.fleet.endpoints().audit_log.clone();
    let file = city.path("log.vkey");
    std::fs::write(&file, city.fleet.verifier_key()).unwrap();
    let key = file.to_str().unwrap();
    terminal.json(&["audit", "verify", "--as", "auditor"]).await;

    let kept = stranger.text(&["audit", "checkpoint", "--url", &url]).await;
    let file = city.path("kept.checkpoint");
    std::fs::write(&file, kept).unwrap();
    let verify = ["audit", "verify", "--url", &url, "--key", key, "--since"];
    let verify = [&verify[..], &[file.to_str().unwrap()]].concat();
    let report = stranger.json(&verify).await;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
    assert!(report["continues"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["entries"], report["size"], "{report}");

    let witness = "witness.test/w1+6e5439cb+BMDVQm2QGeyi3ekhv1RZrM/8qIgCyjF27nlO3H6+2a11";
    let ended = stranger.run(&[&verify[..], &["--witness", witness]].concat()).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("witness witness.test/w1 has not cosigned"), "{ended:?}");

    let coverage = terminal.json(&["audit", "coverage", "--as", "auditor"]).await;
    assert_eq!(coverage["streams"][0]["stream"], "CATALOG", "{coverage}");
    let witnesses = terminal.text(&["audit", "witnesses", "--as", "auditor"]).await;
    assert_eq!(witnesses.trim(), "the log has no witnesses");
}

/// H3: a reader that has seen enough (`| head -1`) ends a command without noise.
#[tokio::test]
async fn a_closed_pipe_is_quiet() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let mut child = Command::from(terminal.command(&["audit", "replay", "--as", "auditor"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1, child.stdout.take().unwrap());
    reader.read_line(&mut line).await.unwrap();
    drop(reader);
    let ended = child.wait_with_output().await.unwrap();

    assert!(line.contains("CATALOG"), "{line}");
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}

/// H4: Ctrl-C in the middle of a fetch leaves no file behind, not even a hidden one.
#[tokio::test]
async fn an_interrupted_fetch_leaves_no_file() {
    let city = City::ready(Rows::few()).await;
    let (data, results) = (city.path("elsewhere"), city.path("results"));
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    send_to(&city, &data, &mute.local_addr().unwrap().to_string());
    std::fs::create_dir_all(&results).unwrap();
    let target = results.join("people.parquet");

    let mut child = Terminal::new(&data)
        .command(&fetch(&city.grant, target.to_str().unwrap()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The files are begun before the node is called, which never answers.
    let (_call, _) = mute.accept().await.unwrap();
    assert_eq!(std::fs::read_dir(&results).unwrap().count(), 1);
    signal("INT", child.id());
    let status = until("the fetch ends", async || child.try_wait().unwrap()).await;

    assert_eq!(status.code(), Some(1));
    let left: Vec<_> = std::fs::read_dir(&results).unwrap().map(Result::unwrap).collect();
    assert!(left.is_empty(), "{left:?}");
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("interrupted"), "{errors}");
}

/// A folder like the city's, with the consumer's node at another address.
fn send_to(city: &City, data: &Path, address: &str) {
    let mut endpoints: Endpoints = city.fleet.endpoints().clone();
    let (node, _) = CONSUMER.node.unwrap();
    endpoints.nodes.insert(format!("{}/{node}", CONSUMER.code), address.to_owned());
    let health = Path::new(CREDENTIALS_FOLDER).join("health");
    std::fs::create_dir_all(data.join(&health)).unwrap();
    for file in std::fs::read_dir(city.fleet.data().join(&health)).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), data.join(&health).join(file.file_name())).unwrap();
    }
    endpoints.write(data).unwrap();
}

/// Applies for two fields, and approves half of the rows; the grant's id.
async fn applied_and_approved(terminal: &Terminal, resource: &str) -> String {
    let command_id = uuid::Uuid::new_v4().to_string();
    let apply = [
        &["grant", "apply", "--as", "health", "--command-id", &command_id][..],
        &["--resource", resource, "--purpose", PURPOSE, "--legal-basis", "某法第一条"],
        &["--fields", "code,areaCode", "--from", "2026-01-01", "--until", "2099-12-31"],
    ]
    .concat();
    let applied = terminal.json(&apply).await;
    assert_eq!(terminal.json(&apply).await, applied, "a repeat is answered as the first time");
    let grant = applied["grantId"].as_str().unwrap().to_owned();
    until("the bus shows the application", async || {
        let shown = terminal.run(&["grant", "show", &grant, "--as", "civil-affairs"]).await;
        (shown.code == Some(0)).then_some(())
    })
    .await;

    let approve = ["grant", "approve", &grant, "--filter", "areaCode = '510104'"];
    let refused = failure(terminal.run(&[&approve[..], &["--as", "health"]].concat()).await);
    assert!(!refused.is_empty(), "the consumer approves its own application");
    terminal.text(&[&approve[..], &["--as", "civil-affairs"]].concat()).await;
    grant
}

fn fetch<'a>(grant: &'a str, target: &'a str) -> Vec<&'a str> {
    let whose = ["fetch", "--as", "health", "--grant", grant];
    [&whose[..], &["--purpose", PURPOSE, "--to", target]].concat()
}

/// Runs a command that reads `input`, and has to succeed; what it prints.
async fn piped(terminal: &Terminal, arguments: &[&str], input: &str) -> String {
    let mut child = Command::from(terminal.command(arguments))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a failed command said; it says nothing on standard output.
#[track_caller]
fn failure(ended: Ended) -> String {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    ended.stderr
}
