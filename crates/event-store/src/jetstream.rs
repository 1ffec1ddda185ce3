//! The store on NATS JetStream.

mod api;
mod append;
mod cursor;
mod deployment;
mod durability;
mod group;
mod headers;
mod load;
mod mirror;
mod permissions;
mod pull;
mod release;
mod streams;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectOptions, Event};
use async_trait::async_trait;
use futures::{StreamExt, future, stream};
use jiff::Timestamp;
use tokio::sync::watch;

pub use deployment::StoreConfig;
pub use durability::Profile;
pub(crate) use durability::{SERVER_VERSION_MIN_TEXT, is_recent};
pub(crate) use headers::MESSAGE_ID;
pub use mirror::{MirrorConfig, MirrorStatus, Original, mirror_permissions};
pub use permissions::{Permissions, permissions};
pub use release::{DropError, Droppable};
pub use streams::{DUPLICATE_WINDOW_OF_SERVER, StreamOptions};

use crate::{
    AppendError, Appended, BoxError, Commits, Error, EventStore, NewCommit, Recorded, Subject,
};
use cursor::{Cursor, Until};
use group::Group;

/// How to reach the servers.
#[derive(Clone, Debug)]
pub struct Options {
    /// `nats://host:port` or `tls://host:port`, one for each server of a cluster.
    pub urls: Vec<String>,
    /// The service, as in its subjects. It names the connection, its inboxes and its consumers, on which its permissions rest.
    pub service: String,
    /// The client's certificate, and whom it trusts.
    pub tls: Option<ClientTls>,
    /// What a server asks for that knows its clients by nothing else.
    pub token: Option<Token>,
    /// How long one attempt may take to be acknowledged, and one request to be answered.
    pub attempt_timeout: Duration,
    /// How long a call goes on trying before it answers [`Error::Unavailable`].
    pub call_timeout: Duration,
}

impl Options {
    /// A plain connection of `service` to `url`, with the usual deadlines.
    #[must_use]
    pub fn new(url: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            service: service.into(),
            tls: None,
            token: None,
            attempt_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(10),
        }
    }
}

/// A secret of a server that runs for a while and for one client. Clones are the same.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one, which nobody guesses.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Files of a client that shows a certificate. No other authority than this one is trusted.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// Who signs the servers' certificates.
    pub ca: PathBuf,
    /// The client's certificate chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why the store cannot be used as it is set up. Somebody has to change the set-up; trying again does not help, unless the servers are
/// away.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No server could be reached, or none accepted the client.
    #[error("cannot connect to NATS at {urls}")]
    Connect {
        /// The addresses that were tried.
        urls: String,
        /// Why it failed.
        source: BoxError,
    },
    /// The server lacks what the promise rests on.
    #[error(
        "nats-server is {version}, and must be at least {minimum}: run `make setup`, or upgrade the cluster"
    )]
    ServerTooOld {
        /// Its version.
        version: String,
        /// The oldest that will do.
        minimum: &'static str,
    },
    /// A stream could lose commits, or is not the one that was asked for.
    #[error("stream {stream} cannot hold events: {}", reasons.join("; "))]
    Stream {
        /// The stream's name.
        stream: String,
        /// All that is wrong with it.
        reasons: Vec<String>,
    },
    /// A server acknowledges before the commit is on disk.
    #[error(
        "{server} does not sync each write: set `jetstream {{ sync_interval: always }}` in its configuration"
    )]
    NotSynced {
        /// The server's monitoring address.
        server: String,
    },
    /// The monitoring endpoint, which alone tells whether writes are synced, was not named or does not answer.
    #[error(
        "cannot tell whether {server} syncs each write; its monitoring endpoint has to be reachable, such as http://127.0.0.1:8222"
    )]
    Unknown {
        /// What was asked.
        server: String,
        /// Why there was no answer.
        source: BoxError,
    },
    /// The store answered with a failure.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A connection to JetStream. Cheap to clone; all clones share it.
#[derive(Clone, Debug)]
pub struct JetStreamStore {
    connection: Arc<Connection>,
}

/// What all calls share.
#[derive(Debug)]
struct Connection {
    client: Client,
    jetstream: async_nats::jetstream::Context,
    /// Counts the connections made, and whatever else may have cost messages on their way here.
    epoch: watch::Receiver<u64>,
    group: Arc<Group>,
    options: Options,
}

