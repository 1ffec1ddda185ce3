//! Questions to data services, as the bus sees them; and the exchange log, searched (R21.1, R23.1, R23.2).

use std::time::Duration;

use prost::Message as _;
use publicdata_identity::Signer;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    CountSubjectsRequest, DataService, FindServicesRequest, GrantTerms, ListTransfersRequest,
    NodeHello, NodeKey, ProofKind, Query, SealedParameters, SubjectCount, TransferRequest,
    TransferStatus,
};
use publicdata_transfer::{question, signed};
use publicdata_views::testing::postgres;
use tonic::{Code, Status};

use crate::fleet::{Fleet, VILLAGES, Who, application};
use crate::nodes::{ConsumerNode, ProviderNode, SUBJECT, assert_refused, read, receipt_in};
use crate::tickets::{deliver, raise, received, uphold};

/// A grant for queries and bulk, and the provider's node with one data service.
async fn start() -> (Fleet, GrantTerms, ProviderNode) {
    let fleet = Fleet::start().await;
    let (terms, node) = serve(&fleet).await;
    (fleet, terms, node)
}

pub(crate) async fn serve(fleet: &Fleet) -> (GrantTerms, ProviderNode) {
    let modes = vec![DeliveryMode::Query.into(), DeliveryMode::Bulk.into()];
    let mut asked = application();
    asked.delivery_modes = modes.clone();
    let grant = fleet.grants(Who::Consumer).submit_application(asked).await.unwrap();
    let terms = fleet.terms(&grant.into_inner().grant_id);
    let terms = GrantTerms { delivery_modes: modes, ..terms };
    fleet.issue(&terms).await.unwrap();

    let credentials = fleet.node(Who::Provider);
    let key =
        NodeKey { node: credentials.id().to_string(), public_key: vec![9; 32], made_at: None };
    let service = DataService {
        name: "by-code".to_owned(),
        resource_id: VILLAGES.to_owned(),
        ..DataService::default()
    };
    let hello = NodeHello {
        version: "test".to_owned(),
        resource_ids: vec![VILLAGES.to_owned()],
        key: Some(signed::sign(&Signer::from(&credentials), &key)),
        services: vec![service],
    };
    let node = ProviderNode::open_with(fleet.channel(&credentials), &credentials, hello);
    (terms, node.await.unwrap())
}

fn sealed() -> SealedParameters {
    SealedParameters { encapsulated_key: vec![1; 32], sealed: vec![2; 64] }
}

pub(crate) fn question(
    fleet: &Fleet,
    consumer: &ConsumerNode,
    terms: &GrantTerms,
) -> TransferRequest {
    let query = Query {
        service: "by-code".to_owned(),
        node: fleet.node(Who::Provider).id().to_string(),
        parameters_sha256: question::digest(&sealed()).as_bytes().to_vec(),
        ..Query::default()
    };
    let mode = DeliveryMode::Query.into();
    TransferRequest { mode, query: Some(query), ..consumer.request(terms) }
}

/// Asks and answers; the transfer's id.
pub(crate) async fn answered(
    consumer: &ConsumerNode,
    node: &mut ProviderNode,
    request: &TransferRequest,
) -> String {
    let answer = consumer.query(request, sealed()).await.unwrap();
    let serve = node.asked().await;
    assert_eq!(serve.parameters, Some(sealed()));
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
    request.transfer_id.clone()
}

fn client(fleet: &Fleet, who: Who) -> TransferServiceClient<publicdata_service_kit::grpc::Channel> {
    TransferServiceClient::new(fleet.channel(&fleet.user(who)))
}

async fn found(fleet: &Fleet, who: Who, request: ListTransfersRequest) -> Vec<String> {
    let listed = client(fleet, who).list_transfers(request).await.unwrap().into_inner();
    listed.transfers.into_iter().map(|transfer| transfer.id).collect()
}

/// R23.1: a question reaches the node that it names, with its parameters as they were sealed; the log says which service was asked, what
/// for and about whom, and events hold the parameters nowhere (H5).
#[tokio::test]
async fn a_question_is_passed_on_and_logged() {
    let (fleet, terms, mut node) = start().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let mut request = question(&fleet, &consumer, &terms);
    request.query.as_mut().unwrap().set_proof(ProofKind::Confirm);

    let id = answered(&consumer, &mut node, &request).await;

    let entry = fleet.logged(&id, TransferStatus::Completed, "").await;
    assert_eq!((entry.mode(), entry.service.as_str()), (DeliveryMode::Query, "by-code"));
    assert_eq!((entry.proof(), entry.subject_reference.as_str()), (ProofKind::Confirm, SUBJECT));
    for commit in fleet.commits("transfer", &id).await {
        let bytes = commit.payload.to_vec();
        assert!(!bytes.windows(64).any(|part| part == sealed().sealed), "parameters were kept");
    }
}

