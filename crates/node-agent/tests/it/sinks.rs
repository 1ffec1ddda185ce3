//! One contract for all sinks: each delivery is taken exactly once, whatever breaks, and the note says what the sink holds (R23.1).

mod place;

use std::fs;
use std::path::PathBuf;

use publicdata_node_agent::sink::postgres::Postgres;
use publicdata_node_agent::sink::sqlite::Sqlite;
use publicdata_node_agent::sink::steps::{Step, Steps};
use publicdata_node_agent::sink::{Intake, Run, Sink, SinkError, Start, Taken};
use publicdata_transfer::push::{Content, Follows};

use place::{
    ALL, DATABASES, Delivery, Kind, NONE, Place, Rows, begin, changes, dying_at, every_type,
    intake, key, note, rows, subscription, take, transfer, whole,
};

/// R23.1: a whole delivery takes the place of what there was, and the table is made if it is missing.
#[tokio::test]
async fn a_whole_delivery_replaces_all_rows() {
    let place = Place::new();
    for kind in ALL {
        let sink = place.sink(kind, "villages", Steps::default());
        assert_eq!(sink.last().await.unwrap(), None, "{kind:?}");

        take(&*sink, &whole(1, &[("001", 1), ("002", 2)])).await.unwrap();
        take(&*sink, &whole(2, &[("002", 20), ("003", 30)])).await.unwrap();

        assert_eq!(
            place.rows(kind, "villages").await,
            rows(&[("002", 20), ("003", 30)]),
            "{kind:?}"
        );
        let note = sink.last().await.unwrap().unwrap();
        assert_eq!((note.number, note.rows, note.rows_total), (2, 2, 4), "{kind:?}");
        assert_eq!(note.transfer, transfer(2), "{kind:?}");
        assert_eq!(note.receipt.transfer_id, transfer(2).to_string(), "{kind:?}");
    }
}

/// R23.1, H1: what is delivered twice is applied once.
#[tokio::test]
async fn what_is_delivered_twice_is_taken_once() {
    let place = Place::new();
    for kind in ALL {
        let sink = place.sink(kind, "twice", Steps::default());
        take(&*sink, &whole(1, &[("001", 1)])).await.unwrap();
        let change = changes(2, &[("upsert", "001", 5), ("upsert", "002", 2)]);
        assert_eq!(take(&*sink, &change).await.unwrap(), Taken::Now, "{kind:?}");

        // Under the same number, and also under the next one.
        assert_eq!(take(&*sink, &change).await.unwrap(), Taken::Before, "{kind:?}");
        let again = Delivery { number: 3, ..changes(2, &[("delete", "001", 0)]) };
        assert_eq!(take(&*sink, &again).await.unwrap(), Taken::Before, "{kind:?}");

        assert_eq!(place.rows(kind, "twice").await, rows(&[("001", 5), ("002", 2)]), "{kind:?}");
        assert_eq!(sink.last().await.unwrap().unwrap().number, 2, "{kind:?}");
    }
}

/// R23.1: changes go by the key; of several of one key the last one counts.
#[tokio::test]
async fn changes_go_by_key_and_the_last_one_counts() {
    let place = Place::new();
    for kind in ALL {
        let sink = place.sink(kind, "changes", Steps::default());
        take(&*sink, &whole(1, &[("001", 1), ("002", 2), ("003", 3)])).await.unwrap();

        let change = changes(
            2,
            &[
                ("upsert", "001", 10),
                ("delete", "002", 0),
                ("upsert", "004", 4),
                ("upsert", "004", 44),
                ("delete", "003", 0),
                ("upsert", "003", 33),
                ("upsert", "005", 5),
                ("delete", "005", 0),
                ("delete", "999", 0),
            ],
        );
        take(&*sink, &change).await.unwrap();

        let expected = rows(&[("001", 10), ("003", 33), ("004", 44)]);
        assert_eq!(place.rows(kind, "changes").await, expected, "{kind:?}");
    }
}

