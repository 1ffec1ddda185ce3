use futures::TryStreamExt as _;
use jiff::civil::{Date, date};
use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_identity::testing;
use publicdata_proto::catalog::v1 as wire;
use publicdata_service_kit::{Clock, Holidays, Tasks};
use publicdata_views::{Database, Projector};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::grpc::Shared;
use crate::policies::Deadlines;
use crate::search::SearchIndex;
use crate::views;

const PROVIDER: &str = "91110000802100433B";
const RESOURCE: &str = "21111111-2222-4333-8444-555555555555";
const REGION: &str = "510104";

/// Policies over events in memory, with a clock that stands until it is moved.
struct City {
    store: Store,
    view: Arc<Projector>,
    clock: Clock,
    desk: Arc<Desk>,
    tasks: Tasks,
    _folder: TempDir,
}

impl City {
    async fn start(day: Date) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let (database, tasks) = (Database::open(&url).await.unwrap(), Tasks::new());
        let store: Store = Arc::new(MemoryStore::new());
        let clock = Clock::manual(format!("{day}T01:00:00Z").parse().unwrap());
        let directory =
            publicdata_directory::Directory::open(database.clone(), Arc::clone(&store), &tasks);
        let directory = directory.await.unwrap();
        let entries = views::entries(database.clone(), Arc::clone(&store)).await.unwrap();
        let view = views::obligations(database.clone(), Arc::clone(&store)).await.unwrap();
        let (running, shutdown) = (Arc::clone(&view), tasks.shutdown().clone());
        tasks.try_spawn("view", async move { running.run(shutdown).await });
        let register = views::register(database.clone(), Arc::clone(&store)).await.unwrap();
        let index = folder.path().join("index");
        let index = SearchIndex::open(&index, Arc::clone(&store), clock.clone()).unwrap();
        let shared = Shared {
            clock: clock.clone(),
            store: Arc::clone(&store),
            directory,
            database,
            entries,
            index,
            register,
        };
        let desk = Arc::new(Desk {
            changes: Aggregates::new(Arc::clone(&store)),
            obligations: Aggregates::new(Arc::clone(&store)),
            holidays: Arc::new(Holidays::open(None).unwrap()),
            view: Arc::clone(&view),
            shared: Arc::new(shared),
            service: testing::service("catalog"),
        });
        let city = Self { store, view, clock, desk, tasks, _folder: folder };
        city.happen(
            "organisation",
            PROVIDER,
            &wire::OrganisationRegistered {
                code: PROVIDER.to_owned(),
                name: "成都市民政局".to_owned(),
                region_code: REGION.to_owned(),
                roles: vec![wire::Role::Provider.into()],
                ..wire::OrganisationRegistered::default()
            },
        )
        .await;
        let causes = Causes { desk: Arc::clone(&city.desk) };
        city.tasks.spawn("causes", causes.run(city.tasks.shutdown().clone()));
        let deadlines = Deadlines::new(Arc::clone(&city.desk), Duration::from_millis(5));
        city.tasks.spawn("deadlines", deadlines.run(city.tasks.shutdown().clone()));
        city
    }

    /// Something happens, on the day that the clock shows.
    async fn happen<M: Message + Name>(&self, aggregate: &str, id: &str, event: &M) {
        let subject = Subject::new("catalog", aggregate, id).unwrap();
        let history = self.store.tail(&subject, 0).await.unwrap();
        let last = history.last().map_or(0, |recorded| recorded.sequence);
        let commit = NewCommit {
            command_id: CommandId::from_uuid(Uuid::new_v4()),
            actor: testing::service("catalog").to_string(),
            occurred_at: self.clock.now(),
            traceparent: None,
            events: vec![Any { type_url: M::type_url(), value: event.encode_to_vec() }],
        };
        self.store.append(&subject, last, commit).await.unwrap();
    }

    async fn publish(&self, cycle: wire::UpdateCycle, version: u32) {
        let description = wire::ResourceDescription {
            name: "社区名录".to_owned(),
            provider_code: PROVIDER.to_owned(),
            update_cycle: cycle.into(),
            ..wire::ResourceDescription::default()
        };
        let drafted = wire::ResourceDrafted {
            code: "302001/00001".to_owned(),
            description: Some(description),
            region_code: REGION.to_owned(),
        };
        self.happen("resource", RESOURCE, &drafted).await;
        self.happen("resource", RESOURCE, &wire::ResourceSubmitted {}).await;
        let published_on = china_date(self.clock.now()).to_string();
        let published = wire::ResourcePublished { version, published_on };
        self.happen("resource", RESOURCE, &published).await;
    }

    async fn update(&self, current_on: Date) {
        let current_on = current_on.to_string();
        let updated = wire::ResourceUpdated { current_on, rows: 3_047 };
        self.happen("resource", RESOURCE, &updated).await;
    }

    fn go_to(&self, day: Date) {
        let then: jiff::Timestamp = format!("{day}T01:00:00Z").parse().unwrap();
        self.clock.advance(then.duration_since(self.clock.now()).unsigned_abs());
    }

    /// What became of obligations: names of events in order, once there are so many.
    async fn told(&self, count: usize) -> Vec<String> {
        loop {
            let history = self.store.read(STREAM, 1, None).await.unwrap();
            let history: Vec<_> = history.try_collect().await.unwrap();
            let told: Vec<String> = history
                .iter()
                .filter(|recorded| recorded.subject.aggregate() == "obligation")
                .flat_map(|recorded| recorded.commit().unwrap().events)
                .map(|any| any.type_url.rsplit("Obligation").next().unwrap().to_owned())
                .collect();
            if told.len() >= count {
                return told;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn last_opened(&self) -> wire::ObligationOpened {
        let history = self.store.read(STREAM, 1, None).await.unwrap();
        let history: Vec<Recorded> = history.try_collect().await.unwrap();
        let events = history.iter().rev().flat_map(|recorded| recorded.commit().unwrap().events);
        let mut events = events.filter(|any| any.type_url == wire::ObligationOpened::type_url());
        let opened = events.next();
        wire::ObligationOpened::decode(opened.unwrap().value.as_slice()).unwrap()
    }

    async fn end(self) {
        self.tasks.drain(Duration::from_secs(10)).await.unwrap();
        assert_eq!(self.view.failure(), None);
    }
}

/// R12.4: an update in time meets the cycle, and the next one counts from it; one that comes late was missed.
#[tokio::test]
async fn updates_meet_their_cycles_in_time_and_late() {
    let city = City::start(date(2026, 1, 31)).await;
    city.publish(wire::UpdateCycle::Monthly, 1).await;
    assert_eq!(city.told(1).await, ["Opened"]);
    let opened = city.last_opened().await;
    let deadline = opened.deadline.clone().unwrap();
    assert_eq!((deadline.due_on.as_str(), deadline.rule.as_str()), ("2026-02-28", "R12.4"));
    assert_eq!(
        (opened.region_code.as_str(), opened.organisation_code.as_str()),
        (REGION, PROVIDER)
    );
    assert_eq!((opened.working_days, opened.update_cycle()), (0, wire::UpdateCycle::Monthly));

    city.go_to(date(2026, 2, 20));
    city.update(date(2026, 2, 19)).await;
    assert_eq!(city.told(3).await, ["Opened", "Met", "Opened"]);
    assert_eq!(city.last_opened().await.deadline.unwrap().due_on, "2026-03-20");

    city.go_to(date(2026, 3, 17));
    assert_eq!(city.told(4).await[3..], ["Warned"]);
    city.go_to(date(2026, 3, 21));
    assert_eq!(city.told(5).await[4..], ["Missed"]);
    city.update(date(2026, 3, 21)).await;
    assert_eq!(city.told(7).await[5..], ["Met", "Opened"]);
    city.end().await;
}

/// R12.3, R12.4: what is suspended or withdrawn owes nothing, what is resumed or gets another cycle begins anew.
#[tokio::test]
async fn a_resource_takes_its_obligation_along_through_its_life() {
    let city = City::start(date(2026, 1, 31)).await;
    let reason = || "系统改造".to_owned();
    city.publish(wire::UpdateCycle::Yearly, 1).await;
    city.happen("resource", RESOURCE, &suspended()).await;
    city.happen("resource", RESOURCE, &wire::ResourceResumed {}).await;
    assert_eq!(city.told(3).await, ["Opened", "Cancelled", "Opened"]);

    city.publish(wire::UpdateCycle::Yearly, 2).await;
    city.publish(wire::UpdateCycle::Weekly, 3).await;
    assert_eq!(city.told(5).await[3..], ["Cancelled", "Opened"]);
    assert_eq!(city.last_opened().await.deadline.unwrap().due_on, "2026-02-07");

    city.happen("resource", RESOURCE, &wire::ResourceWithdrawn { reason: reason() }).await;
    assert_eq!(city.told(6).await[5..], ["Cancelled"]);
    city.end().await;
}

/// H1, H4: a follower that lost its place follows everything again, and nothing comes of it.
#[tokio::test]
async fn a_follower_that_begins_anew_repeats_nothing() {
    let city = City::start(date(2026, 1, 31)).await;
    city.publish(wire::UpdateCycle::Monthly, 1).await;
    city.go_to(date(2026, 2, 20));
    city.update(date(2026, 2, 20)).await;
    let before = city.told(3).await;

    let again = Causes { desk: Arc::clone(&city.desk) };
    let history = city.store.read(STREAM, 1, None).await.unwrap();
    let history: Vec<Recorded> = history.try_collect().await.unwrap();
    for recorded in &history {
        again.take_up(recorded).await.unwrap();
    }

    assert_eq!(city.told(3).await, before);
    assert!(again.position().await.unwrap() <= history.last().unwrap().sequence);
    city.end().await;
}

/// Drafts and reviews by the hundred thousand are none of its business: it looks at the type of what happened, and no further.
#[tokio::test]
async fn drafts_and_reviews_are_passed_over() {
    let city = City::start(date(2026, 1, 31)).await;
    let unreadable = wire::ResourceDrafted::default();
    city.happen("resource", RESOURCE, &unreadable).await;
    city.happen("resource", RESOURCE, &wire::ResourceSubmitted {}).await;

    let history = city.store.read(STREAM, 1, None).await.unwrap();
    let history: Vec<Recorded> = history.try_collect().await.unwrap();
    let causes = Causes { desk: Arc::clone(&city.desk) };
    for recorded in &history {
        assert!(!causes.take_up(recorded).await.unwrap(), "{}", recorded.subject);
    }
    city.end().await;
}

fn suspended() -> wire::ResourceSuspended {
    let reason = "系统改造".to_owned();
    wire::ResourceSuspended { reason, ..wire::ResourceSuspended::default() }
}
