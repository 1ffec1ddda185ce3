//! The big data centre (R10), and duties measured (R29.1, R30.1).

use std::time::Duration;

use publicdata_identity::Signer;
use publicdata_proto::exchange::v1::centre_service_client::CentreServiceClient;
use publicdata_proto::exchange::v1::duty_service_client::DutyServiceClient;
use publicdata_proto::exchange::v1::{
    ConnectedNode, ConsolidationState, ConsumerDuty, FreshnessState, GrantTerms,
    ListConsolidationsRequest, ListConsolidationsResponse, ListConsumerDutiesRequest,
    ListNodesRequest, ListProviderDutiesRequest, ProviderDuty, ReconcileSubscriptionRequest,
    ReconcileSubscriptionResponse, RefusalCount, RowSet, SinkStatement, SubmitApplicationRequest,
    TransferRequest, TransferStatus,
};
use publicdata_transfer::signed;
use tonic::{Code, Status};

use crate::fleet::{AREAS, Fleet, VILLAGES, Who, application, new_id};
use crate::nodes::{ProviderNode, SOON, SOURCE_ROWS, Said, assert_refused, read, receipt_in};
use crate::subscriptions::{ID, client, delivery, open, push_granted, subscription, wanted};
use crate::tickets::{raise, received, uphold};

const DAY: Duration = Duration::from_secs(86_400);

/// R10.2: step by step, the first thing that is missing is named; what is stopped is no longer there.
#[tokio::test]
async fn what_is_missing_is_named() {
    let fleet = Fleet::start().await;
    fleet.consolidate(VILLAGES, "302001/00001").await;
    fleet.consolidate(AREAS, "302001/00002").await;
    let state = async || states(&fleet, Who::City).await[0];
    assert_eq!(states(&fleet, Who::City).await, [ConsolidationState::NoGrant; 2]);

    let terms = push_granted(&fleet).await;
    assert_eq!(state().await, ConsolidationState::NoSubscription);
    open(&fleet, wanted(&terms)).await.unwrap();
    assert_eq!(state().await, ConsolidationState::ProviderNotConnected);
    let mut provider = fleet.provider_node().await;
    assert_eq!(state().await, ConsolidationState::NothingDelivered);
    deliver(&fleet, &mut provider, &delivery(&fleet, &terms)).await;
    assert_eq!(state().await, ConsolidationState::NotCompared);

    let page = list(&fleet, Who::City, ListConsolidationsRequest::default()).await;
    let totals = page.totals.unwrap();
    assert_eq!((totals.resources, totals.missing, totals.equal), (2, 1, 0));
    let first = &page.consolidations[0];
    assert_eq!((first.resource_name.as_str(), first.purpose.as_str()), ("名录", "社区网格管理"));
    fleet.stop_consolidating(AREAS).await;
    assert_eq!(states(&fleet, Who::City).await, [ConsolidationState::NotCompared]);
}

/// R13.1, R10.2: its provider, the centre, the authority and auditors see it; filters and pages part the list.
#[tokio::test]
async fn consolidations_are_seen_by_those_concerned() {
    let fleet = Fleet::start().await;
    fleet.consolidate(VILLAGES, "302001/00001").await;
    fleet.consolidate(AREAS, "302001/00002").await;

    for who in [Who::City, Who::Provider, Who::Consumer, Who::Auditor] {
        assert_eq!(states(&fleet, who).await.len(), 2, "{who:?}");
    }
    assert_eq!(states(&fleet, Who::Stranger).await, []);
    let only = async |request| list(&fleet, Who::City, request).await.consolidations.len();
    let elsewhere =
        ListConsolidationsRequest { region_code: "510105".to_owned(), ..Default::default() };
    assert_eq!(only(elsewhere).await, 0);
    let mut equal = ListConsolidationsRequest::default();
    equal.set_state(ConsolidationState::Equal);
    assert_eq!(only(equal).await, 0);
    let others = ListConsolidationsRequest {
        provider_code: Who::Consumer.code().to_string(),
        ..Default::default()
    };
    assert_eq!(only(others).await, 0);
    let first = ListConsolidationsRequest { page_size: 1, ..Default::default() };
    let page = list(&fleet, Who::City, first.clone()).await;
    let next = ListConsolidationsRequest { page_token: page.next_page_token, ..first };
    let rest = list(&fleet, Who::City, next).await;
    assert_eq!(page.consolidations[0].resource_code, "302001/00001");
    assert_eq!(rest.consolidations[0].resource_code, "302001/00002");
    assert_eq!((rest.totals.unwrap().resources, rest.next_page_token.as_str()), (2, ""));
}

