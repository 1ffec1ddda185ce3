use prost::Message as _;
use publicdata_audit_domain::tree::Hashes;
use publicdata_audit_domain::{Logged, proof};
use publicdata_views::testing::{TestPostgres, postgres};
use sqlx::Row as _;
use tempfile::TempDir;

use super::*;

const ORIGIN: &str = "test.internal/audit";

fn key() -> LogKey {
    LogKey::from_seed(ORIGIN, [7; 32]).unwrap()
}

fn entry(stream: &str, sequence: u64) -> Entry {
    let leaf = publicdata_proto::audit::v1::Leaf {
        stream: stream.to_owned(),
        sequence,
        subject: format!("ev.catalog.organisation.{sequence}"),
        ..Default::default()
    };
    Entry {
        stream: stream.to_owned(),
        sequence,
        subject: leaf.subject.clone(),
        message_id: sequence.to_string(),
        recorded_at: "2026-03-02T04:00:00Z".parse().unwrap(),
        traceparent: None,
        leaf: leaf.encode_to_vec(),
    }
}

fn entries(stream: &str, sequences: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    sequences.map(|sequence| entry(stream, sequence)).collect()
}

/// A place for a log, on SQLite or on Postgres.
struct Place {
    url: String,
    _folder: Option<TempDir>,
    _server: Option<TestPostgres>,
}

impl Place {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("log.db").display());
        Self { url, _folder: Some(folder), _server: None }
    }

    fn postgres() -> Self {
        let server = postgres();
        Self { url: server.url(), _folder: None, _server: Some(server) }
    }

    fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres()]
    }

    async fn database(&self) -> Database {
        Database::open(&self.url).await.unwrap()
    }

    async fn log(&self) -> Log {
        Log::open(self.database().await, key()).await.unwrap()
    }
}

async fn newest(database: &Database) -> Checkpoint {
    let mut connection = database.pool().acquire().await.unwrap();
    let newest = queries::newest_checkpoint(&mut connection).await.unwrap().unwrap();
    let verifier: Verifier = key().verifier_key().parse().unwrap();
    verifier.checkpoint(newest.note.as_bytes()).unwrap()
}

#[tokio::test]
async fn new_log_has_a_signed_checkpoint_of_nothing() {
    let place = Place::sqlite();
    let log = place.log().await;

    let checkpoint = newest(&log.database).await;

    assert_eq!(checkpoint, Checkpoint { size: 0, hash: Tree::default().root() });
}

/// R23.2: leaves, hashes, positions and checkpoint fit together, and every leaf can be proven, on both databases.
#[tokio::test]
async fn appended_entries_can_be_proven() {
    for place in Place::both() {
        let mut log = place.log().await;
        // More than one statement takes.
        let batch = entries("CATALOG", 1..=1_100);
        let appended = log.append(&batch).await.unwrap();
        assert_eq!(appended.entered.len(), 1_100);

        let checkpoint = newest(&log.database).await;
        assert_eq!(checkpoint.size, 1_100);
        let mut connection = log.database.pool().acquire().await.unwrap();
        for index in [0, 1, 511, 512, 1_099] {
            let needs = proof::inclusion_needs(1_100, index).unwrap();
            let hashes = queries::hashes(&mut connection, &needs).await.unwrap();
            let inclusion = proof::inclusion(1_100, index, &hashes).unwrap();
            let row = queries::leaf_at(&mut connection, index).await.unwrap().unwrap();
            assert_eq!((row.stream.as_str(), row.sequence), ("CATALOG", index + 1));
            let hash = tree::leaf_hash(&row.leaf);
            assert_eq!(proof::check_inclusion(&checkpoint, index, &hash, &inclusion), Ok(()));
        }
        let logged = queries::coverage(&mut connection).await.unwrap().of("CATALOG");
        assert_eq!(logged, Logged { sequence: 1_100, count: 1_100 });
    }
}

/// H4, H1: what is delivered again, in whole or in part, enters once.
#[tokio::test]
async fn repeated_entries_enter_once() {
    for place in Place::both() {
        let mut log = place.log().await;
        log.append(&entries("CATALOG", 1..=5)).await.unwrap();

        let batch = entries("CATALOG", 3..=7);
        let appended = log.append(&batch).await.unwrap();

        let entered: Vec<_> =
            appended.entered.iter().map(|(index, entry)| (*index, entry.sequence)).collect();
        assert_eq!(entered, [(5, 6), (6, 7)]);
        assert_eq!(newest(&log.database).await.size, 7);
    }
}

#[tokio::test]
async fn nothing_enters_after_a_gap_but_other_streams_go_on() {
    let place = Place::sqlite();
    let mut log = place.log().await;
    let batch = [entry("CATALOG", 1), entry("CATALOG", 3), entry("EXCHANGE", 1)];

    let appended = log.append(&batch).await.unwrap();

    assert_eq!(appended.entered, [(0, &batch[0]), (1, &batch[2])]);
    let gap = Gap { stream: "CATALOG".to_owned(), expected: 2, found: 3 };
    assert_eq!(appended.gaps, [gap]);
}

/// H4: a log that is opened again goes on with the same tree.
#[tokio::test]
async fn reopened_log_goes_on() {
    for place in Place::both() {
        let mut log = place.log().await;
        log.append(&entries("CATALOG", 1..=6)).await.unwrap();
        drop(log);

        let mut log = place.log().await;
        assert_eq!(*log.size().borrow(), 6);
        assert_eq!(log.next_sequence("CATALOG").await.unwrap(), 7);
        log.append(&entries("CATALOG", 7..=9)).await.unwrap();

        let mut tree = Tree::default();
        for entry in entries("CATALOG", 1..=9) {
            tree.append(&entry.leaf);
        }
        assert_eq!(newest(&log.database).await, Checkpoint { size: 9, hash: tree.root() });
    }
}

