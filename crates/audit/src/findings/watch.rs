//! Holds the log against the rules as it grows, and looks at the clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
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
use crate::queries::Filter;

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
            let wait = match step {
                Ok(Step::More) => continue,
                Ok(Step::Done) => PAUSE,
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "rules cannot go on now");
                    self.progress.set(|reading| reading.problem = error);
                    FAILURE_PAUSE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            if self.is_behind() {
                continue;
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                changed = self.size.changed() => if changed.is_err() {
                    // Its writer is gone: the service ends.
                    return;
                }
            }
        }
    }

    fn is_behind(&self) -> bool {
        let reading = self.progress.get();
        !reading.problem.is_empty() || reading.read < *self.size.borrow()
    }

    async fn step(&mut self) -> Result<Step, Error> {
        let rules = self.engine.rules().digest().to_string();
        let mut transaction = self.database.begin().await?;
        let next = state::take_up(transaction.connection(), &rules).await?;
        transaction.commit().await?;

        let (batch, next, failed) = self.read(next).await?;
        let now = self.clock.now();
        let (mut outcome, mut transaction) = self.apply(&batch, now).await?;
        if !outcome.effects.is_empty() {
            // What follows is done first, and then remembered to be done: a crash in between does it again, which changes nothing. The
            // log's writer does not wait meanwhile.
            drop(transaction);
            for effect in outcome.effects {
                self.desk.follow(effect, &self.service.to_string(), now).await?;
            }
            (outcome, transaction) = self.apply(&batch, now).await?;
        }
        state::save_next(transaction.connection(), next).await?;
        transaction.commit().await?;
        self.engine.health().add(outcome.failures);
        self.progress.set(|reading| *reading = Reading { read: next, problem: String::new() });

        if let Some(error) = failed {
            tracing::error!(
                error = chain(&error),
                "rules pass over an event that is not as it was logged"
            );
        }
        if batch.len() == BATCH {
            return Ok(Step::More);
        }
        self.note_overdue().await?;
        Ok(Step::Done)
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

    /// Holds events against the rules, and then the day if these are all there are, in a transaction that is not committed.
    async fn apply(
        &self,
        batch: &[Event],
        now: Timestamp,
    ) -> Result<(Outcome, Transaction), Error> {
        let mut outcome = Outcome::default();
        let mut transaction = self.database.begin().await?;
        for event in batch {
            self.engine.observe(transaction.connection(), event, &mut outcome).await?;
        }
        if batch.len() < BATCH {
            self.engine.advance(transaction.connection(), china_date(now), &mut outcome).await?;
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