/// R10.1, R29.1: what both nodes signed is compared and on record, once, and both sides see it.
#[tokio::test]
async fn what_both_nodes_say_is_compared() {
    let fleet = Fleet::start().await;
    fleet.consolidate(VILLAGES, "302001/00001").await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let mut provider = fleet.provider_node().await;
    deliver(&fleet, &mut provider, &delivery(&fleet, &terms)).await;

    let asked = TransferRequest { reconcile: true, ..delivery(&fleet, &terms) };
    deliver(&fleet, &mut provider, &asked).await;
    let same = statement(&asked, SOURCE_ROWS, 7);
    let first = reconcile(&fleet, &same).await.unwrap();
    let again = reconcile(&fleet, &same).await.unwrap();
    assert!(first.equal && again.equal);
    assert_eq!(states(&fleet, Who::City).await, [ConsolidationState::Equal]);

    // A digest that differs is enough, and so is a row.
    for other in [statement(&asked, SOURCE_ROWS, 8), statement(&asked, SOURCE_ROWS + 1, 7)] {
        assert!(!reconcile(&fleet, &other).await.unwrap().equal);
        assert_eq!(states(&fleet, Who::City).await, [ConsolidationState::Unequal]);
    }
    let shown = subscription(&fleet, Who::Provider).await.unwrap();
    let last = shown.last_reconciliation.unwrap();
    assert_eq!(
        (last.source.unwrap().rows, last.sink.unwrap().rows),
        (SOURCE_ROWS, SOURCE_ROWS + 1)
    );
    assert_eq!((shown.reconciliations, shown.unequal_reconciliations), (3, 2));
    // What the source says that it holds is no delivery.
    assert_eq!(shown.deliveries, 1);
    let events = fleet.events("subscription", ID).await;
    let reconciled = ["SubscriptionReconciled"; 3];
    assert_eq!(events, [&["SubscriptionOpened"][..], &reconciled].concat());
}

/// R10.1: nobody speaks for another's sink, and what was not said of a source is compared with nothing.
#[tokio::test]
async fn only_the_subscriptions_node_says_what_its_sink_holds() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let mut provider = fleet.provider_node().await;
    let delivered = delivery(&fleet, &terms);
    deliver(&fleet, &mut provider, &delivered).await;
    let asked = TransferRequest { reconcile: true, ..delivery(&fleet, &terms) };
    deliver(&fleet, &mut provider, &asked).await;

    let no_statement = reconcile(&fleet, &statement(&delivered, SOURCE_ROWS, 7)).await;
    assert_refused(no_statement, Code::InvalidArgument, "FIELD_INVALID");
    let other = TransferRequest { transfer_id: new_id(), ..asked.clone() };
    let unknown = reconcile(&fleet, &statement(&other, SOURCE_ROWS, 7)).await;
    assert_refused(unknown, Code::NotFound, "TRANSFER_UNKNOWN");
    let message =
        signed::sign(&Signer::from(&fleet.node(Who::Stranger)), &statement(&asked, SOURCE_ROWS, 7));
    let request = ReconcileSubscriptionRequest { statement: Some(message) };
    let mut as_consumer = client(&fleet, &fleet.node(Who::Consumer));
    let forged = as_consumer.reconcile_subscription(request.clone()).await;
    assert_refused(forged, Code::PermissionDenied, "NOT_THE_SIGNER");
    let mut as_stranger = client(&fleet, &fleet.node(Who::Stranger));
    let others = as_stranger.reconcile_subscription(request).await;
    assert_refused(others, Code::NotFound, "SUBSCRIPTION_UNKNOWN");
}

