//! A city whose exchange runs as it does in production: each part a process of its own, which can be killed alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use publicdata::commands::grant::Mode;
use publicdata::sample::{CONSUMER, PROVIDER};
use publicdata::session::{CREDENTIALS_FOLDER, Session};
use publicdata_event_store::server::free_ports;
use publicdata_views::testing::{TestPostgres, postgres};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::net::TcpStream;

use crate::fleet::{
    City, FIELDS, PURPOSE, Process, Row, Rows, masked, program_path, until, within,
};

const LOCALHOST: &str = "127.0.0.1";
/// How long it may take until all has gone on, on a busy machine.
pub(crate) const RECOVERY: Duration = Duration::from_secs(120);
const ROWS_PER_DELIVERY: u32 = 1_500;
/// What the consumer's node logs: each step of taking a delivery.
const LOGGED: &str = "warn,publicdata_node_agent::sink::steps=trace";
const STEP: &str = "sink step=";

/// A part of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    ProviderNode,
    ConsumerNode,
    Bus,
    EventStore,
    /// The provider's source and the consumer's sink.
    Database,
}

/// The exchange of a city whose own fleet is stopped.
pub(crate) struct Town {
    /// A system of the consumer's.
    pub(crate) consumer: Session,
    database: TestPostgres,
    event_store_address: String,
    event_store: Program,
    bus: Program,
    provider_node: Program,
    consumer_node: Program,
}

/// A program that is started again as it was.
struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    process: Option<Process>,
}

// === impl Part ===

impl Part {
    /// Every part.
    pub(crate) const ALL: [Self; 5] =
        [Self::ProviderNode, Self::ConsumerNode, Self::Bus, Self::EventStore, Self::Database];
}

// === impl Town ===

impl Town {
    /// A city with a grant in every mode, and its exchange, which does not run yet. So many rows are at the source, and are to be
    /// pushed.
    pub(crate) async fn settled(rows: u32) -> (City, Self) {
        let modes = vec![Mode::Query, Mode::Bulk, Mode::Push];
        let mut city = City::settled_for(Rows::few(), modes).await;
        let database = postgres();
        fill(&database, rows).await;
        let town = Self::of(&mut city, database);
        (city, town)
    }

    fn of(city: &mut City, database: TestPostgres) -> Self {
        let ports = free_ports(LOCALHOST, 3).unwrap();
        let [bus, provider, consumer] =
            [ports[0], ports[1], ports[2]].map(|port| format!("{LOCALHOST}:{port}"));
        let mut session = city.consumer();
        let (name, _) = CONSUMER.node.unwrap();
        session.endpoints.exchange_bus = bus.clone();
        session.endpoints.nodes =
            BTreeMap::from([(format!("{}/{name}", CONSUMER.code), consumer.clone())]);
        let url = socket_url(&database);
        let (served, wanted) = (dataset(&city.resource, &url), subscription(&city.grant, &url));
        let of_provider = city.node_config_at(&PROVIDER, "provider", (&bus, &provider), &served);
        let of_consumer = city.node_config_at(&CONSUMER, "consumer", (&bus, &consumer), &wanted);
        let node = |config: &Path, log: &[&str]| {
            let arguments = ["node", "run", config.to_str().unwrap()];
            let path = program_path("publicdata");
            Program::new(path, &[&arguments[..], log].concat(), config.with_extension("log"))
        };
        Self {
            consumer: session,
            database,
            event_store_address: city.fleet.nats().url().replace("tls://", ""),
            event_store: event_store(city),
            bus: exchange_bus(city, &bus),
            provider_node: node(&of_provider, &[]),
            consumer_node: node(&of_consumer, &["--log", LOGGED]),
        }
    }

    /// Starts everything. The bus ends at once without its event store, and somebody has to start it again; so that comes first.
    pub(crate) async fn start(&mut self) {
        self.event_store.start();
        until("the event store listens", async || {
            TcpStream::connect(&self.event_store_address).await.ok()
        })
        .await;
        self.bus.start();
        self.provider_node.start();
        self.consumer_node.start();
    }

    /// Kills a part as a crash would, and starts it again.
    pub(crate) fn kill9_and_restart(&mut self, part: Part) {
        match self.program(part) {
            Some(program) => {
                program.kill9();
                program.start();
            }
            None => self.database.kill9_and_restart(),
        }
    }

    /// Kills everything but the database.
    pub(crate) fn kill9(&mut self) {
        for part in Part::ALL {
            if let Some(program) = self.program(part) {
                program.kill9();
            }
        }
    }

    fn program(&mut self, part: Part) -> Option<&mut Program> {
        match part {
            Part::ProviderNode => Some(&mut self.provider_node),
            Part::ConsumerNode => Some(&mut self.consumer_node),
            Part::Bus => Some(&mut self.bus),
            Part::EventStore => Some(&mut self.event_store),
            Part::Database => None,
        }
    }

    /// How many steps of taking deliveries the consumer's node has told of.
    pub(crate) fn sink_steps(&self) -> usize {
        let log = std::fs::read_to_string(&self.consumer_node.log).unwrap_or_default();
        log.matches(STEP).count()
    }

    /// Changes the source.
    pub(crate) async fn change(&self, statements: String) {
        let mut connection = connect(&self.database).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    }

    /// The rows of the source as they are granted: with names masked.
    pub(crate) async fn source_rows(&self) -> Vec<Row> {
        let mut rows = self.rows("people").await.unwrap();
        for row in &mut rows {
            row[2] = masked(&row[2]);
        }
        rows
    }

