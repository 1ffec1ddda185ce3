//! Entries a second from events alone into every view and the search index, against reading the same events once.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Catalogue, STREAM};
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, in_turns, rate};
use crate::bench::memory::Watch;

struct Rebuild<'a> {
    catalogue: &'a mut Catalogue,
    watch: Watch,
    commits: u64,
}

/// Measures by starting the service on an empty folder: so each run is a cold one.
pub(super) async fn measure(catalogue: &mut Catalogue, runs: u32) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let commits = catalogue.commits().await?;
    let mut contest = Rebuild { catalogue, watch, commits };
    let (values, limits) = in_turns(&mut contest, runs).await?;
    Ok(Measured {
        values,
        limits,
        memory: contest.watch.peaks(),
        counts: BTreeMap::from([("commits", commits)]),
        versions: contest.catalogue.server.versions(),
    })
}

impl Contest for Rebuild<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        self.catalogue.rebuild().await?;
        let rate = rate(self.commits, started);
        self.catalogue.name(&self.watch);
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let read = self.catalogue.server.raw.replay(STREAM, self.commits).await;
        read.map_err(anyhow::Error::from_boxed)?;
        Ok(rate(self.commits, started))
    }
}
