//! A live view, held row by row against what its events give.

use std::sync::Arc;

use publicdata_event_store::Error;
use publicdata_event_store::testing::nats;
use publicdata_event_store::testing::raw::Raw;
use publicdata_views::compare::{Kind, Value};
use publicdata_views::{Comparison, Database, DatabaseError, Projector, ProjectorError};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::fixture::{Bench, NAMES, SOON, STREAM, Tally, run};

/// The same view, built anew in a database of its own.
async fn compared(bench: &Bench) -> Comparison {
    compared_up_to(bench, usize::MAX).await
}

/// The same, with so many rows named.
async fn compared_up_to(bench: &Bench, named_max: usize) -> Comparison {
    let mut fresh = Bench::sqlite().await;
    fresh.store = Arc::clone(&bench.store);
    let live = Database::open_read_only(&bench.url).await.unwrap();
    fresh.projector().await.compare(&live, named_max, &|_, _, _| {}).await.unwrap()
}

async fn execute(bench: &Bench, sql: &str) {
    bench.database.pool().execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
}

/// H2: each row that somebody changed, added or took away in the live database is named, with its key, its column and both values.
async fn rows_that_were_tampered_with_are_named(bench: Bench) {
    let last = bench.append(9).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    running.stop().await;
    let untouched = compared(&bench).await;
    assert!(untouched.is_equal(), "{untouched:?}");
    assert_eq!((untouched.rows, untouched.positions[STREAM]), (3 + 9, 9));

    execute(&bench, "UPDATE tally SET commits = 7 WHERE subject = 'ev.catalog.tally.t1'").await;
    execute(&bench, "DELETE FROM tally_entry WHERE sequence = 4").await;
    execute(
        &bench,
        "INSERT INTO tally_entry (sequence, subject) VALUES (99, 'ev.catalog.tally.t0')",
    )
    .await;
    let compared = compared(&bench).await;

    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let found: Vec<_> = compared
        .differences
        .iter()
        .map(|row| {
            let key = row.key[0].1.clone();
            let column = row.columns[0].clone();
            (row.table, key, row.kind, column.column, column.live, column.rebuilt)
        })
        .collect();
    let number = |number| Some(Value::Number(number));
    let (one, zero) = ("ev.catalog.tally.t1", "ev.catalog.tally.t0");
    assert_eq!(
        found,
        [
            ("tally", text(one), Kind::Changed, "commits".to_owned(), number(7), number(3)),
            ("tally_entry", number(4), Kind::Missing, "subject".to_owned(), None, text(zero)),
            ("tally_entry", number(99), Kind::Extra, "subject".to_owned(), text(zero), None),
        ]
    );
    assert!(compared.differences.iter().all(|row| row.columns.len() == 1), "{compared:?}");
}

/// H2: rows that differ and are not named are counted.
#[tokio::test]
async fn rows_beyond_those_that_are_named_are_counted() {
    let bench = Bench::sqlite().await;
    let last = bench.append(9).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    running.stop().await;
    execute(&bench, "DELETE FROM tally_entry").await;

    let compared = compared_up_to(&bench, 4).await;

    assert_eq!((compared.differences.len(), compared.further), (4, 5), "{compared:?}");
}

/// H2: what has happened since is no difference: both are compared at the same commit.
async fn live_view_that_is_behind_is_compared_where_it_is(bench: Bench) {
    let last = bench.append(5).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    running.stop().await;
    bench.append(4).await;

    let compared = compared(&bench).await;

    assert!(compared.is_equal(), "{compared:?}");
    assert_eq!(compared.positions[STREAM], 5);
}

#[tokio::test]
async fn sqlite_rows_that_were_tampered_with_are_named() {
    rows_that_were_tampered_with_are_named(Bench::sqlite().await).await;
}

#[tokio::test]
async fn postgres_rows_that_were_tampered_with_are_named() {
    rows_that_were_tampered_with_are_named(Bench::postgres().await).await;
}

#[tokio::test]
async fn sqlite_live_view_that_is_behind_is_compared_where_it_is() {
    live_view_that_is_behind_is_compared_where_it_is(Bench::sqlite().await).await;
}

/// H2: a value that no view could have is named like any other.
#[tokio::test]
async fn value_of_another_type_is_named() {
    let bench = Bench::sqlite().await;
    let last = bench.append(3).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    running.stop().await;
    execute(&bench, "UPDATE tally SET commits = x'00' WHERE subject = 'ev.catalog.tally.t1'").await;

    let compared = compared(&bench).await;

    let [row] = compared.differences.as_slice() else { panic!("{compared:?}") };
    let live = Some(Value::Text("a value of type BLOB".to_owned()));
    assert_eq!((row.kind, row.columns[0].live.clone()), (Kind::Changed, live));
}

/// H2: where there are fewer events than the live view has seen, nothing is called a difference.
#[tokio::test]
async fn fewer_events_than_the_live_view_has_seen_are_no_difference() {
    let bench = Bench::sqlite().await;
    let last = bench.append(5).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    running.stop().await;
    let fresh = Bench::sqlite().await;
    fresh.append(3).await;

    let live = Database::open_read_only(&bench.url).await.unwrap();
    let error =
        fresh.projector().await.compare(&live, usize::MAX, &|_, _, _| {}).await.unwrap_err();

    assert!(matches!(error, ProjectorError::Behind { reached: 3, live: 5, .. }), "{error}");
}

