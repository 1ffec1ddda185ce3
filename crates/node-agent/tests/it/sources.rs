//! One contract for all connectors: the same rows in SQLite, PostgreSQL, MariaDB, CSV, Parquet and JSON over HTTP.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimeUnit};
use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use futures::TryStreamExt as _;
use parquet::arrow::ArrowWriter;
use publicdata_exchange_domain::terms::Field;
use publicdata_node_agent::config::{ConnectorKind, DatasetConfig, Secret};
use publicdata_node_agent::dataset::Dataset;
use publicdata_node_agent::source::scan::scan;
use publicdata_node_agent::source::{Scan, SourceError};
use publicdata_service_kit::Tasks;
use publicdata_types::ItemType;
use publicdata_views::testing::TestPostgres;
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::mariadb::Mariadb;

const TOKEN: &str = "Bearer 0123";
const RESOURCE: &str = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002";
const COLUMNS: &str = "code, village, people, area, opened, updated, urban, ratio";

/// One row as SQL values, in the order of [`COLUMNS`].
type Row = [&'static str; 8];

const ROWS: [Row; 5] = [
    ["'001'", "'青羊''区'", "120", "12.5", "'2001-02-03'", "'2026-01-04T09:00:00'", "TRUE", "0.5"],
    ["'002'", "'金牛%'", "80", "3.25", "'2011-12-31'", "'2026-01-05T10:30:00'", "FALSE", "1.5"],
    ["'003'", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"],
    [
        "'010'",
        "'abc'",
        "-7",
        "0.0000000001",
        "'1970-01-01'",
        "'1970-01-01T08:00:00'",
        "TRUE",
        "2.25",
    ],
    ["'011'", "'ABC'", "0", "100", "'1969-12-31'", "'2026-01-04T09:00:01'", "FALSE", "-1"],
];

/// A source of each kind with the same rows.
struct Sources {
    _folder: TempDir,
    postgres: TestPostgres,
    mariadb: Mariadb,
    _web: Tasks,
    configs: Vec<DatasetConfig>,
}

#[derive(Clone, Copy)]
enum Broken {
    Nothing,
    /// A text stands where a number belongs, in the fourth row.
    Misfit,
}

/// R23.1: whatever the source is, all rows come in order, with the catalogue's types.
#[tokio::test]
async fn all_rows_come_with_the_catalogues_types() {
    let sources = Sources::create(Broken::Nothing).await;
    for (kind, dataset) in sources.datasets() {
        let rows = read(&dataset, &everything(), None).await.unwrap();

        assert_eq!(rows, expected(), "{kind:?}");
        assert_eq!(rows.schema().field(5).data_type(), &timestamp_type(), "{kind:?}");
    }
}

/// R26.2: fields that are not asked for are not read, and the order is that of the request.
#[tokio::test]
async fn only_the_fields_asked_for_come() {
    let sources = Sources::create(Broken::Nothing).await;
    for (kind, dataset) in sources.datasets() {
        let rows = read(&dataset, &[people(), code()], None).await.unwrap();

        let names: Vec<_> = rows.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["people", "code"], "{kind:?}");
        assert_eq!(rows.column(1), expected().column(0), "{kind:?}");
    }
}

/// R26.2: the grant's row filter means the same for every source.
#[tokio::test]
async fn every_source_lets_the_same_rows_through() {
    let cases: [(&str, &[&str]); 22] = [
        ("code = '001'", &["001"]),
        ("code <> '001'", &["002", "003", "010", "011"]),
        ("people > 0", &["001", "002"]),
        ("people >= 0 AND people < 100", &["002", "011"]),
        ("NOT (people > 0)", &["010", "011"]),
        ("people IS NULL", &["003"]),
        ("people IS NOT NULL", &["001", "002", "010", "011"]),
        ("people IN (120, -7)", &["001", "010"]),
        ("people NOT IN (120, -7)", &["002", "011"]),
        ("area < 3.3", &["002", "010"]),
        ("area = 12.50", &["001"]),
        ("area BETWEEN 3.25 AND 12.5", &["001", "002"]),
        ("opened < '1970-01-01'", &["011"]),
        ("opened >= '2001-02-03'", &["001", "002"]),
        ("updated = '2026-01-04T09:00:00'", &["001"]),
        ("updated > '2026-01-04T09:00:00'", &["002", "011"]),
        ("urban = TRUE", &["001", "010"]),
        ("ratio > 0.5", &["002", "010"]),
        ("village LIKE '青羊%'", &["001"]),
        ("village LIKE '%b_'", &["010"]),
        ("village = '青羊''区'", &["001"]),
        ("village < 'b' OR people = 80", &["002", "010", "011"]),
    ];
    let sources = Sources::create(Broken::Nothing).await;
    for (kind, dataset) in sources.datasets() {
        for (filter, codes) in cases {
            let rows = read(&dataset, &[code()], Some(filter)).await.unwrap();
            let found: Vec<_> = rows.column(0).as_string::<i32>().iter().flatten().collect();
            assert_eq!(found, codes, "{kind:?}: {filter}");
        }
    }
}

/// R26.2: a filter's text is data in a query, never a part of it.
#[tokio::test]
async fn filter_cannot_break_out_of_its_query() {
    let sources = Sources::create(Broken::Nothing).await;
    for (kind, dataset) in sources.datasets() {
        for filter in ["code = ''' OR 1=1 --'", r"code = '\'", r"village LIKE '\%'"] {
            let rows = read(&dataset, &[code()], Some(filter)).await.unwrap();
            assert_eq!(rows.num_rows(), 0, "{kind:?}: {filter}");
        }
    }
}

/// R30.1: a field that the source has lost is named.
#[tokio::test]
async fn missing_column_is_named() {
    let lost = Field { name: "lost".to_owned(), kind: ItemType::Text, mask: None, rules: None };
    let sources = Sources::create(Broken::Nothing).await;
    for (kind, dataset) in sources.datasets() {
        let error = read(&dataset, &[code(), lost.clone()], None).await.unwrap_err();

        assert_eq!(error.reason(), "SOURCE_COLUMN_MISSING", "{kind:?}");
        assert!(error.to_string().contains("no column `lost`"), "{kind:?}: {error}");
    }
}

/// H5: a value that does not fit is named by column and row, and not repeated.
#[tokio::test]
async fn misfit_is_named_by_column_and_row() {
    let sources = Sources::create(Broken::Misfit).await;
    for (kind, dataset) in sources.datasets() {
        let error = read(&dataset, &[code(), people()], None).await.unwrap_err();

        assert_eq!(error.reason(), "SOURCE_TYPE_MISMATCH", "{kind:?}");
        let message = error.to_string();
        assert!(message.contains("column `people`, row 4,"), "{kind:?}: {message}");
        assert!(message.contains("a whole number"), "{kind:?}: {message}");
        assert!(!message.contains("many"), "{kind:?}: {message}");
    }
}

/// R26.2: a misfit in a column that only the filter reads is no reason to let the row through.
#[tokio::test]
async fn misfit_that_a_filter_meets_leaks_no_row() {
    let sources = Sources::create(Broken::Misfit).await;
    for (kind, dataset) in sources.datasets() {
        let read = read(&dataset, &[code()], Some("people < 5")).await;

        let error = read.unwrap_err();
        assert_eq!(error.reason(), "SOURCE_TYPE_MISMATCH", "{kind:?}");
    }
}

#[tokio::test]
async fn unreachable_source_is_named_without_its_address() {
    for (kind, config) in unreachable() {
        let dataset = Dataset::new(&config).unwrap();
        let error = read(&dataset, &[code()], None).await.unwrap_err();

        assert_eq!(error.reason(), "SOURCE_UNAVAILABLE", "{kind:?}: {error}");
        assert!(!error.to_string().contains("nowhere"), "{kind:?}: {error}");
        assert!(dataset.check().await.is_err());
    }
}

#[tokio::test]
async fn check_finds_a_column_that_the_configuration_names_wrongly() {
    let sources = Sources::create(Broken::Nothing).await;
    for config in &sources.configs {
        let kind = config.connector;
        assert!(Dataset::new(config).unwrap().check().await.is_ok(), "{kind:?}");

        let mut wrong = config.clone();
        wrong.columns.insert("name".to_owned(), "nome".to_owned());
        let error = Dataset::new(&wrong).unwrap().check().await.unwrap_err();
        assert!(error.to_string().contains("no column `nome`"), "{kind:?}: {error}");
    }
}

/// H4: one connection serves what is read one after the other, and one that the database ended is not relied on.
#[tokio::test]
async fn connections_are_used_again_until_the_database_ends_them() {
    let sources = Sources::create(Broken::Nothing).await;
    let url = postgres_url(&sources.postgres);
    let mut watch = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut readers = async |of_them: &'static str| -> i64 {
        let query = "FROM pg_stat_activity WHERE application_name = 'reader'";
        let query = format!("SELECT count({of_them}) {query}");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut watch).await.unwrap()
    };
    let is_postgres = |config: &&DatasetConfig| config.connector == ConnectorKind::Postgres;
    let mut config = sources.configs.iter().find(is_postgres).unwrap().clone();
    config.url = Some(Secret(format!("{url}?application_name=reader")));
    let dataset = Dataset::new(&config).unwrap();

    for _ in 0..3 {
        read(&dataset, &everything(), None).await.unwrap();
        assert_eq!(readers("*").await, 1);
    }
    assert_eq!(readers("pg_terminate_backend(pid, 10000) OR NULL").await, 1);

    assert_eq!(read(&dataset, &everything(), None).await.unwrap(), expected());
}

