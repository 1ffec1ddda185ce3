//! `publicdata register network`: dedicated networks.

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::register_service_client::RegisterServiceClient;
use publicdata_proto::catalog::v1::{
    AnswerNetworkOpinionRequest, GetNetworkRequest, GiveUpNetworkRequest, ListNetworksRequest,
    Network, NetworkOpinion, NetworkPlan, NetworkStatus, RecordNetworkBuiltRequest,
    RecordNetworkMergedRequest, RequestNetworkOpinionRequest,
};
use publicdata_service_kit::grpc::Channel;

use super::super::{answer, short, time_text};
use super::Narrowed;
use crate::context::Context;

/// What can be done with networks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask for the authority's opinion before a network is built (征求意见).
    Ask(Plan),
    /// Answer a request for an opinion; the authority of the same level does this (答复).
    Answer {
        /// The network's id.
        id: String,
        /// What you think of it.
        #[arg(value_enum)]
        opinion: Opinion,
        /// Why.
        #[arg(long)]
        reasons: String,
    },
    /// Record that a network stands, with or without an opinion (已建).
    Built(Built),
    /// Record that a network became part of the e-government network (并入电子政务网络).
    Merged {
        /// The network's id.
        id: String,
        /// The day; today without it.
        #[arg(long, default_value = "")]
        on: String,
    },
    /// Record that a network will not be built, or is no longer run (停建、停用).
    GiveUp {
        /// The network's id.
        id: String,
        /// The day; today without it.
        #[arg(long, default_value = "")]
        on: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show one network.
    Show {
        /// The network's id.
        id: String,
    },
    /// List networks; `--without-opinion` shows what was built without the authority's agreement.
    List(List),
}

/// What a network is for.
#[derive(Debug, Args)]
pub struct Plan {
    /// Its name.
    #[arg(long)]
    pub name: String,
    /// What it is for.
    #[arg(long)]
    pub purpose: String,
    /// The law, regulation or national rule by which it has to be built.
    #[arg(long)]
    pub legal_basis: String,
    /// Whom it connects, and how many.
    #[arg(long)]
    pub scope: String,
}

/// Arguments of `built`: the id of a network that an opinion was asked for, or what was built.
#[derive(Debug, Args)]
pub struct Built {
    /// The network's id, if an opinion was asked for.
    #[arg(default_value = "")]
    pub id: String,
    /// Whose it is, by its code; your own organisation without it.
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Its name.
    #[arg(long, requires_all = ["purpose", "legal_basis", "scope"])]
    pub name: Option<String>,
    /// What it is for.
    #[arg(long, default_value = "")]
    pub purpose: String,
    /// The law, regulation or national rule by which it had to be built.
    #[arg(long, default_value = "")]
    pub legal_basis: String,
    /// Whom it connects, and how many.
    #[arg(long, default_value = "")]
    pub scope: String,
    /// The day on which it was built; today without it.
    #[arg(long, default_value = "")]
    pub on: String,
    /// It stood before the regulation took effect; the authority says so.
    #[arg(long)]
    pub existing: bool,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What it is narrowed by.
    #[command(flatten)]
    pub narrowed: Narrowed,
    /// Only those that stand there.
    #[arg(long, value_enum)]
    pub status: Option<Standing>,
    /// Only those that were built without the authority's agreement.
    #[arg(long)]
    pub without_opinion: bool,
}

/// What the authority thinks, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Opinion {
    /// 同意.
    Agree,
    /// 不同意.
    Object,
}

/// Where a network stands, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Standing {
    /// 待答复.
    Asked,
    /// 已答复.
    Answered,
    /// 已建.
    Built,
    /// 已并入.
    Merged,
    /// 停建、停用.
    GivenUp,
}

