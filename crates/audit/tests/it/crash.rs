//! The service is killed, again and again, while events go on.

use publicdata_audit::queries;
use publicdata_audit_domain::Checkpoint;
use publicdata_service_kit::testing::{Program, free_address};
use publicdata_views::Database;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::bench::{Bench, STREAMS, until};

const ROUNDS: usize = 8;
const EVENTS_PER_ROUND: u64 = 40;

/// Printed, so that a failure can be repeated: set `AUDIT_TEST_SEED` to it.
fn seeded() -> StdRng {
    #[expect(clippy::disallowed_methods, reason = "a test's seed, for whoever repeats it")]
    let given = std::env::var("AUDIT_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    #[expect(clippy::print_stderr, reason = "shown when the test fails")]
    {
        eprintln!("AUDIT_TEST_SEED={seed}");
    }
    StdRng::seed_from_u64(seed)
}

/// H1, H4: the service is cut off at random points, wherever its tasks happen to be, while events come; in the end each is
/// logged exactly once, and no signed checkpoint was ever taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_over_crashes_at_random_points() {
    let mut random = seeded();
    for bench in [Bench::on_nats().await, Bench::on_postgres().await] {
        let mut signed: Vec<Vec<u8>> = Vec::new();
        for _ in 0..ROUNDS {
            let running = bench.start().await;
            let auditor = bench.auditor(&running).await;
            let before = bench.events().await;
            let enough = before + random.random_range(1..EVENTS_PER_ROUND);
            tokio::join!(bench.append_many(EVENTS_PER_ROUND / 3), async {
                running.reaches(enough.min(before + EVENTS_PER_ROUND / 3)).await;
                signed.push(auditor.checkpoint().await.unwrap());
                for _ in 0..random.random_range(0..200) {
                    tokio::task::yield_now().await;
                }
                drop(running);
            });
        }

        let running = bench.start().await;
        let events = bench.settled(&running).await;
        let auditor = bench.auditor(&running).await;
        for checkpoint in signed {
            let options = publicdata_audit::client::Verification {
                old_checkpoint: Some(checkpoint),
                samples: 2,
                ..Default::default()
            };
            let report = auditor.verify(&running.verifier, &options).await.unwrap();
            assert_eq!(report.findings, []);
            assert!(report.continues.is_some());
            assert!(report.events >= events);
        }
    }
}

/// H4: the same with a real process and `kill -9`, in mid-transaction as it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_over_kill_9_of_the_process() {
    let mut random = seeded();
    let bench = Bench::on_nats_over_tls(&STREAMS).await;
    let config = bench.write_config(free_address());
    // Makes the tables, so that the log can be watched from outside; and then leaves the place to the process.
    drop(bench.start().await);
    let database = bench.database().await;

    for _ in 0..ROUNDS {
        let process = Program::start(env!("CARGO_BIN_EXE_publicdata-audit"), &config);
        let before = size(&database).await;
        let enough = before + random.random_range(1..=EVENTS_PER_ROUND / 3);
        tokio::join!(bench.append_many(EVENTS_PER_ROUND / 3), async {
            until("the process to log", async || size(&database).await >= enough).await;
            process.kill9().await;
        });
    }

    let running = bench.start().await;
    let events = bench.settled(&running).await;
    let auditor = bench.auditor(&running).await;
    let report = running.verify(&auditor).await;
    assert_eq!(report.findings, []);
    assert!(report.events >= events);
    assert!(every_checkpoint_holds(&database, &running.verifier).await > 1);
}

async fn size(database: &Database) -> u64 {
    let mut connection = database.pool().acquire().await.unwrap();
    queries::newest_checkpoint(&mut connection).await.unwrap().map_or(0, |newest| newest.size)
}

/// Every checkpoint that was ever signed is of a tree that the log had.
async fn every_checkpoint_holds(
    database: &Database,
    verifier: &publicdata_audit_domain::Verifier,
) -> usize {
    use publicdata_audit_domain::proof;

    let notes: Vec<String> = sqlx::query_scalar("SELECT note FROM log_checkpoint")
        .fetch_all(database.pool())
        .await
        .unwrap();
    let mut connection = database.pool().acquire().await.unwrap();
    for note in &notes {
        let signed: Checkpoint = verifier.checkpoint(note.as_bytes()).unwrap();
        let needs = proof::root_needs(signed.size);
        let hashes = queries::hashes(&mut connection, &needs).await.unwrap();
        assert_eq!(proof::root(signed.size, &hashes), Ok(signed.hash));
    }
    notes.len()
}
