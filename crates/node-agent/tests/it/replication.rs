//! Changes of a PostgreSQL table, seen by logical replication (R23.1).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use publicdata_node_agent::changes::cursors::Cursors;
use publicdata_node_agent::changes::{ChangesError, Range};
use publicdata_node_agent::config::{ChangesConfig, DatasetConfig, Secret};
use publicdata_node_agent::dataset::Dataset;
use publicdata_transfer::push::{Content, Follows};
use publicdata_views::testing::TestPostgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use crate::changes::{Watched, changes, people, read};

const CHANGES: Content = Content::Changes(Follows::Nothing);
const MORE: Content = Content::Changes(Follows::More);
const TABLE: &str = "CREATE TABLE people (code text PRIMARY KEY, size bigint, note text); \
    CREATE PUBLICATION changes FOR TABLE people";
const PATIENCE: Duration = Duration::from_secs(20);

/// A database whose changes are followed.
struct Place {
    folder: TempDir,
    postgres: TestPostgres,
    rows_per_delivery: u64,
}

/// What a delivery brings: the rows, and the keys of those that are gone.
type Brought = (Vec<(String, i64)>, Vec<String>);

/// R23.1: the first delivery is the table; then come rows that are new or have changed, and what is gone is said to be.
#[tokio::test]
async fn what_changed_comes_and_what_is_gone_is_told() {
    let place = Place::new(TABLE).await;
    place.execute("INSERT INTO people VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4)").await;
    let feed = place.feed();

    let whole = feed.plan(None, u64::MAX).await.unwrap();
    assert_eq!(whole.content(), Content::Whole);
    let all = [("a", 1), ("b", 2), ("c", 3), ("d", 4)];
    assert_eq!(brought(&feed, &whole).await, expected(&all, &[]));

    let nothing = feed.plan(Some(&whole), u64::MAX).await.unwrap();
    assert_eq!((nothing.content(), brought(&feed, &nothing).await), (CHANGES, expected(&[], &[])));

    place.execute("INSERT INTO people VALUES ('e', 5)").await;
    place.execute("UPDATE people SET size = 20 WHERE code = 'b'").await;
    place.execute("UPDATE people SET code = 'f' WHERE code = 'c'").await;
    place.execute("DELETE FROM people WHERE code = 'd'").await;
    place.execute("INSERT INTO people VALUES ('g', 7); DELETE FROM people WHERE code = 'g'").await;
    let range = feed.plan(Some(&nothing), u64::MAX).await.unwrap();
    assert_eq!(range.content(), CHANGES);
    let rows = [("b", 20), ("e", 5), ("f", 3)];
    assert_eq!(brought(&feed, &range).await, expected(&rows, &["c", "d", "g"]));

    let nothing = feed.plan(Some(&range), u64::MAX).await.unwrap();
    assert_eq!(brought(&feed, &nothing).await, expected(&[], &[]));
}

/// R23.1: many changes come in parts; a row that changes meanwhile comes with a later one, as it is then.
#[tokio::test]
async fn changes_come_in_parts() {
    let place = Place { rows_per_delivery: 2, ..Place::new(TABLE).await };
    let feed = place.feed();
    let whole = feed.plan(None, u64::MAX).await.unwrap();
    place
        .execute("INSERT INTO people VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4), ('e', 5)")
        .await;

    let first = feed.plan(Some(&whole), u64::MAX).await.unwrap();
    assert_eq!(
        (first.content(), brought(&feed, &first).await),
        (MORE, expected(&[("a", 1), ("b", 2)], &[]))
    );
    place.execute("UPDATE people SET size = 30 WHERE code = 'c'").await;
    place.execute("UPDATE people SET size = 10 WHERE code = 'a'").await;
    let second = feed.plan(Some(&first), u64::MAX).await.unwrap();
    assert_eq!(
        (second.content(), brought(&feed, &second).await),
        (MORE, expected(&[("d", 4), ("e", 5)], &[]))
    );
    let third = feed.plan(Some(&second), u64::MAX).await.unwrap();
    assert_eq!(
        (third.content(), brought(&feed, &third).await),
        (CHANGES, expected(&[("a", 10), ("c", 30)], &[]))
    );
    // A grant's limit makes parts as well.
    let one = feed.plan(Some(&whole), 1).await.unwrap();
    assert_eq!((one.content(), brought(&feed, &one).await.0.len()), (MORE, 1));
}

