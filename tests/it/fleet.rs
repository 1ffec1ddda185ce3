//! A city to try things on: the sample city's fleet, one entry over generated rows, and one grant, ready to fetch.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::util::display::array_value_to_string;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use futures::TryStreamExt as _;
use jiff::ToSpan as _;
use publicdata::commands::grant::{
    Apply, Approve, Limits, Mode, Modes, application, signed_issue, terms_of_application,
};
use publicdata::commands::{answer, fetch, init};
use publicdata::fleet::{Fleet, NodeDataset, NodeWork, Options};
use publicdata::output::from_json;
use publicdata::sample::{
    self, AUDITOR, AUTHORITY, CONSUMER, ORGANISATIONS, Organisation, PROVIDER,
};
use publicdata::session::{CREDENTIALS_FOLDER, Session, new_command_id};
use publicdata_audit::client::{LogClient, Report, Selection, Verification};
use publicdata_audit::replay::Told;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, PublishResourceRequest, ResourceDescription, SubmitResourceRequest,
};
use publicdata_proto::exchange::v1::{ListTransfersRequest, Transfer};
use publicdata_service_kit::{Clock, Problem};
use publicdata_types::RegionCode;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// The purpose of the city's grant.
pub(crate) const PURPOSE: &str = "社区公共卫生服务网格划分";
/// The fields of the city's entry: a key, an area, a name that is masked, a whole number, and a long note.
pub(crate) const FIELDS: [&str; 5] = ["code", "areaCode", "name", "size", "note"];
/// How long anything that has to come about may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(10);
const TABLE: &str = "people";

/// How the city's plain codes, names and notes begin; masked names do not.
pub(crate) const MARKS: [&str; 3] = ["r0000", "plain-", "secret-"];

/// A row, as text.
pub(crate) type Row = Vec<String>;

/// The rows that a city's provider has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// How many there are.
    pub(crate) count: u32,
    /// How long each one's note is: random, so that it does not compress.
    pub(crate) note_bytes: u32,
}

/// The fleet of the sample city, with one entry that is granted to the consumer.
pub(crate) struct City {
    pub(crate) fleet: Fleet,
    /// The entry's id.
    pub(crate) resource: String,
    /// The grant's id.
    pub(crate) grant: String,
    /// The provider's own database.
    pub(crate) database: PathBuf,
    // Last, so that everything has ended when the folder goes.
    folder: TempDir,
}

/// What a city begins with.
struct Setting<'a> {
    entry: &'a str,
    clock: Clock,
    districts: Vec<RegionCode>,
}

/// What the provider grants, of what its city's entry has.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// Fields.
    pub(crate) fields: Vec<&'static str>,
    /// Rows.
    pub(crate) filter: &'static str,
    /// How often and how much.
    pub(crate) limits: Limits,
}

/// A fetch on its way, and the rows that came so far.
pub(crate) struct Reader {
    batches: FlightRecordBatchStream,
    pub(crate) rows: Vec<Row>,
}

/// A program of this workspace, which is killed when dropped.
pub(crate) struct Process {
    child: Child,
}

// === impl Rows ===

impl Rows {
    /// A few small rows.
    pub(crate) fn few() -> Self {
        Self { count: 100, note_bytes: 20 }
    }

    /// More than twice what all buffers between source and sink hold (some 10 MB), so that a reader that pauses holds up the
    /// source in its middle.
    pub(crate) fn many() -> Self {
        Self { count: 30_000, note_bytes: 800 }
    }
}

// === impl Granted ===

impl Default for Granted {
    fn default() -> Self {
        Self { fields: FIELDS.to_vec(), filter: "", limits: Limits::default() }
    }
}

// === impl Setting ===

impl Default for Setting<'_> {
    fn default() -> Self {
        Self { entry: ENTRY, clock: Clock::system(), districts: Vec::new() }
    }
}

// === impl City ===

