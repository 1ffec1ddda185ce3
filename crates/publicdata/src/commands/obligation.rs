//! `publicdata obligation`: what organisations have to do by a day.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use publicdata_proto::catalog::v1::{
    CancelObligationRequest, FulfilObligationRequest, GetObligationRequest, ListObligationsRequest,
    ListObligationsResponse, Obligation, ObligationKind, ObligationState,
};

use super::{answer, deadline_lines, short};
use crate::context::Context;
use crate::session::Session;

/// What can be done with obligations (履职期限).
///
/// They open from a change of law or of functions (15 working days), from the update cycle of a published resource, and from
/// the items of a library that were assigned. Three working days before the last one the organisation is warned; the day after
/// it, an obligation that was not met is missed. You see your organisation's own, an authority those of its region.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List obligations in the order of their last days.
    List(List),
    /// Show one obligation.
    Show {
        /// Its id.
        id: String,
    },
    /// Say that your catalogue was brought up to date after a change, and by which entries, or why nothing had to change (履行).
    ///
    /// An obligation to update data is met by the update itself.
    Fulfil(Fulfil),
    /// Cancel an obligation that a change opened; the authority over the organisation does this (撤销).
    Cancel {
        /// Its id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Arguments of `list`.
#[derive(Clone, Debug, Default, Args)]
pub struct List {
    /// Only those of this organisation (code).
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Only those of this division and below.
    #[arg(long, default_value = "")]
    pub region: String,
    /// Only those of this kind.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Only those that stand here.
    #[arg(long, value_enum)]
    pub state: Option<State>,
    /// Only those whose last day lies before this one, such as 2026-10-01.
    #[arg(long)]
    pub due_before: Option<Date>,
    /// Only those that follow from this change or resource (id), or library (classification code).
    #[arg(long, default_value = "")]
    pub cause: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Arguments of `fulfil`.
#[derive(Clone, Debug, Args)]
pub struct Fulfil {
    /// The obligation's id.
    pub id: String,
    /// An entry of your own that was drafted, submitted or published since the change (id); once for each.
    #[arg(long = "resource", value_name = "ID")]
    pub resources: Vec<String>,
    /// Why nothing had to be changed, if no entry is named; a remark otherwise.
    #[arg(long, default_value = "")]
    pub note: String,
}

/// What an obligation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// To bring the catalogue up to date after a change (目录更新).
    CatalogueUpdate,
    /// To update the data of a resource (数据更新).
    DataUpdate,
    /// To collect or update an item of a library (信息项采集更新).
    LibraryItem,
}

/// Where an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// It has to be done (待履行).
    Open,
    /// It was done, in time or late (已履行).
    Met,
    /// The last day passed, and it was not done (逾期).
    Missed,
    /// It no longer applies (已撤销).
    Cancelled,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    match command {
        Command::List(arguments) => {
            let page = list(&session, arguments).await?;
            let header = ["due on", "state", "kind", "organisation", "subject", "id"];
            context.output.table(&page, &header, page.obligations.iter().map(row).collect())
        }
        Command::Show { id } => {
            let request = GetObligationRequest { obligation_id: id };
            let found = answer(session.obligations()?.get_obligation(request).await)?;
            let obligation = found.obligation.clone().unwrap_or_default();
            context.output.record(&found, &lines(&obligation))
        }
        Command::Fulfil(arguments) => {
            let request = FulfilObligationRequest {
                command_id: context.command_id(),
                obligation_id: arguments.id,
                resource_ids: arguments.resources,
                note: arguments.note,
            };
            let done = answer(session.obligations()?.fulfil_obligation(request).await)?;
            let obligation = done.obligation.clone().unwrap_or_default();
            context.output.record(&done, &lines(&obligation))
        }
        Command::Cancel { id, reason } => {
            let command_id = context.command_id();
            let request = CancelObligationRequest { command_id, obligation_id: id, reason };
            let done = answer(session.obligations()?.cancel_obligation(request).await)?;
            context.output.record(&done, &[("cancelled at", done.sequence.to_string())])
        }
    }
}

/// Lists obligations.
///
/// # Errors
/// What the service refused, and why.
pub async fn list(session: &Session, arguments: List) -> anyhow::Result<ListObligationsResponse> {
    let kind = arguments.kind.map_or(ObligationKind::Unspecified, |kind| match kind {
        Kind::CatalogueUpdate => ObligationKind::CatalogueUpdate,
        Kind::DataUpdate => ObligationKind::DataUpdate,
        Kind::LibraryItem => ObligationKind::LibraryItem,
    });
    let state = arguments.state.map_or(ObligationState::Unspecified, |state| match state {
        State::Open => ObligationState::Open,
        State::Met => ObligationState::Met,
        State::Missed => ObligationState::Missed,
        State::Cancelled => ObligationState::Cancelled,
    });
    let request = ListObligationsRequest {
        organisation_code: arguments.organisation,
        region_code: arguments.region,
        kind: kind.into(),
        state: state.into(),
        due_before: arguments.due_before.map(|date| date.to_string()).unwrap_or_default(),
        cause_id: arguments.cause,
        page_size: arguments.page_size,
        page_token: arguments.page_token,
    };
    Ok(answer(session.obligations()?.list_obligations(request).await)?)
}

fn row(obligation: &Obligation) -> Vec<String> {
    let deadline = obligation.deadline.clone().unwrap_or_default();
    vec![
        deadline.due_on,
        state(obligation),
        short(obligation.kind().as_str_name(), "OBLIGATION_KIND_"),
        obligation.organisation_name.clone(),
        obligation.subject.clone(),
        obligation.id.clone(),
    ]
}

fn state(obligation: &Obligation) -> String {
    let state = short(obligation.state().as_str_name(), "OBLIGATION_STATE_");
    match (obligation.state(), obligation.late, obligation.warned) {
        (ObligationState::Met, true, _) => format!("{state} late"),
        (ObligationState::Open, _, true) => format!("{state}, warned"),
        _ => state,
    }
}

fn lines(obligation: &Obligation) -> Vec<(&'static str, String)> {
    let cycle = match obligation.update_cycle {
        0 => String::new(),
        _ => short(obligation.update_cycle().as_str_name(), "UPDATE_CYCLE_"),
    };
    let working_days = match obligation.working_days {
        0 => String::new(),
        days => days.to_string(),
    };
    let mut lines = vec![
        ("id", obligation.id.clone()),
        ("kind", short(obligation.kind().as_str_name(), "OBLIGATION_KIND_")),
        (
            "organisation",
            format!("{} {}", obligation.organisation_code, obligation.organisation_name),
        ),
        ("subject", obligation.subject.clone()),
        ("follows from", obligation.cause_id.clone()),
        ("state", state(obligation)),
        ("counted from", obligation.counted_from.clone()),
        ("working days", working_days),
        ("update cycle", cycle),
    ];
    lines.extend(deadline_lines(obligation.deadline.as_ref()));
    lines.extend([
        ("met on", obligation.met_on.clone()),
        ("entries", obligation.resource_ids.join("\n                   ")),
        ("note", obligation.note.clone()),
        ("cancelled for", obligation.cancel_reason.clone()),
    ]);
    lines
}