/// R17.2: what the database itself keeps unique need not be remembered, however many rows there are; nothing else is taken for that.
#[tokio::test]
async fn a_database_says_which_column_it_keeps_unique() {
    let sources = Sources::create(Broken::Nothing).await;
    let mut connection =
        sqlx::PgConnection::connect(&postgres_url(&sources.postgres)).await.unwrap();
    let mut config = sources.config(ConnectorKind::Postgres);
    config.table = Some("kept".to_owned());
    config.columns = [("people".to_owned(), "size".to_owned())].into();
    let both = |config: &DatasetConfig| {
        let dataset = Dataset::new(config).unwrap();
        async move { [dataset.keeps_unique("code").await, dataset.keeps_unique("people").await] }
    };
    for (definition, expected) in [
        ("code text, size bigint", [false, false]),
        ("code text PRIMARY KEY, size bigint UNIQUE", [true, true]),
        ("code text, size bigint, UNIQUE (code, size)", [false, false]),
        ("code text, size bigint UNIQUE DEFERRABLE", [false, false]),
        ("code text UNIQUE NULLS NOT DISTINCT, size bigint", [true, false]),
    ] {
        let statements = format!("DROP TABLE IF EXISTS kept; CREATE TABLE kept ({definition})");
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        assert_eq!(both(&config).await.map(Result::unwrap), expected, "{definition}");
    }
    let indexes = "DROP TABLE kept; CREATE TABLE kept (code text, size bigint); \
        CREATE UNIQUE INDEX ON kept (code) WHERE size > 0; CREATE UNIQUE INDEX ON kept (abs(size)); \
        CREATE INDEX ON kept (size)";
    sqlx::raw_sql(indexes).execute(&mut connection).await.unwrap();
    assert_eq!(both(&config).await.map(Result::unwrap), [false, false]);

    sqlx::raw_sql("CREATE UNIQUE INDEX ON kept (code) INCLUDE (size)")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(both(&config).await.map(Result::unwrap), [true, false]);
    // What a query makes of it is not known.
    let query = DatasetConfig {
        table: None,
        query: Some("SELECT * FROM kept UNION ALL SELECT * FROM kept".to_owned()),
        ..config
    };
    assert_eq!(both(&query).await.map(Result::unwrap), [false, false]);
}