impl City {
    /// Settles the city up to the grant. The provider's node does not run yet.
    pub(crate) async fn settled(rows: Rows) -> Self {
        Self::settled_with(rows, Granted::default()).await
    }

    /// The same, with less granted.
    pub(crate) async fn settled_with(rows: Rows, granted: Granted) -> Self {
        Self::catalogued(rows).await.settle(granted).await
    }

    /// The same as [`City::settled`], in this folder.
    pub(crate) async fn settled_in(folder: TempDir, rows: Rows) -> Self {
        let city = Self::catalogued_in(folder, rows, Setting::default());
        city.await.settle(Granted::default()).await
    }

    async fn settle(self, granted: Granted) -> Self {
        let mut city = self;
        city.fleet.configure_node(&CONSUMER, NodeWork::default()).await.unwrap();
        city.grant = city.granted(granted, Modes { modes: vec![Mode::Query, Mode::Bulk] }).await;
        city
    }

    /// Settles the city up to a grant by push. No node runs yet.
    pub(crate) async fn settled_for_push(rows: Rows) -> Self {
        Self::settled_for(rows, vec![Mode::Push]).await
    }

    /// Settles the city up to a grant in these modes. No node runs yet.
    pub(crate) async fn settled_for(rows: Rows, modes: Vec<Mode>) -> Self {
        Self::catalogued(rows).await.settle_for(modes).await
    }

    /// The same as [`City::settled_for_push`], of another entry and by another clock.
    pub(crate) async fn settled_for_push_of(rows: Rows, entry: &str, clock: Clock) -> Self {
        let setting = Setting { entry, clock, ..Setting::default() };
        let city = Self::catalogued_in(tempfile::tempdir().unwrap(), rows, setting);
        city.await.settle_for(vec![Mode::Push]).await
    }

    async fn settle_for(self, modes: Vec<Mode>) -> Self {
        let mut city = self;
        city.grant = city.granted(Granted::default(), Modes { modes }).await;
        city
    }

    async fn catalogued(rows: Rows) -> Self {
        Self::catalogued_in(tempfile::tempdir().unwrap(), rows, Setting::default()).await
    }

    /// Settles the city up to its published entry, with tiers of districts that can join it. No node runs yet.
    pub(crate) async fn with_districts(rows: Rows, districts: Vec<RegionCode>) -> Self {
        let setting = Setting { districts, ..Setting::default() };
        Self::catalogued_in(tempfile::tempdir().unwrap(), rows, setting).await
    }

    async fn catalogued_in(folder: TempDir, rows: Rows, setting: Setting<'_>) -> Self {
        let Setting { entry, clock, districts } = setting;
        let data = folder.path().join("data");
        let init = init::Arguments { districts, ..sample::init_arguments().unwrap() };
        let fleet = Fleet::start(Options::new(&data, clock, init)).await.unwrap();
        let database = folder.path().join("provider.sqlite");
        generate(&database, rows).await;
        let mut city =
            Self { fleet, resource: String::new(), grant: String::new(), database, folder };

        let authority = city.authority();
        for organisation in &ORGANISATIONS {
            sample::register(&authority, organisation).await.unwrap();
            sample::issue(&authority, &data, organisation).await.unwrap();
        }
        city.resource = city.published(entry).await;
        city
    }

    /// Settles the city, and waits until both nodes are connected.
    pub(crate) async fn ready(rows: Rows) -> Self {
        let mut city = Self::settled(rows).await;
        city.start_provider().await;
        city
    }

    /// Starts the provider's node in this process, or starts it again.
    pub(crate) async fn start_provider(&mut self) {
        let dataset = NodeDataset {
            resource_id: self.resource.clone(),
            database: self.database.clone(),
            table: TABLE.to_owned(),
            order_by: vec!["code".to_owned()],
            services: vec![("row", "code")],
            watermark: None,
        };
        let work = NodeWork { datasets: vec![dataset], ..NodeWork::default() };
        self.fleet.configure_node(&PROVIDER, work).await.unwrap();
        self.fleet.nodes_connected(2).await.unwrap();
    }

