//! The exchange bus as a process of its own: `publicdata-exchange-bus [configuration file]`.

use std::path::PathBuf;
use std::time::Duration;

use publicdata_exchange_bus::{App, Config};
use publicdata_service_kit::{Tasks, shutdown_signal, telemetry};

const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(std::env::args_os().nth(1).map(PathBuf::from).as_deref())?;
    config.validate()?;
    let telemetry = telemetry::init(&config.telemetry)?;
    let (signal, tasks) = (shutdown_signal()?, Tasks::new());

    let app = App::build(config.connect(&tasks).await?).await?;
    tracing::info!(address = %app.local_addr(), "exchange bus serves");
    app.spawn()?;

    let ended = tasks.run(signal, DRAIN_DEADLINE).await;
    telemetry.shutdown().await?;
    Ok(ended?)
}
