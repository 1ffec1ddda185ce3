//! Archives what is due, for as long as the service runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz};
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_service_kit::problem::chain;
use publicdata_types::china_date;
use tokio_util::sync::CancellationToken;

use super::Archivist;
use crate::error::Error;

/// How often the clock is looked at. Months are archived: nobody waits for it.
const POLL: Duration = Duration::from_secs(600);
const HOURS_A_DAY: i64 = 24;

/// Archives each whole month once it has been over for so many days.
pub(crate) struct Policy {
    pub(crate) archivist: Archivist,
    pub(crate) streams: Vec<String>,
    pub(crate) after_days: u32,
    pub(crate) problems: Problems,
}

/// Why streams could not be archived at the last attempt. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Arc<Mutex<BTreeMap<String, String>>>);

impl Problems {
    /// Why this stream could not be archived; empty if it could.
    pub(crate) fn of(&self, stream: &str) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(stream).cloned().unwrap_or_default()
    }

    fn note(&self, stream: &str, problem: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.to_owned(), problem);
    }
}

impl Policy {
    /// Archives until `shutdown`. Run it in a task.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(POLL);
        let archiving = async {
            loop {
                ticks.tick().await;
                for stream in &self.streams {
                    self.attend(stream).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = archiving => {}
        }
    }

    /// What fails now is still to be done at the next tick; until then everything stays where it is.
    async fn attend(&self, stream: &str) {
        let before = due(self.archivist.clock.now(), self.after_days);
        let problem = loop {
            match self.seal_next(stream, before).await {
                Ok(Some(_)) => {}
                Ok(None) => break String::new(),
                // Another process of this service archives as well, and was faster: go on after it.
                Err(Error::ArchiveRejected(rejection)) => {
                    tracing::info!(stream.name = stream, %rejection, "archived by another process");
                    break String::new();
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(stream.name = stream, error, "stream cannot be archived");
                    break error;
                }
            }
        };
        self.problems.note(stream, problem);
    }

    async fn seal_next(&self, stream: &str, before: Timestamp) -> Result<Option<Seal>, Error> {
        let signed = self.archivist.signed().await?;
        self.archivist.seal_next(stream, before, &signed).await
    }
}

/// The beginning of the month in China that was so many days ago.
fn due(now: Timestamp, after_days: u32) -> Timestamp {
    let days = SignedDuration::from_hours(HOURS_A_DAY * i64::from(after_days));
    let day = china_date(now.checked_sub(days).unwrap_or(Timestamp::MIN));
    let midnight = day.first_of_month().at(0, 0, 0, 0);
    tz::offset(8).to_timestamp(midnight).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
