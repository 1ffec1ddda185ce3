//! Bundles of evidence from a running log, checked by us and by others.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use bytes::Bytes;
use publicdata_audit::client::{GatherError, Which};
use publicdata_audit::config::WitnessConfig;
use publicdata_audit::evidence::{Evidence, EvidenceError, Fault, Statement, Texts, Trust, verify};
use publicdata_audit_domain::Verifier;
use publicdata_service_kit::Problem;
use serde_json::{Value, json};
use tonic::Code;

use crate::bench::{Bench, Doctored, ORIGIN, Running, until};
use crate::outside::{Witness, check_evidence, go_evidence, told};

fn statement() -> Statement {
    Statement { title: "某事件".to_owned(), ..Statement::default() }
}

fn trust(running: &Running) -> Trust {
    Trust { log: running.verifier.clone(), witnesses: Vec::new(), roots: None }
}

fn position(stream: &str, sequence: u64) -> Which {
    Which::Position { stream: stream.to_owned(), sequence }
}

fn indexes(evidence: &Evidence) -> Vec<u64> {
    evidence.items().map(|item| item.index).collect()
}

/// The same archive with one of its files changed.
fn with_change(bundle: &[u8], path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(file.name().unwrap().into_owned(), content);
    }
    change(files.get_mut(path).unwrap());
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        archive.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// R46.2: the proofs, the checkpoint and the cosignature within a bundle convince two verifiers that we did not write, aics-tlog and
/// golang.org/x/mod's sumdb, as they convince ours; and none of them takes another event for the one that was logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outsiders_check_what_is_in_a_bundle() {
    let bench = Bench::on_nats().await;
    let mut witness = Witness::new("witness.example/w1").await;
    witness.trust(ORIGIN, &bench.log_key()).await;
    witness.start().await;
    let (name, url, vkey) = (witness.name.clone(), witness.url.clone(), witness.vkey.clone());
    let running = bench.start_witnessed(vec![WitnessConfig { name, url, vkey }]).await;
    bench.append_many(90).await;
    let auditor = bench.auditor(&running).await;
    let size = bench.settled(&running).await;
    until("the cosignature", async || witness.signed_size().await == size).await;

    let places = [Which::Index(0), Which::Index(255), position("EXCHANGE", 17)];
    let again = [&places[..], &[Which::Index(0)]].concat();
    let evidence = auditor.evidence_of(&running.verifier, &again, statement()).await.unwrap();
    assert_eq!(evidence.items().len(), 3);
    let bundle = evidence.write().unwrap();
    let witnesses = vec![witness.vkey.parse().unwrap()];
    let trust = Trust { witnesses, ..trust(&running) };
    let verdict = verify(&bundle, &trust, Texts::Compare).unwrap();
    assert_eq!(verdict.faults, []);
    assert_eq!((verdict.size, verdict.events.len()), (size, 3));
    assert_eq!(verdict.cosigned_by, ["witness.example/w1"]);
    assert!(
        verdict.events.iter().any(|told| (told.stream.as_str(), told.sequence) == ("EXCHANGE", 17))
    );

    let (file, key) = (bench.folder.path().join("evidence.zip"), bench.log_key());
    std::fs::write(&file, &bundle).unwrap();
    let path = file.to_str().unwrap();
    let by_python = told(check_evidence(&[path, &key, "--witness", &witness.vkey]).await);
    let by_python: Value = serde_json::from_str(&by_python).unwrap();
    assert_eq!(
        by_python,
        json!({ "size": size, "events": 3, "witnesses": ["witness.example/w1"] })
    );
    let by_go: Value = serde_json::from_str(&told(go_evidence(&[path, &key]).await)).unwrap();
    assert_eq!(by_go, json!({ "size": size, "events": 3 }));

    let changes = [("events/255.bin", "event 255"), ("leaves/255.bin", "entry 255")];
    for (changed, said) in changes {
        let other = with_change(&bundle, changed, |content| content[3] ^= 1);
        std::fs::write(&file, other).unwrap();
        for refused in [check_evidence(&[path, &key]).await, go_evidence(&[path, &key]).await] {
            let stderr = String::from_utf8(refused.stderr).unwrap();
            assert!(!refused.status.success() && stderr.contains(said), "{changed}: {stderr}");
        }
    }
}

