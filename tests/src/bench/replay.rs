//! Events replayed a second, against the client library's own ordered consumer on the same stream.

use std::collections::BTreeMap;

use anyhow::ensure;
use futures::StreamExt as _;
use publicdata_catalog::codec::Resource;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::testing::raw::BATCH_COMMITS_MAX;
use publicdata_event_store::{EventStore as _, NewCommit, Subject};
use tokio::time::Instant;
use uuid::Uuid;

use super::figure::Measured;
use super::interleave::{Contest, interleaved, rate};
use super::memory::Watch;
use super::server::Server;
use super::{Setting, entry};

const STREAM: &str = "CATALOG";
const BATCHES: u64 = 200;
const BATCHES_QUICK: u64 = 20;

struct Replay {
    server: Server,
    events: u64,
    bytes: u64,
}

/// Measures a stream of commits of one event each.
pub(super) async fn measure(setting: &Setting) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let mut contest = Replay::prepare(setting).await?;

    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::new(),
        versions: contest.server.versions(),
    })
}

impl Replay {
    async fn prepare(setting: &Setting) -> anyhow::Result<Self> {
        let server = Server::start(&setting.folder).await?;
        server.store.ensure_stream(STREAM, &["ev.catalog.>".to_owned()], 1).await?;
        let batches = if setting.quick { BATCHES_QUICK } else { BATCHES };
        let commit = entry::commit()?;
        let bytes = u64::try_from(commit.clone().encode().len())?;
        for _ in 0..batches {
            server.fill(commits(&commit)?).await?;
        }
        let events = server.store.last_sequence(STREAM).await?;
        Ok(Self { server, events, bytes: bytes * events })
    }

    /// Whoever reads fast must have read everything.
    fn check(&self, events: u64, bytes: u64) -> anyhow::Result<()> {
        let expected = (self.events, self.bytes);
        ensure!(
            (events, bytes) == expected,
            "read {events} events of {bytes} bytes, not {expected:?}"
        );
        Ok(())
    }
}

impl Contest for Replay {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut commits = self.server.store.read(STREAM, 1, None).await?;
        let (mut events, mut bytes) = (0, 0);
        while let Some(recorded) = commits.next().await {
            events += 1;
            bytes += u64::try_from(recorded?.payload.len())?;
        }
        let rate = rate(events, started);
        self.check(events, bytes)?;
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let bytes = self.server.raw.replay(STREAM, self.events).await;
        let rate = rate(self.events, started);
        self.check(self.events, bytes.map_err(anyhow::Error::from_boxed)?)?;
        Ok(rate)
    }
}

/// One commit for each of as many aggregates as a batch holds.
fn commits(like: &NewCommit) -> anyhow::Result<Vec<(Subject, NewCommit)>> {
    let mut commits = Vec::with_capacity(BATCH_COMMITS_MAX);
    for _ in 0..BATCH_COMMITS_MAX {
        let id = Uuid::new_v4().to_string();
        let subject = Subject::new(Resource::SERVICE, Resource::AGGREGATE, &id)?;
        commits.push((subject, NewCommit { command_id: entry::new_command_id(), ..like.clone() }));
    }
    Ok(commits)
}
