//! Data is pushed (数据推送, R23.1): once, on schedule and on change, and whoever dies meanwhile, each row is in the sink once.

use std::path::Path;
use std::time::Duration;

use publicdata::commands::answer;
use publicdata::commands::grant::{Mode, Modes};
use publicdata::sample::{CONSUMER, PROVIDER};
use publicdata::session::new_command_id;
use publicdata_proto::exchange::v1::{
    ListSubscriptionsRequest, RevokeGrantRequest, Subscription, SubscriptionStatus, TransferStatus,
};
use publicdata_proto::node::v1::{GetStatusRequest, SubscriptionState};
use publicdata_views::testing::{TestPostgres, postgres};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::fleet::{
    City, ENTRY, FIELDS, Granted, PURPOSE, Process, Row, Rows, connect, masked, until,
};
use crate::process::{Terminal, Up};
use crate::town::socket_url;

/// How long a node may be left alone before it is killed.
const LIFE_MS_MAX: u64 = 700;

/// R23.1: a first load comes in parts, changes come when they happen, and both sides see what was delivered.
#[tokio::test(flavor = "multi_thread")]
async fn changes_arrive_in_the_sink_when_they_happen() {
    let mut city = pushed_city(Rows::few()).await;
    let sink = city.path("sink.db");
    start(&mut city, &changes(40), &subscription("on-change", &sqlite(&sink))).await;

    arrived(&city, &sink, "the first load").await;
    city.change_source(
        "UPDATE people SET note = 'secret-new', changed = 1000 WHERE code = 'r0000007'",
    )
    .await;
    arrived(&city, &sink, "a change").await;
    city.change_source(
        "INSERT INTO people VALUES ('r9', '510104', 'plain-9-name', 9, 'secret-9', 1001)",
    )
    .await;
    arrived(&city, &sink, "a new row").await;

    let shown = until("all receipts are at the bus", async || {
        let shown = subscribed(&city).await?;
        ((shown.deliveries, shown.rows) == taken(&sink).await).then_some(shown)
    })
    .await;
    // Three parts of the first load, and two changes: what is heard of a change that has come already is no reason for another.
    assert_eq!(shown.deliveries, 5, "{shown:?}");
    assert_eq!(shown.status(), SubscriptionStatus::Open);
    assert!(shown.problem.is_empty(), "{shown:?}");
    // R27.1: what both nodes signed says of the first two parts that more follows. Newest first.
    let more: Vec<bool> = city.transfers().await.iter().map(|one| one.more_follows).collect();
    assert_eq!(more, [false, false, false, true, true]);
    city.audited().await;
}

/// R23.1: what is wanted once comes once, as a file, and nothing follows it.
#[tokio::test(flavor = "multi_thread")]
async fn once_comes_once() {
    let mut city = pushed_city(Rows::few()).await;
    let folder = city.path("files");
    let sink = format!("kind = \"csv\"\npath = \"{}\"\n", folder.display());
    start(&mut city, "", &subscription("once", &sink)).await;

    let file = until("the file is there", async || {
        let manifest = std::fs::read_to_string(folder.join("people.manifest.jsonl")).ok()?;
        // The second line says that the receipt was handed in.
        let line: serde_json::Value = serde_json::from_str(manifest.lines().next()?).ok()?;
        manifest.lines().nth(1)?;
        Some(line["file"].as_str()?.to_owned())
    })
    .await;
    let mut reader = csv::Reader::from_path(folder.join(file)).unwrap();
    let rows: Vec<Row> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows, city.source_rows().await);

    // Started again, it has what it wanted.
    start(&mut city, "", &subscription("once", &sink)).await;
    doing(&city, SubscriptionState::Done).await;
    let transfers = city.transfers().await;
    assert_eq!(transfers.len(), 1);
    assert_eq!(transfers[0].status(), TransferStatus::Completed);
}

/// R26.2, R23.1: with its grant the push ends, at once and for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_ends_the_push() {
    let mut city = pushed_city(Rows::few()).await;
    let sink = city.path("sink.db");
    start(&mut city, &changes(1_000), &subscription("on-change", &sqlite(&sink))).await;
    arrived(&city, &sink, "the first load").await;
    let before = sink_rows(&sink).await.unwrap();

    let request = RevokeGrantRequest {
        command_id: new_command_id(),
        grant_id: city.grant.clone(),
        reason: "用途变更".to_owned(),
    };
    answer(city.provider().grants().unwrap().revoke_grant(request).await).unwrap();
    city.change_source("UPDATE people SET note = 'secret-new', changed = 1000").await;

    let ended = until("the subscription has ended", async || {
        subscribed(&city).await.filter(|shown| shown.status() == SubscriptionStatus::Ended)
    })
    .await;
    assert_eq!(ended.end_reason, "GRANT_REVOKED");
    doing(&city, SubscriptionState::Ended).await;
    assert_eq!(sink_rows(&sink).await.unwrap(), before);
}

