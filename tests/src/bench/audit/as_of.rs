//! Events a second into a service's state at a moment, as `publicdata audit state --as-of` rebuilds it from the log, against reading the
//! same events once.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use publicdata::views::Service;
use publicdata_audit::client::History;
use publicdata_event_store::Store;
use publicdata_views::{Database, rebuild_all};
use tokio::time::Instant;

use super::archive::Archive;
use super::events::{self, EXCHANGE};
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, in_turns, rate};
use crate::bench::memory::Watch;

/// The view that has a row for each transfer.
const VIEW: &str = "bus_log";

struct Rebuilding<'a> {
    archive: &'a Archive,
    history: Store,
    watch: &'a Watch,
    rows: u64,
}

/// Measures the state of the exchange bus at the moment of the last event.
pub(super) async fn measure(archive: &mut Archive, runs: u32) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    archive.answering(&watch).await?;
    let moment: Timestamp = events::event(archive.events)?.recorded_at;
    let history: Store = Arc::new(History::new(archive.auditor()?, Some(moment)));
    let mut contest = Rebuilding { archive, history, watch: &watch, rows: 0 };
    let (values, limits) = in_turns(&mut contest, runs).await?;
    let rows = contest.rows;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([("events", archive.leaves()), ("rows of the state", rows)]),
        versions: archive.server.versions(),
    })
}

impl Contest for Rebuilding<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let folder = tempfile::tempdir_in(self.archive.folder())?;
        let url = format!("sqlite:{}", folder.path().join("state.sqlite").display());
        let rebuilt = async {
            let started = Instant::now();
            let database = Database::open(&url).await?;
            let views = Service::ExchangeBus.views(&database, &self.history).await?;
            let rebuilt = rebuild_all(&views, &|_, _, _| {}).await?;
            database.close().await;
            let views: Vec<_> = views.into_iter().zip(rebuilt).collect();
            anyhow::Ok((rate(self.archive.leaves(), started), views))
        };
        let (rate, views) = self.watch.attend(rebuilt).await?;
        let log = views.iter().find(|(view, _)| view.name() == VIEW);
        let (_, log) = log.with_context(|| format!("there is a view {VIEW}"))?;
        let events = self.archive.events;
        ensure!(log.commits == events, "{} events were read, not {events}", log.commits);
        self.rows = views.iter().map(|(_, rebuilt)| rebuilt.content.rows).sum();
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let (raw, events) = (&self.archive.server.raw, self.archive.events);
        let started = Instant::now();
        let read = raw.replay(EXCHANGE, events).await;
        read.map_err(anyhow::Error::from_boxed)?;
        Ok(rate(events, started))
    }
}