/// R24.1: who may use a grant learns who answers, and with which key; nobody else does.
#[tokio::test]
async fn services_are_told_to_whoever_may_use_the_grant() {
    let (fleet, terms, _node) = start().await;
    let ask = async |who| {
        let request = FindServicesRequest { grant_id: terms.grant_id.clone() };
        client(&fleet, who).find_services(request).await.map(|found| found.into_inner().nodes)
    };

    let nodes = ask(Who::Consumer).await.unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].node, fleet.node(Who::Provider).id().to_string());
    let key = NodeKey::decode(nodes[0].key.as_ref().unwrap().message.as_slice()).unwrap();
    assert_eq!(key.public_key, [9; 32]);
    assert_eq!(nodes[0].services[0].name, "by-code");
    assert_refused(ask(Who::Stranger).await, Code::NotFound, "GRANT_UNKNOWN");
}

/// R30.1, R23.2: parameters that were not signed for, and questions that are none, are refused, and the log says so.
#[tokio::test]
async fn parameters_that_were_not_signed_for_are_refused_and_logged() {
    let (fleet, terms, _node) = start().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let other = SealedParameters { sealed: vec![3; 64], ..sealed() };

    for parameters in [other, SealedParameters { sealed: vec![2; 70_000], ..sealed() }] {
        let request = question(&fleet, &consumer, &terms);
        let refused = consumer.query(&request, parameters).await;
        assert_refused(refused, Code::InvalidArgument, "FIELD_INVALID");
        fleet.logged(&request.transfer_id, TransferStatus::Refused, "PARAMETERS_WRONG").await;
    }
    let request = question(&fleet, &consumer, &terms);
    let status: Status = consumer.refused(&request).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "PARAMETERS_WRONG").await;

    // A mode without its question, and a question without its mode.
    let bare = TransferRequest { query: None, ..question(&fleet, &consumer, &terms) };
    assert_eq!(consumer.refused(&bare).await.code(), Code::InvalidArgument);
    let bulk = TransferRequest { mode: 0, ..question(&fleet, &consumer, &terms) };
    assert_eq!(consumer.refused(&bulk).await.code(), Code::InvalidArgument);
}

/// R24.1: another node of the provider does not get what was sealed to this one.
#[tokio::test]
async fn a_question_goes_to_no_other_node() {
    let (fleet, terms, _node) = start().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let mut request = question(&fleet, &consumer, &terms);
    request.query.as_mut().unwrap().node.push_str("-2");

    let refused = consumer.query(&request, sealed()).await;

    assert_refused(refused, Code::Unavailable, "NODE_NOT_CONNECTED");
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "NODE_NOT_CONNECTED").await;
}

/// R21.1: a proof is tied to a case; without one it is refused, and the log says so.
#[tokio::test]
async fn a_proof_without_a_case_is_refused() {
    let (fleet, terms, _node) = start().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let mut request = question(&fleet, &consumer, &terms);
    request.query.as_mut().unwrap().set_proof(ProofKind::Extract);
    request.case_number = " ".to_owned();

    let refused = consumer.query(&request, sealed()).await;

    assert_refused(refused, Code::PermissionDenied, "CASE_NUMBER_MISSING");
    fleet.logged(&request.transfer_id, TransferStatus::Refused, "CASE_NUMBER_MISSING").await;
}

/// R27.1: an answer to a question is one of a moment: nobody comes to hold rows by it, so it is owed no correction, and brings none.
#[tokio::test]
async fn an_answer_is_owed_no_correction_and_brings_none() {
    let (fleet, terms, mut node) = start().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let asked = answered(&consumer, &mut node, &question(&fleet, &consumer, &terms)).await;
    fleet.logged(&asked, TransferStatus::Completed, "").await;
    let ticket = raise(&fleet, &asked).await;
    fleet.clock.advance(Duration::from_secs(60));
    assert_eq!(uphold(&fleet, &ticket).await.unwrap().corrections_owed, 0);

    let fetched = deliver(&fleet, &mut node, Who::Consumer, &terms).await;
    let ticket = raise(&fleet, &fetched).await;
    fleet.clock.advance(Duration::from_secs(60));
    assert_eq!(uphold(&fleet, &ticket).await.unwrap().corrections_owed, 1);
    let asked = answered(&consumer, &mut node, &question(&fleet, &consumer, &terms)).await;
    fleet.logged(&asked, TransferStatus::Completed, "").await;
    let fetched = deliver(&fleet, &mut node, Who::Consumer, &terms).await;

    assert_eq!(received(&fleet, Who::Consumer).await.transfer_id, fetched);
}

