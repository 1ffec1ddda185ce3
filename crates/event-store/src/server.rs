//! A nats-server as a child process, for `publicdata up` and for tests.

mod binary;
pub(crate) mod config;
mod orphan;
mod ports;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::BoxError;
use crate::jetstream::{Permissions, Token};
use crate::monitor;

/// How often free ports are looked for, should others take them in between.
const PORT_ATTEMPTS: u32 = 5;
/// A server that was not stopped in order, or whose streams were restored, reads all of them before it serves. One that ends meanwhile is
/// noticed at once.
const START_TIMEOUT: Duration = Duration::from_secs(300);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// How the child is to run.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The server's program; else it is looked for in `.tools/bin` here and upwards, and on the PATH.
    pub binary: Option<PathBuf>,
    /// Where the streams, the configuration and the log are kept.
    pub data_dir: PathBuf,
    /// The server's name in its cluster.
    pub name: String,
    /// The address to listen at.
    pub host: String,
    /// The port for clients; else a free one, kept over a restart.
    pub port: Option<u16>,
    /// The port of the monitoring endpoint, which listens at 127.0.0.1; else a free one.
    pub monitor_port: Option<u16>,
    /// The cluster that it is a member of.
    pub cluster: Option<Cluster>,
    /// The name of its JetStream domain: needed where leaf nodes join several.
    pub domain: Option<String>,
    /// The port for leaf nodes, which are users with TLS; else there are none.
    pub leaf_port: Option<u16>,
    /// The server that this one is a leaf node of, as `host:port` of its port for leaf nodes. It is dialled again and again, so it
    /// need not run.
    pub leaf_of: Option<String>,
    /// Files for TLS with certificates on both sides. Without them, anybody on this machine may do anything.
    pub tls: Option<Tls>,
    /// Who may connect, and do what. Needs `tls`: users are the SPIFFE ids in their certificates.
    pub users: Vec<User>,
    /// What every client has to know, where none shows a certificate.
    pub token: Option<Token>,
    /// The server's log; else `nats-server.log` in `data_dir`.
    pub log_file: Option<PathBuf>,
}

impl ServerOptions {
    /// A server of its own, on free ports of 127.0.0.1.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: None,
            data_dir: data_dir.into(),
            name: "publicdata".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: None,
            monitor_port: None,
            cluster: None,
            domain: None,
            leaf_port: None,
            leaf_of: None,
            tls: None,
            users: Vec::new(),
            token: None,
            log_file: None,
        }
    }
}

/// A cluster on one machine.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Where this server listens for the others.
    pub port: u16,
    /// Where the others listen, as `host:port`.
    pub routes: Vec<String>,
}

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who signs the clients' certificates.
    pub ca: PathBuf,
    /// The server's certificate chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A client that may connect.
#[derive(Clone, Debug)]
pub struct User {
    /// The SPIFFE id in its certificate.
    pub spiffe_id: String,
    /// What it may do. See [`permissions`](crate::jetstream::permissions).
    pub permissions: Permissions,
}

/// Ports for members of a cluster, which have to know each other's before they start.
///
/// # Errors
/// If none is free.
pub fn free_ports(host: &str, count: usize) -> Result<Vec<u16>, ServerError> {
    let mut ports = Vec::new();
    while ports.len() < count {
        let port = ports::take(host, None)?;
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Ok(ports)
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// There is no program.
    #[error("there is no nats-server in .tools/bin, here or above, nor at {}: run `make setup`", tried.join(", "))]
    NotFound {
        /// Where it was looked for.
        tried: Vec<String>,
    },
    /// The program does not do what is needed, and silently ignores that it was asked for.
    #[error("{path} is nats-server {version}, and must be at least {minimum}: run `make setup`")]
    TooOld {
        /// The program.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The oldest that will do.
        minimum: &'static str,
    },
    /// The program cannot be run.
    #[error("cannot run {path}")]
    Run {
        /// The program.
        path: PathBuf,
        /// Why.
        source: BoxError,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server works on the same streams: both would damage them.
    #[error(
        "{data_dir} is in use by nats-server with process id {process}: end it first, with `kill {process}`"
    )]
    InUse {
        /// The folder.
        data_dir: PathBuf,
        /// The other server.
        process: u32,
    },
    /// No port is free.
    #[error("no free port was found at {host}")]
    NoPort {
        /// The address.
        host: String,
    },
    /// The server ended instead of serving.
    #[error("nats-server ended with {status}: {output}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of what it said.
        output: String,
    },
    /// The server runs, and does not serve in time.
    #[error("nats-server at {monitor} was not ready in time")]
    NotReady {
        /// Its monitoring endpoint.
        monitor: String,
        /// The last answer.
        source: BoxError,
    },
}

