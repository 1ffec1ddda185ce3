//! Subscriptions, and their deliveries (R23.1).

use publicdata_identity::Credentials;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::subscription_service_client::SubscriptionServiceClient;
use publicdata_proto::exchange::v1::{
    EndSubscriptionRequest, GetSubscriptionRequest, GrantTerms, ListSubscriptionsRequest,
    OpenSubscriptionRequest, OpenSubscriptionResponse, SubmitApplicationRequest, Subscription,
    SubscriptionStatus, SubscriptionTrigger, SubscriptionTriggerKind, TransferRequest,
    TransferStatus,
};
use publicdata_service_kit::grpc::Channel;
use tonic::{Code, Status};

use crate::fleet::{AREAS, Fleet, VILLAGES, Who, application, new_id};
use crate::nodes::{ProviderNode, SOON, assert_refused, read, receipt_in};

pub(crate) const ID: &str = "00000000-0000-4000-8000-000000000077";

/// R23.1, H1: what a node says again at each link is recorded once, and both sides see it.
#[tokio::test]
async fn a_subscription_is_opened_once_and_seen_by_both_sides() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;

    let first = open(&fleet, wanted(&terms)).await.unwrap();
    let again = open(&fleet, wanted(&terms)).await.unwrap();
    let daily = SubscriptionTrigger {
        daily_at: "02:30".to_owned(),
        ..trigger(SubscriptionTriggerKind::Daily)
    };
    let changed = OpenSubscriptionRequest { trigger: Some(daily.clone()), ..wanted(&terms) };
    open(&fleet, changed).await.unwrap();

    assert_eq!(first.sequence, again.sequence);
    let events = fleet.events("subscription", ID).await;
    assert_eq!(events, ["SubscriptionOpened", "SubscriptionChanged"]);
    for who in [Who::Consumer, Who::Provider, Who::Auditor] {
        let shown = subscription(&fleet, who).await.unwrap();
        let settings = shown.settings.clone().unwrap();
        assert_eq!(shown.status(), SubscriptionStatus::Open);
        assert_eq!((settings.name.as_str(), settings.trigger), ("villages", Some(daily.clone())));
        assert_eq!(settings.resource_id, VILLAGES);
    }
}

/// H3: whoever is no party to a subscription can neither see it nor end it, nor tell that it is there.
#[tokio::test]
async fn strangers_learn_nothing_of_a_subscription() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();

    let seen = subscription(&fleet, Who::Stranger).await;
    assert_refused(seen, Code::NotFound, "SUBSCRIPTION_UNKNOWN");
    assert_refused(end(&fleet, Who::Stranger).await, Code::NotFound, "SUBSCRIPTION_UNKNOWN");
    let mut client = client(&fleet, &fleet.user(Who::Stranger));
    let listed = client.list_subscriptions(ListSubscriptionsRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().subscriptions, []);
}

/// R26.2: a grant that allows bulk alone allows no push, neither a subscription nor a delivery.
#[tokio::test]
async fn push_has_to_be_granted() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;

    let opened = open(&fleet, wanted(&terms)).await;
    assert_refused(opened, Code::PermissionDenied, "MODE_NOT_GRANTED");

    let consumer = fleet.consumer_node(Who::Consumer);
    let request = delivery(&fleet, &terms);
    let refused = consumer.refused(&request).await;
    assert_refused::<()>(Err(refused), Code::PermissionDenied, "MODE_NOT_GRANTED");
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "MODE_NOT_GRANTED").await;
}

/// R26.2: of what was not opened, or by another, nothing is delivered; and a bulk fetch is not given under a grant of push alone.
#[tokio::test]
async fn only_what_is_open_is_delivered() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    let consumer = fleet.consumer_node(Who::Consumer);

    for subscription_id in [ID, "no id"] {
        let subscription_id = subscription_id.to_owned();
        let request = TransferRequest { subscription_id, ..delivery(&fleet, &terms) };
        let refused = consumer.refused(&request).await;
        assert_refused::<()>(Err(refused), Code::NotFound, "SUBSCRIPTION_UNKNOWN");
        fleet.logged(&request.transfer_id, TransferStatus::Refused, "SUBSCRIPTION_UNKNOWN").await;
    }

    open(&fleet, wanted(&terms)).await.unwrap();
    end(&fleet, Who::Provider).await.unwrap();
    let request = delivery(&fleet, &terms);
    let refused = consumer.refused(&request).await;
    assert_refused::<()>(Err(refused), Code::FailedPrecondition, "SUBSCRIPTION_ENDED");
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "SUBSCRIPTION_ENDED").await;
    let opened = open(&fleet, wanted(&terms)).await;
    assert_refused(opened, Code::FailedPrecondition, "SUBSCRIPTION_ENDED");
    let shown = subscription(&fleet, Who::Consumer).await.unwrap();
    assert_eq!(shown.status(), SubscriptionStatus::Ended);
    assert_eq!(
        (shown.end_reason.as_str(), shown.end_message.as_str()),
        ("ENDED_ON_REQUEST", "不再需要")
    );
}

