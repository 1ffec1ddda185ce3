//! `publicdata catalog`: catalogue entries.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, GetResourceRequest, PublishResourceRequest, Resource,
    ResourceDescription, ReturnResourceRequest, SearchResourcesRequest, SubmitResourceRequest,
};

use super::{answer, export, harvest, import, short, time_text};
use crate::context::Context;
use crate::output::from_json;

/// What can be done with catalogue entries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a draft, from a description in JSON (see `template`).
    Draft {
        /// The description, in JSON; `-` reads it from standard input.
        file: PathBuf,
        /// The entry to write over; a new one without it.
        #[arg(long, default_value = "")]
        id: String,
    },
    /// Hand a draft to the authority for review (提交审核).
    Submit {
        /// The entry's id.
        id: String,
    },
    /// Return a submitted entry to its provider (退回).
    Return {
        /// The entry's id.
        id: String,
        /// What must be corrected.
        #[arg(long)]
        reason: String,
    },
    /// Publish a submitted entry (发布).
    Publish {
        /// The entry's id.
        id: String,
    },
    /// Show one entry, by id or code.
    Show(Show),
    /// Search entries by words of their name, abstract, code or items.
    Search(Search),
    /// Write an example to start one's own from: a description in JSON, or a sheet to fill in (模板).
    Template(export::Template),
    /// Take in entries from a sheet, CSV or JSON that a department filled in (批量导入).
    Import(import::Arguments),
    /// Write entries into a sheet, CSV or JSON, in the form that an import reads (批量导出).
    Export(export::Arguments),
    /// Take in other platforms' catalogues: DCAT and CKAN (联通汇聚).
    #[command(subcommand)]
    Harvest(harvest::Command),
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The entry's id, or its code.
    pub key: String,
    /// As it was at a past moment, such as 2026-01-04T09:00:00+08:00.
    #[arg(long)]
    pub as_of: Option<jiff::Timestamp>,
}

/// Arguments of `search`.
#[derive(Debug, Args)]
pub struct Search {
    /// Words; all entries without any.
    #[arg(default_value = "")]
    pub query: String,
    /// Only those of this provider.
    #[arg(long, default_value = "")]
    pub provider: String,
    /// Only those of this division and below.
    #[arg(long, default_value = "")]
    pub region: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let command = match command {
        Command::Template(arguments) => return export::template(context, arguments).await,
        Command::Import(arguments) => return import::run(context, arguments).await,
        Command::Export(arguments) => return export::run(context, arguments).await,
        Command::Harvest(command) => return harvest::run(context, command).await,
        other => other,
    };
    let mut resources = context.session()?.resources()?;
    let command_id = context.command_id();
    match command {
        Command::Template(_) | Command::Import(_) | Command::Export(_) | Command::Harvest(_) => {
            unreachable!("carried out above")
        }
        Command::Draft { file, id } => {
            let text = read(&file)?;
            let description: ResourceDescription = from_json(&text)
                .with_context(|| format!("{} is no description", file.display()))?;
            let request = DraftResourceRequest {
                command_id,
                resource_id: id,
                description: Some(description),
            };
            let done = answer(resources.draft_resource(request).await)?;
            let lines = [("id", done.resource_id.clone()), ("code", done.code.clone())];
            context.output.record(&done, &lines)
        }
        Command::Submit { id } => {
            let request = SubmitResourceRequest { command_id, resource_id: id };
            let done = answer(resources.submit_resource(request).await)?;
            context.output.record(&done, &[("submitted at", done.sequence.to_string())])
        }
        Command::Return { id, reason } => {
            let request = ReturnResourceRequest { command_id, resource_id: id, reason };
            let done = answer(resources.return_resource(request).await)?;
            context.output.record(&done, &[("returned at", done.sequence.to_string())])
        }
        Command::Publish { id } => {
            let request = PublishResourceRequest { command_id, resource_id: id };
            let done = answer(resources.publish_resource(request).await)?;
            context.output.record(&done, &[("version", done.version.to_string())])
        }
        Command::Show(arguments) => {
            let request = GetResourceRequest {
                key: Some(match arguments.key.contains('/') {
                    true => Key::Code(arguments.key),
                    false => Key::ResourceId(arguments.key),
                }),
                as_of: arguments.as_of.map(|at| prost_types::Timestamp {
                    seconds: at.as_second(),
                    nanos: at.subsec_nanosecond(),
                }),
            };
            let found = answer(resources.get_resource(request).await)?;
            let resource = found.resource.clone().unwrap_or_default();
            context.output.record(&found, &lines(&resource))
        }
        Command::Search(arguments) => {
            let request = SearchResourcesRequest {
                query: arguments.query,
                provider_code: arguments.provider,
                region_code: arguments.region,
                status: 0,
                page_size: arguments.page_size,
                page_token: arguments.page_token,
                ..SearchResourcesRequest::default()
            };
            let page = answer(resources.search_resources(request).await)?;
            let rows = page.resources.iter().map(row).collect();
            let header = ["code", "name", "provider", "sharing", "status", "id"];
            context.output.table(&page, &header, rows)
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let text = match file == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    text.with_context(|| format!("cannot read {}", file.display()))
}

fn row(resource: &Resource) -> Vec<String> {
    let description = resource.description.clone().unwrap_or_default();
    vec![
        resource.code.clone(),
        description.name.clone(),
        resource.provider_name.clone(),
        short(description.sharing_type().as_str_name(), "SHARING_TYPE_"),
        short(resource.status().as_str_name(), "RESOURCE_STATUS_"),
        resource.id.clone(),
    ]
}

fn lines(resource: &Resource) -> Vec<(&'static str, String)> {
    let description = resource.description.clone().unwrap_or_default();
    let items: Vec<_> = description
        .items
        .iter()
        .map(|item| {
            let sensitive = if item.mask == 0 { "" } else { " (sensitive)" };
            let kind = short(item.r#type().as_str_name(), "ITEM_TYPE_");
            format!("{} {} {kind}{sensitive}", item.name, item.title)
        })
        .collect();
    vec![
        ("code", resource.code.clone()),
        ("id", resource.id.clone()),
        ("name", description.name.clone()),
        ("abstract", description.r#abstract.clone()),
        ("provider", format!("{} {}", description.provider_code, resource.provider_name)),
        ("status", short(resource.status().as_str_name(), "RESOURCE_STATUS_")),
        ("version", resource.version.to_string()),
        ("published on", resource.published_on.clone()),
        ("return reason", resource.return_reason.clone()),
        ("sharing", short(description.sharing_type().as_str_name(), "SHARING_TYPE_")),
        ("condition", description.sharing_condition.clone()),
        ("open", if description.open { "yes" } else { "no" }.to_owned()),
        ("items", items.join("\n                   ")),
        ("updated at", time_text(resource.updated_at)),
    ]
}
