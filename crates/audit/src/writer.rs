//! The one writer: takes what the streams bring, and appends it in batches.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future;
use publicdata_event_store::Store;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_views::Database;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::feed::{self, Feed, Stops};
use crate::leaf::Entry;
use crate::log::{Log, LogError};
use crate::{metrics, trace};

/// Entries on their way, at most. An entry is a few hundred bytes.
const BACKLOG_MAX: usize = 2_048;
/// Entries one transaction takes at most, while catching up. Live, it is as many as there are.
const BATCH_MAX: usize = 1_024;
/// For as long as it takes: nothing may be skipped.
const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_millis(50),
    delay_max: Duration::from_secs(5),
    deadline: Duration::MAX,
};

/// Everything that the writer works with.
pub struct Writer {
    /// Where events come from.
    pub store: Store,
    /// Where the log is.
    pub database: Database,
    /// The log.
    pub log: Log,
    /// Which streams.
    pub streams: Vec<String>,
    /// Where it says why a stream's log has stopped.
    pub stops: Stops,
}

impl Writer {
    /// Logs events as they come, until `shutdown`. Run it in a task. Wherever it is interrupted, the next one goes on with no
    /// event lost or logged twice.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.run_forever() => {}
        }
    }

    async fn run_forever(mut self) {
        let (sender, receiver) = mpsc::channel(BACKLOG_MAX);
        let mut feeds = Vec::new();
        for stream in std::mem::take(&mut self.streams) {
            let next = self.next_sequence(&stream).await;
            let feed = Feed {
                store: self.store.clone(),
                database: self.database.clone(),
                stream,
                stops: self.stops.clone(),
            };
            feeds.push(feed.follow(next, sender.clone()));
        }
        // Kept: with every stream stopped, the writer waits, so that what it found can still be asked for.
        let _sender = sender;
        future::join(future::join_all(feeds), self.write(receiver)).await;
    }

    async fn next_sequence(&mut self, stream: &str) -> u64 {
        let mut pauses = BACKOFF.delays();
        loop {
            match self.log.next_sequence(stream).await {
                Ok(next) => return next,
                Err(error) => rest(pauses.next(), &error).await,
            }
        }
    }

    async fn write(&mut self, mut entries: mpsc::Receiver<Entry>) {
        let mut stopped = BTreeSet::new();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while entries.recv_many(&mut batch, BATCH_MAX).await > 0 {
            batch.retain(|entry| !stopped.contains(&entry.stream));
            self.append(&batch, &mut stopped).await;
            batch.clear();
        }
    }

    /// Repeats the same batch until it is in the log: entries beyond it can't go first.
    async fn append(&mut self, batch: &[Entry], stopped: &mut BTreeSet<String>) {
        let mut pauses = BACKOFF.delays();
        let appended = loop {
            match self.log.append(batch).await {
                Ok(appended) => break appended,
                Err(error) => rest(pauses.next(), &error).await,
            }
        };
        for (index, entry) in &appended.entered {
            trace::entered(*index, entry);
        }
        if let Some((index, _)) = appended.entered.last() {
            metrics::log_size(index + 1);
        }
        for gap in &appended.gaps {
            if stopped.insert(gap.stream.clone()) {
                self.stops.report(&gap.stream, feed::gap(&gap.stream, gap.expected, gap.found));
            }
        }
    }
}

async fn rest(pause: Option<Duration>, error: &LogError) {
    let pause = pause.unwrap_or(BACKOFF.delay_max);
    if error.is_contested() {
        tracing::warn!(
            "another process writes to the same log: it is gone on with after what that one wrote; unless this is a rolling update, \
             one audit service too many runs on this database, and should be ended"
        );
    }
    tracing::warn!(
        error = chain(error),
        pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        "log cannot be written now, and goes on after a pause"
    );
    tokio::time::sleep(pause).await;
}
