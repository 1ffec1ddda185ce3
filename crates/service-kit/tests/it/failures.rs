use std::sync::{Arc, Mutex};
use std::time::Duration;

use publicdata_identity::SpiffeId;
use publicdata_identity::testing::{
    authority, credentials, credentials_for, node, past, service, user,
};
use publicdata_service_kit::grpc::{self, ChannelError, ServerError};
use publicdata_service_kit::problem::{Code, Problem};
use tonic::Status;
use tracing_subscriber::fmt::MakeWriter;

use crate::fixture::{Fixture, call, server_id};

#[track_caller]
fn explained(status: &Status, code: Code, reason: &str, words: &[&str]) {
    let problem = Problem::from_status(status);
    assert_eq!((problem.code, problem.reason.as_ref()), (code, reason), "{problem}");
    for word in words {
        assert!(problem.message.contains(word), "`{word}` in `{problem}`");
    }
}

/// Log lines of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// R9.2, R45.1, H3: an expired certificate is refused, logged, and the client told why.
#[tokio::test]
async fn an_expired_certificate_is_refused_with_words() {
    let log = Log::default();
    let lines = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _lines = tracing::subscriber::set_default(lines);
    let fixture = Fixture::start();
    let expired = credentials_for(&fixture.authority, &node("n1"), past());

    for _ in 0..20 {
        let channel = fixture.channel_with(&expired, &server_id());
        let status = call(channel, "Caller").await.unwrap_err();
        explained(
            &status,
            Code::Unauthenticated,
            "CERTIFICATE_REFUSED",
            &[&fixture.address.to_string(), "/node/n1", "expired"],
        );
    }

    assert_eq!(fixture.handled(), 0);
    assert!(log.text().contains("connection refused"), "{}", log.text());
}

/// R9.2: certificates of two authorities do not meet.
#[tokio::test]
async fn a_foreign_server_is_not_trusted() {
    let fixture = Fixture::start();
    let foreign = credentials(&authority(), &node("n1"));

    let status = call(fixture.channel_with(&foreign, &server_id()), "Caller").await.unwrap_err();

    explained(&status, Code::Unauthenticated, "SERVER_NOT_TRUSTED", &["ca.pem"]);
    assert_eq!(fixture.handled(), 0);
}

/// R9.2: a node that means the bus talks to nothing else.
#[tokio::test]
async fn another_service_is_not_the_one_meant() {
    let fixture = Fixture::start();
    let node = credentials(&fixture.authority, &node("n1"));

    let status =
        call(fixture.channel_with(&node, &service("catalog")), "Caller").await.unwrap_err();

    explained(&status, Code::Unauthenticated, "WRONG_SERVER", &["/service/catalog"]);
    assert_eq!(fixture.handled(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_run_is_named() {
    let authority = authority();
    let node = credentials(&authority, &node("n1"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let channel = grpc::channel(&free.to_string(), &node, &server_id()).unwrap();
    let status = call(channel, "Caller").await.unwrap_err();

    let words = [&free.to_string(), "start spiffe://test.internal/service/exchange-bus"];
    explained(&status, Code::Unavailable, "SERVER_NOT_RUNNING", &words);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_explained() {
    let node = credentials(&authority(), &node("n1"));

    let channel = grpc::channel("bus.invalid:1", &node, &server_id()).unwrap();
    let status = call(channel, "Caller").await.unwrap_err();

    explained(&status, Code::Unavailable, "SERVER_UNREACHABLE", &["bus.invalid:1"]);
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_not_awaited() {
    let fixture = Fixture::start();
    let channel = fixture.channel().with_deadline(Duration::from_millis(50));

    let status = call(channel, "Hang").await.unwrap_err();

    explained(&status, Code::Unavailable, "DEADLINE_EXCEEDED", &["did not answer in time"]);
}

/// A channel finds its server again after a restart at the same address.
#[tokio::test]
async fn a_channel_survives_a_restart_of_its_server() {
    let fixture = Fixture::start();
    let channel = fixture.channel();
    call(channel.clone(), "Caller").await.unwrap();

    fixture.tasks.drain(Duration::from_secs(10)).await.unwrap();
    assert!(call(channel.clone(), "Caller").await.is_err());

    let tasks = publicdata_service_kit::Tasks::new();
    let server =
        grpc::bind(fixture.address, &credentials(&fixture.authority, &server_id())).unwrap();
    server.spawn(&tasks, tonic::service::Routes::default(), &[]).unwrap();
    crate::fixture::check_health(channel).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_at_once() {
    let fixture = Fixture::start();
    let credentials = credentials(&fixture.authority, &server_id());

    let error = grpc::bind(fixture.address, &credentials).unwrap_err();

    assert!(matches!(error, ServerError::Bind { .. }), "{error}");
    assert!(error.to_string().contains(&fixture.address.to_string()), "{error}");
}

#[tokio::test]
async fn wrong_addresses_and_servers_are_refused_at_once() {
    let node = credentials(&authority(), &node("n1"));
    let open =
        |address: &str, server: &SpiffeId| grpc::channel(address, &node, server).unwrap_err();

    assert!(matches!(open("http://bus:1", &server_id()), ChannelError::Plain { .. }));
    assert!(matches!(open("bus 1", &server_id()), ChannelError::Address { .. }));
    assert!(matches!(open("bus:1", &user("u1")), ChannelError::Tls(_)));
}