    /// Starts the provider's node as a process of its own, and waits until it is connected.
    pub(crate) async fn provider_process(&self) -> Process {
        let config = self.provider_config(&format!(
            "[[dataset]]\nresource_id = \"{}\"\nconnector = \"sqlite\"\npath = \"{}\"\n\
             table = \"{TABLE}\"\norder_by = [\"code\"]\n",
            self.resource,
            self.database.display(),
        ));
        let arguments = ["node", "run", config.to_str().unwrap()];
        let process = Process::start("publicdata", &arguments, &self.path("provider.log"));
        self.fleet.nodes_connected(2).await.unwrap();
        process
    }

    /// Writes a configuration of the provider's node, with these datasets.
    pub(crate) fn provider_config(&self, datasets: &str) -> PathBuf {
        self.node_config(&PROVIDER, "provider", datasets)
    }

    /// Writes a configuration of an organisation's node, with these datasets and subscriptions.
    pub(crate) fn node_config(&self, of: &Organisation, name: &str, more: &str) -> PathBuf {
        let bus = &self.fleet.endpoints().exchange_bus;
        self.node_config_at(of, name, (bus, "127.0.0.1:0"), more)
    }

    /// The same, for a node that dials a bus at this address and listens at that one.
    pub(crate) fn node_config_at(
        &self,
        of: &Organisation,
        name: &str,
        (bus, listen): (&str, &str),
        more: &str,
    ) -> PathBuf {
        let (_, credentials) = of.node.unwrap();
        let own = self.path(&format!("{name}-node"));
        let data = self.fleet.data();
        let config = self.path(&format!("{name}.toml"));
        let text = format!(
            "credentials = \"{}\"\ndata_dir = \"{}\"\n\
             [bus]\naddress = \"{bus}\"\nserver = \"spiffe://{}/service/exchange-bus\"\n\
             [flight]\nlisten = \"{listen}\"\n{more}",
            data.join(CREDENTIALS_FOLDER).join(credentials).display(),
            own.display(),
            self.fleet.endpoints().trust_domain,
        );
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(&config, text).unwrap();
        config
    }

    /// A place beside the fleet's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Somebody of the sample city, by the name of the credentials.
    pub(crate) fn session(&self, name: &str) -> Session {
        Session::open(self.fleet.data(), name).unwrap()
    }

    pub(crate) fn authority(&self) -> Session {
        self.session(AUTHORITY.accounts[0].1)
    }

    pub(crate) fn provider(&self) -> Session {
        self.session(PROVIDER.accounts[1].1)
    }

    pub(crate) fn consumer(&self) -> Session {
        self.session(CONSUMER.accounts[1].1)
    }

    pub(crate) fn auditor(&self) -> Session {
        self.session(AUDITOR.accounts[1].1)
    }

    /// Takes an entry of the city's provider from draft to publication; its id.
    pub(crate) async fn published(&self, entry: &str) -> String {
        self.published_by(&self.provider(), entry).await
    }

    /// The same for another provider.
    pub(crate) async fn published_by(&self, provider: &Session, entry: &str) -> String {
        let authority = self.authority();
        let request = DraftResourceRequest {
            command_id: new_command_id(),
            resource_id: String::new(),
            description: Some(from_json::<ResourceDescription>(entry).unwrap()),
        };
        let drafted = provider.resources().unwrap().draft_resource(request).await;
        let resource_id = answer(drafted).unwrap().resource_id;
        let request = SubmitResourceRequest {
            command_id: new_command_id(),
            resource_id: resource_id.clone(),
        };
        answer(provider.resources().unwrap().submit_resource(request).await).unwrap();
        let request = PublishResourceRequest {
            command_id: new_command_id(),
            resource_id: resource_id.clone(),
        };
        answer(authority.resources().unwrap().publish_resource(request).await).unwrap();
        resource_id
    }