/// R29.1: data that stay the same become late when their cycle has passed and somebody looked; new data end that.
#[tokio::test]
async fn who_stops_updating_is_late() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let freshness = async || {
        let duties = providers(&fleet, Who::Provider).await;
        let villages = duties.into_iter().find(|duty| duty.resource_id == VILLAGES).unwrap();
        let freshness = villages.freshness.unwrap();
        (freshness.state(), freshness.days_late)
    };
    assert_eq!(freshness().await, (FreshnessState::NeverDelivered, 0));
    let mut provider = fleet.provider_node().await;
    let asked = || TransferRequest { reconcile: true, ..delivery(&fleet, &terms) };
    deliver(&fleet, &mut provider, &asked()).await;
    assert_eq!(freshness().await, (FreshnessState::Fresh, 0));

    // The second of March, and a month.
    fleet.clock.advance(DAY * 34);
    assert_eq!(freshness().await, (FreshnessState::NotLookedAt, 0));
    deliver(&fleet, &mut provider, &asked()).await;
    assert_eq!(freshness().await, (FreshnessState::Late, 3));
    // Rows that were never seen under this grant: a delivery of another length.
    deliver(&fleet, &mut provider, &delivery(&fleet, &terms)).await;
    assert_eq!(freshness().await, (FreshnessState::Late, 3), "it may have been so for long");
    let serve_more = asked();
    deliver_more(&fleet, &mut provider, &serve_more).await;
    assert_eq!(freshness().await, (FreshnessState::Fresh, 0));
    assert_eq!(providers(&fleet, Who::Stranger).await, []);
}

/// R29.1, R10.1: a source that stands still becomes late however often its rows are read again or delivered anew: its state tells, and not
/// the digest of what came. A change of state ends that.
#[tokio::test]
async fn a_source_that_stands_still_is_late_whatever_is_delivered_again() {
    let fleet = Fleet::start().await;
    fleet.consolidate(VILLAGES, "302001/00001").await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let mut provider = fleet.provider_node().await;
    let mut push = async |said| {
        let request = delivery(&fleet, &terms);
        deliver_saying(&fleet, &mut provider, Who::Consumer, &request, said).await;
    };
    push(saying("state-1", 1)).await;
    assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Fresh);

    fleet.clock.advance(DAY * 34);
    for digest in [2, 3] {
        push(saying("state-1", digest)).await;
        assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Late);
        assert_eq!(freshness_at_centre(&fleet).await, FreshnessState::Late);
    }
    push(saying("state-2", 3)).await;
    assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Fresh);
    assert_eq!(freshness_at_centre(&fleet).await, FreshnessState::Fresh);
}

/// R29.1: a source whose file is written anew every night with the same rows has another state each time; comparisons find that it is
/// the same.
#[tokio::test]
async fn equal_comparisons_show_that_nothing_is_new() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let mut provider = fleet.provider_node().await;
    let mut come = async |reconcile, said| {
        let request = TransferRequest { reconcile, ..delivery(&fleet, &terms) };
        deliver_saying(&fleet, &mut provider, Who::Consumer, &request, said).await;
    };
    come(false, saying("state-1", 1)).await;
    come(true, saying("state-1", 7)).await;
    fleet.clock.advance(DAY * 34);
    come(false, saying("state-2", 2)).await;
    come(true, saying("state-2", 7)).await;
    assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Late);

    // Rows that go without a trace in the source's state.
    come(true, saying("state-2", 8)).await;
    assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Fresh);
}

