use bytes::Bytes;
use futures::{StreamExt as _, stream};
use publicdata_identity::testing::service;
use publicdata_service_kit::Tasks;
use publicdata_service_kit::grpc::{Channel, carry, channel_over, connection, serve_over};
use publicdata_service_kit::problem::{Code, Problem};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, call, open, server_id};

/// Two sides whose connection is carried as messages: the channel, and what cuts it.
fn tunnel(fixture: &Fixture) -> (Channel, CancellationToken) {
    let (near, far) = connection();
    let (there, served) = connection();
    let (up, upwards) = mpsc::channel::<Bytes>(4);
    let (down, downwards) = mpsc::channel::<Bytes>(4);
    let peer = service("exchange-bus-city");
    let tasks = &fixture.tasks;
    tasks.try_spawn("server", serve_over(served, peer.clone(), fixture.routes()));
    let messages = |receiver| Box::pin(ReceiverStream::new(receiver).map(Ok::<_, ()>));
    tasks.spawn("carrying there", carry(there, messages(upwards), down));
    let cut = CancellationToken::new();
    let (carried, is_cut) = (carry(far, messages(downwards), up), cut.clone());
    tasks.spawn("carrying here", async move {
        is_cut.run_until_cancelled(carried).await;
    });
    (channel_over(near, &peer, &server_id()), cut)
}

/// R9.2, R24.1: whoever dials can be called, and knows by whom: by the connection that it dialled.
#[tokio::test]
async fn a_handler_knows_who_calls_through_a_tunnel() {
    let fixture = Fixture::start();
    let (channel, _cut) = tunnel(&fixture);

    let caller = call(channel.clone(), "Caller").await.unwrap();
    assert_eq!(caller, service("exchange-bus-city").to_string());
    // More than waits anywhere.
    let mut flood = open(channel, "Flood").await.unwrap();
    for _ in 0..20 {
        assert_eq!(flood.message().await.unwrap().unwrap().service.len(), 1024 * 1024);
    }
}

/// R24.1: small messages share a buffer of 64 KiB, and none takes one of its own.
#[tokio::test]
async fn small_messages_share_a_buffer() {
    let tasks = Tasks::new();
    let (mut near, far) = connection();
    let (outbound, mut carried) = mpsc::channel::<Bytes>(4);
    let nothing = stream::pending::<Result<Bytes, ()>>();
    tasks.spawn("carrying", carry(far, nothing, outbound));

    let mut messages = Vec::new();
    for _ in 0..4 {
        near.write_all(&[7; 100]).await.unwrap();
        messages.push(carried.recv().await.unwrap());
    }

    for pair in messages.windows(2) {
        assert_eq!(pair[0].as_ptr_range().end, pair[1].as_ptr());
    }
}

/// H3: a tunnel that has ended is out of reach, and says so.
#[tokio::test]
async fn a_tunnel_that_has_ended_is_out_of_reach() {
    let fixture = Fixture::start();
    let (channel, cut) = tunnel(&fixture);
    let mut flood = open(channel.clone(), "Flood").await.unwrap();
    flood.message().await.unwrap();

    cut.cancel();

    let mut broken = flood.message().await;
    while let Ok(Some(_)) = broken {
        broken = flood.message().await;
    }
    assert_eq!(Problem::from_status(&broken.unwrap_err()).code, Code::Unavailable);
    let refused = call(channel, "Caller").await.unwrap_err();
    assert_eq!(Problem::from_status(&refused).code, Code::Unavailable);
}
