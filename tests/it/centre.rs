//! The big data centre (市大数据中心, R10): what flows to it equals its source, and what does not is found; duties measured (R29.1, R30.1).

use std::path::Path;
use std::time::Duration;

use publicdata::commands::answer;
use publicdata::sample::{CONSUMER, PROVIDER};
use publicdata::session::{Session, new_command_id};
use publicdata_proto::catalog::v1::{OrderConsolidationRequest, StopConsolidationRequest};
use publicdata_proto::exchange::v1::{
    Consolidation, ConsolidationState, ConsolidationTotals, FreshnessState,
    ListConsolidationsRequest, ListConsumerDutiesRequest, ListProviderDutiesRequest,
    ListSubscriptionsRequest, ProviderDuty, Subscription, SubscriptionStatus,
};
use publicdata_proto::node::v1::{GetStatusRequest, ReconcileSubscriptionRequest};
use publicdata_service_kit::Clock;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::fleet::{City, ENTRY, PURPOSE, Rows, connect, until};

const DAY: Duration = Duration::from_secs(86_400);

/// R10.1, R10.2, R29.1, R30.1: what was ordered arrives and equals its source; a row that somebody alters at the centre is found, and
/// so is that it was put right; what has no grant is missing; who stops updating is late, until new data come.
#[tokio::test(flavor = "multi_thread")]
async fn the_centre_shows_what_equals_its_source_what_is_missing_and_what_is_late() {
    let mut city = collecting_city().await;
    let sink = city.path("centre.db");
    let without_grant = city.published(&ENTRY.replace("人口登记", "机构名录")).await;
    order(&city, &city.resource).await;
    order(&city, &without_grant).await;
    let subscription = subscription(&city, &sink);
    start(&mut city, &subscription).await;

    let one = shown(&city, ConsolidationState::Equal).await;
    let compared = one.reconciliation.unwrap();
    assert_eq!((compared.source.unwrap().rows, compared.sink.unwrap().rows), (100, 100));
    assert_eq!(one.freshness.unwrap().state(), FreshnessState::Fresh);
    let (all, totals) = listed(&city).await;
    let missing = all.iter().find(|one| one.resource_id == without_grant).unwrap();
    assert_eq!(missing.state(), ConsolidationState::NoGrant);
    assert_eq!((totals.resources, totals.equal, totals.missing), (2, 1, 1));

    execute(&sink, "UPDATE people SET note = note || '!' WHERE code = 'r0000007'").await;
    reconcile(&city).await;
    let altered = shown(&city, ConsolidationState::Unequal).await.reconciliation.unwrap();
    let (source, found) = (altered.source.unwrap(), altered.sink.unwrap());
    assert_eq!(source.rows, found.rows);
    assert_ne!(source.digest, found.digest);
    assert_eq!(duty(&city).await.unequal_subscriptions, 1);
    execute(&sink, "UPDATE people SET note = rtrim(note, '!') WHERE code = 'r0000007'").await;
    reconcile(&city).await;
    shown(&city, ConsolidationState::Equal).await;

    // The schedule compares once a day; so somebody looks after the month has passed.
    city.fleet.clock().advance(DAY * 40);
    let late = until("the source is late", async || {
        let freshness = duty(&city).await.freshness?;
        (freshness.state() == FreshnessState::Late).then_some(freshness)
    })
    .await;
    assert!((9..=12).contains(&late.days_late), "{late:?}");
    assert_eq!(listed(&city).await.1.late, 1);
    city.change_source("UPDATE people SET size = 1, changed = 1000 WHERE code = 'r0000003'").await;
    until("new data end it", async || {
        let freshness = duty(&city).await.freshness?;
        (freshness.state() == FreshnessState::Fresh).then_some(())
    })
    .await;
    let before = shown(&city, ConsolidationState::Equal).await.reconciliation.unwrap().transfer_id;
    reconcile(&city).await;
    until("they are compared once more", async || {
        let last = shown(&city, ConsolidationState::Equal).await.reconciliation?;
        (last.transfer_id != before).then_some(())
    })
    .await;

    // Whatever is delivered anew meanwhile: now all rows, and not the change that came last.
    city.fleet.clock().advance(DAY * 40);
    until("everything was delivered anew", async || {
        let subscription = subscriptions(&city).await.pop()?;
        (subscription.last_rows == 100 && subscription.deliveries >= 3).then_some(())
    })
    .await;
    let freshness = duty(&city).await.freshness.unwrap();
    assert_eq!(freshness.state(), FreshnessState::Late, "{freshness:?}");
    assert_eq!(listed(&city).await.1.late, 1);

    // A receipt comes after the rows.
    let health = until("every receipt is signed", async || {
        let request = ListConsumerDutiesRequest::default();
        let duties = city.consumer().duties().unwrap().list_consumer_duties(request).await;
        let health = answer(duties).unwrap().duties.pop().unwrap();
        (health.unsigned == 0).then_some(health)
    })
    .await;
    assert_eq!(health.refused, 0, "{health:?}");
    // The first load and a change, and each comparison.
    assert!(health.signed >= 6, "{health:?}");
    stop(&city, &without_grant).await;
    until("what was stopped is gone", async || (listed(&city).await.0.len() == 1).then_some(()))
        .await;
    city.audited().await;
}