    /// An application for all fields and rows of the city's entry.
    pub(crate) fn application(&self) -> Apply {
        let today = publicdata_types::china_date(self.fleet.clock().now());
        Apply {
            resource: self.resource.clone(),
            purpose: PURPOSE.to_owned(),
            legal_basis: "《基本医疗卫生与健康促进法》第十六条".to_owned(),
            fields: FIELDS.map(str::to_owned).to_vec(),
            filter: String::new(),
            from: today,
            until: today.checked_add(90.days()).unwrap(),
            modes: Modes { modes: vec![Mode::Query, Mode::Bulk] },
        }
    }

    /// Applies and approves; the grant's id. The bus has to have heard of the entry first.
    pub(crate) async fn granted(&self, granted: Granted, modes: Modes) -> String {
        let (consumer, provider) = (self.consumer(), self.provider());
        self.granted_between((&consumer, &provider), &self.resource, granted, modes).await
    }

    /// The same between others, of another entry.
    pub(crate) async fn granted_between(
        &self,
        (consumer, provider): (&Session, &Session),
        resource: &str,
        granted: Granted,
        modes: Modes,
    ) -> String {
        let command_id = new_command_id();
        let grant = until("the bus knows the entry", async || {
            let (resource, modes) = (resource.to_owned(), modes.clone());
            let wanted = Apply { resource, modes, ..self.application() };
            let request = application(command_id.clone(), wanted);
            consumer.grants().unwrap().submit_application(request).await.ok()
        })
        .await
        .into_inner()
        .grant_id;

        let approval = Approve {
            id: grant.clone(),
            fields: granted.fields.into_iter().map(str::to_owned).collect(),
            filter: Some(granted.filter.to_owned()),
            limits: granted.limits,
        };
        let terms = until("the bus shows the application", async || {
            terms_of_application(provider, approval.clone()).await.ok()
        })
        .await;
        let request = signed_issue(provider, new_command_id(), &terms);
        answer(provider.grants().unwrap().issue_grant(request).await).unwrap();
        grant
    }

    /// What a fetch under the city's grant asks for, into these files.
    pub(crate) fn wanted(&self, targets: Vec<PathBuf>) -> fetch::Arguments {
        fetch::Arguments {
            grant: self.grant.clone(),
            fields: Vec::new(),
            purpose: PURPOSE.to_owned(),
            case: String::new(),
            service: String::new(),
            parameters: Vec::new(),
            node: None,
            targets,
        }
    }

    /// Begins a fetch of everything granted, through the consumer's node.
    pub(crate) async fn fetch(&self) -> Result<Reader, Refused> {
        Reader::open(&self.consumer(), &self.wanted(Vec::new())).await
    }

    /// Begins a fetch and stops reading: the transfer is in its middle, however long that is looked at.
    pub(crate) async fn paused(&self) -> Reader {
        let mut reader = self.fetch().await.unwrap();
        assert!(reader.next().await.unwrap());
        reader
    }

    /// The exchange log of the city's grant, newest first.
    pub(crate) async fn transfers(&self) -> Vec<Transfer> {
        let request = ListTransfersRequest { grant_id: self.grant.clone(), ..Default::default() };
        let provider = self.provider();
        answer(provider.transfers().unwrap().list_transfers(request).await).unwrap().transfers
    }

    /// The short names of a transfer's events, in their order: `TransferRequested`, and so on.
    pub(crate) async fn transfer_events(&self, transfer: &str) -> Vec<String> {
        let told = self.told(&format!("ev.exchange.transfer.{transfer}")).await;
        let names = told.iter().flat_map(|told| &told.events).map(|event| &event.type_name);
        names.map(|name| name.rsplit('.').next().unwrap().to_owned()).collect()
    }