/// R29.1: what one consumer was given long ago does not become new when another fetches it; R10.2: and what others are given is not new
/// at the centre.
#[tokio::test]
async fn data_are_new_once_and_where_they_came() {
    let fleet = Fleet::start().await;
    fleet.consolidate(AREAS, "302001/00002").await;
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut provider = fleet.provider_node().await;
    let mut fetch = async |who, said| {
        let request = fleet.consumer_node(who).request(&offer);
        deliver_saying(&fleet, &mut provider, who, &request, said).await;
    };
    fetch(Who::Stranger, saying("state-1", 1)).await;
    fetch(Who::Consumer, saying("state-2", 2)).await;
    fleet.clock.advance(DAY * 34);
    fetch(Who::Stranger, saying("state-2", 2)).await;
    assert_eq!(freshness(&fleet, AREAS).await, FreshnessState::Late);

    fetch(Who::Stranger, saying("state-3", 3)).await;
    assert_eq!(freshness(&fleet, AREAS).await, FreshnessState::Fresh);
    assert_eq!(freshness_at_centre(&fleet).await, FreshnessState::NotLookedAt);
    fetch(Who::Consumer, saying("state-3", 3)).await;
    assert_eq!(freshness_at_centre(&fleet).await, FreshnessState::Fresh);
}

/// R29.1: what one consumer is given may stand still while the source goes on: that it saw a state does not make old what the state brings
/// to others.
#[tokio::test]
async fn data_that_stand_still_do_not_make_others_old() {
    let fleet = Fleet::start().await;
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut provider = fleet.provider_node().await;
    let mut fetch = async |who, said| {
        let request = fleet.consumer_node(who).request(&offer);
        deliver_saying(&fleet, &mut provider, who, &request, said).await;
    };
    fetch(Who::Consumer, saying("state-1", 2)).await;
    fetch(Who::Stranger, saying("state-1", 1)).await;
    fleet.clock.advance(DAY * 34);
    fetch(Who::Stranger, saying("state-2", 1)).await;
    assert_eq!(freshness(&fleet, AREAS).await, FreshnessState::Late);

    fetch(Who::Consumer, saying("state-2", 3)).await;

    assert_eq!(freshness(&fleet, AREAS).await, FreshnessState::Fresh);
}

/// R29.1: each node of a provider has its own names for the states of one source: that they deliver by turns makes nothing new.
#[tokio::test]
async fn nodes_that_deliver_by_turns_show_nothing_new() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let push = async |node: &mut ProviderNode, said| {
        let request = delivery(&fleet, &terms);
        deliver_saying(&fleet, node, Who::Consumer, &request, said).await;
        freshness(&fleet, VILLAGES).await
    };
    let mut first = fleet.provider_node().await;
    assert_eq!(push(&mut first, saying("a-1", 1)).await, FreshnessState::Fresh);
    fleet.clock.advance(DAY * 34);
    gone(&fleet, first).await;
    let mut second = fleet.second_provider_node().await;
    assert_eq!(push(&mut second, saying("b-1", 2)).await, FreshnessState::Late);
    gone(&fleet, second).await;
    let mut first = fleet.provider_node().await;

    assert_eq!(push(&mut first, saying("a-1", 3)).await, FreshnessState::Late);
    assert_eq!(push(&mut first, saying("a-2", 4)).await, FreshnessState::Fresh);
}

/// R29.1, R26.2: a renewed grant goes on with what was seen under the first: what differs from it is new.
#[tokio::test]
async fn a_renewed_grant_goes_on_with_the_series() {
    let fleet = Fleet::start().await;
    let first = fleet.granted().await;
    let mut provider = fleet.provider_node().await;
    let mut fetch = async |terms: &GrantTerms, said| {
        let request = fleet.consumer_node(Who::Consumer).request(terms);
        deliver_saying(&fleet, &mut provider, Who::Consumer, &request, said).await;
    };
    fetch(&first, saying("", 1)).await;
    let renewal = SubmitApplicationRequest {
        command_id: new_id(),
        renews_grant_id: first.grant_id.clone(),
        ..application()
    };
    let applied = fleet.grants(Who::Consumer).submit_application(renewal).await.unwrap();
    let renewed = fleet.terms(&applied.into_inner().grant_id);
    fleet.issue(&renewed).await.unwrap();

    fleet.clock.advance(DAY * 34);
    fetch(&renewed, saying("", 1)).await;
    assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Late);
    fleet.clock.advance(DAY * 34);
    fetch(&renewed, saying("", 2)).await;
    assert_eq!(freshness(&fleet, VILLAGES).await, FreshnessState::Fresh);
}

