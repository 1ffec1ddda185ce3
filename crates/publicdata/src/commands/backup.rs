//! `publicdata backup`: make a backup, add to it, check it.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use publicdata_recovery::backup::{self, Made};
use publicdata_recovery::{Backup, Identities, Place, Recipients};
use serde::Serialize;

use super::audit::verifier;
use crate::context::Context;
use crate::progress::Progress;
use crate::recovery::Live;

/// What is printed after the long help.
pub const GUIDE: &str = "\
A backup holds every event, in the order of the audit log; the log's checkpoint, which proves them; published files and archives of the
exchange log; and digests of the services' views. It holds no private key: keep the folders `ca`, `credentials` and `audit-log` of the
fleet, and the identity, somewhere else.

  publicdata backup key identity.txt                          once; keep the file off this machine
  publicdata backup create --to /mnt/backup --recipient age1…  as often as little may be lost; only what is new is written
  publicdata backup verify /mnt/backup --identity identity.txt
  publicdata drill --from /mnt/backup --identity identity.txt
  publicdata restore --from /mnt/backup --identity identity.txt --keys /mnt/keys --data restored";

/// What can be done with backups.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key: the identity goes into a file that restores need and backups do not; its recipient is printed.
    Key {
        /// The file of the identity; it must not exist.
        file: PathBuf,
    },
    /// Add what is new to a backup, or begin one; of a fleet that runs.
    Create(Create),
    /// Check a backup: without an identity that its files are whole; with it everything, up to the root that the log has signed.
    Verify(Verify),
}

/// Arguments of `create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The folder of the backup, such as a mount of storage in another place.
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
    /// Whom it is encrypted for, `age1…`, as `backup key` printed it; may be repeated: each can read it alone.
    #[arg(long = "recipient", value_name = "RECIPIENT", required = true)]
    pub recipients: Vec<String>,
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder of the backup.
    pub folder: PathBuf,
    /// The file of the identity.
    #[arg(long)]
    pub identity: Option<PathBuf>,
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// A checkpoint, a file: the backup must reach as far.
    #[arg(long)]
    pub since: Option<PathBuf>,
}

/// How far a backup reaches.
#[derive(Debug, Serialize)]
struct Verified {
    manifests: u64,
    events: u64,
    root: String,
    made_at: jiff::Timestamp,
    newest_recorded_at: Option<jiff::Timestamp>,
    sealed_bytes: u64,
    /// Whether events and files were read, or only found whole.
    read: bool,
}

/// Carries out a command.
///
/// # Errors
/// The backup cannot be made, or is not sound.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Key { file } => {
            let recipient = Identities::generate(&file)?;
            let text = format!(
                "{recipient}\nthe identity is in {}: keep it where the backup is not",
                file.display()
            );
            context.output.value(&serde_json::json!({ "recipient": recipient }), text)
        }
        Command::Create(arguments) => create(context, arguments).await,
        Command::Verify(arguments) => verify(context, arguments).await,
    }
}

async fn create(context: &Context, arguments: Create) -> anyhow::Result<()> {
    let recipients = Recipients::parse(&arguments.recipients)?;
    let verifier = verifier(context, arguments.key.as_ref())?;
    let live = Live::connect(&context.global.data).await?;
    let source = live.source(verifier).await?;
    let progress = Progress::begin()?;
    let report = |step: &'static str, done, total| progress.report(step, done, total);
    let made = backup::run(&source, &Place::new(arguments.to), &recipients, &report).await;
    drop(progress);
    let made = made?;
    context.output.value(&made, summary(&made))?;
    ensure!(
        made.damaged.is_empty(),
        "all else is backed up, but these files are damaged, and have to be brought in again: {}",
        made.damaged.join(", ")
    );
    Ok(())
}

fn summary(made: &Made) -> String {
    let Made { manifest, events, new_events, new_files, new_bytes, .. } = made;
    match new_events + new_files {
        0 => format!("nothing is new since manifest {manifest}: {events} events"),
        _ => format!(
            "manifest {manifest}: {events} events, {new_events} of them new; {new_files} new files; {new_bytes} bytes written"
        ),
    }
}

async fn verify(context: &Context, arguments: Verify) -> anyhow::Result<()> {
    let verifier = verifier(context, arguments.key.as_ref())?;
    let mut backup = Backup::open(&Place::new(arguments.folder), &verifier)?;
    if let Some(since) = &arguments.since {
        let kept =
            std::fs::read(since).with_context(|| format!("cannot read {}", since.display()))?;
        backup.reaches(&kept, &verifier)?;
    }
    let progress = Progress::begin()?;
    let report = |step: &'static str, done, total| progress.report(step, done, total);
    let checked = match &arguments.identity {
        Some(identity) => backup.verify(&Identities::read(identity)?, &report).await,
        None => backup.check_files(&report),
    };
    drop(progress);
    checked?;
    let newest = backup.newest();
    let verified = Verified {
        manifests: newest.number,
        events: newest.size,
        root: backup.signed().hash.to_string(),
        made_at: newest.made_at,
        newest_recorded_at: newest.newest_recorded_at,
        sealed_bytes: backup.sealed_bytes(),
        read: arguments.identity.is_some(),
    };
    let read = match verified.read {
        true => "every event and file was read, and the events make the root that was signed",
        false => "its files are whole; name --identity to have them read",
    };
    let text = format!(
        "{} events up to {}, in {} manifests\nroot {}\n{read}",
        verified.events, verified.made_at, verified.manifests, verified.root
    );
    context.output.value(&verified, text)
}
