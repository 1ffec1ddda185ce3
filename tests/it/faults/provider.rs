//! The provider's node: killed in the middle of a transfer, not there, or with another source than before.

use crate::fleet::{City, Reader, Rows, until};

/// Begins a fetch and stops reading: the transfer is in its middle, however long that is looked at.
async fn paused(city: &City) -> Reader {
    let mut reader = city.fetch().await.unwrap();
    assert!(reader.next().await.unwrap());
    reader
}

/// H4, R23.2, R30.1: the consumer's Flight client is unaware; rows come once each and in order, and both nodes sign the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_node_killed_in_mid_transfer_goes_on_where_it_was() {
    let city = City::settled(Rows::many()).await;
    let node = city.provider_process().await;
    let source = city.source_rows().await;

    let mut reader = paused(&city).await;
    node.kill9();
    let transfer = until("the log says interrupted", async || {
        let log = city.transfers().await;
        log.into_iter().find(|transfer| transfer.reason == "NODE_LOST")
    })
    .await;
    assert!(reader.rows.len() < source.len() / 2, "{} rows were there already", reader.rows.len());
    let _node = city.provider_process().await;
    while reader.next().await.unwrap() {}

    assert!(reader.rows == source, "{} of {} rows", reader.rows.len(), source.len());
    let events = city.transfer_events(&transfer.id).await;
    assert_eq!(events.first().unwrap(), "TransferRequested");
    assert_eq!(events.last().unwrap(), "TransferCompleted");
}
