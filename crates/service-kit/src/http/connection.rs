//! Connections of strangers. One on which nothing passes for a while ends: who stops reading or never asks holds nothing.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::problem::chain;

/// Longer than any answer takes to begin.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(60);
/// From one answer, or the beginning, to the end of the next request's head, however often a byte of it comes.
pub(super) const HEAD_MAX: Duration = Duration::from_secs(30);
/// Longer than the longest download should take; who comes again goes on where it ended.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// A connection that ends by itself.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    patience: Pin<Box<Sleep>>,
}

/// Answers on this connection, in HTTP/1 alone, until it ends by itself, is too old, or is idle at shutdown.
pub(super) async fn answer(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    let io = TokioIo::new(Connection::new(stream));
    let mut connection = pin!(http.serve_connection(io, TowerToHyperService::new(router)));

    let answered = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    // Whatever a stranger does wrong is the stranger's.
    match timeout(AGE_MAX, answered).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!(error = chain(error.as_ref()), "connection has failed"),
        Err(_) => tracing::debug!("connection was open too long"),
    }
}

// === impl Connection ===

impl<S> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, patience: Box::pin(sleep(IDLE_MAX)) }
    }

    /// One clock for both directions: a long download is no idle reader.
    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        passed: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match passed {
            Poll::Ready(passed) => {
                self.patience.as_mut().reset(Instant::now() + IDLE_MAX);
                Poll::Ready(passed)
            }
            Poll::Pending => {
                ready!(self.patience.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let passed = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.timed(context, passed)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let passed = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(context, passed)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let passed = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.timed(context, passed)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Nothing passes in these two: a socket has no buffer of its own to flush.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
