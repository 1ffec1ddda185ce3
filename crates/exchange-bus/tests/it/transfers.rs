//! Transfers from node to node.

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use publicdata_exchange_bus::Config;
use publicdata_identity::{Credentials, Signer};
use publicdata_proto::catalog::v1::ResourceWithdrawn;
use publicdata_proto::exchange::v1::{
    DeliveryFailure, GrantTerms, RateLimit, RatePeriod, Receipt, TransferRequest, TransferStatus,
    deliver_request, fetch_response,
};
use publicdata_transfer::signed;
use publicdata_views::testing::postgres;
use tonic::Code;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::fleet::{Fleet, VILLAGES, Who, foreign, new_id};
use crate::nodes::{
    ConsumerNode, ProviderNode, assert_refused, next, read, reason, receipt_in, request_of,
};

/// R24.1, R23.2: the provider's node delivers through the bus, both nodes sign, and the log says all of it.
#[tokio::test]
async fn a_delivery_passes_from_node_to_node_and_is_logged() {
    let fleet = Fleet::start().await;
    delivers_and_logs(&fleet).await;
}

/// R24.1, R23.2: the same with views in Postgres.
#[tokio::test]
async fn a_delivery_is_logged_in_postgres() {
    let postgres = postgres();
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::start_on(postgres.url(), folder, |config| config).await;
    delivers_and_logs(&fleet).await;
}

async fn delivers_and_logs(fleet: &Fleet) {
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);

    let answer = consumer.fetch(&request).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 20), read(answer));
    delivered.unwrap();
    ended.unwrap();
    assert_eq!(parts.len(), 22);
    let receipt = receipt_in(&parts);
    let first = consumer.confirm(&receipt).await.unwrap();
    // H1: a receipt that is handed in twice counts once.
    assert_eq!(consumer.confirm(&receipt).await.unwrap(), first);

    let entry = fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
    assert_eq!((entry.rows, entry.bytes), (200, 20_000));
    // R17.2: how many rows the provider kept back, as both nodes signed it.
    assert_eq!(entry.rejected_rows, 20);
    assert_eq!(entry.sha256, [7; 32]);
    assert_eq!(entry.fields, ["code", "name"]);
    assert_eq!(entry.purpose, terms.purpose);
    assert_eq!(entry.requested_by, request.requested_by);
    let events = fleet.events("transfer", &request.transfer_id).await;
    assert_eq!(events, ["TransferRequested", "TransferCompleted"]);
}

/// R26.1: a standing offer serves every consumer at once, for the purpose that it names.
#[tokio::test]
async fn a_standing_offer_serves_every_consumer() {
    let fleet = Fleet::start().await;
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut node = fleet.provider_node().await;

    for who in [Who::Consumer, Who::Stranger] {
        let consumer = fleet.consumer_node(who);
        let answer = consumer.fetch(&consumer.request(&offer)).await.unwrap();
        let serve = node.asked().await;
        let (delivered, (_, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
        delivered.unwrap();
        ended.unwrap();
    }
}

/// R26.2, R30.1: no more transfers than the grant's rate allows, and no more rows in all; a refusal says when to come again.
#[tokio::test]
async fn a_grant_is_used_no_more_than_its_rate_and_volume_allow() {
    let fleet = Fleet::start().await;
    let rate = Some(RateLimit { transfers: 1, period: RatePeriod::Day.into() });
    let terms = fleet.terms(&fleet.apply().await);
    let terms = GrantTerms { rate, max_total_rows: 300, ..terms };
    fleet.issue(&terms).await.unwrap();
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);

    for _ in 0..2 {
        let request = consumer.request(&terms);
        let answer = consumer.fetch(&request).await.unwrap();
        let serve = node.asked().await;
        let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 20), read(answer));
        delivered.unwrap();
        ended.unwrap();
        consumer.confirm(&receipt_in(&parts)).await.unwrap();
        fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;

        let early = consumer.request(&terms);
        let status = consumer.refused(&early).await;
        assert!(status.message().contains("the next one may begin at"), "{status}");
        assert_refused::<()>(Err(status), Code::PermissionDenied, "RATE_EXCEEDED");
        fleet.logged(&early.transfer_id, TransferStatus::Refused, "RATE_EXCEEDED").await;
        fleet.clock.advance(Duration::from_secs(86_400));
    }
    // 400 rows came, where 300 are allowed: the provider's node would have stopped the second transfer.
    let status = consumer.refused(&consumer.request(&terms)).await;
    assert_refused::<()>(Err(status), Code::PermissionDenied, "VOLUME_EXHAUSTED");
}

