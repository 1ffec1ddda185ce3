//! `publicdata ticket`: verification tickets, the corrections that follow from them, and what is in doubt.

mod answer;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use publicdata_proto::exchange::v1::{
    CorrectionStatus, DataError, GetDisputedRecordsRequest, GetTicketRequest,
    ListCorrectionsRequest, ListTicketsRequest, PartyRole, RaiseTicketRequest, TicketStatus,
    WithdrawTicketRequest,
};

use super::answer as answered;
use crate::context::Context;
use crate::session::Session;

pub use answer::Answer;

/// What the help of `publicdata ticket` ends with.
pub const GUIDE: &str = "\
Whoever received data and doubts it, or finds it wrong, reports it to the provider within
5 working days of finding it; the provider answers within 10 working days (regulation, article 27).
A later report or answer is taken all the same, and recorded as late.

  publicdata ticket raise --as health --transfer ID --kind wrong-value --items name \\
      --found-on 2026-03-02 --description 名称与登记不符 --record REFERENCE
  publicdata ticket answer ID --upheld 已按登记更正 --as civil-affairs
  publicdata ticket corrections --status owed --as health     # then fetch again

While a ticket is open the records are marked (publicdata ticket disputed RESOURCE). Whoever handles a
case meanwhile goes by the valid evidence that the applicant has handed in, as always (照常办理): it must
not refuse, put off, or have the applicant correct the data first (article 27).

Write no personal data into a ticket: name records by the references that your node hands out with
the rows. Whoever disagrees with a rejection raises a dispute (publicdata dispute --help).";

/// What can be done about data that is in doubt (校核, article 27).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report data of a completed transfer as doubtful or wrong (提出校核); within 5 working days of finding it (article 27).
    ///
    /// For example: publicdata ticket raise --as health --transfer ID --kind wrong-value --items name
    /// --found-on 2026-03-02 --description 名称与登记不符 --record 0123456789abcdef0123456789abcdef
    Raise(Raise),
    /// Answer a ticket as the provider (校核回复); within 10 working days of the report (article 27).
    Answer(Answer),
    /// Take a ticket back, as the consumer that raised it (撤回).
    Withdraw {
        /// The ticket's id.
        id: String,
        /// Why, without personal data.
        #[arg(long)]
        reason: String,
    },
    /// List the tickets that you may see, newest first.
    List(List),
    /// Show one ticket.
    Show {
        /// Its id.
        id: String,
    },
    /// List corrections that your organisation is owed or owes, and those that have arrived, newest first (更正).
    ///
    /// A correction arrives by the next transfer that is asked for after it: fetch again.
    Corrections(Corrections),
    /// Show what of a resource is in doubt at this moment (存疑记录), and what article 27 asks of whoever handles a case meanwhile.
    Disputed(Disputed),
}

/// Arguments of `raise`.
#[derive(Clone, Debug, Args)]
pub struct Raise {
    /// The completed transfer that brought the data (id); see `publicdata transfer list`.
    #[arg(long)]
    pub transfer: String,
    /// What seems to be wrong.
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// The items in doubt, with commas between; for a wrong value at least one, for whole rows none.
    #[arg(long, value_delimiter = ',')]
    pub items: Vec<String>,
    /// What was found, in words, without personal data.
    #[arg(long)]
    pub description: String,
    /// The day on which it was found, such as 2026-03-02: the 5 working days count from it, and it is not counted itself.
    #[arg(long)]
    pub found_on: Date,
    /// A record in doubt, by the reference that came with the row (32 hexadecimal digits); once for each, at most 100.
    #[arg(long = "record", value_name = "REFERENCE")]
    pub records: Vec<String>,
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct List {
    /// Only those about this resource (id).
    #[arg(long, default_value = "")]
    pub resource: String,
    /// Only those that stand here.
    #[arg(long, value_enum)]
    pub status: Option<Status>,
    /// Which ones, and how many.
    #[command(flatten)]
    pub part: Part,
}

/// Arguments of `corrections`.
#[derive(Clone, Debug, Args)]
pub struct Corrections {
    /// Only those that follow from this ticket (id).
    #[arg(long, default_value = "")]
    pub ticket: String,
    /// Only those of this resource (id).
    #[arg(long, default_value = "")]
    pub resource: String,
    /// Only those that have arrived, or have not.
    #[arg(long, value_enum)]
    pub status: Option<Arrival>,
    /// Which ones, and how many.
    #[command(flatten)]
    pub part: Part,
}

/// Arguments of `disputed`.
#[derive(Clone, Debug, Args)]
pub struct Disputed {
    /// The resource (id).
    pub resource: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// A part of a list.
#[derive(Clone, Debug, Args)]
pub struct Part {
    /// Only those in which one's own organisation takes this part.
    #[arg(long, value_enum)]
    pub role: Option<Role>,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// What seems to be wrong with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A value is wrong (数值有误).
    WrongValue,
    /// A row that should be there is not (缺失).
    MissingRow,
    /// A row that should not be there is (多余).
    SurplusRow,
    /// What was true once is true no longer (过时).
    OutOfDate,
    /// It contradicts itself, or other data (不一致).
    Inconsistent,
    /// Something else; the description says what (其他).
    Other,
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// It waits for the provider's answer (校核中).
    Open,
    /// The provider found it right (属实).
    Upheld,
    /// The provider found its data right (不属实).
    Rejected,
    /// The consumer took it back (已撤回).
    Withdrawn,
}

/// Whether a correction has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arrival {
    /// The consumer has not fetched since (待送达).
    Owed,
    /// It has (已送达).
    Delivered,
}

/// As what an organisation takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// It provides the data (提供部门).
    Provider,
    /// It received the data (使用部门).
    Consumer,
}

