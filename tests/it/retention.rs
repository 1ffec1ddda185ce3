//! Sealed archives of the event streams, as an auditor meets them at a terminal (R23.2).

use std::path::Path;

use serde_json::Value;

use crate::fleet::{City, Rows, until};
use crate::process::Terminal;

/// R23.2: an auditor has events archived, checks every archive by its seal and the log, and tells the story from the files alone, far from
/// the platform. A byte that was changed, a file that was swapped and one that is missing are each refused, with what is wrong and where.
#[tokio::test]
async fn archives_are_made_checked_and_replayed_offline() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    terminal.json(&["audit", "verify", "--as", "auditor"]).await;
    let create = ["audit", "archive", "create", "--as", "auditor"];

    let created = terminal.json(&create).await;

    let created = created.as_array().unwrap().clone();
    assert!(created.iter().any(|archive| archive["stream"] == "CATALOG"), "{created:?}");
    let again = terminal.text(&[&create[..], &["--stream", "CATALOG"]].concat()).await;
    assert!(again.contains("nothing to archive"), "{again}");
    let list = ["audit", "archive", "list", "--as", "auditor"];
    until("all seals are in the log", async || {
        let listed = terminal.json(&list).await;
        (listed.as_array().unwrap().len() >= created.len()).then_some(())
    })
    .await;
    let verify = ["audit", "archive", "verify", "--as", "auditor"];
    let verified = terminal.json(&verify).await;
    assert!(verified.as_array().unwrap().iter().all(|archive| archive["problem"] == Value::Null));
    let of_catalog = ["audit", "replay", "--as", "auditor", "--stream", "CATALOG"];
    let replayed = terminal.text(&of_catalog).await;
    let coverage = terminal.text(&["audit", "coverage", "--as", "auditor"]).await;
    assert!(coverage.contains("archived up to"), "{coverage}");

    // Elsewhere, from a copy of the files and the log's public key alone.
    let folder = tempfile::tempdir().unwrap();
    let stranger = Terminal::new(&folder.path().join("nowhere"));
    let key = folder.path().join("log.vkey");
    std::fs::write(&key, city.fleet.verifier_key()).unwrap();
    let archives = city.fleet.data().join("stream-archive");
    let replay = ["audit", "replay", "--archive", text(&archives), "--key", text(&key)];
    let told = stranger.text(&[&replay[..], &["--stream", "CATALOG"]].concat()).await;
    assert!(replayed.starts_with(&told) && !told.is_empty(), "{told}\n{replayed}");

    let path = archives.join(created[0]["path"].as_str().unwrap());
    let other = archives.join(created[1]["path"].as_str().unwrap());
    let whole = std::fs::read(&path).unwrap();
    let swapped = std::fs::read(&other).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 3] ^= 1;
    for (bytes, says) in [
        (Some(changed), "was altered"),
        (Some(whole[..whole.len() - 7].to_vec()), "was sealed with"),
        (Some(swapped), "was sealed with"),
        (None, "is missing"),
    ] {
        place(&path, bytes);
        let refused = terminal.run(&verify).await;
        assert!(refused.stdout.contains(says), "{refused:?}");
        let named = refused.stdout.contains(created[0]["path"].as_str().unwrap());
        assert!(named && refused.code == Some(1), "{refused:?}");
    }
    place(&path, Some(whole));
    terminal.text(&verify).await;

    // Nobody keeps the bucket: which is no fault of the archives.
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut in_bucket = terminal.command(&[&verify[..], &["--from", "s3://archives"]].concat());
    in_bucket
        .env("AWS_ENDPOINT", format!("http://{nobody}"))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y");
    let unreachable = tokio::process::Command::from(in_bucket).output().await.unwrap();
    let (told, said) = (lossy(&unreachable.stdout), lossy(&unreachable.stderr));
    assert_eq!(unreachable.status.code(), Some(1), "{said}");
    assert!(!told.contains("WRONG") && said.contains("0 of "), "{told}{said}");
    assert!(said.contains("place of archives cannot be reached") && said.contains("AWS_ENDPOINT"));

    let refused = stranger.run(&[&replay[..4], &["--key", "nowhere"]].concat()).await;
    assert_ne!(refused.code, Some(0), "{refused:?}");
    city.fleet.stop().await.unwrap();
}

fn place(path: &Path, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => std::fs::write(path, bytes).unwrap(),
        None => std::fs::remove_file(path).unwrap(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