/// R30.1, R23.2: a fetch outside the grant is refused, with the reason, and logged.
#[tokio::test]
async fn a_fetch_outside_the_grant_is_refused_and_logged() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = || consumer.request(&terms);

    let fields = vec!["code".to_owned(), "phone".to_owned()];
    for (request, why) in [
        (TransferRequest { fields, ..request() }, "FIELD_OUTSIDE_GRANT"),
        (TransferRequest { purpose: "其他".to_owned(), ..request() }, "PURPOSE_DIFFERS"),
        (TransferRequest { purpose: String::new(), ..request() }, "PURPOSE_MISSING"),
        (TransferRequest { fields: Vec::new(), ..request() }, "FIELDS_MISSING"),
        (TransferRequest { grant_id: new_id(), ..request() }, "GRANT_UNKNOWN"),
    ] {
        let status = consumer.refused(&request).await;
        assert_refused::<()>(Err(status), Code::PermissionDenied, why);
        fleet.logged(&request.transfer_id, TransferStatus::Refused, why).await;
    }

    fleet.clock.advance(Duration::from_secs(400 * 86_400));
    let late = request();
    let status = consumer.refused(&late).await;
    assert_refused::<()>(Err(status), Code::PermissionDenied, "GRANT_EXPIRED");
    fleet.logged(&late.transfer_id, TransferStatus::Refused, "GRANT_EXPIRED").await;
}

/// R12.3, R23.2: under a grant of a withdrawn resource nothing is fetched any more, and the log says why.
#[tokio::test]
async fn a_withdrawn_resource_is_not_fetched() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let consumer = fleet.consumer_node(Who::Consumer);

    let withdrawn = ResourceWithdrawn { reason: "职能已划转".to_owned() };
    fleet.catalogue_says(&terms.resource_id, &withdrawn).await;
    let request = consumer.request(&terms);
    let status = consumer.refused(&request).await;

    assert_refused::<()>(Err(status), Code::FailedPrecondition, "RESOURCE_WITHDRAWN");
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "RESOURCE_WITHDRAWN").await;
}

/// R30.1, H3: another's grant serves nobody else, and whoever tries does not learn whose it is.
#[tokio::test]
async fn another_consumers_grant_is_refused_without_saying_whose_it_is() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let stranger = fleet.consumer_node(Who::Stranger);
    let request = stranger.request(&terms);

    let status = stranger.refused(&request).await;

    assert_refused::<()>(Err(status), Code::PermissionDenied, "WRONG_CONSUMER");
    let entry = fleet.logged(&request.transfer_id, TransferStatus::Refused, "WRONG_CONSUMER").await;
    assert_eq!((entry.provider_code.as_str(), entry.resource_code.as_str()), ("", ""));
}

/// R30.1: a refusal by the provider's own node is logged as well, by its name.
#[tokio::test]
async fn a_refusal_by_the_providers_node_is_logged() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let failure = |refused| DeliveryFailure {
        reason: "SOURCE_CLOSED".to_owned(),
        message: "closed for the night".to_owned(),
        refused,
    };

    let request = consumer.request(&terms);
    let refuse = async {
        let serve = node.asked().await;
        node.decline(&serve, failure(true)).await;
    };
    let (status, ()) = tokio::join!(consumer.refused(&request), refuse);
    assert_refused::<()>(Err(status), Code::PermissionDenied, "SOURCE_CLOSED");
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "SOURCE_CLOSED").await;

    let request = consumer.request(&terms);
    let fail = async {
        let serve = node.asked().await;
        let delivery = node.begin(&serve).await;
        delivery.frame(0).await;
        delivery.send(deliver_request::Part::Failure(failure(false))).await;
        delivery.end().await.unwrap();
    };
    let (status, ()) = tokio::join!(consumer.refused(&request), fail);
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "SOURCE_CLOSED");
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "SOURCE_CLOSED").await;
}