/// R23.1: batches are cut alike, whatever the source, and reading stops when nobody takes them.
#[tokio::test]
async fn many_rows_come_in_even_batches() {
    let sources = Sources::create(Broken::Nothing).await;
    let query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                 SELECT i AS people, CAST(i AS TEXT) AS code FROM n;";
    for config in &sources.configs {
        let mut config = config.clone();
        match config.connector {
            ConnectorKind::Csv | ConnectorKind::Parquet | ConnectorKind::Http => continue,
            ConnectorKind::Sqlite | ConnectorKind::Postgres => {
                config.query = Some(query.to_owned());
            }
            // It gives up a recursion after 1,000 rows.
            ConnectorKind::Mysql => {
                let query = "SELECT seq AS people, CAST(seq AS CHAR) AS code FROM seq_1_to_20000";
                config.query = Some(query.to_owned());
            }
        }
        config.table = None;
        config.order_by = vec!["people".to_owned()];
        let dataset = Dataset::new(&config).unwrap();

        let wanted = Scan { filter: None, ..plan(&dataset, &[people()], None) };
        let batches: Vec<RecordBatch> =
            scan(dataset.connector(), wanted).try_collect().await.unwrap();
        let sizes: Vec<_> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [8_192, 8_192, 3_616], "{:?}", config.connector);
        let last = batches[2].column(0).as_primitive::<Int64Type>().value(3_615);
        assert_eq!(last, 20_000, "{:?}", config.connector);

        let filtered: Vec<RecordBatch> =
            scan(dataset.connector(), plan(&dataset, &[people()], Some("people > 10000")))
                .try_collect()
                .await
                .unwrap();
        let sizes: Vec<_> = filtered.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [8_192, 1_808], "{:?}", config.connector);
    }
}

