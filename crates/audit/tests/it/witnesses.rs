//! Outside witnesses cosign the log's checkpoints (C2SP tlog-witness): aics-witness 0.1.0, and some that misbehave.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use futures::future::join_all;
use publicdata_audit::client::{Finding, Verification};
use publicdata_audit::config::WitnessConfig;
use publicdata_proto::audit::v1::WitnessStatus;
use publicdata_service_kit::Tasks;
use publicdata_service_kit::testing::free_address;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::bench::{Bench, Doctored, ORIGIN, Running, until};
use crate::outside::{Witness, read_log, told};

fn configured(witness: &Witness) -> WitnessConfig {
    let (name, url, vkey) = (witness.name.clone(), witness.url.clone(), witness.vkey.clone());
    WitnessConfig { name, url, vkey }
}

fn required(witness: &Witness) -> Verification {
    Verification { witnesses: vec![witness.vkey.parse().unwrap()], ..Verification::default() }
}

/// A witness that trusts the log of this bench, and runs.
async fn trusting(bench: &Bench, name: &str) -> Witness {
    let mut witness = Witness::new(name).await;
    witness.trust(ORIGIN, &bench.log_key()).await;
    witness.start().await;
    witness
}

async fn status(bench: &Bench, running: &Running) -> WitnessStatus {
    bench.auditor(running).await.witnesses().await.unwrap().remove(0)
}

/// Waits until the witness has signed all that is in the log.
async fn cosigned(bench: &Bench, running: &Running) -> u64 {
    // Whoever asks is registered first, by an event.
    status(bench, running).await;
    let size = bench.settled(running).await;
    until("the cosignature", async || status(bench, running).await.size >= size).await;
    size
}

/// A witness that has signed a log of some events, and how large that was; the log's own tables are gone.
async fn cosigned_and_lost(bench: &Bench) -> (Witness, u64) {
    let witness = trusting(bench, "witness.example/w1").await;
    let running = bench.start_witnessed(vec![configured(&witness)]).await;
    bench.append_many(4).await;
    let size = cosigned(bench, &running).await;
    drop(running);
    std::fs::remove_file(bench.folder.path().join("audit.db")).unwrap();
    (witness, size)
}

/// Waits until the log says why the witness did not sign.
async fn problem(bench: &Bench, running: &Running) -> String {
    until("the problem", async || !status(bench, running).await.problem.is_empty()).await;
    status(bench, running).await.problem
}

/// R46.2: a witness that we did not write sees the log grow, checks each proof of consistency, and cosigns; whoever requires that finds
/// the cosignature over gRPC and over HTTP, and so does a verifier that we did not write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_witness_cosigns_as_the_log_grows() {
    let bench = Bench::on_nats().await;
    let witness = trusting(&bench, "witness.example/w1").await;
    let running = bench.start_witnessed(vec![configured(&witness)]).await;
    let auditor = bench.auditor(&running).await;
    let mut size = 0;
    for _ in 0..3 {
        bench.append_many(9).await;
        size = cosigned(&bench, &running).await;
        assert_eq!(witness.signed_size().await, size);
    }

    let status = status(&bench, &running).await;
    assert_eq!((&*status.name, &*status.problem), ("witness.example/w1", ""));
    assert!(status.cosigned_at.is_some() && witness.vkey.starts_with(&status.key), "{status:?}");
    let report = auditor.verify(&running.verifier, &required(&witness)).await.unwrap();
    assert_eq!((report.findings, report.size), (vec![], size));
    assert_eq!(report.cosigned_by, ["witness.example/w1"]);
    let report = running.tiles().verify(&running.verifier, &required(&witness)).await.unwrap();
    assert_eq!((report.findings, report.size), (vec![], size));
    assert_eq!(report.cosigned_by, ["witness.example/w1"]);
    let arguments = [&*running.url, &bench.log_key(), "--witness", &witness.vkey];
    let read: Value = serde_json::from_str(&told(read_log(&arguments).await)).unwrap();
    assert_eq!((&read["size"], &read["witnesses"]), (&json!(size), &json!(["witness.example/w1"])));
}

/// R46.2, H4: what was cosigned is kept over a restart; where the log has forgotten how far a witness is, the witness says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosignatures_outlast_a_restart() {
    let bench = Bench::in_memory();
    let witness = trusting(&bench, "witness.example/w1").await;
    let running = bench.start_witnessed(vec![configured(&witness)]).await;
    bench.append_many(4).await;
    let size = cosigned(&bench, &running).await;
    drop(running);

    let running = bench.start().await;
    let report = running.tiles().verify(&running.verifier, &required(&witness)).await.unwrap();
    assert_eq!((report.findings, report.size), (vec![], size));
    drop(running);

    let database = bench.database().await;
    sqlx::query("DELETE FROM log_cosignature").execute(database.pool()).await.unwrap();
    let running = bench.start_witnessed(vec![configured(&witness)]).await;
    bench.append_many(4).await;
    let grown = cosigned(&bench, &running).await;
    assert!(grown > size);
    assert_eq!(witness.signed_size().await, grown);
}

