//! A data service node as a process of its own.

use std::path::PathBuf;
use std::time::Duration;

use publicdata_identity::Credentials;
use publicdata_node_agent::{App, Config};
use publicdata_service_kit::{Clock, Tasks, shutdown_signal, telemetry};

const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(std::env::args_os().nth(1).map(PathBuf::from).as_deref())?;
    let credentials = Credentials::load(&config.credentials)?;
    let telemetry = telemetry::init(&config.telemetry)?;
    let (signal, tasks) = (shutdown_signal()?, Tasks::new());

    let app = App::build(&config, &credentials, &Clock::system(), &tasks)?;
    tracing::info!(address = %app.local_addr(), "node serves its department");
    app.spawn()?;

    let ended = tasks.run(signal, DRAIN_DEADLINE).await;
    telemetry.shutdown().await?;
    Ok(ended?)
}