    /// What the audit log tells below a subject, in its order. The log is verified first, which waits until everything that
    /// has happened is in it.
    pub(crate) async fn told(&self, subject_prefix: &str) -> Vec<Told> {
        self.audited().await;
        let log = LogClient::new(self.auditor().audit_channel().unwrap());
        let selection =
            Selection { subject_prefix: subject_prefix.to_owned(), ..Selection::default() };
        log.replay(selection).await.unwrap().try_collect().await.unwrap()
    }

    /// Verifies the audit log from its first leaf: it is sound.
    pub(crate) async fn audited(&self) -> Report {
        let log = LogClient::new(self.auditor().audit_channel().unwrap());
        let verifier = self.fleet.verifier_key().parse().unwrap();
        let report = log.verify(&verifier, &Verification::default()).await.unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
        report
    }

    /// Stops the fleet; its folder stays for as long as this value lives.
    pub(crate) async fn stopped(self) -> TempDir {
        self.fleet.stop().await.unwrap();
        self.folder
    }

    /// Stops the fleet, has something done with its folder meanwhile, and starts it again.
    pub(crate) async fn while_stopped(self, work: impl AsyncFnOnce()) -> Self {
        let Self { fleet, resource, grant, database, folder } = self;
        fleet.stop().await.unwrap();
        work().await;
        let data = folder.path().join("data");
        let init = sample::init_arguments().unwrap();
        let fleet = Fleet::start(Options::new(&data, Clock::system(), init)).await.unwrap();
        Self { fleet, resource, grant, database, folder }
    }

    /// The rows of the source in the order of their key, as the source has them.
    pub(crate) async fn plain_rows(&self) -> Vec<Row> {
        let mut connection = connect(&self.database).await;
        let query =
            "SELECT code, areaCode, name, CAST(size AS TEXT), note FROM people ORDER BY code";
        let rows = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| (0..FIELDS.len()).map(|column| row.get(column)).collect()).collect()
    }

    /// The same with names masked, as the catalogue says: what a fetch of everything has to give.
    pub(crate) async fn source_rows(&self) -> Vec<Row> {
        let mut rows = self.plain_rows().await;
        for row in &mut rows {
            row[2] = masked(&row[2]);
        }
        rows
    }

    /// Changes the provider's own database.
    pub(crate) async fn change_source(&self, statement: &'static str) {
        let mut connection = connect(&self.database).await;
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// The first and the last character stay.
pub(crate) fn masked(name: &str) -> String {
    let last = name.chars().count() - 1;
    let mask = |(i, c)| if i == 0 || i == last { c } else { '*' };
    name.chars().enumerate().map(mask).collect()
}

// === impl Reader ===

impl Reader {
    /// Begins a fetch.
    pub(crate) async fn open(
        consumer: &Session,
        wanted: &fetch::Arguments,
    ) -> Result<Self, Refused> {
        let batches = fetch::open(consumer, wanted).await.map_err(Refused::new)?;
        Ok(Self { batches, rows: Vec::new() })
    }

    /// Takes one batch; none at the end.
    pub(crate) async fn next(&mut self) -> Result<bool, Refused> {
        let batch = self.batches.try_next().await.map_err(Refused::from)?;
        if let Some(batch) = &batch {
            self.rows.extend(rows_of(batch));
        }
        Ok(batch.is_some())
    }

    /// Takes everything that is left.
    pub(crate) async fn rest(mut self) -> Result<Vec<Row>, Refused> {
        while self.next().await? {}
        Ok(self.rows)
    }
}

fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Row> + '_ {
    let row = |row| batch.columns().iter().map(move |column| text(column, row)).collect();
    (0..batch.num_rows()).map(row)
}

fn text(column: &arrow::array::ArrayRef, row: usize) -> String {
    match column.as_string_opt::<i32>() {
        Some(texts) => texts.value(row).to_owned(),
        None => array_value_to_string(column, row).unwrap(),
    }
}

