//! Follows one stream, for as long as it is whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use prost::Message as _;
use publicdata_audit_domain::tile::ENTRY_BYTES_MAX;
use publicdata_event_store::{Error, Store};
use publicdata_proto::audit::v1::Leaf;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_views::Database;
use tokio::sync::mpsc;

use crate::leaf::{self, Entry};
use crate::{metrics, queries};

/// A stream that is awaited is logged soon after it was made.
const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_millis(50),
    delay_max: Duration::from_secs(1),
    deadline: Duration::MAX,
};

/// Why the logs of streams have stopped. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stops(Arc<Mutex<BTreeMap<String, String>>>);

impl Stops {
    /// Why the log of this stream has stopped, if it has.
    #[must_use]
    pub fn of(&self, stream: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    pub(crate) fn report(&self, stream: &str, finding: String) {
        tracing::error!(stream.name = stream, finding, "log of a stream has stopped");
        metrics::stopped(stream, true);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.to_owned(), finding);
    }
}

/// One stream on its way into the log.
pub(crate) struct Feed {
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) stream: String,
    pub(crate) stops: Stops,
}

/// Why following has ended.
enum End {
    /// It goes on after a pause.
    Passing(Box<dyn std::error::Error + Send + Sync>),
    /// The stream does not exist yet.
    Awaited,
    /// The stream is not what it was.
    Finding(String),
    /// Nobody takes the events any more.
    Closed,
}

impl Feed {
    /// Hands on the stream's events from sequence `next` on, until the stream turns out to be damaged, or nobody listens.
    pub(crate) async fn follow(self, mut next: u64, entries: mpsc::Sender<Entry>) {
        let mut pauses = BACKOFF.delays();
        metrics::stopped(&self.stream, false);
        loop {
            let began = next;
            match self.follow_once(&mut next, &entries).await {
                End::Closed => return,
                End::Finding(finding) => return self.stops.report(&self.stream, finding),
                End::Awaited => tracing::debug!(stream.name = self.stream, "stream is awaited"),
                End::Passing(error) => {
                    tracing::warn!(
                        stream.name = self.stream,
                        error = chain(error.as_ref()),
                        "stream cannot be followed now"
                    );
                }
            }
            if next != began {
                pauses = BACKOFF.delays();
            }
            tokio::time::sleep(pauses.next().unwrap_or(BACKOFF.delay_max)).await;
        }
    }

    async fn follow_once(&self, next: &mut u64, entries: &mpsc::Sender<Entry>) -> End {
        if let Err(end) = self.check_last_logged(*next).await {
            return end;
        }
        let mut commits = match self.store.subscribe(&self.stream, *next).await {
            Ok(commits) => commits,
            Err(error) => return self.ended_by(error, *next),
        };
        while let Some(recorded) = commits.next().await {
            let recorded = match recorded {
                Ok(recorded) => recorded,
                Err(error) => return self.ended_by(error, *next),
            };
            if recorded.sequence != *next {
                return End::Finding(gap(&self.stream, *next, recorded.sequence));
            }
            let entry = Entry::from(&recorded);
            if entry.leaf.len() > ENTRY_BYTES_MAX {
                return End::Finding(too_long(&entry));
            }
            if entries.send(entry).await.is_err() {
                return End::Closed;
            }
            *next += 1;
        }
        End::Passing("the stream ended".into())
    }

    /// A stream that was deleted and made anew, or restored from an old copy, is not the one that was logged.
    async fn check_last_logged(&self, next: u64) -> Result<(), End> {
        let sequence = next - 1;
        if sequence == 0 {
            return Ok(());
        }
        let stream = &self.stream;
        let last = self.store.last_sequence(stream).await;
        let last = last.map_err(|error| self.ended_by(error, next))?;
        if last < sequence {
            return Err(End::Finding(format!(
                "stream {stream} ends at {last}, but its event {sequence} is in the log"
            )));
        }

        let mut connection = self.database.pool().acquire().await.map_err(passing)?;
        let row = queries::leaf_of(&mut connection, stream, sequence).await.map_err(passing)?;
        // Events that are still on their way into the log can't be compared yet.
        let Some(row) = row else { return Ok(()) };
        let logged = Leaf::decode(row.leaf.as_slice()).map_err(passing)?;
        let commits = self.store.read(stream, sequence, None).await;
        let mut commits = commits.map_err(|error| self.ended_by(error, next))?;
        let found = match commits.next().await {
            Some(Ok(recorded)) => leaf::of(&recorded),
            Some(Err(error)) => return Err(self.ended_by(error, next)),
            None => {
                return Err(End::Finding(format!(
                    "stream {stream} has lost event {sequence}, the last that is in the log"
                )));
            }
        };
        match leaf::difference(&logged, &found) {
            None => Ok(()),
            Some(what) => Err(End::Finding(format!(
                "event {sequence} of stream {stream} is not the one in the log: its {what} differs"
            ))),
        }
    }

    fn ended_by(&self, error: Error, next: u64) -> End {
        let stream = &self.stream;
        match error {
            Error::Unavailable { .. } => End::Passing(Box::new(error)),
            Error::UnknownStream { .. } if next == 1 => End::Awaited,
            Error::UnknownStream { .. } => End::Finding(format!(
                "stream {stream} was deleted after {} of its events were logged",
                next - 1
            )),
            Error::Gap { expected, found, .. } => End::Finding(gap(stream, expected, found)),
            Error::Truncated { .. } | Error::Malformed { .. } => End::Finding(error.to_string()),
        }
    }
}

/// What to say of a gap.
pub(crate) fn gap(stream: &str, expected: u64, found: u64) -> String {
    format!("stream {stream} has lost event {expected}: the next one is {found}")
}

/// What to say of an event that nobody could be shown.
fn too_long(entry: &Entry) -> String {
    let Entry { stream, sequence, .. } = entry;
    format!(
        "event {sequence} of stream {stream} cannot be logged: its subject and message id take more than {ENTRY_BYTES_MAX} bytes"
    )
}

fn passing(error: impl std::error::Error + Send + Sync + 'static) -> End {
    End::Passing(Box::new(error))
}
