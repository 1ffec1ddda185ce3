//! `publicdata standby`: copies of the event store's streams in another place, and what is done when the original is lost.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use publicdata_event_store::jetstream::{
    ClientTls, JetStreamStore, MirrorConfig, MirrorStatus, Options,
};
use serde::Serialize;

use crate::context::Context;
use crate::recovery::STREAMS;

/// What is printed after the long help.
pub const GUIDE: &str = "\
The standby is a nats-server, or a cluster of them, in another place: a leaf node of the one that the platform writes to, in a JetStream
domain of its own. It mirrors every stream, with each event at its place and with its time.

  publicdata standby mirror  --server tls://standby:4222 --credentials DIR --of city     once; --replicas 3 for a cluster
  publicdata standby status  --server tls://standby:4222 --credentials DIR               how far it is behind
  publicdata standby promote --server tls://standby:4222 --credentials DIR --of city --original-is-lost

Nothing promotes a standby by itself: two originals would be worse than none. Before, see to it that the original is lost or cut off. After,
point the services' `nats.urls` at the standby. The audit log's database is not in it: bring its replica (Postgres), or the newest backup
(`publicdata restore`), and run `publicdata audit verify --since` with a checkpoint that was kept: it tells whether anything is missing.";

/// The client's name to the event store.
const CLIENT: &str = "standby";

/// What can be done with a standby.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the standby's mirrors of every stream, or check those that are there.
    Mirror(Mirror),
    /// Tell how far each mirror is behind, and when it last heard of its original.
    Status(Place),
    /// Make the mirrors the streams themselves, which are written to from now on. May be repeated.
    Promote(Promote),
}

/// An event store, for whoever operates it.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Its server, `tls://host:port`; may be repeated, for a cluster.
    #[arg(long = "server", value_name = "URL", required = true)]
    pub servers: Vec<String>,
    /// The folder of credentials that may make and change streams there: `ca.pem`, `tls.pem`, `tls.key`.
    #[arg(long, value_name = "FOLDER")]
    pub credentials: Option<PathBuf>,
}

/// What the standby mirrors.
#[derive(Debug, Args)]
pub struct Mirrored {
    /// Where the standby is.
    #[command(flatten)]
    pub place: Place,
    /// The original's JetStream domain.
    #[arg(long, value_name = "DOMAIN")]
    pub of: String,
}

/// Arguments of `mirror`.
#[derive(Debug, Args)]
pub struct Mirror {
    /// What is mirrored.
    #[command(flatten)]
    pub mirrored: Mirrored,
    /// How many of the standby's servers keep each mirror.
    #[arg(long, default_value_t = 1)]
    pub replicas: usize,
}

/// Arguments of `promote`.
#[derive(Debug, Args)]
pub struct Promote {
    /// What is promoted.
    #[command(flatten)]
    pub mirrored: Mirrored,
    /// Says that nobody writes to the original any more.
    #[arg(long)]
    pub original_is_lost: bool,
}

/// A stream at the standby.
#[derive(Debug, Serialize)]
struct Stream {
    stream: &'static str,
    last_sequence: u64,
    /// How many servers hold it.
    replicas: usize,
    /// The original's domain; none for one that was promoted.
    mirror_of: Option<String>,
    /// How many events it is behind, as far as it knows.
    lag: u64,
    /// How long ago it heard of its original; none if it never did.
    heard_ms: Option<u64>,
}

/// Carries out a command.
///
/// # Errors
/// The standby cannot be reached, or a stream there is not what it has to be.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Mirror(Mirror { mirrored, replicas }) => {
            let store = mirrored.place.connect(CLIENT).await?;
            for mirror in mirrored.mirrors() {
                store.ensure_mirror(&mirror, replicas).await?;
            }
            tell(context, &store).await
        }
        Command::Status(place) => tell(context, &place.connect(CLIENT).await?).await,
        Command::Promote(Promote { mirrored, original_is_lost }) => {
            ensure!(
                original_is_lost,
                "if the original is still written to, there would be two; cut it off, and say --original-is-lost"
            );
            let store = mirrored.place.connect(CLIENT).await?;
            mirrored.check(&store).await?;
            for mirror in mirrored.mirrors() {
                store.promote(&mirror).await?;
            }
            tell(context, &store).await
        }
    }
}

impl Place {
    /// Connects to it, under the name by which the server knows its client.
    ///
    /// # Errors
    /// It cannot be reached, or does not accept the credentials.
    pub async fn connect(&self, client: &str) -> anyhow::Result<JetStreamStore> {
        let tls = self.credentials.as_ref().map(|folder| ClientTls {
            ca: folder.join("ca.pem"),
            cert: folder.join("tls.pem"),
            key: folder.join("tls.key"),
        });
        let urls = self.servers.clone();
        Ok(JetStreamStore::connect(Options { urls, tls, ..Options::new("", client) }).await?)
    }
}

impl Mirrored {
    /// All streams are there, and each is a mirror of that domain or was promoted before: nothing is promoted by half.
    async fn check(&self, store: &JetStreamStore) -> anyhow::Result<()> {
        for stream in STREAMS {
            let status = store.mirror_status(stream).await?;
            if let Some(original) = status.original.filter(|original| original.domain != self.of) {
                bail!(
                    "{stream} mirrors {}, not {}; nothing was promoted",
                    original.domain,
                    self.of
                );
            }
        }
        Ok(())
    }

    fn mirrors(&self) -> [MirrorConfig; STREAMS.len()] {
        STREAMS.map(|stream| MirrorConfig { stream: stream.to_owned(), domain: self.of.clone() })
    }
}

async fn tell(context: &Context, store: &JetStreamStore) -> anyhow::Result<()> {
    let (mut streams, mut lines) = (Vec::new(), Vec::new());
    for stream in STREAMS {
        let MirrorStatus { last_sequence, replicas, original } =
            store.mirror_status(stream).await?;
        lines.push(match &original {
            None => {
                format!("{stream:<10} {last_sequence:>12}  on {replicas} servers, written to here")
            }
            Some(original) => {
                let heard = match original.heard {
                    Some(heard) => format!("heard of it {:.1} s ago", heard.as_secs_f64()),
                    None => "has not heard of it yet".to_owned(),
                };
                let (domain, lag) = (&original.domain, original.lag);
                format!(
                    "{stream:<10} {last_sequence:>12}  on {replicas} servers, mirrors {domain}, {lag} behind; {heard}"
                )
            }
        });
        let heard = original.as_ref().and_then(|original| original.heard);
        streams.push(Stream {
            stream,
            last_sequence,
            replicas,
            lag: original.as_ref().map_or(0, |original| original.lag),
            heard_ms: heard.and_then(|heard| u64::try_from(heard.as_millis()).ok()),
            mirror_of: original.map(|original| original.domain),
        });
    }
    context.output.value(&streams, lines.join("\n"))
}