/// PostgreSQL's own types become the catalogue's.
#[tokio::test]
async fn postgres_types_are_decoded() {
    let sources = Sources::create(Broken::Nothing).await;
    let mut config = sources.config(ConnectorKind::Postgres);
    config.table = None;
    config.query = Some(
        "SELECT 1 AS k, 123456.7890::numeric AS dec, 'xy'::char(5) AS code, \
         timestamptz '2026-01-04 01:00:00+00' AS t, 5::smallint AS small, \
         '\\x00ff'::bytea AS raw, -0.0001::numeric AS tiny, 10000::numeric AS round"
            .to_owned(),
    );
    config.order_by = vec!["k".to_owned()];
    let dataset = Dataset::new(&config).unwrap();
    let field = |name: &str, kind| Field { name: name.to_owned(), kind, mask: None, rules: None };

    let rows = read(
        &dataset,
        &[
            field("dec", ItemType::Number),
            field("code", ItemType::Text),
            field("t", ItemType::Timestamp),
            field("small", ItemType::Integer),
            field("raw", ItemType::General),
            field("tiny", ItemType::Money),
            field("round", ItemType::Integer),
        ],
        None,
    )
    .await
    .unwrap();

    assert_eq!(
        rows.column(0).as_primitive::<Decimal128Type>().value_as_string(0),
        "123456.7890000000"
    );
    assert_eq!(rows.column(1).as_string::<i32>().value(0), "xy");
    assert_eq!(rows.column(3).as_primitive::<Int64Type>().value(0), 5);
    assert_eq!(rows.column(4).as_binary::<i32>().value(0), [0, 255]);
    assert_eq!(rows.column(5).as_primitive::<Decimal128Type>().value_as_string(0), "-0.0001");
    assert_eq!(rows.column(6).as_primitive::<Int64Type>().value(0), 10_000);
    let nine: TimestampMicrosecondArray = vec![1_767_488_400_000_000].into();
    assert_eq!(rows.column(2).as_ref(), &nine.with_timezone("+08:00") as &dyn arrow::array::Array);
}

