//! What a projector promises, on either database.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use publicdata_event_store::testing::nats;
use publicdata_types::Digest;
use publicdata_views::{
    Database, DatabaseError, Projector, ProjectorError, WaitError, rebuild_all,
};

use crate::fixture::{
    Bench, NAMES, Names, POISON, Running, SOON, STREAM, Tally, run, uninterrupted,
};

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Bench::sqlite().await).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Bench::postgres().await).await; })*
        }
    };
}

on_both!(
    applies_what_was_there_and_what_comes,
    goes_on_where_it_was_killed,
    goes_on_after_a_kill_within_a_transaction,
    two_processes_count_each_event_once,
    rebuilds_to_the_same_content_while_running,
    rebuilds_views_together_as_each_alone,
    stops_at_an_event_that_it_cannot_apply,
    passes_over_what_is_of_no_concern,
    migrations_run_once_and_cannot_be_edited,
);

/// H4: what was committed before the view began and what is committed while it runs is in it, once.
async fn applies_what_was_there_and_what_comes(bench: Bench) {
    bench.append(600).await;
    let view = Arc::new(Tally::default());
    let projector = bench.projector_of(Arc::clone(&view)).await;
    let running = run(&projector);
    projector.wait_for(STREAM, 600, SOON).await.unwrap();

    let last = bench.append(3).await;
    projector.wait_for(STREAM, last, SOON).await.unwrap();

    assert!(view.was_told.load(Ordering::SeqCst));
    assert_eq!(projector.content().await.unwrap(), uninterrupted(&bench.store).await);
    assert_eq!(projector.content().await.unwrap().rows, 3 + 603);
    running.stop().await;
}

/// H4: a view that is stopped and started again has each event once.
async fn goes_on_where_it_was_killed(bench: Bench) {
    for round in 1..=3 {
        let last = bench.append(5).await;
        let projector = bench.projector().await;
        let running: Running = run(&projector);
        projector.wait_for(STREAM, last, SOON).await.unwrap();
        match round {
            1 => running.stop().await,
            _ => running.kill().await,
        }
    }

    let projector = bench.projector().await;
    assert_eq!(projector.positions()[STREAM], 15);
    assert_eq!(projector.content().await.unwrap(), uninterrupted(&bench.store).await);
}

/// H4: a view that is killed halfway through an event has none of it, and then all of it.
async fn goes_on_after_a_kill_within_a_transaction(bench: Bench) {
    let last = bench.append(10).await;
    let view = Arc::new(Tally::default());
    view.halt_at.store(7, Ordering::SeqCst);
    let running = run(&bench.projector_of(Arc::clone(&view)).await);
    view.halted.notified().await;
    running.kill().await;

    let projector = bench.projector().await;
    assert_eq!(projector.positions()[STREAM], 0);
    assert_eq!(projector.content().await.unwrap().rows, 0);

    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    assert_eq!(projector.content().await.unwrap(), uninterrupted(&bench.store).await);
    running.stop().await;
}

/// H4: an event that is delivered to two processes of one service counts once.
async fn two_processes_count_each_event_once(mut bench: Bench) {
    bench.append(50).await;
    let first = bench.projector().await;
    bench.database = bench.reopen().await;
    let second = bench.projector().await;
    let running = [run(&first), run(&second)];

    let last = bench.append(50).await;
    first.wait_for(STREAM, last, SOON).await.unwrap();
    second.wait_for(STREAM, last, SOON).await.unwrap();

    assert_eq!(first.content().await.unwrap(), uninterrupted(&bench.store).await);
    for running in running {
        running.stop().await;
    }
}

/// H2: a view can be built from nothing, to the same content, while it is in use.
async fn rebuilds_to_the_same_content_while_running(bench: Bench) {
    let last = bench.append(20).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    let before = projector.content().await.unwrap();

    let rebuilt = projector.rebuild().await.unwrap();
    assert_eq!(rebuilt.commits, 20);
    assert_eq!(rebuilt.content, before);

    let last = bench.append(5).await;
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    let after = projector.content().await.unwrap();
    assert_eq!(after, uninterrupted(&bench.store).await);
    assert_ne!(after.digest, before.digest);
    running.stop().await;
}

/// H2: what does not fit into one batch is applied in order, and told of after each; a batch that cannot be applied leaves what was there.
#[tokio::test]
async fn rebuilds_batch_by_batch() {
    let bench = Bench::sqlite().await;
    bench.append_as(&"l".repeat(900_000), 40).await;
    let view = [bench.projector().await];
    let told = Mutex::new(Vec::new());
    let tell = |stream: &str, last, _| {
        if stream == STREAM {
            told.lock().unwrap().push(last);
        }
    };

    let rebuilt = rebuild_all(&view, &tell).await.unwrap();

    assert_eq!(*told.lock().unwrap(), [0, 19, 38, 40]);
    assert_eq!(rebuilt[0].commits, 40);
    assert_eq!(rebuilt[0].content.rows, 3 + 40);
    assert_eq!(rebuilt[0].content, uninterrupted(&bench.store).await);
    bench.append_as(POISON, 1).await;
    let error = rebuild_all(&view, &tell).await.unwrap_err();
    assert_eq!(error.to_string(), "view cannot apply commit 41 of stream CATALOG");
    assert_eq!(view[0].content().await.unwrap(), rebuilt[0].content);
}

