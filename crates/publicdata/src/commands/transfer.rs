//! `publicdata transfer`: the exchange log, and the archives that it is kept in.

mod archive;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use publicdata_proto::exchange::v1::{ListTransfersRequest, ProofKind, Transfer, TransferStatus};
use publicdata_transfer::time::to_wire;

use super::{answer, short, time_text};
use crate::context::Context;

/// What can be done with the exchange log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the transfers that you may see, also those refused, newest first.
    List(Sought),
    /// List the archives of the log, newest first: period, size, digest, and where searches read (归档).
    Archives(archive::List),
    /// Check that a file is an archive that was sealed, and that the audit log holds the seal; with a saved seal, anywhere.
    VerifyArchive(archive::Verify),
}

/// Arguments of `list`: what is given must all hold.
#[derive(Clone, Debug, Args)]
pub struct Sought {
    /// Only those under this grant (id).
    #[arg(long, default_value = "")]
    grant: String,
    /// Only those of this provider (code).
    #[arg(long, default_value = "")]
    provider: String,
    /// Only those of this consumer (code).
    #[arg(long, default_value = "")]
    consumer: String,
    /// Only those of this resource (its code).
    #[arg(long, default_value = "")]
    resource: String,
    /// Only those whose purpose contains this text.
    #[arg(long, default_value = "")]
    purpose: String,
    /// Only those for this case.
    #[arg(long, default_value = "")]
    case: String,
    /// Only answers about this subject (its reference, as a receipt names it).
    #[arg(long, default_value = "")]
    subject: String,
    /// Only those with this reason, such as `RATE_EXCEEDED`.
    #[arg(long, default_value = "")]
    reason: String,
    /// Only those in this status.
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Only those asked for at this time or later, such as 2026-01-04T00:00:00+08:00.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Only those asked for before this time.
    #[arg(long)]
    before: Option<Timestamp>,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    page_token: String,
}

/// How a transfer stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    /// Frames are flowing.
    Running,
    /// It was refused.
    Refused,
    /// It broke off, and may be resumed.
    Interrupted,
    /// It was stopped because its grant ended.
    Stopped,
    /// Both nodes signed for it.
    Completed,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(sought) => list(context, sought).await,
        Command::Archives(arguments) => archive::list(context, arguments).await,
        Command::VerifyArchive(arguments) => archive::verify(context, arguments).await,
    }
}

async fn list(context: &Context, sought: Sought) -> anyhow::Result<()> {
    let page = answer(context.session()?.transfers()?.list_transfers(sought.request()).await)?;
    let rows = page.transfers.iter().map(row).collect();
    let header = [
        "requested at",
        "status",
        "mode",
        "resource",
        "consumer",
        "rows",
        "rejected",
        "bytes",
        "reason",
        "through",
        "id",
    ];
    context.output.table(&page, &header, rows)
}

impl Sought {
    fn request(self) -> ListTransfersRequest {
        let status = match self.status {
            None => TransferStatus::Unspecified,
            Some(Status::Running) => TransferStatus::Running,
            Some(Status::Refused) => TransferStatus::Refused,
            Some(Status::Interrupted) => TransferStatus::Interrupted,
            Some(Status::Stopped) => TransferStatus::Stopped,
            Some(Status::Completed) => TransferStatus::Completed,
        };
        ListTransfersRequest {
            grant_id: self.grant,
            status: status.into(),
            page_size: self.page_size,
            page_token: self.page_token,
            provider_code: self.provider,
            consumer_code: self.consumer,
            resource_code: self.resource,
            purpose: self.purpose,
            subject_reference: self.subject,
            case_number: self.case,
            requested_from: self.from.map(to_wire),
            requested_before: self.before.map(to_wire),
            reason: self.reason,
        }
    }
}

fn row(transfer: &Transfer) -> Vec<String> {
    vec![
        time_text(transfer.requested_at),
        short(transfer.status().as_str_name(), "TRANSFER_STATUS_"),
        mode(transfer),
        transfer.resource_code.clone(),
        transfer.consumer_code.clone(),
        transfer.rows.to_string(),
        transfer.rejected_rows.to_string(),
        transfer.bytes.to_string(),
        transfer.reason.clone(),
        through(transfer),
        transfer.id.clone(),
    ]
}

/// The buses of other tiers that it went by: `a →` if a passed the request on, `→ b` if it was passed on to b.
fn through(transfer: &Transfer) -> String {
    let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    match (transfer.requested_through.as_str(), transfer.served_through.as_str()) {
        ("", "") => String::new(),
        (from, "") => format!("{} →", name(from)),
        ("", to) => format!("→ {}", name(to)),
        (from, to) => format!("{} → {}", name(from), name(to)),
    }
}

/// How it was delivered, and which service answered.
fn mode(transfer: &Transfer) -> String {
    let mode = match transfer.reconciliation {
        true => "reconciliation".to_owned(),
        false => short(transfer.mode().as_str_name(), "DELIVERY_MODE_"),
    };
    match (transfer.service.as_str(), transfer.proof()) {
        ("", _) => mode,
        (service, ProofKind::Unspecified) => format!("{mode} {service}"),
        (service, ProofKind::Confirm | ProofKind::Extract) => format!("proof {service}"),
    }
}
