//! `publicdata register recovery`: disaster recovery.

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::register_service_client::RegisterServiceClient;
use publicdata_proto::catalog::v1::{
    EnrolInRecoveryRequest, ListRecoveryRequest, Recovery, RecoveryFilter, RecoveryKind,
    RecoveryTerms, WithdrawFromRecoveryRequest,
};
use publicdata_service_kit::grpc::Channel;

use super::super::{answer, short};
use super::Narrowed;
use crate::context::Context;

/// What can be done with disaster recovery.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Enrol a published resource or a registered system, or change its terms (纳入灾备).
    Enrol(Enrol),
    /// Take a resource or a system out (退出灾备).
    Withdraw {
        /// The id of the resource or system.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List what is published or registered; `--not-enrolled` shows what is not backed up.
    List(List),
}

/// Arguments of `enrol`.
#[derive(Debug, Args)]
pub struct Enrol {
    /// What it is.
    #[arg(value_enum)]
    pub kind: Kind,
    /// The id of the resource or system.
    pub id: String,
    /// How it is backed up, such as 每日全量备份到市灾备中心.
    #[arg(long)]
    pub method: String,
    /// How much may be lost at most, in hours (RPO); 0 for nothing.
    #[arg(long)]
    pub rpo_hours: u32,
    /// How long restoring may take at most, in hours (RTO).
    #[arg(long)]
    pub rto_hours: u32,
    /// Since when; today without it.
    #[arg(long, default_value = "")]
    pub since: String,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What it is narrowed by.
    #[command(flatten)]
    pub narrowed: Narrowed,
    /// Only what is enrolled.
    #[arg(long, conflicts_with = "not_enrolled")]
    pub enrolled: bool,
    /// Only what is not enrolled.
    #[arg(long)]
    pub not_enrolled: bool,
    /// Only resources, or only systems.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
}

/// What can be enrolled, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// 公共数据资源.
    Resource,
    /// 信息系统.
    System,
}

impl From<Kind> for RecoveryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Resource => Self::Resource,
            Kind::System => Self::System,
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
        Command::Enrol(arguments) => {
            let request = EnrolInRecoveryRequest {
                command_id,
                kind: RecoveryKind::from(arguments.kind).into(),
                id: arguments.id,
                terms: Some(RecoveryTerms {
                    method: arguments.method,
                    rpo_hours: arguments.rpo_hours,
                    rto_hours: arguments.rto_hours,
                    since: arguments.since,
                }),
            };
            let done = answer(client.enrol_in_recovery(request).await)?;
            context.output.record(&done, &[("enrolled at", done.sequence.to_string())])
        }
        Command::Withdraw { id, reason } => {
            let request = WithdrawFromRecoveryRequest { command_id, id, reason };
            let done = answer(client.withdraw_from_recovery(request).await)?;
            context.output.record(&done, &[("withdrawn at", done.sequence.to_string())])
        }
        Command::List(List { narrowed, enrolled, not_enrolled, kind }) => {
            let filter = match (enrolled, not_enrolled) {
                (true, _) => RecoveryFilter::Enrolled,
                (_, true) => RecoveryFilter::NotEnrolled,
                (false, false) => RecoveryFilter::Unspecified,
            };
            let request = ListRecoveryRequest {
                organisation_code: narrowed.organisation,
                region_code: narrowed.region,
                filter: filter.into(),
                kind: kind.map_or(RecoveryKind::Unspecified, Into::into).into(),
                page_size: narrowed.page_size,
                page_token: narrowed.page_token,
            };
            let page = answer(client.list_recovery(request).await)?;
            let rows = page.items.iter().map(row).collect();
            let header = ["id", "kind", "name", "organisation", "method", "RPO", "RTO"];
            context.output.table(&page, &header, rows)
        }
    }
}

fn row(item: &Recovery) -> Vec<String> {
    let hours = |hours: u32| format!("{hours} h");
    let terms = item.terms.clone();
    vec![
        item.id.clone(),
        short(item.kind().as_str_name(), "RECOVERY_KIND_"),
        item.name.clone(),
        item.organisation_name.clone(),
        terms.clone().map_or_else(|| "not enrolled".to_owned(), |terms| terms.method),
        terms.as_ref().map(|terms| hours(terms.rpo_hours)).unwrap_or_default(),
        terms.as_ref().map(|terms| hours(terms.rto_hours)).unwrap_or_default(),
    ]
}