    /// The rows of the sink; none while it cannot be read.
    pub(crate) async fn sink_rows(&self) -> Option<Vec<Row>> {
        self.rows("warehouse.people").await.ok()
    }

    /// Waits until the sink has caught up with the source.
    pub(crate) async fn pushed(&self) {
        within(RECOVERY, "the sink has what the source has", async || {
            let query = "SELECT NOT EXISTS (SELECT 1 FROM people AS s \
                FULL JOIN warehouse.people AS w ON w.code = s.code \
                WHERE w.code IS NULL OR s.code IS NULL OR w.size <> s.size OR w.note <> s.note)";
            let mut connection = connect(&self.database).await.ok()?;
            let row = sqlx::query(query).fetch_one(&mut connection).await.ok()?;
            row.get::<bool, _>(0).then_some(())
        })
        .await;
    }

    /// How many deliveries the sink has taken, and how many rows with them.
    pub(crate) async fn taken(&self) -> (u64, u64) {
        let query = "SELECT max(number), max(row_total) FROM warehouse.publicdata_delivery";
        let mut connection = connect(&self.database).await.unwrap();
        let row = sqlx::query(query).fetch_one(&mut connection).await.unwrap();
        let number = |column: usize| row.get::<i64, _>(column).try_into().unwrap();
        (number(0), number(1))
    }

    async fn rows(&self, table: &str) -> sqlx::Result<Vec<Row>> {
        let query =
            format!("SELECT code, \"areaCode\", name, size::text, note FROM {table} ORDER BY code");
        let mut connection = connect(&self.database).await?;
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await?;
        let row =
            |row: &sqlx::postgres::PgRow| (0..FIELDS.len()).map(|column| row.get(column)).collect();
        Ok(rows.iter().map(row).collect())
    }
}

// === impl Program ===

impl Program {
    fn new(path: PathBuf, arguments: &[&str], log: PathBuf) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { path, arguments, log, process: None }
    }

    fn start(&mut self) {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        self.process.get_or_insert_with(|| Process::run(&self.path, &arguments, &self.log));
    }

    fn kill9(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill9();
        }
    }
}

/// The event store of the city, as its fleet configured it.
fn event_store(city: &mut City) -> Program {
    let process = city.fleet.nats().process_id().unwrap();
    let path = std::fs::read_link(format!("/proc/{process}/exe")).unwrap();
    let config = city.fleet.data().join("nats/nats-server.conf");
    Program::new(path, &["-c", config.to_str().unwrap()], city.path("event-store.log"))
}

/// The bus of the city, at another address.
fn exchange_bus(city: &mut City, address: &str) -> Program {
    let (url, monitor) = (city.fleet.nats().url(), city.fleet.nats().monitor_url());
    let data = city.fleet.data();
    let text = format!(
        "credentials = \"{}\"\n\
         [exchange_bus]\nlisten = \"{address}\"\ndatabase = \"sqlite:{}\"\n\
         [nats]\nurls = [\"{url}\"]\nmonitors = [\"{monitor}\"]\nreplicas = 1\n",
        data.join(CREDENTIALS_FOLDER).join("exchange-bus").display(),
        data.join("exchange-bus.sqlite").display(),
    );
    let config = city.path("bus.toml");
    std::fs::write(&config, text).unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    Program::new(program_path("publicdata-exchange-bus"), &arguments, city.path("bus.log"))
}

fn dataset(resource: &str, url: &str) -> String {
    format!(
        "[[dataset]]\nresource_id = \"{resource}\"\nconnector = \"postgres\"\nurl = \"{url}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n\
         [dataset.changes]\npublication = \"people\"\npoll_ms = 50\n\
         rows_per_delivery = {ROWS_PER_DELIVERY}\n\
         [[service]]\nresource_id = \"{resource}\"\nname = \"row\"\nsubject = \"code\"\n\
         [[service.parameter]]\nname = \"code\"\ntype = \"text\"\n"
    )
}

fn subscription(grant: &str, url: &str) -> String {
    format!(
        "[[subscription]]\nname = \"people\"\ngrant_id = \"{grant}\"\npurpose = \"{PURPOSE}\"\n\
         trigger = \"on-change\"\n[subscription.sink]\nkind = \"postgres\"\nurl = \"{url}\"\n\
         table = \"warehouse.people\"\nkey = [\"code\"]\n"
    )
}

/// Rows as those of a city, in the database.
async fn fill(database: &TestPostgres, rows: u32) {
    let statements = format!(
        "CREATE TABLE people (code text PRIMARY KEY, \"areaCode\" text NOT NULL, \
         name text NOT NULL, size bigint NOT NULL, note text NOT NULL); \
         CREATE PUBLICATION people FOR TABLE people; \
         CREATE SCHEMA warehouse; \
         INSERT INTO people SELECT 'r' || lpad(i::text, 7, '0'), '510104', \
         'plain-' || lpad(i::text, 7, '0') || '-name', i * 7, \
         'secret-' || (SELECT string_agg(md5(i || ' ' || part), '') FROM generate_series(1, 58) AS part) \
         FROM generate_series(1, {rows}) AS i"
    );
    let mut connection = connect(database).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
}

async fn connect(database: &TestPostgres) -> sqlx::Result<PgConnection> {
    PgConnection::connect(&database.url()).await
}

/// As nodes are told it: through the socket alone, since the server has no port.
pub(crate) fn socket_url(database: &TestPostgres) -> String {
    let url = database.url();
    let folder = url.split_once("host=").unwrap().1.replace('/', "%2F");
    format!("postgresql://postgres@{folder}/postgres")
}
