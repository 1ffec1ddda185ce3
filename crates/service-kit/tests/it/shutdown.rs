use std::time::Duration;

use publicdata_service_kit::problem::Problem;
use tokio::time::timeout;
use tonic_health::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fixture::{Fixture, LONG, call, whole_server};

#[tokio::test]
async fn an_idle_server_ends_at_once_and_frees_its_port() {
    let fixture = Fixture::start();
    call(fixture.channel(), "Caller").await.unwrap();

    timeout(LONG, fixture.tasks.drain(LONG)).await.unwrap().unwrap();

    std::net::TcpListener::bind(fixture.address).unwrap();
}

/// A stream that would never end is told of the shutdown, and cut off at the deadline.
#[tokio::test]
async fn endless_streams_are_cut_off_at_the_deadline() {
    let fixture = Fixture::start_draining(Duration::from_millis(100));
    let mut health =
        HealthClient::new(fixture.channel()).watch(whole_server()).await.unwrap().into_inner();
    assert_eq!(health.message().await.unwrap().unwrap().status, ServingStatus::Serving as i32);

    timeout(LONG, fixture.tasks.drain(LONG)).await.unwrap().unwrap();

    assert_eq!(health.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
    let status = health.message().await.unwrap_err();
    assert_eq!(Problem::from_status(&status).reason, "CONNECTION_LOST");
}

/// A service that is dropped in mid-flight leaves no connection behind that it would still answer.
#[tokio::test]
async fn dropping_the_tasks_cuts_the_connections() {
    let fixture = Fixture::start();
    let channel = fixture.channel();
    call(channel.clone(), "Caller").await.unwrap();
    let mut health = HealthClient::new(channel).watch(whole_server()).await.unwrap().into_inner();
    health.message().await.unwrap();

    drop(fixture.tasks);

    let ended = timeout(LONG, async { while let Ok(Some(_)) = health.message().await {} });
    ended.await.unwrap();
}
