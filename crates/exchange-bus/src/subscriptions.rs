//! Subscriptions: what the handlers of `SubscriptionService` do, and what the bus does for them of itself (R23.1).

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_exchange_domain::subscription::{self, Command, Settings, Subscription, Trigger};
use publicdata_exchange_domain::{Refusal, Usage, Use};
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::TransferRequest;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::{Clock, telemetry};
use publicdata_types::{Actor, CommandId, DeliveryMode, GrantId, OrganisationCode, SubscriptionId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::codec::grant::Grants;
use crate::codec::subscription::{Subscriptions, settings_to_wire};
use crate::error::Error;
use crate::queries::Queries;
use crate::queries::subscriptions::Orphan;
use crate::relay::{Relay, changes};

/// Decides on subscriptions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SubscriptionDesk {
    /// The aggregates.
    pub subscriptions: Aggregates<Subscriptions>,
    /// What they rest on.
    pub grants: Aggregates<Grants>,
    /// The views.
    pub queries: Queries,
    /// Who is connected, and what changed.
    pub relay: Relay,
    /// The time.
    pub clock: Clock,
    /// Who acts when nobody asked: this service.
    pub service: SpiffeId,
}

/// What a node asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What the node's configuration calls it.
    pub name: String,
    /// The grant.
    pub grant: GrantId,
    /// The fields; empty for all granted.
    pub fields: Vec<String>,
    /// The purpose.
    pub purpose: String,
    /// The case; may be empty.
    pub case_number: String,
    /// When deliveries are due.
    pub trigger: Trigger,
}

/// Ends subscriptions whose grants have ended, and passes words of changes on to those who wait for them.
pub struct Upkeep {
    /// Who decides.
    pub desk: SubscriptionDesk,
    /// How often ended grants are looked for.
    pub every: Duration,
}

// === impl SubscriptionDesk ===

impl SubscriptionDesk {
    /// A desk over what is in this store.
    #[must_use]
    pub fn new(
        store: &Store,
        queries: &Queries,
        relay: &Relay,
        clock: &Clock,
        service: &SpiffeId,
    ) -> Self {
        Self {
            subscriptions: Aggregates::new(Arc::clone(store)),
            grants: Aggregates::new(Arc::clone(store)),
            queries: queries.clone(),
            relay: relay.clone(),
            clock: clock.clone(),
            service: service.clone(),
        }
    }

    /// Opens a subscription, or changes what it asks for. To say the same again records nothing.
    ///
    /// Answers the position of the last commit about it, and the state of the source that its provider's node spoke of last.
    ///
    /// # Errors
    /// The grant does not allow it, or the rules forbid it.
    pub async fn open(
        &self,
        id: SubscriptionId,
        wanted: Wanted,
        by: Actor,
    ) -> Result<(u64, String), Error> {
        by.may_consume()?;
        let settings = self.granted(wanted, &by).await?;
        let (provider, resource) = (settings.provider, settings.resource);
        let (_, position) = self.subscriptions.get(&id.to_string()).await?;
        let meta = self.meta(opening(id, position, &settings), by.id.clone());
        let command = Command::Open { settings: Box::new(settings), by };
        let done = self.subscriptions.execute(&id.to_string(), &meta, command).await?;
        Ok((done.sequence, self.relay.source_version(provider, resource)))
    }

    /// Ends a subscription for good.
    ///
    /// # Errors
    /// There is none that the caller may know of, or the rules forbid it.
    pub async fn end(
        &self,
        meta: &Meta,
        id: SubscriptionId,
        reason: String,
        by: Actor,
    ) -> Result<u64, Error> {
        let organisation = by.organisation;
        self.finish(meta, id, organisation, Command::End { reason, by }).await
    }

    /// Ends a subscription until its node, which calls, opens it anew.
    ///
    /// # Errors
    /// There is none that the caller may know of, or it is another node's.
    pub async fn withdraw(
        &self,
        meta: &Meta,
        id: SubscriptionId,
        reason: String,
        by: Actor,
    ) -> Result<u64, Error> {
        let organisation = by.organisation;
        self.finish(meta, id, organisation, Command::Withdraw { reason, by }).await
    }

    async fn finish(
        &self,
        meta: &Meta,
        id: SubscriptionId,
        by: OrganisationCode,
        command: Command,
    ) -> Result<u64, Error> {
        let (known, _) = self.subscriptions.get(&id.to_string()).await?;
        let is_party = known
            .settings()
            .is_some_and(|settings| [settings.consumer, settings.provider].contains(&by));
        // Whoever is no party to it cannot tell it from one that does not exist (H3).
        if !is_party {
            return Err(subscription::Rejection::Absent.into());
        }
        let done = self.subscriptions.execute(&id.to_string(), meta, command).await?;
        self.tell_ended(&id.to_string(), &known);
        Ok(done.sequence)
    }