/// H4, R23.1: a provider's node that lost its folder does not know where deliveries ended: everything comes anew, each row is there
/// once, and what was deleted meanwhile is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_forgot_where_it_was_begins_anew() {
    let mut city = pushed_city(Rows::few()).await;
    let sink = city.path("sink.db");
    let consumer = subscription("on-change", &sqlite(&sink));
    start(&mut city, &changes(30), &consumer).await;
    arrived(&city, &sink, "the first load").await;

    for name in ["push.db", "push.db-journal", "push.db-wal", "push.db-shm"] {
        let _ = std::fs::remove_file(city.path("provider-node").join(name));
    }
    city.change_source("DELETE FROM people WHERE code < 'r0000010'").await;
    city.change_source(
        "UPDATE people SET note = 'secret-new', changed = 1000 WHERE code = 'r0000050'",
    )
    .await;
    start(&mut city, &changes(30), &consumer).await;

    arrived(&city, &sink, "everything anew").await;
    until("the log says why", async || {
        let transfers = city.transfers().await;
        transfers.iter().any(|transfer| transfer.reason == "CURSOR_UNKNOWN").then_some(())
    })
    .await;
}

/// R23.1, R26.2: what is deleted at the source goes from the sink of whoever was granted all rows. Whoever was granted some rows
/// is not told of deletions, since the key may be one of a row that was never granted.
#[tokio::test(flavor = "multi_thread")]
async fn deletions_arrive_where_all_rows_are_granted() {
    let mut city = City::settled_for_push(Rows::few()).await;
    let modes = Modes { modes: vec![Mode::Push] };
    let some = Granted { filter: "areaCode = '510104'", ..Granted::default() };
    let some = city.granted(some, modes).await;
    let database = postgres();
    let people = Table(&database);
    people
        .execute(
            "CREATE TABLE people (code text PRIMARY KEY, \"areaCode\" text, name text, size bigint, \
             note text); CREATE PUBLICATION people FOR TABLE people; \
             INSERT INTO people SELECT 'r' || i, '51010' || i % 2 + 4, 'plain-' || i, i, 'secret' \
             FROM generate_series(10, 19) AS i",
        )
        .await;
    let dataset = format!(
        "[[dataset]]\nresource_id = \"{}\"\nconnector = \"postgres\"\nurl = \"{}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n\
         [dataset.changes]\npublication = \"people\"\npoll_ms = 50\n",
        city.resource,
        socket_url(&database),
    );
    let (sink, folder) = (city.path("sink.db"), city.path("files"));
    let all = subscription_under(&city.grant, "on-change", &sqlite(&sink));
    let files = format!("kind = \"csv\"\npath = \"{}\"\n", folder.display());
    let some = subscription_under(&some, "on-change", &files).replace("\"villages\"", "\"some\"");
    let of_provider = city.provider_config(&dataset);
    let of_consumer = city.node_config(&CONSUMER, "consumer", &format!("{all}{some}"));
    city.fleet.start_node(&of_provider).await.unwrap();
    city.fleet.start_node(&of_consumer).await.unwrap();
    let arrived = async |what: &str| {
        until(what, async || (codes(&sink).await? == people.codes().await).then_some(())).await;
    };
    arrived("the first load").await;
    until("some rows arrive", async || (!changes_in(&folder)?.is_empty()).then_some(())).await;

    people.execute("DELETE FROM people WHERE code IN ('r10', 'r11')").await;
    arrived("deletions").await;
    people.execute("UPDATE people SET code = 'r9' WHERE code = 'r12'").await;
    people.execute("INSERT INTO people VALUES ('last', '510104', 'plain-last', 1, 'secret')").await;
    arrived("a row under another key").await;

    let changes = until("the last row arrives", async || {
        let changes = changes_in(&folder)?;
        changes.iter().any(|(_, code)| code == "last").then_some(changes)
    })
    .await;
    assert!(changes.iter().all(|(change, _)| change != "delete"), "{changes:?}");
    assert!(changes.iter().any(|(_, code)| code == "r9"), "{changes:?}");
    city.audited().await;
}

