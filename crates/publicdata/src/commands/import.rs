//! `publicdata catalog import`: entries from the files that departments fill in.

mod report;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use publicdata_catalogue_formats::filing::Filing;
use publicdata_catalogue_formats::table::ending;
use publicdata_catalogue_formats::{Record, json};
use publicdata_proto::catalog::v1::import_resources_request::Part;
use publicdata_proto::catalog::v1::{
    ImportOptions, ImportResourcesRequest, ImportResourcesResponse, ImportRow,
};
use publicdata_service_kit::Problem;
use publicdata_types::Digest;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::session::Session;
pub use report::{Line, Report};

/// How many entries are sent ahead of their answers, beside what the connection holds.
const AHEAD: usize = 256;
/// How many lines of the report are printed; a report file has all of them.
const PRINTED_MAX: usize = 30;

/// How one fills the catalogue from a file.
const HELP: &str = "\
From an empty sheet to entries in the catalogue:

  1. Write a sheet with every column, lists to choose from and an example:
       publicdata catalog template --format xlsx --to 目录.xlsx
  2. Fill it in: one row an item (信息项); a resource's own columns on its first row alone, or merged.
     A sheet in the national guide's form (编目表), with titles above it and headings of two rows, is read as it is.
  3. Try it: everything is checked, nothing is written:
       publicdata catalog import 目录.xlsx --as civil-affairs --dry-run --report 报告.xlsx
  4. Correct what the report names by cell, such as 目录!C17, and import:
       publicdata catalog import 目录.xlsx --as civil-affairs --report 报告.xlsx
     With --submit the entries are handed in for review (提交审核) as well.

An import that was interrupted goes on when it is run again, and a file that is imported again changes nothing: an entry
is known by its code, or by its provider and name. The exit code is 0 if every entry was taken, and 2 if some were refused.";

/// Arguments of `import`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = HELP)]
pub struct Arguments {
    /// The file: .xlsx, .xls, .ods, .csv (UTF-8 or GB18030), .json (an array) or .jsonl (one entry a line).
    pub file: PathBuf,
    /// Check everything, write nothing (试导入).
    #[arg(long)]
    pub dry_run: bool,
    /// Hand each entry to the authority for review as well (提交审核).
    #[arg(long)]
    pub submit: bool,
    /// Where a report goes, .xlsx, .csv or .json: what was taken, flagged and refused, by row and field.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The import's id (a UUID); by default it follows from the file's content.
    #[arg(long)]
    pub import_id: Option<Uuid>,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The import's id.
    pub import_id: String,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
    /// Entries that are new.
    pub taken: u64,
    /// Entries that were drafted anew.
    pub revised: u64,
    /// Entries that stand in the catalogue as the file has them.
    pub unchanged: u64,
    /// Entries that were refused.
    pub refused: u64,
    /// Warnings.
    pub warnings: u64,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

/// Entries were refused: the rest was done, so that this is no failure like others.
#[derive(Debug, thiserror::Error)]
#[error(
    "{refused} entries were refused; correct them as the report says, and import the file again"
)]
pub struct SomeRefused {
    /// How many.
    pub refused: u64,
}

/// Carries out the command.
///
/// # Errors
/// The file cannot be read, the service cannot be reached, or entries were refused ([`SomeRefused`]).
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let session = context.session()?;
    let mut report = Report::create(arguments.report.as_deref())?;
    let stop = CancellationToken::new();
    let signal = publicdata_service_kit::shutdown_signal()?;
    let progress = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {pos} entries, {per_sec}")?);

    let importing = import(&session, &arguments, &stop, |line| {
        if line.is_first {
            progress.inc(1);
        }
        report.add(line)
    });
    let mut importing = Box::pin(importing);
    let summary = tokio::select! {
        summary = &mut importing => summary,
        () = signal => {
            stop.cancel();
            (&mut importing).await
        }
    };
    drop(importing);
    progress.finish_and_clear();
    let answered = progress.position();
    let summary = summary.with_context(|| {
        format!("import stopped after {answered} entries; run the same command again to go on")
    })?;
    let first = report.finish()?;
    context.output.value(&summary, text(&summary, &first))?;
    if summary.interrupted {
        bail!("interrupted; run the same command again to go on: nothing is written twice");
    }
    match summary.refused {
        0 => Ok(()),
        refused => Err(SomeRefused { refused }.into()),
    }
}

fn text(summary: &Summary, first: &[Line]) -> String {
    let Summary { import_id, dry_run, taken, revised, unchanged, refused, warnings, .. } = summary;
    let mut lines: Vec<String> = first
        .iter()
        .filter(|line| !line.message.is_empty())
        .take(PRINTED_MAX)
        .map(|line| {
            format!("{:<8} {:<14} {}: {}", line.severity, line.place, line.field, line.message)
        })
        .collect();
    let would = if *dry_run { " (dry run: nothing was written)" } else { "" };
    lines.push(format!(
        "taken {taken}, revised {revised}, unchanged {unchanged}, refused {refused}, warnings {warnings}{would}"
    ));
    lines.push(format!("import {import_id}"));
    lines.join("\n")
}

