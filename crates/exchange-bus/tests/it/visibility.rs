//! Who sees what.

use publicdata_exchange_bus::Config;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    ListGrantsRequest, ListNodesRequest, ListTransfersRequest, RefuseApplicationRequest,
    RevokeGrantRequest, SubmitApplicationRequest,
};
use tonic::Code;

use crate::fleet::{Fleet, Who, application, foreign, new_id};
use crate::nodes::{ProviderNode, assert_refused, read};

/// H3: to a stranger, an exchange between others looks like none.
#[tokio::test]
async fn a_stranger_sees_nothing() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let _node = fleet.provider_node().await;
    let mut grants = fleet.grants(Who::Stranger);

    let got = fleet.grant(Who::Stranger, &terms.grant_id).await;
    assert_refused(got, Code::NotFound, "GRANT_UNKNOWN");
    let listed = grants.list_grants(ListGrantsRequest::default()).await.unwrap();
    assert!(listed.get_ref().grants.is_empty());
    let refuse = RefuseApplicationRequest {
        command_id: new_id(),
        grant_id: terms.grant_id.clone(),
        ..RefuseApplicationRequest::default()
    };
    assert_refused(grants.refuse_application(refuse).await, Code::NotFound, "GRANT_UNKNOWN");
    let revoke = RevokeGrantRequest {
        command_id: new_id(),
        grant_id: terms.grant_id.clone(),
        reason: "x".to_owned(),
    };
    assert_refused(grants.revoke_grant(revoke).await, Code::NotFound, "GRANT_UNKNOWN");
    let nodes = fleet.links(Who::Stranger).list_nodes(ListNodesRequest {}).await.unwrap();
    assert!(nodes.get_ref().nodes.is_empty());
    assert!(fleet.log(Who::Stranger).await.is_empty());
}

/// R45.1: a node leaves with its organisation, and is not let in again.
#[tokio::test]
async fn a_node_of_a_closed_organisation_is_disconnected() {
    let fleet = Fleet::start_with(|config| Config { ping_interval_ms: 500, ..config }).await;
    let mut node = fleet.provider_node().await;

    fleet.close(Who::Provider).await;

    assert_eq!(node.cut().await.code(), Code::Aborted);
    let credentials = fleet.node(Who::Provider);
    let again = ProviderNode::open(fleet.channel(&credentials), &credentials, &[]).await;
    assert_refused(again.map(|_| ()), Code::PermissionDenied, "ORGANISATION_CLOSED");
}

/// R13.1, R23.2: both sides, the authority over them and auditors see an exchange.
#[tokio::test]
async fn parties_authorities_and_auditors_see_an_exchange() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let answer = consumer.fetch(&consumer.request(&terms)).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (_, ended)) = tokio::join!(node.deliver(&serve, 3), read(answer));
    delivered.unwrap();
    ended.unwrap();

    for who in [Who::Provider, Who::Consumer, Who::City, Who::Auditor] {
        assert!(fleet.grant(who, &terms.grant_id).await.is_ok(), "{who:?}");
        while fleet.log(who).await.len() != 1 {
            tokio::task::yield_now().await;
        }
    }
    for who in [Who::Provider, Who::City, Who::Auditor] {
        let nodes = fleet.links(who).list_nodes(ListNodesRequest {}).await.unwrap();
        assert_eq!(nodes.get_ref().nodes.len(), 1, "{who:?}");
    }
}

/// R26.1: every consumer may see a standing offer, because every consumer may use it.
#[tokio::test]
async fn a_standing_offer_is_seen_by_every_consumer() {
    let fleet = Fleet::start().await;
    let offer = fleet.offered().await;

    assert!(fleet.grant(Who::Stranger, &offer.grant_id).await.is_ok());
}

#[tokio::test]
async fn lists_go_on_where_the_page_before_ended() {
    let fleet = Fleet::start().await;
    let mut applied = Vec::new();
    for _ in 0..5 {
        applied.push(fleet.apply().await);
    }
    applied.reverse();

    let mut listed = Vec::new();
    let mut request = ListGrantsRequest { page_size: 2, ..ListGrantsRequest::default() };
    loop {
        let page = fleet.grants(Who::Consumer).list_grants(request.clone()).await.unwrap();
        let page = page.into_inner();
        listed.extend(page.grants.into_iter().map(|grant| grant.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, applied);

    request.page_token = "zz".to_owned();
    let refused = fleet.grants(Who::Consumer).list_grants(request).await;
    assert_refused(refused, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
}

/// R9.2: whoever has no certificate of this trust domain does not get through.
#[tokio::test]
async fn a_foreign_certificate_is_refused() {
    let fleet = Fleet::start().await;
    let foreigner = foreign(&fleet.user(Who::Auditor));

    let mut client = TransferServiceClient::new(fleet.channel(&foreigner));
    let status = client.list_transfers(ListTransfersRequest::default()).await.unwrap_err();

    assert!(matches!(status.code(), Code::Unavailable | Code::Unauthenticated), "{status:?}");
}

#[tokio::test]
async fn an_organisation_without_the_role_cannot_apply() {
    let fleet = Fleet::start().await;

    let request = SubmitApplicationRequest { ..application() };
    let refused = fleet.grants(Who::Auditor).submit_application(request).await;

    assert_refused(refused, Code::PermissionDenied, "ROLE_MISSING");
}
