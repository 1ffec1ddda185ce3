//! Questions to a provider's data services, and proofs without paper, through a bus that may lie (R23.1, R21.1).

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use prost::Message as _;
use publicdata_identity::Signer;
use publicdata_node_agent::config::ServiceConfig;
use publicdata_node_agent::ticket::Ticket;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::{
    GrantTerms, NodeKey, ProofKind, ServeTransfer, TransferRequest,
};
use publicdata_proto::node::v1::value::Kind;
use publicdata_proto::node::v1::{
    ListServicesRequest, QueryRequest, QueryResponse, RequestProofRequest, Value,
};
use publicdata_service_kit::Problem;
use publicdata_transfer::credential::{self, Answer};
use publicdata_transfer::question::{self, ParameterBinding};
use publicdata_transfer::signed;

use crate::exchange::{Fleet, ticket};
use crate::parties::{CONSUMER, GRANT, PROVIDER, PURPOSE, RESOURCE, terms};

const SERVICES: &str = "
[[service]]
resource_id = 'RESOURCE'
name = 'village'
description = 'One village by its code'
subject = 'code'
max_rows = 3
[[service.parameter]]
name = 'code'
type = 'text'

[[service]]
resource_id = 'RESOURCE'
name = 'large-villages'
max_rows = 3
[[service.parameter]]
name = 'more_than'
type = 'integer'
item = 'people'
operator = '>'
";

fn services() -> Vec<ServiceConfig> {
    #[derive(serde::Deserialize)]
    struct File {
        service: Vec<ServiceConfig>,
    }
    toml::from_str::<File>(&SERVICES.replace("RESOURCE", RESOURCE)).unwrap().service
}

/// Queries alone, and everything plain but the name.
fn query_terms() -> GrantTerms {
    GrantTerms { delivery_modes: vec![DeliveryMode::Query.into()], ..terms() }
}

async fn start() -> Fleet {
    Fleet::with_services(&query_terms(), 100, services()).await
}

fn map(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn village(code: &str) -> QueryRequest {
    QueryRequest {
        grant_id: GRANT.to_owned(),
        service: "village".to_owned(),
        parameters: map(&[("code", code)]),
        purpose: PURPOSE.to_owned(),
        ..QueryRequest::default()
    }
}

fn proof(code: &str, claims: &[(&str, &str)]) -> RequestProofRequest {
    RequestProofRequest {
        grant_id: GRANT.to_owned(),
        parameters: map(&[("code", code)]),
        claims: map(claims),
        purpose: PURPOSE.to_owned(),
        case_number: "2026-0104".to_owned(),
        ..RequestProofRequest::default()
    }
}

async fn query(fleet: &Fleet, request: QueryRequest) -> Result<QueryResponse, Problem> {
    let answer = fleet.local().query(request).await;
    answer.map(|answer| answer.into_inner()).map_err(|status| Problem::from_status(&status))
}

async fn refused(fleet: &Fleet, request: QueryRequest) -> String {
    query(fleet, request).await.unwrap_err().reason.into_owned()
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::Text(text.to_owned())) }
}

/// R23.1: a question is answered in one call, masked as the grant says, and both nodes sign for it.
#[tokio::test]
async fn a_question_is_answered_in_one_call() {
    let fleet = start().await;

    let answer = query(&fleet, village("000042")).await.unwrap();

    let names: Vec<_> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["code", "name", "people"]);
    assert_eq!(answer.rows.len(), 1);
    let people = Value { kind: Some(Kind::Integer(42)) };
    assert_eq!(answer.rows[0].values, [text("000042"), text("村**2"), people]);
    assert_eq!(answer.rows[0].reference.len(), 32);
    assert!(!answer.rows[0].disputed);
    let receipt = answer.receipt.unwrap();
    assert_eq!((receipt.rows, receipt.purpose.as_str()), (1, PURPOSE));
    assert_eq!(fleet.bus.confirmed.lock().unwrap().len(), 1);

    let again = query(&fleet, village("000042")).await.unwrap();
    assert_eq!(again.rows[0].reference, answer.rows[0].reference);
    assert_eq!(again.receipt.unwrap().subject_reference, receipt.subject_reference);
    let none = query(&fleet, village("nowhere")).await.unwrap();
    assert_eq!((none.rows.len(), none.receipt.unwrap().rows), (0, 0));
}

