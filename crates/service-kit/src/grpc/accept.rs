//! Accepting connections: the TLS handshake, a log line for each refusal, and an end when it is time.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use opentelemetry::metrics::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};

const HANDSHAKES_MAX: usize = 256;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// When the process has no file descriptors left, accepting again at once only burns the processor.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A TCP connection that breaks when its server is cut off.
pub(super) struct Socket {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Connections whose peers have proven a certificate of our trust domain.
pub(super) fn connections(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    cut: CancellationToken,
    refused: Counter<u64>,
) -> impl Stream<Item = io::Result<TlsStream<Socket>>> {
    TcpListenerStream::new(listener)
        .map(move |accepted| handshake(accepted, acceptor.clone(), cut.clone(), refused.clone()))
        .buffer_unordered(HANDSHAKES_MAX)
        .filter_map(|connection| ready(connection.map(Ok)))
}

async fn handshake(
    accepted: io::Result<TcpStream>,
    acceptor: TlsAcceptor,
    cut: CancellationToken,
    refused: Counter<u64>,
) -> Option<TlsStream<Socket>> {
    let (stream, peer) = match accepted.and_then(prepare) {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            sleep(PAUSE_AFTER_FAILURE).await;
            return None;
        }
    };
    let socket = Socket { stream, cut: Box::pin(cut.cancelled_owned()) };

    let error = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await {
        Ok(Ok(connection)) => return Some(connection),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no handshake within {} s", HANDSHAKE_TIMEOUT.as_secs()),
    };
    refused.add(1, &[]);
    tracing::warn!(peer.address = %peer, error, "connection refused");
    None
}

fn prepare(stream: TcpStream) -> io::Result<(TcpStream, SocketAddr)> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    Ok((stream, peer))
}

// === impl Socket ===

impl Socket {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Socket {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
