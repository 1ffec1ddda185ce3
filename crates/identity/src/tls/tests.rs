use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::HealthServer;

use super::*;
use crate::testing::{authority, credentials, credentials_for, node, past, service, user};
use crate::{CertificateAuthority, peer};

/// A server that records who reaches its handler, and ends when dropped.
struct Bus {
    url: String,
    callers: Arc<std::sync::Mutex<Vec<SpiffeId>>>,
    calls: Arc<AtomicUsize>,
    _stop: oneshot::Sender<()>,
}

impl Bus {
    async fn start(authority: &CertificateAuthority) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let callers = Arc::new(std::sync::Mutex::new(Vec::new()));
        let calls = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel::<()>();

        let reporter = tonic_health::server::HealthReporter::new();
        reporter.set_service_status("", ServingStatus::Serving).await;
        let health = tonic_health::server::HealthService::from_health_reporter(reporter);
        let (record, count) = (Arc::clone(&callers), Arc::clone(&calls));
        let handler = HealthServer::with_interceptor(health, move |request: Request<()>| {
            count.fetch_add(1, Ordering::SeqCst);
            let caller =
                peer(&request).map_err(|error| Status::unauthenticated(error.to_string()))?;
            record.lock().unwrap().push(caller);
            Ok(request)
        });
        let tls = server_tls(&credentials(authority, &service("exchange-bus")), &[b"h2"]).unwrap();
        let acceptor = TlsAcceptor::from(tls);
        let connections = TcpListenerStream::new(listener).then(move |socket| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(socket?).await }
        });
        let server = Server::builder().add_service(handler).serve_with_incoming_shutdown(
            connections,
            async {
                stopped.await.ok();
            },
        );
        #[expect(clippy::disallowed_methods, reason = "ends when the test drops its sender")]
        tokio::spawn(server);
        Self { url, callers, calls, _stop: stop }
    }

    async fn call(&self, tls: ClientTlsConfig) -> Result<(), Status> {
        let channel: Channel =
            Endpoint::new(self.url.clone()).unwrap().tls_config(tls).unwrap().connect_lazy();
        let request = HealthCheckRequest { service: String::new() };
        HealthClient::new(channel).check(request).await.map(drop)
    }
}

fn bus() -> SpiffeId {
    service("exchange-bus")
}

/// Everything that an error and its sources say.
fn story(status: &Status) -> String {
    let mut story = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        story = format!("{story}: {error}");
        source = error.source();
    }
    story
}

/// R9.2: both sides are known to each other.
#[tokio::test]
async fn a_caller_is_known_by_its_certificate() {
    let authority = authority();
    let server = Bus::start(&authority).await;

    for id in [node("n1"), user("u1"), service("audit")] {
        let tls = client_tls(&credentials(&authority, &id), &bus()).unwrap();
        server.call(tls).await.unwrap();
    }

    let callers = server.callers.lock().unwrap().clone();
    assert_eq!(callers, [node("n1"), user("u1"), service("audit")]);
}

/// R9.2: without a certificate of ours no handler is reached.
#[tokio::test]
async fn nobody_without_a_valid_certificate_reaches_a_handler() {
    let authority = authority();
    let server = Bus::start(&authority).await;
    let trusting = || {
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(authority.root_pem()))
            .domain_name("exchange-bus.test.internal")
    };
    let foreign = credentials(&crate::testing::authority(), &node("n1"));
    let expired = credentials_for(&authority, &node("n1"), past());

    for (case, tls) in [
        ("no certificate", trusting()),
        ("foreign certificate", trusting().identity(identity(&foreign))),
        ("expired certificate", trusting().identity(identity(&expired))),
    ] {
        let error = server.call(tls).await.unwrap_err();
        assert!(story(&error).contains("transport error"), "{case}: {}", story(&error));
    }

    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

/// R9.2: a signing certificate opens no connection.
#[tokio::test]
async fn a_signing_certificate_does_not_connect() {
    let authority = authority();
    let folder = tempfile::tempdir().unwrap();
    credentials(&authority, &node("n1")).save(folder.path()).unwrap();
    let read = |file| std::fs::read(folder.path().join(file)).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.root_pem()))
        .domain_name("exchange-bus.test.internal")
        .identity(Identity::from_pem(read("signing.pem"), read("signing.key")));
    let server = Bus::start(&authority).await;

    assert!(server.call(tls).await.is_err());
    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

/// R9.2: a client talks to the server that it means, and to no other of the same domain.
#[tokio::test]
async fn another_services_certificate_is_not_the_bus() {
    let authority = authority();
    let server = Bus::start(&authority).await;
    let node = credentials(&authority, &node("n1"));

    let error = server.call(client_tls(&node, &service("catalog")).unwrap()).await.unwrap_err();
    assert!(story(&error).contains("not valid for name"), "{}", story(&error));
    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

/// R9.2: a server of a foreign authority is not trusted.
#[tokio::test]
async fn a_foreign_server_is_refused() {
    let server = Bus::start(&authority()).await;
    let node = credentials(&authority(), &node("n1"));

    let error = server.call(client_tls(&node, &bus()).unwrap()).await.unwrap_err();
    assert!(story(&error).contains("invalid peer certificate"), "{}", story(&error));
}

#[test]
fn a_user_is_no_server() {
    let credentials = credentials(&authority(), &node("n1"));

    let error = client_tls(&credentials, &user("u1")).unwrap_err().to_string();
    assert!(error.contains("users serve nothing"), "{error}");
}