/// R23.1: the same question through Arrow Flight; what may be asked is told.
#[tokio::test]
async fn a_question_is_answered_through_flight() {
    let fleet = start().await;
    let request = ListServicesRequest { grant_id: GRANT.to_owned() };
    let told = fleet.local().list_services(request).await.unwrap().into_inner().services;
    let names: Vec<_> = told.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["village", "large-villages"]);
    assert_eq!(told[0].subject_parameter, "code");

    let asked = Ticket {
        service: "large-villages".to_owned(),
        parameters: map(&[("more_than", "96")]),
        ..ticket(&["people"])
    };
    let rows = fleet.fetch(&asked).await.unwrap();

    let people = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>();
    assert_eq!(people.values().to_vec(), [97, 98, 99]);
    let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["people", "_reference", "_disputed"]);
    let more = Ticket { parameters: map(&[("more_than", "95")]), ..asked };
    assert_eq!(fleet.fetch(&more).await.unwrap_err().reason, "ROW_LIMIT_EXCEEDED");
}

/// H5, R24.1: what is asked is read by the provider's node alone: neither the signed request, which is kept, nor what passes the bus says it.
#[tokio::test]
async fn nobody_on_the_way_reads_what_is_asked() {
    let fleet = start().await;
    query(&fleet, village("000042")).await.unwrap();

    let served = fleet.bus.served.lock().unwrap().remove(0);
    let bytes = served.encode_to_vec();
    let mut windows = bytes.windows(6);
    assert!(!windows.any(|window| window == b"000042"), "the code passed the bus in plain");
    let request = fleet.bus.asked.lock().unwrap().remove(0);
    let query = request.query.unwrap();
    assert_eq!(query.service, "village");
    assert_eq!(query.parameters_sha256.len(), 32);
}

/// R30.1, H3: what the grant or the service does not allow is refused by the provider's node, by name.
#[tokio::test]
async fn questions_outside_grant_or_service_are_refused() {
    let fleet = start().await;

    let other = QueryRequest { service: "other".to_owned(), ..village("1") };
    assert_eq!(refused(&fleet, other).await, "SERVICE_UNKNOWN");
    let wrong = QueryRequest { parameters: map(&[("kode", "1")]), ..village("1") };
    assert_eq!(refused(&fleet, wrong).await, "QUESTION_REFUSED");
    let fields = QueryRequest { fields: vec!["secret".to_owned()], ..village("1") };
    assert_eq!(refused(&fleet, fields).await, "FIELD_OUTSIDE_GRANT");
    let purpose = QueryRequest { purpose: "other".to_owned(), ..village("1") };
    assert_eq!(refused(&fleet, purpose).await, "PURPOSE_DIFFERS");
    let none = QueryRequest { service: String::new(), parameters: map(&[]), ..village("1") };
    assert_eq!(refused(&fleet, none).await, "TICKET_MALFORMED");
    let ambiguous = QueryRequest { service: String::new(), ..village("1") };
    let problem = query(&fleet, ambiguous).await.unwrap_err();
    assert!(problem.message.contains("large-villages, village"), "{problem}");
    // The grant is for queries alone.
    assert_eq!(fleet.fetch(&ticket(&[])).await.unwrap_err().reason, "MODE_NOT_GRANTED");
}

/// R24.1, R26.2: a bus that forges the key, the parameters or the service gets nothing, and is named.
#[tokio::test]
async fn a_bus_that_forges_a_question_gets_nothing() {
    let fleet = start().await;
    let honest = fleet.bus.serving.lock().unwrap().clone();

    // Its own key, signed by itself, or the provider's signature over another key.
    let own = question::ParameterKey::generate(&mut rand::rng());
    let forged =
        NodeKey { node: honest[0].node.clone(), public_key: own.public_key(), made_at: None };
    let bus = fleet.parties.bus();
    fleet.bus.serving.lock().unwrap()[0].key = Some(signed::sign(&Signer::from(&bus), &forged));
    assert_eq!(refused(&fleet, village("000042")).await, "NODE_KEY_REJECTED");
    let mut changed = honest[0].key.clone().unwrap();
    changed.message = forged.encode_to_vec();
    fleet.bus.serving.lock().unwrap()[0].key = Some(changed);
    assert_eq!(refused(&fleet, village("000042")).await, "NODE_KEY_REJECTED");
    *fleet.bus.serving.lock().unwrap() = honest.clone();

    // Other parameters than those that were signed for.
    let provider_key = NodeKey::decode(honest[0].key.as_ref().unwrap().message.as_slice()).unwrap();
    fleet.bus.on_serve(move |serve| {
        let request = serve.request.as_ref().unwrap();
        let request = TransferRequest::decode(request.message.as_slice()).unwrap();
        let binding = ParameterBinding::of(&request).unwrap();
        let none = Default::default();
        let other =
            question::seal(&provider_key.public_key, &none, &binding, &mut rand::rng()).unwrap();
        ServeTransfer { parameters: Some(other), ..serve }
    });
    assert_eq!(refused(&fleet, village("000042")).await, "PARAMETERS_CHANGED");
    fleet.bus.on_serve(|serve| ServeTransfer { parameters: None, ..serve });
    assert_eq!(refused(&fleet, village("000042")).await, "REQUEST_MALFORMED");
}

