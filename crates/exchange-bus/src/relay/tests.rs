use std::time::Duration;

use futures::{StreamExt as _, stream};
use publicdata_identity::TrustDomain;
use publicdata_proto::exchange::v1::{
    DeliverRequest, DeliveryTrailer, FetchResponse, Frame, OpenLinkRequest, OpenLinkResponse,
    ServeTransfer, deliver_request, fetch_response,
};
use publicdata_types::ResourceId;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;

const PROVIDER: &str = "91350100M000100Y43";

fn relay() -> Relay {
    Relay::new(Limits { idle: Duration::from_secs(60), ping: Duration::from_secs(15) })
}

fn node(name: &str) -> SpiffeId {
    let domain: TrustDomain = "test.internal".parse().unwrap();
    SpiffeId::node(&domain, PROVIDER.parse().unwrap(), name).unwrap()
}

fn resource() -> ResourceId {
    ResourceId::from_uuid(Uuid::from_u128(7))
}

fn transfer(number: u128) -> TransferId {
    TransferId::from_uuid(Uuid::from_u128(number))
}

fn grant() -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(5))
}

fn connect(relay: &Relay, name: &str) -> Link {
    let hello = NodeHello {
        version: "1".to_owned(),
        resource_ids: vec![resource().to_string()],
        ..NodeHello::default()
    };
    relay.connect(node(name), hello, Timestamp::UNIX_EPOCH)
}

async fn serve(relay: &Relay, id: TransferId) -> Conductor {
    let reservation = relay.reserve(id, grant()).await;
    reservation
        .serve(PROVIDER.parse().unwrap(), resource(), None, ServeTransfer::default())
        .unwrap()
}

fn frame(index: u64) -> deliver_request::Part {
    deliver_request::Part::Frame(Frame { index, sealed: vec![0; 100].into() })
}

fn parts(parts: Vec<deliver_request::Part>) -> Parts {
    stream::iter(parts).map(|part| Ok(DeliverRequest { part: Some(part) })).boxed()
}

fn header(id: TransferId) -> DeliveryHeader {
    DeliveryHeader { transfer_id: id.to_string(), ..DeliveryHeader::default() }
}

fn trailer() -> deliver_request::Part {
    deliver_request::Part::Trailer(DeliveryTrailer::default())
}

/// Delivers, fetches, and says how both ended.
async fn deliver(
    relay: &Relay,
    id: TransferId,
    given: Parts,
) -> (Ending, Result<(), Status>, Vec<FetchResponse>) {
    let conductor = serve(relay, id).await;
    let (outlet, inlet) = outlet::pair();
    let conduct = async move { conductor.run(0, &outlet).await.0 };
    let reading = inlet.map(Result::unwrap).collect();
    let provider = node("p");
    let delivering = relay.deliver(&provider, header(id), given);
    let (ending, delivered, read) = tokio::join!(conduct, delivering, reading);
    (ending, delivered.unwrap(), read)
}

#[tokio::test]
async fn everything_is_passed_on_in_order() {
    let relay = relay();
    let _link = connect(&relay, "p");

    let given = parts((0..20).map(frame).chain([trailer()]).collect());
    let (ending, delivered, read) = deliver(&relay, transfer(1), given).await;

    assert_eq!(ending, Ending::Delivered);
    assert!(delivered.is_ok());
    assert_eq!(read.len(), 22);
    assert!(matches!(read[21].part, Some(fetch_response::Part::Trailer(_))));
}

