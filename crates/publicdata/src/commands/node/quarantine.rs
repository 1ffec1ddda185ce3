//! `publicdata node quarantine`: rows that were not delivered because they break a rule of their items (R17.2).

use clap::Args;
use publicdata_proto::node::v1::{
    DiscardQuarantineRequest, GetQuarantineSummaryRequest, ListQuarantineRequest, QuarantinedRow,
    QuarantinedTransfer,
};

use crate::commands::{answer, time_text};
use crate::context::Context;

/// Arguments of `quarantine`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The node's name; needed if your organisation has several here.
    #[arg(long)]
    pub node: Option<String>,
    /// List the rows themselves, with their values, rather than how many there are.
    #[arg(long)]
    pub rows: bool,
    /// Only those of this resource (id).
    #[arg(long, default_value = "")]
    pub resource: String,
    /// Only those of this transfer (id); with --rows.
    #[arg(long, default_value = "", requires = "rows")]
    pub transfer: String,
    /// How many at most; with --rows.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said; with --rows.
    #[arg(long, default_value = "", requires = "rows")]
    pub page_token: String,
}

/// Arguments of `discard-quarantine`.
#[derive(Debug, Args)]
pub struct Discard {
    /// The transfer's id.
    pub transfer: String,
    /// The node's name; needed if your organisation has several here.
    #[arg(long)]
    pub node: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let mut client = context.session()?.node(arguments.node.as_deref())?;
    if !arguments.rows {
        let request = GetQuarantineSummaryRequest { resource_id: arguments.resource };
        let found = answer(client.get_quarantine_summary(request).await)?;
        let rows = found.transfers.iter().map(transfer).collect();
        let header =
            ["last found at", "resource", "consumer", "rejected", "kept", "rules", "transfer"];
        return context.output.table(&found, &header, rows);
    }
    let request = ListQuarantineRequest {
        resource_id: arguments.resource,
        transfer_id: arguments.transfer,
        page_size: arguments.page_size,
        page_token: arguments.page_token,
    };
    let found = answer(client.list_quarantine(request).await)?;
    let rows = found.rows.iter().map(row).collect();
    context.output.table(&found, &["found at", "row", "why", "values", "transfer"], rows)
}

pub(super) async fn discard(context: &Context, arguments: Discard) -> anyhow::Result<()> {
    let mut client = context.session()?.node(arguments.node.as_deref())?;
    let request = DiscardQuarantineRequest { transfer_id: arguments.transfer };
    let done = answer(client.discard_quarantine(request).await)?;
    context.output.record(&done, &[("rows deleted", done.rows.to_string())])
}

fn transfer(transfer: &QuarantinedTransfer) -> Vec<String> {
    let rules = transfer.rules.iter().map(|rule| format!("{}: {} rows", rule.message, rule.rows));
    vec![
        time_text(transfer.last_at),
        transfer.resource_id.clone(),
        transfer.consumer_code.clone(),
        transfer.rejected_rows.to_string(),
        transfer.kept_rows.to_string(),
        rules.collect::<Vec<_>>().join("\n"),
        transfer.transfer_id.clone(),
    ]
}

fn row(row: &QuarantinedRow) -> Vec<String> {
    let why = row.breaches.iter().map(|breach| breach.message.clone());
    let values = row.values.iter().map(|value| match &value.value {
        Some(text) => format!("{} = {text}", value.item),
        None => format!("{} is missing", value.item),
    });
    vec![
        time_text(row.at),
        row.row.to_string(),
        why.collect::<Vec<_>>().join("\n"),
        values.collect::<Vec<_>>().join("\n"),
        row.transfer_id.clone(),
    ]
}
