//! gRPC over a connection that was made elsewhere, such as one that a stream of messages carries: so whoever dials can also be
//! called.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use opentelemetry::global;
use publicdata_identity::{Peer, SpiffeId};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;
use tonic::service::Routes;
use tonic::transport::server::Connected;
use tonic::transport::{self, Endpoint, Server, Uri};
use tower::service_fn;

use super::call::CallLayer;
use super::explain::Target;
use super::server::METER;
use super::{CONNECTION_WINDOW, Channel, STREAM_WINDOW, STREAMS_MAX};

/// How many bytes wait at most on their way into a message or out of one; also the most that one message carries.
const CHUNK_BYTES: usize = 64 << 10;

/// A connection whose other side was authenticated where it was made.
struct Tunnelled {
    connection: DuplexStream,
    peer: Peer,
}

/// Both ends of a connection within this process: one to be given to [`channel_over`] or [`serve_over`], the other to [`carry`].
#[must_use]
pub fn connection() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(CHUNK_BYTES)
}

/// A channel of `client` to `server`, over this connection alone: when that has ended, the channel has, too.
#[must_use]
pub fn channel_over(connection: DuplexStream, client: &SpiffeId, server: &SpiffeId) -> Channel {
    let target = Target {
        address: "the tunnel that it opened".to_owned(),
        server: server.clone(),
        client: client.clone(),
    };
    let connection = Arc::new(Mutex::new(Some(connection)));
    let connector = service_fn(move |_: Uri| {
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            connection.map(TokioIo::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
        }
    });
    // Nobody resolves the name: the connector has the connection.
    let endpoint = Endpoint::from_static("http://tunnel")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    Channel::new(endpoint.connect_with_connector_lazy(connector), target)
}

/// Answers the calls of `peer` that come over this connection. Drop it when the connection has ended: it does not end by itself.
///
/// # Errors
/// The server cannot be set up.
pub async fn serve_over(
    connection: DuplexStream,
    peer: SpiffeId,
    routes: Routes,
) -> Result<(), transport::Error> {
    let tunnelled = Tunnelled { connection, peer: Peer(peer) };
    let connections = stream::iter([Ok::<_, Infallible>(tunnelled)]).chain(stream::pending());
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS_MAX)
        .layer(CallLayer::new(&global::meter(METER)))
        .add_routes(routes)
        .serve_with_incoming(connections)
        .await
}

/// Carries a connection as messages, until either side of it, or of the messages, ends. It waits for whoever reads slowly, so the
/// connection's own flow control holds.
pub async fn carry<E>(
    connection: DuplexStream,
    mut inbound: impl Stream<Item = Result<Bytes, E>> + Unpin,
    outbound: mpsc::Sender<Bytes>,
) {
    let (reader, mut writer) = tokio::io::split(connection);
    // Small messages, which most are, share a buffer.
    let mut read = ReaderStream::with_capacity(reader, CHUNK_BYTES);
    let out = async {
        while let Some(Ok(bytes)) = read.next().await {
            if outbound.send(bytes).await.is_err() {
                return;
            }
        }
    };
    let into = async {
        while let Some(Ok(bytes)) = inbound.next().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = out => {}
        () = into => {}
    }
}

// === impl Tunnelled ===

impl Connected for Tunnelled {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Tunnelled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tunnelled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}
