//! Certificates that do not count.

use publicdata::commands::init::AUTHORITY_FOLDER;
use publicdata::session::Session;
use publicdata_identity::testing::{always, credentials_for, past};
use publicdata_identity::{CertificateAuthority, Credentials};
use publicdata_proto::exchange::v1::ListNodesRequest;
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::node::v1::GetStatusRequest;
use publicdata_proto::node::v1::node_service_client::NodeServiceClient;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::fleet::{City, Reader, Rows};

/// A channel that trusts the server and shows a certificate, whatever the server thinks of it.
fn channel(address: &str, roots: &str, shown: &Credentials) -> Channel {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(roots))
        .identity(Identity::from_pem(shown.tls_certificate_pem(), shown.tls_key_pem()))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect_lazy()
}

/// H3, R30.1: whoever's certificate has expired is told so, by the bus and by their own node.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused_with_words() {
    let city = City::ready(Rows::few()).await;
    let consumer = city.consumer();
    let authority = CertificateAuthority::open(&city.fleet.data().join(AUTHORITY_FOLDER)).unwrap();
    let expired = Session {
        credentials: credentials_for(&authority, consumer.credentials.id(), past()),
        endpoints: consumer.endpoints.clone(),
    };

    let at_bus = expired.links().unwrap().list_nodes(ListNodesRequest {}).await.unwrap_err();
    let at_node = Reader::open(&expired, &city.wanted(Vec::new())).await.map(drop).unwrap_err();

    for message in [at_bus.message(), &at_node.message] {
        assert!(message.contains("expired"), "{message}");
    }
    assert!(city.fetch().await.is_ok());
}

/// R30.1: a certificate of another authority opens no connection, though it names a caller of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_certificate_opens_no_connection() {
    let city = City::ready(Rows::few()).await;
    let consumer = city.consumer();
    let folder = city.path("foreign");
    let domain = consumer.domain().unwrap();
    let authority = CertificateAuthority::create(&folder, domain, always()).unwrap();
    let foreign = credentials_for(&authority, consumer.credentials.id(), always());
    let roots = city.fleet.data().join(AUTHORITY_FOLDER).join("ca.pem");
    let roots = std::fs::read_to_string(roots).unwrap();
    let (bus, nodes) = (&consumer.endpoints.exchange_bus, &consumer.endpoints.nodes);
    let own = consumer.credentials.id().organisation().unwrap().to_string();
    let (_, node) = nodes.iter().find(|(key, _)| key.starts_with(&own)).unwrap();

    // The same channel with a certificate that counts.
    let ours = |address| channel(address, &roots, &consumer.credentials);
    NodeLinkServiceClient::new(ours(bus)).list_nodes(ListNodesRequest {}).await.unwrap();
    NodeServiceClient::new(ours(node)).get_status(GetStatusRequest {}).await.unwrap();

    let theirs = |address| channel(address, &roots, &foreign);
    let at_bus = NodeLinkServiceClient::new(theirs(bus)).list_nodes(ListNodesRequest {}).await;
    let at_node = NodeServiceClient::new(theirs(node)).get_status(GetStatusRequest {}).await;
    assert!(at_bus.is_err());
    assert!(at_node.is_err());
}
