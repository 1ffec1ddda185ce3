use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::{TlsAcceptor, TlsConnector};
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
    address: SocketAddr,
    callers: Arc<std::sync::Mutex<Vec<SpiffeId>>>,
    calls: Arc<AtomicUsize>,
    _stop: oneshot::Sender<()>,
}

impl Bus {
    async fn start(authority: &CertificateAuthority) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
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
        Self { address, callers, calls, _stop: stop }
    }

    async fn call(&self, tls: ClientTls) -> Result<(), Status> {
        let (address, connector) = (self.address, TlsConnector::from(tls.config));
        let connect = tower::service_fn(move |_: http::Uri| {
            let (connector, name) = (connector.clone(), tls.server_name.clone());
            async move {
                let socket = TcpStream::connect(address).await?;
                connector.connect(name, socket).await.map(TokioIo::new)
            }
        });
        let endpoint = Endpoint::from_static("http://bus");
        let channel: Channel = endpoint.connect_with_connector_lazy(connect);
        let request = HealthCheckRequest { service: String::new() };
        HealthClient::new(channel).check(request).await.map(drop)
    }
}

/// A client of the bus that trusts this authority and shows whatever it is given.
fn trusting(
    authority: &CertificateAuthority,
    shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> ClientTls {
    let honest = credentials(authority, &node("n1"));
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(&honest).unwrap());
    let mut config = match shown {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = owned(&[b"h2"]);
    ClientTls { config: Arc::new(config), ..client_tls(&honest, &bus(), &[b"h2"]).unwrap() }
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
        let tls = client_tls(&credentials(&authority, &id), &bus(), &[b"h2"]).unwrap();
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
    let foreign = credentials(&crate::testing::authority(), &node("n1"));
    let expired = credentials_for(&authority, &node("n1"), past());

    for (case, shown) in [
        ("no certificate", None),
        ("foreign certificate", Some(certificate(&foreign))),
        ("expired certificate", Some(certificate(&expired))),
    ] {
        let error = server.call(trusting(&authority, shown)).await.unwrap_err();
        assert!(story(&error).contains("transport error"), "{case}: {}", story(&error));
    }

    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

/// R9.2: a signing certificate opens no connection.
#[tokio::test]
async fn a_signing_certificate_does_not_connect() {
    let authority = authority();
    let credentials = credentials(&authority, &node("n1"));
    let chain = credentials.signing_chain().to_vec();
    let key = PrivatePkcs8KeyDer::from(credentials.signing_key_der().to_vec());
    let tls = trusting(&authority, Some((chain, PrivateKeyDer::Pkcs8(key))));
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

    let error =
        server.call(client_tls(&node, &service("catalog"), &[b"h2"]).unwrap()).await.unwrap_err();
    assert!(story(&error).contains("not valid for name"), "{}", story(&error));
    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
}

/// R9.2: a server of a foreign authority is not trusted.
#[tokio::test]
async fn a_foreign_server_is_refused() {
    let server = Bus::start(&authority()).await;
    let node = credentials(&authority(), &node("n1"));

    let error = server.call(client_tls(&node, &bus(), &[b"h2"]).unwrap()).await.unwrap_err();
    assert!(story(&error).contains("invalid peer certificate"), "{}", story(&error));
}

#[test]
fn a_user_is_no_server() {
    let credentials = credentials(&authority(), &node("n1"));

    let error = client_tls(&credentials, &user("u1"), &[]).unwrap_err().to_string();
    assert!(error.contains("users serve nothing"), "{error}");
}