/// R46.2: what concerns one thing is gathered as a replay tells it, within a period if one is given.
#[tokio::test]
async fn what_concerns_a_thing_is_gathered() {
    let bench = Bench::in_memory();
    bench.append_many(8).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    let about = async |thing: &str, period| {
        auditor.evidence_about(&running.verifier, thing, period, statement()).await
    };

    // The third organisation of each stream.
    let evidence = about("organisation 2", (None, None)).await.unwrap();
    let verdict = verify(&evidence.write().unwrap(), &trust(&running), Texts::Compare).unwrap();
    assert_eq!(verdict.faults, []);
    let mut streams: Vec<_> = verdict.events.iter().map(|told| told.stream.as_str()).collect();
    streams.sort_unstable();
    assert_eq!(streams, ["CATALOG", "EXCHANGE", "OPENDATA"]);

    let last = verdict.events.last().unwrap();
    let since = about("organisation 2", (last.recorded_at, None)).await.unwrap();
    assert!(indexes(&since).contains(&last.index));
    let before = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let none = about("organisation 2", (None, before)).await.unwrap_err();
    assert!(matches!(none, GatherError::Evidence(EvidenceError::Empty)), "{none}");
    let none = about("organisation 99", (None, None)).await.unwrap_err();
    assert!(matches!(none, GatherError::Evidence(EvidenceError::Empty)), "{none}");
}

/// R46.2, H3: there is no evidence of an event that is not there, or not what was logged; and it is said which one.
#[tokio::test]
async fn no_evidence_of_what_is_not_there() {
    let bench = Bench::in_memory();
    bench.append_many(8).await;
    let running = bench.start().await;
    let size = bench.settled(&running).await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;

    let places = [position("EXCHANGE", 999)];
    let unknown = auditor.evidence_of(&running.verifier, &places, statement()).await.unwrap_err();
    let GatherError::Call(status) = unknown else { panic!("{unknown}") };
    assert_eq!(Problem::from_status(&status).reason, "EVENT_UNKNOWN");
    let beyond = [Which::Index(size + 99)];
    let beyond = auditor.evidence_of(&running.verifier, &beyond, statement()).await.unwrap_err();
    assert!(matches!(beyond, GatherError::NotShown { .. }), "{beyond}");
    let other: Verifier = publicdata_audit_domain::LogKey::from_seed(ORIGIN, [8; 32])
        .unwrap()
        .verifier_key()
        .parse()
        .unwrap();
    let foreign = auditor.evidence_of(&other, &[Which::Index(0)], statement()).await.unwrap_err();
    assert!(matches!(foreign, GatherError::Checkpoint(_)), "{foreign}");

    drop(running);
    let store = Doctored::store(&bench, |mut commit| {
        if (commit.stream.as_str(), commit.sequence) == ("EXCHANGE", 4) {
            commit.payload = Bytes::from_static(b"history as it should have been");
        }
        Some(commit)
    });
    let running = bench.start_on(store).await;
    let auditor = bench.auditor(&running).await;
    let places = [position("EXCHANGE", 4)];
    let changed = auditor.evidence_of(&running.verifier, &places, statement()).await.unwrap_err();
    let GatherError::Call(status) = changed else { panic!("{changed}") };
    assert_eq!(status.code(), Code::DataLoss);
    assert!(status.message().contains("event 4 of stream EXCHANGE"), "{}", status.message());
}

/// R46.2: a witness that is asked for and has not cosigned is missed.
#[tokio::test]
async fn missing_cosignature_is_found() {
    let bench = Bench::in_memory();
    bench.append_many(2).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    let places = [Which::Index(1)];
    let evidence = auditor.evidence_of(&running.verifier, &places, statement()).await.unwrap();
    let witness = Witness::new("witness.example/w1").await;

    let trust = Trust { witnesses: vec![witness.vkey.parse().unwrap()], ..trust(&running) };
    let verdict = verify(&evidence.write().unwrap(), &trust, Texts::Compare).unwrap();

    assert_eq!(verdict.faults, [Fault::NotCosigned { witness: witness.name }]);
    assert!(verdict.events.len() == 1, "what is proven is told all the same");
}
