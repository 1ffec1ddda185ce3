//! Events a second from the stream into the log, by the whole service, against a consumer that reads the same stream in the same batches;
//! and the bytes that each takes on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use publicdata_views::Database;
use tokio::time::Instant;

use super::archive::Archive;
use super::events::EXCHANGE;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, in_turns, rate};
use crate::bench::memory::Watch;
use crate::bench::say;
use crate::bench::statistics::Samples;

/// What the service's writer takes in one transaction at most.
const BATCH: usize = 1_024;

struct Logging<'a> {
    archive: &'a mut Archive,
    watch: Watch,
}

/// Measures by starting the service on an empty folder: so each run is a cold one.
pub(super) async fn measure(archive: &mut Archive, runs: u32) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let mut contest = Logging { archive, watch };
    let (values, limits) = in_turns(&mut contest, runs).await?;
    let Logging { archive, watch } = contest;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([("events", archive.leaves())]),
        versions: archive.server.versions(),
    })
}

impl Contest for Logging<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let Self { archive, watch } = self;
        archive.forget()?;
        let logged = async {
            let started = Instant::now();
            archive.log(watch).await?;
            anyhow::Ok(rate(archive.leaves(), started))
        };
        watch.attend(logged).await
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let (raw, events) = (&self.archive.server.raw, self.archive.events);
        let started = Instant::now();
        let read = raw.read_in_batches(EXCHANGE, events, BATCH).await;
        read.map_err(anyhow::Error::from_boxed)?;
        Ok(rate(events, started))
    }
}

/// Measures what the tables of the log take, and what the files of the stream do.
pub(super) async fn measure_bytes(archive: &mut Archive) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    if !archive.is_logged() {
        say("  the log is written");
        archive.log(&watch).await?;
    }
    let log = log_bytes(&archive.database()).await?;
    let stream = stream_bytes(archive.server.folder())?;
    let an_event = |bytes: u64| Samples::new(vec![per(bytes, archive.events)]);
    Ok(Measured {
        values: an_event(log).context("the log was weighed")?,
        limits: an_event(stream).context("the stream was weighed")?,
        memory: watch.peaks(),
        counts: BTreeMap::from([("bytes of the log", log), ("bytes of the stream", stream)]),
        versions: archive.server.versions(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
fn per(bytes: u64, events: u64) -> f64 {
    bytes as f64 / events as f64
}

/// The pages of the log's tables and their indexes: the database holds the findings, too.
async fn log_bytes(database: &Path) -> anyhow::Result<u64> {
    let url = format!("sqlite:{}", database.display());
    let database = Database::open_read_only(&url).await?;
    let bytes: i64 = sqlx::query_scalar(
        "SELECT SUM(pgsize) FROM dbstat JOIN sqlite_schema USING (name) WHERE tbl_name LIKE 'log\\_%' ESCAPE '\\'",
    )
    .fetch_one(database.pool())
    .await?;
    database.close().await;
    Ok(u64::try_from(bytes)?)
}

fn stream_bytes(folder: &Path) -> anyhow::Result<u64> {
    let messages = folder.join("streams/jetstream/$G/streams").join(EXCHANGE).join("msgs");
    let mut bytes = 0;
    for file in fs::read_dir(&messages)? {
        let file = file?;
        if file.path().extension().is_some_and(|extension| extension == "blk") {
            bytes += file.metadata()?.len();
        }
    }
    ensure!(bytes > 0, "{} has no messages", messages.display());
    Ok(bytes)
}
