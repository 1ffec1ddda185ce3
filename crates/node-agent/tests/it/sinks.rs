//! One contract for all sinks: each delivery is taken exactly once, whatever breaks, and the note says what the sink holds (R23.1).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use publicdata_node_agent::sink::postgres::Postgres;
use publicdata_node_agent::sink::sqlite::Sqlite;
use publicdata_node_agent::sink::steps::{Step, Steps};
use publicdata_node_agent::sink::{
    Effect, Intake, Note, Run, Sink, SinkError, Start, Taken, csv, parquet as parquet_sink,
};
use publicdata_proto::exchange::v1::ConfirmDeliveryRequest;
use publicdata_transfer::push::{CHANGE_COLUMN, Content, Follows, Outline};
use publicdata_types::{SubscriptionId, TransferId};
use publicdata_views::testing::TestPostgres;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;
use uuid::Uuid;

/// A row: its key, and how many people; a change says which.
type Rows = BTreeMap<String, String>;
const NONE: &str = "";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Postgres,
    Sqlite,
    Csv,
    Parquet,
}

const DATABASES: [Kind; 2] = [Kind::Postgres, Kind::Sqlite];
const ALL: [Kind; 4] = [Kind::Postgres, Kind::Sqlite, Kind::Csv, Kind::Parquet];

/// A place for sinks of each kind; each name is a sink of its own.
struct Place {
    folder: TempDir,
    postgres: TestPostgres,
}

