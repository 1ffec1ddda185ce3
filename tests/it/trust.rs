//! Who is let in, and who is not: at every server of a fleet, at a node, and at the event store.

use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use publicdata::commands::{answer, fetch};
use publicdata::session::{CREDENTIALS_FOLDER, new_command_id};
use publicdata_event_store::jetstream::{ClientTls, JetStreamStore, Options};
use publicdata_event_store::{AppendError, Error, EventStore, NewCommit, Subject};
use publicdata_identity::{Credentials, SpiffeId, testing};
use publicdata_proto::catalog::v1::RegisterOrganisationRequest;
use publicdata_proto::exchange::v1::{NodeHello, OpenLinkRequest, open_link_request};
use publicdata_service_kit::grpc::{self, Channel};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::fleet::{City, Refused, Rows, SOON};
use crate::process::Terminal;

/// What an HTTP/2 client says first: the preface, and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The kind of HTTP/2 frame that a server says first, which stands in the frame's fourth byte.
const SETTINGS: u8 = 4;

/// A server of the fleet.
struct Server {
    id: SpiffeId,
    address: String,
    /// The gRPC services that it has to offer.
    services: &'static [&'static str],
}

/// Every server that listens.
fn servers(city: &City) -> Vec<Server> {
    let endpoints = city.fleet.endpoints();
    let domain = endpoints.trust_domain.parse().unwrap();
    let service = |name, address: &String, services| Server {
        id: SpiffeId::service(&domain, name).unwrap(),
        address: address.clone(),
        services,
    };
    let catalogue = &[
        "publicdata.catalog.v1.OrganisationService",
        "publicdata.catalog.v1.ResourceService",
        "publicdata.catalog.v1.RegisterService",
        "publicdata.catalog.v1.AgreementService",
    ];
    let exchange = &[
        "publicdata.exchange.v1.GrantService",
        "publicdata.exchange.v1.TransferService",
        "publicdata.exchange.v1.NodeLinkService",
    ];
    let mut servers = vec![
        service("catalog", &endpoints.catalog, catalogue),
        service("exchange-bus", &endpoints.exchange_bus, exchange),
        service("open-data", &endpoints.open_data, &["publicdata.opendata.v1.PublicationService"]),
        service("audit", &endpoints.audit, &["publicdata.audit.v1.AuditService"]),
    ];
    for (key, address) in &endpoints.nodes {
        let (organisation, name) = key.split_once('/').unwrap();
        servers.push(Server {
            id: SpiffeId::node(&domain, organisation.parse().unwrap(), name).unwrap(),
            address: address.clone(),
            services: &["publicdata.node.v1.NodeService"],
        });
    }
    assert_eq!(servers.len(), 6, "four services and two nodes");
    servers
}

/// R9.2: whoever shows no certificate of this platform's authority hears no word of HTTP from any server: no handler is
/// reached. The same client with a certificate is answered, so it is not the client that is at fault.
#[tokio::test]
async fn nobody_is_heard_without_a_certificate() {
    let city = City::ready(Rows::few()).await;
    let ours = city.consumer().credentials;
    let id = ours.id().clone();
    let stranger = testing::authority();
    let foreign = testing::credentials(&stranger, &testing::user("system-01"));
    let namesake = impostor(&id);

    for server in servers(&city) {
        let (id, address) = (&server.id, &server.address);
        let plain = TcpStream::connect(address).await.unwrap();
        assert_eq!(first_frame(plain).await, None, "{id} answers without TLS");

        let unknown = over_tls(&server, &ours, None).await;
        assert_eq!(unknown, None, "{id} answers a client without a certificate");
        for intruder in [&foreign, &namesake] {
            let heard = over_tls(&server, &ours, Some(intruder)).await;
            assert_eq!(heard, None, "{id} answers {} of a foreign authority", intruder.id());
        }
        let known = over_tls(&server, &ours, Some(&ours)).await;
        assert_eq!(known, Some(SETTINGS), "{id} does not answer us");
    }
}

