//! `publicdata catalog export` and `template`: entries into files, and an empty sheet to begin with.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use publicdata_catalogue_formats::dcat::{self, Offer, Syntax};
use publicdata_catalogue_formats::json;
use publicdata_catalogue_formats::sheet::{self, CsvWriter, WorkbookWriter};
use publicdata_catalogue_formats::table::ending;
use publicdata_proto::catalog::v1::{
    ExportResourcesRequest, GetOrganisationRequest, Resource, ResourceStatus,
};
use publicdata_service_kit::Problem;
use serde::Serialize;

use super::answer;
use crate::context::Context;
use crate::output::print_line;
use crate::session::Session;

/// The form of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TemplateFormat {
    /// A description in JSON, for `draft`.
    #[default]
    Json,
    /// A sheet to fill in, for `import`.
    Xlsx,
}

/// Arguments of `template`.
#[derive(Clone, Debug, Args)]
pub struct Template {
    /// Its form.
    #[arg(long, value_enum, default_value_t)]
    pub format: TemplateFormat,
    /// The file to write; needed for a sheet, standard output otherwise.
    #[arg(long = "to", value_name = "FILE")]
    pub target: Option<PathBuf>,
}

/// The form of an export, where the file's ending does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The filing sheet, .xlsx.
    Xlsx,
    /// The filing sheet as delimited text, .csv.
    Csv,
    /// An array of entries, .json.
    Json,
    /// An entry a line, .jsonl.
    Jsonl,
    /// What is published, in DCAT as Turtle, .ttl.
    DcatTurtle,
    /// What is published, in DCAT as RDF/XML, .rdf.
    DcatRdfxml,
    /// What is published, in DCAT as JSON-LD, .jsonld.
    DcatJsonld,
}

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The file to write. Its ending says in which form: .xlsx, .csv, .json, .jsonl, or DCAT as .ttl, .rdf or .jsonld.
    #[arg(long = "to", value_name = "FILE")]
    pub target: PathBuf,
    /// Its form, if not as the ending says.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Only those of this provider.
    #[arg(long, default_value = "")]
    pub provider: String,
    /// Only those of this division and below.
    #[arg(long, default_value = "")]
    pub region: String,
    /// Only those within this classification, such as 302.
    #[arg(long, default_value = "")]
    pub class: String,
    /// Only those with this status: draft, submitted, returned, published, suspended or withdrawn.
    #[arg(long, default_value = "")]
    pub status: String,
    /// For DCAT: the address that datasets' URIs begin with; by default that of the fleet's own feed.
    #[arg(long)]
    pub base_url: Option<String>,
    /// For DCAT: who publishes the catalogue; by default the trust domain.
    #[arg(long)]
    pub publisher: Option<String>,
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// How many entries.
    pub entries: u64,
    /// Where they are.
    pub file: PathBuf,
}

enum Target {
    Workbook(Box<WorkbookWriter>),
    Csv(Box<CsvWriter<BufWriter<File>>>),
    Json(BufWriter<File>, &'static str),
    Lines(BufWriter<File>),
    Dcat(Box<dcat::Writer<BufWriter<File>>>),
}

/// Carries out `template`.
///
/// # Errors
/// The file cannot be written to.
pub async fn template(context: &Context, arguments: Template) -> anyhow::Result<()> {
    let example = include_str!("../sample/villages.json");
    match (arguments.format, arguments.target) {
        (TemplateFormat::Json, None) => print_line(example.trim_end()),
        (TemplateFormat::Json, Some(path)) => std::fs::write(&path, example)
            .with_context(|| format!("cannot write {}", path.display())),
        (TemplateFormat::Xlsx, None) => bail!("a sheet needs a file: add --to 目录.xlsx"),
        (TemplateFormat::Xlsx, Some(path)) => {
            // The caller's own organisation stands in the example, if there is a fleet to ask.
            let (code, name) = own_organisation(context).await.unwrap_or_default();
            let bytes = sheet::template(&code, &name)?;
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        }
    }
}

async fn own_organisation(context: &Context) -> Option<(String, String)> {
    let session = context.session().ok()?;
    let code = session.credentials.id().organisation()?.to_string();
    let request = GetOrganisationRequest { code: code.clone() };
    let name = match session.organisations().ok()?.get_organisation(request).await {
        Ok(found) => found.into_inner().organisation.map(|found| found.name),
        Err(_) => None,
    };
    Some((code, name.unwrap_or_default()))
}

/// Carries out `export`.
///
/// # Errors
/// What the service refused, or the file cannot be written to. No file is left half written.
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let session = context.session()?;
    let progress = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {pos} entries, {per_sec}")?);
    let exported = export(&session, &arguments, |count| progress.set_position(count)).await;
    progress.finish_and_clear();
    let exported = exported?;
    let text = format!("{} entries in {}", exported.entries, exported.file.display());
    context.output.value(&exported, text)
}