/// R10.1: the centre's node subscribes of itself to what was ordered and granted, in a table of its own, and no longer than that: also at
/// the bus. What is ordered again flows again.
#[tokio::test(flavor = "multi_thread")]
async fn the_centres_node_subscribes_to_what_was_ordered_and_granted() {
    let mut city = collecting_city().await;
    let sink = city.path("centre.db");
    order(&city, &city.resource).await;
    let code = shown(&city, ConsolidationState::NoSubscription).await.resource_code;
    let centre = format!(
        "[centre]\nlook_s = 1\n[centre.keys]\n\"{code}\" = [\"code\"]\n\
         [centre.sink]\nkind = \"sqlite\"\npath = \"{}\"\n",
        sink.display()
    );
    start(&mut city, &centre).await;

    shown(&city, ConsolidationState::Equal).await;
    let mut connection = connect(&sink).await;
    let table = format!("r_{}", code.replace('/', "_"));
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(rows, 100);
    stop(&city, &city.resource).await;
    until("the node has ended its subscription", async || {
        let mut node = city.consumer().node(None).unwrap();
        let status = answer(node.get_status(GetStatusRequest {}).await).unwrap();
        status.subscriptions.is_empty().then_some(())
    })
    .await;
    let ended = until("the bus knows that it has ended", async || {
        let subscription = subscriptions(&city).await.pop()?;
        (subscription.status() == SubscriptionStatus::Ended).then_some(subscription)
    })
    .await;
    assert_eq!(ended.end_reason, "WITHDRAWN_BY_NODE");

    order(&city, &city.resource).await;
    shown(&city, ConsolidationState::Equal).await;
    assert_eq!(subscriptions(&city).await[0].status(), SubscriptionStatus::Open);
}

/// R10.1, R13.1: the authority alone orders it, of what is published, and says on which basis.
#[tokio::test(flavor = "multi_thread")]
async fn the_authority_alone_orders_what_flows() {
    let city = collecting_city().await;
    let refused = async |session: Session, request| {
        let ordered = session.consolidations().unwrap().order_consolidation(request).await;
        answer(ordered).unwrap_err().reason.to_string()
    };
    let wanted = wanted(&city.resource);
    assert_eq!(refused(city.provider(), wanted.clone()).await, "ROLE_MISSING");
    let unknown = OrderConsolidationRequest { resource_id: city.grant.clone(), ..wanted.clone() };
    assert_eq!(refused(city.authority(), unknown).await, "RESOURCE_NOT_FOUND");
    let baseless = OrderConsolidationRequest { legal_basis: " ".to_owned(), ..wanted.clone() };
    assert_eq!(refused(city.authority(), baseless).await, "TEXT_MISSING");
    let own = OrderConsolidationRequest { centre_code: PROVIDER.code.to_owned(), ..wanted };
    assert_eq!(refused(city.authority(), own).await, "OWN_RESOURCE");
}