/// H4, R23.1: the provider's node and the consumer's node are killed at any moments, while the source changes: in the end the sink has
/// exactly the source's rows, and each delivery that it took was signed for at the bus, once.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_node_is_killed_the_sink_ends_with_the_sources_rows() {
    let seed = Uuid::new_v4().as_u64_pair().0;
    let mut random = StdRng::seed_from_u64(seed);
    let city = pushed_city(Rows { count: 3_000, note_bytes: 200 }).await;
    let sink = city.path("sink.db");
    let of_provider = city.provider_config(&dataset(&city, &changes(250)));
    let of_consumer = city.node_config(
        &CONSUMER,
        "consumer",
        &subscription_under(&city.grant, "on-change", &sqlite(&sink)),
    );
    let run = |config: &Path| {
        let arguments = ["node", "run", config.to_str().unwrap()];
        Process::start("publicdata", &arguments, &config.with_extension("log"))
    };

    let (mut provider, mut consumer) = (run(&of_provider), run(&of_consumer));
    for round in 0..10 {
        change(&city, &mut random, round).await;
        // The moment is the point of it.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..LIFE_MS_MAX))).await;
        match random.random_range(0..3) {
            0 => {
                provider.kill9();
                provider = run(&of_provider);
            }
            1 => {
                consumer.kill9();
                consumer = run(&of_consumer);
            }
            _ => {
                provider.kill9();
                consumer.kill9();
                (provider, consumer) = (run(&of_provider), run(&of_consumer));
            }
        }
    }

    let source = city.source_rows().await;
    until(&format!("the sink has the source's rows (seed {seed})"), async || {
        (sink_rows(&sink).await? == source).then_some(())
    })
    .await;
    until(&format!("each delivery is signed for (seed {seed})"), async || {
        let shown = subscribed(&city).await?;
        // The same number of deliveries, and of rows: none was taken that was not signed for, or signed for twice.
        ((shown.deliveries, shown.rows) == taken(&sink).await).then_some(())
    })
    .await;
    city.audited().await;
}

/// H4, R23.1: the bus itself is killed, and everything with it, at any moments: the same holds.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_bus_is_killed_the_sink_ends_with_the_sources_rows() {
    let seed = Uuid::new_v4().as_u64_pair().0;
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(&folder.path().join("data"));
    let mut up = Up::start(&terminal, &[]).await;
    let entry = folder.path().join("entry.json");
    std::fs::write(&entry, ENTRY).unwrap();
    let resource = terminal.publish(&entry).await;
    let grant = push_granted(&terminal, &resource).await;
    up.interrupt().await;

    let (source, sink) = (folder.path().join("source.db"), folder.path().join("sink.db"));
    make_source(&source).await;
    let nodes = folder.path().join("data/nodes");
    let dataset = format!(
        "[[dataset]]\nresource_id = \"{resource}\"\nconnector = \"sqlite\"\npath = \"{}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n{}",
        source.display(),
        changes(200)
    );
    add(&nodes.join(PROVIDER.code).join("node-1/node.toml"), &dataset);
    let wanted = subscription_under(&grant, "on-change", &sqlite(&sink));
    add(&nodes.join(CONSUMER.code).join("node-1/node.toml"), &wanted);

    for round in 0..3 {
        let mut up = Up::start(&terminal, &[]).await;
        execute(&source, &changing(&mut random, round)).await;
        // The moment is the point of it.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..3 * LIFE_MS_MAX))).await;
        up.kill9().await;
    }
    let _up = Up::start(&terminal, &[]).await;

    until(&format!("the sink has the source's rows (seed {seed})"), async || {
        (sink_rows(&sink).await? == masked_rows(&source).await).then_some(())
    })
    .await;
    let listed = until(&format!("each delivery is signed for (seed {seed})"), async || {
        let listed = terminal.json(&["subscription", "list", "--as", "health"]).await;
        let shown = &listed["subscriptions"][0];
        let number = |name: &str| shown[name].as_str()?.parse::<u64>().ok();
        ((number("deliveries")?, number("rows")?) == taken(&sink).await).then_some(listed)
    })
    .await;
    let id = listed["subscriptions"][0]["id"].as_str().unwrap().to_owned();
    let shown = terminal.text(&["subscription", "show", &id, "--as", "civil-affairs"]).await;
    assert!(shown.contains("on-change") && shown.contains("villages"), "{shown}");
    terminal
        .text(&["subscription", "end", &id, "--reason", "不再需要", "--as", "civil-affairs"])
        .await;
    let shown = terminal.json(&["subscription", "show", &id, "--as", "health"]).await;
    assert_eq!(shown["subscription"]["endReason"], "ENDED_ON_REQUEST", "{shown}");
}

