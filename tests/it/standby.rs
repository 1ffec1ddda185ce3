//! A standby of the event store, as an operator looks after it.

use std::sync::Arc;

use publicdata_event_store::server::{ServerOptions, free_ports};
use publicdata_event_store::testing::nats_with;
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_types::CommandId;
use serde_json::Value;

use crate::fleet::until;
use crate::process::Terminal;

/// R11.1, H1: an operator makes a standby, sees how far it is behind, and promotes it when the original is lost; writing goes on with the
/// next sequence. Nothing is promoted by mistake.
#[tokio::test]
async fn an_operator_promotes_a_standby() {
    let port = free_ports("127.0.0.1", 1).unwrap()[0];
    let (domain, leaf_port) = (Some("city".to_owned()), Some(port));
    let mut main = nats_with(|options| ServerOptions { domain, leaf_port, ..options }).await;
    let (domain, leaf_of) = (Some("standby".to_owned()), main.server.leaf_address());
    let standby = nats_with(|options| ServerOptions { domain, leaf_of, ..options }).await;
    let streams = ["CATALOG", "EXCHANGE", "OPENDATA", "AUDIT", "RECOVERY"];
    let store = main.store(&streams).await;
    let subject = Subject::new("catalog", "organisation", "11310000MB2F30284X").unwrap();
    for last in 0..5 {
        append(&store, &subject, last).await;
    }

    let (folder, url) = (tempfile::tempdir().unwrap(), standby.server.url());
    let terminal = Terminal::new(folder.path());
    let mirror = ["standby", "mirror", "--server", &url, "--of", "city"];
    let status = ["standby", "status", "--server", &url];
    let promote = ["standby", "promote", "--server", &url, "--original-is-lost", "--of"];
    terminal.json(&mirror).await;
    let caught_up = until("the mirror has caught up", async || {
        let told = terminal.json(&status).await;
        (told[0]["last_sequence"] == 5 && told[0]["lag"] == 0).then_some(told)
    })
    .await;
    assert_eq!(caught_up.as_array().unwrap().len(), streams.len());
    assert_eq!(caught_up[0]["mirror_of"], "city");
    assert!(terminal.text(&status).await.contains("mirrors city, 0 behind"));

    let unsaid = terminal.run(&["standby", "promote", "--server", &url, "--of", "city"]).await;
    assert!(unsaid.code == Some(1) && unsaid.stderr.contains("--original-is-lost"), "{unsaid:?}");
    let other = terminal.run(&[&promote[..], &["elsewhere"]].concat()).await;
    assert!(
        other.stderr.contains("CATALOG mirrors city, not elsewhere; nothing was promoted"),
        "{other:?}"
    );
    main.server.kill9().await;
    for _ in 0..2 {
        let promoted = terminal.json(&[&promote[..], &["city"]].concat()).await;
        assert_eq!(promoted[0]["last_sequence"], 5);
        assert_eq!(promoted[0]["mirror_of"], Value::Null);
    }

    let copy: Store = Arc::new(standby.connect("catalog").await);
    assert_eq!(append(&copy, &subject, 5).await, 6);
}

async fn append(store: &Store, subject: &Subject, last: u64) -> u64 {
    let commit = NewCommit {
        command_id: CommandId::from_uuid(uuid::Uuid::new_v4()),
        actor: "spiffe://test.internal/service/catalog".to_owned(),
        occurred_at: "2026-01-04T09:00:00+08:00".parse().unwrap(),
        traceparent: None,
        events: Vec::new(),
    };
    store.append(subject, last, commit).await.unwrap().sequence
}
