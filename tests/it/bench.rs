//! The bench, at sizes that measure nothing: does every figure of the audit log still come about?

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fleet::program_path;

/// R23.2, R46.2, H2: the log is written, proven, verified and made a state of, each beside its limit, in one run. Each figure checks that
/// the work was done.
#[tokio::test]
async fn figures_of_the_audit_log_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("bench.jsonl");
    let mut command = Command::new(program_path("publicdata-bench"));
    command.args(["--quick", "--runs", "1", "--output", "json", "--to"]).arg(&lines);
    for figure in ["log", "as_of", "verify"] {
        command.args(["--only", figure]);
    }
    let output = tokio::process::Command::from(command)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), written);
    let figures: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = figures.iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    let expected = ["log", "log_bytes", "as_of_1m", "log_proof_10m", "verify_10m", "as_of_10m"];
    assert_eq!(names, expected);
    for figure in &figures {
        assert!(figure["value"].as_f64().unwrap() > 0.0 && figure["limit"].as_f64().unwrap() > 0.0);
        let memory = figure["memory"].as_array().unwrap();
        assert!(memory.iter().any(|peak| peak["process"] == "nats-server"), "{figure}");
    }
}
