//! `publicdata centre`: what flows to the big data centre (R10).

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::{OrderConsolidationRequest, StopConsolidationRequest};
use publicdata_proto::exchange::v1::{
    Consolidation, ConsolidationState, ListConsolidationsRequest, ListConsolidationsResponse,
};

use super::duty::freshness_text;
use super::{answer, short, time_text};
use crate::context::Context;
use crate::output::print_line;

/// What can be done about the big data centre.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Order that a published resource flow to a centre. The authority over its provider may (归集).
    ///
    /// The centre is a registered consumer. It still applies for the resource with `--mode push`, and the provider grants it.
    Order {
        /// The resource (id).
        resource: String,
        /// The centre (code).
        #[arg(long)]
        centre: String,
        /// The law, regulation, rule or plan that it rests on.
        #[arg(long)]
        legal_basis: String,
    },
    /// End it. The authority over its provider may.
    Stop {
        /// The resource (id).
        resource: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show of each resource whether it was collected, whether it equals its source, how fresh it is, and what is missing.
    Status(Sought),
}

/// Arguments of `status`: what is given must all hold.
#[derive(Clone, Debug, Args)]
pub struct Sought {
    /// Only those of this organisation (code).
    #[arg(long, default_value = "")]
    organisation: String,
    /// Only those at this centre (code).
    #[arg(long, default_value = "")]
    centre: String,
    /// Only those of this division and the ones in it (code), such as 510104.
    #[arg(long, default_value = "")]
    district: String,
    /// Only those in this state.
    #[arg(long)]
    state: Option<State>,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    page_token: String,
}

/// What has come of a consolidation.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    /// The centre has no grant of it by push.
    NoGrant,
    /// The centre's node has no subscription to it.
    NoSubscription,
    /// No node of the provider serves it now.
    ProviderNotConnected,
    /// The last delivery failed.
    Failing,
    /// Nothing has come yet.
    NothingDelivered,
    /// Source and centre differ.
    Unequal,
    /// Source and centre were not compared yet.
    NotCompared,
    /// Source and centre hold the same rows.
    Equal,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    match command {
        Command::Order { resource, centre, legal_basis } => {
            let request = OrderConsolidationRequest {
                command_id: context.command_id(),
                resource_id: resource,
                centre_code: centre,
                legal_basis,
            };
            let done = answer(session.consolidations()?.order_consolidation(request).await)?;
            context.output.record(&done, &[("ordered at", done.sequence.to_string())])
        }
        Command::Stop { resource, reason } => {
            let command_id = context.command_id();
            let request = StopConsolidationRequest { command_id, resource_id: resource, reason };
            let done = answer(session.consolidations()?.stop_consolidation(request).await)?;
            context.output.record(&done, &[("stopped at", done.sequence.to_string())])
        }
        Command::Status(sought) => {
            let page = answer(session.centre()?.list_consolidations(sought.request()).await)?;
            show(context, &page)
        }
    }
}

fn show(context: &Context, page: &ListConsolidationsResponse) -> anyhow::Result<()> {
    let rows = page.consolidations.iter().map(row).collect();
    let header = [
        "district",
        "organisation",
        "resource",
        "name",
        "state",
        "source rows",
        "centre rows",
        "compared at",
        "last delivered at",
        "freshness",
        "problem",
    ];
    context.output.table(page, &header, rows)?;
    if context.output.is_json() {
        return Ok(());
    }
    let totals = page.totals.unwrap_or_default();
    print_line(format_args!(
        "{} resources: {} equal, {} missing, {} late; {} rows",
        totals.resources, totals.equal, totals.missing, totals.late, totals.rows
    ))
}

impl Sought {
    fn request(self) -> ListConsolidationsRequest {
        ListConsolidationsRequest {
            provider_code: self.organisation,
            centre_code: self.centre,
            region_code: self.district,
            state: self.state.map_or(ConsolidationState::Unspecified, State::to_wire).into(),
            page_size: self.page_size,
            page_token: self.page_token,
        }
    }
}

impl State {
    fn to_wire(self) -> ConsolidationState {
        match self {
            Self::NoGrant => ConsolidationState::NoGrant,
            Self::NoSubscription => ConsolidationState::NoSubscription,
            Self::ProviderNotConnected => ConsolidationState::ProviderNotConnected,
            Self::Failing => ConsolidationState::Failing,
            Self::NothingDelivered => ConsolidationState::NothingDelivered,
            Self::Unequal => ConsolidationState::Unequal,
            Self::NotCompared => ConsolidationState::NotCompared,
            Self::Equal => ConsolidationState::Equal,
        }
    }
}

fn row(one: &Consolidation) -> Vec<String> {
    let compared = one.reconciliation.clone().unwrap_or_default();
    let rows = |set: Option<publicdata_proto::exchange::v1::RowSet>| {
        set.map(|set| set.rows.to_string()).unwrap_or_default()
    };
    vec![
        one.region_code.clone(),
        one.provider_code.clone(),
        one.resource_code.clone(),
        one.resource_name.clone(),
        short(one.state().as_str_name(), "CONSOLIDATION_STATE_"),
        rows(compared.source),
        rows(compared.sink),
        time_text(compared.at),
        time_text(one.last_delivered_at),
        freshness_text(one.freshness.as_ref()),
        one.problem.clone(),
    ]
}
