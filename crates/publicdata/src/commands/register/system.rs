//! `publicdata register system`: information systems.

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::register_service_client::RegisterServiceClient;
use publicdata_proto::catalog::v1::{
    ChangeSystemRequest, CountSystemsRequest, GetSystemRequest, ListSystemsRequest,
    RegisterSystemRequest, RetireSystemRequest, System, SystemDescription, SystemHosting,
    SystemIntegration,
};
use publicdata_service_kit::grpc::Channel;

use super::super::{answer, short, time_text};
use super::Narrowed;
use crate::context::Context;

/// What can be done with systems.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a system of your organisation (登记).
    Add(Description),
    /// Say something else of a system; name everything, not only what is another (变更).
    Change {
        /// The system's id.
        id: String,
        /// What is said from now on.
        #[command(flatten)]
        description: Description,
    },
    /// Take a system out of service for good (下线).
    Retire {
        /// The system's id.
        id: String,
        /// The day, such as 2026-01-04; today without it.
        #[arg(long, default_value = "")]
        on: String,
        /// Why, or what replaced it.
        #[arg(long)]
        reason: String,
    },
    /// Show one system.
    Show {
        /// The system's id.
        id: String,
    },
    /// List systems; `--integration isolated` shows those that still run isolated (分散隔离).
    List(List),
    /// Count systems by organisation, those with the most isolated ones first.
    Count {
        /// Only organisations in this division.
        #[arg(long, default_value = "")]
        region: String,
    },
}

/// What is said of a system.
#[derive(Debug, Args)]
pub struct Description {
    /// Its name.
    #[arg(long)]
    pub name: String,
    /// Who operates it, by its code; your own organisation without it.
    #[arg(long, default_value = "")]
    pub operator: String,
    /// Where it runs.
    #[arg(long, value_enum)]
    pub hosting: Hosting,
    /// The place in words, unless it runs on the government cloud.
    #[arg(long, default_value = "")]
    pub place: String,
    /// Whether it is integrated into the government cloud.
    #[arg(long, value_enum)]
    pub integration: Integration,
    /// The day by which it is to be integrated, if that is planned.
    #[arg(long, default_value = "")]
    pub integration_due: String,
    /// Why it is isolated, if it is.
    #[arg(long, default_value = "")]
    pub isolation_reason: String,
    /// Protection level, 1 to 5 (等保); 0 if it was not graded.
    #[arg(long, default_value_t = 0)]
    pub protection_level: u32,
    /// A network that it uses, such as 电子政务外网; may be given several times.
    #[arg(long = "network")]
    pub networks: Vec<String>,
    /// It holds personal data.
    #[arg(long)]
    pub personal_data: bool,
    /// The agreement with the service provider that looks after it.
    #[arg(long, default_value = "")]
    pub agreement: String,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What it is narrowed by.
    #[command(flatten)]
    pub narrowed: Narrowed,
    /// Only those integrated so.
    #[arg(long, value_enum)]
    pub integration: Option<Integration>,
    /// Those out of service as well.
    #[arg(long)]
    pub retired: bool,
}

/// Where a system runs, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hosting {
    /// 政务云平台.
    GovernmentCloud,
    /// 自建机房.
    OwnDataCentre,
    /// Elsewhere.
    Other,
}

/// Whether a system is integrated, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Integration {
    /// 已整合上云.
    Integrated,
    /// 计划整合.
    Planned,
    /// 分散隔离.
    Isolated,
}

impl From<Integration> for SystemIntegration {
    fn from(integration: Integration) -> Self {
        match integration {
            Integration::Integrated => Self::Integrated,
            Integration::Planned => Self::Planned,
            Integration::Isolated => Self::Isolated,
        }
    }
}

