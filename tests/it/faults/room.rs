//! Disks that are full: where data is pushed to, and where events are kept.

use std::path::Path;

use publicdata::commands::answer;
use publicdata::output::from_json;
use publicdata::sample::{CONSUMER, VILLAGES_ENTRY};
use publicdata::session::new_command_id;
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, GetResourceRequest, ResourceDescription,
};
use publicdata_proto::exchange::v1::TransferStatus;
use publicdata_proto::node::v1::{GetStatusRequest, Subscription, SubscriptionState};
use publicdata_views::testing::{TestPostgres, postgres};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::fleet::{City, PURPOSE, Refused, Rows, until};
use crate::town::socket_url;
use publicdata_service_kit::testing::SmallDisk;

/// Less than a tenth of what a delivery takes in any sink.
const BYTES_LEFT: u64 = 256 << 10;
const ROWS: Rows = Rows { count: 4_000, note_bytes: 1_000 };
const KINDS: [&str; 4] = ["csv", "parquet", "postgres", "sqlite"];

/// H3, H4, R23.1: each kind of sink says that it has no room and what to do, and nothing of the delivery is in it; when there is room,
/// the delivery comes, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_a_sink_is_told_and_goes_on_when_there_is_room() {
    let mut city = City::settled_for_push(ROWS).await;
    let folder = city.path("small");
    let Some(disk) = SmallDisk::mount(&folder, 64) else { return };
    let database = small_database(&folder).await;
    disk.fill(BYTES_LEFT);
    let wanted: String =
        KINDS.iter().map(|kind| subscription(&city, kind, &folder, &database)).collect();
    let consumer = city.node_config(&CONSUMER, "consumer", &wanted);
    city.fleet.start_node(&consumer).await.unwrap();
    city.start_provider().await;

    until("each sink says that it is full", async || {
        let told = subscriptions(&city).await;
        let is_full = |one: &Subscription| one.problem.starts_with("SINK_FULL: ");
        (told.len() == KINDS.len() && told.iter().all(is_full)).then_some(())
    })
    .await;
    for told in subscriptions(&city).await {
        assert!(told.problem.contains("make room"), "{told:?}");
        assert_eq!((told.deliveries, told.rows), (0, 0), "{told:?}");
    }
    disk.make_room();

    let done = until("each sink has its delivery", async || {
        let told = subscriptions(&city).await;
        told.iter().all(|one| one.state() == SubscriptionState::Done).then_some(told)
    })
    .await;
    for told in done {
        assert_eq!((told.deliveries, told.rows), (1, u64::from(ROWS.count)), "{told:?}");
        assert_eq!(told.problem, "");
    }
    let log = city.transfers().await;
    let completed = log.iter().filter(|one| one.status() == TransferStatus::Completed).count();
    assert_eq!(completed, KINDS.len(), "{log:?}");
    // What did not fit left nothing behind.
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name());
    let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
    files.retain(|name| name.ends_with(".csv") || name.ends_with(".parquet"));
    assert_eq!(files.len(), 2, "{files:?}");
}

/// H1, H3, H4: while the event store has no room, nothing is acknowledged, and that is told; when there is room and the store was started
/// again, as whoever watches its health does, the same command succeeds, and what was acknowledged before is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_the_event_store_is_told_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data/nats"), 64) else { return };
    let mut city = City::settled_in(folder, Rows::few()).await;
    city.start_provider().await;
    disk.fill(0);

    let mut acknowledged = Vec::new();
    let (request, refused) = loop {
        let request = draft();
        match drafted(&city, &request).await {
            Ok(resource_id) => acknowledged.push(resource_id),
            Err(refused) => break (request, refused),
        }
    };
    assert_eq!(refused.reason, "DEPENDENCY_UNAVAILABLE", "{refused:?}");
    let refused = city.fetch().await.map(drop).unwrap_err();
    assert_eq!(refused.reason, "DEPENDENCY_UNAVAILABLE", "{refused:?}");
    disk.make_room();
    city.fleet.nats().restart().await.unwrap();

    acknowledged.push(
        until("the command is acknowledged", async || drafted(&city, &request).await.ok()).await,
    );
    let rows =
        until("a fetch ends well", async || city.fetch().await.ok()?.rest().await.ok()).await;
    assert_eq!(rows, city.source_rows().await);
    let told = city.told("ev.catalog.resource.").await;
    // The city's own entry was drafted, submitted and published.
    assert_eq!(told.len(), acknowledged.len() + 3);
    for resource_id in acknowledged {
        let request = GetResourceRequest {
            key: Some(Key::ResourceId(resource_id)),
            ..GetResourceRequest::default()
        };
        let mut resources = city.provider().resources().unwrap();
        assert!(answer(resources.get_resource(request).await).unwrap().resource.is_some());
    }
    drop(city);
}

/// A database whose tables are made on the small disk.
async fn small_database(folder: &Path) -> TestPostgres {
    let database = postgres();
    let place = folder.join("tables");
    std::fs::create_dir(&place).unwrap();
    database.own(&place);
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    for statement in [
        format!("CREATE TABLESPACE small LOCATION '{}'", place.display()),
        "ALTER DATABASE postgres SET default_tablespace = small".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    database
}

fn subscription(city: &City, kind: &str, folder: &Path, database: &TestPostgres) -> String {
    let place = match kind {
        "postgres" => format!("url = \"{}\"", socket_url(database)),
        "sqlite" => format!("path = \"{}\"", folder.join("sink.db").display()),
        _ => format!("path = \"{}\"", folder.display()),
    };
    format!(
        "[[subscription]]\nname = \"{kind}\"\ngrant_id = \"{}\"\npurpose = \"{PURPOSE}\"\ntrigger = \"once\"\n\
         [subscription.sink]\nkind = \"{kind}\"\n{place}\ntable = \"people_{kind}\"\nkey = [\"code\"]\n",
        city.grant
    )
}

async fn subscriptions(city: &City) -> Vec<Subscription> {
    let mut node = city.consumer().node(None).unwrap();
    answer(node.get_status(GetStatusRequest {}).await).unwrap().subscriptions
}

/// A command to draft an entry that is called as no other.
fn draft() -> DraftResourceRequest {
    let command_id = new_command_id();
    let mut description: ResourceDescription = from_json(VILLAGES_ENTRY).unwrap();
    description.name = format!("{} {command_id}", description.name);
    let (resource_id, description) = (String::new(), Some(description));
    DraftResourceRequest { command_id, resource_id, description }
}

async fn drafted(city: &City, request: &DraftResourceRequest) -> Result<String, Refused> {
    let drafted = city.provider().resources().unwrap().draft_resource(request.clone()).await;
    Ok(answer(drafted).map_err(Refused::from)?.resource_id)
}