/// R10.1: a node that no longer wants what it subscribed to ends it, and may open it anew under the same grant; nobody else's node may.
#[tokio::test]
async fn a_node_withdraws_its_own_subscription() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let withdraw = async |who| {
        let request = EndSubscriptionRequest {
            command_id: new_id(),
            subscription_id: ID.to_owned(),
            reason: "归集已停止".to_owned(),
        };
        client(&fleet, &fleet.node(who)).end_subscription(request).await
    };

    let others = withdraw(Who::Provider).await;
    assert_refused(others, Code::PermissionDenied, "SUBSCRIPTION_OF_OTHER_NODE");
    assert_refused(withdraw(Who::Stranger).await, Code::NotFound, "SUBSCRIPTION_UNKNOWN");
    withdraw(Who::Consumer).await.unwrap();
    assert_eq!(ended(&fleet).await, "WITHDRAWN_BY_NODE");
    let request = delivery(&fleet, &terms);
    let refused = fleet.consumer_node(Who::Consumer).refused(&request).await;
    assert_refused::<()>(Err(refused), Code::FailedPrecondition, "SUBSCRIPTION_ENDED");

    open(&fleet, wanted(&terms)).await.unwrap();
    let shown = subscription(&fleet, Who::Consumer).await.unwrap();
    assert_eq!((shown.status(), shown.end_reason.as_str()), (SubscriptionStatus::Open, ""));
}

/// R23.1: what another node of the same consumer asks for in its name is refused, and says nothing of the subscription.
#[tokio::test]
async fn another_node_is_no_trouble_of_the_subscription() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();

    let other = fleet.second_node(Who::Consumer).await;
    let (mode, subscription_id) = (DeliveryMode::Push.into(), ID.to_owned());
    let request = TransferRequest { mode, subscription_id, ..other.request(&terms) };
    let refused = other.refused(&request).await;

    assert_refused::<()>(Err(refused), Code::NotFound, "SUBSCRIPTION_UNKNOWN");
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "SUBSCRIPTION_UNKNOWN").await;
    let shown = subscription(&fleet, Who::Consumer).await.unwrap();
    assert_eq!((shown.status(), shown.problem.as_str()), (SubscriptionStatus::Open, ""));
}

/// R26.2, R23.1: with its grant a subscription ends, whether the grant is revoked or its time is over.
#[tokio::test]
async fn a_subscription_ends_with_its_grant() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    fleet.revoke(&terms.grant_id).await;
    assert_eq!(ended(&fleet).await, "GRANT_REVOKED");

    // Under another grant it goes on, until that one is over.
    let later = push_granted(&fleet).await;
    open(&fleet, wanted(&later)).await.unwrap();
    fleet.clock.advance(std::time::Duration::from_secs(366 * 86_400));
    assert_eq!(ended(&fleet).await, "GRANT_EXPIRED");

    let events = fleet.events("subscription", ID).await;
    let once = ["SubscriptionOpened", "SubscriptionEnded"];
    assert_eq!(events, [once, once].concat());
}

/// R23.1: the consumer's node hears of a change at once, of one that came while it was away when it asks, and of nothing that
/// another than the provider's node says.
#[tokio::test]
async fn a_change_is_told_to_those_who_wait_for_it() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    let provider = fleet.provider_node().await;
    assert_eq!(open(&fleet, wanted(&terms)).await.unwrap().source_version, "");
    let stranger = link(&fleet, Who::Stranger, &[VILLAGES]).await;
    let mut consumer = link(&fleet, Who::Consumer, &[]).await;

    stranger.say_changed(VILLAGES, "lie").await;
    provider.say_changed(AREAS, "other").await;
    provider.say_changed(VILLAGES, "state-1").await;
    let due = consumer.told_due().await;
    assert_eq!((due.subscription_id.as_str(), due.source_version.as_str()), (ID, "state-1"));

    // What is said again is no news; what comes next is.
    provider.say_changed(VILLAGES, "state-1").await;
    provider.say_changed(VILLAGES, "state-2").await;
    assert_eq!(consumer.told_due().await.source_version, "state-2");
    assert_eq!(open(&fleet, wanted(&terms)).await.unwrap().source_version, "state-2");
}