/// A city whose provider says what has changed, monthly, with a grant by push.
async fn collecting_city() -> City {
    let clock = Clock::manual(Clock::system().now());
    let entry = ENTRY.replace("UPDATE_CYCLE_YEARLY", "UPDATE_CYCLE_MONTHLY");
    let city = City::settled_for_push_of(Rows::few(), &entry, clock).await;
    city.change_source(
        "ALTER TABLE people ADD COLUMN changed INTEGER; UPDATE people SET changed = rowid",
    )
    .await;
    city
}

/// Starts both nodes, the centre's with this in its configuration.
async fn start(city: &mut City, centre: &str) {
    let dataset = format!(
        "[[dataset]]\nresource_id = \"{}\"\nconnector = \"sqlite\"\npath = \"{}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n\
         [dataset.changes]\nwatermark = \"changed\"\npoll_ms = 50\n",
        city.resource,
        city.database.display(),
    );
    let of_provider = city.node_config(&PROVIDER, "provider", &dataset);
    let of_centre = city.node_config(&CONSUMER, "centre", centre);
    city.fleet.start_node(&of_provider).await.unwrap();
    city.fleet.nodes_connected(1).await.unwrap();
    city.fleet.start_node(&of_centre).await.unwrap();
}

/// A subscription written by hand, compared once a day, and now and then delivered anew.
fn subscription(city: &City, sink: &Path) -> String {
    format!(
        "[[subscription]]\nname = \"people\"\ngrant_id = \"{}\"\npurpose = \"{PURPOSE}\"\n\
         trigger = \"on-change\"\nreconcile = \"every 1d\"\nrefresh = \"every 20d\"\n\
         [subscription.sink]\nkind = \"sqlite\"\npath = \"{}\"\ntable = \"people\"\nkey = [\"code\"]\n",
        city.grant,
        sink.display(),
    )
}

async fn stop(city: &City, resource: &str) {
    let request = StopConsolidationRequest {
        command_id: new_command_id(),
        resource_id: resource.to_owned(),
        reason: "职能划转".to_owned(),
    };
    answer(city.authority().consolidations().unwrap().stop_consolidation(request).await).unwrap();
}

async fn order(city: &City, resource: &str) {
    let request = wanted(resource);
    answer(city.authority().consolidations().unwrap().order_consolidation(request).await).unwrap();
}

fn wanted(resource: &str) -> OrderConsolidationRequest {
    OrderConsolidationRequest {
        command_id: new_command_id(),
        resource_id: resource.to_owned(),
        centre_code: CONSUMER.code.to_owned(),
        legal_basis: "《成都市公共数据管理应用暂行规定》第十条".to_owned(),
    }
}

/// What the centre subscribes to.
async fn subscriptions(city: &City) -> Vec<Subscription> {
    let request = ListSubscriptionsRequest::default();
    let mut client = city.consumer().subscriptions().unwrap();
    answer(client.list_subscriptions(request).await).unwrap().subscriptions
}

/// Has the centre's node compare now.
async fn reconcile(city: &City) {
    let request = ReconcileSubscriptionRequest { subscription: "people".to_owned() };
    let mut node = city.consumer().node(None).unwrap();
    answer(node.reconcile_subscription(request).await).unwrap();
}

/// Waits until the city's resource stands so.
async fn shown(city: &City, state: ConsolidationState) -> Consolidation {
    until(&format!("the resource is {state:?}"), async || {
        let (all, _) = listed(city).await;
        let of_city = |one: &Consolidation| one.resource_id == city.resource;
        all.into_iter().find(of_city).filter(|one| one.state() == state)
    })
    .await
}

async fn listed(city: &City) -> (Vec<Consolidation>, ConsolidationTotals) {
    let request = ListConsolidationsRequest::default();
    let mut client = city.authority().centre().unwrap();
    let page = answer(client.list_consolidations(request).await).unwrap();
    (page.consolidations, page.totals.unwrap())
}

/// What the events of the city's resource show, as its provider sees it.
async fn duty(city: &City) -> ProviderDuty {
    let request = ListProviderDutiesRequest::default();
    let duties = answer(city.provider().duties().unwrap().list_provider_duties(request).await);
    let of_city = |duty: &ProviderDuty| duty.resource_id == city.resource;
    duties.unwrap().duties.into_iter().find(of_city).unwrap()
}

async fn execute(path: &Path, statement: &str) {
    let mut connection = connect(path).await;
    let statement = AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
