//! `publicdata audit archive`: sealed archives of the event streams (归档, R23.2).

use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, Subcommand};
use futures::TryStreamExt as _;
use publicdata_archive::{Fault, Place, seal};
use publicdata_audit::client::{LogClient, ProofError, Which};
use publicdata_audit_domain::Verifier;
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_proto::audit::v1::CreateArchivesRequest;
use publicdata_proto::audit::v1::archive_service_client::ArchiveServiceClient;
use publicdata_service_kit::problem::chain;
use serde::Serialize;
use tonic::Code;

use super::{log, problem, verifier};
use crate::context::Context;
use crate::fleet::services::STREAM_ARCHIVE_FOLDER;
use crate::output::print_line;
use crate::progress::Progress;
use crate::recovery::STREAMS;

mod source;

/// What an archive is, and how it is checked.
pub(super) const GUIDE: &str = "\
An archive is a Parquet file that holds events of one stream as they were stored, with what proves that they are in the log. Its seal, an
event of the stream AUDIT, names its digest. Archives are never deleted. Streams keep their events as well, until an operator has one drop
what was kept in it for five years.

  publicdata audit archive create --as auditor --before 2026-01-01T00:00:00+08:00
  publicdata audit archive verify --as auditor --from file:///copy/of/the/archives
  publicdata audit archive verify --as auditor --from s3://BUCKET/PREFIX
  publicdata audit replay --archive FILE|FOLDER --key log.vkey             offline, from files alone
  publicdata audit state --service catalog --archive FOLDER --key log.vkey

The audit service archives each month by itself once it has been over for a year (`audit.archive.after_days`), to a folder or a bucket
(`audit.archive.url`). Who keeps a bucket, and the key to it, are in the environment: AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY; AWS_ALLOW_HTTP=true for one without TLS.

What the stream EXCHANGE has kept for five years may leave it, once archives hold it. An authority decides so, and the archives are proven
again; an hour later, the event store's operator has the server drop it, with credentials that may change streams:

  publicdata audit archive release EXCHANGE
  publicdata audit archive drop EXCHANGE --as auditor --server tls://nats:4222 --credentials DIR

Catalogue and exchange bus must know where archives are (`stream_archives`): they read from there what the stream no longer has.";

/// What can be done with archives of streams.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the archives, as the log has their seals.
    List {
        /// Only this stream: CATALOG, EXCHANGE, OPENDATA, AUDIT or RECOVERY.
        #[arg(long, default_value = "")]
        stream: String,
    },
    /// Read every archive and check it: its digest by its seal, its seal and its events by the log's signed tree, and that none is missing
    /// between the first and the last. That there are no more seals than these, `audit verify` shows.
    Verify(Verify),
    /// Archive now what is logged and not archived yet, rather than when it is due. What was interrupted is done again the next time.
    Create {
        /// Only this stream.
        #[arg(long, default_value = "")]
        stream: String,
        /// Only events received before this moment, such as 2026-01-01T00:00:00+08:00, and what stands before them in their stream; all,
        /// unless it is set.
        #[arg(long)]
        before: Option<jiff::Timestamp>,
    },
    /// Let a stream drop what it has kept for five years and archives hold, which are read back and proven first. Drops nothing by itself.
    Release {
        /// The stream: EXCHANGE; the others are needed whole.
        stream: String,
    },
    /// Have the event store drop what was released an hour ago or before, but for its last 30 days. Every archive of it is verified first.
    /// What was interrupted is finished the next time.
    Drop(source::Drop),
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// Where the archives are, `file:///<folder>` or `s3://<bucket>/<prefix>`; by default the folder of the fleet.
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Only this stream.
    #[arg(long, default_value = "")]
    pub stream: String,
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

/// Archives that were looked at.
struct Verified {
    /// Each, with what is wrong with it.
    lines: Vec<Line>,
    /// Of how many something is wrong.
    wrong: usize,
    /// All there are.
    seals: Vec<Seal>,
    /// Where they are.
    place: Place,
    /// Why the others could not be looked at.
    failed: Option<anyhow::Error>,
}

/// An archive, and what is wrong with it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stream: String,
    first_sequence: u64,
    last_sequence: u64,
    earliest_recorded_at: String,
    latest_recorded_at: String,
    path: String,
    bytes: u64,
    digest: String,
    log_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Carries out a command.
///
/// # Errors
/// The service refused, or an archive is not what was sealed.
pub(super) async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { stream } => {
            check_stream(&stream)?;
            let seals = log(&context.session()?)?.archives(&stream).await.map_err(problem)?;
            let lines: Vec<Line> = seals.iter().map(|(_, seal)| Line::of(seal, None)).collect();
            tell(context, &lines)
        }
        Command::Verify(arguments) => verify(context, arguments).await,
        Command::Create { stream, before } => create(context, stream, before).await,
        Command::Release { stream } => source::release(context, stream).await,
        Command::Drop(arguments) => source::drop_released(context, arguments).await,
    }
}

async fn create(
    context: &Context,
    stream: String,
    before: Option<jiff::Timestamp>,
) -> anyhow::Result<()> {
    let before = before.map(publicdata_archive::leaf::to_proto);
    let request = CreateArchivesRequest { stream, before };
    let mut client = ArchiveServiceClient::new(context.session()?.audit_channel()?);
    let mut created = client.create_archives(request).await.map_err(problem)?.into_inner();
    let mut lines = Vec::new();
    while let Some(answer) = created.try_next().await.map_err(problem)? {
        let archive = answer.archive.unwrap_or_default();
        let line = Line::of(&seal::from_wire(archive)?, None);
        if !context.output.is_json() {
            print_line(line.text())?;
        }
        lines.push(line);
    }
    match (context.output.is_json(), lines.is_empty()) {
        (true, _) => context.output.value(&lines, ""),
        (false, true) => print_line("nothing to archive: all of it is archived, or not logged yet"),
        (false, false) => Ok(()),
    }
}