/// R23.1: whatever stands in a key, and of whichever types it is, the row is found by it.
#[tokio::test]
async fn a_key_may_hold_anything() {
    let place = Place::new(
        "CREATE TABLE people (code text, number integer, at timestamptz, size bigint, \
         PRIMARY KEY (code, number, at)); CREATE PUBLICATION changes FOR TABLE people",
    )
    .await;
    let config = DatasetConfig {
        order_by: ["code", "number", "at"].map(str::to_owned).to_vec(),
        ..place.config()
    };
    let feed = Watched::new(&config, place.cursors());
    let whole = feed.plan(None, u64::MAX).await.unwrap();
    let codes =
        ["", "'", "\"", "\\", "a,b", "{x}", "NULL", "null", " ", "汉字", "a\nb", "%s", "$1"];
    let mut connection = place.connect().await;
    for code in codes {
        let insert = "INSERT INTO people VALUES ($1, 7, '2026-03-02T04:00:00.5Z', 1), \
            ($1, 8, '2026-03-02T04:00:00.5Z', 2)";
        sqlx::query(insert).bind(code).execute(&mut connection).await.unwrap();
    }
    sqlx::query("DELETE FROM people WHERE number = 8").execute(&mut connection).await.unwrap();

    let range = feed.plan(Some(&whole), u64::MAX).await.unwrap();
    let (rows, gone) = brought(&feed, &range).await;
    let mut codes: Vec<_> = codes.map(str::to_owned).to_vec();
    codes.sort_unstable();
    assert_eq!(rows.into_iter().map(|(code, _)| code).collect::<Vec<_>>(), codes);
    assert_eq!(gone, codes);
}

/// R23.1: what a transaction did comes when it has ended well, and all of it; what was undone does not.
#[tokio::test]
async fn a_transaction_comes_when_it_has_ended() {
    let place = Place::new(TABLE).await;
    let feed = place.feed();
    let whole = feed.plan(None, u64::MAX).await.unwrap();
    let (mut first, mut second) = (place.connect().await, place.connect().await);
    let mut long = first.begin().await.unwrap();
    sqlx::raw_sql("INSERT INTO people VALUES ('a', 1)").execute(&mut *long).await.unwrap();
    let mut undone = second.begin().await.unwrap();
    sqlx::raw_sql("INSERT INTO people VALUES ('x', 9)").execute(&mut *undone).await.unwrap();
    undone.rollback().await.unwrap();
    place.execute("INSERT INTO people VALUES ('b', 2)").await;

    let range = feed.plan(Some(&whole), u64::MAX).await.unwrap();
    assert_eq!(brought(&feed, &range).await, expected(&[("b", 2)], &[]));
    long.commit().await.unwrap();
    let range = feed.plan(Some(&range), u64::MAX).await.unwrap();
    assert_eq!(brought(&feed, &range).await, expected(&[("a", 1)], &[]));
}

