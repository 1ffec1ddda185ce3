//! `publicdata register security`: assessments, drills and incidents.

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::register_service_client::RegisterServiceClient;
use publicdata_proto::catalog::v1::{
    CloseSecurityRecordRequest, ListSecurityRecordsRequest, OpenSecurityRecordRequest,
    SecurityRecord, SecurityRecordFilter, SecurityRecordKind,
};
use publicdata_service_kit::grpc::Channel;

use super::super::{answer, short};
use super::Narrowed;
use crate::context::Context;

/// What can be done with security records.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record an assessment, a drill or an incident, with who sees to it and until when.
    Open(Open),
    /// Close a record with its outcome (办结).
    Close {
        /// The record's id.
        id: String,
        /// What came of it; no personal data.
        #[arg(long)]
        outcome: String,
    },
    /// List records by their last days; `--which overdue` shows those that are late.
    List(List),
}

/// Arguments of `open`.
#[derive(Debug, Args)]
pub struct Open {
    /// What it is.
    #[arg(value_enum)]
    pub kind: Kind,
    /// What it is about; no personal data.
    #[arg(long)]
    pub title: String,
    /// The account at the organisation that sees to it: an opaque id, not a person's name.
    #[arg(long)]
    pub owner: String,
    /// The day by which it has to be closed, such as 2026-03-31.
    #[arg(long)]
    pub due: String,
    /// The day on which it began; today without it.
    #[arg(long, default_value = "")]
    pub on: String,
    /// The organisation concerned, by its code; your own without it.
    #[arg(long, default_value = "")]
    pub organisation: String,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What it is narrowed by.
    #[command(flatten)]
    pub narrowed: Narrowed,
    /// Only these.
    #[arg(long, value_enum)]
    pub which: Option<Which>,
    /// Only those of this kind.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
}

/// What is recorded, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// 安全测评.
    Assessment,
    /// 风险评估.
    RiskAssessment,
    /// 应急演练.
    Drill,
    /// 安全事件.
    Incident,
}

/// Which records, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// 未办结.
    Open,
    /// 逾期.
    Overdue,
    /// 已办结.
    Closed,
}

impl From<Kind> for SecurityRecordKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Assessment => Self::Assessment,
            Kind::RiskAssessment => Self::RiskAssessment,
            Kind::Drill => Self::Drill,
            Kind::Incident => Self::Incident,
        }
    }
}

impl From<Which> for SecurityRecordFilter {
    fn from(which: Which) -> Self {
        match which {
            Which::Open => Self::Open,
            Which::Overdue => Self::Overdue,
            Which::Closed => Self::Closed,
        }
    }
}

pub(super) async fn run(
    context: &Context,
    mut client: RegisterServiceClient<Channel>,
    command: Command,
) -> anyhow::Result<()> {
    let command_id = context.command_id();
    match command {
        Command::Open(arguments) => {
            let request = OpenSecurityRecordRequest {
                command_id,
                organisation_code: arguments.organisation,
                kind: SecurityRecordKind::from(arguments.kind).into(),
                title: arguments.title,
                owner_account: arguments.owner,
                opened_on: arguments.on,
                due_on: arguments.due,
            };
            let done = answer(client.open_security_record(request).await)?;
            context.output.record(&done, &[("id", done.record_id.clone())])
        }
        Command::Close { id, outcome } => {
            let request = CloseSecurityRecordRequest { command_id, record_id: id, outcome };
            let done = answer(client.close_security_record(request).await)?;
            context.output.record(&done, &[("closed at", done.sequence.to_string())])
        }
        Command::List(List { narrowed, which, kind }) => {
            let request = ListSecurityRecordsRequest {
                organisation_code: narrowed.organisation,
                region_code: narrowed.region,
                filter: which.map_or(SecurityRecordFilter::Unspecified, Into::into).into(),
                kind: kind.map_or(SecurityRecordKind::Unspecified, Into::into).into(),
                page_size: narrowed.page_size,
                page_token: narrowed.page_token,
            };
            let page = answer(client.list_security_records(request).await)?;
            let rows = page.records.iter().map(row).collect();
            let header = ["id", "organisation", "kind", "title", "owner", "due", "state"];
            context.output.table(&page, &header, rows)
        }
    }
}

fn row(record: &SecurityRecord) -> Vec<String> {
    let state = match (record.closed_on.as_str(), record.overdue) {
        ("", true) => "overdue".to_owned(),
        ("", false) => "open".to_owned(),
        (closed_on, _) => format!("closed {closed_on}: {}", record.outcome),
    };
    vec![
        record.id.clone(),
        record.organisation_name.clone(),
        short(record.kind().as_str_name(), "SECURITY_RECORD_KIND_"),
        record.title.clone(),
        record.owner_account.clone(),
        record.due_on.clone(),
        state,
    ]
}