impl Sources {
    fn datasets(&self) -> impl Iterator<Item = (ConnectorKind, Dataset)> {
        self.configs.iter().map(|config| (config.connector, Dataset::new(config).unwrap()))
    }

    async fn create(broken: Broken) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = publicdata_views::testing::postgres();
        let rows = rows(broken);
        let people_type = match broken {
            Broken::Nothing => "BIGINT",
            Broken::Misfit => "TEXT",
        };
        let table = format!(
            "CREATE TABLE villages (code TEXT, village TEXT, people {people_type}, area NUMERIC, \
             opened DATE, updated TIMESTAMP, urban BOOLEAN, ratio DOUBLE PRECISION)"
        );

        let sqlite = folder.path().join("source.sqlite");
        fill_sqlite(&sqlite, &table, &rows).await;
        fill_postgres(&postgres_url(&postgres), &table, &rows).await;
        let mariadb = Mariadb::start().await;
        let of_mariadb =
            table.replace("NUMERIC", "DECIMAL(30,10)").replace("TIMESTAMP", "DATETIME");
        mariadb.execute("civil", &format!("{of_mariadb}; {}", insert(&rows))).await;
        let (web, address) = serve_json(&rows).await;
        fill_csv(&folder.path().join("source.csv"), &rows);
        fill_parquet(&folder.path().join("source.parquet"), broken);

        let of = |connector, path: Option<&str>| {
            config(connector, path.map(|name| folder.path().join(name)))
        };
        let mut of_postgres = of(ConnectorKind::Postgres, None);
        of_postgres.url = Some(Secret(postgres_url(&postgres)));
        let mut of_mariadb = of(ConnectorKind::Mysql, None);
        of_mariadb.url = Some(Secret(mariadb.url("civil")));
        let mut of_web = of(ConnectorKind::Http, None);
        of_web.url = Some(Secret(format!("http://{address}/villages?page=1")));
        of_web.rows_at = "/data/rows".to_owned();
        of_web.next_at = "/next".to_owned();
        of_web.headers = [("authorization".to_owned(), Secret(TOKEN.to_owned()))].into();
        let configs = vec![
            of(ConnectorKind::Sqlite, Some("source.sqlite")),
            of_postgres,
            of_mariadb,
            of_web,
            of(ConnectorKind::Csv, Some("source.csv")),
            of(ConnectorKind::Parquet, Some("source.parquet")),
        ];
        Self { _folder: folder, postgres, mariadb, _web: web, configs }
    }

    fn config(&self, kind: ConnectorKind) -> DatasetConfig {
        let _running = (&self.postgres, &self.mariadb);
        self.configs.iter().find(|config| config.connector == kind).unwrap().clone()
    }
}

fn config(connector: ConnectorKind, path: Option<std::path::PathBuf>) -> DatasetConfig {
    let database =
        matches!(connector, ConnectorKind::Sqlite | ConnectorKind::Postgres | ConnectorKind::Mysql);
    DatasetConfig {
        resource_id: RESOURCE.to_owned(),
        connector,
        path,
        url: None,
        ca: None,
        rows_at: String::new(),
        next_at: String::new(),
        headers: Default::default(),
        table: database.then(|| "villages".to_owned()),
        query: None,
        order_by: if database { vec!["code".to_owned()] } else { Vec::new() },
        key: Vec::new(),
        columns: [("name".to_owned(), "village".to_owned())].into(),
        changes: None,
    }
}

