//! Witnesses: each newer checkpoint is offered to all of them, and shown to outsiders once they have answered or been given up.
//!
//! The log goes on without them, whatever they answer.

mod offer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use http::Uri;
use publicdata_audit_domain::Witness;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_views::Database;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::WitnessConfig;
use crate::error::Error;
use crate::queries::{self, SignedCheckpoint};
use crate::web::Web;
use crate::{log, metrics};
use offer::Refusal;

/// A witness that is away for long is not asked at each checkpoint.
const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_millis(500),
    delay_max: Duration::from_secs(60),
    deadline: Duration::MAX,
};

/// How it stands with one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is called in the configuration.
    pub name: String,
    /// Its key: `<name>+<id>`.
    pub key: String,
    /// Where it is.
    pub url: String,
    /// The size of the tree that it signed last; 0 for none.
    pub size: u64,
    /// When it signed that, as it says, in seconds since the epoch.
    pub cosigned_at_s: u64,
    /// Why it did not sign the newest that it was offered; empty if it did.
    pub problem: String,
}

/// How it stands with all of them. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Statuses(Arc<Mutex<Vec<Status>>>);

/// Offers checkpoints to witnesses.
pub(crate) struct Witnessing {
    database: Database,
    peers: Vec<Peer>,
    statuses: Statuses,
    offered: watch::Sender<u64>,
    pause: Duration,
}

/// A witness, as the log knows it.
struct Peer {
    /// Its place among the statuses.
    place: usize,
    key: Witness,
    uri: Uri,
    web: Web,
    database: Database,
    /// The size of the tree that it signed last.
    signed: u64,
    /// When it may be asked again.
    due: Instant,
    /// How often in a row it did not sign.
    failures: usize,
}

impl Statuses {
    /// Each witness, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> Vec<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Status)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = all.get_mut(place) {
            change(status);
        }
    }
}

impl Witnessing {
    /// Takes up what witnesses signed before. Until they were asked anew, outsiders are shown the newest checkpoint.
    pub(crate) async fn open(
        database: Database,
        configured: &[WitnessConfig],
        web: &Web,
        pause: Duration,
    ) -> Result<Self, Error> {
        let mut connection = database.pool().acquire().await?;
        let newest = queries::newest_checkpoint(&mut connection).await?;
        let (mut peers, mut all) = (Vec::new(), Vec::new());
        for (place, config) in configured.iter().enumerate() {
            let Some((key, uri)) = config.parts() else { continue };
            let last = queries::last_cosigned(&mut connection, &key.id()).await?;
            let (signed, cosigned_at_s) = last.unwrap_or_default();
            metrics::witnessed(key.name(), signed);
            all.push(Status {
                name: config.name.clone(),
                key: key.id(),
                url: config.url.clone(),
                size: signed,
                cosigned_at_s,
                problem: String::new(),
            });
            peers.push(Peer {
                place,
                key,
                uri,
                web: web.clone(),
                database: database.clone(),
                signed,
                due: Instant::now(),
                failures: 0,
            });
        }
        drop(connection);

        let statuses = Statuses(Arc::new(Mutex::new(all)));
        let offered = watch::Sender::new(newest.map_or(0, |newest| newest.size));
        Ok(Self { database, peers, statuses, offered, pause })
    }

    /// How it stands with each witness, as it changes.
    pub(crate) fn statuses(&self) -> Statuses {
        self.statuses.clone()
    }

    /// The size of the tree that was offered last, as it grows.
    pub(crate) fn offered(&self) -> watch::Receiver<u64> {
        self.offered.subscribe()
    }

    /// Offers what is new, again and again, until `shutdown`. Run it in a task.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.run_forever() => {}
        }
    }

    async fn run_forever(&mut self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(error = chain(&error), "checkpoint cannot be offered now");
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Offers the newest checkpoint to every witness that has not signed it and is not to be left in peace.
    async fn round(&mut self) -> Result<(), Error> {
        let mut connection = self.database.pool().acquire().await?;
        let newest = queries::newest_checkpoint(&mut connection).await?;
        drop(connection);
        // A witness that has seen an empty log has seen nothing.
        let Some(newest) = newest.filter(|newest| newest.size > 0) else { return Ok(()) };

        let statuses = &self.statuses;
        join_all(self.peers.iter_mut().map(|peer| peer.see(&newest, statuses))).await;
        self.offered.send_if_modified(|offered| {
            let is_newer = newest.size > *offered;
            *offered = newest.size.max(*offered);
            is_newer
        });
        Ok(())
    }
}

impl Peer {
    /// Has it sign the checkpoint, if it is time to ask.
    async fn see(&mut self, newest: &SignedCheckpoint, statuses: &Statuses) {
        if self.signed >= newest.size || Instant::now() < self.due {
            return;
        }
        match self.have_signed(newest).await {
            Ok(cosigned_at_s) => {
                self.signed = newest.size;
                self.failures = 0;
                metrics::witnessed(self.key.name(), newest.size);
                tracing::debug!(
                    witness.key = self.key.id(),
                    log.size = newest.size,
                    "checkpoint is cosigned"
                );
                statuses.change(self.place, |status| {
                    status.size = newest.size;
                    status.cosigned_at_s = cosigned_at_s;
                    status.problem.clear();
                });
            }
            Err(refusal) => {
                let pause = BACKOFF.delays().nth(self.failures).unwrap_or(BACKOFF.delay_max);
                self.failures += 1;
                self.due = Instant::now() + pause;
                let problem = chain(&refusal);
                self.report(&refusal, &problem);
                statuses.change(self.place, |status| status.problem = problem);
            }
        }
    }

    /// Has it sign the checkpoint, and keeps what it signed; answers when it did so.
    async fn have_signed(&self, newest: &SignedCheckpoint) -> Result<u64, Refusal> {
        let cosignature = self.offer(newest).await?;
        let kept = log::keep_cosignature(&self.database, newest.size, &self.key, &cosignature);
        kept.await.map_err(Error::from)?;
        Ok(cosignature.time_s)
    }

    fn report(&self, refusal: &Refusal, problem: &str) {
        let key = self.key.id();
        match refusal.is_grave() {
            true => tracing::error!(witness.key = key, problem, "witness objects to the log"),
            false => tracing::warn!(witness.key = key, problem, "witness did not cosign"),
        }
    }
}