/// R23.1: a transaction stands in the log before anybody sees what it did, as long as a synchronous standby is away. Its rows are not
/// taken for delivered before they are seen.
#[tokio::test]
async fn a_transaction_that_nobody_sees_yet_is_waited_for() {
    let place = Place::new(TABLE).await;
    place.execute("INSERT INTO people VALUES ('a', 1)").await;
    let feed = place.feed();
    let whole = feed.plan(None, u64::MAX).await.unwrap();
    place.execute("ALTER SYSTEM SET synchronous_standby_names = 'away'").await;
    place.execute("SELECT pg_reload_conf()").await;
    let waiting = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let is_seen = AtomicBool::new(false);
    // The server does not say when all its processes have read the setting: a transaction before that waits for nobody.
    let writing = async {
        while !is_seen.load(Ordering::Relaxed) {
            place.execute("UPDATE people SET size = 10").await;
        }
    };
    let looking = async {
        place.wait(waiting, "1").await;
        is_seen.store(true, Ordering::Relaxed);
        let error = feed.plan(Some(&whole), u64::MAX).await.unwrap_err();
        assert!(matches!(error, ChangesError::Invisible), "{error:?}");
        place.execute("ALTER SYSTEM RESET synchronous_standby_names").await;
        place.execute("SELECT pg_reload_conf()").await;
    };
    tokio::join!(writing, looking);

    let range = feed.plan(Some(&whole), u64::MAX).await.unwrap();
    assert_eq!(brought(&feed, &range).await, expected(&[("a", 10)], &[]));
}

/// R23.1: a table that was emptied is delivered anew, as a whole.
#[tokio::test]
async fn an_emptied_table_comes_as_a_whole() {
    let place = Place::new(TABLE).await;
    place.execute("INSERT INTO people VALUES ('a', 1), ('b', 2)").await;
    let feed = place.feed();
    let before = feed.plan(None, u64::MAX).await.unwrap();
    let state = feed.state().await.unwrap();
    place.execute("TRUNCATE people").await;
    assert_ne!(feed.state().await.unwrap(), state);
    place.execute("INSERT INTO people VALUES ('c', 3)").await;

    let range = feed.plan(Some(&before), u64::MAX).await.unwrap();
    assert_eq!(range.content(), Content::Whole);
    assert_eq!(brought(&feed, &range).await, expected(&[("c", 3)], &[]));
    let range = feed.plan(Some(&range), u64::MAX).await.unwrap();
    assert_eq!((range.content(), brought(&feed, &range).await), (CHANGES, expected(&[], &[])));
}

/// H4: the node and the database may be started again; what changed meanwhile comes, as changes.
#[tokio::test]
async fn a_restart_of_either_loses_nothing() {
    let mut place = Place::new(TABLE).await;
    place.execute("INSERT INTO people VALUES ('a', 1), ('b', 2)").await;
    let before = place.feed().plan(None, u64::MAX).await.unwrap();
    place.execute("UPDATE people SET size = 10 WHERE code = 'a'").await;
    place.feed().state().await.unwrap();
    place.execute("DELETE FROM people WHERE code = 'b'").await;
    place.postgres.kill9_and_restart();
    place.execute("INSERT INTO people VALUES ('c', 3)").await;

    let feed = place.feed();
    let range = feed.plan(Some(&before), u64::MAX).await.unwrap();
    assert_eq!(range.content(), CHANGES);
    assert_eq!(brought(&feed, &range).await, expected(&[("a", 10), ("c", 3)], &["b"]));
}

