//! Changes of a source, found by a watermark: the same in SQLite and PostgreSQL (R23.1).

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use futures::TryStreamExt as _;
use publicdata_node_agent::changes::cursors::Cursors;
use publicdata_node_agent::changes::{ChangesError, Feed, Range};
use publicdata_node_agent::config::{ChangesConfig, ConnectorKind, DatasetConfig, Secret};
use publicdata_node_agent::dataset::Dataset;
use publicdata_node_agent::source::{Connector, Reading};
use publicdata_proto::exchange::v1::TransferRequest;
use publicdata_transfer::push::{Content, Follows};
use publicdata_types::ItemType;
use publicdata_views::testing::TestPostgres;
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use crate::parties::RESOURCE;

const KINDS: [ConnectorKind; 2] = [ConnectorKind::Sqlite, ConnectorKind::Postgres];

const CHANGES: Content = Content::Changes(Follows::Nothing);
const MORE: Content = Content::Changes(Follows::More);

/// A feed, and what its node remembers.
pub(crate) struct Watched {
    pub(crate) feed: Feed,
    pub(crate) cursors: Cursors,
}

/// A database of each kind with the same rows.
struct Place {
    folder: TempDir,
    postgres: TestPostgres,
}

/// R23.1: a first load comes in parts, each row once; then what has changed since, and nothing where nothing has.
#[tokio::test]
async fn a_load_comes_in_parts_and_then_what_has_changed() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed bigint)")
            .await;
    for number in 1..=5 {
        place.execute(&format!("INSERT INTO people VALUES ('{number}', {number}, {number})")).await;
    }
    for kind in KINDS {
        let feed = place.feed(kind, 2, 0);

        let first = feed.plan(None, u64::MAX).await.unwrap();
        let second = feed.plan(Some(&first), u64::MAX).await.unwrap();
        let third = feed.plan(Some(&second), u64::MAX).await.unwrap();

        assert_eq!(rows(&feed, &first).await, expected(&[("1", 1), ("2", 2)]), "{kind:?}");
        assert_eq!(rows(&feed, &second).await, expected(&[("3", 3), ("4", 4)]), "{kind:?}");
        assert_eq!(rows(&feed, &third).await, expected(&[("5", 5)]), "{kind:?}");
        let contents = [&first, &second, &third].map(Range::content);
        assert_eq!(contents, [MORE, MORE, CHANGES], "{kind:?}");

        // Only the newest watermark is read again.
        let nothing = feed.plan(Some(&third), u64::MAX).await.unwrap();
        assert_eq!(rows(&feed, &nothing).await, expected(&[("5", 5)]), "{kind:?}");
    }
    place.execute("UPDATE people SET size = 20, changed = 6 WHERE code = '2'").await;
    place.execute("INSERT INTO people VALUES ('it''s', 6, 7)").await;
    for kind in KINDS {
        let feed = place.feed(kind, 100, 0);
        let before = feed.plan(None, 5).await.unwrap();
        assert_eq!(rows(&feed, &before).await.len(), 5, "{kind:?}");
        let all = feed.plan(None, u64::MAX).await.unwrap();
        let found = rows(&feed, &all).await;
        assert_eq!(found.last(), Some(&("it's".to_owned(), 6)), "{kind:?}");
        // A literal of the last row, quote and all, is where the next delivery begins.
        let after = feed.plan(Some(&all), u64::MAX).await.unwrap();
        assert_eq!(rows(&feed, &after).await, expected(&[("it's", 6)]), "{kind:?}");
    }
}

/// R23.1: an empty table is delivered as no rows, and the first row that comes then is found.
#[tokio::test]
async fn an_empty_table_has_no_rows_and_then_the_first() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed timestamp)")
            .await;
    let mut ranges = Vec::new();
    for kind in KINDS {
        let feed = place.feed(kind, 10, 0);
        let range = feed.plan(None, u64::MAX).await.unwrap();
        assert_eq!(rows(&feed, &range).await, expected(&[]), "{kind:?}");
        assert_eq!(range.content(), CHANGES, "{kind:?}");
        ranges.push((kind, range));
    }
    place.execute("INSERT INTO people VALUES ('1', 1, '2026-03-02 12:00:00')").await;
    for (kind, before) in ranges {
        let feed = place.feed(kind, 10, 0);
        let range = feed.plan(Some(&before), u64::MAX).await.unwrap();
        assert_eq!(rows(&feed, &range).await, expected(&[("1", 1)]), "{kind:?}");
    }
}

/// R23.1: a row that comes later with the newest watermark, and a lesser key, is not passed over.
#[tokio::test]
async fn ties_of_the_newest_watermark_are_not_passed_over() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed bigint)")
            .await;
    place.execute("INSERT INTO people VALUES ('a', 1, 1), ('m', 2, 7), ('z', 3, 7)").await;
    let mut ranges = Vec::new();
    for kind in KINDS {
        let feed = place.feed(kind, 10, 0);
        ranges.push((kind, feed.plan(None, u64::MAX).await.unwrap(), feed.state().await.unwrap()));
    }
    place.execute("INSERT INTO people VALUES ('b', 4, 7)").await;
    for (kind, before, state) in ranges {
        let feed = place.feed(kind, 10, 0);
        let range = feed.plan(Some(&before), u64::MAX).await.unwrap();
        assert_eq!(
            rows(&feed, &range).await,
            expected(&[("b", 4), ("m", 2), ("z", 3)]),
            "{kind:?}"
        );
        assert_ne!(feed.state().await.unwrap(), state, "{kind:?}");
    }
}