fn unreachable() -> Vec<(ConnectorKind, DatasetConfig)> {
    let nowhere = || Some("/nowhere/at/all".into());
    let mut postgres = config(ConnectorKind::Postgres, None);
    postgres.url = Some(Secret("postgresql://reader@%2Fnowhere/civil".to_owned()));
    let mut mariadb = config(ConnectorKind::Mysql, None);
    mariadb.url = Some(Secret("mysql://reader@localhost/civil?socket=%2Fnowhere".to_owned()));
    let mut web = config(ConnectorKind::Http, None);
    web.url = Some(Secret("http://localhost:1/nowhere".to_owned()));
    vec![
        (ConnectorKind::Mysql, mariadb),
        (ConnectorKind::Http, web),
        (ConnectorKind::Sqlite, config(ConnectorKind::Sqlite, nowhere())),
        (ConnectorKind::Postgres, postgres),
        (ConnectorKind::Csv, config(ConnectorKind::Csv, nowhere())),
        (ConnectorKind::Parquet, config(ConnectorKind::Parquet, nowhere())),
    ]
}

fn rows(broken: Broken) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> =
        ROWS.iter().map(|row| row.iter().map(|&value| value.to_owned()).collect()).collect();
    if let Broken::Misfit = broken {
        for (index, row) in rows.iter_mut().enumerate() {
            match row[2].as_str() {
                "NULL" => {}
                number => row[2] = format!("'{number}'"),
            }
            if index == 3 {
                row[2] = "'many'".to_owned();
            }
        }
    }
    rows
}

fn insert(rows: &[Vec<String>]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| format!("({})", row.join(", "))).collect();
    format!("INSERT INTO villages ({COLUMNS}) VALUES {}", rows.join(", "))
}

async fn fill_sqlite(path: &Path, table: &str, rows: &[Vec<String>]) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    for statement in [table.to_owned(), insert(rows)] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

async fn fill_postgres(url: &str, table: &str, rows: &[Vec<String>]) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let work = async move {
        client.batch_execute(&format!("{table}; {}", insert(rows))).await.unwrap();
    };
    let (ended, ()) = futures::future::join(connection, work).await;
    ended.unwrap();
}

