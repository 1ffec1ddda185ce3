//! The node of a big data centre (R10.1): what the authority ordered to flow here (归集) is subscribed to of itself, as far as there is
//! a grant, a table each. What lacks one, the bus shows as missing.

use std::collections::BTreeSet;
use std::time::Duration;

use publicdata_exchange_domain::terms::Field;
use publicdata_proto::exchange::v1::centre_service_client::CentreServiceClient;
use publicdata_proto::exchange::v1::subscription_service_client::SubscriptionServiceClient;
use publicdata_proto::exchange::v1::{
    Consolidation, EndSubscriptionRequest, ListConsolidationsRequest, ListSubscriptionsRequest,
    SubscriptionStatus,
};
use publicdata_service_kit::problem::chain;
use publicdata_types::{Mask, OrganisationCode, SubscriptionId};
use tonic::Status;
use uuid::Uuid;

use crate::config::{CentreConfig, SinkConfig, SubscriptionConfig};
use crate::error::FetchError;
use crate::subscriber::roster::Roster;
use crate::subscriber::{Parts, SetupError, Subscriber};
use crate::ticket::Ticket;

/// How many are asked for at once.
const PAGE_SIZE: u32 = 500;

/// Subscribes to what flows to this node's organisation.
pub struct Centre {
    config: CentreConfig,
    organisation: OrganisationCode,
    parts: Parts,
    roster: Roster,
    /// What was subscribed to by this.
    own: BTreeSet<SubscriptionId>,
}

/// Why one resource is not subscribed to.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Grant(#[from] FetchError),
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl Centre {
    /// Looks for what flows here, and adds it to what the node subscribes to.
    #[must_use]
    pub fn new(
        config: CentreConfig,
        organisation: OrganisationCode,
        parts: Parts,
        roster: Roster,
    ) -> Self {
        Self { config, organisation, parts, roster, own: BTreeSet::new() }
    }

    /// Looks again and again, until shutdown.
    pub async fn run(mut self) {
        let shutdown = self.parts.tasks.shutdown().clone();
        let mut ticks = tokio::time::interval(Duration::from_secs(self.config.look_s));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // What fails now is looked for at the next tick.
            if let Err(status) = self.look().await {
                let error = status.message();
                tracing::warn!(error, "cannot ask the bus what flows to this centre");
            }
        }
    }

    async fn look(&mut self) -> Result<(), Status> {
        let mut listed = BTreeSet::new();
        for one in self.flows().await? {
            let id = Subscriber::id_of(&self.parts.node, &name(&one.resource_code));
            listed.insert(id);
            if one.grant_id.is_empty() || self.roster.knows(id, &one.grant_id) {
                continue;
            }
            match self.subscribe(&one).await {
                Ok(()) => {
                    self.own.insert(id);
                    tracing::info!(resource.code = one.resource_code, "subscribed to");
                }
                Err(failure) => {
                    let (code, error) = (&one.resource_code, chain(&failure));
                    tracing::warn!(resource.code = code, error, "cannot be subscribed to");
                }
            }
        }
        for id in self.own.difference(&listed) {
            self.roster.remove(*id);
        }
        self.own.retain(|id| listed.contains(id));
        self.withdraw_all_but(&listed).await
    }

    /// Ends at the bus what flows here no longer; also what this node opened before it was restarted.
    async fn withdraw_all_but(&self, listed: &BTreeSet<SubscriptionId>) -> Result<(), Status> {
        let mut client = SubscriptionServiceClient::new(self.parts.bus.clone());
        let mut request = ListSubscriptionsRequest {
            page_size: PAGE_SIZE,
            ..ListSubscriptionsRequest::default()
        };
        request.set_status(SubscriptionStatus::Open);
        loop {
            let page = client.list_subscriptions(request.clone()).await?.into_inner();
            for open in &page.subscriptions {
                let settings = open.settings.clone().unwrap_or_default();
                let is_own = settings.consumer_node == self.parts.node.to_string()
                    && settings.name == name(&settings.resource_code);
                let id = Subscriber::id_of(&self.parts.node, &settings.name);
                // What has such a name in the configuration stays.
                if is_own && !listed.contains(&id) && !self.roster.has(id) {
                    client.end_subscription(withdrawal(&open.id)).await?;
                    tracing::info!(resource.code = settings.resource_code, "flows here no longer");
                }
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = page.next_page_token;
        }
    }

    /// What flows to this centre.
    async fn flows(&self) -> Result<Vec<Consolidation>, Status> {
        let mut client = CentreServiceClient::new(self.parts.bus.clone());
        let mut request = ListConsolidationsRequest {
            centre_code: self.organisation.to_string(),
            page_size: PAGE_SIZE,
            ..ListConsolidationsRequest::default()
        };
        let mut flows = Vec::new();
        loop {
            let page = client.list_consolidations(request.clone()).await?.into_inner();
            flows.extend(page.consolidations);
            if page.next_page_token.is_empty() {
                return Ok(flows);
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn subscribe(&self, one: &Consolidation) -> Result<(), Failure> {
        let ticket = Ticket {
            grant_id: one.grant_id.clone(),
            purpose: one.purpose.clone(),
            ..Ticket::default()
        };
        let offer = self.parts.fetcher.offer(ticket, &self.parts.node).await?;
        let key = match self.config.keys.get(&one.resource_code) {
            Some(key) => key.clone(),
            None => key_of(&offer.fields),
        };
        let subscriber = Subscriber::new(&self.subscription(one, key), self.parts.clone())?;
        let stop = self.roster.add(&subscriber);
        self.parts.tasks.spawn("subscription of a centre", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = subscriber.run() => {}
            }
        });
        Ok(())
    }

    /// As it would be written by hand.
    fn subscription(&self, one: &Consolidation, key: Vec<String>) -> SubscriptionConfig {
        let CentreConfig { trigger, refresh, reconcile, sink, .. } = &self.config;
        SubscriptionConfig {
            name: name(&one.resource_code),
            grant_id: one.grant_id.clone(),
            fields: Vec::new(),
            purpose: one.purpose.clone(),
            case_number: String::new(),
            trigger: trigger.clone(),
            refresh: refresh.clone(),
            reconcile: Some(reconcile.clone()),
            sink: SinkConfig {
                kind: sink.kind,
                path: sink.path.clone(),
                url: sink.url.clone(),
                ca: sink.ca.clone(),
                table: table(&sink.table_prefix, &one.resource_code),
                key,
            },
        }
    }
}

/// By its code, which never changes.
fn name(resource_code: &str) -> String {
    format!("centre {resource_code}")
}

fn withdrawal(subscription: &str) -> EndSubscriptionRequest {
    EndSubscriptionRequest {
        command_id: Uuid::new_v4().to_string(),
        subscription_id: subscription.to_owned(),
        reason: "归集已停止".to_owned(),
    }
}

/// The table of a resource: `302001/00001` is in `r_302001_00001`.
fn table(prefix: &str, resource_code: &str) -> String {
    format!("{prefix}{}", resource_code.replace('/', "_"))
}

/// What identifies a row, as far as the grant promises it: the first item that every row has, with a value of its own.
fn key_of(fields: &[Field]) -> Vec<String> {
    let identifies = |field: &&Field| {
        let rules = field.rules.as_ref();
        rules.is_some_and(|rules| rules.required && rules.quality.unique)
            && matches!(field.mask, None | Some(Mask::Pseudonym(_)))
    };
    fields.iter().find(identifies).map(|field| field.name.clone()).into_iter().collect()
}

#[cfg(test)]
mod tests;
