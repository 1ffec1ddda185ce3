//! A gRPC server with health, reflection and a bounded end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry::global;
use publicdata_identity::tls::TlsError;
use publicdata_identity::{Credentials, server_tls};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use super::accept;
use super::call::CallLayer;
use super::{
    CONNECTION_WINDOW, HTTP_2, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, STREAM_WINDOW, STREAMS_MAX,
};
use crate::tasks::Tasks;

pub(super) const METER: &str = "publicdata";
/// How long calls may go on after shutdown has begun.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// The name under which gRPC's health protocol asks for the server as a whole.
const WHOLE_SERVER: &str = "";

/// A server that holds its port, and does not answer yet.
#[derive(Debug)]
pub struct BoundServer {
    listener: TcpListener,
    address: SocketAddr,
    tls: TlsAcceptorDebug,
    health: HealthReporter,
    drain_deadline: Duration,
}

#[derive(Clone)]
struct TlsAcceptorDebug(TlsAcceptor);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen at {address}; is another process using the port?")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The credentials cannot serve.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The descriptors that reflection is to show are damaged.
    #[error("file descriptor sets for reflection cannot be read")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// Takes the port at once, so that a clash shows before anything else starts. Port 0 takes a free one.
pub fn bind(address: SocketAddr, credentials: &Credentials) -> Result<BoundServer, ServerError> {
    let tls = server_tls(credentials, &[HTTP_2])?;
    let taken = |source| ServerError::Bind { address, source };
    let (listener, address) = listen(address).map_err(taken)?;

    Ok(BoundServer {
        listener,
        address,
        tls: TlsAcceptorDebug(TlsAcceptor::from(tls)),
        health: HealthReporter::new(),
        drain_deadline: DRAIN_DEADLINE,
    })
}

impl BoundServer {
    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Reports the health of single services; that of the whole follows the server's life.
    #[must_use]
    pub fn health(&self) -> HealthReporter {
        self.health.clone()
    }

    /// How long calls may go on after shutdown has begun; 5 s unless set.
    #[must_use]
    pub fn drain_deadline(self, deadline: Duration) -> Self {
        Self { drain_deadline: deadline, ..self }
    }

    /// Answers calls until shutdown, as one of the service's tasks.
    ///
    /// `descriptors` are the encoded file descriptor sets that reflection shows.
    pub fn spawn(
        self,
        tasks: &Tasks,
        routes: Routes,
        descriptors: &[&[u8]],
    ) -> Result<(), ServerError> {
        let mut reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        for descriptors in descriptors {
            reflection = reflection.register_encoded_file_descriptor_set(descriptors);
        }
        let reflection = reflection.build_v1().map_err(ServerError::Reflection)?;
        let health = HealthService::from_health_reporter(self.health.clone());
        let routes = routes.add_service(HealthServer::new(health)).add_service(reflection);

        tracing::info!(server.address = %self.address, "gRPC server answers");
        let name = format!("gRPC server at {}", self.address);
        tasks.try_spawn(name, self.serve(routes, tasks.shutdown().clone()));
        Ok(())
    }

    async fn serve(
        self,
        routes: Routes,
        shutdown: CancellationToken,
    ) -> Result<(), tonic::transport::Error> {
        let meter = global::meter(METER);
        let refused = meter
            .u64_counter("tls.server.refused")
            .with_description("connections without a valid certificate")
            .build();
        let cut = CancellationToken::new();
        // Connections outlive this future otherwise, as tonic gives each a task of its own.
        let _cut_on_drop = cut.clone().drop_guard();
        let connections = accept::connections(self.listener, self.tls.0, cut.clone(), refused);
        let server = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(STREAMS_MAX)
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .layer(CallLayer::new(&meter))
            .add_routes(routes)
            .serve_with_incoming_shutdown(connections, shutdown.clone().cancelled_owned());
        tokio::pin!(server);

        tokio::select! {
            ended = &mut server => return ended,
            () = shutdown.cancelled() => {}
        }
        self.health.set_service_status(WHOLE_SERVER, ServingStatus::NotServing).await;
        if let Ok(ended) = timeout(self.drain_deadline, &mut server).await {
            return ended;
        }
        tracing::warn!(address = %self.address, "calls go on after the deadline; cutting them off");
        cut.cancel();
        server.await
    }
}

impl std::fmt::Debug for TlsAcceptorDebug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}
