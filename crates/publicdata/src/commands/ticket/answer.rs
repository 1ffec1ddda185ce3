//! `publicdata ticket answer`.

use clap::Args;
use jiff::Timestamp;
use publicdata_proto::exchange::v1::answer_ticket_request::Answer as Wire;
use publicdata_proto::exchange::v1::{AnswerTicketRequest, Rejecting, Upholding};
use publicdata_transfer::time::to_wire;

use crate::commands::answer;
use crate::context::Context;
use crate::session::Session;

/// Arguments of `answer`: either the report is right, or it is not.
#[derive(Clone, Debug, Args)]
#[command(group(clap::ArgGroup::new("outcome").required(true).args(["upheld", "rejected"])))]
pub struct Answer {
    /// The ticket's id.
    pub id: String,
    /// The report is right; what was corrected, without personal data (属实，更正内容).
    #[arg(long, value_name = "CORRECTION")]
    pub upheld: Option<String>,
    /// The data is right as it is; why, without personal data (不属实，理由).
    #[arg(long, value_name = "REASON")]
    pub rejected: Option<String>,
    /// Since when the data is right, such as 2026-03-04T09:00:00+08:00; without it, from now on.
    #[arg(long, requires = "upheld")]
    pub corrected_at: Option<Timestamp>,
    /// The correction concerns the provider alone: those who have the old rows need not fetch anew. Without it, each of them is
    /// owed the corrected rows until it has fetched again.
    #[arg(long, requires = "upheld")]
    pub keep: bool,
}

pub(super) async fn run(
    context: &Context,
    session: &Session,
    arguments: Answer,
) -> anyhow::Result<()> {
    let corrected_at = arguments.corrected_at.map(to_wire);
    let upheld = arguments.upheld.map(|description| {
        Wire::Upheld(Upholding { corrected_at, description, flows: !arguments.keep })
    });
    let rejected = arguments.rejected.map(|reason| Wire::Rejected(Rejecting { reason }));
    let request = AnswerTicketRequest {
        command_id: context.command_id(),
        ticket_id: arguments.id,
        answer: upheld.or(rejected),
    };
    let done = answer(session.tickets()?.answer_ticket(request).await)?;
    let lines = [
        ("answered at", done.sequence.to_string()),
        ("corrections owed", done.corrections_owed.to_string()),
    ];
    context.output.record(&done, &lines)
}
