//! Finding a nats-server that will do.

use std::env;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::ServerError;
use crate::jetstream::{SERVER_VERSION_MIN_TEXT, is_recent};

const NAME: &str = "nats-server";

/// The explicit program and no other; else the one that `make setup` has put into `.tools/bin`, of the folder that we run in or
/// of the one that we were built in, or above; else the one on the PATH.
pub(super) async fn find(explicit: Option<&Path>) -> Result<PathBuf, ServerError> {
    let candidates = match explicit {
        Some(path) => vec![path.to_owned()],
        None => installed().into_iter().chain([PathBuf::from(NAME)]).collect(),
    };
    for candidate in &candidates {
        if let Some(version) = version(candidate).await {
            if is_recent(&version) {
                return Ok(candidate.clone());
            }
            let (path, minimum) = (candidate.clone(), SERVER_VERSION_MIN_TEXT);
            return Err(ServerError::TooOld { path, version, minimum });
        }
    }
    let tried = candidates.iter().map(|path| path.display().to_string()).collect();
    Err(ServerError::NotFound { tried })
}

fn installed() -> Option<PathBuf> {
    let starts = [env::current_dir(), env::current_exe()];
    let folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    folders.map(|folder| folder.join(".tools/bin").join(NAME)).find(|path| path.exists())
}

/// What the program calls its version, `None` if it cannot be run.
async fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").kill_on_drop(true).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    // `nats-server: v2.15.1`; Debian leaves the `v` out.
    let word = text.split_whitespace().last().unwrap_or_default();
    Some(word.trim_start_matches('v').to_owned())
}
