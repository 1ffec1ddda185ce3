//! `make bench`: what the platform does a second, held against what the parts below it do on the same machine at the same time.

pub mod figure;
pub mod machine;
pub mod memory;
pub mod report;
pub mod statistics;

mod authority;
mod entry;
mod interleave;
mod server;

mod append;
mod commands;
mod hot;
mod replay;

mod audit;
mod catalogue;
mod city;
mod exchange;
mod fetch;
mod psql;
mod role;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use publicdata_service_kit::shutdown_signal;
use publicdata_service_kit::telemetry::{self, TelemetryConfig};

use figure::{Figure, Measured};
use machine::Machine;
use report::Report;
use role::Role;

const RUNS: u32 = 5;
const RUNS_QUICK: u32 = 2;
/// By convention 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// Measures the platform, each figure beside a limit measured in the same run; prints a table and writes target/bench.jsonl.
#[derive(Clone, Debug, Parser)]
#[command(name = "publicdata-bench", version)]
pub struct Options {
    /// Only figures whose names begin so; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// How often each figure and its limit are measured, in turns; the medians are reported. [default: 5, with --quick 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: Option<u32>,
    /// Fewer and smaller runs: shows that everything works, and measures nothing worth quoting.
    #[arg(long)]
    pub quick: bool,
    /// The rows that are fetched: villages.csv of npm's china-division.
    #[arg(long, value_name = "CSV", default_value = VILLAGES)]
    pub villages: PathBuf,
    /// What appends are held against: the folder `database` of npm's @eventide/message-db.
    #[arg(long, value_name = "FOLDER", default_value = MESSAGE_DB)]
    pub message_db: PathBuf,
    /// What is printed.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Where a line for each figure is written. [default: target/bench.jsonl]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// What the bench's own process logs, as of `RUST_LOG`.
    #[arg(long, value_name = "FILTER", default_value = "error")]
    pub log: String,
    /// Set in the processes that the bench starts.
    #[command(subcommand)]
    pub role: Option<Role>,
}

const VILLAGES: &str = ".tools/china-division/dist/villages.csv";
const MESSAGE_DB: &str = ".tools/message-db/database";

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table.
    #[default]
    Text,
    /// The lines of target/bench.jsonl.
    Json,
}

/// A figure that can be measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The figure's name.
    pub name: &'static str,
    /// What the figure counts.
    pub unit: &'static str,
    /// What it is held against.
    pub limit_name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Commands { writers: u32 },
    Hot { processes: u32 },
    Append { writers: u32, rival: append::Rival },
    Replay,
    Fetch,
    Exchange { work: exchange::Work },
    Catalogue { work: catalogue::Work, entries: usize },
    Audit { work: audit::Work, events: u64 },
}

/// Every figure, in the order in which they are measured.
pub const PLANS: [Plan; 41] = {
    let [fetch_large, small, proof, nodes @ .., t1, t4, t16, t64, push, revoke] = exchange::PLANS;
    let [n1, n10, n100, n500] = nodes;
    let [a1, a16, a64, b64, m1, m16, m64, p1, p16, p64] = append::PLANS;
    let [rebuild, search, import, rebuild_large, search_large, import_large] = catalogue::PLANS;
    let [log, log_bytes, as_of, log_proof, verify, as_of_large] = audit::PLANS;
    [
        commands(1, "commands_1"),
        commands(16, "commands_16"),
        commands(64, "commands_64"),
        HOT,
        a1,
        a16,
        a64,
        b64,
        m1,
        m16,
        m64,
        p1,
        p16,
        p64,
        REPLAY,
        FETCH,
        fetch_large,
        small,
        proof,
        n1,
        n10,
        n100,
        n500,
        t1,
        t4,
        t16,
        t64,
        push,
        revoke,
        rebuild,
        search,
        import,
        rebuild_large,
        search_large,
        import_large,
        log,
        log_bytes,
        as_of,
        log_proof,
        verify,
        as_of_large,
    ]
};

const fn commands(writers: u32, name: &'static str) -> Plan {
    let limit_name = "JetStream publishes, as many in flight";
    Plan { name, unit: "commands/s", limit_name, kind: Kind::Commands { writers } }
}

const HOT: Plan = Plan {
    name: "commands_hot",
    unit: "commands/s",
    limit_name: "JetStream publishes, one after the other",
    kind: Kind::Hot { processes: 4 },
};

