//! `publicdata demo`: the whole story once, then everything is stopped.

use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use publicdata_service_kit::Clock;

use crate::context::Context;
use crate::fleet::{self, Fleet, Options};
use crate::narrator::{Audience, Narrator};
use crate::{sample, story};

/// Marks a folder as a demonstration's, which the next demonstration may replace.
const MARKER: &str = ".publicdata-demo";

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The nats-server to use; by default the one that `make setup` brought, or one on the PATH.
    #[arg(long, env = "PUBLICDATA_NATS_SERVER")]
    pub nats_server: Option<std::path::PathBuf>,
}

/// Carries out the command.
///
/// # Errors
/// The fleet does not start, or a step of the story does not hold.
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let data = context.global.data.join("demo");
    replace(&data, arguments.nats_server.as_deref()).await?;
    let audience = if context.output.is_json() { Audience::Nobody } else { Audience::Person };
    let mut narrator = Narrator::new(audience);
    let signal = publicdata_service_kit::shutdown_signal()?;

    let options = Options {
        nats_server: arguments.nats_server,
        ..Options::new(&data, Clock::system(), sample::init_arguments()?)
    };
    narrator.chapter("The fleet 平台")?;
    let step = async {
        let fleet = Fleet::start(options).await?;
        let said = fleet.listening().join("\n");
        Ok((fleet, said))
    };
    let mut fleet = narrator.step("Every service starts, with NATS as a child", step).await?;

    let failed = fleet.failed();
    let told = tokio::select! {
        told = story::tell(&mut fleet, &mut narrator) => told,
        () = signal => Err(anyhow::anyhow!("interrupted")),
        failure = failed => Err(failure),
    };
    let stopped = fleet.stop().await;
    told?;
    stopped.context("the story held, but the fleet did not stop cleanly")?;

    let (steps, seconds) = narrator.summary();
    let report = serde_json::json!({ "steps": steps, "seconds": seconds, "data": data });
    context.output.value(&report, next_steps(&data, steps, seconds))
}

/// Clears the place of an earlier demonstration, and of nothing else.
async fn replace(data: &Path, nats_server: Option<&Path>) -> anyhow::Result<()> {
    if data.exists() {
        anyhow::ensure!(
            data.join(MARKER).exists(),
            "{} holds something other than a demonstration; choose another folder with --data",
            data.display()
        );
        // Held over the removal: nobody's fleet loses its folder.
        let _lock = fleet::claim(data, nats_server).await?;
        std::fs::remove_dir_all(data)
            .with_context(|| format!("cannot clear {}", data.display()))?;
    }
    std::fs::create_dir_all(data)
        .and_then(|()| std::fs::write(data.join(MARKER), ""))
        .with_context(|| format!("cannot write to {}", data.display()))
}

fn next_steps(data: &Path, steps: u32, seconds: f64) -> String {
    let data = data.display();
    format!(
        "
Every one of {steps} steps held, in {seconds:.1} s; everything is stopped.
What arrived: {data}/results

What to try next, in the same fleet with the same data:
  publicdata up --data {data}                                    start it again, and leave it running
and then, in another terminal:
  export PUBLICDATA_DATA={data}
  publicdata catalog search 社区                                  search the catalogue (目录)
  publicdata catalog template > entry.json                       describe data of your own
  publicdata catalog draft entry.json --as civil-affairs         write the entry, then: submit, publish
  publicdata node status --as civil-affairs                      what your node serves, and whether it answers
  publicdata grant apply --help                                  apply for data (申请)
  publicdata fetch --help                                        fetch it (获取)
  publicdata audit replay --as auditor --subject ev.exchange.    the story from events alone
  publicdata audit verify --as auditor                           the log, checked from the first leaf
  publicdata audit verify {data}/results/evidence.zip --key {data}/audit-log/log.vkey --roots {data}/credentials/auditor/ca.pem
`publicdata` is target/debug/publicdata, or: cargo run -p publicdata --"
    )
}