/// H4: where somebody else took changes from the slot, or it is gone, or another table is followed, everything comes anew.
#[tokio::test]
async fn changes_that_may_have_been_missed_bring_everything() {
    let place = Place::new(TABLE).await;
    place.execute("INSERT INTO people VALUES ('a', 1)").await;
    let feed = place.feed();
    let mut before = feed.plan(None, u64::MAX).await.unwrap();
    let slot = "(SELECT slot_name FROM pg_replication_slots)";
    let lose = [
        // It was not published when the row came.
        "ALTER PUBLICATION changes DROP TABLE people; INSERT INTO people VALUES ('0', 0); \
         ALTER PUBLICATION changes ADD TABLE people"
            .to_owned(),
        "DROP PUBLICATION changes; INSERT INTO people VALUES ('00', 0); \
         CREATE PUBLICATION changes FOR TABLE people"
            .to_owned(),
        format!("INSERT INTO people VALUES ('b', 2); SELECT pg_drop_replication_slot({slot})"),
        format!(
            "INSERT INTO people VALUES ('c', 3); \
             SELECT pg_replication_slot_advance({slot}, pg_current_wal_lsn())"
        ),
        "CREATE TABLE others (LIKE people); ALTER TABLE people RENAME TO former; \
         ALTER TABLE others RENAME TO people; ALTER TABLE people ADD PRIMARY KEY (code); \
         ALTER PUBLICATION changes ADD TABLE people; INSERT INTO people VALUES ('d', 4)"
            .to_owned(),
    ];
    for (number, statements) in lose.iter().enumerate() {
        let state = feed.state().await.unwrap();
        for statement in statements.split("; ") {
            place.execute(statement).await;
        }
        let after = feed.plan(Some(&before), u64::MAX).await.unwrap();
        assert_eq!(after.content(), Content::Whole, "{statements}");
        assert_ne!(feed.state().await.unwrap(), state, "{statements}");
        let all = [("0", 0), ("00", 0), ("a", 1), ("b", 2), ("c", 3)];
        let all: &[_] = match number {
            0 => &[("0", 0), ("a", 1)],
            4 => &[("d", 4)],
            number => &all[..number + 2],
        };
        assert_eq!(brought(&feed, &after).await, expected(all, &[]), "{statements}");
        before = after;
    }
}

/// R23.1: a transaction of any size is read bit by bit, and its rows come each once.
#[tokio::test]
async fn a_great_transaction_comes_in_parts() {
    const ROWS: u64 = 25_000;

    let place = Place { rows_per_delivery: 9_000, ..Place::new(TABLE).await };
    let feed = place.feed();
    let mut range = feed.plan(None, u64::MAX).await.unwrap();
    place
        .execute(&format!(
            "INSERT INTO people SELECT to_char(i, 'FM00000'), i FROM generate_series(1, {ROWS}) AS i"
        ))
        .await;
    let mut all = Vec::new();
    loop {
        range = feed.plan(Some(&range), u64::MAX).await.unwrap();
        all.extend(brought(&feed, &range).await.0);
        if range.content() == CHANGES {
            break;
        }
    }
    assert_eq!(all.len() as u64, ROWS);
    assert!(
        all.iter().zip(1..).all(|((code, size), row)| *size == row && *code == format!("{row:05}"))
    );
}

/// A table that does not change does not keep the database from throwing its log away.
#[tokio::test]
async fn a_quiet_table_does_not_hold_back_the_log() {
    let place = Place::new(TABLE).await;
    let feed = place.feed();
    let state = feed.state().await.unwrap();
    place
        .execute(
            "CREATE TABLE others AS SELECT repeat(md5(i::text), 60) AS text \
             FROM generate_series(1, 20000) AS i",
        )
        .await;
    assert_eq!(feed.state().await.unwrap(), state);
    let held = place
        .ask("SELECT (pg_current_wal_lsn() - confirmed_flush_lsn)::text FROM pg_replication_slots")
        .await;
    assert!(held.parse::<u64>().unwrap() < 1 << 20, "{held} bytes");
}

