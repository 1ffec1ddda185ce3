//! `publicdata library`: base and theme libraries.

use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::{
    AssignLibraryItemRequest, ChangeLibraryLeadRequest, EstablishLibraryRequest, Library,
    LibraryItem, ListLibrariesRequest, ListLibraryItemsRequest, RecordLibraryItemUpdateRequest,
    ReleaseLibraryItemRequest, UpdateCycle,
};

use super::{answer, short};
use crate::context::Context;

/// What can be done with libraries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Establish a base or theme library and name who leads it (牵头建设部门); the city's authority does this.
    Establish(Establish),
    /// Name another lead department; entries pass to it by its next revision of them.
    ChangeLead {
        /// The library's code.
        code: String,
        /// The new lead department's unified social credit code.
        #[arg(long)]
        lead: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Assign who collects and updates an item; the lead department does this (R20).
    Assign(Assign),
    /// End the collection of an item.
    Release {
        /// The library's code.
        code: String,
        /// The item's name.
        item: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Record that one's own department has updated an item.
    Updated {
        /// The library's code.
        code: String,
        /// The item's name.
        item: String,
        /// The day up to which it is current; today without it.
        #[arg(long, default_value = "")]
        on: String,
    },
    /// List the libraries and who leads them.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
    /// List items and who collects them; `--late` shows who is late.
    Items(Items),
}

/// Arguments of `establish`.
#[derive(Debug, Args)]
pub struct Establish {
    /// Its place in the classification: a 项 (3 digits) or 目 (6 digits) of class 1 (基础) or 2 (主题), such as 101.
    #[arg(long)]
    pub code: String,
    /// Its name, such as 人口基础信息资源库.
    #[arg(long)]
    pub name: String,
    /// The lead department's unified social credit code; it has the role lead-department.
    #[arg(long)]
    pub lead: String,
}

/// Arguments of `assign`.
#[derive(Debug, Args)]
pub struct Assign {
    /// The library's code.
    pub code: String,
    /// The item's name, such as 婚姻状况.
    pub item: String,
    /// Who collects and updates it, by its unified social credit code.
    #[arg(long)]
    pub to: String,
    /// How often it is updated (更新周期).
    #[arg(long, value_enum)]
    pub cycle: Cycle,
    /// The day from which the first cycle counts; today without it.
    #[arg(long, default_value = "")]
    pub from: String,
}

/// Arguments of `items`.
#[derive(Debug, Args)]
pub struct Items {
    /// Only those of this library.
    #[arg(long, default_value = "")]
    pub library: String,
    /// Only those that this department collects.
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Only those whose update is overdue today.
    #[arg(long)]
    pub late: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// How often an item is updated, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cycle {
    /// 实时.
    RealTime,
    /// 每日.
    Daily,
    /// 每周.
    Weekly,
    /// 每月.
    Monthly,
    /// 每季度.
    Quarterly,
    /// 每半年.
    HalfYearly,
    /// 每年.
    Yearly,
    /// 不定期.
    Irregular,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let mut libraries = context.session()?.libraries()?;
    let command_id = context.command_id();
    match command {
        Command::Establish(Establish { code, name, lead: lead_code }) => {
            let request = EstablishLibraryRequest { command_id, code, name, lead_code };
            let done = answer(libraries.establish_library(request).await)?;
            context.output.record(&done, &[("established at", done.sequence.to_string())])
        }
        Command::ChangeLead { code, lead: lead_code, reason } => {
            let request = ChangeLibraryLeadRequest { command_id, code, lead_code, reason };
            let done = answer(libraries.change_library_lead(request).await)?;
            context.output.record(&done, &[("changed at", done.sequence.to_string())])
        }
        Command::Assign(Assign { code, item, to, cycle, from }) => {
            let request = AssignLibraryItemRequest {
                command_id,
                code,
                item,
                organisation_code: to,
                update_cycle: cycle.to_wire().into(),
                from,
            };
            let done = answer(libraries.assign_library_item(request).await)?;
            context.output.record(&done, &[("assigned at", done.sequence.to_string())])
        }
        Command::Release { code, item, reason } => {
            let request = ReleaseLibraryItemRequest { command_id, code, item, reason };
            let done = answer(libraries.release_library_item(request).await)?;
            context.output.record(&done, &[("released at", done.sequence.to_string())])
        }
        Command::Updated { code, item, on: current_on } => {
            let request = RecordLibraryItemUpdateRequest { command_id, code, item, current_on };
            let done = answer(libraries.record_library_item_update(request).await)?;
            context.output.record(&done, &[("recorded at", done.sequence.to_string())])
        }
        Command::List { page_size, page_token } => {
            let request = ListLibrariesRequest { page_size, page_token };
            let page = answer(libraries.list_libraries(request).await)?;
            let rows = page.libraries.iter().map(library).collect();
            context.output.table(&page, &["code", "name", "lead", "lead's code", "items"], rows)
        }
        Command::Items(arguments) => {
            let request = ListLibraryItemsRequest {
                library_code: arguments.library,
                organisation_code: arguments.organisation,
                late: arguments.late,
                page_size: arguments.page_size,
                page_token: arguments.page_token,
            };
            let page = answer(libraries.list_library_items(request).await)?;
            let rows = page.items.iter().map(item).collect();
            let header =
                ["library", "item", "collected by", "cycle", "current on", "due on", "days late"];
            context.output.table(&page, &header, rows)
        }
    }
}

fn library(library: &Library) -> Vec<String> {
    vec![
        library.code.clone(),
        library.name.clone(),
        library.lead_name.clone(),
        library.lead_code.clone(),
        library.items.to_string(),
    ]
}

fn item(item: &LibraryItem) -> Vec<String> {
    vec![
        item.library_code.clone(),
        item.item.clone(),
        item.organisation_name.clone(),
        short(item.update_cycle().as_str_name(), "UPDATE_CYCLE_"),
        item.current_on.clone(),
        item.due_on.clone(),
        item.days_late.to_string(),
    ]
}

impl Cycle {
    const fn to_wire(self) -> UpdateCycle {
        match self {
            Self::RealTime => UpdateCycle::RealTime,
            Self::Daily => UpdateCycle::Daily,
            Self::Weekly => UpdateCycle::Weekly,
            Self::Monthly => UpdateCycle::Monthly,
            Self::Quarterly => UpdateCycle::Quarterly,
            Self::HalfYearly => UpdateCycle::HalfYearly,
            Self::Yearly => UpdateCycle::Yearly,
            Self::Irregular => UpdateCycle::Irregular,
        }
    }
}