impl JetStreamStore {
    /// Connects, and from then on reconnects whenever the connection is lost.
    ///
    /// # Errors
    /// If no server accepts the client.
    pub async fn connect(options: Options) -> Result<Self, SetupError> {
        let (count, epoch) = watch::channel(0);
        let mut connect = ConnectOptions::new()
            .name(&options.service)
            .custom_inbox_prefix(permissions::inbox_prefix(&options.service))
            .connection_timeout(options.attempt_timeout)
            .request_timeout(Some(options.attempt_timeout))
            .reconnect_delay_callback(|attempts| {
                let doublings = u32::try_from(attempts.min(5)).unwrap_or(5);
                let bound = Duration::from_millis(25) * 2u32.pow(doublings);
                rand::random_range(bound / 2..=bound)
            })
            .event_callback(move |event| {
                note(&event, &count);
                future::ready(())
            });
        if let Some(tls) = &options.tls {
            connect = connect
                .require_tls(true)
                .add_root_certificates(tls.ca.clone())
                .add_client_certificate(tls.cert.clone(), tls.key.clone());
        }
        if let Some(token) = &options.token {
            connect = connect.token(token.expose().to_owned());
        }
        let client = connect.connect(&options.urls[..]).await.map_err(|source| {
            SetupError::Connect { urls: options.urls.join(", "), source: source.into() }
        })?;
        let jetstream =
            ContextBuilder::new().timeout(options.attempt_timeout).build(client.clone());
        let group = Arc::default();
        Ok(Self { connection: Arc::new(Connection { client, jetstream, epoch, group, options }) })
    }
}

/// Counts events after which messages may be missing, and logs those that somebody should know about.
fn note(event: &Event, count: &watch::Sender<u64>) {
    match event {
        Event::Connected | Event::SlowConsumer(_) => count.send_modify(|count| *count += 1),
        Event::ServerError(error) => tracing::warn!(%error, "nats-server refused an operation"),
        Event::ClientError(error) => tracing::debug!(%error, "connection to nats-server failed"),
        Event::Disconnected => tracing::warn!("disconnected from nats-server"),
        Event::LameDuckMode | Event::Draining | Event::Closed => {
            tracing::debug!(%event, "nats-server")
        }
    }
}

#[async_trait]
impl EventStore for JetStreamStore {
    #[tracing::instrument(
        skip_all,
        fields(otel.kind = "producer", %subject, expected_last),
        err(level = "debug")
    )]
    async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        self.connection.append(subject, expected_last, commit).await
    }

    #[tracing::instrument(level = "debug", skip_all, fields(%subject, after), err(level = "debug"))]
    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.connection.load(subject, after).await
    }

    #[tracing::instrument(level = "debug", skip_all, fields(%subject, after), err(level = "debug"))]
    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.connection.tail(subject, after).await
    }

    #[tracing::instrument(level = "debug", skip(self), err(level = "debug"))]
    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error> {
        let last = self.last_sequence(stream).await?;
        if from.max(1) > last {
            return Ok(stream::empty().boxed());
        }
        let cursor = Cursor::open(Arc::clone(&self.connection), stream, from).await?.ending();
        Ok(cursor::commits(cursor, move |recorded| match until {
            Some(until) if recorded.recorded_at > until => Until::Before,
            _ if recorded.sequence >= last => Until::Here,
            _ => Until::Later,
        }))
    }

    #[tracing::instrument(level = "debug", skip(self), err(level = "debug"))]
    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, Error> {
        let cursor = Cursor::open(Arc::clone(&self.connection), stream, from).await?;
        Ok(cursor::commits(cursor, |_| Until::Later))
    }

    #[tracing::instrument(level = "debug", skip(self), err(level = "debug"))]
    async fn first_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.connection.retrying(|| self.connection.first_sequence(stream)).await
    }

    #[tracing::instrument(level = "debug", skip(self), err(level = "debug"))]
    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.connection.retrying(|| self.connection.last_sequence(stream)).await
    }

    #[tracing::instrument(level = "debug", skip(self), err(level = "debug"))]
    async fn risks(&self, stream: &str) -> Result<Vec<String>, Error> {
        self.connection.retrying(|| self.connection.risks(stream)).await
    }
}
