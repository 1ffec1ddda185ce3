//! The table of subscriptions, with what became of their deliveries (R23.1).

use std::collections::{BTreeMap, HashMap};

use prost::Message as _;
use prost_types::Any;
use publicdata_proto::exchange::v1::{
    Receipt, Reconciliation, Subscription, SubscriptionChanged, SubscriptionEnded,
    SubscriptionOpened, SubscriptionReconciled, SubscriptionSettings, SubscriptionStatus,
    TransferCompleted, TransferInterrupted, TransferRefused, TransferRequest, TransferRequested,
    TransferStopped,
};
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, Row as _};

use super::log::Context;
use super::{WithoutBeginning, event, from_column, rows_of, to_column};
use crate::codec;

/// A row.
struct Entry {
    command_id: String,
    subscription: Subscription,
}

pub(super) async fn apply(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    any: &Any,
) -> Result<(), ApplyError> {
    let before = load(connection, context.id).await?;
    if let Some(SubscriptionOpened { settings }) = event(any)? {
        let entry = opened(before, context, settings);
        return save(connection, context.sequence, &entry).await;
    }
    let Some(mut entry) = before else {
        return Err(ApplyError::event(WithoutBeginning {
            event: any.type_url.clone(),
            id: context.id.to_owned(),
        }));
    };
    if let Some(SubscriptionChanged { settings }) = event(any)? {
        entry.subscription.settings = settings;
        context.command_id.clone_into(&mut entry.command_id);
    }
    if let Some(found) = event::<SubscriptionReconciled>(any)? {
        let rejected_rows = rejected_rows(connection, &found.transfer_id).await?;
        reconciled(&mut entry.subscription, found, (context.at, rejected_rows));
    }
    if let Some(ended) = event::<SubscriptionEnded>(any)? {
        let end = codec::subscription::end(ended).map_err(ApplyError::event)?;
        entry.subscription.set_status(SubscriptionStatus::Ended);
        end.reason().clone_into(&mut entry.subscription.end_reason);
        entry.subscription.end_message = end.to_string();
    }
    save(connection, context.sequence, &entry).await
}

fn reconciled(
    subscription: &mut Subscription,
    found: SubscriptionReconciled,
    (at, rejected_rows): (Option<prost_types::Timestamp>, u64),
) {
    subscription.reconciliations += 1;
    subscription.unequal_reconciliations += u64::from(!found.equal);
    subscription.last_reconciliation = Some(Reconciliation {
        transfer_id: found.transfer_id,
        source: found.source,
        sink: found.sink,
        equal: found.equal,
        at,
        rejected_rows,
    });
}

/// How many rows the provider's node left out of what it says that the source holds.
async fn rejected_rows(connection: &mut AnyConnection, transfer: &str) -> Result<u64, ApplyError> {
    let row = sqlx::query("SELECT rejected_rows FROM bus_transfer WHERE id = $1")
        .bind(transfer)
        .fetch_optional(connection)
        .await?;
    let rows = row.map(|row| row.try_get::<i64, _>("rejected_rows")).transpose()?;
    Ok(rows.unwrap_or_default().unsigned_abs())
}

/// What transfers whose commits are applied together mean for the subscriptions that they are deliveries of.
pub(super) struct Deliveries<'a> {
    /// The subscription that a transfer is a delivery of.
    of: HashMap<&'a str, String>,
    /// Those of them that the table does not have.
    new: Vec<&'a str>,
    /// Subscriptions that were asked for; none, where nobody opened one by that name.
    subscriptions: BTreeMap<String, Option<Entry>>,
    /// Those that changed, and the sequence of a commit that changed them.
    changed: BTreeMap<String, i64>,
}

impl<'a> Deliveries<'a> {
    /// Loads what is known of transfers that were begun before.
    pub(super) async fn load(
        connection: &mut AnyConnection,
        begun: &[&'a str],
    ) -> Result<Self, ApplyError> {
        let select = "SELECT transfer_id, subscription_id FROM bus_delivery WHERE transfer_id IN";
        let mut of = HashMap::new();
        for (id, row) in rows_of(connection, select, begun).await? {
            of.insert(id, row.try_get("subscription_id")?);
        }
        let (subscriptions, changed) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { of, new: Vec::new(), subscriptions, changed })
    }

    /// Notes a transfer's event.
    pub(super) async fn note(
        &mut self,
        connection: &mut AnyConnection,
        context: &Context<'a>,
        any: &Any,
    ) -> Result<(), ApplyError> {
        if let Some(requested) = event::<TransferRequested>(any)? {
            let signed = requested.request.unwrap_or_default();
            let request = TransferRequest::decode(signed.message.as_slice());
            let id = request.map_err(ApplyError::event)?.subscription_id;
            // A node may name any subscription; what no node opened, or another one, is not heeded.
            let opened = self.subscription(connection, &id).await?;
            let node = opened.and_then(|entry| entry.subscription.settings.as_ref());
            if node.is_some_and(|opened| opened.consumer_node == requested.consumer_node) {
                self.of.insert(context.id, id);
                self.new.push(context.id);
            }
            return Ok(());
        }
        let Some(id) = self.of.get(context.id).cloned() else { return Ok(()) };
        let Some(entry) = self.subscription(connection, &id).await? else { return Ok(()) };
        if evolve(&mut entry.subscription, context, any)? {
            self.changed.insert(id, context.sequence);
        }
        Ok(())
    }

