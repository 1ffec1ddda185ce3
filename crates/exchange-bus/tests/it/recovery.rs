//! What a stop or crash of the bus, or of what it stands on, leaves behind.

use publicdata_exchange_bus::Config;
use publicdata_proto::exchange::v1::TransferStatus;
use tonic::Code;

use crate::fleet::{Fleet, Who};
use crate::nodes::{assert_refused, next, read, receipt_in};
use crate::transfers::again;

/// H4: a bus that is stopped ends its transfers, and they are resumed at the next one.
#[tokio::test]
async fn a_stopped_bus_interrupts_its_transfers_and_they_are_resumed() {
    let mut fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let mut answer = consumer.fetch(&request).await.unwrap();
    let delivery = node.begin_when_asked().await;
    delivery.frame(0).await;
    next(&mut answer).await;

    fleet.restart_bus().await;

    let (_, ended) = read(answer).await;
    assert_refused(ended, Code::Unavailable, "BUS_STOPPING");
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "BUS_STOPPING").await;

    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let answer = consumer.fetch(&again(&consumer, &request, 1)).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 3), read(answer));
    delivered.unwrap();
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
    fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
}

/// H4: what a crashed bus left running is recorded as interrupted by the next one, once.
#[tokio::test]
async fn a_crashed_bus_leaves_nothing_running() {
    let mut fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let _answer = consumer.fetch(&request).await.unwrap();
    let _serve = node.asked().await;

    // Two successors that know nothing of the first bus and of each other.
    let crashed = std::mem::replace(&mut fleet.bus.tasks, publicdata_service_kit::Tasks::new());
    fleet.start_bus().await;
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "BUS_RESTARTED").await;
    fleet.start_bus().await;
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "BUS_RESTARTED").await;

    let events = fleet.events("transfer", &request.transfer_id).await;
    assert_eq!(events, ["TransferRequested", "TransferInterrupted"]);
    drop(crashed);
}

/// H4: a delivery whose receipt never comes does not count as running forever.
#[tokio::test]
async fn a_receipt_that_never_comes_interrupts_the_transfer() {
    let fleet = Fleet::start_with(|config| Config { transfer_idle_ms: 300, ..config }).await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let answer = consumer.fetch(&request).await.unwrap();
    let serve = node.asked().await;
    let (_, (parts, _)) = tokio::join!(node.deliver(&serve, 2), read(answer));

    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "RECEIPT_MISSING").await;
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
    fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
}

/// H4: nats-server is killed and comes back; what was acknowledged is still there, and work goes on.
#[tokio::test]
async fn the_event_store_may_be_killed() {
    let mut fleet = Fleet::start().await;
    let terms = fleet.granted().await;

    fleet.nats.server.kill9().await;
    fleet.nats.server.restart().await.unwrap();

    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let answer = consumer.fetch(&request).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
    fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
}
