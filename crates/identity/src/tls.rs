//! Mutual TLS for tonic.

use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

use crate::credentials::Credentials;
use crate::spiffe::SpiffeId;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A user was named where a server is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id} is a user, and users serve nothing; name a node or a service")]
pub struct NotAServer {
    id: Box<SpiffeId>,
}

/// A server that completes no handshake without a certificate of its own trust domain.
#[must_use]
pub fn server_tls(credentials: &Credentials) -> ServerTlsConfig {
    ServerTlsConfig::new()
        .identity(identity(credentials))
        .client_ca_root(Certificate::from_pem(credentials.roots().pem()))
        .timeout(HANDSHAKE_TIMEOUT)
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

fn identity(credentials: &Credentials) -> Identity {
    Identity::from_pem(credentials.tls_certificate_pem(), credentials.tls_key_pem())
}

#[cfg(test)]
mod tests;