    async fn subscription(
        &mut self,
        connection: &mut AnyConnection,
        id: &str,
    ) -> Result<Option<&mut Entry>, ApplyError> {
        if !self.subscriptions.contains_key(id) {
            // Most transfers are no deliveries, and name none.
            let entry = if id.is_empty() { None } else { load(connection, id).await? };
            self.subscriptions.insert(id.to_owned(), entry);
        }
        Ok(self.subscriptions.get_mut(id).and_then(Option::as_mut))
    }

    pub(super) async fn save(mut self, connection: &mut AnyConnection) -> Result<(), ApplyError> {
        for transfer in self.new {
            if let Some(subscription) = self.of.get(transfer) {
                remember(connection, transfer, subscription).await?;
            }
        }
        for (id, sequence) in self.changed {
            if let Some(entry) = self.subscriptions.remove(&id).flatten() {
                save(connection, sequence, &entry).await?;
            }
        }
        Ok(())
    }
}

/// Says whether anything changed.
fn evolve(
    subscription: &mut Subscription,
    context: &Context<'_>,
    any: &Any,
) -> Result<bool, ApplyError> {
    let (problem, message) = if let Some(completed) = event::<TransferCompleted>(any)? {
        let receipt = Receipt::decode(completed.receipt.as_slice()).map_err(ApplyError::event)?;
        // What the source says that it holds is no delivery.
        if receipt.source.is_none() {
            subscription.deliveries += 1;
            subscription.rows += completed.rows;
            context.id.clone_into(&mut subscription.last_transfer_id);
            subscription.last_rows = completed.rows;
            subscription.last_delivered_at = context.at;
        }
        (String::new(), String::new())
    } else if let Some(refused) = event::<TransferRefused>(any)? {
        (refused.reason, refused.message)
    } else if let Some(interrupted) = event::<TransferInterrupted>(any)? {
        (interrupted.reason, interrupted.message)
    } else if let Some(stopped) = event::<TransferStopped>(any)? {
        (stopped.reason, String::new())
    } else {
        return Ok(false);
    };
    subscription.problem = problem;
    subscription.problem_message = message;
    Ok(true)
}

fn opened(
    before: Option<Entry>,
    context: &Context<'_>,
    settings: Option<SubscriptionSettings>,
) -> Entry {
    // Opened anew under another grant, it keeps what was delivered before.
    let known = before.map(|entry| entry.subscription).unwrap_or_default();
    let mut subscription = Subscription {
        id: context.id.to_owned(),
        settings,
        opened_at: context.at,
        end_reason: String::new(),
        end_message: String::new(),
        problem: String::new(),
        problem_message: String::new(),
        ..known
    };
    subscription.set_status(SubscriptionStatus::Open);
    Entry { command_id: context.command_id.to_owned(), subscription }
}

async fn remember(
    connection: &mut AnyConnection,
    transfer: &str,
    subscription: &str,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO bus_delivery (transfer_id, subscription_id) VALUES ($1, $2) \
         ON CONFLICT (transfer_id) DO NOTHING",
    )
    .bind(transfer)
    .bind(subscription)
    .execute(connection)
    .await?;
    Ok(())
}

async fn load(connection: &mut AnyConnection, id: &str) -> Result<Option<Entry>, ApplyError> {
    let row = sqlx::query("SELECT command_id, body FROM bus_subscription WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => Ok(Some(Entry {
            command_id: row.try_get("command_id")?,
            subscription: from_column(&row, "body")?,
        })),
        None => Ok(None),
    }
}

async fn save(
    connection: &mut AnyConnection,
    sequence: i64,
    entry: &Entry,
) -> Result<(), ApplyError> {
    let subscription = &entry.subscription;
    let settings = subscription.settings.clone().unwrap_or_default();
    let trigger = settings.trigger.as_ref().map_or(0, |trigger| trigger.kind);
    sqlx::query(
        "INSERT INTO bus_subscription (id, sequence, command_id, status, trigger_kind, grant_id, \
         resource_id, provider_code, consumer_code, consumer_node, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (id) DO UPDATE SET command_id = excluded.command_id, \
         status = excluded.status, trigger_kind = excluded.trigger_kind, \
         grant_id = excluded.grant_id, resource_id = excluded.resource_id, \
         provider_code = excluded.provider_code, body = excluded.body",
    )
    .bind(subscription.id.as_str())
    .bind(sequence)
    .bind(entry.command_id.as_str())
    .bind(i64::from(subscription.status))
    .bind(i64::from(trigger))
    .bind(settings.grant_id)
    .bind(settings.resource_id)
    .bind(settings.provider_code)
    .bind(settings.consumer_code)
    .bind(settings.consumer_node)
    .bind(to_column(subscription))
    .execute(connection)
    .await?;
    Ok(())
}
