//! `publicdata audit evidence` and `publicdata audit verify FILE`: bundles of evidence (R46.2).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use publicdata_audit::client::{GatherError, Which};
use publicdata_audit::evidence::{self, Evidence, Statement, Texts, Trust, Verdict};
use publicdata_audit::replay::Told;
use publicdata_identity::TrustRoots;
use publicdata_proto::audit::v1::{Finding, GetFindingRequest, StreamPosition};
use publicdata_types::Digest;

use super::{Verify, log, problem, verifier};
use crate::commands::answer;
use crate::context::Context;
use crate::output::to_json;
use crate::session::Session;

/// How evidence is given away and checked.
pub(super) const GUIDE: &str = "\
The file holds the events as they were stored, proofs that they are in the log (C2SP tlog-proof), the log's checkpoint with the
cosignatures that it has, the certificates of whoever signed within the events, and a report to read (report.html).

  publicdata audit evidence --as auditor --about GRANT --to evidence.zip
  publicdata audit evidence --as auditor --finding FINDING --to evidence.zip
  publicdata audit verify evidence.zip --key log.vkey --roots ca.pem       anywhere, without the platform

Whoever verifies takes log.vkey (audit-log/log.vkey in the fleet's folder) and ca.pem from elsewhere than the file. That the events are in
the log is proven; that there are no others is not.";

/// Arguments of `evidence`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("chosen").required(true).args(["indexes", "sequences", "about", "finding"]))]
pub struct Gather {
    /// The file to write (zip).
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Events by their places in the log, from 0, with commas between.
    #[arg(long = "index", value_name = "INDEX", value_delimiter = ',', conflicts_with_all = ["sequences", "about"])]
    pub indexes: Vec<u64>,
    /// The stream of the events that `--sequence` names: CATALOG, EXCHANGE, OPENDATA or AUDIT.
    #[arg(long, requires = "sequences")]
    pub stream: Option<String>,
    /// Events by their places in the stream, with commas between.
    #[arg(
        long = "sequence",
        value_name = "SEQUENCE",
        value_delimiter = ',',
        requires = "stream",
        conflicts_with = "about"
    )]
    pub sequences: Vec<u64>,
    /// What concerns this: an organisation's code, a case number, the id of a resource, grant, transfer, ticket, dispute …: what names
    /// it, what happened further to that, and what it did.
    #[arg(long, value_name = "ID")]
    pub about: Option<String>,
    /// A finding (id): the events that show it, and all that happened to it since.
    #[arg(long, value_name = "ID")]
    pub finding: Option<String>,
    /// With --about: not before this moment, such as 2026-01-04T09:00:00+08:00.
    #[arg(long, requires = "about")]
    pub from: Option<jiff::Timestamp>,
    /// With --about: not after this moment.
    #[arg(long, requires = "about")]
    pub until: Option<jiff::Timestamp>,
    /// A title for the report.
    #[arg(long)]
    pub title: Option<String>,
    /// The log's public keys, a file, each on a line of its own; each must have signed. By default the Ed25519 key in the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

impl Gather {
    /// What was chosen, in words.
    fn selection(&self) -> String {
        let list = |numbers: &[u64]| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            numbers.join(", ")
        };
        let time = |word: &str, at: Option<jiff::Timestamp>| {
            at.map(|at| format!(", {word} {at}")).unwrap_or_default()
        };
        if let Some(finding) = &self.finding {
            return format!("finding {finding}");
        }
        match (&self.about, &self.stream) {
            (Some(thing), _) => {
                let (from, until) = (time("from", self.from), time("until", self.until));
                format!("what concerns {thing}{from}{until}")
            }
            (None, Some(stream)) => format!("of stream {stream}: {}", list(&self.sequences)),
            (None, None) => format!("of the log: {}", list(&self.indexes)),
        }
    }

    fn places(&self) -> Vec<Which> {
        let stream = self.stream.clone().unwrap_or_default();
        let positions = self.sequences.iter();
        let positions =
            positions.map(|&sequence| Which::Position { stream: stream.clone(), sequence });
        self.indexes.iter().map(|&index| Which::Index(index)).chain(positions).collect()
    }
}

/// Gathers evidence and writes it into a file.
///
/// # Errors
/// The service refused, an event is not there or not proven, or the file cannot be written.
pub(super) async fn gather(context: &Context, arguments: Gather) -> anyhow::Result<()> {
    let log_key = verifier(context, arguments.key.as_ref())?;
    let session = context.session()?;
    let log = log(&session)?;
    let selection = arguments.selection();
    let found = match &arguments.finding {
        Some(id) => Some(found(&session, id).await?),
        None => None,
    };
    let raised = found.as_ref().and_then(|found| found.raised.as_ref());
    let title = raised.map_or_else(|| selection.clone(), |raised| raised.title.clone());
    let title = arguments.title.clone().unwrap_or(title);
    let finding = found.as_ref().map(to_json).transpose()?;
    let places = found.as_ref().map_or_else(|| arguments.places(), shown_by);
    let statement = Statement { title, selection, finding };
    let gathered = match &arguments.about {
        Some(thing) => {
            let period = (arguments.from, arguments.until);
            log.evidence_about(&log_key, thing, period, statement).await
        }
        None => log.evidence_of(&log_key, &places, statement).await,
    };
    let gathered = gathered.map_err(|error| match error {
        GatherError::Call(status) => problem(status),
        GatherError::Checkpoint(_)
        | GatherError::Unproven { .. }
        | GatherError::Untold { .. }
        | GatherError::NotShown { .. }
        | GatherError::Evidence(_) => error.into(),
    })?;
    let bundle = write(&gathered, &arguments.to)?;
    let file = arguments.to.display();
    let (events, digest) = (gathered.items().len(), Digest::of(&bundle));
    let value = serde_json::json!({
        "file": arguments.to, "events": events, "bytes": bundle.len(), "digest": digest.to_string(),
    });
    let text = format!(
        "evidence of {events} events in {file}, {} bytes, {digest}\n\
         verify it anywhere: publicdata audit verify {file} --key log.vkey --roots ca.pem",
        bundle.len()
    );
    context.output.value(&value, text)
}

