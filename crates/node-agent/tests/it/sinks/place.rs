//! The places that sinks of a test are in, the deliveries that they take, and what whoever reads them sees.

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
    Effect, Intake, Note, Run, Sink, SinkError, Start, Taken, Taking, csv, parquet as parquet_sink,
};
use publicdata_proto::exchange::v1::ConfirmDeliveryRequest;
use publicdata_transfer::push::{CHANGE_COLUMN, Content, Follows, Outline};
use publicdata_types::{SubscriptionId, TransferId};
use publicdata_views::testing::TestPostgres;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;
use uuid::Uuid;

/// A row: its key, and how many people; a change says which.
pub(super) type Rows = BTreeMap<String, String>;
pub(super) const NONE: &str = "";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    Sqlite,
    Csv,
    Parquet,
}

pub(super) const DATABASES: [Kind; 2] = [Kind::Postgres, Kind::Sqlite];
pub(super) const ALL: [Kind; 4] = [Kind::Postgres, Kind::Sqlite, Kind::Csv, Kind::Parquet];

/// A place for sinks of each kind; each name is a sink of its own.
pub(super) struct Place {
    pub(super) folder: TempDir,
    postgres: TestPostgres,
}

/// A delivery, as a test thinks of it.
pub(super) struct Delivery {
    pub(super) number: u64,
    pub(super) transfer: u128,
    pub(super) content: Content,
    pub(super) start: Start,
    pub(super) rows: Vec<(&'static str, &'static str, i64)>,
}

// === impl Place ===

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, postgres: publicdata_views::testing::postgres() }
    }

    pub(super) fn sink(&self, kind: Kind, name: &str, steps: Steps) -> Box<dyn Sink> {
        self.sink_with(kind, name, &key(), steps)
    }

    pub(super) fn sink_with(
        &self,
        kind: Kind,
        name: &str,
        key: &[String],
        steps: Steps,
    ) -> Box<dyn Sink> {
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

    pub(super) fn folder_of(&self, kind: Kind) -> PathBuf {
        self.folder.path().join(format!("{kind:?}"))
    }

    /// Files that no manifest names.
    pub(super) fn leftovers(&self, name: &str) -> Vec<PathBuf> {
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
    pub(super) async fn rows(&self, kind: Kind, name: &str) -> Rows {
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

    pub(super) fn types_of_files(&self, kind: Kind, name: &str) -> Rows {
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

    pub(super) async fn execute(&self, kind: Kind, statement: &'static str) {
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
    pub(super) async fn select(&self, kind: Kind, query: &str) -> Rows {
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

pub(super) fn whole(number: u64, rows: &[(&'static str, i64)]) -> Delivery {
    let rows = rows.iter().map(|(code, people)| ("upsert", *code, *people)).collect();
    let (content, start) = (Content::Whole, Start::Beginning);
    Delivery { number, transfer: number.into(), content, start, rows }
}

/// Changes to a complete run.
pub(super) fn changes(number: u64, rows: &[(&'static str, &'static str, i64)]) -> Delivery {
    Delivery {
        number,
        transfer: number.into(),
        content: Content::Changes(Follows::Nothing),
        start: Start::After(Run::Complete),
        rows: rows.to_vec(),
    }
}

pub(super) async fn begin(
    sink: &dyn Sink,
    delivery: &Delivery,
) -> Result<Box<dyn Taking>, SinkError> {
    let mut taking = sink.begin(intake(delivery)).await?;
    // In two batches, so that order goes beyond one.
    let middle = delivery.rows.len() / 2;
    for part in [&delivery.rows[..middle], &delivery.rows[middle..]] {
        taking.rows(&batch(delivery.content, part)).await?;
    }
    Ok(taking)
}

pub(super) async fn take(sink: &dyn Sink, delivery: &Delivery) -> Result<Taken, SinkError> {
    begin(sink, delivery).await?.commit(&note(delivery)).await
}

pub(super) fn intake(delivery: &Delivery) -> Intake {
    Intake {
        transfer: transfer(delivery.transfer),
        effect: Effect::of(delivery.content, delivery.start),
        schema: batch(Content::Whole, &[]).schema(),
        content: delivery.content,
    }
}

pub(super) fn note(delivery: &Delivery) -> Note {
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

pub(super) fn every_type() -> RecordBatch {
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

pub(super) fn rows(rows: &[(&str, i64)]) -> Rows {
    rows.iter().map(|(code, people)| ((*code).to_owned(), people.to_string())).collect()
}

pub(super) fn key() -> Vec<String> {
    vec!["code".to_owned()]
}

pub(super) fn subscription() -> SubscriptionId {
    SubscriptionId::from_uuid(Uuid::from_u128(7))
}

pub(super) fn transfer(number: u128) -> TransferId {
    TransferId::from_uuid(Uuid::from_u128(number))
}

/// Stops everything at the first such step, as a kill would: what was done before it stays as it is.
pub(super) fn dying_at(step: Step) -> Steps {
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
