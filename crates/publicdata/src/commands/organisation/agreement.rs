//! `publicdata organisation agreement`: agreements with technical service providers.

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::{
    Agreement, AgreementStatus, AgreementTerms, GetAgreementRequest, ListAgreementsRequest,
    RegisterAgreementRequest, TerminateAgreementRequest,
};

use super::super::{answer, short};
use crate::context::Context;
use crate::session::Session;

/// What can be done with agreements.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register an agreement of your organisation with a service provider (登记服务协议).
    Register(Register),
    /// End an agreement before its last day; its accounts are refused at once (终止).
    Terminate {
        /// The agreement's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show one agreement, and the accounts that have certificates under it.
    Show {
        /// The agreement's id.
        id: String,
    },
    /// List agreements by their last days, such as those that end soon.
    List(List),
}

/// Arguments of `register`.
#[derive(Debug, Args)]
pub struct Register {
    /// The provider's name.
    #[arg(long)]
    pub provider_name: String,
    /// The provider's unified social credit code (统一社会信用代码).
    #[arg(long)]
    pub provider_code: String,
    /// What it does for you: 采集, 存储, 清洗, 开发 or 应用 of data.
    #[arg(long)]
    pub scope: String,
    /// First day, such as 2026-01-01.
    #[arg(long)]
    pub from: String,
    /// Last day; its credentials end with it.
    #[arg(long)]
    pub until: String,
    /// Number of the security agreement that both signed (安全协议编号).
    #[arg(long)]
    pub security_agreement: String,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this organisation.
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Only those of organisations in this division.
    #[arg(long, default_value = "")]
    pub region: String,
    /// Only those that stand there.
    #[arg(long, value_enum)]
    pub status: Option<Standing>,
    /// Only those in force that end within so many days.
    #[arg(long, value_name = "DAYS")]
    pub ends_within: Option<u32>,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Where an agreement stands, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Standing {
    /// 有效.
    InForce,
    /// 提前终止.
    Terminated,
    /// 到期.
    Ended,
}

impl From<Standing> for AgreementStatus {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::InForce => Self::InForce,
            Standing::Terminated => Self::Terminated,
            Standing::Ended => Self::Ended,
        }
    }
}

pub(super) async fn run(
    context: &Context,
    session: &Session,
    command: Command,
) -> anyhow::Result<()> {
    let mut client = session.agreements()?;
    let command_id = context.command_id();
    match command {
        Command::Register(arguments) => {
            let terms = AgreementTerms {
                provider_name: arguments.provider_name,
                provider_code: arguments.provider_code,
                scope: arguments.scope,
                from: arguments.from,
                until: arguments.until,
                security_agreement_number: arguments.security_agreement,
            };
            let request = RegisterAgreementRequest { command_id, terms: Some(terms) };
            let done = answer(client.register_agreement(request).await)?;
            context.output.record(&done, &[("id", done.agreement_id.clone())])
        }
        Command::Terminate { id, reason } => {
            let request = TerminateAgreementRequest { command_id, agreement_id: id, reason };
            let done = answer(client.terminate_agreement(request).await)?;
            context.output.record(&done, &[("terminated at", done.sequence.to_string())])
        }
        Command::Show { id } => {
            let request = GetAgreementRequest { agreement_id: id };
            let found = answer(client.get_agreement(request).await)?;
            let agreement = found.agreement.clone().unwrap_or_default();
            context.output.record(&found, &lines(&agreement))
        }
        Command::List(arguments) => {
            let status = arguments.status.map_or(AgreementStatus::Unspecified, Into::into);
            let request = ListAgreementsRequest {
                organisation_code: arguments.organisation,
                region_code: arguments.region,
                status: status.into(),
                ends_within_days: arguments.ends_within,
                page_size: arguments.page_size,
                page_token: arguments.page_token,
            };
            let page = answer(client.list_agreements(request).await)?;
            let rows = page.agreements.iter().map(row).collect();
            let header = ["id", "organisation", "provider", "until", "status"];
            context.output.table(&page, &header, rows)
        }
    }
}

fn row(agreement: &Agreement) -> Vec<String> {
    let terms = agreement.terms.clone().unwrap_or_default();
    vec![
        agreement.id.clone(),
        agreement.organisation_name.clone(),
        terms.provider_name,
        terms.until,
        status(agreement),
    ]
}

fn lines(agreement: &Agreement) -> Vec<(&'static str, String)> {
    let terms = agreement.terms.clone().unwrap_or_default();
    let owner = format!("{} {}", agreement.organisation_code, agreement.organisation_name);
    vec![
        ("id", agreement.id.clone()),
        ("organisation", owner),
        ("provider", format!("{} {}", terms.provider_code, terms.provider_name)),
        ("scope", terms.scope),
        ("from", terms.from),
        ("until", terms.until),
        ("security agreement", terms.security_agreement_number),
        ("status", status(agreement)),
        ("terminated on", agreement.terminated_on.clone()),
        ("reason", agreement.termination_reason.clone()),
        ("accounts", agreement.spiffe_ids.join("\n                   ")),
    ]
}

fn status(agreement: &Agreement) -> String {
    short(agreement.status().as_str_name(), "AGREEMENT_STATUS_")
}
