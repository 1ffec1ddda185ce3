//! One process at a time uses a fleet's folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use publicdata_event_store::server::{NatsServer, ServerOptions};

use super::services::NATS_FOLDER;

const LOCK_FILE: &str = "fleet.lock";

/// Claims the folder for as long as the file is held, and ends what a killed predecessor left running in it.
///
/// The system lets go of the lock when a process ends, however it ends. So whoever holds it knows that a `nats-server` in the
/// folder is nobody's.
///
/// # Errors
/// Another process uses the folder, or what was left cannot be ended.
pub(crate) async fn claim(data: &Path, nats_server: Option<&Path>) -> anyhow::Result<File> {
    let path = data.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = std::fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "{} is in use by process {holder}: a fleet runs with it; stop that one with Ctrl-C or `kill {holder}`, \
                 or choose another folder with --data",
                data.display()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()))
        .with_context(|| format!("cannot write {}", path.display()))?;

    let left = ServerOptions {
        binary: nats_server.map(Path::to_owned),
        ..ServerOptions::new(data.join(NATS_FOLDER))
    };
    NatsServer::end_orphan(&left).await.context("what an earlier fleet left does not end")?;
    Ok(file)
}
