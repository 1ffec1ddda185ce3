//! How long a change takes from its commit at the source to its commit at the sink, against a poller of the same interval that copies
//! rows from one table into another.
//!
//! Changes come one by one, at random moments between two polls. The sink's table tells of each row by `NOTIFY`, which the database
//! passes on when the transaction is committed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use publicdata::commands::grant::Mode;
use rand::Rng as _;
use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{Connection as _, Row as _};
use tokio::time::{Instant, interval, sleep, timeout};

use super::load::{Latencies, milliseconds, worst};
use super::town::{Town, generate};
use crate::bench::city::{Offer, PURPOSE, until};
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved};
use crate::bench::memory::Watch;
use crate::bench::{Setting, psql};

const POLL: Duration = Duration::from_millis(100);
const CHANGES: usize = 100;
const CHANGES_QUICK: usize = 10;
const ROWS: u64 = 1_000;
const SOON: Duration = Duration::from_secs(30);

/// What the consumer's node is told; the grant's id stands before it.
const SUBSCRIPTION: &str = "trigger = \"on-change\"\n[subscription.sink]\nkind = \"postgres\"\n\
                            table = \"pushed\"\nkey = [\"code\"]\n";
const TELLING: [&str; 3] = [
    "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS \
     'BEGIN PERFORM pg_notify(TG_TABLE_NAME, NEW.name); RETURN NULL; END'",
    "CREATE TRIGGER tell AFTER INSERT OR UPDATE ON pushed FOR EACH ROW EXECUTE FUNCTION tell()",
    "CREATE TRIGGER tell AFTER INSERT OR UPDATE ON copied FOR EACH ROW EXECUTE FUNCTION tell()",
];

/// A table whose rows change, and one that follows it.
struct Pair {
    change: &'static str,
    sink: &'static str,
}

const GOVERNED: Pair = Pair {
    change: "UPDATE changing SET name = $1, changed = clock_timestamp() WHERE code = $2",
    sink: "pushed",
};
const BARE: Pair = Pair {
    change: "UPDATE bare SET name = $1, changed = clock_timestamp() WHERE code = $2",
    sink: "copied",
};

struct Push {
    url: String,
    source: PgConnection,
    arrived: PgListener,
    changes: usize,
    made: u64,
    ours: Latencies,
    limit: Latencies,
}

/// The offer of rows that change.
pub(super) fn offer(url: &str) -> anyhow::Result<Offer> {
    let mut offer = Offer::villages(url, "changing", &[Mode::Push])?;
    offer.entry.name.push_str("（变更）");
    let poll = POLL.as_millis();
    offer.configuration +=
        &format!("[dataset.changes]\nwatermark = \"changed\"\npoll_ms = {poll}\n");
    Ok(offer)
}

/// Makes the tables that change: the offered one, and the one that is merely copied.
pub(super) async fn tables(url: &str) -> anyhow::Result<()> {
    generate(url, "changing", ROWS).await?;
    let statements = [
        "ALTER TABLE changing ADD changed TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()",
        "CREATE INDEX ON changing (changed)",
        "CREATE TABLE bare AS TABLE changing",
        "ALTER TABLE bare ADD PRIMARY KEY (code)",
        "CREATE INDEX ON bare (changed)",
        "CREATE TABLE copied (LIKE bare INCLUDING ALL)",
    ];
    psql::run(url, &statements).await
}

/// Measures with a subscription that is opened for it.
pub(super) async fn measure(setting: &Setting, town: &mut Town) -> anyhow::Result<Measured> {
    town.connect(0).await?;
    let url = town.postgres.url();
    let grant = &town.city.grants[super::town::CHANGING];
    let subscription = format!(
        "[[subscription]]\nname = \"changing\"\ngrant_id = \"{grant}\"\npurpose = \"{PURPOSE}\"\n\
         {SUBSCRIPTION}url = \"{url}\"\n"
    );
    town.restart_consumer(&subscription).await?;
    until("every row was pushed once", async || {
        psql::run(&url, &[&format!("SELECT 1 / (count(*) = {ROWS})::int FROM pushed")]).await
    })
    .await?;
    psql::run(&url, &TELLING).await?;
    let mut arrived = PgListener::connect(&url).await?;
    arrived.listen_all([GOVERNED.sink, BARE.sink]).await?;

    let mut contest = Push {
        source: PgConnection::connect(&url).await?,
        arrived,
        changes: if setting.quick { CHANGES_QUICK } else { CHANGES },
        made: 0,
        ours: Latencies::default(),
        limit: Latencies::default(),
        url,
    };
    let watch = Watch::begin();
    town.name(&watch);
    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    let same = "SELECT 1 / (NOT EXISTS (SELECT code, name FROM changing EXCEPT SELECT code, name FROM pushed))::int";
    psql::run(&contest.url, &[same]).await.context("the sink is not what the source is")?;
    let measured = Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([
            ("µs p50", contest.ours.microseconds(50)?),
            ("µs p99", contest.ours.microseconds(99)?),
            ("µs p50 of the limit", contest.limit.microseconds(50)?),
            ("µs p99 of the limit", contest.limit.microseconds(99)?),
            ("changes", contest.made),
        ]),
        versions: psql::versions(&contest.url).await?,
    };
    drop(contest);
    town.restart_consumer("").await?;
    Ok(measured)
}

impl Push {
    /// Makes changes one by one, and waits for each; how long each took, in milliseconds.
    async fn follow(&mut self, pair: &Pair) -> anyhow::Result<Vec<f64>> {
        let mut took = Vec::new();
        for _ in 0..self.changes {
            let pause = rand::rng().random_range(Duration::ZERO..POLL);
            sleep(pause).await;
            self.made += 1;
            let name = format!("变更{}", self.made);
            let code = format!("{:012}", self.made % ROWS + 1);
            let made = sqlx::query(pair.change).bind(&name).bind(code);
            let changed = made.execute(&mut self.source).await?.rows_affected();
            ensure!(changed == 1, "{changed} rows were changed");
            let committed = Instant::now();
            timeout(SOON, self.arrives(pair.sink, &name))
                .await
                .context("a change did not arrive")??;
            took.push(milliseconds(committed));
        }
        Ok(took)
    }

    async fn arrives(&mut self, sink: &str, name: &str) -> anyhow::Result<()> {
        loop {
            let told = self.arrived.recv().await?;
            if told.channel() == sink && told.payload() == name {
                return Ok(());
            }
        }
    }
}

/// Copies what is newer than what was copied before, for ever.
async fn copy_bare(url: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let mut ticks = interval(POLL);
    let mut since = "-infinity".to_owned();
    loop {
        ticks.tick().await;
        let newer = sqlx::query(
            "WITH newer AS (SELECT * FROM bare WHERE changed > $1::timestamptz), \
             copy AS (INSERT INTO copied SELECT * FROM newer \
             ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, changed = EXCLUDED.changed) \
             SELECT max(changed)::text AS last FROM newer",
        );
        let last = newer.bind(&since).fetch_one(&mut connection).await?;
        if let Some(last) = last.try_get("last")? {
            since = last;
        }
    }
}

impl Contest for Push {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let took = self.follow(&GOVERNED).await?;
        self.ours.turn(&took);
        worst(&took, 50)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let url = self.url.clone();
        let took = tokio::select! {
            took = self.follow(&BARE) => took?,
            ended = copy_bare(&url) => return ended.map(|()| 0.0),
        };
        self.limit.turn(&took);
        worst(&took, 50)
    }
}
