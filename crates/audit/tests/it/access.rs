//! Who may call.

use publicdata_identity::testing;
use publicdata_proto::audit::v1::audit_service_client::AuditServiceClient;
use publicdata_proto::audit::v1::{GetCheckpointRequest, GetCoverageRequest, ReadEventsRequest};
use publicdata_proto::catalog::v1::Role;
use publicdata_service_kit::Problem;
use publicdata_service_kit::grpc::channel;
use publicdata_service_kit::problem::Code;

use crate::bench::Bench;

/// An organisation whose check digit is right.
const OTHER: &str = "11310000MB2F30284K";

/// R9.2: a caller with a certificate of another authority gets no answer at all.
#[tokio::test]
async fn foreign_certificate_is_refused() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let foreign = testing::credentials(&testing::authority(), &testing::user("account-1"));
    let channel = channel(&running.address, &foreign, &testing::service("audit")).unwrap();

    let answer =
        AuditServiceClient::new(channel).get_checkpoint(GetCheckpointRequest::default()).await;

    assert!(answer.is_err());
}

/// R9.2: a caller that shows no certificate, or speaks no TLS, gets no answer at all.
#[tokio::test]
async fn caller_without_certificate_is_refused() {
    let bench = Bench::in_memory();
    let running = bench.start().await;

    for scheme in ["http", "https"] {
        let address = format!("{scheme}://{}", running.address);
        let mut endpoint = tonic::transport::Endpoint::from_shared(address).unwrap();
        if scheme == "https" {
            let root = tonic::transport::Certificate::from_pem(bench.certificates.root_pem());
            let tls = tonic::transport::ClientTlsConfig::new()
                .ca_certificate(root)
                .domain_name(testing::service("audit").dns_name().unwrap());
            endpoint = endpoint.tls_config(tls).unwrap();
        }
        let mut calls = AuditServiceClient::new(endpoint.connect_lazy());
        assert!(
            calls.get_checkpoint(GetCheckpointRequest::default()).await.is_err(),
            "over {scheme}"
        );
    }
}

/// R45.1: any caller of the platform may check the log; only those who audit or supervise may read the events.
#[tokio::test]
async fn only_auditors_and_authorities_read_events() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let consumer = bench.user(&running, OTHER, Role::Consumer).await;
    let mut calls = AuditServiceClient::new(consumer);
    bench.settled(&running).await;

    calls.get_checkpoint(GetCheckpointRequest::default()).await.unwrap();
    calls.get_coverage(GetCoverageRequest {}).await.unwrap();
    let refused = calls.read_events(ReadEventsRequest::default()).await.unwrap_err();
    let problem = Problem::from_status(&refused);
    assert_eq!((problem.code, &*problem.reason), (Code::PermissionDenied, "ROLE_MISSING"));

    for role in [Role::Auditor, Role::Authority] {
        let bench = Bench::in_memory();
        let running = bench.start().await;
        let mut calls = AuditServiceClient::new(bench.user(&running, OTHER, role).await);
        bench.settled(&running).await;
        let mut events =
            calls.read_events(ReadEventsRequest::default()).await.unwrap().into_inner();
        assert!(events.message().await.unwrap().is_some(), "{role:?}");
    }
}

/// R45.1: whose organisation is not registered reads nothing, and neither do services.
#[tokio::test]
async fn unknown_organisations_and_services_read_no_events() {
    let bench = Bench::in_memory();
    let running = bench.start().await;

    for (id, reason) in [
        (testing::user("account-1"), "ORGANISATION_UNKNOWN"),
        (testing::service("catalog"), "USER_REQUIRED"),
    ] {
        let mut calls = AuditServiceClient::new(bench.channel(&running, &id));
        let refused = calls.read_events(ReadEventsRequest::default()).await.unwrap_err();
        assert_eq!(Problem::from_status(&refused).reason, reason);
    }
}

/// H3: a request that can't be understood is refused with the field's name.
#[tokio::test]
async fn malformed_requests_are_refused() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let mut calls = bench.calls(&running).await;
    bench.settled(&running).await;
    let no_time = prost_types::Timestamp { seconds: 0, nanos: -5 };
    let no_time = ReadEventsRequest { from: Some(no_time), ..ReadEventsRequest::default() };
    let unknown = ReadEventsRequest { stream: "NOWHERE".to_owned(), ..Default::default() };

    let problem = Problem::from_status(&calls.read_events(no_time).await.unwrap_err());
    assert_eq!((problem.code, &*problem.metadata["field"]), (Code::InvalidArgument, "from"));
    let problem = Problem::from_status(&calls.read_events(unknown).await.unwrap_err());
    assert_eq!((problem.code, &*problem.reason), (Code::NotFound, "STREAM_UNKNOWN"));
}
