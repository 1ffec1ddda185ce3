//! Appends a second with an expected version, each synced before it is acknowledged, against others that promise the same:
//! JetStream without the store, Message DB, and two tables in Postgres.
//!
//! On either side each writer appends to an aggregate of its own, and waits for each answer before it goes on.

mod nats;
mod postgres;

use std::collections::BTreeMap;
use std::future::Future;

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::figure::Measured;
use super::interleave::{Contest, interleaved, rate};
use super::memory::Watch;
use super::server::Server;
use super::{Kind, Plan, Setting};
use nats::{BATCHED, Batches, Ours, Plain};
use postgres::{Database, MessageDb, TwoTables};

const APPENDS: u32 = 4_096;
const APPENDS_QUICK: u32 = 512;

/// What ours are held against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rival {
    /// The same messages with the same guards, by the client library alone, one by one.
    JetStream,
    /// The same messages with the same guards, by the client library alone, as many in an atomic batch as there are writers: the most that
    /// the server gives to whoever waits for answers.
    Batches,
    /// Message DB: an event store that is a schema of Postgres.
    MessageDb,
    /// A function in Postgres that guards one table and appends to another.
    TwoTables,
}

/// Each rival with 1, 16 and 64 writers; batches where the store sends them.
pub(super) const PLANS: [Plan; 10] = [
    plan("append_1", 1, Rival::JetStream),
    plan("append_16", 16, Rival::JetStream),
    plan("append_64", 64, Rival::JetStream),
    plan("append_batches_64", BATCHED as u32, Rival::Batches),
    plan("append_message_db_1", 1, Rival::MessageDb),
    plan("append_message_db_16", 16, Rival::MessageDb),
    plan("append_message_db_64", 64, Rival::MessageDb),
    plan("append_two_tables_1", 1, Rival::TwoTables),
    plan("append_two_tables_16", 16, Rival::TwoTables),
    plan("append_two_tables_64", 64, Rival::TwoTables),
];

const fn plan(name: &'static str, writers: u32, rival: Rival) -> Plan {
    let limit_name = match rival {
        Rival::JetStream => "JetStream publishes with the same guards",
        Rival::Batches => "JetStream batches of 64, with the same guards",
        Rival::MessageDb => "Message DB on Postgres",
        Rival::TwoTables => "a function on two tables of Postgres",
    };
    Plan { name, unit: "appends/s", limit_name, kind: Kind::Append { writers, rival } }
}

/// Somebody who appends to an aggregate, or to several at a time, and knows their versions.
trait Writer: Sized + Send + 'static {
    /// How many commits it appends at a time.
    const AT_ONCE: u32 = 1;

    fn append(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

struct Appends<W> {
    ours: Vec<Ours>,
    theirs: Vec<W>,
    /// How many each writer makes in a run.
    appends: u32,
}

/// Measures so many writers against as many of the rival's.
pub(super) async fn measure(
    setting: &Setting,
    writers: u32,
    rival: Rival,
) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let server = Server::start(&setting.folder).await?;
    nats::prepare(&server).await?;
    let contest = Contestants { setting, server: &server, writers };
    let (measured, database) = match rival {
        Rival::JetStream => {
            let theirs = (0..writers).map(|_| Plain::new(&server)).collect::<Result<_, _>>()?;
            let (measured, appended) = contest.meet(theirs, &watch).await?;
            nats::verify_plain(&server, appended).await?;
            (measured, None)
        }
        Rival::Batches => {
            let (measured, appended) = contest.meet(vec![Batches::new(&server)?], &watch).await?;
            nats::verify_plain(&server, appended).await?;
            (measured, None)
        }
        Rival::MessageDb => {
            let database = Database::with_message_db(setting).await?;
            let theirs = database.writers::<MessageDb>(writers).await?;
            let (measured, appended) = contest.meet(theirs, &watch).await?;
            database.verify("message_store.messages", appended).await?;
            (measured, Some(database))
        }
        Rival::TwoTables => {
            let database = Database::with_two_tables(setting).await?;
            let theirs = database.writers::<TwoTables>(writers).await?;
            let (measured, appended) = contest.meet(theirs, &watch).await?;
            database.verify("events", appended).await?;
            (measured, Some(database))
        }
    };
    let mut versions = server.versions();
    if let Some(database) = database {
        versions.extend(database.versions().await?);
    }
    Ok(Measured { versions, ..measured })
}

/// Ours, and whom they meet.
struct Contestants<'a> {
    setting: &'a Setting,
    server: &'a Server,
    writers: u32,
}

impl Contestants<'_> {
    /// Answers what was measured, and how much either side has appended.
    async fn meet<W: Writer>(
        &self,
        theirs: Vec<W>,
        watch: &Watch,
    ) -> anyhow::Result<(Measured, u64)> {
        let total = if self.setting.quick { APPENDS_QUICK } else { APPENDS };
        let ours = (0..self.writers).map(|_| Ours::new(self.server)).collect::<Result<_, _>>()?;
        let mut contest = Appends { ours, theirs, appends: total / self.writers };

        let (values, limits) = interleaved(&mut contest, self.setting.runs).await?;
        let turns = u64::try_from(values.count())? + 1;
        let appended = u64::from(contest.appends * self.writers) * turns;
        nats::verify_ours(self.server, appended).await?;
        let (counts, versions) = (BTreeMap::new(), BTreeMap::new());
        Ok((Measured { values, limits, memory: watch.peaks(), counts, versions }, appended))
    }
}

impl<W: Writer> Contest for Appends<W> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        run(&mut self.ours, self.appends).await
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        run(&mut self.theirs, self.appends).await
    }
}

/// Lets all writers write at once.
async fn run<W: Writer>(writers: &mut Vec<W>, appends: u32) -> anyhow::Result<f64> {
    let count = writers.len();
    let at_once = count * usize::try_from(W::AT_ONCE)?;
    let mut running = JoinSet::new();
    let started = Instant::now();
    for mut writer in writers.drain(..) {
        running.spawn(async move {
            for _ in 0..appends {
                writer.append().await?;
            }
            anyhow::Ok(writer)
        });
    }
    while let Some(ended) = running.join_next().await {
        writers.push(ended??);
    }
    let rate = rate(u64::from(appends) * u64::try_from(at_once)?, started);
    ensure!(writers.len() == count, "all writers come back");
    Ok(rate)
}
