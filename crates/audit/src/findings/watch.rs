//! Holds the log against the rules as it grows, and looks at the clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::civil::Date;
use publicdata_event_store as event_store;
use publicdata_event_store::Store;
use publicdata_identity::SpiffeId;
use publicdata_service_kit::Clock;
use publicdata_service_kit::problem::chain;
use publicdata_types::china_date;
use publicdata_views::{Database, Transaction};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::engine::{Engine, Outcome};
use super::{queries, state};
use crate::error::Error;
use crate::events::{self, Event};
use crate::metrics;
use crate::queries::{self as log, Filter};

/// How many events are held against the rules in one transaction, which keeps the log's writer waiting on SQLite.
const BATCH: usize = 200;
/// Between two looks at a log that grows: rules may lag a moment, and a look opens its streams anew.
const PAUSE: Duration = Duration::from_millis(250);
/// How often the clock is looked at, when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How long to wait after a failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);

/// The task.
pub(crate) struct Watch {
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) engine: Arc<Engine>,
    pub(crate) desk: Desk,
    pub(crate) clock: Clock,
    /// Which streams are logged.
    pub(crate) streams: Vec<String>,
    /// The day on which old counts were forgotten last.
    pub(crate) swept_on: Option<Date>,
    /// Who acts: this service.
    pub(crate) service: SpiffeId,
    /// How many events are in the log.
    pub(crate) size: watch::Receiver<u64>,
    pub(crate) progress: Progress,
}

/// How far the rules are. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Mutex<Reading>>);

/// That.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// How many events of the log were read.
    pub(crate) read: u64,
    /// Why it does not go on; empty while it does.
    pub(crate) problem: String,
}

/// Whether there is more to read right now.
#[derive(PartialEq, Eq)]
enum Step {
    More,
    Done,
}

impl Watch {
    /// Goes on until shutdown.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => return,
                step = self.step() => step,
            };
            let (wait, failed) = match step {
                Ok(Step::More) => continue,
                Ok(Step::Done) => (PAUSE, false),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "rules cannot go on now");
                    self.progress.set(|reading| reading.problem = error);
                    (FAILURE_PAUSE, true)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            if self.is_behind() || failed {
                continue;
            }
            // What is about to be logged, or has to be waited for, is looked for sooner.
            let look =
                if self.progress.get().problem.is_empty() { LOOK_EVERY } else { FAILURE_PAUSE };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(look) => {}
                changed = self.size.changed() => if changed.is_err() {
                    // Its writer is gone: the service ends.
                    return;
                }
            }
        }
    }

    fn is_behind(&self) -> bool {
        self.progress.get().read < *self.size.borrow()
    }

    async fn step(&mut self) -> Result<Step, Error> {
        let rules = self.engine.rules().digest().to_string();
        let mut transaction = self.database.begin().await?;
        let before = state::take_up(transaction.connection(), &rules).await?;
        transaction.commit().await?;

        let ends = self.ends().await?;
        let (batch, next, failed) = self.read(before).await?;
        let now = self.clock.now();
        // The clock says nothing while there may be events that were not read.
        let behind = match failed {
            Some(_) => Some("events follow".to_owned()),
            None => self.behind(&ends, next).await?,
        };
        let today = behind.is_none().then(|| china_date(now));
        let (mut outcome, mut transaction) = self.apply(&batch, today).await?;
        if !outcome.effects.is_empty() {
            // What follows is done first, and then remembered to be done: a crash in between does it again, which changes nothing. The
            // log's writer does not wait meanwhile.
            drop(transaction);
            for effect in outcome.effects {
                self.desk.follow(effect, &self.service.to_string(), now).await?;
            }
            (outcome, transaction) = self.apply(&batch, today).await?;
        }
        if today.is_some() && today != self.swept_on {
            self.engine.forget_counted(transaction.connection(), now).await?;
            self.swept_on = today;
        }
        if !state::save_next(transaction.connection(), before, next).await? {
            return Ok(Step::More);
        }
        transaction.commit().await?;
        self.engine.health().add(outcome.failures);
        let more = failed.is_some() || batch.len() == BATCH;
        let problem = behind.filter(|_| !more).unwrap_or_default();
        self.progress.set(|reading| *reading = Reading { read: next, problem });
        metrics::judged(next);

        if let Some(error) = failed {
            tracing::error!(
                error = chain(&error),
                "rules pass over an event that is not as it was logged"
            );
        }
        self.note_overdue().await?;
        Ok(if more { Step::More } else { Step::Done })
    }

    /// How far each stream goes now.
    async fn ends(&self) -> Result<Vec<(String, u64)>, Error> {
        let mut ends = Vec::new();
        for stream in &self.streams {
            let last = match self.store.last_sequence(stream).await {
                Ok(last) => last,
                // It is waited for: nothing has happened in it.
                Err(event_store::Error::UnknownStream { .. }) => 0,
                Err(error) => return Err(error.into()),
            };
            ends.push((stream.clone(), last));
        }
        Ok(ends)
    }

    /// What was not read, of what had happened in the streams: the log may not have it yet, or have stopped before it.
    async fn behind(&self, ends: &[(String, u64)], next: u64) -> Result<Option<String>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        let coverage = log::coverage(&mut connection).await?;
        let newest = log::newest_checkpoint(&mut connection).await?;
        if newest.is_some_and(|newest| newest.size > next) {
            return Ok(Some("days that pass are not judged before the log is read".to_owned()));
        }
        let late = ends.iter().find(|(stream, last)| coverage.of(stream).sequence < *last);
        Ok(late.map(|(stream, last)| {
            format!(
                "days that pass are not judged before event {last} of stream {stream} is logged"
            )
        }))
    }

    /// The next events, where to go on after them, and what is wrong with the last one, if it is passed over.
    async fn read(&self, next: u64) -> Result<(Vec<Event>, u64, Option<Error>), Error> {
        let (database, store) = (self.database.clone(), self.store.clone());
        let mut events =
            std::pin::pin!(events::replay_from(database, store, Filter::default(), next).await?);
        let (mut batch, mut next) = (Vec::new(), next);
        while batch.len() < BATCH {
            match events.next().await {
                None => break,
                Some(Ok(event)) => {
                    next = event.index + 1;
                    batch.push(event);
                }
                Some(Err(
                    error @ (Error::EventChanged { index, .. }
                    | Error::EventLost { index, .. }
                    | Error::LeafAltered { index, .. }),
                )) => return Ok((batch, index + 1, Some(error))),
                Some(Err(error)) => return Err(error),
            }
        }
        Ok((batch, next, None))
    }

    /// Holds events against the rules, and then the day, in a transaction that is not committed.
    async fn apply(
        &self,
        batch: &[Event],
        today: Option<Date>,
    ) -> Result<(Outcome, Transaction), Error> {
        let mut outcome = Outcome::default();
        let mut transaction = self.database.begin().await?;
        for event in batch {
            self.engine.observe(transaction.connection(), event, &mut outcome).await?;
        }
        if let Some(today) = today {
            self.engine.advance(transaction.connection(), today, &mut outcome).await?;
        }
        Ok((outcome, transaction))
    }

    async fn note_overdue(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut connection = self.database.pool().acquire().await?;
        let overdue = queries::overdue(&mut connection, china_date(now)).await?;
        drop(connection);
        for overdue in overdue {
            self.desk.deadline_elapsed(&overdue, &self.service.to_string(), now).await?;
        }
        Ok(())
    }
}

impl Progress {
    pub(crate) fn get(&self) -> Reading {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