/// R23.2: an attempt that finds no node is logged, and goes on when the node is there.
#[tokio::test]
async fn a_node_that_is_not_connected_makes_the_fetch_unavailable() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);

    let status = consumer.refused(&request).await;
    assert_refused::<()>(Err(status), Code::Unavailable, "NODE_NOT_CONNECTED");
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "NODE_NOT_CONNECTED").await;

    let mut node = fleet.provider_node().await;
    let answer = consumer.fetch(&again(&consumer, &request, 0)).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (_, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
}

/// R26.2: revocation stops what runs, at once, and the provider's node is told.
#[tokio::test]
async fn revocation_stops_a_running_transfer() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let mut answer = consumer.fetch(&request).await.unwrap();
    let delivery = node.begin_when_asked().await;
    delivery.frame(0).await;
    assert!(matches!(next(&mut answer).await, fetch_response::Part::Header(_)));
    assert!(matches!(next(&mut answer).await, fetch_response::Part::Frame(_)));

    assert_eq!(fleet.revoke(&terms.grant_id).await.stopped_transfers, 1);

    let (_, ended) = read(answer).await;
    assert_refused(ended, Code::PermissionDenied, "GRANT_REVOKED");
    assert_eq!(delivery.end().await.unwrap_err().code(), Code::PermissionDenied);
    let told = [node.told_to_stop().await, node.told_to_stop().await];
    assert!(told.iter().any(|stop| stop.revoked_grant_id == terms.grant_id), "{told:?}");
    assert!(told.iter().any(|stop| stop.transfer_id == request.transfer_id), "{told:?}");
    fleet.logged(&request.transfer_id, TransferStatus::Stopped, "GRANT_REVOKED").await;

    let later = consumer.request(&terms);
    let status = consumer.refused(&later).await;
    assert_refused::<()>(Err(status), Code::PermissionDenied, "GRANT_REVOKED");
    fleet.logged(&later.transfer_id, TransferStatus::Refused, "GRANT_REVOKED").await;
}

/// R26.2: a node that was away when a grant was revoked is told when it comes back.
#[tokio::test]
async fn a_node_that_connects_later_is_told_of_revoked_grants() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    assert_eq!(fleet.revoke(&terms.grant_id).await.stopped_transfers, 0);

    let mut node = fleet.provider_node().await;

    assert_eq!(node.told_to_stop().await.revoked_grant_id, terms.grant_id);
}

/// A consumer that stops reading holds up nobody else, not even on the same connections, and is given up.
#[tokio::test]
async fn a_consumer_that_stops_reading_holds_up_nobody_else() {
    let fleet = Fleet::start_with(|config| Config { transfer_idle_ms: 3_000, ..config }).await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let moment = Duration::from_millis(300);

    // Each of these leaves as much unread as fits into all windows and queues on the way.
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let request = consumer.request(&terms);
        let answer = consumer.fetch(&request).await.unwrap();
        let delivery = node.begin_when_asked().await;
        let mut sent = 0;
        while delivery.large_frame(sent, moment).await {
            sent += 1;
            assert!(sent < 64, "memory grows with what is unread");
        }
        stalled.push((request.transfer_id, answer, delivery));
    }

    let answer = consumer.fetch(&consumer.request(&terms)).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 50), read(answer));
    delivered.unwrap();
    ended.unwrap();
    assert_eq!(parts.len(), 52);

    for (transfer_id, answer, delivery) in stalled {
        fleet.logged(&transfer_id, TransferStatus::Interrupted, "CONSUMER_STALLED").await;
        assert!(delivery.end().await.is_err());
        drop(answer);
    }
}

/// A consumer's node that goes away is logged, and the provider's node is told to stop.
#[tokio::test]
async fn a_consumer_that_goes_away_ends_its_transfer() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let mut answer = consumer.fetch(&request).await.unwrap();
    let delivery = node.begin_when_asked().await;
    next(&mut answer).await;

    drop(answer);

    let stop = node.told_to_stop().await;
    assert_eq!(
        (stop.transfer_id, stop.reason.as_str()),
        (request.transfer_id.clone(), "CONSUMER_GONE")
    );
    assert_eq!(delivery.end().await.unwrap_err().code(), Code::Cancelled);
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "CONSUMER_GONE").await;
}