/// A city whose source says what has changed, with a grant by push.
async fn pushed_city(rows: Rows) -> City {
    let city = City::settled_for_push(rows).await;
    city.change_source(
        "ALTER TABLE people ADD COLUMN changed INTEGER; UPDATE people SET changed = rowid; \
         CREATE INDEX people_changed ON people (changed)",
    )
    .await;
    city
}

/// Starts both nodes in this process, or starts them again.
async fn start(city: &mut City, changes: &str, subscription: &str) {
    let of_provider = city.provider_config(&dataset(city, changes));
    let subscription = subscription.replace("{grant}", &city.grant);
    let of_consumer = city.node_config(&CONSUMER, "consumer", &subscription);
    city.fleet.start_node(&of_provider).await.unwrap();
    city.fleet.start_node(&of_consumer).await.unwrap();
}

fn dataset(city: &City, changes: &str) -> String {
    format!(
        "[[dataset]]\nresource_id = \"{}\"\nconnector = \"sqlite\"\npath = \"{}\"\n\
         table = \"people\"\norder_by = [\"code\"]\n{changes}",
        city.resource,
        city.database.display(),
    )
}

fn changes(rows_per_delivery: u64) -> String {
    format!(
        "[dataset.changes]\nwatermark = \"changed\"\nrows_per_delivery = {rows_per_delivery}\npoll_ms = 50\n"
    )
}

fn sqlite(path: &Path) -> String {
    format!("kind = \"sqlite\"\npath = \"{}\"\n", path.display())
}

fn subscription(trigger: &str, sink: &str) -> String {
    subscription_under("{grant}", trigger, sink)
}

fn subscription_under(grant: &str, trigger: &str, sink: &str) -> String {
    format!(
        "[[subscription]]\nname = \"villages\"\ngrant_id = \"{grant}\"\npurpose = \"{PURPOSE}\"\n\
         trigger = \"{trigger}\"\n[subscription.sink]\n{sink}table = \"people\"\nkey = [\"code\"]\n"
    )
}

/// Waits until the sink has exactly the source's rows.
async fn arrived(city: &City, sink: &Path, what: &str) {
    let source = city.source_rows().await;
    until(what, async || (sink_rows(sink).await? == source).then_some(())).await;
}

/// The rows of a sink, as often as they are there; none if it has no table yet.
async fn sink_rows(path: &Path) -> Option<Vec<Row>> {
    let mut connection = connect(path).await;
    let query = "SELECT code, areaCode, name, CAST(size AS TEXT), note FROM people ORDER BY code";
    let rows = sqlx::query(query).fetch_all(&mut connection).await;
    connection.close().await.unwrap();
    let row =
        |row: &sqlx::sqlite::SqliteRow| (0..FIELDS.len()).map(|column| row.get(column)).collect();
    Some(rows.ok()?.iter().map(row).collect())
}

/// The codes in a sink; none if it has no table yet.
async fn codes(path: &Path) -> Option<Vec<String>> {
    Some(sink_rows(path).await?.into_iter().map(|mut row| row.swap_remove(0)).collect())
}

/// What the files of a folder say became of which row, where they hold changes; none if there is no file yet.
fn changes_in(folder: &Path) -> Option<Vec<(String, String)>> {
    let manifest = std::fs::read_to_string(folder.join("people.manifest.jsonl")).ok()?;
    let mut changes = Vec::new();
    for line in manifest.lines() {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let Some(file) = line["file"].as_str() else { continue };
        let mut reader = csv::Reader::from_path(folder.join(file)).unwrap();
        let headers = reader.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name);
        let (change, code) = (column("_change"), column("code").unwrap());
        for record in reader.records().map(Result::unwrap) {
            let change = change.map_or("", |change| &record[change]);
            changes.push((change.to_owned(), record[code].to_owned()));
        }
    }
    Some(changes)
}

