//! `publicdata audit`: replay, verification and proofs, from the log alone; and findings.

pub mod compare;
pub mod finding;
pub mod rules;
pub mod source;
pub mod state;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use publicdata_audit::client::{
    Finding, LogClient, Proof, Report, TileLog, TileReport, Verification, Watcher, Which,
};
use publicdata_audit_domain::{Verifier, Witness};
use publicdata_proto::audit::v1::{
    GetCoverageResponse, ListWitnessesResponse, StreamCoverage, WitnessStatus,
};
use publicdata_service_kit::Problem;

use crate::context::Context;
use crate::output::{print_line, read_json_file, to_json};
use crate::progress::Progress;
use crate::session::Session;

mod archive;
pub(crate) mod evidence;
mod replay;

/// The log's public key below a fleet's data folder.
pub const VERIFIER_KEY: &str = "audit-log/log.vkey";

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the story from events alone, in the order of the log (重放).
    Replay(replay::Replay),
    /// Check the whole log: every event, the signed checkpoint, proofs, coverage (验证). With --url, its tiles alone, over plain
    /// HTTP: that takes no certificate. With a FILE, that bundle of evidence, offline: that takes neither fleet nor network.
    Verify(Verify),
    /// Write events and their proofs into one file that anybody can verify offline (证据).
    #[command(after_long_help = evidence::GUIDE)]
    Evidence(evidence::Gather),
    /// Rebuild a service's state from events alone, as it was at a moment (时点还原). With --archive, offline: that takes no platform.
    State(state::State),
    /// Rebuild a service's views from events alone, and show row by row how the live ones differ (比对). With --archive, offline: that takes
    /// the database alone.
    Compare(compare::Compare),
    /// Sealed archives of the event streams, which keep what happened for good (归档).
    #[command(subcommand, after_long_help = archive::GUIDE)]
    Archive(archive::Command),
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
        /// The log's public keys, a file, each on a line of its own; each must have signed. By default the Ed25519 key in the fleet's folder.
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

/// Arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// A bundle of evidence, as `evidence` wrote it: then nothing is asked of anybody.
    #[arg(value_name = "FILE", conflicts_with_all = ["url", "since", "samples"])]
    pub file: Option<PathBuf>,
    /// The log's public keys, a file, each on a line of its own; each must have signed. By default the Ed25519 key in the fleet's folder.
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
    /// The platform's root certificate (PEM), by which the signatures within the events of a bundle are checked.
    #[arg(long, requires = "file")]
    pub roots: Option<PathBuf>,
    /// Write the report of a bundle anew, from its events, into this file (HTML).
    #[arg(long, value_name = "FILE", requires = "file")]
    pub report: Option<PathBuf>,
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
    /// The log's public keys, a file, each on a line of its own; each must have signed. By default the Ed25519 key in the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

/// Carries out a command.
///
/// # Errors
/// The service refused, or the log is not sound.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Replay(arguments) => replay::run(context, arguments).await,
        Command::Evidence(arguments) => evidence::gather(context, arguments).await,
        Command::Verify(arguments) => verify(context, arguments).await,
        Command::Finding(command) => finding::run(context, command).await,
        Command::Rules(command) => rules::run(context, command).await,
        Command::Archive(command) => archive::run(context, command).await,
        Command::State(arguments) => state::tell(context, arguments).await,
        Command::Compare(arguments) => compare::run(context, arguments).await,
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

async fn verify(context: &Context, arguments: Verify) -> anyhow::Result<()> {
    if let Some(file) = arguments.file.clone() {
        return evidence::verify(context, &file, arguments);
    }
    let verifier = verifier(context, arguments.key.as_ref())?;
    let old_checkpoint = match &arguments.since {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let progress = Progress::begin()?;
    let options = Verification {
        old_checkpoint,
        watcher: Watcher::new(move |read, all| progress.report("events", read, all)),
        witnesses: arguments.witnesses,
        samples: arguments.samples,
        ..Verification::default()
    };
    let is_sound = match &arguments.url {
        Some(url) => {
            let report = TileLog::new(url)?.verify(&verifier, &options).await?;
            drop(options);
            context.output.value(&report, tile_summary(&report))?;
            report.is_sound()
        }
        None => {
            let log = log(&context.session()?)?;
            let report = log.verify(&verifier, &options).await.map_err(problem)?;
            drop(options);
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
        root_line(&report.root, report.size, &report.signed_with),
        format!("inclusion proven   of {} events", report.proven.len()),
    ];
    lines.extend(trust_lines(report.continues, &report.cosigned_by));
    for stream in &report.streams {
        lines.push(format!(
            "coverage           {}: {} of {} events",
            stream.stream, stream.logged_sequence, stream.last_sequence
        ));
    }
    for stream in report.streams.iter().filter(|stream| !stream.risks.is_empty()) {
        let (stream, risks) = (&stream.stream, stream.risks.join("; "));
        lines.push(format!("AT RISK            {stream} could lose events: {risks}"));
    }
    lines.extend(verdict(&report.findings));
    lines.join("\n")
}

/// What was read over HTTP, for people.
fn tile_summary(report: &TileReport) -> String {
    let mut lines = vec![
        format!("log                {}", report.origin),
        format!("entries            {} (payloads are not in the log's tiles)", report.entries),
        root_line(&report.root, report.size, &report.signed_with),
    ];
    lines.extend(trust_lines(report.continues, &report.cosigned_by));
    for (stream, count) in &report.streams {
        lines.push(format!("coverage           {stream}: {count} events, none left out"));
    }
    lines.extend(verdict(&report.findings));
    lines.join("\n")
}

fn root_line(root: &str, size: u64, signed_with: &[&str]) -> String {
    match signed_with {
        [] => format!("root               {root} of {size} leaves"),
        _ => format!(
            "root               {root} of {size} leaves, signed with {}",
            signed_with.join(" and ")
        ),
    }
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
    if line.archived_sequence > 0 {
        lines.push(format!("archived up to {}", line.archived_sequence));
    }
    if !line.archive_problem.is_empty() {
        lines.push(format!("cannot be archived now: {}", line.archive_problem));
    }
    if !line.risks.is_empty() {
        lines.push(format!("COULD LOSE EVENTS: {}", line.risks.join("; ")));
    }
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