/// H3: what is missing at the database is said before anything is delivered, with what is to be done about it.
#[tokio::test]
async fn what_is_not_set_up_is_said() {
    let place = Place::new("SELECT 1").await;
    let dataset = Dataset::new(&place.config()).unwrap();
    let mut known = Vec::new();
    for (statement, expected) in [
        (
            "CREATE TABLE people (code text NOT NULL, size bigint)",
            "CREATE PUBLICATION changes FOR TABLE people",
        ),
        (
            "CREATE PUBLICATION changes FOR TABLE people WITH (publish = 'insert')",
            "publish insert, update",
        ),
        (
            "ALTER PUBLICATION changes SET (publish = 'insert, update, delete, truncate')",
            "REPLICA IDENTITY FULL",
        ),
        ("ALTER TABLE people REPLICA IDENTITY FULL", ""),
        (
            "ALTER TABLE people ADD PRIMARY KEY (code); ALTER TABLE people REPLICA IDENTITY DEFAULT",
            "",
        ),
        ("CREATE TABLE heirs () INHERITS (people)", "inherit from it"),
        ("DROP TABLE heirs; ANALYZE people", ""),
        ("ALTER PUBLICATION changes SET TABLE people WHERE (code < 'm')", "without a row filter"),
        ("DROP PUBLICATION changes", "CREATE PUBLICATION changes"),
        ("CREATE PUBLICATION changes FOR ALL TABLES", ""),
        (
            "SELECT pg_create_logical_replication_slot('mine', 'test_decoding')",
            "choose another name",
        ),
    ] {
        place.execute(statement).await;
        let said = match dataset.check().await {
            Ok(()) => String::new(),
            Err(error) => publicdata_service_kit::problem::chain(&error),
        };
        assert!(
            said.contains(expected) && said.is_empty() == expected.is_empty(),
            "{statement}: {said}"
        );
        known.push(said);
    }
    assert!(known.iter().all(|said| !said.contains("secret")));
}

/// H5: the log tells of rows that row security hides from the node's account, so they are not followed.
#[tokio::test]
async fn rows_that_are_hidden_are_not_followed() {
    let place = Place::new(TABLE).await;
    place.execute("CREATE ROLE reader LOGIN REPLICATION; GRANT SELECT ON people TO reader").await;
    let url = place.postgres.url().replace("postgres@", "reader@");
    let config = DatasetConfig { url: Some(Secret(url)), ..place.config() };
    let dataset = Dataset::new(&config).unwrap();
    dataset.check().await.unwrap();

    place.execute("ALTER TABLE people ENABLE ROW LEVEL SECURITY").await;
    let said = publicdata_service_kit::problem::chain(&dataset.check().await.unwrap_err());
    assert!(said.contains("row security hides rows"), "{said}");
}

// === impl Place ===

impl Place {
    async fn new(statements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = publicdata_views::testing::postgres();
        let place = Self { folder, postgres, rows_per_delivery: 1_000_000 };
        place.execute(statements).await;
        place
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.postgres.url()).await.unwrap()
    }

    async fn execute(&self, statements: &str) {
        let mut connection = self.connect().await;
        let statements = AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    }

    async fn ask(&self, query: &str) -> String {
        let mut connection = self.connect().await;
        sqlx::query(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap()
            .get(0)
    }

    /// Waits until a query has this answer.
    async fn wait(&self, query: &str, answer: &str) {
        let waiting = async {
            while self.ask(query).await != answer {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect(query);
    }

    fn cursors(&self) -> Cursors {
        Cursors::new(self.folder.path())
    }

    /// As a node has it after a start.
    fn feed(&self) -> Watched {
        Watched::new(&self.config(), self.cursors())
    }

    fn config(&self) -> DatasetConfig {
        let changes = ChangesConfig {
            publication: Some("changes".to_owned()),
            slot: Some("mine".to_owned()),
            ..changes(self.rows_per_delivery)
        };
        people(Some(self.postgres.url()), changes)
    }
}

async fn brought(watched: &Watched, range: &Range) -> Brought {
    let rows = watched.feed.rows(&watched.cursors, range).await.unwrap();
    let upserts = read(&*rows.upserts).await;
    let upserts = upserts.into_iter().map(|(code, size)| (code, size.unwrap())).collect();
    let mut gone = Vec::new();
    if let Some(deletions) = rows.deletions {
        for (code, size) in read(&*deletions).await {
            assert_eq!(size, None, "of {code} only the key is told");
            gone.push(code);
        }
    }
    (upserts, gone)
}

fn expected(rows: &[(&str, i64)], gone: &[&str]) -> Brought {
    let rows = rows.iter().map(|(code, size)| ((*code).to_owned(), *size)).collect();
    (rows, gone.iter().map(|&code| code.to_owned()).collect())
}
