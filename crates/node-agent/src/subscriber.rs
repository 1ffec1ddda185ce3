//! The consuming side of subscriptions (R23.1): fetches what is due, puts it into the sink, and signs for it.
//!
//! ```text
//! open at the bus ─► wait until due ─► fetch ─► sink takes rows and receipt ─► hand the receipt in ─► remember that
//! ```
//!
//! After a crash at any place the sink's note says where to go on.

pub mod doorbell;
pub mod roster;
pub mod state;

mod compare;
mod deliver;
mod due;
mod failure;
mod sinks;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use publicdata_exchange_domain::subscription::Trigger;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::subscription_service_client::SubscriptionServiceClient;
use publicdata_proto::exchange::v1::{
    OpenSubscriptionRequest, SubscriptionTrigger, SubscriptionTriggerKind,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_service_kit::{Clock, Problem, Tasks};
use publicdata_types::SubscriptionId;
use tokio::sync::watch;
use uuid::Uuid;

use crate::config::{SinkConfig, SubscriptionConfig};
use crate::fetch::Fetcher;
use crate::link::LinkStatus;
use crate::sink::{Note, Sink};
use crate::ticket::Ticket;
use compare::Comparing;
use doorbell::Doorbell;
use due::Due;
use failure::{Failure, Remedy};
use state::{Doing, State};

pub use sinks::SetupError;

/// How often a subscription is opened again, which also asks whether the source has changed: a word that was lost costs no more.
const ASK_AGAIN: Duration = Duration::from_secs(120);
/// How long it may take until the clock is looked at again.
const LOOK: Duration = Duration::from_secs(1);
const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_millis(200),
    delay_max: Duration::from_secs(60),
    // Not used: a subscription is tried for as long as it is configured.
    deadline: Duration::MAX,
};

/// One subscription of the node.
pub struct Subscriber {
    id: SubscriptionId,
    name: String,
    trigger: Trigger,
    refresh: Option<Trigger>,
    ticket: Ticket,
    sink: Arc<dyn Sink>,
    sink_config: SinkConfig,
    comparing: Comparing,
    parts: Parts,
    bell: Doorbell,
    /// Rung when source and sink are to be compared.
    comparison: Doorbell,
    state: watch::Sender<State>,
}

/// What all subscriptions of a node share.
#[derive(Clone)]
pub struct Parts {
    /// Who fetches.
    pub fetcher: Fetcher,
    /// The bus.
    pub bus: Channel,
    /// The node, which asks for itself.
    pub node: SpiffeId,
    /// Whether the bus can be reached.
    pub link: watch::Receiver<LinkStatus>,
    /// The time.
    pub clock: Clock,
    /// Where it runs.
    pub tasks: Tasks,
}

/// What is to be done next.
enum Turn {
    /// A delivery is due.
    Deliver,
    /// Source and sink are to be compared.
    Compare,
    /// The bus is to be asked again.
    Ask,
}

// === impl Subscriber ===

impl Subscriber {
    /// A subscription of a configuration that was validated.
    pub fn new(config: &SubscriptionConfig, parts: Parts) -> Result<Self, SetupError> {
        let id = Self::id_of(&parts.node, &config.name);
        let invalid = |message| SetupError::Invalid { name: config.name.clone(), message };
        let trigger = config.trigger().map_err(invalid)?;
        let sink = sinks::sink(config, id)?;
        Ok(Self {
            id,
            name: config.name.clone(),
            trigger,
            refresh: config.refresh().map_err(invalid)?,
            ticket: Ticket {
                grant_id: config.grant_id.clone(),
                fields: config.fields.clone(),
                purpose: config.purpose.clone(),
                case_number: config.case_number.clone(),
                ..Ticket::default()
            },
            state: watch::Sender::new(State::new(id, config, trigger, sink.kind())),
            sink,
            sink_config: config.sink.clone(),
            comparing: Comparing::new(config.reconcile().map_err(invalid)?),
            parts,
            bell: Doorbell::default(),
            comparison: Doorbell::default(),
        })
    }

    /// One name in one node's configuration is one subscription, whenever the node starts.
    #[must_use]
    pub fn id_of(node: &SpiffeId, name: &str) -> SubscriptionId {
        let text = format!("{node} {name}");
        SubscriptionId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// What is rung when a delivery is due.
    #[must_use]
    pub fn bell(&self) -> Doorbell {
        self.bell.clone()
    }

    /// What is rung when source and sink are to be compared now.
    #[must_use]
    pub fn comparison(&self) -> Doorbell {
        self.comparison.clone()
    }

    /// Follows what it is doing.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Runs until shutdown, or until nothing more is to come.
    pub async fn run(mut self) {
        let shutdown = self.parts.tasks.shutdown().clone();
        let mut delays = BACKOFF.delays();
        let mut due = Due::new(self.trigger, self.refresh);
        loop {
            // A delivery that is dropped here leaves no trace in the sink, or is in it as a whole.
            let done = tokio::select! {
                () = shutdown.cancelled() => return,
                done = self.step(&mut due) => done,
            };
            let at = match done {
                Ok(true) => {
                    delays = BACKOFF.delays();
                    continue;
                }
                Ok(false) => return,
                Err(failure) => match self.remedy(&failure, &mut due) {
                    Remedy::Nothing => return,
                    Remedy::FromBeginning => continue,
                    Remedy::Later => None,
                    Remedy::At(at) => Some(at),
                },
            };
            let delay = delays.next().unwrap_or(BACKOFF.delay_max);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.pause(delay, at) => {}
            }
        }
    }