/// R46.2, H4: a log goes on without its witnesses, says why they did not sign, and has them sign once they can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_goes_on_without_its_witnesses() {
    let bench = Bench::in_memory();
    let mut witness = Witness::new("witness.example/w1").await;
    let running = bench.start_witnessed(vec![configured(&witness)]).await;
    bench.append_many(4).await;
    let size = bench.settled(&running).await;

    let said = problem(&bench, &running).await;
    assert!(said.contains("cannot be reached"), "{said}");
    let shown = async || {
        let shown = running.tiles().checkpoint().await.unwrap();
        running.verifier.checkpoint(&shown).unwrap().size
    };
    until("the checkpoint without cosignature", async || shown().await >= size).await;
    let report = running.tiles().verify(&running.verifier, &required(&witness)).await.unwrap();
    let missing = Finding::NotCosigned { witness: witness.name.clone() };
    assert_eq!(report.findings.first(), Some(&missing));
    let auditor = bench.auditor(&running).await;
    let report = auditor.verify(&running.verifier, &required(&witness)).await.unwrap();
    assert_eq!(report.findings, [missing]);

    witness.start().await;
    let unknown = async || status(&bench, &running).await.problem.contains("does not know the log");
    until("the refusal", unknown).await;
    witness.stop().await;
    witness.trust(ORIGIN, &bench.log_key()).await;
    witness.start().await;
    cosigned(&bench, &running).await;
    assert_eq!(status(&bench, &running).await.problem, "");
}

/// R46.2: a witness that was told another key of the log signs nothing, and the log says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn witness_with_another_key_of_the_log_refuses() {
    let bench = Bench::in_memory();
    let mut witness = Witness::new("witness.example/w1").await;
    let other = publicdata_audit_domain::LogKey::from_seed(ORIGIN, [8; 32]).unwrap();
    witness.trust(ORIGIN, other.verifier_key()).await;
    witness.start().await;
    let running = bench.start_witnessed(vec![configured(&witness)]).await;
    bench.append_many(1).await;

    let said = problem(&bench, &running).await;

    assert!(said.contains("does not accept the log's signature (403)"), "{said}");
}

/// R46.2, R11.1: a log that was restored from an older copy is noticed by its witness, and says so itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_restored_from_an_older_copy_is_noticed_by_its_witness() {
    let bench = Bench::in_memory();
    let (witness, size) = cosigned_and_lost(&bench).await;
    // Streams and log alike are those of an earlier day.
    let older = Doctored::store(&bench, |commit| (commit.sequence <= 2).then_some(commit));
    let running = bench.start_with(older, vec![configured(&witness)]).await;
    running.reaches(6).await;

    let of_older_copy = async || {
        let said = status(&bench, &running).await.problem;
        said.contains(&format!("signed a tree of {size} leaves"))
            && said.contains("restored from an older copy")
    };
    until("the objection", of_older_copy).await;
}

/// R46.2: a log whose history was changed is not cosigned again, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_history_is_refused_by_its_witness() {
    let bench = Bench::in_memory();
    let (witness, size) = cosigned_and_lost(&bench).await;
    let other = Doctored::store(&bench, |mut commit| {
        if commit.sequence == 1 {
            commit.payload = Bytes::from_static(b"history as it should have been");
        }
        Some(commit)
    });
    let running = bench.start_with(other, vec![configured(&witness)]).await;
    running.reaches(size).await;

    let of_history = async || {
        status(&bench, &running).await.problem.contains("signed before: history was changed")
    };
    until("the objection", of_history).await;
    assert_eq!(witness.signed_size().await, size);
}