/// A delivery, as a test thinks of it.
struct Delivery {
    number: u64,
    transfer: u128,
    content: Content,
    start: Start,
    rows: Vec<(&'static str, &'static str, i64)>,
}

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

        let columns = "number, code, money, COALESCE(flag, 'x'), born, size, photo, at";
        let text = match kind {
            Kind::Postgres => {
                "SELECT number::text, concat_ws('|', code, money, flag::int, born, size, \
                 encode(photo, 'hex'), at AT TIME ZONE 'Asia/Shanghai') FROM types"
            }
            Kind::Sqlite => {
                "SELECT number, concat_ws('|', code, money, flag, born, size, \
                 nullif(lower(hex(photo)), ''), substr(replace(at, 'T', ' '), 1, 19)) FROM types"
            }
            Kind::Csv | Kind::Parquet => columns,
        };
        let found = match kind {
            Kind::Postgres | Kind::Sqlite => place.select(kind, text).await,
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

// === impl Place ===

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, postgres: publicdata_views::testing::postgres() }
    }

    fn sink(&self, kind: Kind, name: &str, steps: Steps) -> Box<dyn Sink> {
        self.sink_with(kind, name, &key(), steps)
    }

    fn sink_with(&self, kind: Kind, name: &str, key: &[String], steps: Steps) -> Box<dyn Sink> {
        let named = (name, key);
        // Those of one database differ.
        let id = SubscriptionId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));
        match kind {
            Kind::Postgres => {
                Box::new(Postgres::new(&self.postgres.url(), None, named, id, steps).unwrap())
            }
            Kind::Sqlite => Box::new(Sqlite::new(&self.sqlite(), named, id, steps)),
            Kind::Csv => Box::new(csv::sink(&self.folder_of(kind), named, id, steps)),
            Kind::Parquet => Box::new(parquet_sink::sink(&self.folder_of(kind), named, id, steps)),
        }
    }

    fn sqlite(&self) -> PathBuf {
        self.folder.path().join("sink.db")
    }

    fn folder_of(&self, kind: Kind) -> PathBuf {
        self.folder.path().join(format!("{kind:?}"))
    }

    /// Files that no manifest names.
    fn leftovers(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for kind in [Kind::Csv, Kind::Parquet] {
            let folder = self.folder_of(kind);
            let Ok(manifest) = fs::read_to_string(folder.join(format!("{name}.manifest.jsonl")))
            else {
                continue;
            };
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let file = path.file_name().unwrap().to_string_lossy().into_owned();
                let ours = file.starts_with(&format!("{name}.")) && !file.ends_with(".jsonl");
                if ours && !manifest.contains(&format!("\"{file}\"")) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// What whoever reads the sink sees.
    async fn rows(&self, kind: Kind, name: &str) -> Rows {
        match kind {
            Kind::Postgres => {
                self.select(kind, &format!("SELECT code, people::text FROM {name}")).await
            }
            Kind::Sqlite => {
                self.select(kind, &format!("SELECT code, CAST(people AS TEXT) FROM {name}")).await
            }
            Kind::Csv | Kind::Parquet => self.folded(kind, name),
        }
    }

    /// What the manifest says that files mean together.
    fn folded(&self, kind: Kind, name: &str) -> Rows {
        let folder = self.folder_of(kind);
        let text = fs::read_to_string(folder.join(format!("{name}.manifest.jsonl"))).unwrap();
        let (mut rows, mut run) = (Rows::new(), Rows::new());
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let Some(file) = line["file"].as_str() else { continue };
            let batches = read_file(kind, &folder.join(file));
            match line["effect"].as_str().unwrap() {
                "replace" => {
                    rows.clear();
                    change(&mut rows, &batches);
                }
                "beginRun" => {
                    run.clear();
                    change(&mut run, &batches);
                }
                "extendRun" => change(&mut run, &batches),
                "completeRun" => {
                    change(&mut run, &batches);
                    rows.clone_from(&run);
                }
                "change" => change(&mut rows, &batches),
                other => panic!("effect {other}"),
            }
        }
        rows
    }

    fn types_of_files(&self, kind: Kind, name: &str) -> Rows {
        let file = self.folder_of(kind).join(format!("{name}.{}.{}", transfer(1), extension(kind)));
        let mut rows = Rows::new();
        for row in read_file(kind, &file) {
            let number = row["number"].clone();
            let value = |name: &str| row.get(name).filter(|text| !text.is_empty()).cloned();
            let flag = value("flag").map(|flag| u8::from(flag == "true").to_string());
            let at = value("at").map(|at| at.replace('T', " ")[..19].to_owned());
            let all = [
                value("code"),
                value("money"),
                flag,
                value("born"),
                value("size"),
                value("photo"),
                at,
            ];
            rows.insert(number, all.into_iter().flatten().collect::<Vec<_>>().join("|"));
        }
        rows
    }

    async fn execute(&self, kind: Kind, statement: &'static str) {
        match kind {
            Kind::Postgres => {
                let mut connection =
                    sqlx::PgConnection::connect(&self.postgres.url()).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
            }
            Kind::Sqlite | Kind::Csv | Kind::Parquet => {
                let mut connection = self.open().await;
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
            }
        }
    }

    async fn open(&self) -> sqlx::SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.sqlite())
            .create_if_missing(true);
        sqlx::SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// Two columns of text.
    async fn select(&self, kind: Kind, query: &str) -> Rows {
        let query = AssertSqlSafe(query.to_owned());
        if kind == Kind::Postgres {
            let mut connection = sqlx::PgConnection::connect(&self.postgres.url()).await.unwrap();
            let found = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
            return found.iter().map(|row| (row.get(0), row.get(1))).collect();
        }
        let found = sqlx::query(query).fetch_all(&mut self.open().await).await.unwrap();
        found.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

// === deliveries ===

fn whole(number: u64, rows: &[(&'static str, i64)]) -> Delivery {
    let rows = rows.iter().map(|(code, people)| ("upsert", *code, *people)).collect();
    let (content, start) = (Content::Whole, Start::Beginning);
    Delivery { number, transfer: number.into(), content, start, rows }
}

/// Changes to a complete run.
fn changes(number: u64, rows: &[(&'static str, &'static str, i64)]) -> Delivery {
    Delivery {
        number,
        transfer: number.into(),
        content: Content::Changes(Follows::Nothing),
        start: Start::After(Run::Complete),
        rows: rows.to_vec(),
    }
}

async fn begin(
    sink: &dyn Sink,
    delivery: &Delivery,
) -> Result<Box<dyn publicdata_node_agent::sink::Taking>, SinkError> {
    let mut taking = sink.begin(intake(delivery)).await?;
    // In two batches, so that order goes beyond one.
    let middle = delivery.rows.len() / 2;
    for part in [&delivery.rows[..middle], &delivery.rows[middle..]] {
        taking.rows(&batch(delivery.content, part)).await?;
    }
    Ok(taking)
}

async fn take(sink: &dyn Sink, delivery: &Delivery) -> Result<Taken, SinkError> {
    begin(sink, delivery).await?.commit(&note(delivery)).await
}

fn intake(delivery: &Delivery) -> Intake {
    Intake {
        transfer: transfer(delivery.transfer),
        effect: Effect::of(delivery.content, delivery.start),
        schema: batch(Content::Whole, &[]).schema(),
        content: delivery.content,
    }
}

fn note(delivery: &Delivery) -> Note {
    let at = "2026-03-02T04:00:00Z".parse().unwrap();
    let transfer = transfer(delivery.transfer);
    Note {
        number: delivery.number,
        transfer,
        run: Effect::of(delivery.content, delivery.start).run(),
        follows: Follows::Nothing,
        rows: delivery.rows.len() as u64,
        rows_total: 2 * delivery.number,
        run_began_at: at,
        at,
        source_version: "v1".to_owned(),
        receipt: ConfirmDeliveryRequest {
            transfer_id: transfer.to_string(),
            ..ConfirmDeliveryRequest::default()
        },
    }
}

fn batch(content: Content, rows: &[(&str, &str, i64)]) -> RecordBatch {
    let codes: StringArray = rows.iter().map(|row| (row.1 != NONE).then_some(row.1)).collect();
    let people: Int64Array = rows.iter().map(|row| Some(row.2)).collect();
    let plain = RecordBatch::try_from_iter_with_nullable([
        ("code", Arc::new(codes) as ArrayRef, true),
        ("people", Arc::new(people) as ArrayRef, true),
    ])
    .unwrap();
    let Content::Changes(_) = content else { return plain };
    let words: StringArray = rows.iter().map(|row| Some(row.0)).collect();
    let outline = Outline { content, source_version: String::new() };
    let schema: SchemaRef = outline.schema(&plain.schema());
    let columns = [vec![Arc::new(words) as ArrayRef], plain.columns().to_vec()].concat();
    RecordBatch::try_new(schema, columns).unwrap()
}

fn every_type() -> RecordBatch {
    let decimal = |values: Vec<i128>, scale| {
        Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap()
    };
    let money = Decimal128Array::from(vec![Some(123_456_789_012_345_678_901_234_i128), None])
        .with_precision_and_scale(38, 4)
        .unwrap();
    let at: TimestampMicrosecondArray =
        vec![Some(1_767_488_400_000_000), None].into_iter().collect();
    let number = decimal(vec![1, 99_999_999_999_999_999_999 * 10_000_000_000], 10);
    RecordBatch::try_from_iter_with_nullable([
        ("number", Arc::new(number) as ArrayRef, true),
        ("code", Arc::new(StringArray::from(vec!["a\t'\"\\N\n,青羊", "\\N"])), true),
        ("money", Arc::new(money), true),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None])), true),
        ("born", Arc::new(Date32Array::from(vec![Some(11_356), None])), true),
        ("size", Arc::new(Float64Array::from(vec![Some(0.1), None])), true),
        ("photo", Arc::new(BinaryArray::from(vec![Some(&[0_u8, 255][..]), None])), true),
        ("at", Arc::new(at.with_timezone("+08:00")), true),
    ])
    .unwrap()
}