/// How many deliveries a sink has taken, and how many rows with them.
async fn taken(path: &Path) -> (u64, u64) {
    let mut connection = connect(path).await;
    let query = "SELECT max(number), max(row_total) FROM publicdata_delivery";
    let row = sqlx::query(query).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let number = |column: usize| row.get::<i64, _>(column).try_into().unwrap();
    (number(0), number(1))
}

/// Waits until the consumer's node says that its subscription does this.
async fn doing(city: &City, state: SubscriptionState) {
    until("the node says what its subscription does", async || {
        let mut node = city.consumer().node(None).unwrap();
        let status = answer(node.get_status(GetStatusRequest {}).await).ok()?;
        (status.subscriptions.first()?.state() == state).then_some(())
    })
    .await;
}

/// The city's subscription, as its provider sees it.
async fn subscribed(city: &City) -> Option<Subscription> {
    let request = ListSubscriptionsRequest::default();
    let mut client = city.provider().subscriptions().unwrap();
    answer(client.list_subscriptions(request).await).unwrap().subscriptions.pop()
}

/// Changes some rows, and adds some.
fn changing(random: &mut StdRng, round: u32) -> String {
    let next = "(SELECT max(changed) + 1 FROM people)";
    let rest = random.random_range(0..9);
    let changed = format!(
        "UPDATE people SET note = 'secret-{round}', changed = {next} \
         WHERE CAST(substr(code, 2) AS INTEGER) % 9 = {rest};"
    );
    let added: String = (0..random.random_range(1..50))
        .map(|row| {
            format!(
                "INSERT INTO people SELECT 's{round:02}-{row:04}', '510105', 'plain-{round}-name', \
                 {row}, 'secret-', {next};"
            )
        })
        .collect();
    format!("BEGIN; {changed} {added} COMMIT")
}

async fn change(city: &City, random: &mut StdRng, round: u32) {
    execute(&city.database, &changing(random, round)).await;
}

async fn execute(path: &Path, statements: &str) {
    let mut connection = connect(path).await;
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A source as a city has it, with fewer rows.
async fn make_source(path: &Path) {
    execute(
        path,
        "CREATE TABLE people (code TEXT PRIMARY KEY, areaCode TEXT, name TEXT, size INTEGER, \
         note TEXT, changed INTEGER); \
         INSERT INTO people WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
         SELECT printf('r%07d', i), '510104', printf('plain-%07d-name', i), i, 'secret-', i FROM n",
    )
    .await;
}

async fn masked_rows(path: &Path) -> Vec<Row> {
    let mut rows = sink_rows(path).await.unwrap();
    for row in &mut rows {
        row[2] = masked(&row[2]);
    }
    rows
}

/// Adds tables to a node's configuration.
fn add(config: &Path, tables: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    std::fs::write(config, format!("{text}\n{tables}")).unwrap();
}

/// Applies for a push of the entry, and has it granted; the grant's id.
async fn push_granted(terminal: &Terminal, resource: &str) -> String {
    let command_id = new_command_id();
    let fields = FIELDS.join(",");
    let arguments = [
        &["grant", "apply", "--as", "health", "--output", "json", "--command-id", &command_id][..],
        &["--resource", resource, "--purpose", PURPOSE, "--legal-basis", "某法第一条"],
        &["--fields", &fields, "--mode", "push", "--from", "2026-01-01", "--until", "2099-12-31"],
    ]
    .concat();
    let grant = until("the bus knows the entry", async || {
        let ended = terminal.run(&arguments).await;
        let done: serde_json::Value = serde_json::from_str(&ended.stdout).ok()?;
        Some(done["grantId"].as_str()?.to_owned())
    })
    .await;
    until("the bus shows the application", async || {
        let ended = terminal.run(&["grant", "approve", &grant, "--as", "civil-affairs"]).await;
        (ended.code == Some(0)).then_some(())
    })
    .await;
    grant
}

/// The source in a PostgreSQL database.
struct Table<'a>(&'a TestPostgres);

impl Table<'_> {
    async fn execute(&self, statements: &str) {
        let mut connection = PgConnection::connect(&self.0.url()).await.unwrap();
        let statements = AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    }

    async fn codes(&self) -> Vec<String> {
        let mut connection = PgConnection::connect(&self.0.url()).await.unwrap();
        let query = "SELECT code FROM people ORDER BY code COLLATE \"C\"";
        sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
    }
}
