//! The server as a child process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use publicdata_event_store::server::{NatsServer, ServerError, ServerOptions};
use publicdata_event_store::testing;

use crate::kit::Bed;

/// H3: Debian's server silently ignores what is asked of it; the message says what to do.
#[tokio::test]
async fn old_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let binary = program(folder.path(), "echo nats-server: v2.9.10");
    let options = ServerOptions { binary: Some(binary), ..ServerOptions::new(folder.path()) };

    let error = NatsServer::start(options).await.unwrap_err();

    assert!(matches!(error, ServerError::TooOld { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("2.9.10") && message.contains("make setup"), "{message}");
}

#[tokio::test]
async fn missing_server_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("no-such-server");
    let options =
        ServerOptions { binary: Some(binary.clone()), ..ServerOptions::new(folder.path()) };

    let error = NatsServer::start(options).await.unwrap_err();

    let message = error.to_string();
    assert!(
        message.contains(binary.to_str().unwrap()) && message.contains("make setup"),
        "{message}"
    );
}

/// H3: a server that ends at once takes its reason with it.
#[tokio::test]
async fn reason_of_a_failed_start_is_told() {
    let nats = testing::nats().await;
    let port = nats.server.url().rsplit(':').next().unwrap().parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions { port: Some(port), ..ServerOptions::new(folder.path()) };

    let error = NatsServer::start(options).await.unwrap_err();

    assert!(error.to_string().contains("address already in use"), "{error}");
}

/// H4: address and streams outlast the process.
#[tokio::test]
async fn address_and_streams_outlast_the_process() {
    let mut nats = testing::nats().await;
    let bed = Bed::new(nats.store(&["CATALOG"]).await, "catalog");
    let subject = bed.subject();
    let (url, first) = (nats.server.url(), nats.server.process_id());
    bed.fill(&subject, 3).await;

    nats.server.kill9().await;
    assert_eq!(nats.server.process_id(), None);
    nats.server.restart().await.unwrap();
    bed.fill(&subject, 1).await;
    nats.server.stop().await;
    nats.server.restart().await.unwrap();

    assert_eq!(nats.server.url(), url);
    assert_ne!(nats.server.process_id(), first);
    assert_eq!(bed.store.tail(&subject, 0).await.unwrap().len(), 4);
}

/// H1: two servers on the same files would damage them.
#[tokio::test]
async fn second_server_on_the_same_streams_is_refused() {
    let nats = testing::nats().await;

    let error = NatsServer::start(ServerOptions::new(nats.folder())).await.unwrap_err();

    let running = nats.server.process_id().unwrap();
    assert!(matches!(error, ServerError::InUse { process, .. } if process == running), "{error:?}");
}

#[tokio::test]
async fn child_ends_with_its_handle() {
    let nats = testing::nats().await;
    let process = nats.server.process_id().unwrap();
    let command = PathBuf::from(format!("/proc/{process}/cmdline"));
    assert!(!fs::read(&command).unwrap().is_empty());

    drop(nats);

    // A process that has ended has no command line, whether or not somebody has taken note of its end.
    while fs::read(&command).is_ok_and(|line| !line.is_empty()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("nats-server");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