    /// Opens the subscription, waits until a delivery is due, and makes it. Says whether there is more to do.
    async fn step(&mut self, due: &mut Due) -> Result<bool, Failure> {
        self.linked().await;
        self.open(due).await?;
        self.hand_in_receipts().await?;
        let last = self.sink.last().await?;
        self.tell(Doing::Waiting, last.as_ref());
        if due.is_done(last.as_ref()) {
            self.tell(Doing::Done, last.as_ref());
            return Ok(false);
        }
        match (self.turn(due, last.as_ref()).await, &last) {
            (Turn::Deliver, _) => {}
            (Turn::Compare, Some(last)) => {
                Box::pin(self.compare(last, due)).await?;
                self.tell(Doing::Waiting, Some(last));
                return Ok(true);
            }
            (Turn::Ask | Turn::Compare, _) => return Ok(true),
        }
        self.tell(Doing::Delivering, last.as_ref());
        let note = self.deliver(last, due).await?;
        due.delivered();
        self.tell(Doing::Waiting, Some(&note));
        self.hand_in_receipts().await?;
        Ok(true)
    }

    /// Waits for this long, and until the clock shows that time.
    async fn pause(&self, delay: Duration, at: Option<Timestamp>) {
        tokio::time::sleep(delay).await;
        while at.is_some_and(|at| self.parts.clock.now() < at) {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn linked(&self) {
        let mut link = self.parts.link.clone();
        // The sender lives as long as the node.
        let _ = link.wait_for(|status| status.connected).await;
    }

    /// Says at the bus what is wanted; the answer says whether the source has changed.
    async fn open(&self, due: &mut Due) -> Result<(), Failure> {
        let mut client = SubscriptionServiceClient::new(self.parts.bus.clone());
        let request = OpenSubscriptionRequest {
            subscription_id: self.id.to_string(),
            name: self.name.clone(),
            grant_id: self.ticket.grant_id.clone(),
            fields: self.ticket.fields.clone(),
            purpose: self.ticket.purpose.clone(),
            case_number: self.ticket.case_number.clone(),
            trigger: Some(trigger_to_wire(self.trigger)),
        };
        let opened = client.open_subscription(request).await;
        let opened = opened.map_err(|status| Failure::Open(Box::new(status)))?;
        due.heard(opened.into_inner().source_version);
        Ok(())
    }

    /// Waits until there is something to do.
    async fn turn(&mut self, due: &mut Due, last: Option<&Note>) -> Turn {
        let asked = tokio::time::Instant::now();
        let mut link = self.parts.link.clone();
        link.mark_unchanged();
        loop {
            match self.bell.take() {
                Some(version) if version.is_empty() => return Turn::Ask,
                Some(version) => due.heard(version),
                None => {}
            }
            let now = self.parts.clock.now();
            if due.is_due(last, now) {
                return Turn::Deliver;
            }
            if self.comparison.take().is_some() {
                self.comparing.ask();
            }
            if self.comparing.is_due(last, now) {
                return Turn::Compare;
            }
            if asked.elapsed() >= ASK_AGAIN || link.has_changed().unwrap_or(false) {
                return Turn::Ask;
            }
            tokio::select! {
                () = self.bell.rung() => {}
                () = self.comparison.rung() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Hands in the receipts of what the sink has taken. One that the bus does not accept holds nothing up.
    async fn hand_in_receipts(&self) -> Result<(), Failure> {
        for note in self.sink.unconfirmed().await? {
            match self.parts.fetcher.hand_in(&note.receipt).await {
                Ok(()) => self.sink.confirm(note.transfer).await?,
                Err(error) if error.is_interruption() => return Err(error.into()),
                Err(error) => tracing::error!(
                    transfer.id = %note.transfer, error = chain(&error),
                    "the bus does not accept a receipt; its delivery is in the sink"
                ),
            }
        }
        Ok(())
    }

    fn remedy(&self, failure: &Failure, due: &mut Due) -> Remedy {
        let problem = failure.problem();
        let (subscription, reason) = (&*self.name, &*problem.reason);
        let remedy = failure.remedy(&problem);
        match remedy {
            // Once more would be no other than before.
            Remedy::FromBeginning if due.begins_anew() => {
                tracing::warn!(subscription, reason, error = chain(failure), "not delivered");
                self.fail(Doing::Failing, &problem);
                return Remedy::Later;
            }
            Remedy::FromBeginning => {
                tracing::warn!(subscription, reason, "the delivery begins anew");
                due.begin_anew();
            }
            Remedy::Nothing => {
                tracing::warn!(subscription, reason, error = chain(failure), "subscription ended");
                self.fail(Doing::Ended, &problem);
            }
            Remedy::Later | Remedy::At(_) => {
                tracing::warn!(subscription, reason, error = chain(failure), "not delivered");
                self.fail(Doing::Failing, &problem);
            }
        }
        remedy
    }

    fn tell(&self, doing: Doing, last: Option<&Note>) {
        self.state.send_modify(|state| state.tell(doing, last));
    }

    fn fail(&self, doing: Doing, problem: &Problem) {
        self.state.send_modify(|state| state.fail(doing, problem));
    }
}

fn trigger_to_wire(trigger: Trigger) -> SubscriptionTrigger {
    let (kind, every_seconds, daily_at) = match trigger {
        Trigger::Once => (SubscriptionTriggerKind::Once, 0, String::new()),
        Trigger::OnChange => (SubscriptionTriggerKind::OnChange, 0, String::new()),
        Trigger::Every { seconds } => (SubscriptionTriggerKind::Every, seconds, String::new()),
        Trigger::Daily { at } => {
            let daily_at = format!("{:02}:{:02}", at.hour(), at.minute());
            (SubscriptionTriggerKind::Daily, 0, daily_at)
        }
    };
    SubscriptionTrigger { kind: kind.into(), every_seconds, daily_at }
}
