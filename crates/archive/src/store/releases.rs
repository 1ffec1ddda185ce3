//! What is known of releases, and for how long it counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use publicdata_audit_domain::archive::{Archive as Seal, Archives, RELEASABLE};
use publicdata_event_store::aggregates::{self, Aggregates};
use publicdata_event_store::{BoxError, Error, Store};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::subjects::Subjects;
use super::{Problem, unavailable};
use crate::StreamArchives;

/// For how long it counts what is known of releases.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// When it is asked again.
    pub renew_after: Duration,
    /// When nothing is decided any more, if nobody answers.
    pub ends_after: Duration,
}

/// What was released, as the stream `AUDIT` has it.
#[derive(Debug)]
pub(super) struct Releases {
    live: Store,
    rows: Aggregates<StreamArchives>,
    lease: Lease,
    known: Mutex<HashMap<String, Known>>,
    /// One at a time asks.
    renewing: tokio::sync::Mutex<()>,
}

/// What is known of a stream.
#[derive(Clone, Debug)]
struct Known {
    /// Since when it is true.
    since: Instant,
    /// When it was last asked for.
    asked: Instant,
    /// The sequence of the last event that the stream has dropped.
    dropped: u64,
    released: Arc<Released>,
}

/// The events of a stream that are read from archives.
#[derive(Debug)]
pub(super) struct Released {
    pub(super) stream: String,
    /// The sequence of the last of them; 0 for none.
    pub(super) last_sequence: u64,
    pub(super) seals: Vec<Seal>,
    pub(super) subjects: OnceCell<Subjects>,
    /// What was known when less was released, until that is read which came in addition.
    pub(super) earlier: Mutex<Subjects>,
}

impl Default for Lease {
    fn default() -> Self {
        Self { renew_after: Duration::from_secs(60), ends_after: Duration::from_secs(20 * 60) }
    }
}

impl Releases {
    pub(super) fn new(live: Store, lease: Lease) -> Self {
        let rows = Aggregates::new(Arc::clone(&live));
        Self { live, rows, lease, known: Mutex::default(), renewing: tokio::sync::Mutex::default() }
    }

    /// What of `stream` is read from archives; none if nothing is.
    pub(super) async fn released(&self, stream: &str) -> Result<Option<Arc<Released>>, Error> {
        let known = self.known(stream).await?;
        Ok(known.map(|known| known.released).filter(|released| released.last_sequence > 0))
    }

    /// The same, for whoever decides on it: what is lost must not be taken for what never was.
    pub(super) async fn whole(&self, stream: &str) -> Result<Option<Arc<Released>>, Error> {
        let Some(Known { dropped, released, .. }) = self.known(stream).await? else {
            return Ok(None);
        };
        if dropped > released.last_sequence {
            let (stream, released) = (stream.to_owned(), released.last_sequence);
            return Err(unavailable(Problem::Lost { stream, dropped, released }));
        }
        Ok(Some(released).filter(|released| released.last_sequence > 0))
    }

    async fn known(&self, stream: &str) -> Result<Option<Known>, Error> {
        if !RELEASABLE.contains(&stream) {
            return Ok(None);
        }
        if let Some(known) = self.remembered(stream).filter(|known| self.is_fresh(known)) {
            return Ok(Some(known));
        }
        let _turn = self.renewing.lock().await;
        let before = self.remembered(stream);
        if let Some(known) = before.clone().filter(|known| self.is_fresh(known)) {
            return Ok(Some(known));
        }
        let asked = Instant::now();
        let known = match (self.ask(stream, before.as_ref(), asked).await, before) {
            (Ok(known), _) => known,
            (Err(error), Some(before)) if before.since.elapsed() < self.lease.ends_after => {
                tracing::warn!(stream.name = stream, %error, "cannot tell what was released since");
                Known { asked, ..before }
            }
            (Err(error), _) => return Err(error),
        };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(stream.to_owned(), known.clone());
        Ok(Some(known))
    }

    fn remembered(&self, stream: &str) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    fn is_fresh(&self, known: &Known) -> bool {
        known.asked.elapsed() < self.lease.renew_after
            && known.since.elapsed() < self.lease.ends_after
    }

    async fn ask(
        &self,
        stream: &str,
        before: Option<&Known>,
        asked: Instant,
    ) -> Result<Known, Error> {
        let first = self.live.first_sequence(stream).await?;
        let unknown = |source: BoxError| {
            let stream = stream.to_owned();
            unavailable(Problem::Unknown { stream, source })
        };
        let archives = match self.rows.get(stream).await {
            Ok((archives, _)) => archives,
            // Where nothing is audited, nothing is archived. But a server may still be reading a stream that it does not know yet.
            Err(aggregates::Error::Store(Error::UnknownStream { .. })) if first == 1 => {
                Archives::default()
            }
            Err(source) => return Err(unknown(source.into())),
        };
        let last_sequence = archives.released();
        let before = before.map(|known| &known.released);
        let released = match before {
            Some(same) if same.last_sequence == last_sequence => Arc::clone(same),
            Some(later) if later.last_sequence > last_sequence => {
                return Err(unknown("less is released than before".into()));
            }
            Some(_) | None => {
                let seals = archives.sealed().iter();
                let seals = seals.filter(|seal| seal.last_sequence <= last_sequence).cloned();
                let subjects = before.and_then(|before| before.subjects.get().cloned());
                Arc::new(Released {
                    stream: stream.to_owned(),
                    last_sequence,
                    seals: seals.collect(),
                    subjects: OnceCell::new(),
                    earlier: Mutex::new(subjects.unwrap_or_default()),
                })
            }
        };
        Ok(Known { since: asked, asked, dropped: first.saturating_sub(1), released })
    }
}
