//! What the bench runs as processes of their own, so that the memory of each shows: it starts itself again in a role.
//!
//! A role says one line when it is ready, and ends when its standard input does: so it ends with the bench, however that
//! ends, and takes its own children with it.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use publicdata::fleet::{Fleet, Options};
use publicdata::sample;
use publicdata_identity::Credentials;
use publicdata_node_agent as node_agent;
use publicdata_service_kit::telemetry::{self, TelemetryConfig};
use publicdata_service_kit::{Clock, Tasks, shutdown_signal};
use tokio::sync::oneshot;

use super::{audit, catalogue, exchange};

const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
const LOG_LINES_TOLD: usize = 5;

/// What one process does.
#[derive(Clone, Debug, Subcommand)]
pub enum Role {
    /// Every service, with nats-server as a child.
    #[command(hide = true)]
    Services {
        /// Where the fleet keeps everything.
        data: PathBuf,
    },
    /// A department's node.
    #[command(hide = true)]
    Node {
        /// Its configuration.
        config: PathBuf,
    },
    /// The catalogue alone, which is ready when it holds all events.
    #[command(hide = true)]
    Catalogue {
        /// Where it keeps everything.
        folder: PathBuf,
        /// The server that has the events.
        nats: String,
    },
    /// The audit service alone.
    #[command(hide = true)]
    Audit {
        /// Where it keeps everything.
        folder: PathBuf,
        /// The server that has the events.
        nats: String,
        /// How much of it runs.
        part: audit::Part,
    },
    /// A bare server, which requests through the exchange are held against.
    #[command(hide = true)]
    Echo {
        /// Its credentials.
        credentials: PathBuf,
    },
}

/// Plays a role until nobody needs it any more.
///
/// # Errors
/// If it cannot be played, or not to the end.
pub(super) async fn play(role: &Role) -> anyhow::Result<()> {
    let signal = shutdown_signal()?;
    // With the usual log lines and spans, whose cost belongs to what is measured.
    let telemetry = telemetry::init(&TelemetryConfig::default())?;
    let dismissed = async {
        tokio::select! {
            () = signal => {}
            () = end_of_input() => {}
        }
    };
    tokio::pin!(dismissed);
    match role {
        Role::Services { data } => {
            let options = Options::new(data, Clock::system(), sample::init_arguments()?);
            let fleet = Fleet::start(options).await?;
            announce("ready")?;
            let ended = tokio::select! {
                () = &mut dismissed => Ok(()),
                failure = fleet.failed() => Err(failure),
            };
            fleet.stop().await?;
            ended?;
        }
        Role::Node { config } => {
            let config = node_agent::Config::load(Some(config))?;
            let credentials = Credentials::load(&config.credentials)?;
            let tasks = Tasks::new();
            let app = node_agent::App::build(&config, &credentials, &Clock::system(), &tasks)?;
            let address = app.local_addr();
            app.spawn()?;
            announce(&address.to_string())?;
            tasks.run(dismissed, DRAIN_DEADLINE).await?;
        }
        Role::Echo { credentials } => {
            exchange::echo(credentials, announce, dismissed).await?;
        }
        Role::Catalogue { folder, nats } => {
            let tasks = Tasks::new();
            serve(catalogue::serve(folder, nats, &tasks), tasks.clone(), dismissed).await?;
        }
        Role::Audit { folder, nats, part } => {
            let tasks = Tasks::new();
            serve(audit::serve(folder, nats, *part, &tasks), tasks.clone(), dismissed).await?;
        }
    }
    Ok(telemetry.shutdown().await?)
}

/// Waits until a service is ready, and lets it run from then on.
async fn serve(
    ready: impl Future<Output = anyhow::Result<String>>,
    tasks: Tasks,
    dismissed: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    tokio::pin!(dismissed);
    let ready = tokio::select! {
        ready = ready => ready?,
        () = tasks.shutdown().cancelled() => bail!("a task of the service failed"),
        () = &mut dismissed => bail!("dismissed before it was ready"),
    };
    announce(&ready)?;
    Ok(tasks.run(dismissed, DRAIN_DEADLINE).await?)
}

fn announce(line: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

/// A thread of its own reads, for a runtime would wait for its threads at the end.
async fn end_of_input() {
    let (sender, ended) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(sender);
    });
    let _ = ended.await;
}

/// A process in a role, which is waited for when this is dropped.
#[derive(Debug)]
pub(super) struct Player {
    child: Child,
    /// Open as long as the role is to be played.
    input: Option<ChildStdin>,
    /// The line that it said.
    pub(super) said: String,
    log: PathBuf,
}

impl Player {
    /// Starts a process, and waits until it is ready. What it logs goes to a file.
    pub(super) fn start(arguments: &[&Path], log: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut player = Self { child, input, said: String::new(), log: log.to_owned() };
        BufReader::new(output.context("it has an output")?).read_line(&mut player.said)?;
        player.said.truncate(player.said.trim_end().len());
        let role = arguments[0].display();
        ensure!(!player.said.is_empty(), "{role} did not start: {}", player.last_words());
        Ok(player)
    }

    /// The same where that takes long: whoever interrupts meanwhile need not wait for it.
    pub(super) async fn start_slowly(
        arguments: Vec<PathBuf>,
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let (sender, started) = oneshot::channel();
        thread::spawn(move || {
            let arguments: Vec<&Path> = arguments.iter().map(PathBuf::as_path).collect();
            let _ = sender.send(Self::start(&arguments, &log));
        });
        started.await?
    }

    /// Ends it, and waits for it.
    pub(super) fn dismiss(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The end of what it logged, to say why something did not come about.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_TOLD)..].join(" | ")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.dismiss();
    }
}
