//! Programs in Python, with the wheels that `deploy/setup` brings.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::process::Ended;

/// Runs one of the programs in `tests/python`.
pub(crate) async fn run(program: &str, arguments: &[&str]) -> Ended {
    let wheels = root().join(".tools/python");
    assert!(wheels.join("pyarrow").is_dir(), "{} is missing: run `make setup`", wheels.display());
    let output = Command::new("python3")
        .arg(root().join("tests/python").join(program))
        .args(arguments)
        .env("PYTHONPATH", &wheels)
        // No cache beside the programs, and no proxy between loopback and loopback.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("no_grpc_proxy", "*")
        .stdin(Stdio::null())
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

/// The folder of the contracts.
pub(crate) fn contracts() -> PathBuf {
    root().join("proto")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}
