//! Durable commands a second, against plain publishes with as many acknowledgements in flight.
//!
//! Ours: each writer gives commands to a catalogue entry of its own, through the catalogue's rules and codec. The limit: as
//! many tasks publish the very bytes that the commands stored, and do nothing else. Both wait for each acknowledgement, which
//! comes when the write is synced.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use publicdata_catalog::codec::Resource;
use publicdata_event_store::aggregates::{Aggregates, Codec as _, Meta};
use publicdata_event_store::{EventStore as _, Store, Subject};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::figure::Measured;
use super::interleave::{Contest, interleaved, rate};
use super::memory::Watch;
use super::server::Server;
use super::{Setting, entry};

const STREAM: &str = "CATALOG";
const RAW_STREAM: &str = "RAW";
const COMMANDS: u32 = 4_096;
const COMMANDS_QUICK: u32 = 512;

struct Commands {
    server: Server,
    aggregates: Aggregates<Resource>,
    /// The catalogue entry of each writer.
    entries: Vec<String>,
    payload: Bytes,
    /// How many commands each writer gives in a run: an even number, so that no edition is given twice in a row.
    commands: u32,
}

/// Measures with so many writers.
pub(super) async fn measure(setting: &Setting, writers: u32) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let mut contest = Commands::prepare(setting, writers).await?;

    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    contest.verify(values.count()).await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::new(),
        versions: contest.server.versions(),
    })
}

impl Commands {
    async fn prepare(setting: &Setting, writers: u32) -> anyhow::Result<Self> {
        let total = if setting.quick { COMMANDS_QUICK } else { COMMANDS };
        let server = Server::start(&setting.folder).await?;
        server.store.ensure_stream(STREAM, &["ev.catalog.>".to_owned()], 1).await?;
        server.store.ensure_stream(RAW_STREAM, &["ev.raw.>".to_owned()], 1).await?;
        let store: Store = Arc::new(server.store.clone());
        Ok(Self {
            server,
            aggregates: Aggregates::new(store),
            entries: (0..writers).map(|_| Uuid::new_v4().to_string()).collect(),
            payload: entry::commit()?.encode(),
            commands: total / writers,
        })
    }

    fn total(&self) -> anyhow::Result<u64> {
        Ok(u64::from(self.commands) * u64::try_from(self.entries.len())?)
    }

    /// Every command left one commit, of the size that was published beside it.
    async fn verify(&self, runs: usize) -> anyhow::Result<()> {
        let turns = u64::try_from(runs)? + 1;
        for stream in [STREAM, RAW_STREAM] {
            let stored = self.server.store.last_sequence(stream).await?;
            let expected = self.total()? * turns;
            ensure!(stored == expected, "{stream} holds {stored} commits, not {expected}");
        }
        let subject = Subject::new(Resource::SERVICE, Resource::AGGREGATE, &self.entries[0])?;
        let commits = self.server.store.load(&subject, 0).await?;
        let stored = commits.first().context("the first writer wrote")?.payload.len();
        ensure!(
            stored == self.payload.len(),
            "commits take {stored} bytes, not {}",
            self.payload.len()
        );
        Ok(())
    }
}

impl Contest for Commands {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let mut writers = JoinSet::new();
        let started = Instant::now();
        for id in &self.entries {
            writers.spawn(give(self.aggregates.clone(), id.clone(), self.commands));
        }
        while let Some(ended) = writers.join_next().await {
            ended??;
        }
        Ok(rate(self.total()?, started))
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let mut writers = JoinSet::new();
        let started = Instant::now();
        for id in &self.entries {
            let subject = format!("ev.raw.{}.{id}", Resource::AGGREGATE);
            let (raw, payload, publishes) =
                (self.server.raw.clone(), self.payload.clone(), self.commands);
            writers.spawn(async move {
                for _ in 0..publishes {
                    let published = raw.publish(subject.clone(), payload.clone()).await;
                    published.map_err(anyhow::Error::from_boxed)?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended??;
        }
        Ok(rate(self.total()?, started))
    }
}

/// One writer: each command is given when the one before it is done.
async fn give(aggregates: Aggregates<Resource>, id: String, commands: u32) -> anyhow::Result<()> {
    let editions = [entry::draft(0)?, entry::draft(1)?];
    let (actor, at) = (entry::actor()?.id, entry::occurred_at()?);
    for edition in editions.into_iter().cycle().take(usize::try_from(commands)?) {
        let command_id = entry::new_command_id();
        let meta = Meta { command_id, actor: actor.clone(), at, traceparent: None };
        let executed = aggregates.execute(&id, &meta, edition).await?;
        ensure!(!executed.repeated, "command {command_id} was taken for a repeated one");
    }
    Ok(())
}
