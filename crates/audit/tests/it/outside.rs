//! Programs that others wrote for logs like this one. `deploy/setup` brings them: golang.org/x/mod 0.7.0 as Debian packages it,
//! wheels of aics-tlog 0.2.1 and aics-witness 0.1.0.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use publicdata_service_kit::testing::free_address;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::bench::until;

/// Where Debian keeps the sources of Go's packages.
const GO_SOURCES: &str = "/usr/share/gocode";

/// A program's output, if it ended well.
///
/// # Panics
/// With what it said, if it did not.
pub(crate) fn told(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `tests/go/tiles`.
pub(crate) async fn go_tiles(arguments: &[&str]) -> Output {
    go_program("tiles", arguments).await
}

/// Runs `tests/go/evidence`.
pub(crate) async fn go_evidence(arguments: &[&str]) -> Output {
    go_program("evidence", arguments).await
}

async fn go_program(name: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join(name);
    let built = go()
        .args(["build", "-o"])
        .arg(&program)
        .arg("main.go")
        .current_dir(root().join("tests/go").join(name))
        .output()
        .await;
    let built = built.unwrap_or_else(|error| panic!("go cannot be run: {error}; run `make setup`"));
    told(built);
    Command::new(program).args(arguments).kill_on_drop(true).output().await.unwrap()
}

fn go() -> Command {
    let package = Path::new(GO_SOURCES).join("src/golang.org/x/mod/sumdb/tlog");
    assert!(package.is_dir(), "{} is missing: run `make setup`", package.display());
    let mut go = Command::new("go");
    go.env("GO111MODULE", "off")
        .env("GOPATH", GO_SOURCES)
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
        .env("GOFLAGS", "")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    go
}

/// Runs OpenSSL's command, whose SM2 and SM3 are its own.
pub(crate) async fn openssl(arguments: &[&str]) -> Output {
    let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().await;
    output.unwrap_or_else(|error| panic!("openssl cannot be run: {error}; run `make setup`"))
}

/// Runs `tests/python/read_log.py`.
pub(crate) async fn read_log(arguments: &[&str]) -> Output {
    python_program("read_log.py", arguments).await
}

/// Runs `tests/python/check_evidence.py`.
pub(crate) async fn check_evidence(arguments: &[&str]) -> Output {
    python_program("check_evidence.py", arguments).await
}

async fn python_program(name: &str, arguments: &[&str]) -> Output {
    let program = root().join("tests/python").join(name);
    python().arg(program).args(arguments).output().await.unwrap()
}

fn python() -> Command {
    let wheels = root().join(".tools/auditors");
    assert!(
        wheels.join("aics_witness").is_dir(),
        "{} is missing: run `make setup`",
        wheels.display()
    );
    let mut python = Command::new("python3");
    python
        .env("PYTHONPATH", wheels)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    python
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// aics-witness, in a process and a folder of its own. It is killed when this is dropped.
pub(crate) struct Witness {
    pub(crate) name: String,
    /// Its verifier key.
    pub(crate) vkey: String,
    pub(crate) url: String,
    address: SocketAddr,
    folder: TempDir,
    process: Option<Child>,
}

impl Witness {
    /// A witness with a new key, which knows no log and does not run yet.
    pub(crate) async fn new(name: &str) -> Self {
        let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
        let mut witness = Self {
            name: name.to_owned(),
            vkey: String::new(),
            url: format!("http://{address}"),
            address,
            folder,
            process: None,
        };
        let vkey = witness.call(&["init", "--name", name]).await;
        witness.vkey = vkey.trim().to_owned();
        witness
    }

    /// Has it trust the log with this key.
    pub(crate) async fn trust(&self, origin: &str, vkey: &str) {
        self.call(&["add-log", "--origin", origin, "--vkey", vkey]).await;
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let mut serve = self.command(&["serve", "--log-level", "WARNING"]);
        self.process = Some(serve.arg("--listen").arg(self.address.to_string()).spawn().unwrap());
        let address = self.address;
        until("the witness", async || TcpStream::connect(address).await.is_ok()).await;
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.unwrap();
        }
    }

    /// What the witness itself says that it signed: the size of the log's tree.
    pub(crate) async fn signed_size(&self) -> u64 {
        let status: serde_json::Value =
            serde_json::from_str(&self.call(&["status", "--json"]).await).unwrap();
        status["logs"][0]["size"].as_u64().unwrap_or_default()
    }

    async fn call(&self, arguments: &[&str]) -> String {
        told(self.command(arguments).output().await.unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = python();
        command.args(["-m", "aics_witness"]).args(arguments).current_dir(self.folder.path());
        command
    }
}
