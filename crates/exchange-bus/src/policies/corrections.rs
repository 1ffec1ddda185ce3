//! Notes which corrections have arrived (R27.1).

use std::sync::Arc;
use std::time::Duration;

use publicdata_event_store::aggregates::Meta;
use publicdata_identity::SpiffeId;
use publicdata_service_kit::Clock;
use publicdata_service_kit::problem::chain;
use publicdata_views::Projector;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::queries::Queries;
use crate::tickets::TicketDesk;
use crate::views::EXCHANGE;

/// However much is transferred, it looks no more often.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for transfers that brought what a consumer was owed.
///
/// It looks at the views whenever they have moved, and keeps nothing in mind: what completed while the bus was down is found at
/// the next start. Each note is a command whose id follows from the answer that the correction came with, the consumer and the
/// transfer, so that a note that is made twice is one.
pub struct Corrections {
    /// Where it stands what is owed, and what was transferred.
    pub queries: Queries,
    /// Who decides whether it still is.
    pub desk: TicketDesk,
    /// The time.
    pub clock: Clock,
    /// Who acts: this service.
    pub service: SpiffeId,
    /// The views of transfers and of tickets.
    pub views: [Arc<Projector>; 2],
    /// How often it looks at least.
    pub every: Duration,
}

impl Corrections {
    /// Looks again and again, until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            // Before the tables are read: what comes from now on wakes it.
            let places = self.views.each_ref().map(|view| place(view));
            // What fails now is still owed the next time.
            if let Err(error) = self.note_arrived().await {
                tracing::warn!(error = chain(&error), "cannot note corrections that arrived");
            }
            let moved = async {
                tokio::time::sleep(self.every.min(PAUSE)).await;
                let [log, objections] = &self.views;
                // Whether a view has moved, the time is over or the view has stopped: it looks again.
                tokio::select! {
                    _ = log.wait_for(EXCHANGE, places[0] + 1, self.every) => {}
                    _ = objections.wait_for(EXCHANGE, places[1] + 1, self.every) => {}
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = moved => {}
            }
        }
    }

    async fn note_arrived(&self) -> Result<(), Error> {
        for arrived in self.queries.arrived().await? {
            let step = format!("correction-delivered-{}-{}", arrived.consumer, arrived.transfer);
            let meta = Meta {
                command_id: arrived.cause.derive(&step),
                actor: self.service.to_string(),
                at: self.clock.now(),
                traceparent: None,
            };
            self.desk.delivered(&meta, arrived).await?;
        }
        Ok(())
    }
}

fn place(view: &Projector) -> u64 {
    view.positions().get(EXCHANGE).copied().unwrap_or_default()
}
