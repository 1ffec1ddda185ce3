//! Looks at the clock and at the calendar: warns of limits that are near, notes those that passed, and counts anew what was
//! counted by another calendar.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use publicdata_catalog_domain::obligation::{Command, warn_until};
use publicdata_service_kit::problem::chain;
use publicdata_types::{Calendar, CommandId, china_date};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::obligations::Desk;
use crate::queries::obligations::{self as queries, Pending, Place};

/// The clock's policy.
#[derive(Debug)]
pub(crate) struct Deadlines {
    desk: Arc<Desk>,
    /// How often the clock is looked at.
    every: Duration,
    /// The calendar by which everything was counted, and the last commit that was looked at for it.
    counted: Option<(String, u64)>,
    /// How many were waiting for an announcement when that was last said.
    waiting: u64,
}

impl Deadlines {
    pub(crate) fn new(desk: Arc<Desk>, every: Duration) -> Self {
        Self { desk, every, counted: None, waiting: 0 }
    }

    /// Looks at the clock again and again, until shutdown.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = tokio::select! {
                () = shutdown.cancelled() => return,
                looked = self.look() => looked,
            };
            // What fails now is still due at the next tick.
            if let Err(error) = looked {
                tracing::warn!(error = chain(&error), "cannot look after obligations");
            }
        }
    }

    /// First the calendar, as warnings and misses rest on it.
    async fn look(&mut self) -> Result<(), Error> {
        if let Err(error) = self.desk.holidays.reload() {
            tracing::warn!(error = chain(&error), "holidays stay as they were");
        }
        let calendar = self.desk.holidays.calendar();
        let today = china_date(self.desk.now());
        self.recount(&calendar).await?;
        self.warn(warn_until(&calendar, today)).await?;
        self.elapse(today).await?;
        self.say_what_waits(today).await
    }

    /// Counts anew what was counted by another calendar, and has not been looked at since the calendar changed.
    async fn recount(&mut self, calendar: &Calendar) -> Result<(), Error> {
        let version = calendar.version();
        let mut seen = match self.counted.take() {
            Some((counted_by, seen)) if counted_by == version => seen,
            Some(_) | None => 0,
        };
        loop {
            let stale = queries::stale(&self.desk.shared.database, version, seen).await?;
            for stale in &stale {
                let deadline = stale.term.due(calendar, stale.counted_from);
                if (deadline.on, deadline.provisional) != (stale.due_on, stale.provisional) {
                    let id = command_id(&stale.pending, &format!("recount {version}"));
                    let command = Command::Recount { deadline };
                    self.desk.react(&stale.pending.id, id, command).await?;
                }
                seen = stale.pending.sequence;
            }
            if stale.is_empty() {
                self.counted = Some((version.to_owned(), seen));
                return Ok(());
            }
        }
    }

    async fn warn(&self, warn_until: Date) -> Result<(), Error> {
        let mut after = Place::default();
        loop {
            let near = queries::unwarned(&self.desk.shared.database, warn_until, &after).await?;
            for pending in &near {
                let id = command_id(pending, "warn");
                self.desk.react(&pending.id, id, Command::Warn { warn_until }).await?;
            }
            match near.last() {
                Some(last) => after = last.place.clone(),
                None => return Ok(()),
            }
        }
    }

    async fn elapse(&self, today: Date) -> Result<(), Error> {
        let mut after = Place::default();
        loop {
            let elapsed = queries::elapsed(&self.desk.shared.database, today, &after).await?;
            for pending in &elapsed {
                let id = command_id(pending, "elapse");
                self.desk.react(&pending.id, id, Command::Elapse { today }).await?;
            }
            match elapsed.last() {
                Some(last) => after = last.place.clone(),
                None => return Ok(()),
            }
        }
    }

    /// A provisional day binds nobody: whoever runs the platform has to bring the announced holidays.
    async fn say_what_waits(&mut self, today: Date) -> Result<(), Error> {
        let waiting = queries::waiting(&self.desk.shared.database, today).await?;
        if waiting > self.waiting {
            tracing::warn!(
                obligations.waiting = waiting,
                "limits have passed that were counted without announced holidays; bring the file `holidays` up to date"
            );
        }
        self.waiting = waiting;
        Ok(())
    }
}

/// Follows from the last commit that the view knows: what happens later may ask for the same again.
fn command_id(pending: &Pending, what: &str) -> CommandId {
    let obligation = CommandId::from_uuid(*pending.id.as_uuid());
    obligation.derive(&format!("{what} {}", pending.sequence))
}
