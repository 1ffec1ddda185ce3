//! The exchange bus as a process of its own.

use std::path::PathBuf;

use clap::Parser;
use publicdata_exchange_bus::{App, ProcessConfig};
use publicdata_service_kit::{DRAIN_DEADLINE, Tasks, config, shutdown_signal, telemetry};

/// The exchange bus: applications, grants, and the transfers that run under them.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; variables `PUBLICDATA_EXCHANGE_BUS_…` go before it.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config: ProcessConfig =
        config::load(arguments.config.as_deref(), "PUBLICDATA_EXCHANGE_BUS_")?;
    let telemetry = telemetry::init(&config.telemetry)?;
    let (signal, tasks) = (shutdown_signal()?, Tasks::new());

    let start = Box::pin(async {
        Ok::<_, anyhow::Error>(App::connect(config, tasks.clone()).await?.spawn()?)
    });
    let ended = tasks.clone().start_and_run(start, signal, DRAIN_DEADLINE).await;
    telemetry.finish().await;
    ended
}
