//! The exchange log over the years (R23.2): archived however often the fleet is killed, searched, and proven to whoever has the file.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use publicdata_service_kit::Clock;
use serde_json::Value;

use crate::fleet::until;
use crate::process::{Terminal, Up};

/// Until the month of the demonstration is over and no longer near; credentials are valid for a year.
const LATER_DAYS: i64 = 200;

/// R23.2, H4: killed when it has begun to write, when a file is there, and when it is ready, the fleet ends with one archive a period,
/// and the log is what it was. R46.2: a stranger with the file, the seal and two public keys can tell that it is the sealed one.
#[tokio::test]
async fn archives_survive_kills_and_prove_themselves_to_strangers() {
    let folder = tempfile::tempdir().unwrap();
    Terminal::new(folder.path()).text(&["demo", "--output", "json"]).await;
    let terminal = Terminal::new(&folder.path().join("demo"));
    let mut up = Up::start(&terminal, &[]).await;
    let before = log(&terminal).await;
    assert!(before.len() > 2, "{before:?}");
    up.interrupt().await;

    let later = Clock::system().now() + SignedDuration::from_hours(LATER_DAYS * 24);
    let later = later.to_string();
    let later = ["--clock", &later];
    let place = folder.path().join("demo/log-archive");
    // A file may have its last name before anybody looks.
    let begun = || [&place.join("unsealed"), &place].map(|place| parquet_files(place)).concat();
    let named = || parquet_files(&place);
    for files in [&begun as &dyn Fn() -> Vec<PathBuf>, &named] {
        let mut up = Up::begin(&terminal, &later);
        until("a file is there", async || (!files().is_empty()).then_some(())).await;
        up.kill9().await;
    }
    Up::start(&terminal, &later).await.kill9().await;
    let _up = Up::start(&terminal, &later).await;

    let archives = until("all is read from archives", async || {
        let listed = terminal.json(&["transfer", "archives", "--as", "auditor"]).await;
        let archives = listed["archives"].as_array().cloned().unwrap_or_default();
        let trimmed = |archive: &Value| archive["status"] == "LOG_ARCHIVE_STATUS_TRIMMED";
        (!archives.is_empty() && archives.iter().all(trimmed)).then_some(archives)
    })
    .await;
    assert_eq!(log(&terminal).await, before);
    assert_eq!(parquet_files(&place).len(), archives.len());
    assert!(parquet_files(&place.join("unsealed")).is_empty());
    let report = terminal.json(&["audit", "verify", "--as", "auditor"]).await;
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");

    let file = place.join(archives[0]["archive"]["path"].as_str().unwrap());
    proves_itself(&terminal, folder.path(), &file).await;
}

/// With the platform, and then without it; and an altered file does not.
async fn proves_itself(terminal: &Terminal, folder: &Path, file: &Path) {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let seal = text(&folder.join("seal.json"));
    let verify = ["transfer", "verify-archive", &text(file)].map(str::to_owned);
    let verify: Vec<&str> = verify.iter().map(String::as_str).collect();
    let online = [&verify[..], &["--as", "auditor", "--save-seal", &seal]].concat();
    let verified = terminal.json(&online).await;
    assert_eq!(verified["archive"], 1, "{verified}");
    assert!(verified["signer"].as_str().unwrap().ends_with("/service/exchange-bus"), "{verified}");

    let stranger = Terminal::new(&folder.join("elsewhere"));
    let key = text(&folder.join("demo/audit-log/log.vkey"));
    let roots = text(&folder.join("demo/credentials/auditor/ca.pem"));
    let keys = ["--seal", &seal, "--key", &key, "--roots", &roots];
    assert_eq!(stranger.json(&[&verify[..], &keys[..]].concat()).await, verified);

    let altered = folder.join("altered.parquet");
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    let altered = text(&altered);
    let offline = [&["transfer", "verify-archive", &altered], &keys[..]].concat();
    let refused = stranger.run(&offline).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("not the archive 1"), "{refused:?}");
    let online = ["transfer", "verify-archive", &altered, "--as", "auditor"];
    let refused = terminal.run(&online).await;
    assert!(refused.stderr.contains("no archive was sealed"), "{refused:?}");
}

/// All that the auditor sees of the exchange log.
async fn log(terminal: &Terminal) -> Vec<Value> {
    let listed =
        terminal.json(&["transfer", "list", "--as", "auditor", "--page-size", "500"]).await;
    listed["transfers"].as_array().cloned().unwrap_or_default()
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect()
}