// === impl Role ===

impl Role {
    /// The filter that it stands for.
    #[must_use]
    pub fn filter(role: Option<Self>) -> PartyRole {
        match role {
            None => PartyRole::Unspecified,
            Some(Self::Provider) => PartyRole::Provider,
            Some(Self::Consumer) => PartyRole::Consumer,
        }
    }
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    match command {
        Command::Raise(arguments) => raise(context, &session, arguments).await,
        Command::Answer(arguments) => answer::run(context, &session, arguments).await,
        Command::Withdraw { id, reason } => {
            let command_id = context.command_id();
            let request = WithdrawTicketRequest { command_id, ticket_id: id, reason };
            let done = answered(session.tickets()?.withdraw_ticket(request).await)?;
            context.output.record(&done, &[("withdrawn at", done.sequence.to_string())])
        }
        Command::List(arguments) => list(context, &session, arguments).await,
        Command::Show { id } => {
            let request = GetTicketRequest { ticket_id: id };
            let found = answered(session.tickets()?.get_ticket(request).await)?;
            let ticket = found.ticket.clone().unwrap_or_default();
            context.output.record(&found, &show::lines(&ticket))
        }
        Command::Corrections(arguments) => corrections(context, &session, arguments).await,
        Command::Disputed(arguments) => disputed(context, &session, arguments).await,
    }
}

async fn raise(context: &Context, session: &Session, arguments: Raise) -> anyhow::Result<()> {
    let request = RaiseTicketRequest {
        command_id: context.command_id(),
        transfer_id: arguments.transfer,
        kind: kind(arguments.kind).into(),
        items: arguments.items,
        description: arguments.description,
        found_on: arguments.found_on.to_string(),
        record_references: arguments.records,
    };
    let done = answered(session.tickets()?.raise_ticket(request).await)?;
    let late = match done.late {
        true => "yes: it was due by then, counts all the same, and is recorded as late",
        false => "",
    };
    let lines = [
        ("id", done.ticket_id.clone()),
        ("answer due on", show::due(done.deadline.as_ref())),
        ("report due on", show::due(done.report_deadline.as_ref())),
        ("late", late.to_owned()),
    ];
    context.output.record(&done, &lines)
}

async fn list(context: &Context, session: &Session, arguments: List) -> anyhow::Result<()> {
    let status = arguments.status.map_or(TicketStatus::Unspecified, |status| match status {
        Status::Open => TicketStatus::Open,
        Status::Upheld => TicketStatus::Upheld,
        Status::Rejected => TicketStatus::Rejected,
        Status::Withdrawn => TicketStatus::Withdrawn,
    });
    let request = ListTicketsRequest {
        status: status.into(),
        resource_id: arguments.resource,
        role: Role::filter(arguments.part.role).into(),
        page_size: arguments.part.page_size,
        page_token: arguments.part.page_token,
    };
    let page = answered(session.tickets()?.list_tickets(request).await)?;
    context.output.table(&page, &show::HEADER, page.tickets.iter().map(show::row).collect())
}

async fn corrections(
    context: &Context,
    session: &Session,
    arguments: Corrections,
) -> anyhow::Result<()> {
    let status = arguments.status.map_or(CorrectionStatus::Unspecified, |status| match status {
        Arrival::Owed => CorrectionStatus::Owed,
        Arrival::Delivered => CorrectionStatus::Delivered,
    });
    let request = ListCorrectionsRequest {
        status: status.into(),
        ticket_id: arguments.ticket,
        resource_id: arguments.resource,
        role: Role::filter(arguments.part.role).into(),
        page_size: arguments.part.page_size,
        page_token: arguments.part.page_token,
    };
    let page = answered(session.tickets()?.list_corrections(request).await)?;
    let rows = page.corrections.iter().map(show::correction).collect();
    context.output.table(&page, &show::CORRECTION_HEADER, rows)
}

async fn disputed(context: &Context, session: &Session, arguments: Disputed) -> anyhow::Result<()> {
    let Disputed { resource: resource_id, page_size, page_token } = arguments;
    let request = GetDisputedRecordsRequest { resource_id, page_size, page_token };
    let page = answered(session.tickets()?.get_disputed_records(request).await)?;
    let rows = page.records.iter().map(show::disputed).collect();
    context.output.table(&page, &show::DISPUTED_HEADER, rows)?;
    match context.output.is_json() || page.notice.is_empty() {
        true => Ok(()),
        false => crate::output::print_line(&page.notice),
    }
}

fn kind(kind: Kind) -> DataError {
    match kind {
        Kind::WrongValue => DataError::WrongValue,
        Kind::MissingRow => DataError::MissingRow,
        Kind::SurplusRow => DataError::SurplusRow,
        Kind::OutOfDate => DataError::OutOfDate,
        Kind::Inconsistent => DataError::Inconsistent,
        Kind::Other => DataError::Other,
    }
}
