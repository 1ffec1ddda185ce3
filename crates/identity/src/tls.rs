//! Mutual TLS, for any listener and any client; and TLS to whoever is on the web.

use std::error::Error;
use std::sync::Arc;

use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, crypto};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};

use crate::credentials::Credentials;
use crate::spiffe::SpiffeId;

type BoxError = Box<dyn Error + Send + Sync>;

/// TLS to whoever is on the web: by the roots that the machine trusts, and without a certificate of one's own. Where the machine trusts none,
/// every certificate is unknown.
///
/// # Errors
/// The build lacks what TLS needs.
pub fn web_tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// How a client connects to one server.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// Shows the client's certificate.
    pub config: Arc<ClientConfig>,
    /// The name to ask for: see [`SpiffeId::dns_name`].
    pub server_name: ServerName<'static>,
}

/// Why there can be no TLS with such credentials.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A user was named where a server is meant.
    #[error("{0} is a user, and users serve nothing; name a node or a service")]
    NotAServer(Box<SpiffeId>),
    /// The TLS library refuses the credentials.
    #[error("cannot use the credentials of {id} for TLS")]
    Unusable {
        /// Whose credentials.
        id: Box<SpiffeId>,
        /// Why.
        #[source]
        source: BoxError,
    },
}

/// A server that completes no handshake without a certificate of its own trust domain.
///
/// Sessions are never resumed, so that each connection proves a certificate that is valid then.
pub fn server_tls(
    credentials: &Credentials,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let build = || -> Result<ServerConfig, BoxError> {
        let roots = Arc::new(roots(credentials)?);
        let clients = WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?;
        let (chain, key) = certificate(credentials);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = owned(protocols);
        Ok(config)
    };
    build().map(Arc::new).map_err(|source| unusable(credentials, source))
}

/// A client that shows its certificate, and talks to this one server only, at whatever address.
///
/// The server is recognised by its [`SpiffeId::dns_name`], which only its certificate carries.
pub fn client_tls(
    credentials: &Credentials,
    server: &SpiffeId,
    protocols: &[&[u8]],
) -> Result<ClientTls, TlsError> {
    let name = server.dns_name().ok_or_else(|| TlsError::NotAServer(Box::new(server.clone())))?;
    let build = || -> Result<ClientTls, BoxError> {
        let (chain, key) = certificate(credentials);
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(credentials)?)
            .with_client_auth_cert(chain, key)?;
        config.resumption = Resumption::disabled();
        config.alpn_protocols = owned(protocols);
        Ok(ClientTls { config: Arc::new(config), server_name: ServerName::try_from(name)? })
    };
    build().map_err(|source| unusable(credentials, source))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(crypto::ring::default_provider())
}

fn roots(credentials: &Credentials) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for root in credentials.roots().certificates() {
        roots.add(root.clone())?;
    }
    Ok(roots)
}

fn certificate(
    credentials: &Credentials,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = PrivatePkcs8KeyDer::from(credentials.tls_key_der().to_vec());
    (credentials.tls_chain().to_vec(), PrivateKeyDer::Pkcs8(key))
}

fn owned(protocols: &[&[u8]]) -> Vec<Vec<u8>> {
    protocols.iter().map(|protocol| protocol.to_vec()).collect()
}

fn unusable(credentials: &Credentials, source: BoxError) -> TlsError {
    TlsError::Unusable { id: Box::new(credentials.id().clone()), source }
}

#[cfg(test)]
mod tests;
