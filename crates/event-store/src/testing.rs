//! Servers of a test's own: in temporary folders, on free ports, ended with the test.

pub mod raw;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::Store;
use crate::jetstream::{JetStreamStore, Options, Profile, StoreConfig, StreamOptions};
use crate::server::{Cluster, NatsServer, ServerOptions, Tls, User};

/// Longer than any client pauses between two attempts to connect.
const ATTEMPT_MAX: Duration = Duration::from_secs(30);

/// A nats-server of its own. See [`nats`].
#[derive(Debug)]
pub struct TestNats {
    /// The server.
    pub server: NatsServer,
    // Dropped after the server, as fields are dropped in order.
    folder: TempDir,
}

/// Starts a nats-server.
///
/// # Panics
/// If it cannot be started.
pub async fn nats() -> TestNats {
    nats_with(|options| options).await
}

/// Starts a nats-server with options of the test's choice.
///
/// # Panics
/// If it cannot be started.
pub async fn nats_with(change: impl FnOnce(ServerOptions) -> ServerOptions) -> TestNats {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = change(ServerOptions::new(folder.path()));
    let server = NatsServer::start(options).await.expect("a nats-server, from `make setup`");
    TestNats { server, folder }
}

/// Starts a nats-server that shows the certificate in this credentials folder, and lets these users alone in.
///
/// # Panics
/// If it cannot be started.
pub async fn nats_over_tls(credentials: &Path, users: Vec<User>) -> TestNats {
    let [ca, cert, key] = ["ca.pem", "tls.pem", "tls.key"].map(|name| credentials.join(name));
    let tls = Some(Tls { ca, cert, key });
    nats_with(|options| ServerOptions { tls, users, ..options }).await
}

impl TestNats {
    /// The server as a service is told of it.
    #[must_use]
    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            mirror: Vec::new(),
            urls: vec![self.server.url()],
            monitors: vec![self.server.monitor_url()],
            replicas: 1,
            profile: Profile::Production,
        }
    }

    /// The same as the end of a configuration file.
    #[must_use]
    pub fn config_toml(&self) -> String {
        let StoreConfig { urls, monitors, replicas, .. } = self.config();
        format!("[nats]\nurls = {urls:?}\nmonitors = {monitors:?}\nreplicas = {replicas}\n")
    }

    /// A connection of `service`.
    ///
    /// # Panics
    /// If the server does not accept it.
    pub async fn connect(&self, service: &str) -> JetStreamStore {
        connect(Options::new(self.server.url(), service)).await
    }

    /// A store with `streams`, one connection for all services.
    ///
    /// # Panics
    /// If the streams cannot be made.
    pub async fn store(&self, streams: &[&str]) -> Store {
        let store = self.connect("test").await;
        ensure(&store, streams, 1).await;
        Arc::new(store)
    }

    /// Kills the server, and listens at its port in its place, to see that clients come again.
    ///
    /// # Panics
    /// If that cannot be done.
    pub async fn leave(&mut self) -> Away {
        self.server.kill9().await;
        let port = self.server.url().rsplit(':').next().and_then(|port| port.parse().ok());
        let address: (&str, u16) = ("127.0.0.1", port.expect("a port"));
        Away(TcpListener::bind(address).await.expect("the port that the server had"))
    }

    /// Starts the server again.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn come_back(&mut self, away: Away) {
        drop(away);
        self.server.restart().await.expect("a nats-server that starts again");
    }

    /// The temporary folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// In the place of a server that has left. It answers nobody.
#[derive(Debug)]
pub struct Away(TcpListener);

impl Away {
    /// Waits until somebody has tried so many times to connect.
    ///
    /// # Panics
    /// If nobody does.
    pub async fn tried(&self, times: u32) {
        for _ in 0..times {
            let attempt = timeout(ATTEMPT_MAX, self.0.accept()).await.expect("another attempt");
            drop(attempt.expect("a connection"));
        }
    }
}

/// Three nats-servers. See [`cluster`].
#[derive(Debug)]
pub struct TestCluster {
    /// The servers.
    pub servers: Vec<NatsServer>,
    // Dropped after the servers, as fields are dropped in order.
    _folder: TempDir,
}

/// Starts a cluster of three nats-servers on loopback, and waits until it serves.
///
/// # Panics
/// If it cannot be started.
pub async fn cluster() -> TestCluster {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = crate::server::free_ports("127.0.0.1", 3).expect("free ports");
    let mut servers = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let others = ports.iter().filter(|other| *other != port);
        let routes = others.map(|other| format!("127.0.0.1:{other}")).collect();
        let options = ServerOptions {
            name: format!("n{index}"),
            cluster: Some(Cluster { name: "test".to_owned(), port: *port, routes }),
            ..ServerOptions::new(folder.path().join(format!("n{index}")))
        };
        servers.push(NatsServer::start(options).await.expect("a nats-server, from `make setup`"));
    }
    for server in &mut servers {
        server.ready().await.expect("a cluster that elects its leaders");
    }
    TestCluster { servers, _folder: folder }
}

impl TestCluster {
    /// A connection of `service`, with all servers to turn to.
    ///
    /// # Panics
    /// If no server accepts it.
    pub async fn connect(&self, service: &str) -> JetStreamStore {
        let urls = self.servers.iter().map(NatsServer::url).collect();
        connect(Options { urls, ..Options::new("", service) }).await
    }

    /// A store with `streams` on all three servers.
    ///
    /// # Panics
    /// If the streams cannot be made.
    pub async fn store(&self, streams: &[&str]) -> Store {
        let store = self.connect("test").await;
        ensure(&store, streams, 3).await;
        Arc::new(store)
    }
}

async fn connect(options: Options) -> JetStreamStore {
    JetStreamStore::connect(options).await.expect("a connection to the test's own server")
}

async fn ensure(store: &JetStreamStore, streams: &[&str], replicas: usize) {
    for stream in streams {
        let options = StreamOptions::new(*stream, replicas);
        store.ensure_stream_with(options).await.expect("a stream that can hold events");
    }
}