/// H4: two writers at once, as in a rolling update, write one log: the slower one takes up what the faster one wrote.
#[tokio::test]
async fn two_writers_write_one_log() {
    for place in Place::both() {
        let mut first = place.log().await;
        let mut second = place.log().await;
        first.append(&entries("CATALOG", 1..=3)).await.unwrap();

        let batch = entries("CATALOG", 1..=4);
        let error = second.append(&batch).await.unwrap_err();
        assert!(error.is_contested(), "{error:?}");
        let appended = second.append(&batch).await.unwrap();

        assert_eq!(appended.entered, [(3, &batch[3])]);
        assert_eq!(newest(&second.database).await.size, 4);
    }
}

/// H4: a write that fails half-way leaves nothing behind, and is repeated whole.
#[tokio::test]
async fn failed_write_leaves_no_trace() {
    let place = Place::sqlite();
    let mut log = place.log().await;
    let database = place.database().await;
    log.append(&entries("CATALOG", 1..=2)).await.unwrap();
    // The last statement of the transaction fails.
    let mut connection = database.pool().acquire().await.unwrap();
    connection.execute("ALTER TABLE log_checkpoint RENAME TO away").await.unwrap();

    let batch = entries("CATALOG", 3..=4);
    assert!(log.append(&batch).await.is_err());
    connection.execute("ALTER TABLE away RENAME TO log_checkpoint").await.unwrap();

    let leaves = connection.fetch_one("SELECT count(*) FROM log_leaf").await.unwrap();
    assert_eq!(leaves.try_get::<i64, _>(0).unwrap(), 2);
    assert_eq!(log.append(&batch).await.unwrap().entered.len(), 2);
}

#[tokio::test]
async fn log_of_another_key_is_refused() {
    let place = Place::sqlite();
    place.log().await.append(&entries("CATALOG", 1..=2)).await.unwrap();

    let other = LogKey::from_seed(ORIGIN, [8; 32]).unwrap();
    let opened = Log::open(place.database().await, other).await;

    assert!(matches!(opened, Err(LogError::Checkpoint(_))));
}

/// R23.2: a tree that was changed behind the checkpoint is not gone on with.
#[tokio::test]
async fn altered_tree_is_refused() {
    let place = Place::sqlite();
    place.log().await.append(&entries("CATALOG", 1..=4)).await.unwrap();
    let database = place.database().await;
    let hash = hex::encode([0; 32]);
    sqlx::query("UPDATE log_hash SET hash = $1 WHERE hash_index = 6")
        .bind(hash)
        .execute(database.pool())
        .await
        .unwrap();

    let opened = Log::open(database, key()).await;

    assert!(matches!(opened, Err(LogError::OtherRoot { size: 4 })));
}

/// The schema itself refuses an event that is there.
#[tokio::test]
async fn schema_refuses_an_event_twice() {
    for place in Place::both() {
        let mut log = place.log().await;
        log.append(&entries("CATALOG", 1..=2)).await.unwrap();

        let again = entry("CATALOG", 2);
        let mut transaction = log.database.begin().await.unwrap();
        let inserted = rows::insert_leaves(transaction.connection(), &[(2, &again)]).await;

        assert!(inserted.is_err());
    }
}

#[tokio::test]
async fn leaves_are_filtered_and_paged() {
    for place in Place::both() {
        let mut log = place.log().await;
        log.append(&[entry("CATALOG", 1), entry("EXCHANGE", 1), entry("CATALOG", 2)])
            .await
            .unwrap();
        let mut connection = log.database.pool().acquire().await.unwrap();
        let mut found = async |filter: queries::Filter, range, limit| {
            let leaves = queries::leaves(&mut connection, &filter, range, limit).await.unwrap();
            leaves.iter().map(|leaf| leaf.index).collect::<Vec<_>>()
        };
        let all = queries::Filter::default();
        let stream = queries::Filter { stream: "CATALOG".to_owned(), ..all.clone() };
        let subject = "ev.catalog.organisation.2".to_owned();
        let subject = queries::Filter { subject_prefix: subject, ..all.clone() };
        let later = "2026-03-02T04:00:01Z".parse().unwrap();
        let later = queries::Filter { from: later, ..all.clone() };

        assert_eq!(found(all.clone(), 0..3, 10).await, [0, 1, 2]);
        assert_eq!(found(all.clone(), 1..2, 10).await, [1]);
        assert_eq!(found(all, 0..3, 2).await, [0, 1]);
        assert_eq!(found(stream, 0..3, 10).await, [0, 2]);
        assert_eq!(found(subject, 0..3, 10).await, [2]);
        assert_eq!(found(later, 0..3, 10).await, [0_u64; 0]);
    }
}

#[tokio::test]
async fn missing_hashes_are_left_out() {
    let place = Place::sqlite();
    let log = place.log().await;
    let mut connection = log.database.pool().acquire().await.unwrap();

    assert_eq!(queries::hashes(&mut connection, &[0, 1]).await.unwrap(), Hashes::default());
    assert_eq!(queries::leaf_hash(&mut connection, 0).await.unwrap(), None);
}