fn rows(rows: &[(&str, i64)]) -> Rows {
    rows.iter().map(|(code, people)| ((*code).to_owned(), people.to_string())).collect()
}

fn key() -> Vec<String> {
    vec!["code".to_owned()]
}

fn subscription() -> SubscriptionId {
    SubscriptionId::from_uuid(Uuid::from_u128(7))
}

fn transfer(number: u128) -> TransferId {
    TransferId::from_uuid(Uuid::from_u128(number))
}

/// Stops everything at the first such step, as a kill would: what was done before it stays as it is.
fn dying_at(step: Step) -> Steps {
    let dead = AtomicBool::new(false);
    Steps::new(move |reached| {
        if reached == step {
            dead.store(true, Ordering::SeqCst);
        }
        match dead.load(Ordering::SeqCst) {
            true => Err(SinkError::Overtaken),
            false => Ok(()),
        }
    })
}

fn extension(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

/// Rows by the names of their columns.
fn read_file(kind: Kind, path: &Path) -> Vec<BTreeMap<String, String>> {
    if kind == Kind::Csv {
        let mut reader = ::csv::Reader::from_path(path).unwrap();
        return reader.deserialize().map(Result::unwrap).collect();
    }
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let mut values = BTreeMap::new();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if !column.is_null(row) {
                    let text = match column.as_string_opt::<i32>() {
                        Some(texts) => texts.value(row).to_owned(),
                        None => array_value_to_string(column, row).unwrap(),
                    };
                    values.insert(field.name().clone(), text);
                }
            }
            rows.push(values);
        }
    }
    rows
}

fn change(rows: &mut Rows, changes: &[BTreeMap<String, String>]) {
    for row in changes {
        let code = row["code"].clone();
        match row.get(CHANGE_COLUMN).map(String::as_str) {
            Some("delete") => drop(rows.remove(&code)),
            Some("upsert") | None => drop(rows.insert(code, row["people"].clone())),
            Some(other) => panic!("change {other}"),
        }
    }
}
