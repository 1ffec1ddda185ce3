//! `publicdata subscription`: what is pushed to whom (R23.1).

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use publicdata_proto::exchange::v1::{
    EndSubscriptionRequest, GetSubscriptionRequest, ListSubscriptionsRequest, Subscription,
    SubscriptionStatus, SubscriptionTrigger, SubscriptionTriggerKind,
};

use super::{answer, short, time_text};
use crate::context::Context;

/// What can be done with subscriptions. A consumer's node opens them, from its configuration.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the subscriptions that you may see, newest first.
    List {
        /// Only those in this status.
        #[arg(long)]
        status: Option<Status>,
        /// Only those under this grant (id).
        #[arg(long, default_value = "")]
        grant: String,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
    /// Show one: what it asks for, its last delivery, what is wrong.
    Show {
        /// Its id.
        id: String,
    },
    /// End one: nothing more is delivered. The consumer or the provider may (终止推送).
    End {
        /// Its id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    /// Deliveries may be fetched.
    Open,
    /// It has ended.
    Ended,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let mut client = context.session()?.subscriptions()?;
    match command {
        Command::List { status, grant, page_size, page_token } => {
            let request = ListSubscriptionsRequest {
                status: status.map_or(SubscriptionStatus::Unspecified, Status::to_wire).into(),
                grant_id: grant,
                page_size,
                page_token,
            };
            let page = answer(client.list_subscriptions(request).await)?;
            let rows = page.subscriptions.iter().map(row).collect();
            let header = [
                "id",
                "name",
                "status",
                "trigger",
                "resource",
                "consumer",
                "deliveries",
                "rows",
                "last delivered at",
                "problem",
            ];
            context.output.table(&page, &header, rows)
        }
        Command::Show { id } => {
            let request = GetSubscriptionRequest { subscription_id: id };
            let found = answer(client.get_subscription(request).await)?;
            let subscription =
                found.subscription.as_ref().context("the bus answered without a subscription")?;
            context.output.record(&found, &lines(subscription))
        }
        Command::End { id, reason } => {
            let command_id = context.command_id();
            let request = EndSubscriptionRequest { command_id, subscription_id: id, reason };
            let done = answer(client.end_subscription(request).await)?;
            context.output.record(&done, &[("ended at", done.sequence.to_string())])
        }
    }
}

impl Status {
    fn to_wire(self) -> SubscriptionStatus {
        match self {
            Self::Open => SubscriptionStatus::Open,
            Self::Ended => SubscriptionStatus::Ended,
        }
    }
}

fn row(subscription: &Subscription) -> Vec<String> {
    let settings = subscription.settings.clone().unwrap_or_default();
    vec![
        subscription.id.clone(),
        settings.name,
        short(subscription.status().as_str_name(), "SUBSCRIPTION_STATUS_"),
        trigger_text(settings.trigger.as_ref()),
        settings.resource_code,
        settings.consumer_code,
        subscription.deliveries.to_string(),
        subscription.rows.to_string(),
        time_text(subscription.last_delivered_at),
        subscription.problem.clone(),
    ]
}

fn lines(subscription: &Subscription) -> Vec<(&'static str, String)> {
    let settings = subscription.settings.clone().unwrap_or_default();
    let fields = match settings.fields.is_empty() {
        true => "all granted".to_owned(),
        false => settings.fields.join(", "),
    };
    vec![
        ("id", subscription.id.clone()),
        ("name", settings.name),
        ("status", short(subscription.status().as_str_name(), "SUBSCRIPTION_STATUS_")),
        ("ended because", subscription.end_message.clone()),
        ("trigger", trigger_text(settings.trigger.as_ref())),
        ("resource", settings.resource_code),
        ("provider", settings.provider_code),
        ("consumer", settings.consumer_code),
        ("node", settings.consumer_node),
        ("grant", settings.grant_id),
        ("fields", fields),
        ("purpose", settings.purpose),
        ("opened at", time_text(subscription.opened_at)),
        ("deliveries", subscription.deliveries.to_string()),
        ("rows", subscription.rows.to_string()),
        ("last delivery", subscription.last_transfer_id.clone()),
        ("its rows", subscription.last_rows.to_string()),
        ("delivered at", time_text(subscription.last_delivered_at)),
        (
            "problem",
            [&*subscription.problem, &*subscription.problem_message].join(" ").trim().to_owned(),
        ),
    ]
}

/// As a node's configuration may say it.
fn trigger_text(trigger: Option<&SubscriptionTrigger>) -> String {
    let trigger = trigger.cloned().unwrap_or_default();
    match trigger.kind() {
        SubscriptionTriggerKind::Unspecified => String::new(),
        SubscriptionTriggerKind::Once => "once".to_owned(),
        SubscriptionTriggerKind::OnChange => "on-change".to_owned(),
        SubscriptionTriggerKind::Daily => format!("daily {}", trigger.daily_at),
        SubscriptionTriggerKind::Every => format!("every {}s", trigger.every_seconds),
    }
}
