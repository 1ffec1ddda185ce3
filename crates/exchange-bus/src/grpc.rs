//! Parse, execute, respond: one file for each service.

mod archives;
mod centre;
mod disputes;
mod duties;
mod grants;
mod links;
mod subscriptions;
mod tickets;
mod tiers;
mod transfers;

use std::sync::Arc;
use std::time::Duration;

use publicdata_directory::Directory;
use publicdata_event_store::aggregates::Meta;
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Clock, Problem, Tasks, telemetry};
use publicdata_types::{Actor, Calendar, PageToken};
use publicdata_views::Projector;
use tonic::{Request, Status};

use crate::codec::values;
use crate::disputes::DisputeDesk;
use crate::error::Error;
use crate::grants::GrantDesk;
use crate::policies::Hindrance;
use crate::queries::{Page, Queries, Reader};
use crate::relay::Relay;
use crate::subscriptions::SubscriptionDesk;
use crate::tickets::TicketDesk;
use crate::tiers::Tiers;
use crate::transfers::Exchange;
use crate::views::EXCHANGE;

/// How long an answer waits for the view to show what it says.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The handlers of all services. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// Who calls.
    pub directory: Arc<Directory>,
    /// Applications and grants.
    pub desk: GrantDesk,
    /// Transfers.
    pub exchange: Exchange,
    /// Verification tickets.
    pub tickets: TicketDesk,
    /// Disputes.
    pub disputes: DisputeDesk,
    /// Subscriptions.
    pub subscriptions: SubscriptionDesk,
    /// What keeps the log from being archived.
    pub hindrance: Hindrance,
    /// The views.
    pub queries: Queries,
    /// Nodes.
    pub relay: Relay,
    /// Buses of other tiers.
    pub tiers: Tiers,
    /// What follows the catalogue's events.
    pub catalogue: Arc<Projector>,
    /// What follows our own events.
    pub log: Arc<Projector>,
    /// What follows those of tickets and disputes.
    pub objections: Arc<Projector>,
    /// Working days.
    pub calendar: Arc<Calendar>,
    /// The time.
    pub clock: Clock,
    /// Where links run.
    pub tasks: Tasks,
}

impl Service {
    /// Whoever reads: a user or a node of an organisation.
    async fn reader<T>(&self, request: &Request<T>) -> Result<Reader, Status> {
        Ok(Reader::from(&self.principal(request).await?))
    }

    /// The same, as whoever acts.
    async fn principal<T>(&self, request: &Request<T>) -> Result<Actor, Status> {
        let caller = self.directory.caller(request).await?;
        match caller.actor() {
            Some(actor) => Ok(actor.clone()),
            None => Err(organisation_required()),
        }
    }

    fn meta(&self, command_id: &str, by: &Actor) -> Result<Meta, Error> {
        Ok(Meta {
            command_id: values::parse("command_id", command_id)?,
            actor: by.id.clone(),
            at: self.clock.now(),
            traceparent: telemetry::current_traceparent(),
        })
    }

    /// Waits until the caller can read what it wrote. What was written stays so if the view lags.
    async fn settle(&self, sequence: u64) {
        settle(&self.log, sequence).await;
    }

    /// The same for tickets and disputes.
    async fn settle_objection(&self, sequence: u64) {
        settle(&self.objections, sequence).await;
    }
}

fn organisation_required() -> Status {
    let text = "only a user or node of an organisation may call this";
    Problem::new(Code::PermissionDenied, "ORGANISATION_REQUIRED", text).into()
}

async fn settle(view: &Projector, sequence: u64) {
    if let Err(error) = view.wait_for(EXCHANGE, sequence, SETTLE_TIMEOUT).await {
        tracing::warn!(%error, sequence, "an answer goes out before the view shows it");
    }
}

fn page(size: u32, token: &str) -> Result<Page, Error> {
    let after = match token {
        "" => None,
        token => Some(token.parse::<PageToken>().map_err(|_| Error::PageToken)?),
    };
    Ok(Page { size, after })
}

/// The token of the next page; empty if there is none.
fn token(next: Option<PageToken>) -> String {
    next.map(|token| token.to_string()).unwrap_or_default()
}