/// R26.2: rows that are read again count in a grant's limit, and leave room for new ones; if there were none, new ones come alone.
#[tokio::test]
async fn a_limit_holds_with_rows_that_are_read_again() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed bigint)")
            .await;
    place.execute("INSERT INTO people VALUES ('a', 1, 1), ('m', 2, 7), ('z', 3, 7)").await;
    let mut before = Vec::new();
    for kind in KINDS {
        before.push((kind, place.feed(kind, 10, 0).plan(None, 3).await.unwrap()));
    }
    place.execute("INSERT INTO people VALUES ('b', 4, 8), ('c', 5, 9)").await;
    for (kind, before) in before {
        let feed = place.feed(kind, 10, 0);
        let range = feed.plan(Some(&before), 3).await.unwrap();
        assert_eq!(
            rows(&feed, &range).await,
            expected(&[("m", 2), ("z", 3), ("b", 4)]),
            "{kind:?}"
        );
        let range = feed.plan(Some(&before), 2).await.unwrap();
        assert_eq!(rows(&feed, &range).await, expected(&[("b", 4), ("c", 5)]), "{kind:?}");
    }
}

/// R23.1: in PostgreSQL a transaction may begin earlier and end later than another; with an overlap its rows are found.
#[tokio::test]
async fn a_late_transaction_is_found_within_the_overlap() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed timestamptz)")
            .await;
    place.execute("INSERT INTO people VALUES ('1', 1, '2026-03-02T04:00:00Z'), ('2', 2, '2026-03-02T04:00:09Z')").await;
    let feed = place.feed(ConnectorKind::Postgres, 10, 5);
    let before = feed.plan(None, u64::MAX).await.unwrap();
    let state = feed.state().await.unwrap();

    place.execute("INSERT INTO people VALUES ('3', 3, '2026-03-02T04:00:05Z'), ('4', 4, '2026-03-02T04:00:03Z')").await;

    let range = feed.plan(Some(&before), u64::MAX).await.unwrap();
    // The one of 04:00:03 is too late.
    assert_eq!(rows(&feed, &range).await, expected(&[("3", 3), ("2", 2)]));
    assert_ne!(feed.state().await.unwrap(), state);
}

/// R23.1: what is the same at the source has the same state, and what is not has another one.
#[tokio::test]
async fn the_state_differs_with_every_change() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed bigint)")
            .await;
    for kind in KINDS {
        let feed = place.feed(kind, 10, 0);
        let mut states = vec![feed.state().await.unwrap()];
        for statement in [
            "INSERT INTO people VALUES ('1', 1, 1)",
            "INSERT INTO people VALUES ('2', 1, 1)",
            "UPDATE people SET changed = 2 WHERE code = '1'",
        ] {
            place.execute(statement).await;
            let state = feed.state().await.unwrap();
            assert_eq!(feed.state().await.unwrap(), state, "{kind:?}");
            assert!(!states.contains(&state), "{kind:?}: {statement}");
            states.push(state);
        }
        place.execute("DELETE FROM people").await;
    }
}

/// H3: a row without a watermark would never be delivered, so it is said before anything is.
#[tokio::test]
async fn a_row_without_a_watermark_is_an_error() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed bigint)")
            .await;
    place.execute("INSERT INTO people VALUES ('1', 1, NULL)").await;
    for kind in KINDS {
        let error = place.feed(kind, 10, 0).plan(None, u64::MAX).await.unwrap_err();
        assert!(matches!(error, ChangesError::WatermarkNull { .. }), "{kind:?}: {error:?}");
        assert_eq!(error.reason(), "SOURCE_WATERMARK_NULL");
    }
}

