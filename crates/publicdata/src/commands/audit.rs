//! `publicdata audit`: replay, verification and proofs, from the log alone.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use futures::TryStreamExt as _;
use publicdata_audit::client::{LogClient, Proof, Report, Selection, Verification, Which};
use publicdata_audit::replay::{About, Told};
use publicdata_audit_domain::Verifier;
use publicdata_service_kit::Problem;

use crate::context::Context;
use crate::output::{print_line, read_json_file};
use crate::session::Session;

/// The log's public key below a fleet's data folder.
pub const VERIFIER_KEY: &str = "audit-log/log.vkey";

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the story from events alone, in the order of the log (重放).
    Replay(Replay),
    /// Check the whole log: every event, the signed checkpoint, proofs, coverage (验证).
    Verify(Verify),
    /// Have it proven that one event is in the log; keep the proof, and `check` it anywhere.
    Prove(Prove),
    /// Check a proof, with nothing but the file and the log's public key.
    Check {
        /// The proof, as `prove` wrote it.
        file: PathBuf,
        /// The log's public key, a file; by default that of the fleet's folder.
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// Print the newest checkpoint: keep it, and `verify --since` it later.
    Checkpoint,
}

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// Only this stream: CATALOG, EXCHANGE or OPENDATA.
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
    #[arg(long, value_name = "ID")]
    pub about: Option<String>,
    /// Print CSV with a header, a line an event.
    #[arg(long)]
    pub csv: bool,
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// An older checkpoint, a file: the log must continue it.
    #[arg(long)]
    pub since: Option<PathBuf>,
    /// How many events to have proven one by one.
    #[arg(long, default_value_t = 8)]
    pub samples: u32,
}

/// Arguments of `prove`.
#[derive(Clone, Debug, Args)]
pub struct Prove {
    /// The event's place in the log, from 0.
    #[arg(long, conflicts_with_all = ["stream", "sequence"], required_unless_present = "sequence")]
    pub index: Option<u64>,
    /// The event's stream.
    #[arg(long, requires = "sequence")]
    pub stream: Option<String>,
    /// The event's place in its stream.
    #[arg(long, requires = "stream")]
    pub sequence: Option<u64>,
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

/// Carries out a command.
///
/// # Errors
/// The service refused, or the log is not sound.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Replay(arguments) => replay(context, arguments).await,
        Command::Verify(arguments) => {
            let session = context.session()?;
            let report = verify(context, &session, arguments).await?;
            context.output.value(&report, summary(&report))?;
            anyhow::ensure!(report.is_sound(), "the log is not sound");
            Ok(())
        }
        Command::Prove(arguments) => {
            let verifier = verifier(context, arguments.key.as_ref())?;
            let which = match (arguments.index, arguments.stream, arguments.sequence) {
                (Some(index), ..) => Which::Index(index),
                (None, Some(stream), Some(sequence)) => Which::Position { stream, sequence },
                _ => bail!("name the event: --index, or --stream with --sequence"),
            };
            let log = log(&context.session()?)?;
            let proof = log.prove(&verifier, which).await?;
            print_line(serde_json::to_string_pretty(&proof)?)
        }
        Command::Check { file, key } => {
            let verifier = verifier(context, key.as_ref())?;
            let proof: Proof = read_json_file(&file)?;
            let tree = proof.check(&verifier).context("the proof does not hold")?;
            let leaf = proof.leaf()?;
            let text = format!(
                "event {} of stream {}, subject {}\nis leaf {} of the {} that the signed checkpoint covers",
                leaf.sequence, leaf.stream, leaf.subject, proof.index, tree.size
            );
            let value = serde_json::json!({
                "index": proof.index, "size": tree.size, "stream": leaf.stream,
                "sequence": leaf.sequence, "subject": leaf.subject,
            });
            context.output.value(&value, text)
        }
        Command::Checkpoint => {
            let note = log(&context.session()?)?.checkpoint().await.map_err(problem)?;
            print_line(String::from_utf8_lossy(&note).trim_end())
        }
    }
}

async fn replay(context: &Context, arguments: Replay) -> anyhow::Result<()> {
    let Replay { stream, subject, from, until, about, csv } = arguments;
    let mut about = about.map(About::new);
    // What concerns a thing may have named it long before.
    let first = if about.is_some() { None } else { from };
    let selection = Selection { stream, subject_prefix: subject, from: first, until };
    let log = log(&context.session()?)?;
    let mut events = Box::pin(log.replay(selection).await.map_err(problem)?);
    let mut table = csv.then(Table::begin).transpose()?;
    while let Some(told) = events.try_next().await.map_err(problem)? {
        let is_wanted = about.as_mut().is_none_or(|about| about.concerns(&told));
        if !is_wanted || told.recorded_at < from {
            continue;
        }
        // One line an event, also in JSON: a log of any length can be read as it comes.
        match (&mut table, context.output.is_json()) {
            (Some(table), _) => table.tell(&told)?,
            (None, true) => print_line(serde_json::to_string(&told)?)?,
            (None, false) => print_line(&told)?,
        }
    }
    Ok(())
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

async fn verify(context: &Context, session: &Session, arguments: Verify) -> anyhow::Result<Report> {
    let verifier = verifier(context, arguments.key.as_ref())?;
    let old_checkpoint = match &arguments.since {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let options =
        Verification { old_checkpoint, samples: arguments.samples, ..Verification::default() };
    log(session)?.verify(&verifier, &options).await.map_err(problem)
}

/// A report, for people.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut lines = vec![
        format!("log                {}", report.origin),
        format!("events             {} (every payload as it was logged)", report.events),
        format!("root               {} of {} leaves, signed", report.root, report.size),
        format!("inclusion proven   of {} events", report.proven.len()),
    ];
    if let Some(size) = report.continues {
        lines.push(format!("consistency        continues the older checkpoint of {size} leaves"));
    }
    for stream in &report.streams {
        lines.push(format!(
            "coverage           {}: {} of {} events",
            stream.stream, stream.logged_sequence, stream.last_sequence
        ));
    }
    match report.is_sound() {
        true => lines.push("the log is sound".to_owned()),
        false => lines
            .extend(report.findings.iter().map(|finding| format!("FINDING            {finding}"))),
    }
    lines.join("\n")
}

fn log(session: &Session) -> anyhow::Result<LogClient> {
    Ok(LogClient::new(session.audit_channel()?))
}

pub(super) fn verifier(context: &Context, key: Option<&PathBuf>) -> anyhow::Result<Verifier> {
    let path = key.cloned().unwrap_or_else(|| context.global.data.join(VERIFIER_KEY));
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("cannot read the log's public key {}; name it with --key", path.display())
    })?;
    text.trim().parse().with_context(|| format!("{} is no public key of a log", path.display()))
}

fn problem(status: tonic::Status) -> anyhow::Error {
    Problem::from_status(&status).into()
}