/// Pages of two rows each, to whoever shows the token.
async fn serve_json(rows: &[Vec<String>]) -> (Tasks, SocketAddr) {
    let pages: Vec<Vec<Json>> =
        rows.chunks(2).map(|rows| rows.iter().map(|row| json_row(row)).collect()).collect();
    let answer = move |headers: HeaderMap, Query(asked): Query<BTreeMap<String, usize>>| async move {
        let page = asked["page"];
        if headers.get("authorization").is_none_or(|token| token != TOKEN) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let next = (page < pages.len()).then(|| format!("/villages?page={}", page + 1));
        Ok(axum::Json(json!({ "data": { "rows": pages[page - 1] }, "next": next })))
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    let router = Router::new().route("/villages", get(answer));
    tasks.spawn("web", async move { axum::serve(listener, router).await.unwrap() });
    (tasks, address)
}

fn json_row(row: &[String]) -> Json {
    let value = |sql: &String| match sql.as_str() {
        "NULL" => Json::Null,
        "TRUE" => Json::Bool(true),
        "FALSE" => Json::Bool(false),
        quoted if quoted.starts_with('\'') => Json::String(csv_field(quoted)),
        number => number.parse().unwrap(),
    };
    COLUMNS.split(", ").map(ToOwned::to_owned).zip(row.iter().map(value)).collect()
}

/// R24.1: the token of a service is sent to that service alone, and what it answers wrongly is told without an address (H5).
#[tokio::test]
async fn a_web_service_that_answers_wrongly_is_told_without_its_address() {
    let sources = Sources::create(Broken::Nothing).await;
    let check = async |change: fn(&mut DatasetConfig), reason: &str, part: &str| {
        let mut config = sources.config(ConnectorKind::Http);
        change(&mut config);
        let error = read(&Dataset::new(&config).unwrap(), &[code()], None).await.unwrap_err();
        let told = publicdata_service_kit::problem::chain(&error);
        assert_eq!(error.reason(), reason, "{told}");
        assert!(
            told.contains(part) && !told.contains("127.0.0.1") && !told.contains(TOKEN),
            "{told}"
        );
    };
    let wrong_token = |config: &mut DatasetConfig| config.headers.clear();
    check(wrong_token, "SOURCE_UNAVAILABLE", "status 401").await;
    let no_rows = |config: &mut DatasetConfig| config.rows_at = "/data".to_owned();
    check(no_rows, "SOURCE_BROKEN", "no array at `/data`").await;
    let elsewhere = |config: &mut DatasetConfig| config.next_at = "/data".to_owned();
    check(elsewhere, "SOURCE_BROKEN", "no address on the same host").await;

    let mut plain = sources.config(ConnectorKind::Http);
    plain.url = Some(Secret("http://elsewhere.example/rows".to_owned()));
    let refused = publicdata_service_kit::problem::chain(&Dataset::new(&plain).unwrap_err());
    assert!(refused.contains("has to begin with https"), "{refused}");
}

/// MariaDB's own types become the catalogue's.
#[tokio::test]
async fn mariadb_types_are_decoded() {
    let sources = Sources::create(Broken::Nothing).await;
    let mut config = sources.config(ConnectorKind::Mysql);
    config.table = None;
    let query = "SELECT 1 AS k, CAST(123456.7890 AS DECIMAL(20,4)) AS `dec`, \
        TIMESTAMP '2026-01-04 09:00:00.000000' AS t, CAST(18446744073709551615 AS UNSIGNED) AS big, \
        X'00ff' AS raw, CAST('长\\' AS CHAR(5)) AS text, 1.5e0 AS ratio";
    config.query = Some(query.replace('`', "\""));
    config.order_by = vec!["k".to_owned()];
    let dataset = Dataset::new(&config).unwrap();
    let field = |name: &str, kind| Field { name: name.to_owned(), kind, mask: None, rules: None };
    let fields = [
        field("dec", ItemType::Number),
        field("t", ItemType::Timestamp),
        field("big", ItemType::Number),
        field("raw", ItemType::General),
        field("text", ItemType::Text),
        field("ratio", ItemType::Double),
    ];

    let rows = read(&dataset, &fields, None).await.unwrap();

    let decimal =
        |column: usize| rows.column(column).as_primitive::<Decimal128Type>().value_as_string(0);
    assert_eq!(decimal(0), "123456.7890000000");
    assert_eq!(decimal(2), "18446744073709551615.0000000000");
    let nine: TimestampMicrosecondArray = vec![1_767_488_400_000_000].into();
    assert_eq!(rows.column(1).as_ref(), &nine.with_timezone("+08:00") as &dyn arrow::array::Array);
    assert_eq!(rows.column(3).as_binary::<i32>().value(0), [0, 255]);
    assert_eq!(rows.column(4).as_string::<i32>().value(0), "长\\");
    assert_eq!(rows.column(5).as_primitive::<arrow::datatypes::Float64Type>().value(0), 1.5);
}

fn fill_csv(path: &Path, rows: &[Vec<String>]) {
    let mut file = File::create(path).unwrap();
    writeln!(file, "\u{feff}{}", COLUMNS.replace(", ", ",")).unwrap();
    for row in rows {
        let fields: Vec<String> = row.iter().map(|value| csv_field(value)).collect();
        writeln!(file, "{}", fields.join(",")).unwrap();
    }
}

fn csv_field(sql: &str) -> String {
    match sql {
        "NULL" => String::new(),
        quoted if quoted.starts_with('\'') => quoted.trim_matches('\'').replace("''", "'"),
        plain => plain.to_owned(),
    }
}

fn fill_parquet(path: &Path, broken: Broken) {
    let rows = expected();
    let people: ArrayRef = match broken {
        Broken::Nothing => Arc::clone(rows.column(2)),
        Broken::Misfit => Arc::new(StringArray::from(vec![
            Some("120"),
            Some("80"),
            None,
            Some("many"),
            Some("0"),
        ])),
    };
    // A time without a zone, as most files have it: it is China's.
    let local = DataType::Timestamp(TimeUnit::Microsecond, None);
    let updated = rows.column(5).as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    let updated: TimestampMicrosecondArray =
        updated.iter().map(|micros| micros.map(|m| m + 8 * 3_600_000_000)).collect();
    assert_eq!(updated.data_type(), &local);
    let names = COLUMNS.split(", ");
    let columns = rows.columns().iter().enumerate().map(|(index, column)| match index {
        2 => Arc::clone(&people),
        5 => Arc::new(updated.clone()) as ArrayRef,
        _ => Arc::clone(column),
    });
    let batch = RecordBatch::try_from_iter_with_nullable(
        names.zip(columns).map(|(name, column)| (name, column, true)),
    )
    .unwrap();

    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The same rows as Arrow has them, under the items' names.
fn expected() -> RecordBatch {
    let codes = StringArray::from(vec!["001", "002", "003", "010", "011"]);
    let villages =
        StringArray::from(vec![Some("青羊'区"), Some("金牛%"), None, Some("abc"), Some("ABC")]);
    let people = Int64Array::from(vec![Some(120), Some(80), None, Some(-7), Some(0)]);
    let areas = Decimal128Array::from(vec![
        Some(125_000_000_000),
        Some(32_500_000_000),
        None,
        Some(1),
        Some(1_000_000_000_000),
    ])
    .with_precision_and_scale(38, 10)
    .unwrap();
    let opened = Date32Array::from(vec![Some(11_356), Some(15_339), None, Some(0), Some(-1)]);
    let updated = TimestampMicrosecondArray::from(vec![
        Some(1_767_488_400_000_000),
        Some(1_767_580_200_000_000),
        None,
        Some(0),
        Some(1_767_488_401_000_000),
    ])
    .with_timezone("+08:00");
    let urban = BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(false)]);
    let ratios = Float64Array::from(vec![Some(0.5), Some(1.5), None, Some(2.25), Some(-1.0)]);
    let columns: [(&str, ArrayRef); 8] = [
        ("code", Arc::new(codes)),
        ("name", Arc::new(villages)),
        ("people", Arc::new(people)),
        ("area", Arc::new(areas)),
        ("opened", Arc::new(opened)),
        ("updated", Arc::new(updated)),
        ("urban", Arc::new(urban)),
        ("ratio", Arc::new(ratios)),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn everything() -> Vec<Field> {
    let kinds = [
        ("code", ItemType::Text),
        ("name", ItemType::Text),
        ("people", ItemType::Integer),
        ("area", ItemType::Number),
        ("opened", ItemType::Date),
        ("updated", ItemType::Timestamp),
        ("urban", ItemType::Logical),
        ("ratio", ItemType::Double),
    ];
    kinds
        .map(|(name, kind)| Field { name: name.to_owned(), kind, mask: None, rules: None })
        .to_vec()
}

fn code() -> Field {
    everything().remove(0)
}

fn people() -> Field {
    everything().remove(2)
}

fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+08:00".into()))
}

fn plan(dataset: &Dataset, fields: &[Field], filter: Option<&str>) -> Scan {
    let given = everything().into_iter().map(|field| (field.name, field.kind));
    let known = given.chain([("village".to_owned(), ItemType::Text)]).collect();
    dataset.scan(fields, &known, filter).unwrap()
}

async fn read(
    dataset: &Dataset,
    fields: &[Field],
    filter: Option<&str>,
) -> Result<RecordBatch, SourceError> {
    let wanted = plan(dataset, fields, filter);
    let schema = publicdata_node_agent::mask::schema_of(fields);
    let batches: Vec<RecordBatch> = scan(dataset.connector(), wanted).try_collect().await?;
    Ok(concat_batches(&schema, &batches).unwrap())
}

/// Through the socket alone: the test's server has no port.
fn postgres_url(postgres: &TestPostgres) -> String {
    let url = postgres.url();
    let folder = url.split_once("host=").unwrap().1.replace('/', "%2F");
    format!("postgresql://postgres@{folder}/postgres")
}