/// R23.1, H4: wherever the node is killed, the sink holds the delivery wholly or not at all, its note says which, and what is tried
/// again ends as if nothing had been.
#[tokio::test]
async fn a_kill_at_any_step_leaves_all_or_nothing() {
    let place = Place::new();
    for kind in ALL {
        for (index, step) in Step::ALL.into_iter().enumerate() {
            let name = format!("killed{index}");
            let sink = place.sink(kind, &name, Steps::default());
            take(&*sink, &whole(1, &[("001", 1), ("002", 2)])).await.unwrap();
            let change = changes(2, &[("upsert", "001", 10), ("delete", "002", 0)]);

            let killed = place.sink(kind, &name, dying_at(step));
            let outcome = take(&*killed, &change).await;
            let outcome = match step == Step::Confirmed {
                true => killed.confirm(transfer(2)).await.map(|()| Taken::Now),
                false => outcome,
            };
            assert!(matches!(outcome, Err(SinkError::Overtaken)), "{kind:?} {step:?}: {outcome:?}");

            let taken = sink.last().await.unwrap().unwrap().number == 2;
            assert_eq!(
                taken,
                matches!(step, Step::Committed | Step::Confirmed),
                "{kind:?} {step:?}"
            );
            let before = rows(&[("001", 1), ("002", 2)]);
            let after = rows(&[("001", 10)]);
            let found = place.rows(kind, &name).await;
            assert_eq!(found, if taken { after.clone() } else { before }, "{kind:?} {step:?}");

            let again = take(&*sink, &change).await.unwrap();
            assert_eq!(again, if taken { Taken::Before } else { Taken::Now }, "{kind:?} {step:?}");
            assert_eq!(place.rows(kind, &name).await, after, "{kind:?} {step:?}");
            assert_eq!(place.leftovers(&name), Vec::<PathBuf>::new(), "{kind:?} {step:?}");
        }
    }
}

/// R23.1: a run from the beginning that takes several deliveries is seen when it is complete, and not before; what it does not have
/// is gone then.
#[tokio::test]
async fn a_run_is_seen_when_it_is_complete() {
    let place = Place::new();
    for kind in ALL {
        let sink = place.sink(kind, "run", Steps::default());
        take(&*sink, &whole(1, &[("001", 1), ("009", 9)])).await.unwrap();
        let before = rows(&[("001", 1), ("009", 9)]);

        // This one is given up, and another begins.
        let run = |number, follows, start, rows: &[_]| Delivery {
            content: Content::Changes(follows),
            start,
            ..changes(number, rows)
        };
        let gathering = Start::After(Run::Gathering);
        let given_up = run(2, Follows::More, Start::Beginning, &[("upsert", "777", 7)]);
        take(&*sink, &given_up).await.unwrap();
        for delivery in [
            run(3, Follows::More, Start::Beginning, &[("upsert", "001", 10), ("upsert", "002", 2)]),
            run(4, Follows::More, gathering, &[("upsert", "003", 3), ("upsert", "001", 11)]),
        ] {
            take(&*sink, &delivery).await.unwrap();
            assert_eq!(place.rows(kind, "run").await, before, "{kind:?}");
            assert_eq!(sink.last().await.unwrap().unwrap().run, Run::Gathering, "{kind:?}");
        }
        let last =
            run(5, Follows::Nothing, gathering, &[("upsert", "004", 4), ("delete", "002", 0)]);
        take(&*sink, &last).await.unwrap();

        let expected = rows(&[("001", 11), ("003", 3), ("004", 4)]);
        assert_eq!(place.rows(kind, "run").await, expected, "{kind:?}");
        assert_eq!(sink.last().await.unwrap().unwrap().run, Run::Complete, "{kind:?}");
    }
}

/// R23.1, R23.2: a receipt is to be handed in until the sink knows that it was.
#[tokio::test]
async fn receipts_wait_until_they_are_handed_in() {
    let place = Place::new();
    for kind in ALL {
        let sink = place.sink(kind, "receipts", Steps::default());
        take(&*sink, &whole(1, &[("001", 1)])).await.unwrap();
        take(&*sink, &whole(2, &[("001", 1)])).await.unwrap();
        let waiting = async |sink: &dyn Sink| -> Vec<u64> {
            sink.unconfirmed().await.unwrap().iter().map(|note| note.number).collect()
        };
        assert_eq!(waiting(&*sink).await, [1, 2], "{kind:?}");

        sink.confirm(transfer(1)).await.unwrap();
        sink.confirm(transfer(1)).await.unwrap();

        let reopened = place.sink(kind, "receipts", Steps::default());
        assert_eq!(waiting(&*reopened).await, [2], "{kind:?}");
    }
}

