//! Two tiers (市县分级交换, R24.1): the city's bus, and a district's, each with its own event store and nodes.

mod district;
mod line;

use jiff::Timestamp;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use publicdata::commands::answer;
use publicdata::commands::grant::{Limits, Mode, Modes};
use publicdata::session::{Session, new_command_id};
use publicdata_proto::catalog::v1::{DeliveryMode, WithdrawResourceRequest};
use publicdata_proto::exchange::v1::tier_service_client::TierServiceClient;
use publicdata_proto::exchange::v1::{
    GetGrantOnBehalfRequest, GetGrantRequest, RateLimit, RatePeriod, RevokeGrantRequest, Transfer,
    TransferStatus,
};
use publicdata_proto::node::v1::value::Kind;
use publicdata_proto::node::v1::{QueryRequest, RequestProofRequest, Row};
use publicdata_service_kit::grpc::channel;
use publicdata_service_kit::{Clock, Problem};
use publicdata_transfer::credential;
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

use crate::fleet::{self, ENTRY, Granted, PURPOSE, Reader, Refused, Rows, until, within};
use crate::process::Terminal;
use crate::town::RECOVERY;
use crate::trace::{TRACE_ID, fetch_in_trace};
use district::{CIVIL, District, HEALTH, log};

/// What the provider's node of the district has to be told of its resource.
fn dataset(district: &District, resource: &str) -> String {
    format!(
        "[[dataset]]\nresource_id = \"{resource}\"\nconnector = \"sqlite\"\npath = \"{}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n\
         [[service]]\nresource_id = \"{resource}\"\nname = \"row\"\nsubject = \"code\"\n\
         [[service.parameter]]\nname = \"code\"\ntype = \"text\"\n",
        district.city.database.display(),
    )
}

fn bulk() -> Modes {
    Modes { modes: vec![Mode::Query, Mode::Bulk] }
}