/// Imports a file, and says of each entry what became of it.
///
/// # Errors
/// The file cannot be read, or the service cannot be reached. What was answered before has happened.
pub async fn import(
    session: &Session,
    arguments: &Arguments,
    stop: &CancellationToken,
    mut each: impl FnMut(Line) -> anyhow::Result<()>,
) -> anyhow::Result<Summary> {
    let file = &arguments.file;
    let id = match arguments.import_id {
        Some(id) => id,
        None => id_of(file)?,
    };
    let mut summary =
        Summary { import_id: id.to_string(), dry_run: arguments.dry_run, ..Summary::default() };
    let records = open(file)?;

    let (requests, outbound) = mpsc::channel(AHEAD);
    let options = ImportOptions {
        import_id: id.to_string(),
        dry_run: arguments.dry_run,
        submit: arguments.submit,
    };
    requests.send(ImportResourcesRequest { part: Some(Part::Options(options)) }).await?;
    let mut client = session.imports()?;
    let call = client.import_resources(ReceiverStream::new(outbound));
    let answers = call.await.map_err(|status| Problem::from_status(&status))?.into_inner();
    let mut answers = answers.map(|answer| answer.map_err(|status| Problem::from_status(&status)));

    let mut waiting = Waiting::default();
    let mut sender = Some((requests, records));
    loop {
        tokio::select! {
            biased;
            answer = answers.next() => match answer {
                Some(answer) => waiting.answer(&answer?, &mut summary, &mut each)?,
                None => break,
            },
            () = stop.cancelled(), if sender.is_some() => {
                summary.interrupted = true;
                sender = None;
            }
            permit = permit(&sender), if sender.is_some() => {
                let permit = permit.context("the service ended the import")?;
                let next = sender.as_mut().and_then(|(_, records)| records.next()).transpose();
                match next.with_context(|| format!("{} cannot be read", file.display()))? {
                    None => sender = None,
                    Some(record) => {
                        if let Some(row) = waiting.take(record) {
                            permit.send(ImportResourcesRequest { part: Some(Part::Row(row)) });
                        }
                    }
                }
            }
        }
    }
    waiting.settle(&mut summary, &mut each)?;
    if !waiting.is_empty() {
        bail!("the service ended the import before it had answered every entry");
    }
    Ok(summary)
}

type Records = Box<dyn Iterator<Item = anyhow::Result<Record>> + Send>;
type Requests = mpsc::Sender<ImportResourcesRequest>;

async fn permit(
    sender: &Option<(Requests, Records)>,
) -> anyhow::Result<mpsc::OwnedPermit<ImportResourcesRequest>> {
    match sender {
        Some((requests, _)) => Ok(requests.clone().reserve_owned().await?),
        None => std::future::pending().await,
    }
}

/// Entries in the order of the file, until their answers have come.
#[derive(Default)]
struct Waiting {
    numbered: u32,
    entries: VecDeque<(Record, Option<u32>)>,
}

impl Waiting {
    /// Takes an entry in, and says what is to be sent: nothing if it cannot be taken anyway.
    fn take(&mut self, mut record: Record) -> Option<ImportRow> {
        if !record.is_sound() {
            self.entries.push_back((record, None));
            return None;
        }
        self.numbered += 1;
        let description = std::mem::take(&mut record.description);
        record.description.name.clone_from(&description.name);
        let row = ImportRow {
            number: self.numbered,
            code: record.code.clone(),
            description: Some(description),
        };
        self.entries.push_back((record, Some(self.numbered)));
        Some(row)
    }

    fn answer(
        &mut self,
        answer: &ImportResourcesResponse,
        summary: &mut Summary,
        each: &mut impl FnMut(Line) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.settle(summary, each)?;
        match self.entries.pop_front() {
            Some((record, Some(number))) if number == answer.number => {
                report::lines(&record, Some(answer), summary).into_iter().try_for_each(each)
            }
            Some(_) | None => bail!("the service answered an entry that is not the next"),
        }
    }

    /// Reports those at the front that were never sent.
    fn settle(
        &mut self,
        summary: &mut Summary,
        each: &mut impl FnMut(Line) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while let Some((record, None)) = self.entries.front() {
            report::lines(record, None, summary).into_iter().try_for_each(&mut *each)?;
            self.entries.pop_front();
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The file's entries, as they are read.
fn open(file: &Path) -> anyhow::Result<Records> {
    let unreadable = || format!("{} cannot be read", file.display());
    Ok(match ending(file).as_str() {
        "json" | "jsonl" | "ndjson" => {
            let records = json::read(file).with_context(unreadable)?;
            Box::new(records.into_iter().map(Ok))
        }
        _ => {
            let filing = Filing::open(file).with_context(unreadable)?;
            Box::new(filing.map(|record| Ok(record?)))
        }
    })
}

/// The import of a file with this content: whoever imports it again repeats the first import.
fn id_of(file: &Path) -> anyhow::Result<Uuid> {
    let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Uuid::new_v5(&Uuid::NAMESPACE_OID, Digest::of(&content).to_string().as_bytes()))
}
