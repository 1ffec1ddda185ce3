//! How a service is told where its event store is, and what it demands of it.

use std::path::Path;
use std::time::Duration;

use async_nats::{ConnectError, ConnectErrorKind};
use serde::Deserialize;

use super::{ClientTls, JetStreamStore, MirrorConfig, Options, Profile, SetupError, StreamOptions};
use crate::BoxError;
use crate::retry::Backoff;

const REPLICAS: usize = 3;
/// How long a service waits for servers that are away before it tries again, at first and at most.
const DELAY_FIRST: Duration = Duration::from_millis(200);
const DELAY_MAX: Duration = Duration::from_secs(5);

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

    /// The same, for a service that may be up before its servers: while none of them can be reached it says so in the log and tries
    /// again, ever more slowly, for as long as it takes. Drop it to give up.
    ///
    /// # Errors
    /// A server that can be reached does not accept the service, or the set-up breaks the promise.
    pub async fn open_when_reachable(
        &self,
        service: &str,
        credentials: &Path,
        streams_written: &[&str],
    ) -> Result<JetStreamStore, SetupError> {
        let mut backoff = Backoff::new(DELAY_FIRST, DELAY_MAX);
        loop {
            match self.open(service, credentials, streams_written).await {
                Err(SetupError::Connect { urls, source }) if is_unreachable(&source) => {
                    let error = &*source;
                    tracing::warn!(
                        urls,
                        error,
                        "waiting for the event store, which cannot be reached"
                    );
                }
                opened => return opened,
            }
            backoff.wait().await;
        }
    }
}

/// Whether no server was there, rather than one that refused the client.
fn is_unreachable(error: &BoxError) -> bool {
    let kind = error.downcast_ref::<ConnectError>().map(ConnectError::kind);
    matches!(kind, Some(ConnectErrorKind::Io | ConnectErrorKind::Dns | ConnectErrorKind::TimedOut))
        && !is_refused(&**error)
}

/// Whether certificates are the cause: TLS says so as data that it cannot accept.
fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let error = error.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData)
    })
}

fn replicas() -> usize {
    REPLICAS
}