/// Two nodes that fill one sink notice each other; neither's rows are mixed with the other's.
#[tokio::test]
async fn a_second_writer_is_refused() {
    let place = Place::new();
    for kind in ALL {
        let sink = place.sink(kind, "writers", Steps::default());
        let late = whole(1, &[("001", 1)]);
        let taking = begin(&*sink, &late).await.unwrap();
        let other = Delivery { transfer: 77, ..whole(1, &[("002", 2)]) };
        take(&*place.sink(kind, "writers", Steps::default()), &other).await.unwrap();

        let refused = taking.commit(&note(&late)).await.unwrap_err();

        assert_eq!(refused.reason(), "SINK_OVERTAKEN", "{kind:?}");
        assert_eq!(place.rows(kind, "writers").await, rows(&[("002", 2)]), "{kind:?}");
    }
}

/// Without a key, or with rows that lack it, nobody could say which row changes.
#[tokio::test]
async fn changes_need_a_key_with_values() {
    let place = Place::new();
    for kind in ALL {
        let keyless = place.sink_with(kind, "keys", &[], Steps::default());
        let refused = take(&*keyless, &changes(1, &[("upsert", "001", 1)])).await.unwrap_err();
        assert_eq!(refused.reason(), "SINK_KEY_MISSING", "{kind:?}");

        let key = ["district".to_owned()];
        let other = place.sink_with(kind, "keys", &key, Steps::default());
        let refused = take(&*other, &whole(1, &[("001", 1)])).await.unwrap_err();
        assert_eq!(refused.reason(), "SINK_KEY_NOT_DELIVERED", "{kind:?}");
        assert!(refused.to_string().contains("district"), "{refused}");
    }
    for kind in DATABASES {
        let sink = place.sink(kind, "nulls", Steps::default());
        let refused = take(&*sink, &changes(1, &[("upsert", NONE, 1)])).await.unwrap_err();
        assert_eq!(refused.reason(), "SINK_KEY_NULL", "{kind:?}");
        assert_eq!(sink.last().await.unwrap(), None, "{kind:?}");
    }
}

/// H3: a table that cannot hold what comes is named, with its column and what to do.
#[tokio::test]
async fn a_table_that_does_not_fit_is_refused() {
    let place = Place::new();
    for kind in DATABASES {
        place.execute(kind, "CREATE TABLE narrow (code text PRIMARY KEY)").await;
        let sink = place.sink(kind, "narrow", Steps::default());
        let refused = take(&*sink, &whole(1, &[("001", 1)])).await.unwrap_err();
        assert_eq!(refused.reason(), "SINK_COLUMN_MISSING", "{kind:?}");
        assert!(refused.to_string().contains("`people`"), "{kind:?}: {refused}");

        place.execute(kind, "CREATE TABLE wrong (code text PRIMARY KEY, people date)").await;
        let sink = place.sink(kind, "wrong", Steps::default());
        let refused = take(&*sink, &whole(1, &[("001", 1)])).await.unwrap_err();
        assert_eq!(refused.reason(), "SINK_COLUMN_TYPE", "{kind:?}");
        assert!(refused.to_string().contains("is date"), "{kind:?}: {refused}");
    }
}

