//! Tickets, corrections and disputes from the command line alone.

use serde_json::Value;

use crate::fleet::{City, PURPOSE, Rows, until};
use crate::process::Terminal;

const COMMITTEE: &str = "125100004507182005";

/// R27.1, R27.2: a consumer reports what it fetched, all who use it see the mark, the provider corrects, and the correction
/// arrives by the next fetch. R28.1: what was rejected is disputed, advised on by the expert committee, and decided; the log
/// tells all of it.
#[tokio::test]
async fn doubts_are_settled_by_commands_alone() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let target = city.path("people.csv");
    let target = target.to_str().unwrap();
    let transfer = fetched(&terminal, &city.grant, target).await;

    let help = terminal.text(&["ticket", "--help"]).await;
    for what in ["article 27", "5 working days", "10 working days", "照常办理"] {
        assert!(help.contains(what), "{what}: {help}");
    }
    let raised = raise(&terminal, &transfer).await;
    let ticket = raised["ticketId"].as_str().unwrap();
    assert_eq!((&raised["late"], &raised["deadline"]["rule"]), (&true.into(), &"R27.1".into()));
    let disputed = ["ticket", "disputed", &city.resource, "--as", "health"];
    let marked = terminal.text(&disputed).await;
    assert!(marked.contains("wrong-value") && marked.contains("照常办理"), "{marked}");

    let correction =
        ["ticket", "answer", ticket, "--upheld", "已按登记更正", "--as", "civil-affairs"];
    assert_eq!(terminal.json(&correction).await["correctionsOwed"], 1);
    assert!(terminal.text(&disputed).await.contains("none"));
    let own = ["ticket", "corrections", "--role", "consumer", "--as", "health"];
    let owed = [&own[..], &["--status", "owed"]].concat();
    assert_eq!(terminal.json(&owed).await["corrections"][0]["ticketId"], ticket);
    fetched(&terminal, &city.grant, target).await;
    until("the correction has arrived", async || {
        let own = terminal.json(&own).await;
        (own["corrections"][0]["status"] == "CORRECTION_STATUS_DELIVERED").then_some(())
    })
    .await;

    let raised = raise(&terminal, &transfer).await;
    let ticket = raised["ticketId"].as_str().unwrap();
    let rejection =
        ["ticket", "answer", ticket, "--rejected", "与登记一致", "--as", "civil-affairs"];
    terminal.text(&rejection).await;
    let dispute = decided(&terminal, ticket, target).await;
    let shown = terminal.text(&["dispute", "show", &dispute, "--as", "civil-affairs"]).await;
    for step in ["statement", "referred", "opinion-asked", "opinion-given", "三日内更正", "sha256:"]
    {
        assert!(shown.contains(step), "{step}: {shown}");
    }
    let subject = format!("ev.exchange.dispute.{dispute}");
    let replay = ["audit", "replay", "--as", "auditor", "--subject", &subject];
    until("the log tells of the decision", async || {
        terminal.text(&replay).await.contains("dispute decided").then_some(())
    })
    .await;
}

/// Fetches, and waits until the log shows it; the transfer's id.
async fn fetched(terminal: &Terminal, grant: &str, target: &str) -> String {
    let fetch = ["fetch", "--as", "health", "--grant", grant, "--purpose", PURPOSE, "--to", target];
    let before = completed(terminal).await;
    terminal.text(&fetch).await;
    until("the transfer is logged as completed", async || {
        let after = completed(terminal).await;
        after.into_iter().find(|id| !before.contains(id))
    })
    .await
}

async fn completed(terminal: &Terminal) -> Vec<String> {
    let log = terminal.json(&["transfer", "list", "--as", "health"]).await;
    let done = |entry: &&Value| entry["status"] == "TRANSFER_STATUS_COMPLETED";
    let entries = log["transfers"].as_array().unwrap().iter().filter(done);
    entries.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

async fn raise(terminal: &Terminal, transfer: &str) -> Value {
    let raise = [
        &["ticket", "raise", "--as", "health", "--transfer", transfer, "--kind", "wrong-value"][..],
        &["--items", "name", "--found-on", "2026-01-05", "--description", "名称与登记不符"],
        &["--record", "0123456789abcdef0123456789abcdef"],
    ]
    .concat();
    terminal.json(&raise).await
}

/// Takes a rejected ticket through a dispute to its decision, with this file as the expert opinion; the dispute's id.
async fn decided(terminal: &Terminal, ticket: &str, document: &str) -> String {
    let register = [
        &[
            "organisation",
            "register",
            "--code",
            COMMITTEE,
            "--name",
            "成都市公共数据专家咨询委员会",
        ][..],
        &["--region", "510100", "--role", "expert-committee"],
    ]
    .concat();
    terminal.text(&register).await;
    let issue = ["organisation", "issue", "--organisation", COMMITTEE, "--account", "expert-01"];
    let issued = terminal.text(&issue).await;
    let committee = issued.lines().find_map(|line| line.strip_prefix("credentials in")).unwrap();
    let committee = committee.trim();

    let raise = [
        &["dispute", "raise", "--as", "health", "--about", "ticket", "--matter", ticket][..],
        &["--statement", "请求重新核查"],
    ]
    .concat();
    let raised = terminal.json(&raise).await;
    let id = raised["disputeId"].as_str().unwrap().to_owned();
    for step in [
        &["dispute", "state", &id, "--statement", "登记簿另有记载", "--as", "civil-affairs"][..],
        &["dispute", "refer", &id, "--reason", "协商未果", "--as", "health"],
        &["dispute", "ask-opinion", &id, "--question", "以哪份登记为准"],
        &[
            "dispute",
            "give-opinion",
            &id,
            "--opinion",
            "以登记簿为准",
            "--document",
            document,
            "--as",
            committee,
        ],
        &[
            "dispute",
            "decide",
            &id,
            "--for",
            "consumer",
            "--decision",
            "三日内更正",
            "--reason",
            "第二十八条",
        ],
    ] {
        terminal.text(step).await;
    }
    id
}
