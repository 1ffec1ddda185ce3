//! `publicdata change`: changes of law and of functions that catalogues have to follow.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use publicdata_proto::catalog::v1::{
    Change, ChangeKind, ListChangesRequest, RecordChangeRequest, RecordChangeResponse,
};

use super::{answer, deadline_lines, short, time_text};
use crate::context::Context;
use crate::session::Session;

/// What can be done with changes of law and of functions.
///
/// A change opens an obligation on each organisation that it names: to bring its catalogue up to date within 15 working days
/// of the day of the change (regulation, article 14). See `publicdata obligation`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record a change, and whom it affects (登记变更); the authority over all of them does this.
    ///
    /// For example: publicdata change record --kind law --title 《四川省数据条例》修订 --effective-on 2026-09-25
    /// --organisation 11510100MB0000027K
    Record(Record),
    /// List the changes that you may see, the last recorded first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
}

/// Arguments of `record`.
#[derive(Clone, Debug, Args)]
pub struct Record {
    /// What changed.
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// The title of the law, or of the decision on functions.
    #[arg(long)]
    pub title: String,
    /// What it means for the catalogue.
    #[arg(long, default_value = "")]
    pub description: String,
    /// The day of the revision or of the change, such as 2026-09-25: the limit counts from it, and it is not counted itself.
    #[arg(long)]
    pub effective_on: Date,
    /// An organisation that it affects, by its code; once for each.
    #[arg(long = "organisation", required = true, value_name = "CODE")]
    pub organisations: Vec<String>,
}

/// What made the catalogue out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// 有关法律法规作出修订.
    Law,
    /// 行政管理职能发生变化.
    Function,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    match command {
        Command::Record(arguments) => {
            let done = record(&session, context.command_id(), arguments).await?;
            let mut lines = vec![("change", done.change_id.clone())];
            lines.extend(deadline_lines(done.deadline.as_ref()));
            context.output.record(&done, &lines)
        }
        Command::List { page_size, page_token } => {
            let request = ListChangesRequest { page_size, page_token };
            let page = answer(session.obligations()?.list_changes(request).await)?;
            let header = ["effective on", "kind", "title", "affected", "recorded at", "id"];
            context.output.table(&page, &header, page.changes.iter().map(row).collect())
        }
    }
}

/// Records a change.
///
/// # Errors
/// What the service refused, and why.
pub async fn record(
    session: &Session,
    command_id: String,
    arguments: Record,
) -> anyhow::Result<RecordChangeResponse> {
    let kind = match arguments.kind {
        Kind::Law => ChangeKind::Law,
        Kind::Function => ChangeKind::Function,
    };
    let request = RecordChangeRequest {
        command_id,
        kind: kind.into(),
        title: arguments.title,
        description: arguments.description,
        effective_on: arguments.effective_on.to_string(),
        organisation_codes: arguments.organisations,
    };
    Ok(answer(session.obligations()?.record_change(request).await)?)
}

fn row(change: &Change) -> Vec<String> {
    vec![
        change.effective_on.clone(),
        short(change.kind().as_str_name(), "CHANGE_KIND_"),
        change.title.clone(),
        change.organisation_codes.len().to_string(),
        time_text(change.recorded_at),
        change.id.clone(),
    ]
}
