//! A server that outlived the process that started it: it still works on the streams, and a second one would damage them.

use std::fs;
use std::path::Path;

use tokio::time::{Instant, sleep};

use super::{POLL, STOP_TIMEOUT, ServerError, ServerOptions, ask_to_end, binary, config};

/// Refuses a folder whose streams a server works on.
pub(super) fn refuse(data_dir: &Path) -> Result<(), ServerError> {
    match running(data_dir) {
        Some(process) => Err(ServerError::InUse { data_dir: data_dir.to_owned(), process }),
        None => Ok(()),
    }
}

/// Lets the server that works on these streams end in its own time, up to a limit.
pub(super) async fn end(options: &ServerOptions) -> Result<(), ServerError> {
    let Some(process) = running(&options.data_dir) else { return Ok(()) };
    let binary = binary::find(options.binary.as_deref()).await?;
    tracing::warn!(process, "ending a nats-server that outlived the process that started it");
    ask_to_end(&binary, process)
        .await
        .map_err(|error| ServerError::Run { path: binary, source: error.into() })?;

    let deadline = Instant::now() + STOP_TIMEOUT;
    while running(&options.data_dir).is_some() && Instant::now() < deadline {
        sleep(POLL).await;
    }
    refuse(&options.data_dir)
}

/// The process id of a server that runs with this folder's configuration.
fn running(data_dir: &Path) -> Option<u32> {
    let text = fs::read_to_string(config::pid_path(data_dir)).ok()?;
    let process = text.trim().parse::<u32>().ok()?;
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let config_path = config::path(data_dir);
    let runs_here = command
        .split(|byte| *byte == 0)
        .any(|argument| argument == config_path.as_os_str().as_encoded_bytes());
    runs_here.then_some(process)
}
