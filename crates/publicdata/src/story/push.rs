//! What changes at the provider is pushed to the consumer (R23.1).

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use publicdata_proto::exchange::v1::{ListSubscriptionsRequest, Subscription, SubscriptionStatus};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::exchange::{self, AREA, PURPOSE, eventually};
use super::{Cast, Session};
use crate::commands::answer;
use crate::fleet::{NodeSink, NodeSubscription, NodeWork};
use crate::sample::{self, CONSUMER, PROVIDER};

const COUNT: &str = "SELECT CAST(count(*) AS TEXT) FROM villages WHERE areaCode = $1";
const NAME: &str = "SELECT name FROM villages WHERE code = $1";
/// What the village is called from now on.
const NEW_NAME: &str = "新设的社区居委会";
/// What the grant's mask leaves of that.
const NEW_NAME_MASKED: &str = "新******会";

pub(super) async fn follow(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let sink = cast.results.join("health.sqlite");
    let subscription = NodeSubscription {
        name: "villages",
        grant_id: grant_id.to_owned(),
        purpose: PURPOSE,
        trigger: "on-change",
        sink: NodeSink { kind: "sqlite", path: sink.clone(), table: "villages", key: vec!["code"] },
    };
    let fleet = &mut *cast.fleet;
    let step = async {
        let subscriptions = vec![subscription];
        let work = NodeWork { subscriptions, ..NodeWork::default() };
        fleet.configure_node(&CONSUMER, work).await?;
        let rows = eventually(async || {
            let rows = read(&sink, COUNT, AREA).await?;
            ensure!(rows != "0", "the first delivery must bring rows");
            Ok(rows)
        })
        .await?;
        Ok(((), format!("{rows} rows in {}", sink.display())))
    };
    let title = format!("{} has every change pushed into its own database", CONSUMER.name);
    cast.narrator.step(&title, step).await?;

    let database = cast.fleet.data().join("civil-affairs.sqlite");
    let code = exchange::village_of_the_area()?;
    let step = async {
        sample::correct_village(&database, &code, NEW_NAME).await?;
        let changed = Instant::now();
        eventually(async || {
            let name = read(&sink, NAME, &code).await?;
            ensure!(name == NEW_NAME_MASKED, "the new name must arrive, not {name}");
            Ok(())
        })
        .await?;
        Ok((
            (),
            format!("{code} is {NEW_NAME_MASKED} there {} ms later", changed.elapsed().as_millis()),
        ))
    };
    let title = format!("{} renames a village; nobody asks for it", PROVIDER.name);
    cast.narrator.step(&title, step).await
}

/// With the grant the push has ended.
pub(super) async fn ended(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let consumer = cast.consumer()?;
    let step = async {
        let ended = eventually(async || {
            let shown = subscription(&consumer, grant_id).await?;
            let is_ended = shown.status() == SubscriptionStatus::Ended;
            ensure!(is_ended, "the subscription must have ended with its grant");
            Ok(shown)
        })
        .await?;
        let said = format!("{} after {} deliveries", ended.end_reason, ended.deliveries);
        Ok(((), said))
    };
    cast.narrator.step("The push has ended with the grant", step).await
}

async fn subscription(consumer: &Session, grant_id: &str) -> anyhow::Result<Subscription> {
    let request = ListSubscriptionsRequest { grant_id: grant_id.to_owned(), ..Default::default() };
    let mut listed = answer(consumer.subscriptions()?.list_subscriptions(request).await)?;
    listed.subscriptions.pop().context("the bus must know the subscription")
}

/// One text of the sink.
async fn read(sink: &Path, query: &'static str, value: &str) -> anyhow::Result<String> {
    let options = SqliteConnectOptions::new().filename(sink).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let found = sqlx::query_scalar(query).bind(value).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}