/// The child. It is killed when this is dropped; [`stop`](Self::stop) is gentler.
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    options: ServerOptions,
    port: u16,
    monitor_port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts a server, and waits until it serves. A member of a cluster is only waited for until it runs, for it cannot serve
    /// before the others run: see [`ready`](Self::ready).
    ///
    /// # Errors
    /// If there is no suitable program, or if it does not come up.
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let binary = binary::find(options.binary.as_deref()).await?;
        let mut attempts_left = PORT_ATTEMPTS;
        loop {
            attempts_left -= 1;
            let port = ports::take(&options.host, options.port)?;
            let monitor_port = ports::take("127.0.0.1", options.monitor_port)?;
            let (binary, options) = (binary.clone(), options.clone());
            let mut server = Self { binary, options, port, monitor_port, child: None };
            match server.restart().await {
                Ok(()) => return Ok(server),
                Err(ServerError::Ended { output, .. })
                    if attempts_left > 0 && output.contains("address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends a server that works on these streams and has outlived the process that started it, if there is one.
    ///
    /// Only for whoever knows that no other process uses the folder: a server that is still needed looks the same.
    ///
    /// # Errors
    /// If it does not end, or if no program is found to ask it.
    pub async fn end_orphan(options: &ServerOptions) -> Result<(), ServerError> {
        orphan::end(options).await
    }

    /// The address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.options.tls.is_some() { "tls" } else { "nats" };
        format!("{scheme}://{}:{}", self.options.host, self.port)
    }

    /// The address for leaf nodes, `host:port`, if there are any.
    #[must_use]
    pub fn leaf_address(&self) -> Option<String> {
        self.options.leaf_port.map(|port| format!("{}:{port}", self.options.host))
    }

    /// The monitoring endpoint, which tells whether writes are synced.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// The child's process id while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref()?.id()
    }

    /// Starts the server again on the same ports and streams, after it was ended.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill9().await;
        let data_dir = self.options.data_dir.clone();
        fs::create_dir_all(&data_dir)
            .map_err(|source| ServerError::File { path: data_dir.clone(), source })?;
        orphan::refuse(&data_dir)?;

        let config_path = config::path(&data_dir);
        let config = config::render(&self.options, self.port, self.monitor_port);
        write_secret(&config_path, &config)
            .map_err(|source| ServerError::File { path: config_path.clone(), source })?;
        let output_path = output_path(&data_dir);
        let output = fs::File::create(&output_path)
            .map_err(|source| ServerError::File { path: output_path, source })?;

        let child = Command::new(&self.binary)
            .arg("-c")
            .arg(&config_path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            // Ctrl-C reaches the parent alone, which ends the child when nobody needs it any more.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| ServerError::Run {
                path: self.binary.clone(),
                source: error.into(),
            })?;
        self.child = Some(child);
        match self.options.cluster {
            None => self.answers("/healthz").await,
            Some(_) => self.answers("/varz").await,
        }
    }

    /// Waits until streams can be used, which takes most members of a cluster.
    ///
    /// # Errors
    /// If that does not come about in time.
    pub async fn ready(&mut self) -> Result<(), ServerError> {
        self.answers("/healthz").await
    }

    /// Kills the server as a crash would.
    pub async fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails if it has ended by itself, which is what is wanted.
            let _ = child.kill().await;
        }
    }

    /// Lets the server end in its own time, up to a limit.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process_id() {
            let asked = ask_to_end(&self.binary, process).await;
            if let (Ok(_), Some(child)) = (asked, &mut self.child) {
                let _ = timeout(STOP_TIMEOUT, child.wait()).await;
            }
        }
        self.kill9().await;
    }

    /// Waits until the monitoring endpoint answers `path` with success.
    async fn answers(&mut self, path: &str) -> Result<(), ServerError> {
        let deadline = Instant::now() + START_TIMEOUT;
        let monitor = self.monitor_url();
        loop {
            let answer = monitor::get(&monitor, path).await;
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok()?) {
                self.child = None;
                return Err(ServerError::Ended { status, output: self.last_words() });
            }
            match answer {
                Ok(_) => return Ok(()),
                Err(source) if Instant::now() > deadline => {
                    return Err(ServerError::NotReady { monitor, source });
                }
                Err(_) => sleep(POLL).await,
            }
        }
    }

    /// The end of what the server wrote, to say why it ended.
    fn last_words(&self) -> String {
        let log = config::log_file(&self.options);
        let written = [output_path(&self.options.data_dir), log]
            .map(|path| fs::read(path).unwrap_or_default())
            .concat();
        let text = String::from_utf8_lossy(&written);
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<&str>>().join(" | ")
    }
}

fn output_path(data_dir: &Path) -> PathBuf {
    data_dir.join("nats-server.out")
}

/// Writes what its owner alone may read.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Asks a server to end: its own way to send itself a signal, so none of ours is needed.
async fn ask_to_end(binary: &Path, process: u32) -> io::Result<ExitStatus> {
    Command::new(binary)
        .arg("--signal")
        .arg(format!("term={process}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
}
