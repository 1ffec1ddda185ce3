//! The server that events are kept on while they are measured.

use std::collections::BTreeMap;
use std::path::Path;

use publicdata_event_store::jetstream::{JetStreamStore, Options};
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_event_store::testing::raw::Raw;
use publicdata_event_store::{NewCommit, Subject};
use tempfile::TempDir;
use uuid::Uuid;

/// A server as the fleet starts it, synced at each write, without TLS; the store's connection to it, and a plain one.
pub(super) struct Server {
    pub(super) store: JetStreamStore,
    pub(super) raw: Raw,
    nats: NatsServer,
    // Dropped after the server, as fields are dropped in order.
    folder: TempDir,
}

impl Server {
    /// Starts one below `folder`, which must lie on a real disk.
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::on(tempfile::Builder::new().prefix("bench-").tempdir_in(folder)?).await
    }

    /// Starts one on the streams that are in this folder already.
    pub(super) async fn on(folder: TempDir) -> anyhow::Result<Self> {
        let nats = NatsServer::start(ServerOptions::new(folder.path())).await?;
        let store = JetStreamStore::connect(Options::new(nats.url(), "bench")).await?;
        let raw = Raw::connect(&nats.url()).await.map_err(anyhow::Error::from_boxed)?;
        Ok(Self { store, raw, nats, folder })
    }

    /// Where it keeps its streams.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        self.nats.url()
    }

    /// Stores commits in one atomic batch.
    pub(super) async fn fill(&self, commits: Vec<(Subject, NewCommit)>) -> anyhow::Result<()> {
        let batch = Uuid::new_v4().to_string();
        self.raw.fill(&batch, commits).await.map_err(anyhow::Error::from_boxed)
    }

    pub(super) fn versions(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([("nats-server", self.raw.server_version())])
    }
}
