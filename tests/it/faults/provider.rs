//! The provider's node: killed in the middle of a transfer, not there, or with another source than before.

use std::pin::pin;

use futures::TryStreamExt as _;
use prost::Message as _;
use publicdata::commands::fetch;
use publicdata_proto::audit::v1::ReadEventsRequest;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::{Receipt, Transfer, TransferCompleted, TransferStatus};
use publicdata_transfer::receipt;
use tokio::sync::Notify;

use crate::fleet::{City, Refused, Rows, until};

/// The city's only transfer, once the log says that it lost the provider's node.
async fn interrupted(city: &City) -> Transfer {
    until("the log says interrupted", async || {
        let log = city.transfers().await;
        log.into_iter().find(|transfer| transfer.reason == "PROVIDER_NODE_LOST")
    })
    .await
}

/// The receipt of a completed transfer, once both nodes' signatures over its bytes are verified: they counted the same rows
/// and computed the same digest.
async fn receipt(city: &City, transfer: &str) -> Receipt {
    let auditor = city.auditor();
    let subject_prefix = format!("ev.exchange.transfer.{transfer}");
    let request = ReadEventsRequest { subject_prefix, ..Default::default() };
    let events = auditor.audit().unwrap().read_events(request).await.unwrap().into_inner();
    let events: Vec<_> = events.try_collect().await.unwrap();
    let commit = Commit::decode(events.last().unwrap().payload.as_slice()).unwrap();
    let completed: TransferCompleted = commit.events[0].to_msg().unwrap();

    let TransferCompleted { receipt, provider_signature, consumer_signature, .. } = completed;
    let signed = SignedMessage { message: receipt, signature: provider_signature };
    let (roots, now) = (auditor.credentials.roots(), city.fleet.clock().now());
    receipt::verify(roots, &signed, consumer_signature.as_ref(), now).unwrap()
}

/// H4, R23.2, R30.1: the consumer's Flight client is unaware; rows come once each and in order, and both nodes sign for what
/// came.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_node_killed_in_mid_transfer_goes_on_where_it_was() {
    let city = City::settled(Rows::many()).await;
    let node = city.provider_process().await;
    let source = city.source_rows().await;

    let mut reader = city.paused().await;
    node.kill9();
    let transfer = interrupted(&city).await;
    assert!(reader.rows.len() < source.len() / 2, "{} rows were there already", reader.rows.len());
    let _node = city.provider_process().await;
    while reader.next().await.unwrap() {}

    assert!(reader.rows == source, "{} of {} rows", reader.rows.len(), source.len());
    let events = city.transfer_events(&transfer.id).await;
    let expected =
        ["TransferRequested", "TransferInterrupted", "TransferResumed", "TransferCompleted"];
    assert_eq!(events, expected);
    let receipt = receipt(&city, &transfer.id).await;
    assert_eq!(receipt.rows, source.len() as u64);
    assert_eq!(receipt.sha256, city.transfers().await[0].sha256);
    city.audited().await;
}

/// H4: however often the node dies, a row comes once.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_node_may_be_killed_twice_in_one_transfer() {
    let city = City::settled(Rows::many()).await;
    let mut node = city.provider_process().await;
    let source = city.source_rows().await;

    let mut reader = city.paused().await;
    for kills in 1..=2 {
        node.kill9();
        until("the log says interrupted once more", async || {
            let transfer = city.transfers().await.pop()?;
            let events = city.transfer_events(&transfer.id).await;
            let interruptions =
                events.iter().filter(|event| event.as_str() == "TransferInterrupted").count();
            (interruptions == kills).then_some(())
        })
        .await;
        node = city.provider_process().await;
        let (rows, quarter) = (reader.rows.len(), source.len() / 4);
        while reader.rows.len() < rows + quarter {
            assert!(reader.next().await.unwrap());
        }
    }

    assert!(reader.rest().await.unwrap() == source);
}

/// H4: rows of two states of the source are never mixed; the consumer is told, and finds no half of a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_meanwhile_is_told_and_leaves_no_file() {
    let city = City::settled(Rows::many()).await;
    let node = city.provider_process().await;
    let folder = city.path("arrived");
    std::fs::create_dir(&folder).unwrap();

    let wanted = city.wanted(vec![folder.join("people.csv"), folder.join("people.parquet")]);
    let (consumer, begun) = (city.consumer(), Notify::new());
    let mut fetching = pin!(fetch::fetch(&consumer, wanted, |_| begun.notify_one()));
    tokio::select! {
        _ = &mut fetching => panic!("it ended at once"),
        // From here on nobody reads, until it is awaited again.
        () = begun.notified() => {}
    }
    node.kill9();
    let transfer = interrupted(&city).await;
    city.change_source("UPDATE people SET note = 'another' WHERE code = 'r0000001'").await;
    let _node = city.provider_process().await;
    let refused = Refused::new(fetching.await.unwrap_err());

    assert_eq!(refused.reason, "SOURCE_CHANGED", "{}", refused.message);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let log = until("the log tells of the change", async || {
        let log = city.transfers().await;
        (log.first()?.reason == "SOURCE_CHANGED").then_some(log)
    })
    .await;
    assert_eq!((log.len(), &log[0].id), (1, &transfer.id));
    let anew = city.fetch().await.unwrap().rest().await.unwrap();
    assert!(anew == city.source_rows().await);
}

/// R23.2, H3: the attempt is logged, and the same fetch succeeds once the node is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_connected_is_told_and_logged() {
    let mut city = City::settled(Rows::few()).await;

    let refused = city.fetch().await.map(drop).unwrap_err();
    city.start_provider().await;
    let rows = city.fetch().await.unwrap().rest().await.unwrap();

    assert_eq!(refused.reason, "NODE_NOT_CONNECTED", "{}", refused.message);
    assert_eq!(rows, city.source_rows().await);
    let log = until("both attempts are logged", async || {
        let log = city.transfers().await;
        (log.first()?.status() == TransferStatus::Completed).then_some(log)
    })
    .await;
    assert_eq!(log.len(), 2);
    assert_eq!(log[1].status(), TransferStatus::Interrupted);
    assert_eq!(log[1].reason, "NODE_NOT_CONNECTED");
}
