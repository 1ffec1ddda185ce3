//! `psql`, which loads tables, and is what fetching is held against.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// How much of two files is compared at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Runs statements one after the other.
pub(super) async fn run(url: &str, statements: &[&str]) -> anyhow::Result<()> {
    let ended = psql(url, statements).output().await?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

/// Writes what a statement copies into a file.
pub(super) async fn copy(url: &str, statement: &str, target: &Path) -> anyhow::Result<()> {
    let status = psql(url, &[statement]).stdout(File::create(target)?).status().await?;
    ensure!(status.success(), "psql ended with {status}");
    Ok(())
}

/// Whether a file holds what a statement copies, byte for byte. Neither is held in memory.
pub(super) async fn compare(url: &str, statement: &str, file: &Path) -> anyhow::Result<()> {
    let mut copying = psql(url, &[statement]).stderr(Stdio::inherit()).spawn()?;
    let copied = copying.stdout.take().context("psql has an output")?;
    let mut copied = BufReader::with_capacity(BUFFER_BYTES, copied);
    let mut fetched = BufReader::with_capacity(BUFFER_BYTES, tokio::fs::File::open(file).await?);
    let mut at = 0;
    loop {
        let (expected, found) = (copied.fill_buf().await?, fetched.fill_buf().await?);
        let length = expected.len().min(found.len());
        let same = expected[..length] == found[..length]
            && (length > 0 || (expected.is_empty() && found.is_empty()));
        ensure!(same, "{} is not what stands in the database, after {at} bytes", file.display());
        if length == 0 {
            break;
        }
        at += length;
        copied.consume(length);
        fetched.consume(length);
    }
    let status = copying.wait().await?;
    ensure!(status.success(), "psql ended with {status}");
    Ok(())
}

/// The version of the server.
pub(super) async fn versions(url: &str) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let version = psql(url, &["SHOW server_version"]).output().await?;
    let version = String::from_utf8_lossy(&version.stdout);
    let version = version.split_whitespace().next().unwrap_or("unknown").to_owned();
    Ok(BTreeMap::from([("postgres", version)]))
}

fn psql(url: &str, statements: &[&str]) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1"]).arg(url);
    for statement in statements {
        command.arg("--command").arg(statement);
    }
    // Otherwise a large table is copied from where another reader of it was, and so in another order.
    command.env("PGOPTIONS", "-c synchronize_seqscans=off");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}