/// H2: what comes after the live view's last commit is not looked at: whether or not it can be read says nothing of the view.
#[tokio::test]
async fn events_after_the_live_view_may_be_unreadable() {
    let nats = nats().await;
    let raw = Raw::connect(&nats.server.url()).await.unwrap();
    raw.make_deletable(STREAM).await.unwrap();
    raw.make_deletable("EXCHANGE").await.unwrap();
    let mut bench = Bench::sqlite().await;
    bench.store = Arc::new(nats.connect("test").await);
    bench.append(5).await;
    bench.projector().await.rebuild().await.unwrap();
    bench.append(2).await;
    let mut fresh = Bench::sqlite().await;
    fresh.store = Arc::clone(&bench.store);
    let live = Database::open_read_only(&bench.url).await.unwrap();
    let told = |_: &str, _, _| {};

    raw.delete_message(STREAM, 6).await.unwrap();
    let compared = fresh.projector().await.compare(&live, usize::MAX, &told).await.unwrap();
    assert!(compared.is_equal() && compared.rows > 5, "{compared:?}");

    raw.delete_message(STREAM, 5).await.unwrap();
    let gap = fresh.projector().await.compare(&live, usize::MAX, &told).await.unwrap_err();
    assert!(matches!(gap, ProjectorError::Store(Error::Gap { expected: 5, .. })), "{gap}");
}

/// What is looked for and not there is not made.
#[tokio::test]
async fn database_that_does_not_exist_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.sqlite");

    let opened = Database::open_read_only(&format!("sqlite:{}", file.display())).await;

    assert!(opened.is_err() && !file.exists());
}

/// H2: what is only read cannot be written, with a program that writes to it or with none; its journal stays what it was.
async fn what_is_only_read_is_not_written(bench: Bench) {
    bench.append(3).await;
    bench.projector().await.rebuild().await.unwrap();

    let read = Database::open_read_only(&bench.url).await.unwrap();

    let write = async || read.pool().execute("DELETE FROM tally_entry").await;
    assert!(write().await.is_err());
    let rows = sqlx::query_scalar("SELECT COUNT(*) FROM tally_entry");
    let count: i64 = rows.fetch_one(read.pool()).await.unwrap();
    assert_eq!(count, 3);
    read.close().await;
}

#[tokio::test]
async fn sqlite_that_is_only_read_is_not_written() {
    what_is_only_read_is_not_written(Bench::sqlite().await).await;
}

#[tokio::test]
async fn postgres_that_is_only_read_is_not_written() {
    what_is_only_read_is_not_written(Bench::postgres().await).await;
}

/// A view of a database that is only read tells what it holds, if its tables are those of this program: no program migrates what another
/// one keeps.
async fn view_of_what_is_only_read_tells_what_it_holds(bench: Bench) {
    bench.append(3).await;
    let held = bench.projector().await.rebuild().await.unwrap().content;
    bench.database.migrate("names", NAMES).await.unwrap();
    let read = Database::open_read_only(&bench.url).await.unwrap();

    read.migrate("names", NAMES).await.unwrap();
    let view = Projector::new(read.clone(), Arc::clone(&bench.store), Arc::new(Tally::default()));
    let (positions, content) = view.await.unwrap().stored_content().await.unwrap();
    assert_eq!((positions[STREAM], content), (3, held));

    let newer = [NAMES[0], "CREATE TABLE further (id TEXT)"];
    let other = ["CREATE TABLE other (id TEXT)"];
    for migrations in [&newer[..], &other, &[]] {
        let refused = read.migrate("names", migrations).await.unwrap_err();
        assert!(matches!(refused, DatabaseError::Version { applied: 1, .. }), "{refused}");
    }
    let never_made = read.migrate("further", NAMES).await.unwrap_err();
    assert!(matches!(never_made, DatabaseError::Version { applied: 0, .. }), "{never_made}");
    read.close().await;
    execute(&bench, "DELETE FROM views_migrations").await;
    let other = Database::open_read_only(&bench.url).await.unwrap_err();
    assert!(matches!(other, DatabaseError::Version { owner: "views", .. }), "{other}");
}

#[tokio::test]
async fn view_of_an_sqlite_that_is_only_read_tells_what_it_holds() {
    view_of_what_is_only_read_tells_what_it_holds(Bench::sqlite().await).await;
}

#[tokio::test]
async fn view_of_a_postgres_that_is_only_read_tells_what_it_holds() {
    view_of_what_is_only_read_tells_what_it_holds(Bench::postgres().await).await;
}

/// H2: a copy of a database that nobody has open is read as it is, whatever its journal, and is the same file afterwards.
#[tokio::test]
async fn copies_are_read_and_not_changed() {
    let bench = Bench::sqlite().await;
    bench.append(3).await;
    bench.projector().await.rebuild().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["rolled-back.sqlite", "written-ahead.sqlite"] {
        let copy = folder.path().join(name);
        execute(&bench, &format!("VACUUM INTO '{}'", copy.display())).await;
        let url = format!("sqlite:{}", copy.display());
        if name == "written-ahead.sqlite" {
            // Whoever opens it to write has it write ahead.
            Database::open(&url).await.unwrap().close().await;
        }
        let before = std::fs::read(&copy).unwrap();

        let read = Database::open_read_only(&url).await.unwrap();
        let mut fresh = Bench::sqlite().await;
        fresh.store = Arc::clone(&bench.store);
        let compared =
            fresh.projector().await.compare(&read, usize::MAX, &|_, _, _| {}).await.unwrap();
        read.close().await;

        assert!(compared.is_equal() && compared.rows > 3, "{compared:?}");
        assert_eq!(std::fs::read(&copy).unwrap(), before, "{name}");
    }
}