/// A transfer of a log.
async fn logged(of: &Session, grant: &str, transfer: &str) -> Transfer {
    until("the transfer is in the log", async || {
        log(of, grant).await.into_iter().find(|one| one.id == transfer)
    })
    .await
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

/// R24.1, R23.1, R21.1: a question and a proof go through both buses, whichever tier has the provider: answered from its rows, verifiable
/// with the root certificate alone, and logged at both under one id, about whom by one pseudonym.
#[tokio::test]
async fn questions_and_proofs_go_through_both_tiers() {
    let mut district = District::start(Rows::few()).await;
    let (city, of_district) = provided_by_the_district(&mut district).await;
    district.start_node(&HEALTH, "").await;
    district.city.start_provider().await;
    let (civil, health) =
        (district.session(CIVIL.accounts[1].1), district.session(HEALTH.accounts[1].1));
    let (provider, resource) = (district.city.provider(), district.city.resource.clone());
    let parties = (&health, &provider);
    let of_city =
        district.city.granted_between(parties, &resource, Granted::default(), bulk()).await;

    ask_and_prove((&city, &civil), &of_district).await;
    ask_and_prove((&health, &provider), &of_city).await;
}

/// Has the consumer ask about one row, and have a fact about it proven.
async fn ask_and_prove((consumer, provider): (&Session, &Session), grant: &str) {
    let mut node = consumer.node(None).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let question = QueryRequest {
        grant_id: grant.to_owned(),
        parameters: [pair("code", "r0000042")].into(),
        fields: vec!["code".to_owned(), "size".to_owned()],
        purpose: PURPOSE.to_owned(),
        ..QueryRequest::default()
    };
    let answered = answer(node.query(question).await).unwrap();
    let values = |row: &Row| row.values.iter().map(|value| value.kind.clone()).collect::<Vec<_>>();
    let expected = [Kind::Text("r0000042".to_owned()), Kind::Integer(294)].map(Some);
    assert_eq!(answered.rows.iter().map(values).collect::<Vec<_>>(), [expected]);

    let proof = RequestProofRequest {
        grant_id: grant.to_owned(),
        parameters: [pair("code", "r0000042")].into(),
        claims: [pair("areaCode", "510104"), pair("size", "7")].into(),
        purpose: PURPOSE.to_owned(),
        case_number: "2026-0104".to_owned(),
        ..RequestProofRequest::default()
    };
    let proven = answer(node.request_proof(proof).await).unwrap();
    let roots = consumer.credentials.roots();
    let now = Clock::system().now();
    let verified = credential::verify(roots, &proven.credential, now).unwrap();
    let confirmed = serde_json::to_value(&verified.credential.credential_subject).unwrap();
    assert_eq!(confirmed["confirmed"]["areaCode"]["confirmed"], true, "{confirmed}");
    assert_eq!(confirmed["confirmed"]["size"]["confirmed"], false, "{confirmed}");

    for transfer in [&answered.transfer_id, &proven.transfer_id] {
        let [here, there] =
            [logged(consumer, grant, transfer).await, logged(provider, grant, transfer).await];
        assert_eq!(here.status(), TransferStatus::Completed);
        assert_eq!(there.status(), TransferStatus::Completed);
        assert_eq!((here.mode(), here.service.as_str()), (DeliveryMode::Query, "row"));
        assert_eq!((&here.sha256, here.proof()), (&there.sha256, there.proof()));
        assert_eq!(here.subject_reference, there.subject_reference);
        assert!(!here.subject_reference.is_empty() && !here.served_through.is_empty(), "{here:?}");
    }
}

/// R24.1, R30.1, R26.2: what one bus refuses is logged at both as refused, for the same reason, and here with whom refused it; who may ask
/// again later is told when.
#[tokio::test]
async fn a_refusal_is_logged_alike_at_both_buses() {
    let mut district = District::start(Rows::few()).await;
    let (city, revoked) = provided_by_the_district(&mut district).await;
    let civil = district.session(CIVIL.accounts[1].1);
    let published = district.published.clone().unwrap();
    let rate = RateLimit { transfers: 1, period: RatePeriod::Hour.into() };
    let limits = Limits { rate: Some(rate), ..Limits::default() };
    let granted = Granted { limits, ..Granted::default() };
    let parties = (&city, &civil);
    let limited = district.city.granted_between(parties, &published, granted, bulk()).await;
    let unlimited =
        district.city.granted_between(parties, &published, Granted::default(), bulk()).await;
    let question = |grant: &str| QueryRequest {
        grant_id: grant.to_owned(),
        parameters: [("code".to_owned(), "r0000042".to_owned())].into(),
        purpose: PURPOSE.to_owned(),
        ..QueryRequest::default()
    };
    let ask = async |grant: &str| city.node(None).unwrap().query(question(grant)).await;
    let refused = async |grant: &str, reason: &str| {
        let problem = until(reason, async || {
            let problem = Problem::from_status(&ask(grant).await.err()?);
            (problem.reason == reason).then_some(problem)
        })
        .await;
        for of in [&city, &civil] {
            until("the refusal is in the log", async || {
                let last = log(of, grant).await.swap_remove(0);
                let is_refused = last.status() == TransferStatus::Refused;
                (is_refused && last.reason == reason).then_some(())
            })
            .await;
        }
        problem
    };

    answer(ask(&limited).await).unwrap();
    let problem = refused(&limited, "RATE_EXCEEDED").await;
    let next_at: Timestamp = problem.metadata["next_at"].parse().unwrap();
    assert!(next_at > Clock::system().now(), "{next_at}");

    let request = RevokeGrantRequest {
        command_id: new_command_id(),
        grant_id: revoked.clone(),
        reason: "用途变更".to_owned(),
    };
    answer(civil.grants().unwrap().revoke_grant(request).await).unwrap();
    refused(&revoked, "GRANT_REVOKED").await;

    let request = WithdrawResourceRequest {
        command_id: new_command_id(),
        resource_id: published,
        reason: "职能划转".to_owned(),
    };
    answer(civil.resources().unwrap().withdraw_resource(request).await).unwrap();
    refused(&unlimited, "RESOURCE_WITHDRAWN").await;
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

/// R24.1, H4: a district's bus that is restarted while it is cut off serves its own tier by itself, names the city's bus as out of reach, and
/// joins again when the line is mended.
#[tokio::test]
async fn a_bus_restarted_while_cut_off_goes_on_and_joins_again() {
    let mut district = District::start(Rows::few()).await;
    let (city, across) = provided_by_the_district(&mut district).await;
    district.start_node(&HEALTH, "").await;
    let (civil, health) =
        (district.session(CIVIL.accounts[1].1), district.session(HEALTH.accounts[1].1));
    let published = district.published.clone().unwrap();
    let parties = (&health, &civil);
    let inside =
        district.city.granted_between(parties, &published, Granted::default(), bulk()).await;
    let rows = district.city.source_rows().await;
    assert_eq!(fetched(&district, &city, &across).await.unwrap(), rows);

    district.cut();
    district.is_connected(false).await;
    district.kill_bus();
    district.start_bus();
    district.is_connected(false).await;
    let again = within(RECOVERY, "the district goes on by itself", async || {
        fetched(&district, &health, &inside).await.ok()
    })
    .await;
    assert_eq!(again, rows);
    let unknown = GetGrantRequest { grant_id: Uuid::new_v4().to_string() };
    let refused = health.grants().unwrap().get_grant(unknown).await.unwrap_err();
    let problem = Problem::from_status(&refused);
    assert_eq!(problem.reason, "TIER_UNREACHABLE", "it may be at the city's: {problem:?}");
    assert!(problem.message.contains(&district.city_bus_id()), "{problem:?}");

    district.events.mend();
    district.calls.mend();
    district.is_connected(true).await;
    assert_eq!(fetched(&district, &city, &across).await.unwrap(), rows);
}

/// Everything that is granted.
async fn fetched(
    district: &District,
    who: &Session,
    grant: &str,
) -> Result<Vec<fleet::Row>, Refused> {
    let wanted = publicdata::commands::fetch::Arguments {
        grant: grant.to_owned(),
        ..district.city.wanted(Vec::new())
    };
    Reader::open(who, &wanted).await?.rest().await
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
