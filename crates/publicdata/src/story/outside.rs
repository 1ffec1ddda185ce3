//! A verifier that we did not write: aics-tlog, in Python, if `deploy/setup auditors` has brought it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// Reads a bundle of evidence, and leaves all judgement to aics-tlog.
const PROGRAM: &str = include_str!("../../../../tests/python/check_evidence.py");
const WHEELS: &str = ".tools/auditors";
const TIMEOUT: Duration = Duration::from_secs(60);

/// Where the wheels are: below the folder that we run in or of the one that we were built in, or above. None, if they are nowhere.
pub(super) fn installed() -> Option<PathBuf> {
    let starts = [env::current_dir(), env::current_exe()];
    let folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    folders.map(|folder| folder.join(WHEELS)).find(|wheels| wheels.join("aics_tlog").is_dir())
}

/// Has a bundle checked; what was said of it.
pub(super) async fn check(wheels: &Path, bundle: &Path, log_key: &str) -> anyhow::Result<String> {
    let mut python = Command::new("python3");
    python
        .arg("-c")
        .arg(PROGRAM)
        .arg(bundle)
        .arg(log_key)
        .env("PYTHONPATH", wheels)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, python.output())
        .await
        .context("the outside verifier did not end in time")?
        .context("python3 cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the outside verifier refuses the evidence: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