    /// Whether a transfer that says that it is a delivery of a subscription is one.
    ///
    /// # Errors
    /// There is no such subscription of this node that is open under this grant; or the store failed.
    pub async fn must_be_open(&self, request: &TransferRequest) -> Result<(), Error> {
        if request.subscription_id.is_empty() {
            return Ok(());
        }
        // What is no id is none that anybody opened.
        let id: SubscriptionId = match request.subscription_id.parse() {
            Ok(id) => id,
            Err(_) => return Err(subscription::Rejection::Absent.into()),
        };
        let (state, _) = self.subscriptions.get(&id.to_string()).await?;
        match &state {
            Subscription::Open(settings)
                if settings.consumer_node == request.consumer_node
                    && settings.grant.to_string() == request.grant_id =>
            {
                Ok(())
            }
            Subscription::Ended(settings) | Subscription::Withdrawn(settings)
                if settings.consumer_node == request.consumer_node =>
            {
                Err(subscription::Rejection::Ended.into())
            }
            Subscription::Absent
            | Subscription::Open(_)
            | Subscription::Ended(_)
            | Subscription::Withdrawn(_) => Err(subscription::Rejection::Absent.into()),
        }
    }

    /// What the grant allows of it; the grant is asked again at each delivery.
    async fn granted(&self, wanted: Wanted, by: &Actor) -> Result<Settings, Error> {
        let (grant, _) = self.grants.get(&wanted.grant.to_string()).await?;
        let (terms, _, _) = grant.issued().ok_or(Refusal::NotGranted)?;
        let all: Vec<String> = terms.fields.iter().map(|field| field.name.clone()).collect();
        grant.authorise(&Use {
            consumer: by.organisation,
            fields: if wanted.fields.is_empty() { &all } else { &wanted.fields },
            purpose: &wanted.purpose,
            mode: DeliveryMode::Push,
            proof: None,
            case_number: &wanted.case_number,
            at: self.clock.now(),
            // How often and how much it was used matters when something is delivered.
            used: &Usage::default(),
        })?;
        Ok(Settings {
            name: wanted.name,
            grant: wanted.grant,
            resource: terms.resource,
            resource_code: terms.resource_code.clone(),
            provider: terms.provider,
            consumer: by.organisation,
            consumer_node: by.id.clone(),
            fields: wanted.fields,
            purpose: wanted.purpose,
            case_number: wanted.case_number,
            trigger: wanted.trigger,
        })
    }

    /// Ends every subscription whose grant has ended.
    ///
    /// # Errors
    /// The store or the database failed; what was not ended is at the next call.
    pub async fn end_orphans(&self) -> Result<(), Error> {
        for orphan in self.queries.orphans(self.clock.now()).await? {
            self.end_with_grant(&orphan).await?;
        }
        Ok(())
    }

    async fn end_with_grant(&self, orphan: &Orphan) -> Result<(), Error> {
        let step = format!("grant-ended-{}", orphan.grant);
        let command_id = orphan.pending.cause.derive(&step);
        let meta = self.meta(command_id, self.service.to_string());
        let command = Command::GrantEnded { grant: orphan.grant, how: orphan.how };
        let id = &orphan.pending.id;
        let (known, _) = self.subscriptions.get(id).await?;
        self.subscriptions.execute(id, &meta, command).await?;
        self.tell_ended(id, &known);
        Ok(())
    }

    /// Has the consumer's node ask, now rather than at its next turn.
    fn tell_ended(&self, id: &str, known: &Subscription) {
        if let Some(Ok(node)) = known.settings().map(|settings| settings.consumer_node.parse()) {
            self.relay.tell_due(&node, id, "");
        }
    }

    /// Tells the nodes that wait for a change of a source.
    async fn pass_on(&self, change: &changes::Change) -> Result<(), Error> {
        for (id, node) in self.queries.watchers(change.provider, change.resource).await? {
            self.relay.tell_due(&node, &id.to_string(), &change.version);
        }
        Ok(())
    }

    fn meta(&self, command_id: CommandId, actor: String) -> Meta {
        let at = self.clock.now();
        Meta { command_id, actor, at, traceparent: telemetry::current_traceparent() }
    }
}

/// What a node says in one state of its subscription is one command, however often it says it.
fn opening(id: SubscriptionId, position: u64, settings: &Settings) -> CommandId {
    let mut said = format!("open-{position}-").into_bytes();
    said.extend(settings_to_wire(settings).encode_to_vec());
    CommandId::from_uuid(Uuid::new_v5(id.as_uuid(), &said))
}

// === impl Upkeep ===

impl Upkeep {
    /// Works until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                // What fails now has still ended at the next tick.
                _ = ticks.tick() => if let Err(error) = self.desk.end_orphans().await {
                    tracing::warn!(error = chain(&error), "cannot end subscriptions");
                },
                changes = self.desk.relay.changes() => for change in &changes {
                    // A word that is lost costs minutes: nodes ask of themselves now and then.
                    if let Err(error) = self.desk.pass_on(change).await {
                        tracing::warn!(error = chain(&error), "cannot pass on a change");
                    }
                }
            }
        }
    }
}
