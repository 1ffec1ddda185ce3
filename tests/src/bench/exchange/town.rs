//! What all figures of the exchange share: a settled city over one Postgres, with payloads to ask for and rows to fetch, and the bare
//! server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use arrow_flight::flight_service_client::FlightServiceClient;
use publicdata::commands::grant::Mode;
use publicdata::output::from_json;
use publicdata::sample::CONSUMER;
use publicdata_identity::SpiffeId;
use publicdata_service_kit::grpc::channel;
use publicdata_views::testing::{TestPostgres, postgres};
use tempfile::TempDir;

use super::asker::{Asked, Asker};
use super::idle::Idle;
use super::payloads::Payloads;
use super::push;
use crate::bench::city::{City, Offer, RESOURCE, connected, dataset};
use crate::bench::memory::Watch;
use crate::bench::role::Player;
use crate::bench::{Setting, psql, say};

/// The offer of payloads.
pub(super) const PAYLOADS: usize = 0;
/// The offer of a few rows.
pub(super) const FEW: usize = 1;
/// The offer of many rows.
pub(super) const MANY: usize = 2;
/// The offer of rows that change.
pub(super) const CHANGING: usize = 3;
/// How many rows are few.
const FEW_ROWS: u64 = 20_000;
const FEW_ROWS_QUICK: u64 = 2_000;

/// The data service of payloads, and of the few rows.
pub(super) const SERVICE: &str = "payload";
pub(super) const RECORD: &str = "record";
/// The parameter that names a payload.
pub(super) const CLASS: &str = "class";

/// The nodes that serve and fetch.
const NODES: usize = 2;
const ENTRY: &str = r#"{
  "name": "负载样本",
  "abstract": "为测量生成的随机文本。",
  "classificationCode": "3010100",
  "providerCode": "11510100MB0000027K",
  "format": "FORMAT_DATABASE",
  "items": [
    { "name": "class", "title": "规格", "type": "ITEM_TYPE_TEXT", "length": 12, "required": true },
    { "name": "part", "title": "序号", "type": "ITEM_TYPE_INTEGER", "required": true },
    { "name": "body", "title": "内容", "type": "ITEM_TYPE_MEMO", "required": true }
  ],
  "sharingType": "SHARING_TYPE_CONDITIONAL",
  "sharingCondition": "限于履行职责，须说明用途和法律依据。",
  "deliveryModes": ["DELIVERY_MODE_QUERY"],
  "open": false,
  "updateCycle": "UPDATE_CYCLE_YEARLY",
  "useRequirements": "不得提供给第三方。"
}"#;
const PAYLOADS_TABLE: &str = "CREATE TABLE payloads (class TEXT, part INTEGER, body TEXT NOT NULL, PRIMARY KEY (class, part))";

/// Dropped, all its processes end.
pub(super) struct Town {
    // Before the services that they are linked to.
    idle: Vec<Idle>,
    pub(super) city: City,
    echo: Player,
    pub(super) postgres: TestPostgres,
    pub(super) payloads: Arc<Payloads>,
    /// How many rows the offer of a few has.
    pub(super) few: u64,
    // Dropped after the processes that work in it, as fields are dropped in order.
    folder: TempDir,
}

