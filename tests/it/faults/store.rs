//! The event store killed while everybody works.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use publicdata::commands::{answer, fetch};
use publicdata::output::from_json;
use publicdata::sample::VILLAGES_ENTRY;
use publicdata::session::{Session, new_command_id};
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, GetResourceRequest, ResourceDescription,
};

use crate::fleet::{City, Reader, Row, Rows, until};

const WRITERS: usize = 4;
const READERS: usize = 2;
const KILLS: usize = 3;
const COMMANDS_BETWEEN: usize = 20;

/// What the writers and readers of a test share.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    acknowledged: AtomicUsize,
}

/// Drafts entries until it is over, repeating each command until it is acknowledged; command ids and what came of them.
async fn write(provider: &Session, load: &Load) -> Vec<(String, String)> {
    let mut done = Vec::new();
    while !load.over.load(Ordering::Relaxed) {
        let command_id = new_command_id();
        let mut description: ResourceDescription = from_json(VILLAGES_ENTRY).unwrap();
        // No two entries are called the same.
        description.name = format!("{} {command_id}", description.name);
        let (resource_id, description) = (String::new(), Some(description));
        let request = DraftResourceRequest { command_id, resource_id, description };
        let drafted = until("the command is acknowledged", async || {
            answer(provider.resources().unwrap().draft_resource(request.clone()).await).ok()
        })
        .await;
        done.push((request.command_id, drafted.resource_id));
        load.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    done
}

/// Fetches until it is over; how many fetches came to their end.
async fn read(consumer: &Session, wanted: &fetch::Arguments, source: &[Row], load: &Load) -> usize {
    let mut ended = 0;
    while !load.over.load(Ordering::Relaxed) {
        let fetched = match Reader::open(consumer, wanted).await {
            Ok(reader) => reader.rest().await,
            Err(refused) => Err(refused),
        };
        match fetched {
            Ok(rows) => {
                assert!(rows == source, "{} of {} rows", rows.len(), source.len());
                ended += 1;
            }
            Err(refused) => assert_eq!(refused.reason, "DEPENDENCY_UNAVAILABLE", "{refused:?}"),
        }
    }
    ended
}

/// H1, H4, R23.2: what was acknowledged is there, once; fetches are whole; the audit log is sound.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_the_event_store_is_killed_under_load() {
    let mut city = City::ready(Rows { count: 2_000, note_bytes: 200 }).await;
    let (source, load) = (city.source_rows().await, Load::default());
    let (provider, consumer, wanted) = (city.provider(), city.consumer(), city.wanted(Vec::new()));

    let writers = join_all((0..WRITERS).map(|_| write(&provider, &load)));
    let readers = join_all((0..READERS).map(|_| read(&consumer, &wanted, &source, &load)));
    let kills = async {
        for _ in 0..KILLS {
            let acknowledged = load.acknowledged.load(Ordering::Relaxed);
            until("commands are acknowledged", async || {
                let now = load.acknowledged.load(Ordering::Relaxed);
                (now >= acknowledged + COMMANDS_BETWEEN).then_some(())
            })
            .await;
            city.fleet.nats().kill9().await;
            city.fleet.nats().restart().await.unwrap();
        }
        load.over.store(true, Ordering::Relaxed);
    };
    let (acknowledged, fetched, ()) = tokio::join!(writers, readers, kills);
    let acknowledged: BTreeMap<_, _> = acknowledged.into_iter().flatten().collect();
    let fetched: usize = fetched.into_iter().sum();

    assert!(acknowledged.len() > KILLS * COMMANDS_BETWEEN);
    let told = city.told("ev.catalog.resource.").await;
    let mut commits: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for told in &told {
        commits.entry(&told.command_id).or_default().push(&told.subject);
    }
    for (command, resource) in &acknowledged {
        assert_eq!(commits[command], [&format!("ev.catalog.resource.{resource}")]);
    }
    // The city's own entry was drafted, submitted and published.
    assert_eq!(told.len(), acknowledged.len() + 3);
    let (_, last) = acknowledged.last_key_value().unwrap();
    let request = GetResourceRequest {
        key: Some(Key::ResourceId(last.clone())),
        ..GetResourceRequest::default()
    };
    let mut resources = city.provider().resources().unwrap();
    assert!(answer(resources.get_resource(request).await).unwrap().resource.is_some());

    let told = city.told("ev.exchange.transfer.").await;
    let events = told.iter().flat_map(|told| &told.events);
    let completed = events.filter(|event| event.type_name.ends_with(".TransferCompleted")).count();
    assert!(fetched > 0 && completed >= fetched, "{completed} are logged, {fetched} ended");
    city.audited().await;
}
