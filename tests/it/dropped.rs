//! A platform whose exchange stream has dropped what it had kept for five years: everything goes on, from archives (R23.2).

use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use publicdata_event_store::jetstream::{Droppable, JetStreamStore, Options, StreamOptions};
use publicdata_event_store::restore::Restoring;
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_event_store::{EventStore as _, Recorded};
use serde_json::Value;

use crate::fleet::{City, Rows, until};
use crate::process::Terminal;

const STREAM: &str = "EXCHANGE";
const SEVEN_YEARS: SignedDuration = SignedDuration::from_hours(7 * 366 * 24);
const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The stopped fleet's event store, for whoever operates it: without certificates, it may do everything.
async fn operated<T>(data: &Path, work: impl AsyncFnOnce(Arc<JetStreamStore>) -> T) -> T {
    let mut server = NatsServer::start(ServerOptions::new(data.join("nats"))).await.unwrap();
    let store = JetStreamStore::connect(Options::new(server.url(), "operator")).await.unwrap();
    let done = work(Arc::new(store)).await;
    server.stop().await;
    done
}

/// Makes the stream's events seven years older, as the store received them, the last one a month younger; the audit log is written anew,
/// with the same key. Answers how many there are.
async fn make_old(data: &Path) -> u64 {
    let events: Vec<Recorded> = operated(data, async |store| {
        store.read(STREAM, 1, None).await.unwrap().try_collect().await.unwrap()
    })
    .await;
    let (nats, last) = (data.join("nats"), events.len() as u64);
    std::fs::remove_dir_all(nats.join("streams/jetstream/$G/streams").join(STREAM)).unwrap();
    let mut restoring = Restoring::begin(&nats, StreamOptions::new(STREAM, 1)).unwrap();
    for mut event in events {
        let younger = if event.sequence == last { MONTH } else { SignedDuration::ZERO };
        event.recorded_at = event.recorded_at - SEVEN_YEARS + younger;
        restoring.push(&event).unwrap();
    }
    restoring.finish().unwrap();
    forget(data, "audit");
    last
}

/// Removes a service's database: its views are built anew.
fn forget(data: &Path, service: &str) {
    for extension in ["sqlite", "sqlite-wal", "sqlite-shm"] {
        let _ = std::fs::remove_file(data.join(service).with_extension(extension));
    }
}

/// What a person can see of the exchange.
async fn seen(terminal: &Terminal) -> Vec<Value> {
    let mut seen = Vec::new();
    for list in
        [&["grant", "list"][..], &["transfer", "list", "--as", "auditor"], &["catalog", "search"]]
    {
        seen.push(terminal.json(list).await);
    }
    seen
}

/// R23.2, H1, H2: what was kept for five years is archived, released by the authority and dropped by the operator. Then services that have
/// lost their views build the same ones, a grant whose every event has left the stream is still fetched by and cannot be given twice, the
/// log is verified and told as before, and so is a backup of all of it. The platform itself can drop nothing.
#[tokio::test]
async fn the_platform_goes_on_when_events_have_left_their_stream() {
    let city = City::ready(Rows::few()).await;
    city.fetch().await.unwrap().rest().await.unwrap();
    let data = city.fleet.data().to_owned();
    let terminal = Terminal::new(&data);
    let before = until("the transfer is listed", async || {
        let seen = seen(&terminal).await;
        (seen[1]["transfers"][0]["status"] == "TRANSFER_STATUS_COMPLETED").then_some(seen)
    })
    .await;

    let mut last = 0;
    let city = city.while_stopped(async || last = make_old(&data).await).await;
    city.audited().await;
    let release = ["audit", "archive", "release", STREAM];
    until("the stream is archived", async || {
        let create = ["audit", "archive", "create", "--as", "auditor", "--stream", STREAM];
        terminal.run(&create).await;
        let released = terminal.json(&release).await;
        (released["lastSequence"] == last).then_some(())
    })
    .await;
    let events = city.fleet.endpoints().event_store.clone();
    let credentials = data.join("credentials/exchange-bus");
    let drop = ["audit", "archive", "drop", STREAM, "--as", "auditor", "--server", &events];
    let drop = [&drop[..], &["--credentials", credentials.to_str().unwrap()]].concat();
    until("the release is in the log", async || {
        let refused = terminal.run(&drop).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        refused.stderr.contains("wait for an hour").then_some(())
    })
    .await;

    let mut city = city
        .while_stopped(async || {
            let first = operated(&data, async |store| {
                let mut left = store.read(STREAM, last, None).await.unwrap();
                let last = left.try_next().await.unwrap().unwrap();
                let what = Droppable { last, not_before: Timestamp::MIN };
                store.drop_released(&what).await.unwrap()
            });
            assert_eq!(first.await, last);
            forget(&data, "exchange-bus");
            forget(&data, "catalog");
        })
        .await;
    city.start_provider().await;

    until("the views are built again", async || (seen(&terminal).await == before).then_some(()))
        .await;
    let rows = city.fetch().await.unwrap().rest().await.unwrap();
    assert_eq!(rows.len(), city.source_rows().await.len());
    until("the second transfer is listed", async || {
        (city.transfers().await.len() == 2).then_some(())
    })
    .await;
    city.audited().await;
    let told = city.told(&format!("ev.exchange.grant.{}", city.grant)).await;
    assert!(told.len() >= 2, "{told:?}");
    let verify = ["audit", "archive", "verify", "--as", "auditor", "--stream", STREAM];
    terminal.text(&verify).await;
    for service in ["catalog", "exchange-bus"] {
        terminal.text(&["audit", "compare", "--as", "auditor", "--service", service]).await;
    }

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = terminal.json(&["backup", "key", &path("identity")]).await;
    let recipient = made["recipient"].as_str().unwrap();
    terminal.text(&["backup", "create", "--to", &path("backup"), "--recipient", recipient]).await;
    let drill = ["drill", "--from", &path("backup"), "--identity", &path("identity")];
    let drilled = terminal.json(&drill).await;
    assert_eq!(drilled["findings"], serde_json::json!([]), "{drilled}");
    city.fleet.stop().await.unwrap();
}