/// R30.1: what a consumer signed for and what it did not, and what it was refused, by reason; seen by those concerned.
#[tokio::test]
async fn what_a_consumer_did_is_counted() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let consumer = fleet.consumer_node(Who::Consumer);
    // No node serves it.
    consumer.refused(&delivery(&fleet, &terms)).await;
    for _ in 0..2 {
        let purpose = "另作他用".to_owned();
        consumer.refused(&TransferRequest { purpose, ..delivery(&fleet, &terms) }).await;
    }
    let mut provider = fleet.provider_node().await;
    deliver(&fleet, &mut provider, &delivery(&fleet, &terms)).await;

    let expected = ConsumerDuty {
        consumer_code: Who::Consumer.code().to_string(),
        signed: 1,
        unsigned: 1,
        refused: 2,
        refusals: vec![RefusalCount { reason: "PURPOSE_DIFFERS".to_owned(), count: 2 }],
        rows: 30,
    };
    for who in [Who::Consumer, Who::Provider, Who::City, Who::Auditor] {
        assert_eq!(consumers(&fleet, who).await, std::slice::from_ref(&expected), "{who:?}");
    }
    assert_eq!(consumers(&fleet, Who::Stranger).await, []);
    let villages = &providers(&fleet, Who::City).await[0];
    assert_eq!((villages.deliveries, villages.rows, villages.interrupted), (1, 30, 1));
}

/// R27.1: of a push in several deliveries, what was corrected may stand in any: the correction has arrived with the last one.
#[tokio::test]
async fn a_push_of_which_more_follows_brings_no_whole_correction() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let mut provider = fleet.provider_node().await;
    let wrong = delivery(&fleet, &terms);
    deliver(&fleet, &mut provider, &wrong).await;
    let ticket = raise(&fleet, &wrong.transfer_id).await;
    fleet.clock.advance(Duration::from_secs(60));
    assert_eq!(uphold(&fleet, &ticket).await.unwrap().corrections_owed, 1);

    let [first, last] = [true, false].map(|more| (delivery(&fleet, &terms), more));
    for (request, more) in [&first, &last] {
        fleet.clock.advance(Duration::from_secs(60));
        let said = Said { more: *more, ..saying("state-2", 2) };
        deliver_saying(&fleet, &mut provider, Who::Consumer, request, said).await;
        let logged = fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
        assert_eq!(logged.more_follows, *more);
    }

    assert_eq!(received(&fleet, Who::Consumer).await.transfer_id, last.0.transfer_id);
}

async fn deliver(fleet: &Fleet, provider: &mut ProviderNode, request: &TransferRequest) {
    deliver_frames(fleet, provider, request, 3).await;
}

/// Has a transfer delivered with a receipt that says this of the source.
async fn deliver_saying(
    fleet: &Fleet,
    provider: &mut ProviderNode,
    who: Who,
    request: &TransferRequest,
    said: Said,
) {
    let consumer = fleet.consumer_node(who);
    let answer = consumer.fetch(request).await.unwrap();
    let serve = provider.asked().await;
    let ((), (parts, ended)) = tokio::join!(provider.deliver_saying(&serve, said), read(answer));
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
}

/// Ends a node's link, and waits until the bus knows.
async fn gone(fleet: &Fleet, node: ProviderNode) {
    drop(node);
    let is_gone = async {
        while !listed_nodes(fleet).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, is_gone).await.expect("the link has ended");
}

async fn listed_nodes(fleet: &Fleet) -> Vec<ConnectedNode> {
    let listed = fleet.links(Who::City).list_nodes(ListNodesRequest {}).await;
    listed.unwrap().into_inner().nodes
}

fn saying(version: &'static str, digest: u8) -> Said {
    Said { version, digest, more: false }
}

