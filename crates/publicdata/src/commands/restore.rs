//! `publicdata restore`: a platform from its backup, in a new folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use publicdata_audit_domain::Verifier;
use publicdata_identity::CertificateAuthority;
use publicdata_recovery::{Backup, Identities, Place};
use publicdata_service_kit::{Clock, shutdown_signal};
use serde::Serialize;

use super::audit::VERIFIER_KEY;
use super::init::AUTHORITY_FOLDER;
use crate::context::Context;
use crate::fleet::claim;
use crate::recovery::{KEY_FOLDERS, Plan};

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of the backup.
    #[arg(long, value_name = "FOLDER")]
    pub from: PathBuf,
    /// The file of the identity.
    #[arg(long)]
    pub identity: PathBuf,
    /// A folder with the fleet's folders `ca`, `credentials` and `audit-log`: keys are in no backup.
    #[arg(long, value_name = "FOLDER")]
    pub keys: PathBuf,
    /// The newest checkpoint that anybody has kept, a file: a backup that ends before it is refused.
    #[arg(long)]
    pub since: Option<PathBuf>,
    /// Restore although views are not what the backup says they were: they are built from events, which the log proves; another version of
    /// the program may build other ones.
    #[arg(long)]
    pub accept_views: bool,
    /// The nats-server to use; by default the one that `make setup` brought, or one on the PATH.
    #[arg(long, env = "PUBLICDATA_NATS_SERVER")]
    pub nats_server: Option<PathBuf>,
}

/// What was restored.
#[derive(Debug, Serialize)]
struct Report {
    data: PathBuf,
    restoration_id: String,
    events: u64,
    root: String,
    made_at: jiff::Timestamp,
    views: usize,
}

/// Restores into the folder that `--data` names, which must be new. It appears when everything in it was read back and found right.
///
/// # Errors
/// The folder is not new, or the backup is not what was written.
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let data = std::path::absolute(&context.global.data)?;
    let verifier = verifier(&arguments.keys)?;
    let mut backup = Backup::open(&Place::new(&arguments.from), &verifier)?;
    if let Some(since) = &arguments.since {
        let kept =
            std::fs::read(since).with_context(|| format!("cannot read {}", since.display()))?;
        backup.reaches(&kept, &verifier)?;
    }
    ensure_new(&data)?;
    let identities = Identities::read(&arguments.identity)?;
    let staging = staging(&data)?;
    std::fs::create_dir_all(&staging)
        .with_context(|| format!("cannot make {}", staging.display()))?;
    let lock = claim(&staging, arguments.nats_server.as_deref()).await?;
    clear(&staging)?;

    let nats_server = arguments.nats_server.clone();
    let plan = Plan { backup: &backup, verifier: &verifier, identities: &identities, nats_server };
    let signal = shutdown_signal()?;
    let restored = tokio::select! {
        restored = restore(&plan, &arguments, &staging) => restored,
        () = signal => Err(anyhow::anyhow!("interrupted; nothing was restored")),
    };
    let mut report = match restored {
        Ok(report) => report,
        Err(error) => {
            // What it has written is of no use; what cannot be removed now is removed by the next run.
            let _ = clear(&staging);
            return Err(error);
        }
    };
    drop(lock);
    if data.exists() {
        std::fs::remove_dir(&data).with_context(|| format!("cannot replace {}", data.display()))?;
    }
    std::fs::rename(&staging, &data)
        .with_context(|| format!("cannot rename {} to {}", staging.display(), data.display()))?;
    report.data.clone_from(&data);
    context.output.value(&report, summary(&report))
}

async fn restore(plan: &Plan<'_>, arguments: &Arguments, staging: &Path) -> anyhow::Result<Report> {
    let began_at = Clock::system().now();
    for name in KEY_FOLDERS {
        copy(&arguments.keys.join(name), &staging.join(name))?;
    }
    let authority = CertificateAuthority::open(&staging.join(AUTHORITY_FOLDER))?;
    let restored = Box::pin(plan.restore_into(staging)).await?;
    let is_log_whole = restored.checkpoint == plan.backup.signed();
    let is_accepted = restored.findings.is_empty() || (arguments.accept_views && is_log_whole);
    if !is_accepted {
        let findings = restored.findings.join("; ");
        match is_log_whole {
            true => bail!("{findings}; the events are whole: --accept-views restores all the same"),
            false => bail!("what was restored is not what was backed up: {findings}"),
        }
    }
    let id = restored.mark(plan.backup, authority.domain(), began_at).await?;
    let report = Report {
        data: PathBuf::new(),
        restoration_id: id.to_string(),
        events: restored.checkpoint.size,
        root: restored.checkpoint.hash.to_string(),
        made_at: plan.backup.newest().made_at,
        views: restored.views.len(),
    };
    restored.stop().await;
    Ok(report)
}

fn summary(report: &Report) -> String {
    let Report { data, events, root, made_at, views, .. } = report;
    let data = data.display();
    format!(
        "restored {events} events up to {made_at} into {data}, and read back\n\
         root {root}, as signed; {views} views as they were\n\
         the first event of the restored platform says that it was restored: whoever has kept a newer checkpoint will find that it ends here\n\
         next: publicdata up --data {data}"
    )
}

/// The log's public key, which the whole backup is checked with.
fn verifier(keys: &Path) -> anyhow::Result<Verifier> {
    for name in KEY_FOLDERS {
        ensure!(
            keys.join(name).is_dir(),
            "{} lacks the folder {name}: bring the folders {} of the fleet there",
            keys.display(),
            KEY_FOLDERS.join(", ")
        );
    }
    let path = keys.join(VERIFIER_KEY);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the log's public key {}", path.display()))?;
    text.trim().parse().with_context(|| format!("{} is no public key of a log", path.display()))
}

fn ensure_new(data: &Path) -> anyhow::Result<()> {
    let is_new = match std::fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", data.display()));
        }
    };
    ensure!(
        is_new,
        "{} is not empty: a restore never writes over a platform; name a new folder with --data",
        data.display()
    );
    Ok(())
}

/// Beside the folder, so that it can be renamed.
fn staging(data: &Path) -> anyhow::Result<PathBuf> {
    let name = data.file_name().with_context(|| format!("{} has no name", data.display()))?;
    Ok(data.with_file_name(format!("{}.restoring", name.to_string_lossy())))
}

/// Removes everything but the lock. What is gone meanwhile is no error.
fn clear(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false if path.extension().is_some_and(|extension| extension == "lock") => Ok(()),
            false => std::fs::remove_file(&path),
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Copies a folder of files, with their permissions.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries =
        std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        let target = to.join(name);
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