const REPLAY: Plan = Plan {
    name: "replay",
    unit: "events/s",
    limit_name: "ordered consumer of async-nats",
    kind: Kind::Replay,
};

const FETCH: Plan = Plan {
    name: "fetch",
    unit: "rows/s",
    limit_name: "psql COPY TO STDOUT into a file",
    kind: Kind::Fetch,
};

/// What figures share that are measured one after the other.
#[derive(Default)]
struct Shelves {
    exchange: exchange::Shelf,
    catalogue: catalogue::Shelf,
    audit: audit::Shelf,
}

/// What all figures are measured with.
#[derive(Clone, Debug)]
struct Setting {
    runs: u32,
    quick: bool,
    /// Where servers keep what they sync: below target, which lies on a disk, as /tmp may not.
    folder: PathBuf,
    villages: PathBuf,
    message_db: PathBuf,
}

/// Measures what is asked for and reports it; a signal ends it and everything that it started.
pub async fn main(options: Options) -> ExitCode {
    if let Some(role) = &options.role {
        return match Box::pin(role::play(role)).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        };
    }
    let signal = match shutdown_signal() {
        Ok(signal) => signal,
        Err(error) => return failed(&error.into()),
    };
    let log = TelemetryConfig { log: options.log.clone(), ..TelemetryConfig::default() };
    let _telemetry = match telemetry::init(&log) {
        Ok(telemetry) => telemetry,
        Err(error) => return failed(&error.into()),
    };
    let ended = tokio::select! {
        ended = Box::pin(run(&options)) => ended,
        () = signal => {
            say("interrupted");
            return ExitCode::from(INTERRUPTED);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    say(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let plans = chosen(&options.only)?;
    let runs = options.runs.unwrap_or(if options.quick { RUNS_QUICK } else { RUNS });
    let folder = report::folder()?;
    let villages = std::path::absolute(&options.villages)?;
    let message_db = std::path::absolute(&options.message_db)?;
    let setting = Setting { runs, quick: options.quick, folder, villages, message_db };
    if cfg!(debug_assertions) {
        say("this is a debug build, which measures little: use `make bench`");
    }

    let mut shelves = Shelves::default();
    let mut report = Report { machine: Machine::here()?, figures: Vec::new() };
    for plan in plans {
        say(format_args!("{}: {} against {}", plan.name, plan.unit, plan.limit_name));
        let measured = measure(plan, &setting, &mut shelves)
            .await
            .with_context(|| format!("{} could not be measured", plan.name))?;
        report.machine.versions.extend(measured.versions.clone());
        report.figures.push(Figure::new(plan, options.quick, measured));
    }

    let path = report.write(options.to.clone())?;
    match options.output {
        Output::Text => print(&report.table())?,
        Output::Json => print(&report.lines()?)?,
    }
    say(format_args!("written to {}", path.display()));
    Ok(())
}

async fn measure(
    plan: &Plan,
    setting: &Setting,
    shelves: &mut Shelves,
) -> anyhow::Result<Measured> {
    match plan.kind {
        Kind::Exchange { work } => shelves.exchange.measure(setting, work).await,
        Kind::Catalogue { work, entries } => {
            // Its processes would take part of the machine.
            shelves.exchange = exchange::Shelf::default();
            shelves.catalogue.measure(setting, work, entries).await
        }
        Kind::Audit { work, events } => {
            shelves.exchange = exchange::Shelf::default();
            shelves.catalogue = catalogue::Shelf::default();
            shelves.audit.measure(setting, work, events).await
        }
        Kind::Commands { writers } => commands::measure(setting, writers).await,
        Kind::Append { writers, rival } => append::measure(setting, writers, rival).await,
        Kind::Hot { processes } => hot::measure(setting, processes).await,
        Kind::Replay => replay::measure(setting).await,
        Kind::Fetch => fetch::measure(setting).await,
    }
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Plan>> {
    for name in only {
        if !PLANS.iter().any(|plan| plan.name.starts_with(name)) {
            let names = PLANS.map(|plan| plan.name).join(", ");
            bail!("no figure is called {name}; there are {names}");
        }
    }
    let wanted =
        |plan: &&Plan| only.is_empty() || only.iter().any(|name| plan.name.starts_with(name));
    Ok(PLANS.iter().filter(wanted).collect())
}

/// Progress, which goes to stderr. If nobody reads it, the figures are measured all the same.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests;