/// What a resource's provider is found to be.
async fn freshness(fleet: &Fleet, resource: &str) -> FreshnessState {
    let duties = providers(fleet, Who::City).await;
    let duty = duties.into_iter().find(|duty| duty.resource_id == resource).unwrap();
    duty.freshness.unwrap().state()
}

/// The same of what came to the centre, of the only resource that flows there.
async fn freshness_at_centre(fleet: &Fleet) -> FreshnessState {
    let page = list(fleet, Who::City, ListConsolidationsRequest::default()).await;
    let [one] = <[_; 1]>::try_from(page.consolidations).unwrap();
    one.freshness.unwrap().state()
}

/// R27.1, R10.1: a comparison brings no rows, and so no correction.
#[tokio::test]
async fn a_comparison_brings_no_correction() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let mut provider = fleet.provider_node().await;
    let wrong = delivery(&fleet, &terms);
    deliver(&fleet, &mut provider, &wrong).await;
    let ticket = raise(&fleet, &wrong.transfer_id).await;
    fleet.clock.advance(Duration::from_secs(60));
    assert_eq!(uphold(&fleet, &ticket).await.unwrap().corrections_owed, 1);

    let compared = TransferRequest { reconcile: true, ..delivery(&fleet, &terms) };
    deliver(&fleet, &mut provider, &compared).await;
    fleet.clock.advance(Duration::from_secs(60));
    let corrected = delivery(&fleet, &terms);
    deliver(&fleet, &mut provider, &corrected).await;

    assert_eq!(received(&fleet, Who::Consumer).await.transfer_id, corrected.transfer_id);
}

/// The source holds other rows than before.
async fn deliver_more(fleet: &Fleet, provider: &mut ProviderNode, request: &TransferRequest) {
    deliver_frames(fleet, provider, request, 4).await;
}

async fn deliver_frames(
    fleet: &Fleet,
    provider: &mut ProviderNode,
    request: &TransferRequest,
    frames: u64,
) {
    let consumer = fleet.consumer_node(Who::Consumer);
    let answer = consumer.fetch(request).await.unwrap();
    let serve = provider.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(provider.deliver(&serve, frames), read(answer));
    delivered.unwrap();
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
}

fn statement(asked: &TransferRequest, rows: u64, digest: u8) -> SinkStatement {
    SinkStatement {
        subscription_id: ID.to_owned(),
        transfer_id: asked.transfer_id.clone(),
        sink: Some(RowSet { rows, digest: vec![digest; 32], ..RowSet::default() }),
        ..SinkStatement::default()
    }
}

async fn reconcile(
    fleet: &Fleet,
    statement: &SinkStatement,
) -> Result<ReconcileSubscriptionResponse, Status> {
    let node = fleet.node(Who::Consumer);
    let statement = Some(signed::sign(&Signer::from(&node), statement));
    let request = ReconcileSubscriptionRequest { statement };
    Ok(client(fleet, &node).reconcile_subscription(request).await?.into_inner())
}

async fn list(
    fleet: &Fleet,
    who: Who,
    request: ListConsolidationsRequest,
) -> ListConsolidationsResponse {
    let mut client = CentreServiceClient::new(fleet.channel(&fleet.user(who)));
    client.list_consolidations(request).await.unwrap().into_inner()
}

async fn states(fleet: &Fleet, who: Who) -> Vec<ConsolidationState> {
    let page = list(fleet, who, ListConsolidationsRequest::default()).await;
    page.consolidations.iter().map(|one| one.state()).collect()
}

async fn providers(fleet: &Fleet, who: Who) -> Vec<ProviderDuty> {
    let mut client = DutyServiceClient::new(fleet.channel(&fleet.user(who)));
    let request = ListProviderDutiesRequest::default();
    client.list_provider_duties(request).await.unwrap().into_inner().duties
}

async fn consumers(fleet: &Fleet, who: Who) -> Vec<ConsumerDuty> {
    let mut client = DutyServiceClient::new(fleet.channel(&fleet.user(who)));
    let request = ListConsumerDutiesRequest::default();
    client.list_consumer_duties(request).await.unwrap().into_inner().duties
}