/// H4: a provider's node that was restarted has another key; the question is sealed anew, and answered.
#[tokio::test]
async fn a_question_survives_a_restart_of_the_providers_node() {
    let mut fleet = start().await;
    let before = fleet.bus.serving.lock().unwrap().clone();
    fleet.restart_provider().await;
    let after = fleet.bus.serving.lock().unwrap().clone();
    assert_ne!(before[0].key, after[0].key);

    // The bus still tells of the key of before, until it is asked again.
    *fleet.bus.serving.lock().unwrap() = before;
    let bus = fleet.bus.clone();
    fleet.bus.on_serve(move |serve| {
        *bus.serving.lock().unwrap() = after.clone();
        serve
    });

    let answer = query(&fleet, village("000042")).await.unwrap();
    assert_eq!(answer.rows.len(), 1);
    assert_eq!(fleet.bus.attempts(), 2);
}

/// R21.1: a fact about one subject is confirmed, signed by the provider's node, and verified by whoever holds the roots.
#[tokio::test]
async fn a_fact_is_proven_without_paper() {
    let fleet = start().await;

    let answer = fleet.local().request_proof(proof("000042", &[("people", "42")])).await.unwrap();

    let answer = answer.into_inner();
    let roots = fleet.parties.user(CONSUMER).roots().clone();
    let now = publicdata_service_kit::Clock::system().now();
    let proven = credential::verify(&roots, &answer.credential, now).unwrap().credential;
    assert_eq!(proven.id, format!("urn:uuid:{}", answer.transfer_id));
    assert_eq!(proven.issuer.organisation, PROVIDER);
    assert_eq!(proven.terms_of_use.case_number, "2026-0104");
    let subject = proven.credential_subject;
    assert_eq!((subject.found, subject.disputed), (true, false));
    assert_eq!(subject.parameters, map(&[("code", "000042")]));
    let Answer::Confirmed(facts) = subject.answer else { panic!("values were told") };
    assert!(facts["people"].confirmed);
    assert_eq!(facts.len(), 1, "more was told than was asked");
    // The log says that it was asked, about whom only by a pseudonym, and how often.
    let receipt = answer.receipt.unwrap();
    assert_eq!(receipt.subject_reference.len(), 32);
    let asked = fleet.bus.asked.lock().unwrap().remove(0);
    assert_eq!(asked.query.unwrap().proof(), ProofKind::Confirm);

    let wrong = fleet.local().request_proof(proof("000042", &[("people", "43")])).await.unwrap();
    let wrong = credential::verify(&roots, &wrong.into_inner().credential, now).unwrap();
    let Answer::Confirmed(facts) = wrong.credential.credential_subject.answer else { panic!() };
    assert!(!facts["people"].confirmed);
}

/// R21.1: the named fields are stated as the grant gives them; of a subject without a record that there is none.
#[tokio::test]
async fn values_are_proven_as_the_grant_gives_them() {
    let fleet = start().await;
    let state = |code| RequestProofRequest { fields: vec!["name".to_owned()], ..proof(code, &[]) };
    let roots = fleet.parties.user(CONSUMER).roots().clone();
    let now = publicdata_service_kit::Clock::system().now();
    let stated = async |code| {
        let answer = fleet.local().request_proof(state(code)).await.unwrap().into_inner();
        let proof = credential::verify(&roots, &answer.credential, now).unwrap().credential;
        (proof.credential_subject.found, proof.credential_subject.answer)
    };

    let name = [("name".to_owned(), Some("村**2".to_owned()))].into();
    assert_eq!(stated("000042").await, (true, Answer::Stated(name)));
    assert_eq!(stated("nowhere").await, (false, Answer::Stated(BTreeMap::new())));
}

/// R21.1, R26.2: a proof without a case, about nobody, or that would lift a mask, is refused.
#[tokio::test]
async fn proofs_that_may_not_be_given_are_refused() {
    let fleet = start().await;
    let refused = async |request| {
        let status = fleet.local().request_proof(request).await.unwrap_err();
        Problem::from_status(&status).reason.into_owned()
    };
    let people = [("people", "42")];

    let no_case = RequestProofRequest { case_number: String::new(), ..proof("000042", &people) };
    assert_eq!(refused(no_case).await, "CASE_NUMBER_MISSING");
    assert_eq!(refused(proof("000042", &[("name", "村庄42")])).await, "CLAIM_REFUSED");
    assert_eq!(refused(proof("000042", &[])).await, "TICKET_MALFORMED");
    let about_nobody = RequestProofRequest {
        service: "large-villages".to_owned(),
        parameters: map(&[("more_than", "90")]),
        ..proof("1", &people)
    };
    assert_eq!(refused(about_nobody).await, "SERVICE_WITHOUT_PROOFS");
}
