//! `publicdata audit replay`: the story from events alone, of the log or of a bundle.

use std::path::PathBuf;

use clap::Args;
use futures::TryStreamExt as _;
use publicdata_archive::offline::Files;
use publicdata_archive::{Row, leaf};
use publicdata_audit::client::Selection;
use publicdata_audit::replay::{About, Storyteller, Told};

use super::{evidence, log, problem, verifier};
use crate::context::Context;
use crate::output::print_line;

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// Only this stream: CATALOG, EXCHANGE, OPENDATA or AUDIT.
    #[arg(long, default_value = "")]
    pub stream: String,
    /// Only subjects that start so, such as `ev.exchange.grant.`.
    #[arg(long, default_value = "")]
    pub subject: String,
    /// Not before this moment, such as 2026-01-04T09:00:00+08:00.
    #[arg(long)]
    pub from: Option<jiff::Timestamp>,
    /// Not after this moment.
    #[arg(long)]
    pub until: Option<jiff::Timestamp>,
    /// Only what concerns this: an organisation's code, a case number, the id of a resource, grant, transfer, ticket, dispute …: what
    /// names it, what happened further to that, and what it did.
    #[arg(long, value_name = "ID", conflicts_with_all = ["stream", "subject"])]
    pub about: Option<String>,
    /// Print CSV with a header, a line an event.
    #[arg(long)]
    pub csv: bool,
    /// Replay the events of this bundle of evidence, without the platform. It is verified first.
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Replay the events of an archive, or of all archives below a folder, without the platform. Each is verified first.
    #[arg(long, value_name = "FILE|FOLDER", conflicts_with = "bundle")]
    pub archive: Option<PathBuf>,
    /// The log's public key, a file, to verify the bundle or the archives by; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

/// Tells events, one after the other as they come.
///
/// # Errors
/// The service refused, an event is not as it was logged, or a bundle does not hold.
pub(super) async fn run(context: &Context, arguments: Replay) -> anyhow::Result<()> {
    let mut about = arguments.about.clone().map(About::new);
    let mut printer = Printer::new(context, arguments.csv)?;
    let from = arguments.from;
    let mut tell = |told: Told| {
        let is_wanted = about.as_mut().is_none_or(|about| about.concerns(&told));
        if is_wanted && told.recorded_at >= from { printer.tell(&told) } else { Ok(()) }
    };

    if let Some(bundle) = &arguments.bundle {
        let events = evidence::proven_events(context, bundle, arguments.key.as_ref())?;
        return events.into_iter().filter(|told| arguments.selects(told)).try_for_each(tell);
    }
    if let Some(archives) = &arguments.archive {
        let (verifier, storyteller) =
            (verifier(context, arguments.key.as_ref())?, Storyteller::new()?);
        let files = Files::find(archives)?;
        for (stream, first, last) in files.extents() {
            tracing::warn!(
                "{stream}: events {first} to {last}; what came before and after is not in these files"
            );
        }
        for row in files.events(&verifier) {
            let Row { recorded, log_index, .. } = row?;
            let told = storyteller.tell(log_index, &leaf::of(&recorded), &recorded.payload);
            if arguments.selects(&told) {
                tell(told)?;
            }
        }
        return Ok(());
    }
    let Replay { stream, subject, until, .. } = arguments;
    // What concerns a thing may have named it long before.
    let first = if arguments.about.is_some() { None } else { from };
    let selection = Selection { stream, subject_prefix: subject, from: first, until };
    let log = log(&context.session()?)?;
    let mut events = Box::pin(log.replay(selection).await.map_err(problem)?);
    while let Some(told) = events.try_next().await.map_err(problem)? {
        tell(told)?;
    }
    Ok(())
}

impl Replay {
    /// Whether an event is among those that were asked for, but for whom they concern.
    fn selects(&self, told: &Told) -> bool {
        let is_of_stream = self.stream.is_empty() || told.stream == self.stream;
        let is_in_time = self.until.is_none() || told.recorded_at <= self.until;
        is_of_stream && told.subject.starts_with(&self.subject) && is_in_time
    }
}

/// Prints what is told.
enum Printer {
    Lines,
    Json,
    Table(Box<Table>),
}

impl Printer {
    fn new(context: &Context, csv: bool) -> anyhow::Result<Self> {
        Ok(match (csv, context.output.is_json()) {
            (true, _) => Self::Table(Box::new(Table::begin()?)),
            (false, true) => Self::Json,
            (false, false) => Self::Lines,
        })
    }

    /// One line an event, also in JSON: a log of any length can be read as it comes.
    fn tell(&mut self, told: &Told) -> anyhow::Result<()> {
        match self {
            Self::Lines => print_line(told),
            Self::Json => print_line(serde_json::to_string(told)?),
            Self::Table(table) => table.tell(told),
        }
    }
}

/// Events as CSV, printed as they come.
struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn begin() -> anyhow::Result<Self> {
        let mut table = Self(csv::Writer::from_writer(Vec::new()));
        table.print(&[
            "index",
            "stream",
            "sequence",
            "recordedAt",
            "occurredAt",
            "subject",
            "actor",
            "commandId",
            "type",
            "sentence",
        ])?;
        Ok(table)
    }

    fn tell(&mut self, told: &Told) -> anyhow::Result<()> {
        let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        for event in &told.events {
            self.print(&[
                &told.index.to_string(),
                &told.stream,
                &told.sequence.to_string(),
                &time(told.recorded_at),
                &time(told.occurred_at),
                &told.subject,
                &told.actor,
                &told.command_id,
                &event.type_name,
                &event.sentence,
            ])?;
        }
        Ok(())
    }

    fn print(&mut self, record: &[&str]) -> anyhow::Result<()> {
        self.0.write_record(record)?;
        self.0.flush()?;
        let line = std::mem::replace(&mut self.0, csv::Writer::from_writer(Vec::new()));
        print_line(String::from_utf8_lossy(&line.into_inner()?).trim_end_matches(['\r', '\n']))
    }
}