/// A provider's node that is lost in the middle interrupts the transfer, which goes on when it is back.
#[tokio::test]
async fn a_lost_provider_interrupts_and_the_transfer_is_resumed() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let mut answer = consumer.fetch(&request).await.unwrap();
    let delivery = node.begin_when_asked().await;
    delivery.frame(0).await;
    delivery.frame(1).await;
    for _ in 0..3 {
        next(&mut answer).await;
    }

    delivery.kill();
    drop(node);

    let (_, ended) = read(answer).await;
    assert_refused(ended, Code::Unavailable, "PROVIDER_NODE_LOST");
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "PROVIDER_NODE_LOST").await;

    let mut node = fleet.provider_node().await;
    let resumed = again(&consumer, &request, 2);
    let answer = consumer.fetch(&resumed).await.unwrap();
    let serve = node.asked().await;
    assert_eq!(request_of(&serve).received_frames, 2);
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 5), read(answer));
    delivered.unwrap();
    ended.unwrap();
    // Header, frames 2 to 4, trailer.
    assert_eq!(parts.len(), 5);
    consumer.confirm(&receipt_in(&parts)).await.unwrap();

    let events = fleet.events("transfer", &request.transfer_id).await;
    assert_eq!(
        events,
        ["TransferRequested", "TransferInterrupted", "TransferResumed", "TransferCompleted"]
    );
}

/// A transfer is resumed by the request that it began with.
#[tokio::test]
async fn a_transfer_is_not_resumed_as_another() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    consumer.refused(&request).await;

    let other =
        TransferRequest { fields: vec!["code".to_owned()], ..again(&consumer, &request, 0) };

    let status = consumer.refused(&other).await;
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "TRANSFER_REQUEST_DIFFERS");
}

/// A request counts only if the node that calls has signed it.
#[tokio::test]
async fn a_forged_request_is_refused() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let stranger = fleet.consumer_node(Who::Stranger);
    let own = fleet.node(Who::Consumer);
    let request = consumer.request(&terms);
    let by = |credentials: &Credentials| signed::sign(&Signer::from(credentials), &request);

    let replayed = stranger.fetch_signed(by(&own)).await.map(drop);
    assert_refused(replayed, Code::PermissionDenied, "NOT_THE_SIGNER");
    let mut altered = by(&own);
    altered.message.push(0);
    for forged in [altered, by(&foreign(&own))] {
        let refused = consumer.fetch_signed(forged).await.map(drop);
        assert_refused(refused, Code::PermissionDenied, "SIGNATURE_INVALID");
    }
    let user = fleet.user(Who::Consumer);
    let as_user = ConsumerNode::new(fleet.channel(&user), &user);
    let refused = as_user.fetch(&as_user.request(&terms)).await.map(drop);
    assert_refused(refused, Code::PermissionDenied, "NODE_REQUIRED");
}

/// R30.1: a receipt counts only with the signatures of both nodes, and only for its own transfer.
#[tokio::test]
async fn a_forged_receipt_is_refused() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let answer = consumer.fetch(&request).await.unwrap();
    let serve = node.asked().await;
    let (_, (parts, _)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    let receipt = receipt_in(&parts);
    let signer = |credentials: &Credentials| Signer::from(credentials);
    let countersign = |by: &Credentials| signed::countersign::<Receipt>(&signer(by), &receipt);

    let by_provider = countersign(&fleet.node(Who::Provider));
    let refused = consumer.confirm_with(&receipt, by_provider).await;
    assert_refused(refused, Code::PermissionDenied, "WRONG_SIGNER");
    let by_foreigner = countersign(&foreign(&fleet.node(Who::Consumer)));
    let refused = consumer.confirm_with(&receipt, by_foreigner).await;
    assert_refused(refused, Code::PermissionDenied, "SIGNATURE_INVALID");

    let mut own = <Receipt as prost::Message>::decode(receipt.message.as_slice()).unwrap();
    own.rows += 1;
    let own = signed::sign(&signer(&fleet.node(Who::Consumer)), &own);
    assert_refused(consumer.confirm(&own).await, Code::PermissionDenied, "WRONG_SIGNER");

    let stranger = fleet.consumer_node(Who::Stranger);
    assert_refused(stranger.confirm(&receipt).await, Code::NotFound, "TRANSFER_UNKNOWN");

    let another = consumer.request(&terms);
    let _answer = consumer.fetch(&another).await.unwrap();
    let by_consumer = countersign(&fleet.node(Who::Consumer));
    let replayed = consumer.confirm_for(another.transfer_id, &receipt, by_consumer).await;
    assert_refused(replayed, Code::FailedPrecondition, "RECEIPT_DIFFERS");
    consumer.confirm(&receipt).await.unwrap();
}

