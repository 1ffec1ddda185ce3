//! Plain HTTP for strangers: a port that is held early, connections that end by themselves, and a bounded end.

mod connection;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::Tasks;
use connection::Connections;

/// How long callers may go on after shutdown has begun.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

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
        tasks.try_spawn(format!("{name} at {}", self.address), async move {
            let server = axum::serve(Connections(self.listener), router)
                .with_graceful_shutdown(shutdown.clone().cancelled_owned());
            let mut server = std::pin::pin!(server.into_future());
            tokio::select! {
                ended = &mut server => return ended,
                () = shutdown.cancelled() => {}
            }
            match timeout(DRAIN_DEADLINE, server).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!(
                        server.name = name,
                        "callers go on after the deadline; leaving them"
                    );
                    Ok(())
                }
            }
        });
    }
}
