//! `publicdata audit finding`: what was found against organisations, and what is done about it.

mod show;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use publicdata_proto::audit::v1::{
    DismissFindingRequest, EscalateFindingRequest, FindingKind, FindingStatus, GetFindingRequest,
    JudgeRectificationRequest, ListFindingsRequest, OrderRectificationRequest, RaiseFindingRequest,
    ReportRectificationRequest, StreamPosition,
};

use crate::commands::answer;
use crate::context::Context;
use crate::output::print_line;
use crate::session::Session;

/// What the help of `publicdata audit finding` ends with.
pub const GUIDE: &str = "\
Rules over events find breaches of the regulation (article 46, numbers 1 to 11) and unusual use of
data (article 45); an authority adds what no rule can see. The authority orders that it be set right by
a day, the organisation reports, the authority looks:

  publicdata audit finding list --status open
  publicdata audit finding show FINDING                  # and: audit replay --about FINDING
  publicdata audit finding order FINDING --demand 十日内更新目录 --due-on 2026-03-12
  publicdata audit finding report FINDING --statement 已更新 --as civil-affairs
  publicdata audit finding accept FINDING --reason 现场核查属实

What later events show to be set right is cleared by itself; an order stays an order. Write no
personal data into findings.";

/// What can be done about what was found (违规线索与责令整改, article 46).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List findings that you may see, the newest first.
    List(List),
    /// Show one finding, with the events that show it.
    Show {
        /// Its id.
        id: String,
    },
    /// Raise what no rule can see, as the authority over the organisation.
    Raise(Raise),
    /// Order that it be set right by a day, as the authority (责令限期整改).
    Order(Order),
    /// Report that it was set right, as the organisation (整改报告).
    Report {
        /// The finding's id.
        id: String,
        /// What was done, without personal data.
        #[arg(long)]
        statement: String,
    },
    /// Close it: it was set right, as the authority saw (核查通过).
    Accept {
        /// The finding's id.
        id: String,
        /// What the authority saw.
        #[arg(long)]
        reason: String,
    },
    /// Find that it was not set right, and set another last day (核查不通过).
    Reject {
        /// The finding's id.
        id: String,
        /// What is missing.
        #[arg(long)]
        reason: String,
        /// The new last day, such as 2026-03-31.
        #[arg(long)]
        due_on: Date,
    },
    /// Ask those who may to deal with the persons responsible (提请有关部门处理).
    Escalate(Escalate),
    /// Find that it is no breach (不予认定).
    Dismiss {
        /// The finding's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct List {
    /// Only where they stand so.
    #[arg(long, value_enum)]
    pub status: Option<Status>,
    /// Only of this kind.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Only this number of article 46.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=11), hide_default_value = true)]
    pub clause: u32,
    /// Only against this organisation (code).
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Only by this rule; see `publicdata audit rules list`.
    #[arg(long, default_value = "")]
    pub rule: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Arguments of `raise`.
#[derive(Clone, Debug, Args)]
pub struct Raise {
    /// The organisation's code.
    #[arg(long)]
    pub organisation: String,
    /// Which number of article 46 it is.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=11))]
    pub clause: u32,
    /// The article that was not kept, such as 第十八条.
    #[arg(long)]
    pub article: String,
    /// What was found, in a few words.
    #[arg(long)]
    pub title: String,
    /// What was found, at length, without personal data.
    #[arg(long)]
    pub description: String,
    /// An event that shows it, as STREAM:SEQUENCE; once for each.
    #[arg(long = "evidence", value_name = "STREAM:SEQUENCE", value_parser = place)]
    pub evidence: Vec<StreamPosition>,
}

/// Arguments of `order`.
#[derive(Clone, Debug, Args)]
pub struct Order {
    /// The finding's id.
    pub id: String,
    /// What has to be done.
    #[arg(long)]
    pub demand: String,
    /// The last day, such as 2026-03-12.
    #[arg(long)]
    pub due_on: Date,
    /// The number of the official document.
    #[arg(long, default_value = "")]
    pub document: String,
}

/// Arguments of `escalate`.
#[derive(Clone, Debug, Args)]
pub struct Escalate {
    /// The finding's id.
    pub id: String,
    /// Who is asked.
    #[arg(long)]
    pub addressee: String,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// The number of the official document.
    #[arg(long, default_value = "")]
    pub document: String,
}

/// Where a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// Nobody has dealt with it yet (待处理).
    Open,
    /// It was set right before anything was ordered (已自行纠正).
    Cleared,
    /// An order waits to be followed (整改中).
    Ordered,
    /// An order's last day has passed (逾期未整改).
    Overdue,
    /// It waits for the authority to look (待核查).
    Reported,
    /// It was set right (已整改).
    Accepted,
    /// Others were asked to deal with the persons responsible (已提请处理).
    Escalated,
    /// It was no breach (不予认定).
    Dismissed,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A breach of the regulation (article 46).
    Breach,
    /// Unusual use of data (article 45).
    UnusualUse,
}