/// H2: views that read their events together hold what each holds alone; and if one of them cannot, all keep what they had.
async fn rebuilds_views_together_as_each_alone(bench: Bench) {
    bench.database.migrate("names", NAMES).await.unwrap();
    bench.append(1_200).await;
    bench.append_beside(7).await;
    let names = Projector::new(bench.database.clone(), Arc::clone(&bench.store), Arc::new(Names));
    let views = [bench.projector().await, names.await.unwrap()];

    let told = Mutex::new(Vec::new());
    let tell = |stream: &str, last, end: Option<u64>| {
        assert_eq!(end, None, "nobody says where the streams end");
        told.lock().unwrap().push((stream.to_owned(), last));
    };
    let together = rebuild_all(&views, &tell).await.unwrap();

    let read = |last| (STREAM.to_owned(), last);
    assert_eq!(told.into_inner().unwrap()[..2], [read(0), read(1_207)]);

    for (view, together) in views.iter().zip(&together) {
        assert_eq!(together.commits, 1_207);
        assert_eq!(view.positions()[STREAM], 1_207);
        assert_eq!(view.content().await.unwrap(), together.content);
        assert_eq!(view.rebuild().await.unwrap(), *together);
    }
    assert_eq!(together[1].content.rows, 6);
    bench.append_as(POISON, 1).await;
    let error = rebuild_all(&views, &|_, _, _| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "view cannot apply commit 1208 of stream CATALOG");
    for (view, before) in views.iter().zip(together) {
        assert_eq!(view.content().await.unwrap(), before.content);
    }
}

/// What is of no concern costs no transaction, and is passed all the same: by this process, by another, and after a kill.
async fn passes_over_what_is_of_no_concern(mut bench: Bench) {
    bench.append(3).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    projector.wait_for(STREAM, 3, SOON).await.unwrap();

    let last = bench.append_beside(5).await;
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    let stored = bench.projector().await.positions()[STREAM];
    assert_eq!(stored, 3, "what is of no concern was written");
    bench.database = bench.reopen().await;
    let second = bench.projector().await;
    let other = run(&second);
    let last = bench.append(1).await;
    for projector in [&projector, &second] {
        projector.wait_for(STREAM, last, SOON).await.unwrap();
    }
    running.kill().await;
    other.kill().await;

    // So much of it that the position is noted nevertheless.
    let projector = bench.projector().await;
    let running = run(&projector);
    let last = bench.append_beside(1_500).await;
    projector.wait_for(STREAM, last, SOON).await.unwrap();
    let stored = bench.projector().await.positions()[STREAM];
    assert!(stored >= 1_000, "{stored}");
    assert_eq!(projector.content().await.unwrap(), uninterrupted(&bench.store).await);
    assert_eq!(projector.content().await.unwrap().rows, 3 + 4);
    running.stop().await;
}

/// H3: it says which event, keeps what came before, and never goes past it.
async fn stops_at_an_event_that_it_cannot_apply(bench: Bench) {
    bench.append(4).await;
    let poisoned = bench.append_as(POISON, 1).await;
    bench.append(4).await;
    let projector = bench.projector().await;
    let error = run(&projector).ends().await.unwrap_err();

    assert_eq!(error.to_string(), "view cannot apply commit 5 of stream CATALOG");
    assert_eq!(projector.positions()[STREAM], poisoned - 1);
    let waited = projector.wait_for(STREAM, poisoned, SOON).await.unwrap_err();
    assert!(matches!(waited, WaitError::Stopped { .. }), "{waited}");
    assert!(projector.failure().unwrap().contains("commit 5 of stream CATALOG"));

    let again = projector.rebuild().await.unwrap_err();
    assert!(matches!(again, ProjectorError::Poisoned { .. }));
    assert_eq!(
        projector.content().await.unwrap().rows,
        3 + 4,
        "a failed rebuild leaves the old content"
    );
}

async fn migrations_run_once_and_cannot_be_edited(bench: Bench) {
    let database: Database = bench.reopen().await;

    let edited = database.migrate("tally", &["CREATE TABLE other (id TEXT)"]).await.unwrap_err();
    assert!(matches!(edited, DatabaseError::Migrate { .. }), "{edited}");
    let others = database.migrate("other", &["CREATE TABLE other (id TEXT)"]).await;
    others.expect("another owner has migrations of its own");
}

/// H4: services start in any order.
#[tokio::test]
async fn waits_for_a_stream_whose_service_has_not_started() {
    let nats = nats().await;
    let mut bench = Bench::sqlite().await;
    bench.store = nats.store(&[STREAM]).await;
    let projector = bench.projector().await;
    let running = run(&projector);
    let last = bench.append(1).await;

    nats.store(&[STREAM, "EXCHANGE"]).await;

    projector.wait_for(STREAM, last, SOON).await.unwrap();
    running.stop().await;
}

/// H3: a view that lags says so, in time.
#[tokio::test]
async fn waiting_has_an_end() {
    let bench = Bench::sqlite().await;
    let projector = bench.projector().await;

    let late = projector.wait_for(STREAM, 1, std::time::Duration::from_millis(1)).await;

    assert!(matches!(late, Err(WaitError::Late { sequence: 1, .. })), "{late:?}");
}

/// H3: a URL may hold a password, and is not repeated.
#[tokio::test]
async fn a_wrong_url_is_refused_without_repeating_it() {
    for url in ["mysql://secret@host/db", "secret"] {
        let error = Database::open(url).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Scheme));
        assert!(!error.to_string().contains("secret"));
    }
}

/// The same content has the same digest on either database.
#[tokio::test]
async fn the_digest_does_not_depend_on_the_database() {
    let sqlite = Bench::sqlite().await;
    let mut postgres = Bench::postgres().await;
    postgres.store = Arc::clone(&sqlite.store);
    sqlite.append(7).await;

    let mut digests: Vec<Digest> = Vec::new();
    for bench in [&sqlite, &postgres] {
        digests.push(bench.projector().await.rebuild().await.unwrap().content.digest);
    }

    assert_eq!(digests[0], digests[1]);
}
