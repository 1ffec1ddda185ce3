//! Opening data to the public, as a process of its own.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use publicdata_open_data::{App, ProcessConfig};
use publicdata_service_kit::{Tasks, config, shutdown_signal, telemetry};

const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

/// Opening data: proposals, secrecy reviews, publications, and the public's portal.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; variables `PUBLICDATA_OPEN_DATA_…` go before it.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config: ProcessConfig = config::load(arguments.config.as_deref(), "PUBLICDATA_OPEN_DATA_")?;
    let _telemetry = telemetry::init(&config.telemetry)?;
    let signal = shutdown_signal()?;
    let tasks = Tasks::new();
    let app = App::connect(config, tasks.clone()).await?;
    app.serve()?;
    Ok(tasks.run(signal, DRAIN_DEADLINE).await?)
}
