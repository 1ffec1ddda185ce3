//! Plain HTTP for strangers: a port that is held early, connections that end by themselves, and a bounded end.

mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Tasks;

/// How long callers may go on after shutdown has begun.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// So many strangers are served at once: each holds a few kilobytes.
const CONNECTIONS_MAX: usize = 256;

/// A server that holds its port, and does not answer yet.
#[derive(Debug)]
pub struct BoundHttp {
    listener: TcpListener,
    address: SocketAddr,
}

/// The address is taken, or not this machine's.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {address}; is another process using the port?")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl BoundHttp {
    /// Takes the port at once. Port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken, or not this machine's.
    pub fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let listen = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let bound = listener.local_addr()?;
            Ok(Self { listener: TcpListener::from_std(listener)?, address: bound })
        };
        listen().map_err(|source| ListenError { address, source })
    }

    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until shutdown, as one of the service's tasks, which is called by this name.
    pub fn spawn(self, tasks: &Tasks, name: &'static str, router: Router) {
        tracing::info!(server.name = name, server.address = %self.address, "HTTP is answered");
        let shutdown = tasks.shutdown().clone();
        tasks.spawn(format!("{name} at {}", self.address), async move {
            let mut connections = JoinSet::new();
            serve(self.listener, router, &shutdown, &mut connections).await;

            let drained = async { while connections.join_next().await.is_some() {} };
            if timeout(DRAIN_DEADLINE, drained).await.is_err() {
                tracing::warn!(
                    server.name = name,
                    "callers go on after the deadline; leaving them"
                );
            }
        });
    }
}

/// Accepts connections until shutdown, as many at once as there may be: further ones wait to be accepted.
async fn serve(
    mut listener: TcpListener,
    router: Router,
    shutdown: &CancellationToken,
    connections: &mut JoinSet<()>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await;
            // Not the inherent one: this one goes on after an error.
            (Listener::accept(&mut listener).await.0, place)
        };
        let (stream, place) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = accepted => accepted,
        };
        while connections.try_join_next().is_some() {}
        let answered = connection::answer(stream, router.clone(), shutdown.clone());
        connections.spawn(async move {
            answered.await;
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests;
