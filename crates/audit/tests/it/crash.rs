//! The service is killed, again and again, while events go on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use publicdata_audit::client::TileLog;
use publicdata_audit::queries;
use publicdata_audit_domain::Checkpoint;
use publicdata_service_kit::testing::{Program, free_address};
use publicdata_views::Database;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::bench::{Bench, STREAMS, until};

const ROUNDS: usize = 8;
const EVENTS_PER_ROUND: u64 = 40;
const KILLS: usize = 100;
/// In each stream.
const EVENTS_PER_KILL: u64 = 4;

/// Printed, so that a failure can be repeated: set `AUDIT_TEST_SEED` to it.
pub(crate) fn seeded() -> StdRng {
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

/// H1, H4: a real process is killed with `kill -9` a hundred times: while it starts, and while it logs, in mid-transaction as it comes. No
/// event is logged twice, none is missing, and no checkpoint that it ever showed is contradicted by a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_over_a_hundred_kills_of_the_process() {
    let mut random = seeded();
    let bench = Bench::on_nats_over_tls(&STREAMS).await;
    // Makes the tables, so that the log can be watched from outside; and then leaves the place to the process.
    drop(bench.start().await);
    let database = bench.database().await;
    let (config, tiles) = process_config(&bench, "audit");

    let mut shown = BTreeSet::new();
    for _ in 0..KILLS {
        let process = Program::start(env!("CARGO_BIN_EXE_publicdata-audit"), &config);
        let before = size(&database).await;
        let moment = match random.random_bool(0.2) {
            true => Moment::Starting(Duration::from_micros(random.random_range(0..300_000))),
            false => Moment::Logging {
                size: before + random.random_range(1..=EVENTS_PER_KILL * 3),
                further: Duration::from_micros(random.random_range(0..2_000)),
            },
        };
        tokio::join!(bench.append_many(EVENTS_PER_KILL), async {
            moment.comes(&database, &tiles, &mut shown).await;
            process.kill9().await;
        });
    }

    let running = bench.start().await;
    let events = bench.settled(&running).await;
    let auditor = bench.auditor(&running).await;
    let report = running.verify(&auditor).await;
    assert_eq!(report.findings, []);
    assert!(report.events >= events);
    assert!(every_checkpoint_holds(&database, &running.verifier, &shown).await > KILLS / 2);
    assert!(!shown.is_empty());
}

/// H1, H4: a second audit service, started by mistake on the same database, does no harm: while both log, and one is killed and started
/// again and again, each event is logged once, and what either of them shows is the one log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_instance_by_mistake_does_no_harm() {
    let mut random = seeded();
    let bench = Bench::on_nats_over_tls(&STREAMS).await;
    drop(bench.start().await);
    let database = bench.database().await;
    let ((first, first_tiles), (second, second_tiles)) =
        (process_config(&bench, "first"), process_config(&bench, "second"));
    let _first = Program::start(env!("CARGO_BIN_EXE_publicdata-audit"), &first);

    let (mut shown, mut shown_by_second) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..ROUNDS {
        let process = Program::start(env!("CARGO_BIN_EXE_publicdata-audit"), &second);
        until("both to serve", async || {
            let both = [first_tiles.checkpoint().await, second_tiles.checkpoint().await];
            both.iter().all(Result::is_ok)
        })
        .await;
        let before = size(&database).await;
        let moment = Moment::Logging {
            size: before + random.random_range(1..=EVENTS_PER_ROUND),
            further: Duration::from_micros(random.random_range(0..2_000)),
        };
        tokio::join!(bench.append_many(EVENTS_PER_ROUND / 3 + 1), async {
            moment.comes(&database, &second_tiles, &mut shown_by_second).await;
            process.kill9().await;
        });
        shown.extend(first_tiles.checkpoint().await.ok());
    }

    shown.extend(shown_by_second);
    let running = bench.start().await;
    bench.settled(&running).await;
    let auditor = bench.auditor(&running).await;
    assert_eq!(running.verify(&auditor).await.findings, []);
    assert!(every_checkpoint_holds(&database, &running.verifier, &shown).await > ROUNDS);
}

/// When a process is killed.
enum Moment {
    /// So long after its start, wherever it is then.
    Starting(Duration),
    /// As soon as the log has so many events, and a little further.
    Logging { size: u64, further: Duration },
}

impl Moment {
    /// Waits for it, and keeps what the process shows meanwhile.
    async fn comes(&self, database: &Database, tiles: &TileLog, shown: &mut BTreeSet<Vec<u8>>) {
        match self {
            Self::Starting(after) => {
                let due = Instant::now() + *after;
                while Instant::now() < due {
                    shown.extend(tiles.checkpoint().await.ok());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Self::Logging { size: enough, further } => {
                until("the process to log", async || {
                    shown.extend(tiles.checkpoint().await.ok());
                    size(database).await >= *enough
                })
                .await;
                let due = Instant::now() + *further;
                while Instant::now() < due {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// The configuration of a process of this name, and where it shows the log.
fn process_config(bench: &Bench, name: &str) -> (PathBuf, TileLog) {
    let http = free_address();
    let config = bench.write_config_as(name, free_address(), http);
    (config, TileLog::new(&format!("http://{http}")).unwrap())
}

async fn size(database: &Database) -> u64 {
    let mut connection = database.pool().acquire().await.unwrap();
    queries::newest_checkpoint(&mut connection).await.unwrap().map_or(0, |newest| newest.size)
}

/// Every checkpoint that stands in the log or was shown is of a tree that the log had; how many there are.
async fn every_checkpoint_holds(
    database: &Database,
    verifier: &publicdata_audit_domain::Verifier,
    shown: &BTreeSet<Vec<u8>>,
) -> usize {
    use publicdata_audit_domain::proof;

    let notes: Vec<String> = sqlx::query_scalar("SELECT note FROM log_checkpoint")
        .fetch_all(database.pool())
        .await
        .unwrap();
    let mut connection = database.pool().acquire().await.unwrap();
    let stored = notes.into_iter().map(String::into_bytes);
    let notes: BTreeSet<Vec<u8>> = stored.chain(shown.iter().cloned()).collect();
    for note in &notes {
        let signed: Checkpoint = verifier.checkpoint(note).unwrap();
        let needs = proof::root_needs(signed.size);
        let hashes = queries::hashes(&mut connection, &needs).await.unwrap();
        assert_eq!(proof::root(signed.size, &hashes), Ok(signed.hash));
    }
    notes.len()
}
