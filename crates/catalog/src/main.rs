//! The catalogue as a process of its own.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use publicdata_catalog::{App, ProcessConfig};
use publicdata_service_kit::{Tasks, config, shutdown_signal, telemetry};

const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

/// The catalogue: organisations, certificates and catalogue entries.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; variables `PUBLICDATA_CATALOG_…` go before it.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config: ProcessConfig = config::load(arguments.config.as_deref(), "PUBLICDATA_CATALOG_")?;
    let _telemetry = telemetry::init(&config.telemetry)?;
    let signal = shutdown_signal()?;
    let tasks = Tasks::new();
    App::connect(config, tasks.clone()).await?.serve()?;
    Ok(tasks.run(signal, DRAIN_DEADLINE).await?)
}
