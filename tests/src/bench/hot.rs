//! Durable commands a second when everybody gives them to the same aggregate, from several processes: conflicts are counted.
//!
//! Ours: writers of as many catalogues as there are processes revise one entry. The commands of one process take turns; those
//! of different processes meet at the store, which lets one through and has the others decide again. The limit: the same bytes
//! published one after the other, for that is all that one aggregate can take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::ensure;
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
const WRITERS_EACH: u32 = 4;
const COMMANDS: u32 = 1_024;
const COMMANDS_QUICK: u32 = 128;

struct Hot {
    server: Server,
    /// One a process: they share nothing but the store.
    processes: Vec<Aggregates<Resource>>,
    entry: String,
    edition: Arc<AtomicU32>,
    payload: Bytes,
    /// How many commands a run gives.
    commands: u32,
}

/// Measures with so many processes.
pub(super) async fn measure(setting: &Setting, processes: u32) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let mut contest = Hot::prepare(setting, processes).await?;

    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    let conflicts: u64 = contest.processes.iter().map(Aggregates::conflicts).sum();
    let given = contest.verify().await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([("commands", given), ("conflicts", conflicts)]),
        versions: contest.server.versions(),
    })
}

impl Hot {
    async fn prepare(setting: &Setting, processes: u32) -> anyhow::Result<Self> {
        let server = Server::start(&setting.folder).await?;
        server.store.ensure_stream(STREAM, &["ev.catalog.>".to_owned()], 1).await?;
        server.store.ensure_stream(RAW_STREAM, &["ev.raw.>".to_owned()], 1).await?;
        let store: Store = Arc::new(server.store.clone());
        Ok(Self {
            server,
            processes: (0..processes).map(|_| Aggregates::new(Arc::clone(&store))).collect(),
            entry: Uuid::new_v4().to_string(),
            edition: Arc::default(),
            payload: entry::commit()?.encode(),
            commands: if setting.quick { COMMANDS_QUICK } else { COMMANDS },
        })
    }

    /// Every command left one commit, whatever it met on the way; says how many there were.
    async fn verify(&self) -> anyhow::Result<u64> {
        let given = u64::from(self.edition.load(Ordering::Relaxed));
        let subject = Subject::new(Resource::SERVICE, Resource::AGGREGATE, &self.entry)?;
        let stored = u64::try_from(self.server.store.load(&subject, 0).await?.len())?;
        ensure!(stored == given, "{stored} commits stand where {given} commands were given");
        Ok(given)
    }
}

impl Contest for Hot {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let each = self.commands / u32::try_from(self.processes.len())? / WRITERS_EACH;
        let mut writers = JoinSet::new();
        let started = Instant::now();
        for process in &self.processes {
            for _ in 0..WRITERS_EACH {
                let edition = Arc::clone(&self.edition);
                writers.spawn(revise(process.clone(), self.entry.clone(), edition, each));
            }
        }
        let mut given = 0;
        while let Some(ended) = writers.join_next().await {
            given += ended??;
        }
        Ok(rate(given, started))
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let subject = format!("ev.raw.{}.{}", Resource::AGGREGATE, self.entry);
        let started = Instant::now();
        for _ in 0..self.commands {
            let published = self.server.raw.publish(subject.clone(), self.payload.clone()).await;
            published.map_err(anyhow::Error::from_boxed)?;
        }
        Ok(rate(u64::from(self.commands), started))
    }
}

/// One writer: each edition differs from every other, so that there always is something to say. A command that met too many
/// others is repeated, as its caller would.
async fn revise(
    process: Aggregates<Resource>,
    id: String,
    edition: Arc<AtomicU32>,
    commands: u32,
) -> anyhow::Result<u64> {
    use publicdata_event_store::aggregates::ExecuteError;

    let (actor, at) = (entry::actor()?.id, entry::occurred_at()?);
    for _ in 0..commands {
        let command = entry::draft(edition.fetch_add(1, Ordering::Relaxed))?;
        let command_id = entry::new_command_id();
        let meta = Meta { command_id, actor: actor.clone(), at, traceparent: None };
        loop {
            match process.execute(&id, &meta, command.clone()).await {
                Err(ExecuteError::Busy { .. }) => {}
                done => break drop(done?),
            }
        }
    }
    Ok(u64::from(commands))
}
