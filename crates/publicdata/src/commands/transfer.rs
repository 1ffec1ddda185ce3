//! `publicdata transfer`: the exchange log.

use clap::Subcommand;
use publicdata_proto::exchange::v1::{ListTransfersRequest, Transfer};

use super::{answer, short, time_text};
use crate::context::Context;

/// What can be done with the exchange log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the transfers that you may see, also those refused, newest first.
    List {
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
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let Command::List { grant, page_size, page_token } = command;
    let request = ListTransfersRequest { grant_id: grant, status: 0, page_size, page_token };
    let page = answer(context.session()?.transfers()?.list_transfers(request).await)?;
    let rows = page.transfers.iter().map(row).collect();
    let header = [
        "requested at",
        "status",
        "resource",
        "consumer",
        "rows",
        "rejected",
        "bytes",
        "reason",
        "id",
    ];
    context.output.table(&page, &header, rows)
}

fn row(transfer: &Transfer) -> Vec<String> {
    vec![
        time_text(transfer.requested_at),
        short(transfer.status().as_str_name(), "TRANSFER_STATUS_"),
        transfer.resource_code.clone(),
        transfer.consumer_code.clone(),
        transfer.rows.to_string(),
        transfer.rejected_rows.to_string(),
        transfer.bytes.to_string(),
        transfer.reason.clone(),
        transfer.id.clone(),
    ]
}