async fn verify(context: &Context, arguments: Verify) -> anyhow::Result<()> {
    let Verified { lines, wrong, seals, failed, .. } = verified(context, &arguments).await?;
    let all = seals.len();
    if failed.is_none() || !lines.is_empty() {
        tell(context, &lines)?;
    }
    if let Some(error) = failed {
        let checked = lines.len();
        let ended = format!(
            "{checked} of {all} archives were checked, {wrong} of which are not what was sealed"
        );
        return Err(error.context(ended));
    }
    ensure!(wrong == 0, "{wrong} of {all} archives are not what was sealed");
    Ok(())
}

/// Looks at the archives that there are, up to where that cannot be done.
async fn verified(context: &Context, arguments: &Verify) -> anyhow::Result<Verified> {
    let verifier = verifier(context, arguments.key.as_ref())?;
    let place = match &arguments.from {
        Some(url) => {
            let folder = url.parse::<url::Url>().ok().and_then(|url| url.to_file_path().ok());
            // To archive, a folder is made; to verify, it has to be there.
            let missing = folder.filter(|folder| !folder.is_dir());
            ensure!(missing.is_none(), "{url} is no folder: is it mounted?");
            Place::open(url)?
        }
        None => Place::folder(context.global.data.join(STREAM_ARCHIVE_FOLDER))?,
    };
    check_stream(&arguments.stream)?;
    let log = log(&context.session()?)?;
    let seals = log.archives(&arguments.stream).await.map_err(problem)?;
    let progress = Progress::begin()?;
    let (mut lines, mut wrong, mut failed) = (Vec::<Line>::new(), 0, None);
    for ((index, seal), done) in seals.iter().zip(0..) {
        progress.report("archives", done, seals.len() as u64);
        let found = match gap(&lines, seal) {
            Some(found) => Some(found),
            None => match check(&place, &verifier, &log, *index, seal).await {
                Ok(found) => found,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            },
        };
        wrong += usize::from(found.is_some());
        lines.push(Line::of(seal, found));
    }
    let seals = seals.into_iter().map(|(_, seal)| seal).collect();
    Ok(Verified { lines, wrong, seals, place, failed })
}

/// What is wrong with an archive, if anything is. Where the place or the log cannot be reached, nobody knows.
async fn check(
    place: &Place,
    verifier: &Verifier,
    log: &LogClient,
    index: u64,
    seal: &Seal,
) -> anyhow::Result<Option<String>> {
    match log.prove(verifier, Which::Index(index)).await {
        Ok(_) => {}
        Err(ProofError::Call(status)) => return Err(problem(status)),
        Err(doubt) => return Ok(Some(format!("its seal is not in the log: {}", chain(&doubt)))),
    }
    let (archive, proven) = match place.verify(seal, verifier).await {
        Ok(found) => found,
        Err(error) if matches!(error.fault, Fault::Place { .. }) => {
            return Err(
                anyhow::Error::new(error).context("the place of archives cannot be reached")
            );
        }
        Err(error) => return Ok(Some(chain(&error.fault))),
    };
    match log.continues(verifier, archive.checkpoint(), &proven).await {
        Ok(continued) => Ok(continued.err().map(|doubt| chain(&doubt))),
        // The log cannot prove it, for it has fewer events.
        Err(status) if status.code() == Code::InvalidArgument => Ok(Some(format!(
            "the log does not continue the tree of {} that it was held against: {}",
            proven.log.size,
            status.message()
        ))),
        Err(status) => Err(problem(status)),
    }
}

fn check_stream(stream: &str) -> anyhow::Result<()> {
    ensure!(
        stream.is_empty() || STREAMS.contains(&stream),
        "there is no stream {stream}; name one of {}",
        STREAMS.join(", ")
    );
    Ok(())
}

/// What lies between an archive and the one before it of its stream, which nothing may.
fn gap(before: &[Line], seal: &Seal) -> Option<String> {
    let last = before.iter().rfind(|line| line.stream == seal.stream);
    let next = last.map_or(1, |line| line.last_sequence + 1);
    let found = seal.first_sequence;
    (found != next).then(|| format!("event {next} should come next, and {found} does"))
}

fn tell(context: &Context, lines: &[Line]) -> anyhow::Result<()> {
    let text = match lines {
        [] => "no archives".to_owned(),
        lines => lines.iter().map(Line::text).collect::<Vec<_>>().join("\n"),
    };
    context.output.value(&lines, text)
}

impl Line {
    fn of(seal: &Seal, problem: Option<String>) -> Self {
        Self {
            stream: seal.stream.clone(),
            first_sequence: seal.first_sequence,
            last_sequence: seal.last_sequence,
            earliest_recorded_at: seal.earliest_recorded_at.to_string(),
            latest_recorded_at: seal.latest_recorded_at.to_string(),
            path: seal.path.clone(),
            bytes: seal.bytes,
            digest: seal.digest.to_string(),
            log_size: seal.log.size,
            problem,
        }
    }

    fn text(&self) -> String {
        let Self { stream, first_sequence, last_sequence, path, bytes, digest, .. } = self;
        let mut text = format!(
            "{stream} {first_sequence} to {last_sequence}, received {} to {}\n  {path}, {bytes} bytes, {digest}",
            self.earliest_recorded_at, self.latest_recorded_at
        );
        if let Some(problem) = &self.problem {
            text.push_str("\n  WRONG: ");
            text.push_str(problem);
        }
        text
    }
}