/// R24.1: only the node that was asked delivers, and a newer connection of a node replaces the older.
#[tokio::test]
async fn only_the_node_that_was_asked_delivers() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut replaced = fleet.provider_node().await;
    let mut node = fleet.provider_node().await;
    assert_eq!(replaced.cut().await.code(), Code::Aborted);

    let consumer = fleet.consumer_node(Who::Consumer);
    let answer = consumer.fetch(&consumer.request(&terms)).await.unwrap();
    let serve = node.asked().await;
    let credentials = fleet.node(Who::Stranger);
    let resources = [VILLAGES.to_owned()];
    let stranger =
        ProviderNode::open(fleet.channel(&credentials), &credentials, &resources).await.unwrap();
    assert_refused(stranger.deliver(&serve, 2).await, Code::FailedPrecondition, "NOT_ASKED");

    let (delivered, (_, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
}

/// R9.2: a node whose certificates did not come through the catalogue opens no link.
#[tokio::test]
async fn a_node_that_is_not_enrolled_opens_no_link() {
    let fleet = Fleet::start().await;
    let credentials = fleet.unenrolled_node(Who::Provider);

    let opened = ProviderNode::open(fleet.channel(&credentials), &credentials, &[]).await;

    assert_eq!(opened.err().map(|status| reason(&status)), Some("NODE_NOT_ENROLLED".to_owned()));
}

/// One trace leads from the consumer's fetch to the provider's node and to the events.
#[tokio::test]
async fn a_delivery_joins_the_trace_of_its_fetch() {
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);

    let span = tracing::info_span!("a department's system fetches");
    let request = consumer.request(&terms);
    let _answer = consumer.fetch(&request).instrument(span.clone()).await.unwrap();
    let serve = node.asked().await;

    let trace = span.context().span().span_context().trace_id().to_string();
    assert!(serve.traceparent.contains(&trace), "{}", serve.traceparent);
    let recorded = fleet.commits("transfer", &request.transfer_id).await;
    assert!(recorded[0].traceparent.as_ref().unwrap().contains(&trace));
}

/// Whoever learns a transfer's id cannot disturb it.
#[tokio::test]
async fn a_stranger_does_not_disturb_a_running_transfer() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let answer = consumer.fetch(&request).await.unwrap();
    let serve = node.asked().await;

    let stranger = fleet.consumer_node(Who::Stranger);
    let same_id =
        TransferRequest { transfer_id: request.transfer_id.clone(), ..stranger.request(&terms) };
    let status = stranger.refused(&same_id).await;
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "TRANSFER_EXISTS");

    let (delivered, (_, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
}

/// A consumer's node that lost the answer asks anew, and the first answer ends.
#[tokio::test]
async fn asking_anew_takes_the_place_of_the_first_answer() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let first = consumer.fetch(&request).await.unwrap();
    let _first_serve = node.asked().await;

    let second = consumer.fetch(&again(&consumer, &request, 0)).await.unwrap();

    let (_, ended) = read(first).await;
    assert_refused(ended, Code::Aborted, "SUPERSEDED");
    let serve = node.asked().await;
    let (delivered, (_, ended)) = tokio::join!(node.deliver(&serve, 2), read(second));
    delivered.unwrap();
    ended.unwrap();
}

/// H2: the views are rebuilt from events to the same content.
#[tokio::test]
async fn views_are_rebuilt_to_the_same_content() {
    let fleet = Fleet::start().await;
    delivers_and_logs(&fleet).await;

    let [catalogue, log, _] = &fleet.bus.projectors;
    for projector in [catalogue, log] {
        let before = projector.content().await.unwrap();
        let rebuilt = projector.rebuild().await.unwrap();
        assert_eq!(rebuilt.content, before);
        assert!(before.rows > 0);
    }
}

/// The same transfer, asked for once more with a fresh key.
pub(crate) fn again(
    consumer: &ConsumerNode,
    request: &TransferRequest,
    received: u64,
) -> TransferRequest {
    let fresh = consumer.request(&GrantTerms::default());
    TransferRequest {
        seal_public_key: fresh.seal_public_key,
        received_frames: received,
        received_sha256: if received == 0 { Vec::new() } else { vec![7; 32] },
        ..request.clone()
    }
}