impl From<Standing> for NetworkStatus {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Asked => Self::Asked,
            Standing::Answered => Self::Answered,
            Standing::Built => Self::Built,
            Standing::Merged => Self::Merged,
            Standing::GivenUp => Self::GivenUp,
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
        Command::Ask(Plan { name, purpose, legal_basis, scope }) => {
            let plan = Some(NetworkPlan { name, purpose, legal_basis, scope });
            let request = RequestNetworkOpinionRequest { command_id, plan };
            let done = answer(client.request_network_opinion(request).await)?;
            context.output.record(&done, &[("id", done.network_id.clone())])
        }
        Command::Answer { id, opinion, reasons } => {
            let opinion = match opinion {
                Opinion::Agree => NetworkOpinion::Agreed,
                Opinion::Object => NetworkOpinion::Objected,
            };
            let (network_id, opinion) = (id, opinion.into());
            let request = AnswerNetworkOpinionRequest { command_id, network_id, opinion, reasons };
            let done = answer(client.answer_network_opinion(request).await)?;
            context.output.record(&done, &[("answered at", done.sequence.to_string())])
        }
        Command::Built(arguments) => {
            let request = built(command_id, arguments);
            let done = answer(client.record_network_built(request).await)?;
            let basis = short(done.basis().as_str_name(), "NETWORK_BASIS_");
            context.output.record(&done, &[("id", done.network_id.clone()), ("basis", basis)])
        }
        Command::Merged { id, on } => {
            let request = RecordNetworkMergedRequest { command_id, network_id: id, merged_on: on };
            let done = answer(client.record_network_merged(request).await)?;
            context.output.record(&done, &[("recorded at", done.sequence.to_string())])
        }
        Command::GiveUp { id, on, reason } => {
            let request =
                GiveUpNetworkRequest { command_id, network_id: id, given_up_on: on, reason };
            let done = answer(client.give_up_network(request).await)?;
            context.output.record(&done, &[("recorded at", done.sequence.to_string())])
        }
        Command::Show { id } => {
            let found = answer(client.get_network(GetNetworkRequest { network_id: id }).await)?;
            let network = found.network.clone().unwrap_or_default();
            context.output.record(&found, &lines(&network))
        }
        Command::List(List { narrowed, status, without_opinion }) => {
            let request = ListNetworksRequest {
                organisation_code: narrowed.organisation,
                region_code: narrowed.region,
                status: status.map_or(NetworkStatus::Unspecified, Into::into).into(),
                without_opinion,
                page_size: narrowed.page_size,
                page_token: narrowed.page_token,
            };
            let page = answer(client.list_networks(request).await)?;
            let rows = page.networks.iter().map(row).collect();
            let header = ["id", "organisation", "region", "name", "status", "opinion", "basis"];
            context.output.table(&page, &header, rows)
        }
    }
}

fn built(command_id: String, arguments: Built) -> RecordNetworkBuiltRequest {
    let Built { purpose, legal_basis, scope, .. } = arguments;
    let plan = arguments.name.map(|name| NetworkPlan { name, purpose, legal_basis, scope });
    RecordNetworkBuiltRequest {
        command_id,
        network_id: arguments.id,
        organisation_code: arguments.organisation,
        plan,
        built_on: arguments.on,
        existing: arguments.existing,
    }
}

fn row(network: &Network) -> Vec<String> {
    let [status, opinion, basis] = words(network);
    let name = network.plan.clone().unwrap_or_default().name;
    let (owner, region) = (network.organisation_name.clone(), network.region_code.clone());
    vec![network.id.clone(), owner, region, name, status, opinion, basis]
}

fn lines(network: &Network) -> Vec<(&'static str, String)> {
    let [status, opinion, basis] = words(network);
    let plan = network.plan.clone().unwrap_or_default();
    vec![
        ("id", network.id.clone()),
        ("name", plan.name),
        ("organisation", format!("{} {}", network.organisation_code, network.organisation_name)),
        ("region", network.region_code.clone()),
        ("purpose", plan.purpose),
        ("legal basis", plan.legal_basis),
        ("scope", plan.scope),
        ("status", status),
        ("answers", network.answering_region_code.clone()),
        ("opinion", opinion),
        ("reasons", network.opinion_reasons.clone()),
        ("built on", network.built_on.clone()),
        ("basis", basis),
        ("ended on", network.ended_on.clone()),
        ("end reason", network.end_reason.clone()),
        ("updated at", time_text(network.updated_at)),
    ]
}

/// Status, opinion and basis, the latter two empty if there is none.
fn words(network: &Network) -> [String; 3] {
    let said = |number: i32, word: String| if number == 0 { String::new() } else { word };
    let opinion = short(network.opinion().as_str_name(), "NETWORK_OPINION_");
    let basis = short(network.basis().as_str_name(), "NETWORK_BASIS_");
    [
        short(network.status().as_str_name(), "NETWORK_STATUS_"),
        said(network.opinion, opinion),
        said(network.basis, basis),
    ]
}
