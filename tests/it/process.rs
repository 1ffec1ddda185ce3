//! The program as a person meets it at a terminal: commands that are run, and a fleet that is started and stopped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::fleet::{program_path, until};

/// Somebody's terminal, on the folder of a fleet.
pub(crate) struct Terminal {
    data: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit status; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `publicdata up`, which is stopped when dropped, and its `nats-server` with it.
pub(crate) struct Up {
    child: Child,
    data: PathBuf,
    output: PathBuf,
}

// === impl Terminal ===

impl Terminal {
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// The program with these arguments, not run yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program_path("publicdata"));
        command
            .args(arguments)
            .env_remove("PUBLICDATA_AS")
            .env_remove("PUBLICDATA_LOG")
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .env("PUBLICDATA_DATA", &self.data)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let output = tokio::process::Command::from(self.command(arguments))
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that has to succeed; what it prints.
    pub(crate) async fn text(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Runs a command that has to succeed; what it prints as JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[arguments, &["--output", "json"]].concat()).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Writes the description into the catalogue and takes it to publication; the entry's id.
    pub(crate) async fn publish(&self, description: &Path) -> String {
        let file = description.to_str().unwrap();
        let drafted = self.json(&["catalog", "draft", file, "--as", "civil-affairs"]).await;
        let id = drafted["resourceId"].as_str().unwrap().to_owned();
        self.text(&["catalog", "submit", &id, "--as", "civil-affairs"]).await;
        self.text(&["catalog", "publish", &id]).await;
        id
    }

    /// Waits until so many nodes are connected; their ids.
    pub(crate) async fn nodes(&self, count: usize) -> Vec<String> {
        until("the nodes are connected", async || {
            let list = self.json(&["node", "list"]).await;
            let nodes = list["nodes"].as_array().unwrap().clone();
            let mut ids: Vec<_> =
                nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
            ids.sort();
            (ids.len() == count).then_some(ids)
        })
        .await
    }
}

// === impl Up ===

impl Up {
    /// Starts a fleet on free ports, and waits until it says that it is ready.
    pub(crate) async fn start(terminal: &Terminal, arguments: &[&str]) -> Self {
        let mut up = Self::begin(terminal, arguments);
        up.ready().await;
        up
    }

    /// Starts a fleet on free ports, and does not wait.
    pub(crate) fn begin(terminal: &Terminal, arguments: &[&str]) -> Self {
        std::fs::create_dir_all(&terminal.data).unwrap();
        let output = terminal.data.with_extension("out");
        let file = File::create(&output).unwrap();
        let child = terminal
            .command(&[&["up", "--port", "0"], arguments].concat())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, data: terminal.data.clone(), output }
    }

    async fn ready(&mut self) {
        until("the fleet says that it is ready", async || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the fleet ended with {status}: {}", self.said());
            }
            self.said().lines().any(|line| line.starts_with("ready")).then_some(())
        })
        .await;
    }

    /// All that it has printed.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Presses Ctrl-C, and waits for the end.
    pub(crate) async fn interrupt(&mut self) -> ExitStatus {
        signal("INT", self.child.id());
        until("the fleet ends", async || self.child.try_wait().unwrap()).await
    }

    /// Kills it, as a crash would.
    pub(crate) async fn kill9(&mut self) {
        signal("KILL", self.child.id());
        until("the fleet is gone", async || self.child.try_wait().unwrap()).await;
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Each of these fails only if the process has ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in processes_of(&self.data) {
            signal("KILL", process);
        }
    }
}

/// Sends a process of this test a signal. That of a process that has ended changes nothing.
pub(crate) fn signal(name: &str, process: u32) {
    let id = process.to_string();
    let _ = Command::new("kill").args(["-s", name, &id]).stderr(Stdio::null()).status();
}

/// The processes that were started with something in this folder: a fleet's `nats-server` names its configuration there.
pub(crate) fn processes_of(data: &Path) -> Vec<u32> {
    let folder = data.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse() else { continue };
        // A process that ends meanwhile has no command line any more.
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(folder) {
            found.push(process);
        }
    }
    found
}
