//! `publicdata up`: a fleet that stays; and single nodes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use publicdata_identity::Credentials;
use publicdata_node_agent as node_agent;
use publicdata_service_kit::{Clock, Tasks, shutdown_signal};
use publicdata_types::RegionCode;

use crate::commands::init;
use crate::context::Context;
use crate::fleet::{Fleet, Options, Ports};
use crate::output::print_line;
use crate::sample;

const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// The services listen from here on, so that addresses stay the same from start to start.
const FIRST_PORT: u16 = 7100;

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Pretend that it is now this moment, such as 2026-01-04T09:00:00+08:00; time then goes on from there.
    #[arg(long)]
    pub clock: Option<Timestamp>,
    /// The nats-server to use; by default the one that `make setup` brought, or one on the PATH.
    #[arg(long, env = "PUBLICDATA_NATS_SERVER")]
    pub nats_server: Option<PathBuf>,
    /// The first of the ports to listen at, on loopback; 0 takes free ones.
    #[arg(long, default_value_t = FIRST_PORT)]
    pub port: u16,
    /// Start without the sample city: an authority, two departments with a node each, and an auditor.
    #[arg(long)]
    pub empty: bool,
    /// Sign the audit log with SM2 and SM3 (国密) too, beside Ed25519; from then on, always.
    #[arg(long)]
    pub sm2: bool,
    /// A district whose tier has a bus of its own (市县分级交换), such as 510104; may be repeated. This fleet lets it in, and makes its
    /// credentials; the README of exchange-bus says how to run it.
    #[arg(long = "district")]
    pub districts: Vec<RegionCode>,
}

/// Carries out the command: starts, says where everything listens, and stops on Ctrl-C.
///
/// # Errors
/// The fleet does not start, or a part of it fails later.
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let clock = match arguments.clock {
        Some(start) => Clock::starting_at(start),
        None => Clock::system(),
    };
    let init = init::Arguments { districts: arguments.districts, ..sample::init_arguments()? };
    let options = Options {
        nats_server: arguments.nats_server,
        ports: match arguments.port {
            0 => Ports::Free,
            first => Ports::From(first),
        },
        sm2: arguments.sm2,
        ..Options::new(&context.global.data, clock, init)
    };
    let signal = shutdown_signal()?;
    let mut fleet = Fleet::start(options).await?;
    if !arguments.empty {
        fleet.settle_sample_city().await?;
    }
    for line in fleet.listening() {
        print_line(line)?;
    }
    print_line("ready; Ctrl-C stops everything")?;

    let ended = tokio::select! {
        () = signal => Ok(()),
        failure = fleet.failed() => Err(failure),
    };
    print_line("stopping")?;
    fleet.stop().await?;
    ended
}

/// Runs one node until Ctrl-C.
///
/// # Errors
/// The configuration does not hold, or the node fails.
pub async fn run_node(config: &Path) -> anyhow::Result<()> {
    let config = node_agent::Config::load(Some(config))
        .with_context(|| format!("{} cannot be used", config.display()))?;
    let credentials = Credentials::load(&config.credentials)?;
    let (signal, tasks) = (shutdown_signal()?, Tasks::new());
    let node = node_agent::App::build(&config, &credentials, &Clock::system(), &tasks)?;
    print_line(format_args!(
        "{} serves its department at {}",
        credentials.id(),
        node.local_addr()
    ))?;
    print_line(format_args!("it dials the bus at {}; Ctrl-C stops it", config.bus.address))?;
    node.spawn()?;
    Ok(tasks.run(signal, DRAIN_DEADLINE).await?)
}
