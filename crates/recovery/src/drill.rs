//! Drills: what a restore would have given and cost, had it been needed now.

use jiff::Timestamp;
use publicdata_audit_domain::Checkpoint;
use publicdata_event_store::{Error as StoreError, Store};
use publicdata_proto::recovery::v1::{RecoveryDrilled, ViewComparison};
use serde::Serialize;

use crate::streams::Cursors;
use crate::views::Compared;
use crate::{Backup, Error, time};

/// What the backup would have lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// How much, by the times at which events were received (RPO), in milliseconds.
    pub rpo_ms: u64,
    /// How many events.
    pub events_missing: u64,
}

/// What a drill found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drilled {
    /// When it began.
    pub began_at: Timestamp,
    /// What would have been lost.
    #[serde(flatten)]
    pub loss: Loss,
    /// How long it took until everything was restored and verified (RTO), in milliseconds.
    pub rto_ms: u64,
    /// How many events were restored.
    pub events: u64,
    /// The root of the log that was built from what the restored store holds.
    pub root: String,
    /// The views, as built from restored events.
    pub views: Vec<Compared>,
    /// Everything that is wrong. Empty: the restored platform is the one that was backed up.
    pub findings: Vec<String>,
}

impl Loss {
    /// What the platform holds now beyond the backup, over all `streams`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn now(store: &Store, streams: &[String], backup: &Backup) -> Result<Self, Error> {
        let newest = backup.newest();
        let (mut events_missing, mut newest_at) = (0, newest.newest_recorded_at);
        for stream in streams {
            let held = newest.streams.get(stream).copied().unwrap_or_default();
            let last = match store.last_sequence(stream).await {
                Ok(last) => last,
                Err(StoreError::UnknownStream { .. }) => 0,
                Err(error) => return Err(error.into()),
            };
            if last <= held {
                continue;
            }
            events_missing += last - held;
            let before = [(stream.clone(), last - 1)].into();
            let found = Cursors::after(store, &before).next(stream).await?;
            newest_at = newest_at.max(found.map(|recorded| recorded.recorded_at));
        }
        let rpo_ms = match (newest.newest_recorded_at, newest_at) {
            (Some(held), Some(newest)) => time::millis_between(held, newest),
            (None, _) | (_, None) => 0,
        };
        Ok(Self { rpo_ms, events_missing })
    }
}

impl Drilled {
    /// Whether the restored platform is the one that was backed up.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.findings.is_empty()
    }

    pub(crate) fn event(&self, backup: &Backup) -> RecoveryDrilled {
        let views = self.views.iter().map(|view| ViewComparison {
            service: view.service.clone(),
            view: view.view.clone(),
            rows: view.rows,
            sha256: view.sha256.as_bytes().to_vec(),
            equal: view.equal,
        });
        RecoveryDrilled {
            backup: Some(backup.point()),
            began_at: Some(time::to_proto(self.began_at)),
            rpo_ms: self.loss.rpo_ms,
            events_missing: self.loss.events_missing,
            rto_ms: self.rto_ms,
            views: views.collect(),
            findings: self.findings.clone(),
        }
    }
}

/// What is wrong with a restored log and its views, held against the backup's; nothing, if they are the same.
#[must_use]
pub fn findings(backup: &Backup, read_back: Checkpoint, views: &[Compared]) -> Vec<String> {
    let signed = backup.signed();
    let log = (read_back != signed).then(|| {
        format!(
            "the restored events make the root {} of {} events; {} of {} was signed",
            read_back.hash, read_back.size, signed.hash, signed.size
        )
    });
    let views = views.iter().filter(|view| !view.equal).map(|view| {
        format!("view {} of {} is not what it was when it was backed up", view.view, view.service)
    });
    log.into_iter().chain(views).collect()
}
