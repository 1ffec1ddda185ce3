//! Connecting: the handshake, and the server's first words, which show that it took our certificate.

use std::io;
use std::time::Duration;

use publicdata_identity::ClientTls;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::HTTP_2;

/// A server that speaks second is given this much.
const FIRST_WORDS_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to a server that has accepted our certificate.
///
/// In TLS 1.3 the client's handshake is done before the server has judged its certificate, so a
/// refusal would show only later, and mostly as a lost connection. An HTTP/2 server sends its
/// settings first thing: what comes instead, if we are refused, is the alert that says why.
pub(super) async fn connect(address: &str, tls: &ClientTls) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let connector = TlsConnector::from(tls.config.clone());
    let mut stream = connector.connect(tls.server_name.clone(), socket).await?;

    if stream.get_ref().1.alpn_protocol() != Some(HTTP_2) {
        return Err(io::Error::other("the server does not speak HTTP/2"));
    }
    match timeout(FIRST_WORDS_TIMEOUT, stream.fill_buf()).await {
        Ok(Ok([])) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        Ok(Ok(_)) | Err(_) => Ok(stream),
        Ok(Err(error)) => Err(error),
    }
}