// === impl Refused ===

/// What a caller reads when something is refused or breaks off.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(error: anyhow::Error) -> Self {
        match error.chain().find_map(|cause| cause.downcast_ref::<Problem>()) {
            Some(problem) => Self::of(problem),
            None => Self { reason: String::new(), message: format!("{error:#}") },
        }
    }

    fn of(problem: &Problem) -> Self {
        Self { reason: problem.reason.to_string(), message: problem.message.clone() }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::of(&problem)
    }
}

impl From<FlightError> for Refused {
    fn from(error: FlightError) -> Self {
        if let FlightError::Tonic(status) = &error {
            return Self::of(&Problem::from_status(status));
        }
        Self { reason: String::new(), message: error.to_string() }
    }
}

// === impl Process ===

impl Process {
    /// Starts a program that was built beside this test; what it says goes to `log`.
    pub(crate) fn start(program: &str, arguments: &[&str], log: &Path) -> Self {
        Self::run(&program_path(program), arguments, log)
    }

    /// Starts the program at this path; what it says goes to `log`.
    pub(crate) fn run(path: &Path, arguments: &[&str], log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(path)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", path.display()));
        Self { child }
    }

    /// How many bytes it has read from files.
    pub(crate) fn read_bytes(&self) -> u64 {
        let counts = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        let line = counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
        line.parse().unwrap()
    }

    /// Ends it as a crash would.
    pub(crate) fn kill9(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Fails only if it has ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program of this workspace: tests stand one folder below.
pub(crate) fn program_path(program: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(program);
    assert!(path.exists(), "{} is not built: run `make test`", path.display());
    path
}

/// Polls until there is an answer.
pub(crate) async fn until<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(SOON, what, probe).await
}

/// Polls until there is an answer, for no longer than this.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not in {limit:?}: {what}");
        sleep(POLL).await;
    }
}

async fn generate(path: &Path, rows: Rows) {
    let mut connection = connect(path).await;
    sqlx::raw_sql(
        "CREATE TABLE people (code TEXT PRIMARY KEY, areaCode TEXT, name TEXT, size INTEGER, note TEXT)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO people WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         SELECT printf('r%07d', i), CASE i % 2 WHEN 0 THEN '510104' ELSE '510105' END, \
         printf('plain-%07d-name', i), i * 7, 'secret-' || lower(hex(randomblob($2))) FROM n",
    )
    .bind(i64::from(rows.count))
    .bind(i64::from(rows.note_bytes / 2))
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

pub(crate) const ENTRY: &str = r#"{
  "name": "人口登记",
  "abstract": "为测试生成的登记。",
  "classificationCode": "3010100",
  "providerCode": "11510100MB0000027K",
  "format": "FORMAT_DATABASE",
  "items": [
    { "name": "code", "title": "编码", "type": "ITEM_TYPE_TEXT", "length": 12, "required": true },
    { "name": "areaCode", "title": "区（市）县代码", "type": "ITEM_TYPE_TEXT", "length": 6, "required": true },
    { "name": "name", "title": "名称", "type": "ITEM_TYPE_TEXT", "length": 100, "required": true, "mask": "MASK_PARTIAL" },
    { "name": "size", "title": "面积", "type": "ITEM_TYPE_INTEGER", "required": true },
    { "name": "note", "title": "备注", "type": "ITEM_TYPE_TEXT", "length": 2000, "required": true }
  ],
  "sharingType": "SHARING_TYPE_CONDITIONAL",
  "sharingCondition": "限于履行基层治理和公共卫生职责，须说明用途和法律依据。",
  "deliveryModes": ["DELIVERY_MODE_QUERY", "DELIVERY_MODE_BULK", "DELIVERY_MODE_PUSH"],
  "open": false,
  "updateCycle": "UPDATE_CYCLE_YEARLY",
  "useRequirements": "不得提供给第三方。"
}"#;