/// A witness that answers all offers with the same words.
struct Parrot {
    config: WitnessConfig,
    _tasks: Tasks,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn id(key: &SigningKey) -> [u8; 4] {
    let bytes = [&[4], &key.verifying_key().as_bytes()[..]].concat();
    signed_note::key_id("parrot", &bytes).to_be_bytes()
}

/// The parrot's signature line of this text.
fn line(key: &SigningKey, text: &str) -> String {
    let time_s = 1_767_000_000_u64;
    let message = format!("cosignature/v1\ntime {time_s}\n{text}");
    let signature = key.sign(message.as_bytes()).to_bytes();
    let bytes = [&id(key)[..], &time_s.to_be_bytes(), &signature].concat();
    format!("— parrot {}\n", BASE64_STANDARD.encode(bytes))
}

/// The size of the tree in this note.
fn size(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

impl Parrot {
    async fn start(status: u16, words: impl Into<Bytes>) -> Self {
        let words = words.into();
        Self::start_with(status, move |_| words.clone()).await
    }

    /// One that makes up its words from what it is offered.
    async fn start_with<F>(status: u16, words: F) -> Self
    where
        F: Fn(&str) -> Bytes + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let router = Router::new().fallback(move |offer: String| {
            let (_, note) = offer.split_once("\n\n").unwrap();
            let words = words(note);
            async move { (status, words).into_response() }
        });
        let tasks = Tasks::new();
        tasks.try_spawn("parrot", async move { axum::serve(listener, router).await });
        let bytes = [&[4], &key().verifying_key().as_bytes()[..]].concat();
        let vkey = format!("parrot+{}+{}", hex::encode(id(&key())), BASE64_STANDARD.encode(bytes));
        let config = WitnessConfig { name: "parrot".to_owned(), url, vkey };
        Self { config, _tasks: tasks }
    }
}

/// R46.2, H3: what is no cosignature by the witness's key of this checkpoint does not count, and is said to be what it is; the log goes
/// on all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_answers_do_not_count() {
    let stranger = SigningKey::from_bytes(&[10; 32]);
    let other = format!("{ORIGIN}\n1\n{}\n", BASE64_STANDARD.encode([0; 32]));
    for (status, words, says) in [
        (200, line(&key(), &other), "is wrong"),
        (200, line(&stranger, &other), "no cosignature by its key"),
        (200, "thank you\n".to_owned(), "not a signed note"),
        (200, String::new(), "no cosignature by its key"),
        (200, "x".repeat(1 << 20), "longer than 65536 bytes"),
        (409, "many\n".to_owned(), "does not say where"),
        (409, "0\n".to_owned(), "does not say where"),
        (302, String::new(), "status 302"),
        (500, String::new(), "status 500"),
    ] {
        let bench = Bench::in_memory();
        let parrot = Parrot::start(status, words).await;
        let running = bench.start_witnessed(vec![parrot.config.clone()]).await;
        bench.append_many(2).await;
        let size = bench.settled(&running).await;

        let said = problem(&bench, &running).await;
        assert!(said.contains(says), "{status}: {said}");
        let shown = async || running.tiles().checkpoint().await.unwrap();
        let is_shown = async || running.verifier.checkpoint(&shown().await).unwrap().size >= size;
        until("the checkpoint without cosignature", is_shown).await;
        assert!(!String::from_utf8(shown().await).unwrap().contains("parrot"));
    }
}

/// R46.2, H3: what a witness says of the checkpoint that it is offered does not count either, unless it signs that one, and nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_made_from_the_checkpoint_do_not_count() {
    type Words = fn(&str) -> String;
    let with_the_logs_signature: Words = |note| format!("\n{}", line(&key(), note));
    let once_more: Words = |note| format!("\n{}\n{}", note, line(&key(), note));
    let of_another_tree: Words = |note| format!("{}\n", size(note));
    let of_a_smaller_tree: Words = |note| format!("{}\n", size(note) - 1);
    for (status, words, says) in [
        (200, with_the_logs_signature, "not a signed note"),
        (200, once_more, "not a signed note"),
        (409, of_another_tree, "history was changed"),
        (409, of_a_smaller_tree, "does not say where"),
    ] {
        let bench = Bench::in_memory();
        let parrot = Parrot::start_with(status, move |note| words(note).into()).await;
        let running = bench.start_witnessed(vec![parrot.config.clone()]).await;
        bench.append_many(2).await;
        bench.settled(&running).await;

        let said = problem(&bench, &running).await;

        assert!(said.contains(says), "{status}: {said}");
        assert_eq!(self::status(&bench, &running).await.size, 0);
    }
}

/// H4: many who ask for the checkpoint at once are answered: none holds one connection to the database and waits for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_shown_the_checkpoint_at_once() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;

    let asked = join_all((0..64).map(|_| auditor.offered_checkpoint()));
    let answers = timeout(Duration::from_secs(10), asked).await.unwrap();

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// H4: a witness that accepts connections and never answers holds back no checkpoint for longer than its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_witness_is_given_up() {
    let bench = Bench::in_memory();
    let silent = TcpListener::bind(free_address()).await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let config = WitnessConfig { url, ..Parrot::start(200, "").await.config };
    let witnesses = vec![config.vkey.parse().unwrap()];
    let running = bench.start_witnessed(vec![config]).await;
    bench.append_many(2).await;
    status(&bench, &running).await;
    let size = bench.settled(&running).await;

    // Until then, outsiders are shown an older checkpoint, and whoever verifies that one is told how far it reaches.
    let patience = Duration::from_millis(100);
    let options = Verification { witnesses, patience, ..Verification::default() };
    let auditor = bench.auditor(&running).await;
    let report = auditor.verify(&running.verifier, &options).await.unwrap();
    assert!(report.size < size, "{report:?}");
    let behind = |finding: &Finding| matches!(finding, Finding::Behind { logged: 0, last: 2, .. });
    assert!(report.findings.iter().any(behind), "{:?}", report.findings);
    assert!(report.streams.iter().any(|line| (line.logged_sequence, line.last_sequence) == (0, 2)));

    let said = problem(&bench, &running).await;

    assert!(said.contains("no answer within 10 s"), "{said}");
    let shown = running.tiles().checkpoint().await.unwrap();
    assert!(running.verifier.checkpoint(&shown).unwrap().size <= size);
}
