//! Mutual TLS: a server for any listener, a client for tonic.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::credentials::Credentials;
use crate::spiffe::SpiffeId;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A user was named where a server is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id} is a user, and users serve nothing; name a node or a service")]
pub struct NotAServer {
    id: Box<SpiffeId>,
}

/// Credentials cannot serve TLS.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve TLS with the credentials of {id}")]
pub struct ServerTlsError {
    id: Box<SpiffeId>,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A server that completes no handshake without a certificate of its own trust domain.
///
/// Sessions are never resumed, so that each connection proves a certificate that is valid then.
pub fn server_tls(
    credentials: &Credentials,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let config = try_server_tls(credentials, protocols);
    config
        .map(Arc::new)
        .map_err(|source| ServerTlsError { id: Box::new(credentials.id().clone()), source })
}

/// A client that shows its certificate, and talks to this one server only, at whatever address.
///
/// The server is recognised by its [`SpiffeId::dns_name`], which only its certificate carries.
pub fn client_tls(
    credentials: &Credentials,
    server: &SpiffeId,
) -> Result<ClientTlsConfig, NotAServer> {
    let name = server.dns_name().ok_or_else(|| NotAServer { id: Box::new(server.clone()) })?;

    Ok(ClientTlsConfig::new()
        .identity(identity(credentials))
        .ca_certificate(Certificate::from_pem(credentials.roots().pem()))
        .domain_name(name)
        .timeout(HANDSHAKE_TIMEOUT))
}

fn try_server_tls(
    credentials: &Credentials,
    protocols: &[&[u8]],
) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    for root in credentials.roots().certificates() {
        roots.add(root.clone())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let chain: Vec<CertificateDer<'static>> = credentials.tls_chain().to_vec();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(credentials.tls_key_der().to_vec()));

    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

fn identity(credentials: &Credentials) -> Identity {
    Identity::from_pem(credentials.tls_certificate_pem(), credentials.tls_key_pem())
}

#[cfg(test)]
mod tests;
