use publicdata_identity::testing::{credentials, node, user};
use publicdata_service_kit::problem::{Code, Problem, REFERENCE};
use tokio::time::timeout;
use tonic_health::ServingStatus;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::fixture::{Fixture, LONG, call, check_health, open, server_id};

/// R9.2: a handler knows who calls, by the certificate.
#[tokio::test]
async fn a_handler_knows_its_caller() {
    let fixture = Fixture::start();

    for id in [node("n1"), user("u1")] {
        let channel = fixture.channel_with(&credentials(&fixture.authority, &id), &server_id());
        assert_eq!(call(channel, "Caller").await.unwrap(), id.to_string());
    }
}

/// H3: a refusal arrives with its reason and particulars.
#[tokio::test]
async fn a_refusal_arrives_with_its_reason() {
    let fixture = Fixture::start();

    let status = call(fixture.channel(), "Refuse").await.unwrap_err();

    let problem = Problem::from_status(&status);
    assert_eq!(
        (problem.code, problem.reason.as_ref()),
        (Code::PermissionDenied, "FIELD_NOT_GRANTED")
    );
    assert_eq!(problem.metadata["field"], "phone");
}

/// H3: the inside of an error stays inside.
#[tokio::test]
async fn an_internal_error_tells_the_client_nothing_but_a_reference() {
    let fixture = Fixture::start();

    let status = call(fixture.channel(), "Break").await.unwrap_err();

    let problem = Problem::from_status(&status);
    assert_eq!(problem.code, Code::Internal);
    assert!(!problem.message.contains("secret"), "{problem}");
    assert!(problem.message.contains(&problem.metadata[REFERENCE]), "{problem}");
}

#[tokio::test]
async fn the_server_tells_its_health() {
    let fixture = Fixture::start();

    let health = check_health(fixture.channel()).await.unwrap();

    assert_eq!(health.status, ServingStatus::Serving as i32);
}

#[tokio::test]
async fn reflection_lists_the_services() {
    let fixture = Fixture::start();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };

    let mut answers = ServerReflectionClient::new(fixture.channel())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();

    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
}

/// A transfer whose consumer stops reading holds back no other call of its connection.
#[tokio::test]
async fn streams_that_nobody_reads_do_not_block_the_connection() {
    let fixture = Fixture::start();
    let channel = fixture.channel();
    let mut unread = Vec::new();
    for _ in 0..16 {
        let mut stream = open(channel.clone(), "Flood").await.unwrap();
        stream.message().await.unwrap().unwrap();
        unread.push(stream);
    }

    let answer = timeout(LONG, call(channel, "Caller")).await.expect("not blocked");

    assert_eq!(answer.unwrap(), node("n1").to_string());
}