impl Town {
    /// Settles the city, with payloads and a few rows in its provider's database.
    pub(super) async fn settle(setting: &Setting) -> anyhow::Result<Self> {
        say("  a city is settled");
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&setting.folder)?;
        let postgres = postgres();
        let url = postgres.url();
        let payloads = Arc::new(Payloads::make());
        load(&url, folder.path(), &payloads).await?;
        let few = if setting.quick { FEW_ROWS_QUICK } else { FEW_ROWS };
        generate(&url, "few", few).await?;
        push::tables(&url).await?;
        let city = City::settle(folder.path(), &offers(&url)?).await?;
        let (_, name) = CONSUMER.node.context("the consumer has a node")?;
        let log = folder.path().join("echo.log");
        let echo = Player::start(&[Path::new("echo"), &city.credentials(name)], &log)?;
        Ok(Self { idle: Vec::new(), city, echo, postgres, payloads, few, folder })
    }

    /// Has exactly so many further nodes connected.
    pub(super) async fn connect(&mut self, nodes: usize) -> anyhow::Result<()> {
        self.idle.truncate(nodes);
        while self.idle.len() < nodes {
            let name = format!("idle-{}", self.idle.len() + 1);
            let folder = self.city.credentials(&name);
            let idle = Idle::connect(&self.city.authority, &name, &folder).await;
            self.idle.push(idle.with_context(|| format!("{name} cannot be connected"))?);
        }
        connected(&self.city.authority, NODES + nodes).await
    }

    /// Starts the consumer's node anew, with this besides in its configuration.
    pub(super) async fn restart_consumer(&mut self, configuration: &str) -> anyhow::Result<()> {
        self.city.restart_consumer(self.folder.path(), configuration)?;
        connected(&self.city.authority, NODES).await
    }

    /// Tells the watch which processes these are.
    pub(super) fn name(&self, watch: &Watch) {
        self.city.name(watch);
        watch.name_anew(self.echo.process(), "bare server");
    }

    /// Asks for payloads through the consumer's node.
    pub(super) fn data_service(&self, order: Arc<[&'static str]>) -> anyhow::Result<Asker> {
        let client = FlightServiceClient::new(self.city.consumer.node_channel(None)?);
        let asked = Asked::DataService(self.city.grants[PAYLOADS].as_str().into());
        Ok(Asker { client, payloads: Arc::clone(&self.payloads), order, asked })
    }

    /// Asks for the same from the bare server.
    pub(super) fn bare(&self, order: Arc<[&'static str]>) -> anyhow::Result<Asker> {
        let consumer = &self.city.consumer;
        let (name, _) = CONSUMER.node.context("the consumer has a node")?;
        let server = SpiffeId::node(&consumer.domain()?, CONSUMER.code.parse()?, name)?;
        let channel = channel(&self.echo.said, &consumer.credentials, &server)?;
        let client = FlightServiceClient::new(channel);
        Ok(Asker { client, payloads: Arc::clone(&self.payloads), order, asked: Asked::Echo })
    }

    /// A place for files.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

async fn load(url: &str, folder: &Path, payloads: &Payloads) -> anyhow::Result<()> {
    let file = folder.join("payloads.csv");
    std::fs::write(&file, payloads.csv()?)?;
    let copy = format!("\\copy payloads FROM '{}' (FORMAT csv)", file.display());
    psql::run(url, &[PAYLOADS_TABLE, &copy, "VACUUM ANALYZE payloads"]).await?;
    Ok(std::fs::remove_file(&file)?)
}

/// Makes a table of villages that do not exist, of about 150 bytes each. Its rows stand in the order of their code.
pub(super) async fn generate(url: &str, table: &str, rows: u64) -> anyhow::Result<()> {
    let fill = format!(
        r#"CREATE UNLOGGED TABLE {table} AS SELECT lpad(i::text, 12, '0') AS code,
           '第' || i || '街道办事处社区居民委员会综合服务中心（' || md5(i::text) || '）登记站' AS name,
           left(lpad(i::text, 12, '0'), 9) AS "streetCode", '51' AS "provinceCode", '5101' AS "cityCode",
           CASE i % 2 WHEN 0 THEN '510104' ELSE '510105' END AS "areaCode"
           FROM generate_series(1, {rows}) AS i"#
    );
    let key = format!("ALTER TABLE {table} ADD PRIMARY KEY (code)");
    psql::run(url, &[&fill, &key, &format!("VACUUM ANALYZE {table}")]).await
}

/// In the order of their numbers. The table of many rows is made when it is needed.
fn offers(url: &str) -> anyhow::Result<[Offer; 4]> {
    let payloads = Offer {
        entry: from_json(ENTRY)?,
        configuration: dataset(url, "payloads", "class,part") + &service(SERVICE, CLASS, ""),
        modes: vec![Mode::Query],
    };
    let mut few = Offer::villages(url, "few", &[Mode::Query, Mode::Bulk])?;
    few.configuration += &service(RECORD, "code", "subject = \"code\"\n");
    let mut many = Offer::villages(url, "many", &[Mode::Bulk])?;
    many.entry.name.push_str("（全量）");
    Ok([payloads, few, many, push::offer(url)?])
}

/// A data service with one parameter, which is the condition on its rows.
fn service(name: &str, parameter: &str, more: &str) -> String {
    format!(
        "[[service]]\nresource_id = \"{RESOURCE}\"\nname = \"{name}\"\n{more}\
         [[service.parameter]]\nname = \"{parameter}\"\ntype = \"text\"\n"
    )
}