/// The department may have columns of its own, which a change leaves alone, and no index on the key.
#[tokio::test]
async fn the_departments_own_columns_stay() {
    let place = Place::new();
    for kind in DATABASES {
        place.execute(kind, "CREATE TABLE own (code text, people bigint, remark text)").await;
        place.execute(kind, "INSERT INTO own VALUES ('001', 1, 'ours'), ('002', 2, 'ours')").await;
        let sink = place.sink(kind, "own", Steps::default());
        let change = changes(1, &[("upsert", "001", 10), ("upsert", "003", 3)]);

        take(&*sink, &Delivery { start: Start::After(Run::Complete), ..change }).await.unwrap();

        let remarks = place.select(kind, "SELECT code, COALESCE(remark, '-') FROM own").await;
        let expected = [("001", "ours"), ("002", "ours"), ("003", "-")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(remarks, expected.into(), "{kind:?}");
    }
}

/// R23.1: every type of the catalogue comes through, with its last digit, and texts with whatever is in them.
#[tokio::test]
async fn every_type_comes_through() {
    let place = Place::new();
    let batch = every_type();
    for kind in ALL {
        let name = "types";
        let sink = place.sink_with(kind, name, &[], Steps::default());
        let delivery = whole(1, &[]);
        let intake = Intake { schema: batch.schema(), ..intake(&delivery) };
        let mut taking = sink.begin(intake).await.unwrap();
        taking.rows(&batch).await.unwrap();
        taking.commit(&note(&delivery)).await.unwrap();

        let found = match kind {
            Kind::Postgres => {
                let query = "SELECT number::text, concat_ws('|', code, money, flag::int, born, \
                     size, encode(photo, 'hex'), at AT TIME ZONE 'Asia/Shanghai') FROM types";
                place.select(kind, query).await
            }
            Kind::Sqlite => {
                let query = "SELECT number, concat_ws('|', code, money, flag, born, size, \
                     nullif(lower(hex(photo)), ''), substr(replace(at, 'T', ' '), 1, 19)) \
                     FROM types";
                place.select(kind, query).await
            }
            Kind::Csv | Kind::Parquet => place.types_of_files(kind, name),
        };
        let tricky = "a\t'\"\\N\n,青羊";
        let whole =
            format!("{tricky}|12345678901234567890.1234|1|2001-02-03|0.1|00ff|2026-01-04 09:00:00");
        let expected: Rows = [
            ("0.0000000001".to_owned(), whole),
            // What has no value has none: `concat_ws` leaves it out.
            ("99999999999999999999.0000000000".to_owned(), "\\N".to_owned()),
        ]
        .into();
        assert_eq!(found, expected, "{kind:?}");
    }
}

/// H4: half a line at the end of a manifest was never a delivery; a line that cannot be read is said to be damaged.
#[tokio::test]
async fn a_torn_manifest_is_mended_and_a_damaged_one_is_not() {
    let place = Place::new();
    for kind in [Kind::Csv, Kind::Parquet] {
        let sink = place.sink(kind, "torn", Steps::default());
        take(&*sink, &whole(1, &[("001", 1)])).await.unwrap();
        let manifest = place.folder_of(kind).join("torn.manifest.jsonl");
        let good = fs::read_to_string(&manifest).unwrap();

        fs::write(&manifest, format!("{good}{{\"line\":\"delivered\",\"num")).unwrap();
        assert_eq!(sink.last().await.unwrap().unwrap().number, 1, "{kind:?}");
        take(&*sink, &whole(2, &[("002", 2)])).await.unwrap();
        assert_eq!(place.rows(kind, "torn").await, rows(&[("002", 2)]), "{kind:?}");

        fs::write(&manifest, format!("nonsense\n{good}")).unwrap();
        let damaged = sink.last().await.unwrap_err();
        assert_eq!(damaged.reason(), "SINK_DAMAGED", "{kind:?}");
        assert!(damaged.to_string().contains("line 1"), "{kind:?}: {damaged}");
    }
}

/// H3: a sink that is not there is said to be so.
#[tokio::test]
async fn a_sink_that_is_not_there_is_unavailable() {
    let place = Place::new();
    let nowhere = place.folder.path().join("missing");
    let url = format!("postgres://postgres@localhost/postgres?host={}", nowhere.display());
    let named = ("t", &key()[..]);
    let postgres = Postgres::new(&url, None, named, subscription(), Steps::default()).unwrap();
    let sqlite = Sqlite::new(&nowhere.join("x/y.db"), named, subscription(), Steps::default());
    for sink in [&postgres as &dyn Sink, &sqlite] {
        assert_eq!(sink.last().await.unwrap_err().reason(), "SINK_UNAVAILABLE");
    }
    let elsewhere =
        Postgres::new("postgres://u@db.example/w", None, named, subscription(), Steps::default());
    assert!(elsewhere.unwrap_err().to_string().contains("`ca`"));
}
