//! What the bus does of itself: its commands' ids follow from events, so each may be repeated.

mod archiving;
mod corrections;
mod marks;

use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Meta;
use publicdata_identity::SpiffeId;
use publicdata_service_kit::Clock;
use publicdata_service_kit::problem::chain;
use publicdata_types::china_date;
use publicdata_views::Projector;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::grants::GrantDesk;
use crate::queries::{Pending, Queries};
use crate::tickets::TicketDesk;
use crate::transfers::Exchange;
use crate::views::EXCHANGE;

pub use archiving::{Archiving, Hindrance};
pub use corrections::Corrections;
pub use marks::Marks;

const PAUSE: Duration = Duration::from_secs(1);
/// How long the view of our own events may take to catch up, before it is tried again.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(30);

/// Something that has to be done by a day.
#[async_trait]
pub trait Limited: Send + Sync {
    /// The step that the note's command id is derived by, such as `application-overdue`.
    fn step(&self) -> &'static str;

    /// Whose limit has passed on this day, as far as the views know, and is not noted yet.
    ///
    /// # Errors
    /// The database failed.
    async fn overdue(&self, today: Date) -> Result<Vec<Pending>, Error>;

    /// Notes it, if it still applies.
    ///
    /// # Errors
    /// The store failed.
    async fn deadline_elapsed(&self, meta: &Meta, id: &str) -> Result<(), Error>;
}

/// Notes what was to be done by a day that has passed: applications (R26.1) and tickets (R27.1), ten working days each.
pub struct Deadlines {
    /// What has limits, and decides whether they still apply.
    pub limited: Vec<Arc<dyn Limited>>,
    /// The time.
    pub clock: Clock,
    /// Who acts: this service.
    pub service: SpiffeId,
    /// How often the clock is looked at.
    pub every: Duration,
}

/// Sets right what a stop or crash of the bus left behind: transfers that the log calls running, and nobody conducts.
pub struct Recovery {
    /// Where they stand.
    pub queries: Queries,
    /// Who decides whether it is so.
    pub exchange: Exchange,
    /// What the view has to catch up with.
    pub store: Store,
    /// The view of our own events.
    pub log: Arc<Projector>,
}

impl Deadlines {
    /// Looks at the clock again and again, until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            for limited in &self.limited {
                // What fails now is still overdue at the next tick.
                if let Err(error) = self.note_overdue(&**limited).await {
                    let step = limited.step();
                    tracing::warn!(step, error = chain(&error), "cannot note what is overdue");
                }
            }
        }
    }

    async fn note_overdue(&self, limited: &dyn Limited) -> Result<(), Error> {
        let now = self.clock.now();
        for pending in limited.overdue(china_date(now)).await? {
            let meta = Meta {
                command_id: pending.cause.derive(limited.step()),
                actor: self.service.to_string(),
                at: now,
                traceparent: None,
            };
            limited.deadline_elapsed(&meta, &pending.id).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Limited for GrantDesk {
    fn step(&self) -> &'static str {
        "application-overdue"
    }

    async fn overdue(&self, today: Date) -> Result<Vec<Pending>, Error> {
        self.queries.overdue(today).await
    }

    async fn deadline_elapsed(&self, meta: &Meta, id: &str) -> Result<(), Error> {
        Self::deadline_elapsed(self, meta, id).await
    }
}

#[async_trait]
impl Limited for TicketDesk {
    fn step(&self) -> &'static str {
        "ticket-overdue"
    }

    async fn overdue(&self, today: Date) -> Result<Vec<Pending>, Error> {
        self.queries.overdue_tickets(today).await
    }

    async fn deadline_elapsed(&self, meta: &Meta, id: &str) -> Result<(), Error> {
        Self::deadline_elapsed(self, meta, id).await
    }
}

impl Recovery {
    /// Tries until it is done, or until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            let tried = tokio::select! {
                () = shutdown.cancelled() => return,
                tried = self.interrupt_abandoned() => tried,
            };
            match tried {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot look for abandoned transfers");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn interrupt_abandoned(&self) -> Result<(), Error> {
        let last = self.store.last_sequence(EXCHANGE).await;
        let last = last.map_err(publicdata_event_store::aggregates::Error::Store)?;
        self.log.wait_for(EXCHANGE, last, CATCH_UP_TIMEOUT).await?;
        for transfer in self.queries.running().await? {
            let id = transfer.id.parse().map_err(Error::unreadable)?;
            self.exchange.interrupt_abandoned(id, transfer.cause).await?;
        }
        Ok(())
    }
}