/// A finding that the caller may see.
async fn found(session: &Session, id: &str) -> anyhow::Result<Finding> {
    let request = GetFindingRequest { finding_id: id.to_owned() };
    let found = answer(session.findings()?.get_finding(request).await)?;
    Ok(found.finding.unwrap_or_default())
}

/// The events that show a finding, and its own.
fn shown_by(finding: &Finding) -> Vec<Which> {
    let evidence = finding.raised.iter().flat_map(|raised| &raised.evidence);
    let place = |position: &StreamPosition| Which::Position {
        stream: position.stream.clone(),
        sequence: position.sequence,
    };
    evidence.chain(&finding.events).map(place).collect()
}

/// Writes a bundle, whole or not at all.
pub(crate) fn write(evidence: &Evidence, path: &Path) -> anyhow::Result<Vec<u8>> {
    let bundle = evidence.write()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .and_then(|mut file| {
            file.write_all(&bundle)?;
            file.as_file().sync_all()?;
            Ok(file.persist(path)?)
        });
    written.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(bundle)
}

/// Verifies a bundle, offline.
///
/// # Errors
/// A file cannot be read, or the evidence does not hold.
pub(super) fn verify(context: &Context, file: &Path, arguments: Verify) -> anyhow::Result<()> {
    let roots = arguments.roots.as_deref().map(read_roots).transpose()?;
    let log = verifier(context, arguments.key.as_ref())?;
    let trust = Trust { log, witnesses: arguments.witnesses, roots };
    let texts = if arguments.report.is_some() { Texts::Retell } else { Texts::Compare };
    let verdict = evidence::verify(&read(file)?, &trust, texts)?;
    if let Some(path) = &arguments.report {
        // A report says that each event is proven.
        ensure!(
            verdict.holds(),
            "no report is written, since it does not hold:\n{}",
            in_words(&verdict)
        );
        std::fs::write(path, &verdict.report)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    context.output.value(&verdict, in_words(&verdict))?;
    ensure!(verdict.holds(), "the evidence does not hold");
    Ok(())
}

/// The events of a bundle that holds.
pub(super) fn proven_events(
    context: &Context,
    file: &Path,
    key: Option<&PathBuf>,
) -> anyhow::Result<Vec<Told>> {
    let log = verifier(context, key)?;
    let trust = Trust { log, witnesses: Vec::new(), roots: None };
    // Its own report is of no interest: its events are told by this program.
    let verdict = evidence::verify(&read(file)?, &trust, Texts::Retell)?;
    if !verdict.holds() {
        bail!("{} does not hold:\n{}", file.display(), in_words(&verdict));
    }
    Ok(verdict.events)
}

/// A verdict, for people.
#[must_use]
pub(crate) fn in_words(verdict: &Verdict) -> String {
    let mut lines = vec![
        format!("about              {} (stated, not proven)", plain(&verdict.statement.title)),
        format!("log                {}", plain(&verdict.origin)),
        format!("checkpoint         {} of {} leaves, signed", verdict.root, verdict.size),
    ];
    lines.extend(verdict.cosigned_by.iter().map(|name| format!("cosigned           by {name}")));
    for told in &verdict.events {
        let text: Vec<String> = told.to_string().lines().map(plain).collect();
        let text = text.join("\n                   ");
        lines.push(format!("proven             leaf {}: {text}", told.index));
    }
    for signed in &verdict.signatures {
        let (what, index, role, signer) = (signed.what, signed.index, signed.role, &signed.signer);
        let how = match signed.accepted {
            Some(true) => "signed",
            Some(false) => "REFUSED",
            None => "not checked",
        };
        lines.push(format!("{how:<18} {what} of leaf {index}, as {role}: {}", plain(signer)));
    }
    if verdict.signatures.iter().any(|signed| signed.accepted.is_none()) {
        lines.push(
            "not checked        signatures within events: name the root certificate with --roots"
                .to_owned(),
        );
    }
    let not_covered = verdict.not_covered.iter();
    lines.extend(not_covered.map(|path| {
        let path = plain(path);
        format!("not covered        {path}: written by another version of the program; read the report written anew")
    }));
    match verdict.holds() {
        true => lines.push("the evidence holds".to_owned()),
        false => {
            let faults = verdict.faults.iter().map(|fault| plain(&fault.to_string()));
            lines.extend(faults.map(|fault| format!("FAULT              {fault}")));
        }
    }
    lines.join("\n")
}

/// What somebody else wrote, as part of a line: it cannot begin another one, nor colour or turn it round.
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn read_roots(path: &Path) -> anyhow::Result<TrustRoots> {
    let pem = std::fs::read_to_string(path)
        .with_context(|| format!("the root certificate {} cannot be read", path.display()))?;
    TrustRoots::from_pem(&pem).with_context(|| format!("{} is no root certificate", path.display()))
}
