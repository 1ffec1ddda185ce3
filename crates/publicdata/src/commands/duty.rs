//! `publicdata duty`: what providers and consumers did, as the exchange's events show it (R29.1, R30.1).

use clap::Subcommand;
use jiff::Timestamp;
use publicdata_proto::exchange::v1::{
    ConsumerDuty, Freshness, FreshnessState, ListConsumerDutiesRequest, ListProviderDutiesRequest,
    ProviderDuty,
};
use publicdata_transfer::time::to_wire;

use super::{answer, short};
use crate::context::Context;

/// What can be seen of duties.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Of each published resource: whether it is fresh, complete, and the same at both ends (提供义务). Deliveries
    /// are counted in the near log, not in archives.
    Providers {
        /// Only those of this organisation (code).
        #[arg(long, default_value = "")]
        organisation: String,
        /// Only those of this division and the ones in it (code), such as 510104.
        #[arg(long, default_value = "")]
        district: String,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
    /// Of each consumer: what it signed for and what it did not, and what it was refused, by reason (使用义务): of the near log, not of
    /// archives.
    Consumers {
        /// Only this organisation (code).
        #[arg(long, default_value = "")]
        organisation: String,
        /// Only what was asked for at this time or later, such as 2026-01-04T00:00:00+08:00.
        #[arg(long)]
        from: Option<Timestamp>,
        /// Only what was asked for before this time.
        #[arg(long)]
        before: Option<Timestamp>,
    },
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let mut client = context.session()?.duties()?;
    match command {
        Command::Providers { organisation, district, page_size, page_token } => {
            let request = ListProviderDutiesRequest {
                provider_code: organisation,
                region_code: district,
                page_size,
                page_token,
            };
            let page = answer(client.list_provider_duties(request).await)?;
            let rows = page.duties.iter().map(provider).collect();
            let header = [
                "organisation",
                "resource",
                "name",
                "freshness",
                "deliveries",
                "rows",
                "rejected",
                "broken off",
                "equal",
                "unequal",
            ];
            context.output.table(&page, &header, rows)
        }
        Command::Consumers { organisation, from, before } => {
            let request = ListConsumerDutiesRequest {
                consumer_code: organisation,
                requested_from: from.map(to_wire),
                requested_before: before.map(to_wire),
            };
            let all = answer(client.list_consumer_duties(request).await)?;
            let rows = all.duties.iter().map(consumer).collect();
            let header = ["organisation", "signed", "unsigned", "rows", "refused", "reasons"];
            context.output.table(&all, &header, rows)
        }
    }
}

fn provider(duty: &ProviderDuty) -> Vec<String> {
    vec![
        duty.provider_code.clone(),
        duty.resource_code.clone(),
        duty.resource_name.clone(),
        freshness_text(duty.freshness.as_ref()),
        duty.deliveries.to_string(),
        duty.rows.to_string(),
        duty.rejected_rows.to_string(),
        duty.interrupted.to_string(),
        duty.equal_subscriptions.to_string(),
        duty.unequal_subscriptions.to_string(),
    ]
}

fn consumer(duty: &ConsumerDuty) -> Vec<String> {
    let reasons: Vec<String> =
        duty.refusals.iter().map(|one| format!("{} {}", one.reason, one.count)).collect();
    vec![
        duty.consumer_code.clone(),
        duty.signed.to_string(),
        duty.unsigned.to_string(),
        duty.rows.to_string(),
        duty.refused.to_string(),
        reasons.join(", "),
    ]
}

/// Whether data are as new as their cycle asks.
pub(super) fn freshness_text(freshness: Option<&Freshness>) -> String {
    let Some(freshness) = freshness else { return String::new() };
    let state = short(freshness.state().as_str_name(), "FRESHNESS_STATE_");
    match (freshness.state(), freshness.due_on.as_str()) {
        (FreshnessState::Late, due_on) => {
            format!("late by {} days, due on {due_on}", freshness.days_late)
        }
        (_, "") => state,
        (_, due_on) => format!("{state}, due on {due_on}"),
    }
}
