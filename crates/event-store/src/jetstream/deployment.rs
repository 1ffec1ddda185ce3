//! How a service is told where its event store is, and what it demands of it.

use std::path::Path;

use serde::Deserialize;

use super::{ClientTls, JetStreamStore, MirrorConfig, Options, Profile, SetupError, StreamOptions};

const REPLICAS: usize = 3;

/// The event store, in a service's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `tls://host:port` of each server.
    pub urls: Vec<String>,
    /// The monitoring endpoint of each server, such as `http://127.0.0.1:8222`: it alone tells whether writes are synced.
    #[serde(default)]
    pub monitors: Vec<String>,
    /// How many servers hold each stream.
    #[serde(default = "replicas")]
    pub replicas: usize,
    /// Streams of another domain that these servers, which are leaf nodes of it, keep a copy of; none unless said otherwise.
    #[serde(default)]
    pub mirror: Vec<MirrorConfig>,
    /// What the deployment promises.
    #[serde(default)]
    pub profile: Profile,
}

impl StoreConfig {
    /// Connects `service` with the certificate in its credentials folder, checks the promise, and makes the streams that the
    /// service writes, and the mirrors.
    ///
    /// # Errors
    /// No server accepts the service, or the set-up breaks the promise.
    pub async fn open(
        &self,
        service: &str,
        credentials: &Path,
        streams_written: &[&str],
    ) -> Result<JetStreamStore, SetupError> {
        let tls = ClientTls {
            ca: credentials.join("ca.pem"),
            cert: credentials.join("tls.pem"),
            key: credentials.join("tls.key"),
        };
        let urls = self.urls.clone();
        let options = Options { urls, tls: Some(tls), ..Options::new("", service) };
        let store = JetStreamStore::connect(options).await?;
        store.check_durability(self.profile, &self.monitors).await?;
        for stream in streams_written {
            store.ensure_stream_with(StreamOptions::new(*stream, self.replicas)).await?;
        }
        for mirror in &self.mirror {
            store.ensure_mirror(mirror, self.replicas).await?;
        }
        Ok(store)
    }
}

fn replicas() -> usize {
    REPLICAS
}