#[tokio::test]
async fn frames_out_of_order_end_the_transfer() {
    let relay = relay();
    let _link = connect(&relay, "p");

    let (ending, delivered, _) =
        deliver(&relay, transfer(1), parts(vec![frame(0), frame(2), trailer()])).await;

    assert_eq!(ending, Ending::ProviderViolated("a frame out of order"));
    assert_eq!(delivered.unwrap_err().code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn a_delivery_that_ends_early_is_a_lost_node() {
    let relay = relay();
    let _link = connect(&relay, "p");

    let (ending, _, read) = deliver(&relay, transfer(1), parts(vec![frame(0)])).await;

    assert_eq!(ending, Ending::ProviderLost);
    assert_eq!(read.len(), 2);
}

#[tokio::test]
async fn a_node_that_was_not_asked_cannot_deliver() {
    let relay = relay();
    let _link = connect(&relay, "p");
    let _conductor = serve(&relay, transfer(1)).await;

    let stranger = relay.deliver(&node("other"), header(transfer(1)), parts(vec![])).await;
    let unknown = relay.deliver(&node("p"), header(transfer(2)), parts(vec![])).await;

    assert_eq!(stranger.unwrap_err(), NotAsked);
    assert_eq!(unknown.unwrap_err(), NotAsked);
}

#[tokio::test]
async fn only_a_node_that_serves_the_resource_is_asked() {
    let relay = relay();
    let _elsewhere = relay.connect(node("q"), NodeHello::default(), Timestamp::UNIX_EPOCH);

    let reservation = relay.reserve(transfer(1), grant()).await;
    let served =
        reservation.serve(PROVIDER.parse().unwrap(), resource(), None, ServeTransfer::default());

    assert_eq!(served.unwrap_err().1, NotConnected);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_does_not_read_holds_up_its_own_transfer_alone() {
    let relay = relay();
    let _link = connect(&relay, "p");
    let stalled = serve(&relay, transfer(1)).await;
    let (outlet, inlet) = outlet::pair();
    let provider = node("p");
    let endless = stream::iter(0..).map(|index| Ok(DeliverRequest { part: Some(frame(index)) }));

    let stall = async {
        let conduct = stalled.run(0, &outlet);
        let delivering = relay.deliver(&provider, header(transfer(1)), endless.boxed());
        tokio::join!(conduct, delivering)
    };
    let other = deliver(&relay, transfer(2), parts(vec![frame(0), trailer()]));
    let (((ending, _), delivered), (other, _, _)) = tokio::join!(stall, other);

    assert_eq!(other, Ending::Delivered);
    assert_eq!(ending, Ending::ConsumerStalled);
    assert_eq!(delivered.unwrap().unwrap_err().code(), tonic::Code::Aborted);
    drop(inlet);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_stays_silent_is_given_up() {
    let relay = relay();
    let _link = connect(&relay, "p");
    let conductor = serve(&relay, transfer(1)).await;
    let (outlet, _inlet) = outlet::pair();

    let (ending, _) = conductor.run(0, &outlet).await;

    assert_eq!(ending, Ending::ProviderStalled);
}

#[tokio::test]
async fn a_lost_link_ends_what_waits_for_it() {
    let relay = relay();
    let link = connect(&relay, "p");
    let conductor = serve(&relay, transfer(1)).await;
    let (outlet, _inlet) = outlet::pair();

    drop(link);
    let (ending, _) = conductor.run(0, &outlet).await;

    assert_eq!(ending, Ending::ProviderLost);
    assert!(relay.nodes().is_empty());
}

/// R26.2: revocation stops running transfers, whatever they wait for.
#[tokio::test]
async fn revocation_stops_the_transfers_of_its_grant() {
    let relay = relay();
    let _link = connect(&relay, "p");
    let conductor = serve(&relay, transfer(1)).await;
    let (outlet, _inlet) = outlet::pair();

    assert_eq!(relay.stop_grant(GrantId::from_uuid(Uuid::from_u128(6))), 0);
    assert_eq!(relay.stop_grant(grant()), 1);
    let (ending, _) = conductor.run(0, &outlet).await;

    assert_eq!(ending, Ending::Stopped(Stop::Revoked));
}

#[tokio::test]
async fn asking_again_ends_the_first_answer() {
    let relay = relay();
    let _link = connect(&relay, "p");
    let first = serve(&relay, transfer(1)).await;
    let (outlet, _inlet) = outlet::pair();

    let conduct = async {
        let (ending, reservation) = first.run(0, &outlet).await;
        drop(reservation);
        ending
    };
    let (ending, second) = tokio::join!(conduct, relay.reserve(transfer(1), grant()));

    assert_eq!(ending, Ending::Stopped(Stop::Superseded));
    drop(second);
}

#[tokio::test]
async fn what_is_running_is_not_idle() {
    let relay = relay();

    let first = relay.reserve_idle(transfer(1), grant());
    assert!(first.is_some());
    assert!(relay.reserve_idle(transfer(1), grant()).is_none());
    drop(first);
    assert!(relay.reserve_idle(transfer(1), grant()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_silent_link_is_cut() {
    let relay = relay();
    let mut link = connect(&relay, "p");
    let _outbound = link.take_outbound();
    let (_inbound, receiver) = mpsc::channel::<Result<OpenLinkRequest, Status>>(1);
    let inbound = tokio_stream::wrappers::ReceiverStream::new(receiver);

    assert_eq!(link.attend(inbound.boxed()).await, link::LinkEnd::Silent);
    assert!(relay.nodes().is_empty());
}

#[tokio::test]
async fn a_second_connection_replaces_the_first() {
    let relay = relay();
    let mut first = connect(&relay, "p");
    let _outbound = first.take_outbound();
    let (_inbound, receiver) = mpsc::channel::<Result<OpenLinkRequest, Status>>(1);
    let inbound = tokio_stream::wrappers::ReceiverStream::new(receiver);

    let _second = connect(&relay, "p");

    assert_eq!(first.attend(inbound.boxed()).await, link::LinkEnd::Cut);
    assert_eq!(relay.nodes().len(), 1);
}

/// R27.2: a line says what it has to, and does not keep a link open that has ended.
#[tokio::test]
async fn a_line_reaches_a_node_until_its_link_ends() {
    let relay = relay();
    let mut link = connect(&relay, "p");
    relay.until_connected().await;
    let mut outbound = link.take_outbound().unwrap();
    let lines = relay.lines();
    let [line] = &lines[..] else { panic!("one node is connected: {lines:?}") };
    assert_eq!(line.resource_ids(), [resource().to_string()]);

    assert!(line.say(OpenLinkResponse::default()).await);
    let (welcome, said) = (outbound.recv().await, outbound.recv().await);
    assert!(welcome.unwrap().unwrap().kind.is_some() && said.unwrap().unwrap().kind.is_none());
    drop(link);

    assert!(outbound.recv().await.is_none());
    assert!(!line.say(OpenLinkResponse::default()).await);
    assert!(relay.lines().is_empty());
}

/// R27.2: a node that reads nothing is cut, so that it holds up nobody who tells others too.
#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_read_its_line_is_cut() {
    let relay = relay();
    let mut link = connect(&relay, "p");
    let _unread = link.take_outbound();
    let line = relay.lines().remove(0);

    while line.say(OpenLinkResponse::default()).await {}

    let end = link.attend(stream::pending::<Result<OpenLinkRequest, Status>>().boxed()).await;
    assert_eq!(end, link::LinkEnd::Cut);
}
