//! The command line of `publicdata-xtask`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use publicdata_xtask::{golden, tidy, wire};

/// Chores of the workspace.
#[derive(Parser)]
struct Arguments {
    /// The workspace.
    #[arg(long, global = true, default_value_os_t = workspace())]
    root: PathBuf,

    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Say where the tree departs from what was agreed.
    Tidy,
    /// Record what was added to the events' wire format.
    ProtoBaseline,
    /// Record the digests of new golden files.
    Golden,
}

fn main() -> Result<ExitCode> {
    let Arguments { root, chore } = Arguments::parse();
    let (findings, said) = match chore {
        Chore::Tidy => {
            let report = tidy(&root)?;
            (report.findings, report.notes)
        }
        Chore::ProtoBaseline => {
            let recorded = wire::record(&root)?;
            (
                recorded.findings,
                vec![format!("{} lines added to {}", recorded.added, wire::BASELINE)],
            )
        }
        Chore::Golden => {
            let recorded = golden::record(&root)?;
            (recorded.findings, vec![format!("{} golden files recorded", recorded.added)])
        }
    };

    let mut out = io::stdout().lock();
    for line in said {
        writeln!(out, "{line}")?;
    }
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if findings.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} findings", findings.len())?;
    Ok(ExitCode::FAILURE)
}

fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
