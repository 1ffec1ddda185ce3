//! `publicdata catalog harvest`: other platforms' catalogues, read here and handed to the catalogue.
//!
//! The catalogue itself calls nobody: whoever runs this command reads the other platform, with whatever access it has.

mod ckan;
mod dcat;
mod http;
mod run;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use publicdata_proto::catalog::v1::{
    HarvestKind, HarvestSource, ListForeignResourcesRequest, ListHarvestSourcesRequest,
    RegisterHarvestSourceRequest,
};
use uuid::Uuid;

use super::{answer, short, time_text};
use crate::context::Context;
use crate::session::Session;
pub use run::{Harvested, Progress};

/// What can be done with other platforms' catalogues.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take in a catalogue in DCAT: Turtle, RDF/XML or JSON-LD, from a file or page by page from an address.
    Dcat(Dcat),
    /// Take in the catalogue of a CKAN site: what changed since the last time, and what is gone.
    Ckan(Ckan),
    /// List the platforms that are harvested, and how far each has come.
    Sources,
    /// List other platforms' datasets (外部资源).
    List(List),
}

/// Who the other platform is.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// What the source is called; by default its address.
    #[arg(long, default_value = "")]
    pub name: String,
    /// Who runs the platform; by default its address.
    #[arg(long, default_value = "")]
    pub platform: String,
    /// The source's id (a UUID); by default it follows from its address.
    #[arg(long)]
    pub source_id: Option<Uuid>,
}

/// Arguments of `harvest dcat`.
#[derive(Clone, Debug, Args)]
pub struct Dcat {
    /// A file (.ttl, .rdf, .xml, .jsonld) or an address, `http://…` or `https://…`.
    pub from: String,
    /// Who the other platform is.
    #[command(flatten)]
    pub source: Source,
}

/// Arguments of `harvest ckan`.
#[derive(Clone, Debug, Args)]
pub struct Ckan {
    /// The site's address, such as `https://data.example.gov.cn`; its API is below `/api/3/action`.
    pub url: String,
    /// Read everything again, not only what changed since the last harvest.
    #[arg(long)]
    pub full: bool,
    /// Who the other platform is.
    #[command(flatten)]
    pub source: Source,
}

/// Arguments of `harvest list`.
#[derive(Clone, Debug, Args)]
pub struct List {
    /// Words of the title, description, publisher or keywords.
    #[arg(default_value = "")]
    pub query: String,
    /// Only those of this source (its id).
    #[arg(long, default_value = "")]
    pub source: String,
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
/// The other platform or the catalogue cannot be reached. What was handed over before is kept, and a repeat goes on.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    let progress = Progress::shown()?;
    match command {
        Command::Dcat(arguments) => {
            let harvested = dcat(&session, &arguments, &progress).await;
            progress.finish();
            report(context, &harvested?)
        }
        Command::Ckan(arguments) => {
            let harvested = ckan(&session, &arguments, &progress).await;
            progress.finish();
            report(context, &harvested?)
        }
        Command::Sources => {
            let request = ListHarvestSourcesRequest { page_size: 500, ..Default::default() };
            let page = answer(session.harvests()?.list_harvest_sources(request).await)?;
            let rows = page.sources.iter().map(source_row).collect();
            let header = ["name", "kind", "datasets", "complete at", "address", "id"];
            context.output.table(&page, &header, rows)
        }
        Command::List(arguments) => {
            let request = ListForeignResourcesRequest {
                source_id: arguments.source,
                query: arguments.query,
                page_size: arguments.page_size,
                page_token: arguments.page_token,
            };
            let page = answer(session.harvests()?.list_foreign_resources(request).await)?;
            let rows = page.resources.iter().map(|resource| {
                let says = resource.description.clone().unwrap_or_default();
                vec![says.title, says.publisher, says.modified, says.uri]
            });
            context.output.table(&page, &["title", "publisher", "modified", "uri"], rows.collect())
        }
    }
}

/// Harvests a catalogue in DCAT.
///
/// # Errors
/// As for [`run()`].
pub async fn dcat(
    session: &Session,
    arguments: &Dcat,
    progress: &Progress,
) -> anyhow::Result<Harvested> {
    let url = match dcat::is_address(&arguments.from) {
        true => arguments.from.clone(),
        false => {
            let path = PathBuf::from(&arguments.from);
            std::path::absolute(path)?.display().to_string()
        }
    };
    let source = register(session, HarvestKind::Dcat, &url, &arguments.source).await?;
    dcat::harvest(session, source, &arguments.from, progress).await
}

/// Harvests a CKAN site.
///
/// # Errors
/// As for [`run()`].
pub async fn ckan(
    session: &Session,
    arguments: &Ckan,
    progress: &Progress,
) -> anyhow::Result<Harvested> {
    let url = arguments.url.trim_end_matches('/');
    let source = register(session, HarvestKind::Ckan, url, &arguments.source).await?;
    let cursor = match arguments.full {
        true => String::new(),
        false => source.cursor.clone(),
    };
    ckan::harvest(session, source, url, cursor, progress).await
}

/// The source, registered now if it was not yet.
async fn register(
    session: &Session,
    kind: HarvestKind,
    url: &str,
    source: &Source,
) -> anyhow::Result<HarvestSource> {
    let id = source.source_id.unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_URL, url.as_bytes()));
    let id = id.to_string();
    if let Some(known) = find(session, &id).await? {
        return Ok(known);
    }
    let or_url = |text: &str| if text.is_empty() { url.to_owned() } else { text.to_owned() };
    let request = RegisterHarvestSourceRequest {
        command_id: crate::session::new_command_id(),
        source_id: id.clone(),
        name: or_url(&source.name),
        kind: kind.into(),
        url: url.to_owned(),
        platform: or_url(&source.platform),
    };
    answer(session.harvests()?.register_harvest_source(request).await)?;
    let found = find(session, &id).await?;
    found.context("the source was registered, and is not listed yet; repeat the command")
}

async fn find(session: &Session, id: &str) -> anyhow::Result<Option<HarvestSource>> {
    let mut client = session.harvests()?;
    let mut page_token = String::new();
    loop {
        let request = ListHarvestSourcesRequest { page_size: 500, page_token };
        let page = answer(client.list_harvest_sources(request).await)?;
        if let Some(found) = page.sources.into_iter().find(|source| source.id == id) {
            return Ok(Some(found));
        }
        match page.next_page_token {
            next if next.is_empty() => return Ok(None),
            next => page_token = next,
        }
    }
}

fn report(context: &Context, harvested: &Harvested) -> anyhow::Result<()> {
    let Harvested { taken, changed, unchanged, own, gone, refused, .. } = harvested;
    let mut lines: Vec<String> = harvested
        .problems
        .iter()
        .map(|problem| format!("refused  {}: {}", problem.uri, problem.message))
        .collect();
    lines.push(format!(
        "new {taken}, changed {changed}, unchanged {unchanged}, gone {gone}, our own {own}, refused {refused}"
    ));
    lines.push(format!("source {}", harvested.source_id));
    context.output.value(harvested, lines.join("\n"))
}

fn source_row(source: &HarvestSource) -> Vec<String> {
    vec![
        source.name.clone(),
        short(source.kind().as_str_name(), "HARVEST_KIND_"),
        source.resources.to_string(),
        time_text(source.completed_at),
        source.url.clone(),
        source.id.clone(),
    ]
}