fn place(text: &str) -> Result<StreamPosition, String> {
    let parts = text.split_once(':').and_then(|(stream, sequence)| {
        let sequence = sequence.parse().ok()?;
        Some(StreamPosition { stream: stream.to_owned(), sequence })
    });
    parts.ok_or_else(|| "write the stream and the sequence number, as in EXCHANGE:17".to_owned())
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    let mut calls = session.findings()?;
    let command_id = context.command_id();
    match command {
        Command::List(arguments) => list(context, &session, arguments).await,
        Command::Show { id } => {
            let found = answer(calls.get_finding(GetFindingRequest { finding_id: id }).await)?;
            let finding = found.finding.clone().unwrap_or_default();
            context.output.record(&found, &show::lines(&finding))
        }
        Command::Raise(arguments) => {
            let request = RaiseFindingRequest {
                command_id,
                organisation_code: arguments.organisation,
                clause: arguments.clause,
                article: arguments.article,
                title: arguments.title,
                description: arguments.description,
                evidence: arguments.evidence,
            };
            let done = answer(calls.raise_finding(request).await)?;
            context.output.record(&done, &[("id", done.finding_id.clone())])
        }
        Command::Order(Order { id, demand, due_on, document }) => {
            let request = OrderRectificationRequest {
                command_id,
                finding_id: id,
                demand,
                due_on: due_on.to_string(),
                document_number: document,
            };
            let done = answer(calls.order_rectification(request).await)?;
            context.output.record(&done, &[("ordered at", done.sequence.to_string())])
        }
        Command::Report { id, statement } => {
            let request = ReportRectificationRequest { command_id, finding_id: id, statement };
            let done = answer(calls.report_rectification(request).await)?;
            context.output.record(&done, &[("reported at", done.sequence.to_string())])
        }
        Command::Accept { id, reason } => judge(context, &session, id, reason, None).await,
        Command::Reject { id, reason, due_on } => {
            judge(context, &session, id, reason, Some(due_on)).await
        }
        Command::Escalate(Escalate { id, addressee, reason, document }) => {
            let request = EscalateFindingRequest {
                command_id,
                finding_id: id,
                addressee,
                reason,
                document_number: document,
            };
            let done = answer(calls.escalate_finding(request).await)?;
            context.output.record(&done, &[("escalated at", done.sequence.to_string())])
        }
        Command::Dismiss { id, reason } => {
            let request = DismissFindingRequest { command_id, finding_id: id, reason };
            let done = answer(calls.dismiss_finding(request).await)?;
            context.output.record(&done, &[("dismissed at", done.sequence.to_string())])
        }
    }
}

async fn list(context: &Context, session: &Session, arguments: List) -> anyhow::Result<()> {
    let status = arguments.status.map_or(FindingStatus::Unspecified, |status| match status {
        Status::Open => FindingStatus::Open,
        Status::Cleared => FindingStatus::Cleared,
        Status::Ordered => FindingStatus::Ordered,
        Status::Overdue => FindingStatus::Overdue,
        Status::Reported => FindingStatus::Reported,
        Status::Accepted => FindingStatus::Accepted,
        Status::Escalated => FindingStatus::Escalated,
        Status::Dismissed => FindingStatus::Dismissed,
    });
    let kind = arguments.kind.map_or(FindingKind::Unspecified, |kind| match kind {
        Kind::Breach => FindingKind::Breach,
        Kind::UnusualUse => FindingKind::UnusualUse,
    });
    let request = ListFindingsRequest {
        status: status.into(),
        kind: kind.into(),
        clause: arguments.clause,
        organisation_code: arguments.organisation,
        rule: arguments.rule,
        page_size: arguments.page_size,
        page_token: arguments.page_token,
    };
    let page = answer(session.findings()?.list_findings(request).await)?;
    context.output.table(&page, &show::HEADER, page.findings.iter().map(show::row).collect())?;
    match context.output.is_json() || page.next_page_token.is_empty() {
        true => Ok(()),
        false => print_line(format!("there are more: --page-token {}", page.next_page_token)),
    }
}

async fn judge(
    context: &Context,
    session: &Session,
    finding_id: String,
    reason: String,
    due_on: Option<Date>,
) -> anyhow::Result<()> {
    let due_on = due_on.map(|day| day.to_string()).unwrap_or_default();
    let command_id = context.command_id();
    let request = JudgeRectificationRequest { command_id, finding_id, reason, due_on };
    let done = answer(session.findings()?.judge_rectification(request).await)?;
    context.output.record(&done, &[("judged at", done.sequence.to_string())])
}
