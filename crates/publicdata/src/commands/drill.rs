//! `publicdata drill`: whether the platform can be restored from its backup, what would be lost, and how long it would take.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use publicdata_audit::client::Verification;
use publicdata_audit_domain::Verifier;
use publicdata_recovery::drill::{Drilled, Loss};
use publicdata_recovery::{Backup, Identities, Place};
use publicdata_service_kit::{Clock, shutdown_signal};
use serde::Serialize;

use super::audit::verifier;
use crate::context::Context;
use crate::recovery::{Live, Plan, STREAMS};

/// Arguments of `drill`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of the backup.
    #[arg(long, value_name = "FOLDER")]
    pub from: PathBuf,
    /// The file of the identity.
    #[arg(long)]
    pub identity: PathBuf,
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// Where to restore to, in a folder that is made there and removed again; by default where the system keeps temporary files.
    #[arg(long, value_name = "FOLDER")]
    pub work: Option<PathBuf>,
    /// The nats-server to use; by default the one that `make setup` brought, or one on the PATH.
    #[arg(long, env = "PUBLICDATA_NATS_SERVER")]
    pub nats_server: Option<PathBuf>,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    /// Of the event that it was recorded as.
    drill_id: String,
    #[serde(flatten)]
    drilled: Drilled,
}

/// Restores the newest backup of the fleet that runs into an empty place, compares, measures, and records the drill as an event.
///
/// # Errors
/// The drill could not be held, or the restored platform is not the one that was backed up: that is recorded too.
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let verifier = verifier(context, arguments.key.as_ref())?;
    let live = Live::connect(&context.global.data).await?;
    let identities = Identities::read(&arguments.identity)?;
    let place = match &arguments.work {
        Some(work) => tempfile::tempdir_in(work),
        None => tempfile::tempdir(),
    };
    let place = place.context("cannot make a folder to restore to")?;

    let backup = Backup::open(&Place::new(&arguments.from), &verifier)?;
    let nats_server = arguments.nats_server;
    let plan = Plan { backup: &backup, verifier: &verifier, identities: &identities, nats_server };
    let signal = shutdown_signal()?;
    let drilled = tokio::select! {
        drilled = drill(&live, &plan, place.path()) => drilled?,
        () = signal => anyhow::bail!("interrupted; nothing was recorded"),
    };
    let id = live.recorder()?.drilled(&backup, &drilled).await?;
    let report = Report { drill_id: id.to_string(), drilled };
    context.output.value(&report, summary(&report))?;
    ensure!(
        report.drilled.is_equal(),
        "the drill is on record as failed: {}",
        report.drilled.findings.join("; ")
    );
    Ok(())
}

async fn drill(live: &Live, plan: &Plan<'_>, place: &std::path::Path) -> anyhow::Result<Drilled> {
    let began_at = Clock::system().now();
    let streams = STREAMS.map(ToOwned::to_owned);
    let loss = Loss::now(&live.store, &streams, plan.backup).await?;
    let began = Instant::now();
    let restored = match Box::pin(plan.restore_into(place)).await {
        Ok(restored) => restored,
        // That a backup cannot be restored is what drills are for.
        Err(error) => {
            let rto_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (events, root, views) = (0, String::new(), Vec::new());
            let findings = vec![format!("{error:#}")];
            return Ok(Drilled { began_at, loss, rto_ms, events, root, views, findings });
        }
    };
    let rto_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut findings = restored.findings.clone();
    findings.extend(continued(live, plan.verifier, plan.backup).await?);
    let drilled = Drilled {
        began_at,
        loss,
        rto_ms,
        events: restored.checkpoint.size,
        root: restored.checkpoint.hash.to_string(),
        views: restored.views.clone(),
        findings,
    };
    restored.stop().await;
    Ok(drilled)
}

/// Whether the platform's log still continues the one that was backed up; what is wrong, if it does not.
async fn continued(
    live: &Live,
    verifier: &Verifier,
    backup: &Backup,
) -> anyhow::Result<Vec<String>> {
    let old_checkpoint = Some(backup.newest().checkpoint.clone().into_bytes());
    let options = Verification { old_checkpoint, ..Verification::default() };
    let report = live.log.verify(verifier, &options).await?;
    Ok(report.findings.iter().map(|finding| format!("the platform's own log: {finding}")).collect())
}

fn summary(report: &Report) -> String {
    let Drilled { loss, rto_ms, events, root, views, findings, .. } = &report.drilled;
    let mut lines = vec![
        format!("restored           {events} events, root {root}"),
        format!(
            "would be lost      {} events of the last {} ms (RPO)",
            loss.events_missing, loss.rpo_ms
        ),
        format!("took               {rto_ms} ms, restored and verified (RTO)"),
        format!(
            "views              {} of {} are what they were",
            views.iter().filter(|view| view.equal).count(),
            views.len()
        ),
        format!("on record          as drill {}", report.drill_id),
    ];
    lines.extend(findings.iter().map(|finding| format!("FINDING            {finding}")));
    lines.join("\n")
}