/// R23.1, H4: where a delivery ended is known after a restart, to whoever asks for the same; attempts that failed push nothing out.
#[tokio::test]
async fn cursors_outlive_a_restart_and_serve_the_same_request_alone() {
    let place =
        Place::new("CREATE TABLE people (code text PRIMARY KEY, size bigint, changed bigint)")
            .await;
    place.execute("INSERT INTO people VALUES ('1', 1, 1)").await;
    let range = place.feed(ConnectorKind::Sqlite, 10, 0).plan(None, u64::MAX).await.unwrap();
    let request = |transfer: &str, after: &str| TransferRequest {
        transfer_id: transfer.to_owned(),
        subscription_id: "s".to_owned(),
        after_transfer_id: after.to_owned(),
        grant_id: "g".to_owned(),
        fields: vec!["code".to_owned()],
        ..TransferRequest::default()
    };
    let now = "2026-03-02T04:00:00Z".parse().unwrap();
    let cursors = Cursors::new(place.folder.path());
    cursors.remember(&request("t1", ""), &range, now).await.unwrap();
    for attempt in 0..20 {
        let failed = request(&format!("failed-{attempt}"), "t1");
        cursors.remember(&failed, &range, now).await.unwrap();
    }
    let resource = RESOURCE.parse().unwrap();
    let version = cursors.version(resource, "state").await.unwrap();
    drop(cursors);

    let cursors = Cursors::new(place.folder.path());
    assert_eq!(cursors.of("t1", &request("t2", "t1")).await.unwrap(), Some(range));
    assert_eq!(cursors.of("failed-0", &request("t2", "t1")).await.unwrap(), None);
    for other in [
        TransferRequest {
            fields: vec!["code".to_owned(), "size".to_owned()],
            ..request("t2", "t1")
        },
        TransferRequest { grant_id: "another".to_owned(), ..request("t2", "t1") },
        TransferRequest { consumer_code: "another".to_owned(), ..request("t2", "t1") },
        TransferRequest { subscription_id: "another".to_owned(), ..request("t2", "t1") },
    ] {
        assert_eq!(cursors.of("t1", &other).await.unwrap(), None, "{other:?}");
    }
    assert_eq!(cursors.version(resource, "state").await.unwrap(), version);
    assert_ne!(cursors.version(resource, "another").await.unwrap(), version);
}

// === impl Place ===

impl Place {
    async fn new(table: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder, postgres: publicdata_views::testing::postgres() };
        place.execute(table).await;
        place
    }

    async fn execute(&self, statement: &str) {
        let path = self.folder.path().join("source.db");
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut sqlite = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let mut postgres = sqlx::PgConnection::connect(&self.postgres.url()).await.unwrap();
        let statement = || AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement()).execute(&mut sqlite).await.unwrap();
        sqlx::raw_sql(statement()).execute(&mut postgres).await.unwrap();
        sqlite.close().await.unwrap();
    }

    fn feed(&self, kind: ConnectorKind, rows_per_delivery: u64, overlap_s: u64) -> Watched {
        let is_sqlite = kind == ConnectorKind::Sqlite;
        let changes = ChangesConfig {
            watermark: Some("changed".to_owned()),
            overlap_s,
            ..changes(rows_per_delivery)
        };
        let url = (!is_sqlite).then(|| self.postgres.url());
        let config = DatasetConfig {
            connector: kind,
            path: is_sqlite.then(|| self.folder.path().join("source.db")),
            ..people(url, changes)
        };
        Watched::new(&config, Cursors::new(self.folder.path()))
    }
}

/// Table `people` of a PostgreSQL database.
pub(crate) fn people(url: Option<String>, changes: ChangesConfig) -> DatasetConfig {
    DatasetConfig {
        resource_id: RESOURCE.to_owned(),
        connector: ConnectorKind::Postgres,
        path: None,
        url: url.map(Secret),
        ca: None,
        rows_at: String::new(),
        next_at: String::new(),
        headers: Default::default(),
        key: Vec::new(),
        table: Some("people".to_owned()),
        query: None,
        order_by: vec!["code".to_owned()],
        columns: Default::default(),
        changes: Some(changes),
    }
}

/// Changes that nothing is said to be seen by yet.
pub(crate) fn changes(rows_per_delivery: u64) -> ChangesConfig {
    ChangesConfig {
        watermark: None,
        publication: None,
        slot: None,
        overlap_s: 0,
        rows_per_delivery,
        poll_ms: 50,
    }
}

// === impl Watched ===

impl Watched {
    pub(crate) fn new(config: &DatasetConfig, cursors: Cursors) -> Self {
        Self { feed: Dataset::new(config).unwrap().feed().unwrap().clone(), cursors }
    }

    pub(crate) async fn plan(
        &self,
        before: Option<&Range>,
        rows_max: u64,
    ) -> Result<Range, ChangesError> {
        self.feed.plan(&self.cursors, before, rows_max).await
    }

    pub(crate) async fn state(&self) -> Result<String, ChangesError> {
        self.feed.state(&self.cursors).await
    }
}

async fn rows(watched: &Watched, range: &Range) -> Vec<(String, i64)> {
    let rows = watched.feed.rows(&watched.cursors, range).await.unwrap();
    read(&*rows.upserts).await.into_iter().map(|(code, size)| (code, size.unwrap())).collect()
}

/// The codes and sizes in a source.
pub(crate) async fn read(source: &dyn Connector) -> Vec<(String, Option<i64>)> {
    let reading =
        |item: &str, kind| Reading { item: item.to_owned(), column: item.to_owned(), kind };
    let readings = vec![reading("code", ItemType::Text), reading("size", ItemType::Integer)];
    let batches: Vec<_> = source.read(readings, None).try_collect().await.unwrap();
    let mut rows = Vec::new();
    for batch in &batches {
        let codes = batch.column(0).as_string::<i32>();
        let sizes = batch.column(1).as_primitive::<Int64Type>();
        rows.extend(codes.iter().zip(sizes).map(|(code, size)| (code.unwrap().to_owned(), size)));
    }
    rows
}

fn expected(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|(code, size)| ((*code).to_owned(), *size)).collect()
}
