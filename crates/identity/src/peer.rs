//! Who calls.

use http::Extensions;
use tonic::Request;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use crate::certificate::{self, CertificateError};
use crate::spiffe::SpiffeId;

/// The caller, read once from the certificate and kept in the request's extensions.
///
/// Extensions never come from the wire, so only this process can put it there: service-kit does for
/// every call, and a test of a handler may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer(pub SpiffeId);

/// Why a caller is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The connection carries no client certificate.
    #[error("the connection shows no client certificate")]
    NoCertificate,
    /// The certificate names no principal of the platform.
    #[error("the client certificate names no principal")]
    Certificate(#[source] CertificateError),
}

/// The principal that made this call.
pub fn peer<T>(request: &Request<T>) -> Result<SpiffeId, PeerError> {
    peer_of(request.extensions())
}

/// The principal behind a request, whatever its type.
pub fn peer_of(extensions: &Extensions) -> Result<SpiffeId, PeerError> {
    if let Some(Peer(id)) = extensions.get() {
        return Ok(id.clone());
    }
    let chain = extensions
        .get::<TlsConnectInfo<TcpConnectInfo>>()
        .and_then(TlsConnectInfo::peer_certs)
        .ok_or(PeerError::NoCertificate)?;
    let leaf = chain.first().ok_or(PeerError::NoCertificate)?;

    // The handshake has verified the chain and the possession of the key.
    certificate::read(leaf).map(|info| info.id).map_err(PeerError::Certificate)
}