/// R9.2: whoever has a certificate finds health and reflection at every server, and its services by name.
#[tokio::test]
async fn every_server_tells_its_health_and_its_services() {
    let city = City::ready(Rows::few()).await;
    for server in servers(&city) {
        let provider = city.provider();
        let caller = match server.id.organisation() == provider.credentials.id().organisation() {
            true => provider,
            false => city.consumer(),
        };
        let channel = grpc::channel(&server.address, &caller.credentials, &server.id).unwrap();

        let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
        let status = health.unwrap_or_else(|status| panic!("{}: {status}", server.id));
        assert_eq!(status.into_inner().status(), ServingStatus::Serving, "{}", server.id);

        let listed = reflected(channel).await.unwrap();
        for service in server.services.iter().chain(&["grpc.health.v1.Health"]) {
            assert!(listed.iter().any(|name| name == service), "{} lists {listed:?}", server.id);
        }
    }
}

/// R43.1: an organisation that names no one responsible for its data security gets no certificate for a node.
#[tokio::test]
async fn no_node_without_a_security_officer() {
    let city = City::settled(Rows::few()).await;
    let request = RegisterOrganisationRequest {
        command_id: new_command_id(),
        code: "11510100MB00000514".to_owned(),
        name: "成都市气象局".to_owned(),
        region_code: "510100".to_owned(),
        roles: vec![publicdata_proto::catalog::v1::Role::Provider.into()],
        ..RegisterOrganisationRequest::default()
    };
    let mut organisations = city.authority().organisations().unwrap();
    answer(organisations.register_organisation(request).await).unwrap();
    let terminal = Terminal::new(city.fleet.data());
    let folder = city.path("weather");
    let issue = [
        &["organisation", "issue", "--organisation", "11510100MB00000514"][..],
        &["--node", "node-1", "--folder", folder.to_str().unwrap()],
    ]
    .concat();

    let refused = terminal.run(&issue).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("SECURITY_OFFICER_MISSING"), "{}", refused.stderr);
    assert!(!folder.exists(), "keys were kept for a certificate that was not issued");
}

/// R45.1: a grant is its consumer's alone. Another organisation's node, connected and in good standing, gets nothing under it,
/// and the attempt is in the log.
#[tokio::test]
async fn another_organisations_node_fetches_nothing_under_a_grant() {
    let city = City::ready(Rows::few()).await;

    // The provider is a consumer too, with a node of its own, and knows the grant that it gave.
    let refused = fetch::open(&city.provider(), &city.wanted(Vec::new())).await.map(|_| ());

    let refused = Refused::new(refused.unwrap_err());
    assert_eq!(refused.reason, "WRONG_CONSUMER", "{refused:?}");
    city.fetch().await.unwrap().rest().await.unwrap();
}

/// R45.1: a person's certificate opens no link, and neither does a node's at another organisation's node.
#[tokio::test]
async fn only_nodes_open_links_and_only_their_own_people_call_them() {
    let city = City::ready(Rows::few()).await;
    let hello =
        OpenLinkRequest { kind: Some(open_link_request::Kind::Hello(NodeHello::default())) };
    for person in [city.consumer(), city.authority()] {
        let opened = person.links().unwrap().open_link(stream::iter([hello.clone()])).await;
        let status = opened.map(|_| ()).unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    }

    let domain = city.consumer().domain().unwrap();
    let (key, address) = city.fleet.endpoints().nodes.iter().next().unwrap();
    let (organisation, name) = key.split_once('/').unwrap();
    let node = SpiffeId::node(&domain, organisation.parse().unwrap(), name).unwrap();
    let stranger = city.auditor().credentials;
    let channel = grpc::channel(address, &stranger, &node).unwrap();
    let mut client =
        publicdata_proto::node::v1::node_service_client::NodeServiceClient::new(channel);
    let status = client.get_status(publicdata_proto::node::v1::GetStatusRequest {}).await;
    assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
}

