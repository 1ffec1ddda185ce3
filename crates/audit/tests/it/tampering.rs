//! What somebody changes behind the log's back is found, and named.

use bytes::Bytes;
use prost::Message as _;
use publicdata_audit::client::{Finding, Selection, Verification};
use publicdata_audit_domain::tree;
use publicdata_proto::audit::v1::Leaf;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;
use sqlx::Row as _;

use crate::bench::{Bench, Doctored};

/// R23.2, R46.2: a payload that was rewritten in the event store does not pass: the replay ends there, and says which event.
#[tokio::test]
async fn rewritten_payload_is_found_and_named() {
    let bench = Bench::in_memory();
    bench.append_many(4).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    assert_eq!(running.verify(&auditor).await.findings, []);
    drop(running);

    let rewritten = Doctored::store(&bench, |mut commit| {
        if (commit.stream.as_str(), commit.sequence) == ("EXCHANGE", 2) {
            commit.payload = Bytes::from_static(b"a friendlier story");
        }
        Some(commit)
    });
    let running = bench.start_on(rewritten).await;
    let auditor = bench.auditor(&running).await;

    let selection = Selection { stream: "EXCHANGE".to_owned(), ..Selection::default() };
    let mut story = Box::pin(auditor.replay(selection).await.unwrap());
    let next = async || futures::TryStreamExt::try_next(&mut story).await;
    let mut next = next;
    assert_eq!(next().await.unwrap().unwrap().sequence, 1);
    let problem = Problem::from_status(&next().await.unwrap_err());
    assert_eq!((problem.code, &*problem.reason), (Code::DataLoss, "EVENT_CHANGED"));
    assert_eq!((&*problem.metadata["stream"], &*problem.metadata["sequence"]), ("EXCHANGE", "2"));

    let findings = running.verify(&auditor).await.findings;
    let [Finding::Event(said)] = findings.as_slice() else { panic!("{findings:?}") };
    assert!(said.contains("event 2 of stream EXCHANGE") && said.contains("payload"), "{said}");
}

/// R23.2: an event that is gone from the event store is found and named.
#[tokio::test]
async fn lost_event_is_found_and_named() {
    let bench = Bench::in_memory();
    bench.append_many(4).await;
    let running = bench.start().await;
    bench.settled(&running).await;
    drop(running);

    let lossy = Doctored::store(&bench, |commit| {
        (commit.stream != "OPENDATA" || commit.sequence != 2).then_some(commit)
    });
    let running = bench.start_on(lossy).await;
    let auditor = bench.auditor(&running).await;

    let findings = running.verify(&auditor).await.findings;
    let said = findings[0].to_string();
    assert!(said.contains("event 2 of stream OPENDATA"), "{said}");
}

/// R23.2: a leaf that was altered in the log's own tables is found and named.
#[tokio::test]
async fn altered_leaf_is_found_and_named() {
    let bench = Bench::in_memory();
    bench.append_many(3).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    alter_leaf(&bench, 4).await;

    let findings = running.verify(&auditor).await.findings;

    let said = findings[0].to_string();
    assert!(said.contains("leaf 4 of the log") && said.contains("altered"), "{said}");
}

/// R23.2, R46.2: whoever alters a leaf and its stored hash, and has the event store agree, still can't have the signed root.
#[tokio::test]
async fn leaf_and_hash_altered_together_are_found_and_named() {
    let bench = Bench::in_memory();
    bench.append_many(3).await;
    let running = bench.start().await;
    bench.settled(&running).await;
    let leaf = alter_leaf(&bench, 4).await;
    let database = bench.database().await;
    sqlx::query("UPDATE log_hash SET hash = $1 WHERE hash_index = $2")
        .bind(hex::encode(tree::leaf_hash(&leaf.encode_to_vec()).as_bytes()))
        .bind(i64::try_from(tree::stored_leaf_index(4)).unwrap())
        .execute(database.pool())
        .await
        .unwrap();
    drop(running);
    // The accomplice: shows the event that the leaf now speaks of.
    let (stream, sequence) = (leaf.stream, leaf.sequence);
    let accomplice = Doctored::store(&bench, move |mut commit| {
        if (&commit.stream, commit.sequence) == (&stream, sequence) {
            commit.message_id = FORGED.to_owned();
        }
        Some(commit)
    });
    let running = bench.start_on(accomplice).await;

    let auditor = bench.auditor(&running).await;

    let findings = running.verify(&auditor).await.findings;

    let [Finding::OtherRoot { first: Some(4), .. }, ..] = findings.as_slice() else {
        panic!("{findings:?}")
    };
}

/// R23.2: a log that was begun anew does not continue the checkpoint that an auditor kept.
#[tokio::test]
async fn log_begun_anew_is_found() {
    let bench = Bench::in_memory();
    bench.append_many(3).await;
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    let kept = auditor.checkpoint().await.unwrap();
    drop(running);

    // The same key, an empty database, and one event fewer.
    std::fs::remove_file(bench.folder.path().join("audit.db")).unwrap();
    let fewer = Doctored::store(&bench, |mut commit| {
        if (commit.stream.as_str(), commit.sequence) == ("EXCHANGE", 1) {
            commit.payload = Bytes::from_static(b"history as it should have been");
        }
        Some(commit)
    });
    let running = bench.start_on(fewer).await;
    bench.settled(&running).await;
    let auditor = bench.auditor(&running).await;
    let options = Verification { old_checkpoint: Some(kept), ..Verification::default() };
    let report = auditor.verify(&running.verifier, &options).await.unwrap();

    let reasons: Vec<_> = report.findings.iter().map(Finding::reason).collect();
    assert_eq!(reasons, ["HISTORY_CHANGED"]);
    assert_eq!(report.continues, None);
}

/// H5, H3: a checkpoint of another log is not accepted as an older one of this.
#[tokio::test]
async fn foreign_checkpoint_is_refused() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;
    let options =
        Verification { old_checkpoint: Some(b"no note".to_vec()), ..Verification::default() };

    let report = auditor.verify(&running.verifier, &options).await.unwrap();

    assert_eq!(report.findings[0].reason(), "OLD_CHECKPOINT_DOUBTFUL");
}

const FORGED: &str = "forged";

/// Changes what the leaf says of the event's message id.
async fn alter_leaf(bench: &Bench, index: i64) -> Leaf {
    let database = bench.database().await;
    let row = sqlx::query("SELECT leaf FROM log_leaf WHERE leaf_index = $1")
        .bind(index)
        .fetch_one(database.pool())
        .await
        .unwrap();
    let text: String = row.try_get(0).unwrap();
    let mut leaf = Leaf::decode(hex::decode(text).unwrap().as_slice()).unwrap();
    leaf.message_id = FORGED.to_owned();
    sqlx::query("UPDATE log_leaf SET leaf = $1 WHERE leaf_index = $2")
        .bind(hex::encode(leaf.encode_to_vec()))
        .bind(index)
        .execute(database.pool())
        .await
        .unwrap();
    leaf
}