/// Writes what the caller may see into a file.
///
/// # Errors
/// As for [`run`].
pub async fn export(
    session: &Session,
    arguments: &Arguments,
    each: impl Fn(u64),
) -> anyhow::Result<Exported> {
    let format = format(arguments)?;
    let request = ExportResourcesRequest {
        provider_code: arguments.provider.clone(),
        region_code: arguments.region.clone(),
        classification_code: arguments.class.clone(),
        status: match format.dcat() {
            None => status(&arguments.status)?.into(),
            // What is not published is nobody else's business.
            Some(_) => ResourceStatus::Published.into(),
        },
        after_code: String::new(),
    };
    let path = std::path::absolute(&arguments.target)?;
    let folder = path.parent().context("the file has no folder")?;
    let fresh = tempfile::Builder::new()
        .prefix(".publicdata-")
        .tempfile_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let file = BufWriter::new(fresh.reopen()?);
    let mut target = match format.dcat() {
        Some(syntax) => {
            let offer = offer(session, arguments)?;
            Target::Dcat(Box::new(dcat::Writer::new(file, syntax, &offer, None)?))
        }
        None => Target::begin(format, file)?,
    };
    let mut entries = answer(session.exports()?.export_resources(request).await)?;
    let mut count = 0;
    while let Some(next) = entries
        .try_next()
        .await
        .map_err(|status| Problem::from_status(&status))
        .with_context(|| format!("export broke off after {count} entries"))?
    {
        target.write(&next.resource.unwrap_or_default())?;
        count += 1;
        each(count);
    }
    target.finish(fresh.path())?;
    fresh.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Exported { entries: count, file: path })
}

impl Target {
    fn begin(format: Format, file: BufWriter<File>) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Xlsx => Self::Workbook(Box::new(WorkbookWriter::new()?)),
            Format::Csv => Self::Csv(Box::new(CsvWriter::new(file)?)),
            Format::Json => Self::Json(file, "["),
            Format::Jsonl => Self::Lines(file),
            Format::DcatTurtle | Format::DcatRdfxml | Format::DcatJsonld => {
                bail!("DCAT needs an offer")
            }
        })
    }

    fn write(&mut self, resource: &Resource) -> anyhow::Result<()> {
        match self {
            Self::Workbook(writer) => writer.write(resource)?,
            Self::Csv(writer) => writer.write(resource)?,
            Self::Json(file, before) => {
                write!(file, "{before}\n{}", json::to_value(resource)?)?;
                *before = ",";
            }
            Self::Lines(file) => writeln!(file, "{}", json::to_value(resource)?)?,
            Self::Dcat(writer) => writer.dataset(resource)?,
        }
        Ok(())
    }

    fn finish(self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Workbook(writer) => writer.finish(path)?,
            Self::Csv(writer) => writer.finish()?.into_inner()?.sync_all()?,
            Self::Json(mut file, before) => {
                let end = if before == "[" { "[]\n" } else { "\n]\n" };
                write!(file, "{end}")?;
                file.into_inner()?.sync_all()?;
            }
            Self::Lines(file) => file.into_inner()?.sync_all()?,
            Self::Dcat(writer) => writer.finish()?.into_inner()?.sync_all()?,
        }
        Ok(())
    }
}

fn format(arguments: &Arguments) -> anyhow::Result<Format> {
    match (arguments.format, ending(&arguments.target).as_str()) {
        (Some(format), _) => Ok(format),
        (None, "xlsx") => Ok(Format::Xlsx),
        (None, "csv") => Ok(Format::Csv),
        (None, "json") => Ok(Format::Json),
        (None, "jsonl" | "ndjson") => Ok(Format::Jsonl),
        (None, "ttl") => Ok(Format::DcatTurtle),
        (None, "rdf") => Ok(Format::DcatRdfxml),
        (None, "jsonld") => Ok(Format::DcatJsonld),
        (None, _) => bail!(
            "{} must end in .xlsx, .csv, .json, .jsonl, .ttl, .rdf or .jsonld",
            arguments.target.display()
        ),
    }
}

impl Format {
    fn dcat(self) -> Option<Syntax> {
        match self {
            Self::Xlsx | Self::Csv | Self::Json | Self::Jsonl => None,
            Self::DcatTurtle => Some(Syntax::Turtle),
            Self::DcatRdfxml => Some(Syntax::RdfXml),
            Self::DcatJsonld => Some(Syntax::JsonLd),
        }
    }
}

fn offer(session: &Session, arguments: &Arguments) -> anyhow::Result<Offer> {
    let base = match &arguments.base_url {
        Some(base) => base,
        None if session.endpoints.catalog_feed.is_empty() => {
            bail!("the fleet has no feed; say with --base-url what datasets' URIs begin with")
        }
        None => &session.endpoints.catalog_feed,
    };
    let publisher = arguments.publisher.as_ref().unwrap_or(&session.endpoints.trust_domain);
    Offer::new(base, "公共数据资源目录", publisher)
        .with_context(|| format!("`{base}` cannot begin a URI; write https://…"))
}

fn status(word: &str) -> anyhow::Result<ResourceStatus> {
    let name = format!("RESOURCE_STATUS_{}", word.to_ascii_uppercase());
    match (word, ResourceStatus::from_str_name(&name)) {
        ("", _) => Ok(ResourceStatus::Unspecified),
        (_, Some(status)) => Ok(status),
        (word, None) => bail!(
            "`{word}` is no status; write draft, submitted, returned, published, suspended or withdrawn"
        ),
    }
}
