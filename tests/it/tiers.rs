//! Two tiers (市县分级交换, R24.1): the city's bus, and a district's, each with its own event store and nodes.

mod district;
mod line;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use publicdata::commands::answer;
use publicdata::commands::grant::{Mode, Modes};
use publicdata::session::{Session, new_command_id};
use publicdata_proto::exchange::v1::tier_service_client::TierServiceClient;
use publicdata_proto::exchange::v1::{
    GetGrantOnBehalfRequest, RevokeGrantRequest, Transfer, TransferStatus,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::grpc::channel;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::fleet::{ENTRY, Granted, Reader, Rows, until};
use crate::process::Terminal;
use crate::trace::{TRACE_ID, fetch_in_trace};
use district::{CIVIL, District, HEALTH, log};

/// What the provider's node of the district has to be told of its resource.
fn dataset(district: &District, resource: &str) -> String {
    format!(
        "[[dataset]]\nresource_id = \"{resource}\"\nconnector = \"sqlite\"\npath = \"{}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n",
        district.city.database.display(),
    )
}

fn bulk() -> Modes {
    Modes { modes: vec![Mode::Query, Mode::Bulk] }
}

/// The only transfer in a log.
fn only(transfers: Vec<Transfer>) -> Transfer {
    let [transfer] = <[Transfer; 1]>::try_from(transfers).unwrap();
    transfer
}

/// R24.1: a department of the district applies for what one of the city provides, and fetches it through both buses: its provider signed
/// the grant, both nodes the receipt, and both buses have logged the transfer under one id and in one trace, with the way that it went.
#[tokio::test]
async fn a_district_fetches_from_the_city() {
    // Whoever is traced passes the trace on.
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let mut district = District::start(Rows::few()).await;
    district.city.start_provider().await;
    district.start_node(&CIVIL, "").await;
    let consumer = district.session(CIVIL.accounts[1].1);

    let provider = district.city.provider();
    let resource = district.city.resource.clone();
    let granted = Granted::default();
    let grant =
        district.city.granted_between((&consumer, &provider), &resource, granted, bulk()).await;
    district.city.grant = grant.clone();
    let rows = Reader::open(&consumer, &district.city.wanted(Vec::new())).await.unwrap();

    assert_eq!(rows.rest().await.unwrap(), district.city.source_rows().await);
    let (here, there) = (only(log(&consumer, &grant).await), only(log(&provider, &grant).await));
    assert_eq!(here.status(), TransferStatus::Completed);
    assert_eq!(there.status(), TransferStatus::Completed);
    assert_eq!(here.id, there.id);
    assert_eq!((here.rows, &here.sha256), (there.rows, &there.sha256));
    assert_eq!(here.provider_code, there.provider_code);
    assert_eq!(here.served_through, district.city_bus_id());
    assert_eq!(there.requested_through, district.bus_id());
    assert_eq!((here.requested_through.as_str(), there.served_through.as_str()), ("", ""));

    let terminal = Terminal::new(district.city.fleet.data());
    let listed = terminal.json(&["node", "peers"]).await;
    assert_eq!(listed["peers"][0]["id"], district.bus_id().as_str(), "{listed}");
    let listed = terminal.text(&["transfer", "list", "--as", "civil-affairs"]).await;
    assert!(listed.contains("exchange-bus-510104 →"), "{listed}");

    // One trace leads to the events of both.
    fetch_in_trace(&consumer, &grant).await;
    let transfer = log(&consumer, &grant).await.swap_remove(0).id;
    for traces in district.traces_of(&transfer).await {
        assert!(traces.len() >= 2, "{traces:?}");
        assert!(traces.iter().all(|trace| trace.contains(TRACE_ID)), "{traces:?}");
    }
}

/// R24.1, R26.2: the same in the other direction, though the district's bus is never dialled; and what its provider revokes there stops a
/// transfer that runs through both.
#[tokio::test]
async fn the_city_fetches_from_a_district_until_that_revokes() {
    let mut district = District::start(Rows::many()).await;
    let (city, grant) = provided_by_the_district(&mut district).await;

    let mut reader = Reader::open(&city, &district.city.wanted(Vec::new())).await.unwrap();
    assert!(reader.next().await.unwrap());
    let provider = district.session(CIVIL.accounts[1].1);
    let request = RevokeGrantRequest {
        command_id: new_command_id(),
        grant_id: grant.clone(),
        reason: "用途变更".to_owned(),
    };
    let revoked = answer(provider.grants().unwrap().revoke_grant(request).await).unwrap();
    assert_eq!(revoked.stopped_transfers, 1);

    let refused = reader.rest().await.unwrap_err();
    assert_eq!(refused.reason, "GRANT_REVOKED", "{refused:?}");
    let there = only(log(&provider, &grant).await);
    assert_eq!(there.requested_through, district.city_bus_id());
    let here = until("the city has logged the end", async || {
        let here = only(log(&city, &grant).await);
        (here.status() == TransferStatus::Stopped).then_some(here)
    })
    .await;
    assert_eq!(here.served_through, district.bus_id());
    assert_eq!(here.reason, "GRANT_REVOKED");
}

/// R24.1, H4: the district's bus is killed in the middle of a transfer to the city: both logs say that it broke off, and it goes on when
/// the bus is there again, to the same rows.
#[tokio::test]
async fn a_transfer_between_tiers_goes_on_after_a_bus_was_killed() {
    let mut district = District::start(Rows::many()).await;
    let (city, grant) = provided_by_the_district(&mut district).await;

    let mut reader = Reader::open(&city, &district.city.wanted(Vec::new())).await.unwrap();
    assert!(reader.next().await.unwrap());
    district.kill_bus();
    district.is_connected(false).await;
    until("the city has logged that it broke off", async || {
        let here = only(log(&city, &grant).await);
        let broken = here.status() == TransferStatus::Interrupted;
        broken.then(|| assert_eq!(here.reason, "TIER_UNREACHABLE", "{here:?}"))
    })
    .await;
    district.start_bus();
    let rows = reader.rest().await.unwrap();

    assert_eq!(rows, district.city.source_rows().await);
    let provider = district.session(CIVIL.accounts[1].1);
    let (here, there) = (only(log(&city, &grant).await), only(log(&provider, &grant).await));
    assert_eq!(here.status(), TransferStatus::Completed);
    assert_eq!((here.id, here.sha256), (there.id, there.sha256));
}

/// R24.1: each tier goes on alone when it is cut off; what crosses is refused with the name of the bus that is out of reach, and works
/// again when the line is mended.
#[tokio::test]
async fn each_tier_goes_on_alone() {
    let mut district = District::start(Rows::few()).await;
    let (city, across) = provided_by_the_district(&mut district).await;
    district.start_node(&HEALTH, "").await;
    district.city.start_provider().await;
    let wanted = |district: &District, grant: &str| publicdata::commands::fetch::Arguments {
        grant: grant.to_owned(),
        ..district.city.wanted(Vec::new())
    };
    let open = async |who: &Session, grant: &str| {
        let reader = Reader::open(who, &wanted(&district, grant)).await?;
        reader.rest().await
    };
    open(&city, &across).await.unwrap();

    district.cut();
    district.is_connected(false).await;
    let (civil, health) =
        (district.session(CIVIL.accounts[1].1), district.session(HEALTH.accounts[1].1));
    let published = district.published.clone().unwrap();
    let granted = Granted::default;
    let inside =
        district.city.granted_between((&health, &civil), &published, granted(), bulk()).await;
    let parties = (&district.city.consumer(), &district.city.provider());
    let resource = district.city.resource.clone();
    let in_city = district.city.granted_between(parties, &resource, granted(), bulk()).await;

    let rows = district.city.source_rows().await;
    assert_eq!(open(&health, &inside).await.unwrap(), rows);
    assert_eq!(open(&city, &in_city).await.unwrap(), rows);
    let refused = open(&city, &across).await.unwrap_err();
    assert_eq!(refused.reason, "TIER_UNREACHABLE", "{refused:?}");
    assert!(refused.message.contains(&district.bus_id()), "{refused:?}");

    district.events.mend();
    district.calls.mend();
    district.is_connected(true).await;
    assert_eq!(open(&city, &across).await.unwrap(), rows);
}

/// R24.1, R45.1: a bus speaks for the organisations of its own division alone, and nobody else speaks for any.
#[tokio::test]
async fn nobody_speaks_for_those_of_another_tier() {
    let mut district = District::start(Rows::few()).await;
    let (city, grant) = provided_by_the_district(&mut district).await;
    let ask = async |as_of: &str, on_behalf_of: String| {
        let credentials = district.city.session(as_of).credentials;
        let bus = district.city_bus_id().parse().unwrap();
        let address = &district.city.fleet.endpoints().exchange_bus;
        let channel = channel(address, &credentials, &bus).unwrap();
        let request = GetGrantOnBehalfRequest { on_behalf_of, grant_id: grant.clone() };
        let asked = TierServiceClient::new(channel).get_grant_on_behalf(request).await;
        Problem::from_status(&asked.unwrap_err()).reason.into_owned()
    };
    let of_city = city.credentials.id().to_string();
    let of_district = district.session(CIVIL.accounts[1].1).credentials.id().to_string();

    let bus = district::credentials_of_bus();
    assert_eq!(ask(&bus, of_city.clone()).await, "OUTSIDE_TIER");
    assert_eq!(ask("catalog", of_district.clone()).await, "NOT_A_PEER");
    assert_eq!(ask("health", of_city).await, "NOT_A_PEER");
    // The city's bus asks nobody back: it does not have the grant itself.
    assert_eq!(ask(&bus, of_district).await, "GRANT_UNKNOWN");
}

/// A department of the district provides; one of the city is granted it, and its session answers.
async fn provided_by_the_district(district: &mut District) -> (Session, String) {
    let provider = district.session(CIVIL.accounts[1].1);
    let entry = ENTRY.replace("11510100MB0000027K", CIVIL.code);
    let entry = entry.replace("人口登记", "锦江区人口登记");
    let resource = district.city.published_by(&provider, &entry).await;
    let datasets = dataset(district, &resource);
    district.start_node(&CIVIL, &datasets).await;

    let consumer = district.city.consumer();
    let parties = (&consumer, &provider);
    let granted = Granted::default();
    let grant = district.city.granted_between(parties, &resource, granted, bulk()).await;
    district.city.grant = grant.clone();
    district.published = Some(resource);
    (consumer, grant)
}
