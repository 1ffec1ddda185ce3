//! `publicdata audit`: replay, verification and proofs, from the log alone; and findings.

pub mod finding;
pub mod rules;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use futures::TryStreamExt as _;
use publicdata_audit::client::{
    Finding, LogClient, Proof, Report, Selection, TileLog, TileReport, Verification, Which,
};
use publicdata_audit::replay::{About, Told};
use publicdata_audit_domain::{Verifier, Witness};
use publicdata_proto::audit::v1::{
    GetCoverageResponse, ListWitnessesResponse, StreamCoverage, WitnessStatus,
};
use publicdata_service_kit::Problem;

use crate::context::Context;
use crate::output::{print_line, read_json_file, to_json};
use crate::session::Session;

/// The log's public key below a fleet's data folder.
pub const VERIFIER_KEY: &str = "audit-log/log.vkey";

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the story from events alone, in the order of the log (重放).
    Replay(Replay),
    /// Check the whole log: every event, the signed checkpoint, proofs, coverage (验证). With --url, its tiles alone, over plain
    /// HTTP: that takes no certificate.
    Verify(Verify),
    /// Say how far each stream is in the log, and what the check that goes on all the time has found.
    Coverage,
    /// Say how it stands with the outside witnesses that cosign checkpoints (见证).
    Witnesses,
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
    /// What was found against organisations, and what is done about it (违规线索与责令整改).
    #[command(subcommand, after_long_help = finding::GUIDE)]
    Finding(finding::Command),
    /// The rules that findings are made by, and what other rules would find (规则).
    #[command(subcommand)]
    Rules(rules::Command),
    /// Print the newest checkpoint: keep it, and `verify --since` it later.
    Checkpoint {
        /// Read it over plain HTTP from this address, as outsiders do, with the cosignatures of witnesses.
        #[arg(long)]
        url: Option<String>,
    },
}

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
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// Read nothing but tiles over plain HTTP from this address, as `publicdata up` prints it. Payloads are not checked then.
    #[arg(long)]
    pub url: Option<String>,
    /// An older checkpoint, a file: the log must continue it.
    #[arg(long, visible_alias = "checkpoint")]
    pub since: Option<PathBuf>,
    /// A witness's verifier key, `<name>+<id>+<key>`: it must have cosigned the checkpoint. May be repeated.
    #[arg(long = "witness", value_name = "VKEY")]
    pub witnesses: Vec<Witness>,
    /// How many events to have proven one by one.
    #[arg(long, default_value_t = 8, conflicts_with = "url")]
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
        Command::Verify(arguments) => verify(context, arguments).await,
        Command::Finding(command) => finding::run(context, command).await,
        Command::Rules(command) => rules::run(context, command).await,
        Command::Coverage => {
            let streams = log(&context.session()?)?.coverage().await.map_err(problem)?;
            let told: Vec<_> = streams.iter().map(coverage_line).collect();
            context.output.value(&to_json(&GetCoverageResponse { streams })?, told.join("\n"))
        }
        Command::Witnesses => {
            let witnesses = log(&context.session()?)?.witnesses().await.map_err(problem)?;
            let told = match witnesses.is_empty() {
                true => "the log has no witnesses".to_owned(),
                false => witnesses.iter().map(witness_line).collect::<Vec<_>>().join("\n"),
            };
            context.output.value(&to_json(&ListWitnessesResponse { witnesses })?, told)
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
        Command::Checkpoint { url } => {
            let note = match url {
                Some(url) => TileLog::new(&url)?.checkpoint().await?,
                None => log(&context.session()?)?.checkpoint().await.map_err(problem)?,
            };
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

async fn verify(context: &Context, arguments: Verify) -> anyhow::Result<()> {
    let verifier = verifier(context, arguments.key.as_ref())?;
    let old_checkpoint = match &arguments.since {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let options = Verification {
        old_checkpoint,
        witnesses: arguments.witnesses,
        samples: arguments.samples,
        ..Verification::default()
    };
    let is_sound = match &arguments.url {
        Some(url) => {
            let report = TileLog::new(url)?.verify(&verifier, &options).await?;
            context.output.value(&report, tile_summary(&report))?;
            report.is_sound()
        }
        None => {
            let log = log(&context.session()?)?;
            let report = log.verify(&verifier, &options).await.map_err(problem)?;
            context.output.value(&report, summary(&report))?;
            report.is_sound()
        }
    };
    anyhow::ensure!(is_sound, "the log is not sound");
    Ok(())
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
    lines.extend(trust_lines(report.continues, &report.cosigned_by));
    for stream in &report.streams {
        lines.push(format!(
            "coverage           {}: {} of {} events",
            stream.stream, stream.logged_sequence, stream.last_sequence
        ));
    }
    lines.extend(verdict(&report.findings));
    lines.join("\n")
}

/// What was read over HTTP, for people.
fn tile_summary(report: &TileReport) -> String {
    let mut lines = vec![
        format!("log                {}", report.origin),
        format!("entries            {} (payloads are not in the log's tiles)", report.entries),
        format!("root               {} of {} leaves, signed", report.root, report.size),
    ];
    lines.extend(trust_lines(report.continues, &report.cosigned_by));
    for (stream, count) in &report.streams {
        lines.push(format!("coverage           {stream}: {count} events, none left out"));
    }
    lines.extend(verdict(&report.findings));
    lines.join("\n")
}

fn trust_lines(continues: Option<u64>, cosigned_by: &[String]) -> Vec<String> {
    let continues = continues
        .map(|size| format!("consistency        continues the older checkpoint of {size} leaves"));
    let cosigned = cosigned_by.iter().map(|name| format!("cosigned           by {name}"));
    continues.into_iter().chain(cosigned).collect()
}

fn verdict(findings: &[Finding]) -> Vec<String> {
    match findings.is_empty() {
        true => vec!["the log is sound".to_owned()],
        false => findings.iter().map(|finding| format!("FINDING            {finding}")).collect(),
    }
}

fn coverage_line(line: &StreamCoverage) -> String {
    let StreamCoverage { stream, last_sequence, logged_sequence, .. } = line;
    let check = line.check.clone().unwrap_or_default();
    let mut lines = vec![format!(
        "{stream}: {logged_sequence} of {last_sequence} events logged; read again up to {}, {} rounds before",
        check.checked_sequence, check.rounds
    )];
    lines.extend(Some(&line.finding).filter(|finding| !finding.is_empty()).cloned());
    if check.changed_count > 0 {
        lines.push(format!("{} events are not as they were logged:", check.changed_count));
        lines.extend(check.findings);
    }
    lines.join("\n  ")
}

fn witness_line(status: &WitnessStatus) -> String {
    let WitnessStatus { name, key, url, size, problem, .. } = status;
    let signed = match size {
        0 => "has cosigned nothing yet".to_owned(),
        size => format!("cosigned the tree of {size} leaves"),
    };
    match problem.is_empty() {
        true => format!("{name} ({key}, {url}): {signed}"),
        false => format!("{name} ({key}, {url}): {signed}\n  {problem}"),
    }
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