impl From<Description> for SystemDescription {
    fn from(said: Description) -> Self {
        let hosting = match said.hosting {
            Hosting::GovernmentCloud => SystemHosting::GovernmentCloud,
            Hosting::OwnDataCentre => SystemHosting::OwnDataCentre,
            Hosting::Other => SystemHosting::Other,
        };
        Self {
            name: said.name,
            operator_code: said.operator,
            hosting: hosting.into(),
            place: said.place,
            integration: SystemIntegration::from(said.integration).into(),
            integration_due_on: said.integration_due,
            isolation_reason: said.isolation_reason,
            protection_level: said.protection_level,
            networks: said.networks,
            holds_personal_data: said.personal_data,
            agreement_id: said.agreement,
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
        Command::Add(said) => {
            let request = RegisterSystemRequest { command_id, description: Some(said.into()) };
            let done = answer(client.register_system(request).await)?;
            context.output.record(&done, &[("id", done.system_id.clone())])
        }
        Command::Change { id, description } => {
            let description = Some(description.into());
            let request = ChangeSystemRequest { command_id, system_id: id, description };
            let done = answer(client.change_system(request).await)?;
            context.output.record(&done, &[("changed at", done.sequence.to_string())])
        }
        Command::Retire { id, on, reason } => {
            let request = RetireSystemRequest { command_id, system_id: id, retired_on: on, reason };
            let done = answer(client.retire_system(request).await)?;
            context.output.record(&done, &[("retired at", done.sequence.to_string())])
        }
        Command::Show { id } => {
            let found = answer(client.get_system(GetSystemRequest { system_id: id }).await)?;
            let system = found.system.clone().unwrap_or_default();
            context.output.record(&found, &lines(&system))
        }
        Command::List(List { narrowed, integration, retired }) => {
            let integration = integration.map_or(SystemIntegration::Unspecified, Into::into);
            let request = ListSystemsRequest {
                organisation_code: narrowed.organisation,
                region_code: narrowed.region,
                integration: integration.into(),
                retired,
                page_size: narrowed.page_size,
                page_token: narrowed.page_token,
            };
            let page = answer(client.list_systems(request).await)?;
            let rows = page.systems.iter().map(row).collect();
            let header = ["id", "organisation", "region", "name", "hosting", "integration", "due"];
            context.output.table(&page, &header, rows)
        }
        Command::Count { region } => {
            let request = CountSystemsRequest { region_code: region };
            let counted = answer(client.count_systems(request).await)?;
            let rows = counted.counts.iter().map(|count| {
                let numbers = [count.isolated, count.planned, count.overdue, count.integrated];
                let whose = [&count.organisation_name, &count.region_code].map(Clone::clone);
                whose.into_iter().chain(numbers.map(|number| number.to_string())).collect()
            });
            let header = ["organisation", "region", "isolated", "planned", "overdue", "integrated"];
            context.output.table(&counted, &header, rows.collect())
        }
    }
}

fn row(system: &System) -> Vec<String> {
    let said = system.description.clone().unwrap_or_default();
    let (hosting, integration) = words(&said);
    vec![
        system.id.clone(),
        system.organisation_name.clone(),
        system.region_code.clone(),
        said.name,
        hosting,
        integration,
        said.integration_due_on,
    ]
}

fn lines(system: &System) -> Vec<(&'static str, String)> {
    let said = system.description.clone().unwrap_or_default();
    let (hosting, integration) = words(&said);
    let level = said.protection_level;
    vec![
        ("id", system.id.clone()),
        ("name", said.name),
        ("organisation", format!("{} {}", system.organisation_code, system.organisation_name)),
        ("region", system.region_code.clone()),
        ("operator", said.operator_code),
        ("hosting", format!("{hosting} {}", said.place)),
        ("integration", integration),
        ("due", said.integration_due_on),
        ("reason", said.isolation_reason),
        ("protection level", if level == 0 { String::new() } else { level.to_string() }),
        ("networks", said.networks.join(", ")),
        ("personal data", if said.holds_personal_data { "yes" } else { "no" }.to_owned()),
        ("agreement", said.agreement_id),
        ("retired on", system.retired_on.clone()),
        ("retired because", system.retirement_reason.clone()),
        ("updated at", time_text(system.updated_at)),
    ]
}

fn words(said: &SystemDescription) -> (String, String) {
    let hosting = short(said.hosting().as_str_name(), "SYSTEM_HOSTING_");
    (hosting, short(said.integration().as_str_name(), "SYSTEM_INTEGRATION_"))
}
