//! A data service node as a process of its own.

use std::path::PathBuf;

use clap::Parser;
use publicdata_identity::Credentials;
use publicdata_node_agent::{App, Config};
use publicdata_service_kit::{Clock, DRAIN_DEADLINE, Tasks, shutdown_signal, telemetry};

/// A department's node: serves the department's data under its grants, and fetches others' for its systems.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; variables `PUBLICDATA_NODE_…` go before it.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(Arguments::parse().config.as_deref())?;
    let telemetry = telemetry::init(&config.telemetry)?;
    let (signal, tasks) = (shutdown_signal()?, Tasks::new());

    let credentials = Credentials::load(&config.credentials)?;
    App::build(&config, &credentials, &Clock::system(), &tasks)?.spawn()?;
    let ended = tasks.run(signal, DRAIN_DEADLINE).await;
    telemetry.finish().await;
    Ok(ended?)
}