/// R23.1: deliveries are counted where both sides see them, and what went wrong stands there until one succeeds.
#[tokio::test]
async fn deliveries_are_counted() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let consumer = fleet.consumer_node(Who::Consumer);
    let missed = delivery(&fleet, &terms);
    assert_refused::<()>(
        Err(consumer.refused(&missed).await),
        Code::Unavailable,
        "NODE_NOT_CONNECTED",
    );
    fleet.logged(&missed.transfer_id, TransferStatus::Interrupted, "NODE_NOT_CONNECTED").await;
    assert_eq!(subscription(&fleet, Who::Provider).await.unwrap().problem, "NODE_NOT_CONNECTED");

    let mut provider = fleet.provider_node().await;
    for _ in 0..2 {
        let request = delivery(&fleet, &terms);
        let answer = consumer.fetch(&request).await.unwrap();
        let serve = provider.asked().await;
        let (delivered, (parts, ended)) = tokio::join!(provider.deliver(&serve, 3), read(answer));
        delivered.unwrap();
        ended.unwrap();
        consumer.confirm(&receipt_in(&parts)).await.unwrap();
        let shown = subscription(&fleet, Who::Provider).await.unwrap();
        assert_eq!(shown.last_transfer_id, request.transfer_id);
    }

    let shown = subscription(&fleet, Who::Consumer).await.unwrap();
    assert_eq!((shown.deliveries, shown.rows, shown.last_rows), (2, 60, 30));
    assert!(shown.problem.is_empty() && shown.last_delivered_at.is_some());

    // H2: events that are applied together tell the same.
    let [_, log, _] = &fleet.bus.projectors;
    let before = log.content().await.unwrap();
    assert_eq!(log.rebuild().await.unwrap().content, before);
}

/// H2: rebuilt from events, the view says the same.
#[tokio::test]
async fn the_view_of_subscriptions_can_be_rebuilt() {
    let fleet = Fleet::start().await;
    let terms = push_granted(&fleet).await;
    open(&fleet, wanted(&terms)).await.unwrap();
    let shown = subscription(&fleet, Who::Auditor).await.unwrap();

    let [_, log, _] = &fleet.bus.projectors;
    let before = log.content().await.unwrap();
    let rebuilt = log.rebuild().await.unwrap();

    assert_eq!(rebuilt.content, before);
    assert_eq!(subscription(&fleet, Who::Auditor).await.unwrap(), shown);
}

/// A grant of `code` and `name` of the villages to the consumer, by push alone.
pub(crate) async fn push_granted(fleet: &Fleet) -> GrantTerms {
    let delivery_modes = vec![DeliveryMode::Push.into()];
    let application =
        SubmitApplicationRequest { delivery_modes: delivery_modes.clone(), ..application() };
    let response = fleet.grants(Who::Consumer).submit_application(application).await.unwrap();
    let terms = GrantTerms { delivery_modes, ..fleet.terms(&response.into_inner().grant_id) };
    fleet.issue(&terms).await.unwrap();
    terms
}

pub(crate) fn wanted(terms: &GrantTerms) -> OpenSubscriptionRequest {
    OpenSubscriptionRequest {
        subscription_id: ID.to_owned(),
        name: "villages".to_owned(),
        grant_id: terms.grant_id.clone(),
        fields: Vec::new(),
        purpose: terms.purpose.clone(),
        case_number: String::new(),
        trigger: Some(trigger(SubscriptionTriggerKind::OnChange)),
    }
}

fn trigger(kind: SubscriptionTriggerKind) -> SubscriptionTrigger {
    SubscriptionTrigger { kind: kind.into(), ..SubscriptionTrigger::default() }
}

/// A request for a delivery of the subscription.
pub(crate) fn delivery(fleet: &Fleet, terms: &GrantTerms) -> TransferRequest {
    let request = fleet.consumer_node(Who::Consumer).request(terms);
    let mode = DeliveryMode::Push.into();
    TransferRequest { subscription_id: ID.to_owned(), mode, ..request }
}

pub(crate) fn client(
    fleet: &Fleet,
    credentials: &Credentials,
) -> SubscriptionServiceClient<Channel> {
    SubscriptionServiceClient::new(fleet.channel(credentials))
}

pub(crate) async fn open(
    fleet: &Fleet,
    request: OpenSubscriptionRequest,
) -> Result<OpenSubscriptionResponse, Status> {
    let mut client = client(fleet, &fleet.node(Who::Consumer));
    Ok(client.open_subscription(request).await?.into_inner())
}

async fn end(fleet: &Fleet, who: Who) -> Result<(), Status> {
    let request = EndSubscriptionRequest {
        command_id: new_id(),
        subscription_id: ID.to_owned(),
        reason: "不再需要".to_owned(),
    };
    client(fleet, &fleet.user(who)).end_subscription(request).await.map(drop)
}

pub(crate) async fn subscription(fleet: &Fleet, who: Who) -> Result<Subscription, Status> {
    let request = GetSubscriptionRequest { subscription_id: ID.to_owned() };
    let response = client(fleet, &fleet.user(who)).get_subscription(request).await?;
    Ok(response.into_inner().subscription.unwrap())
}

/// Waits until the subscription has ended; why.
async fn ended(fleet: &Fleet) -> String {
    let shown = async {
        loop {
            let shown = subscription(fleet, Who::Consumer).await.unwrap();
            if shown.status() == SubscriptionStatus::Ended {
                return shown.end_reason;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, shown).await.unwrap()
}

async fn link(fleet: &Fleet, who: Who, resources: &[&str]) -> ProviderNode {
    let credentials = fleet.node(who);
    let resources: Vec<_> = resources.iter().map(|id| (*id).to_owned()).collect();
    ProviderNode::open(fleet.channel(&credentials), &credentials, &resources).await.unwrap()
}
