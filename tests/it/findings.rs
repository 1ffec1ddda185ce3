//! Findings from the command line alone.

use serde_json::Value;

use crate::fleet::{City, Rows, until};
use crate::process::Terminal;

const RULES: &str = r#"
[[rule]]
name = "network-without-agreement"
clause = 6
article = "第九条"
title = "未经同意建网"
organisation = "event.organisation_code"
[rule.raise]
on = ["catalog.v1.NetworkBuilt"]
when = "event.basis != 'NETWORK_BASIS_AGREED'"
[[rule.clear]]
on = ["catalog.v1.NetworkMerged"]
"#;

async fn found(terminal: &Terminal, filter: &[&str]) -> Value {
    let list = [&["audit", "finding", "list"], filter].concat();
    until("the finding", async || {
        let found = terminal.json(&list).await["findings"].clone();
        let is_there = found.as_array().is_some_and(|found| !found.is_empty());
        is_there.then(|| found[0].clone())
    })
    .await
}

/// R9.1, R46.1: a network that was built without an opinion is found, ordered to be set right, reported, cleared by the event that shows it,
/// accepted; its story is told, and other rules are tried on what happened. R45.1: refusals in a row are unusual use.
#[tokio::test]
async fn findings_are_followed_by_commands_alone() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let help = terminal.text(&["audit", "finding", "--help"]).await;
    for what in ["article 46", "责令限期整改", "提请有关部门处理"] {
        assert!(help.contains(what), "{what}: {help}");
    }

    let built = [
        ["register", "network", "built", "--as", "civil-affairs"],
        ["--name", "民政专网", "--purpose", "业务", "--legal-basis"],
        ["无", "--scope", "二十三个区县", "--output", "json"],
    ]
    .concat();
    let built: Value = serde_json::from_str(&terminal.text(&built).await).unwrap();
    let network = built["networkId"].as_str().unwrap();
    let finding = found(&terminal, &["--clause", "6"]).await;
    let id = finding["id"].as_str().unwrap();
    assert_eq!(finding["raised"]["thing"], format!("ev.catalog.network.{network}"));

    let own = ["--as", "civil-affairs"];
    let run = async |arguments: &[&str]| {
        let arguments = [&["audit", "finding"], arguments].concat();
        terminal.text(&arguments).await
    };
    run(&["order", id, "--demand", "并入电子政务网络", "--due-on", "2099-01-01"]).await;
    terminal.text(&["register", "network", "merged", network, "--as", "civil-affairs"]).await;
    until("it to be cleared", async || {
        run(&[&["show", id], &own[..]].concat()).await.contains("ordered, cleared").then_some(())
    })
    .await;
    run(&[&["report", id, "--statement", "已并入"], &own[..]].concat()).await;
    run(&["accept", id, "--reason", "现场核查属实"]).await;
    let shown = run(&[&["show", id], &own[..]].concat()).await;
    assert!(shown.contains("accepted, cleared"), "{shown}");
    for what in
        ["(6)", "第九条", "network-without-opinion", "CATALOG:", "AUDIT:", "并入电子政务网络"]
    {
        assert!(shown.contains(what), "{what}: {shown}");
    }
    until("the log to tell of it", async || {
        let told = terminal.text(&["audit", "replay", "--as", "auditor", "--about", id]).await;
        let steps = ["finding raised", "rectification ordered", "rectification accepted"];
        steps.iter().all(|step| told.contains(step)).then_some(())
    })
    .await;

    evidence_is_verified_elsewhere(&city, &terminal, id).await;
    rules_are_tried(&city, &terminal).await;
    unusual_use_is_found(&city, &terminal).await;
}

/// R46.2: the finding in one file, with what shows it and what was done about it, for whoever never met the fleet.
async fn evidence_is_verified_elsewhere(city: &City, terminal: &Terminal, id: &str) {
    let file = city.path("evidence.zip");
    let file = file.to_str().unwrap();
    let gather = ["audit", "evidence", "--as", "auditor", "--finding", id, "--to", file];
    let gathered = terminal.json(&gather).await;
    // The network's event, and the finding's raising, order, clearing, report and acceptance.
    assert_eq!(gathered["events"], 6, "{gathered}");
    let elsewhere = tempfile::tempdir().unwrap();
    let key = city.fleet.data().join("audit-log/log.vkey");
    let verify = ["audit", "verify", file, "--key", key.to_str().unwrap()];
    let verdict = Terminal::new(elsewhere.path()).text(&verify).await;
    assert!(verdict.contains("rectification accepted"), "{verdict}");
}

async fn rules_are_tried(city: &City, terminal: &Terminal) {
    let file = city.path("rules.toml");
    std::fs::write(&file, RULES).unwrap();
    let path = file.to_str().unwrap();
    let tried = terminal.json(&["audit", "rules", "try", path, "--alone", "--as", "auditor"]).await;
    assert_eq!(tried["found"][0]["rule"], "network-without-agreement", "{tried}");
    assert!(tried["found"][0]["clearedOn"].is_string(), "{tried}");
    let listed = terminal.text(&["audit", "rules", "list"]).await;
    assert!(!listed.contains("network-without-agreement"), "{listed}");
    let rule = terminal.text(&["audit", "rules", "show", "application-overdue"]).await;
    assert!(rule.contains("exchange.v1.ApplicationOverdue"), "{rule}");

    std::fs::write(&file, RULES.replace("event.basis !=", "event.basis =")).unwrap();
    let failed = terminal.run(&["audit", "rules", "try", path, "--as", "auditor"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("`network-without-agreement`: `when`"), "{failed:?}");
}

async fn unusual_use_is_found(city: &City, terminal: &Terminal) {
    let target = city.path("other.csv");
    let target = target.to_str().unwrap();
    let fetch = ["fetch", "--as", "health", "--grant", &city.grant];
    let fetch = [&fetch[..], &["--purpose", "别的用途", "--to", target]].concat();
    for _ in 0..5 {
        let refused = terminal.run(&fetch).await;
        assert!(refused.stderr.contains("PURPOSE_DIFFERS"), "{refused:?}");
    }
    let alert = found(terminal, &["--kind", "unusual-use"]).await;
    assert_eq!(alert["raised"]["rule"], "refused-repeatedly", "{alert}");
    let breach = found(terminal, &["--clause", "10"]).await;
    assert_eq!(breach["raised"]["rule"], "used-outside-purpose", "{breach}");
}