/// R45.1: with a service's own certificate, its own subjects can be written at the event store and no other's.
#[tokio::test]
async fn each_service_writes_its_own_subjects_alone() {
    let mut city = City::settled(Rows::few()).await;
    let url = city.fleet.nats().url();
    let subjects = [
        ("catalog", "CATALOG", Subject::new("catalog", "organisation", "intruder").unwrap()),
        ("exchange-bus", "EXCHANGE", Subject::new("exchange", "grant", "intruder").unwrap()),
        ("open-data", "OPENDATA", Subject::new("opendata", "publication", "intruder").unwrap()),
        ("audit", "AUDIT", Subject::new("audit", "finding", "intruder").unwrap()),
    ];
    for writer in ["catalog", "exchange-bus", "open-data", "audit"] {
        let store = connect(&city, &url, writer).await;
        for (owner, stream, subject) in &subjects {
            // What is its own is left alone: a commit that means nothing would stop its views.
            if *owner == writer {
                continue;
            }
            let written = store.append(subject, 0, new_commit(&city)).await;
            assert!(
                matches!(written, Err(AppendError::Store(Error::Unavailable { .. }))),
                "{writer} writes to {stream}: {written:?}"
            );
        }
    }

    let log = city.audited().await;
    assert!(log.is_sound(), "{log:?}");
    for (owner, stream, subject) in &subjects {
        // The audit may read all. A stream that was never made holds nothing either.
        let audit = connect(&city, &url, "audit").await;
        let stored = audit.load(subject, 0).await;
        assert!(
            !stored.is_ok_and(|stored| !stored.is_empty()),
            "{stream} of {owner} was written to"
        );
    }
}

async fn connect(city: &City, url: &str, service: &str) -> Arc<dyn EventStore> {
    let folder = city.fleet.data().join(CREDENTIALS_FOLDER).join(service);
    let tls = ClientTls {
        ca: folder.join("ca.pem"),
        cert: folder.join("tls.pem"),
        key: folder.join("tls.key"),
    };
    let options = Options {
        tls: Some(tls),
        attempt_timeout: Duration::from_millis(300),
        call_timeout: Duration::from_millis(500),
        ..Options::new(url, service)
    };
    Arc::new(JetStreamStore::connect(options).await.unwrap())
}

fn new_commit(city: &City) -> NewCommit {
    NewCommit {
        command_id: new_command_id().parse().unwrap(),
        actor: "spiffe://chengdu.internal/service/intruder".to_owned(),
        occurred_at: city.fleet.clock().now(),
        events: Vec::new(),
        traceparent: None,
    }
}

/// Credentials with this very id, from an authority of the same name that is not ours.
fn impostor(id: &SpiffeId) -> Credentials {
    use publicdata_identity::CertificateAuthority;

    let folder = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::create(
        &folder.path().join("ca"),
        id.domain().clone(),
        testing::always(),
    )
    .unwrap();
    testing::credentials(&authority, id)
}

/// The kind of the first HTTP/2 frame that the server says, if it says any: to a client that trusts our authority and shows
/// these credentials.
async fn over_tls(server: &Server, ours: &Credentials, shown: Option<&Credentials>) -> Option<u8> {
    let mut roots = RootCertStore::empty();
    for root in ours.roots().certificates() {
        roots.add(root.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some(credentials) => {
            let pem = credentials.tls_certificate_pem().as_bytes();
            let chain = CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(credentials.tls_key_pem().as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpStream::connect(&server.address).await.unwrap();
    let name = ServerName::try_from(server.id.dns_name().unwrap()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.ok()?;
    first_frame(stream).await
}

/// Says what an HTTP/2 client says first, and listens for an answer until the connection ends.
async fn first_frame(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
) -> Option<u8> {
    let mut frame_head = [0; 9];
    let heard = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await?;
        stream.read_exact(&mut frame_head).await
    };
    let heard = timeout(SOON, heard).await.expect("an answer, or the end of the connection");
    // The length of settings is short; what comes without TLS may be an alert of TLS.
    heard.ok().map(|_| frame_head[3]).filter(|_| frame_head[0] == 0)
}

async fn reflected(channel: Channel) -> Result<Vec<String>, Status> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(stream::iter([request])).await?.into_inner();
    match answers.message().await?.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        other => panic!("no list of services: {other:?}"),
    }
}
