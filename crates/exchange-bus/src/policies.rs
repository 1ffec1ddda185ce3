//! What the bus does of itself: its commands' ids follow from events, so each may be repeated.

use std::time::Duration;

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
use crate::queries::Queries;
use crate::transfers::Exchange;
use crate::views::EXCHANGE;

const PAUSE: Duration = Duration::from_secs(1);
/// How long the view of our own events may take to catch up, before it is tried again.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(30);

/// Notes applications whose ten working days have passed (R26.1).
pub struct Deadlines {
    /// Where open limits stand.
    pub queries: Queries,
    /// Who decides whether they still apply.
    pub desk: GrantDesk,
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
            // What fails now is still overdue at the next tick.
            if let Err(error) = self.note_overdue().await {
                tracing::warn!(error = chain(&error), "cannot note overdue applications");
            }
        }
    }

    async fn note_overdue(&self) -> Result<(), Error> {
        let now = self.clock.now();
        for application in self.queries.overdue(china_date(now)).await? {
            let meta = Meta {
                command_id: application.cause.derive("application-overdue"),
                actor: self.service.to_string(),
                at: now,
                traceparent: None,
            };
            self.desk.deadline_elapsed(&meta, &application.id).await?;
        }
        Ok(())
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