/// R23.2: the exchange log is searched by all that it says, and shows nobody more than is theirs to see.
#[tokio::test]
async fn the_log_is_searched() {
    let fleet = Fleet::start().await;
    searched(&fleet).await;
}

/// R23.2: the same with views in Postgres.
#[tokio::test]
async fn the_log_is_searched_in_postgres() {
    let postgres = postgres();
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::start_on(postgres.url(), folder, |config| config).await;
    searched(&fleet).await;
}

async fn searched(fleet: &Fleet) {
    let (terms, mut node) = serve(fleet).await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let first = answered(&consumer, &mut node, &question(fleet, &consumer, &terms)).await;
    let case_number = "case-2".to_owned();
    let request = TransferRequest { case_number, ..question(fleet, &consumer, &terms) };
    let second = answered(&consumer, &mut node, &request).await;
    let refused = TransferRequest { purpose: "100%_!".to_owned(), ..consumer.request(&terms) };
    consumer.refused(&refused).await;
    let refused = refused.transfer_id;
    for id in [&first, &second] {
        fleet.logged(id, TransferStatus::Completed, "").await;
    }
    let entry = fleet.logged(&refused, TransferStatus::Refused, "PURPOSE_DIFFERS").await;
    let at = entry.requested_at.unwrap();
    let later = prost_types::Timestamp { seconds: at.seconds + 1, ..at };

    let none = ListTransfersRequest::default;
    let text = ToOwned::to_owned;
    let expect = async |request: ListTransfersRequest, expected: &[&String]| {
        let mut shown = found(fleet, Who::Auditor, request.clone()).await;
        let mut expected: Vec<String> = expected.iter().map(|&id| id.clone()).collect();
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected, "{request:?}");
        assert!(found(fleet, Who::Stranger, request).await.is_empty());
    };
    let all = [&first, &second, &refused];
    expect(none(), &all).await;
    let provider_code = Who::Provider.code().to_string();
    expect(ListTransfersRequest { provider_code, ..none() }, &all).await;
    let consumer_code = Who::Stranger.code().to_string();
    expect(ListTransfersRequest { consumer_code, ..none() }, &[]).await;
    expect(ListTransfersRequest { resource_code: text("302001/00001"), ..none() }, &all).await;
    let grant_id = terms.grant_id.clone();
    expect(ListTransfersRequest { grant_id, status: 2, ..none() }, &[&refused]).await;
    expect(ListTransfersRequest { purpose: text("网格"), ..none() }, &[&first, &second]).await;
    expect(ListTransfersRequest { purpose: text("%_!"), ..none() }, &[&refused]).await;
    expect(ListTransfersRequest { purpose: text("%格"), ..none() }, &[]).await;
    expect(ListTransfersRequest { case_number: text("case-2"), ..none() }, &[&second]).await;
    expect(ListTransfersRequest { reason: text("PURPOSE_DIFFERS"), ..none() }, &[&refused]).await;
    let subject_reference = text(SUBJECT);
    let about = ListTransfersRequest { subject_reference, ..none() };
    expect(about.clone(), &[&first, &second]).await;
    expect(ListTransfersRequest { requested_from: Some(later), ..none() }, &[]).await;
    expect(ListTransfersRequest { requested_before: Some(later), ..about }, &[&first, &second])
        .await;

    assert_eq!(subjects(fleet, Who::Provider, 1).await, [(text(SUBJECT), 2, 1)]);
    assert_eq!(subjects(fleet, Who::Provider, 3).await, []);
    assert_eq!(subjects(fleet, Who::Stranger, 1).await, []);
}

/// R21.1: how often somebody was asked about.
async fn subjects(fleet: &Fleet, who: Who, asked_min: u32) -> Vec<(String, u64, u64)> {
    let request = CountSubjectsRequest { asked_min, ..CountSubjectsRequest::default() };
    let counted = client(fleet, who).count_subjects(request).await.unwrap().into_inner();
    let count = |subject: SubjectCount| {
        assert!(subject.last_requested_at.is_some());
        (subject.subject_reference, subject.answers, subject.consumers)
    };
    counted.subjects.into_iter().map(count).collect()
}
