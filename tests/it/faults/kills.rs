//! Every part is killed in the middle of every kind of work, at moments told by how far the work is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use futures::TryStreamExt as _;
use futures::future::join_all;
use prost::Message as _;
use publicdata::commands::{answer, fetch, query};
use publicdata::session::Session;
use publicdata_proto::audit::v1::{Leaf, ReadEventsRequest};
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::{
    ListSubscriptionsRequest, TransferCompleted, TransferRequested,
};
use publicdata_proto::node::v1::Value;
use publicdata_proto::node::v1::value::Kind;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::fleet::{City, PURPOSE, Reader, Refused, Row, within};
use crate::town::{Part, RECOVERY, Town};

/// Says which run is to be repeated.
const SEED: &str = "PUBLICDATA_KILLS_SEED";
const KILLS: usize = 50;
/// Some 11 MB: more than all buffers on the way hold.
const ROWS: u32 = 6_000;
/// One in so many of them changes in a push, which takes two deliveries.
const CHANGED_OF: u32 = 3;
/// Steps of taking these, at the least.
const STEPS: usize = 14;
const ASKERS: usize = 3;
/// The reason of what broke off without a word.
const UNSPECIFIED: &str = "UNSPECIFIED";

/// What the exchange is doing when a part is killed.
#[derive(Clone, Copy, Debug)]
enum Work {
    Bulk,
    Push,
    Query,
}

/// An exchange whose parts are killed.
struct Trial {
    town: Town,
    random: StdRng,
    /// What a fetch asks for.
    wanted: fetch::Arguments,
    /// The rows that have to come.
    source: Vec<Row>,
    seen: Seen,
}

/// What the consumer saw come to its end.
#[derive(Default)]
struct Seen {
    fetches: usize,
    answers: usize,
    /// The reasons of what did not.
    reasons: BTreeSet<String>,
}

/// H4, R23.1, R23.2: fifty times a part is killed: the provider's node, the consumer's, the bus, the event store, the database. Fetches
/// and answers are whole or end with a reason; the sink ends with the source's rows; each delivery is signed for once.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_each_row_and_each_receipt_is_there_once() {
    let seed = seed();
    let (city, town) = Town::settled(ROWS).await;
    let mut trial = Trial {
        town,
        random: StdRng::seed_from_u64(seed),
        wanted: city.wanted(Vec::new()),
        source: Vec::new(),
        seen: Seen::default(),
    };

    let city = city
        .while_stopped(async || {
            trial.town.start().await;
            trial.town.pushed().await;
            trial.source = trial.town.source_rows().await;
            for (number, (part, work)) in plan(&mut trial.random).into_iter().enumerate() {
                let began = Instant::now();
                match work {
                    Work::Bulk => trial.bulk(part).await,
                    Work::Push => trial.push(part, number).await,
                    Work::Query => trial.query(part).await,
                }
                say(&format!("{number}: {part:?} in {work:?}, {:?}", began.elapsed()));
            }
            signed_for(&trial.town).await;
            trial.town.kill9();
        })
        .await;

    let Trial { town, seen, .. } = trial;
    say(&format!("{} fetches, {} answers, {:?}", seen.fetches, seen.answers, seen.reasons));
    assert_eq!(town.sink_rows().await.unwrap(), town.source_rows().await);
    let completed = completed(&city).await;
    let rows_of =
        |wanted| completed.iter().filter(move |(mode, _)| *mode == wanted).map(|(_, rows)| *rows);
    let pushed = rows_of(DeliveryMode::Push);
    assert_eq!((pushed.clone().count() as u64, pushed.sum::<u64>()), town.taken().await);
    // What the consumer saw end is signed for; and perhaps what ended when the consumer's node was killed.
    assert!(rows_of(DeliveryMode::Bulk).count() >= seen.fetches, "{completed:?}");
    assert!(rows_of(DeliveryMode::Query).count() >= seen.answers, "{completed:?}");
}

/// Taken from the environment, to repeat a run, or random.
fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
    let given = std::env::var(SEED);
    let seed = match given {
        Ok(text) => text.parse().unwrap(),
        Err(_) => rand::random(),
    };
    say(&format!("to repeat this run: {SEED}={seed}"));
    seed
}

#[expect(clippy::print_stdout, reason = "how to repeat a run has to be seen")]
fn say(line: &str) {
    println!("{line}");
}

/// Which part is killed in which work: each in each at least three times, in random order.
fn plan(random: &mut StdRng) -> Vec<(Part, Work)> {
    let works = [Work::Bulk, Work::Push, Work::Query];
    let all: Vec<_> =
        Part::ALL.into_iter().flat_map(|part| works.map(|work| (part, work))).collect();
    let times = KILLS.div_ceil(all.len());
    let mut last = all.clone();
    last.shuffle(random);
    let mut plan = all.repeat(times - 1);
    plan.extend(last.into_iter().take(KILLS - plan.len()));
    plan.shuffle(random);
    plan
}

/// Asks for the row with a code.
async fn ask(consumer: &Session, grant: &str, code: &str) -> Result<Row, Refused> {
    let question = query::Question {
        grant: grant.to_owned(),
        service: "row".to_owned(),
        parameters: vec![("code".to_owned(), code.to_owned())],
        fields: Vec::new(),
        purpose: PURPOSE.to_owned(),
        case: String::new(),
        node: None,
    };
    let answered = consumer.node(None).unwrap().query(question.request()).await;
    let answered = answer(answered).map_err(Refused::from)?;
    assert_eq!(answered.rows.len(), 1, "rows with one code");
    let text = |value: &Value| match value.kind.clone().unwrap() {
        Kind::Text(text) => text,
        Kind::Integer(number) => number.to_string(),
        Kind::Number(_) | Kind::Logical(_) | Kind::Binary(_) => panic!("{value:?}"),
    };
    Ok(answered.rows[0].values.iter().map(text).collect())
}

/// Waits until the bus has the receipt of each delivery that the sink took.
async fn signed_for(town: &Town) {
    within(RECOVERY, "each delivery is signed for", async || {
        let mut client = town.consumer.subscriptions().unwrap();
        let request = ListSubscriptionsRequest::default();
        let shown = answer(client.list_subscriptions(request).await).ok()?.subscriptions.pop()?;
        ((shown.deliveries, shown.rows) == town.taken().await).then_some(())
    })
    .await;
}

/// How each completed transfer was delivered, and how many rows it brought. No transfer is completed twice, and the log is sound.
async fn completed(city: &City) -> Vec<(DeliveryMode, u64)> {
    city.audited().await;
    let request = ReadEventsRequest {
        subject_prefix: "ev.exchange.transfer.".to_owned(),
        ..ReadEventsRequest::default()
    };
    let mut events =
        city.auditor().audit().unwrap().read_events(request).await.unwrap().into_inner();
    let (mut modes, mut completed) = (BTreeMap::new(), BTreeMap::new());
    while let Some(event) = events.try_next().await.unwrap() {
        let subject = Leaf::decode(event.leaf.as_slice()).unwrap().subject;
        for told in Commit::decode(event.payload.as_slice()).unwrap().events {
            if let Ok(requested) = told.to_msg::<TransferRequested>() {
                let mode = match requested.mode() {
                    // What names no mode is bulk.
                    DeliveryMode::Unspecified => DeliveryMode::Bulk,
                    mode @ (DeliveryMode::Query | DeliveryMode::Bulk | DeliveryMode::Push) => mode,
                };
                modes.insert(subject.clone(), mode);
            } else if let Ok(receipt) = told.to_msg::<TransferCompleted>() {
                let before = completed.insert(subject.clone(), receipt.rows);
                assert_eq!(before, None, "{subject} is completed twice");
            }
        }
    }
    completed.into_iter().map(|(subject, rows)| (modes[&subject], rows)).collect()
}

// === impl Trial ===

impl Trial {
    /// Kills a part when a fetch has brought some rows. It ends well, or with a reason; then another one ends well.
    async fn bulk(&mut self, part: Part) {
        let Self { town, random, wanted, source, seen } = self;
        let far = random.random_range(0..source.len());
        let consumer = town.consumer.clone();
        let mut reader =
            within(RECOVERY, "a fetch begins", async || Reader::open(&consumer, wanted).await.ok())
                .await;
        while reader.rows.len() < far {
            assert!(reader.next().await.unwrap());
        }
        town.kill9_and_restart(part);

        let mut fetched = reader.rest().await;
        within(RECOVERY, "a fetch ends well", async || {
            match &fetched {
                Ok(rows) => {
                    assert!(rows == source, "{} of {} rows", rows.len(), source.len());
                    seen.fetches += 1;
                    return Some(());
                }
                Err(refused) => seen.refused(refused, part),
            }
            fetched = match Reader::open(&consumer, wanted).await {
                Ok(reader) => reader.rest().await,
                Err(refused) => Err(refused),
            };
            None
        })
        .await;
    }

    /// Kills a part when the sink has come to some step of taking what has changed. In the end it has that.
    async fn push(&mut self, part: Part, number: usize) {
        let Self { town, random, source, .. } = self;
        let far = town.sink_steps() + random.random_range(0..STEPS);
        let rest = random.random_range(0..CHANGED_OF);
        town.change(format!(
            "UPDATE people SET note = 'secret-{number}' || right(note, -12), size = size + 1 \
             WHERE right(code, 4)::int % {CHANGED_OF} = {rest}; \
             DELETE FROM people WHERE code LIKE 's%' AND right(code, 1)::int % 2 = {rest}; \
             INSERT INTO people SELECT 's{number:02}-' || lpad(i::text, 4, '0'), '510105', \
             'plain-{number}-name', i, 'secret-new' FROM generate_series(1, 9) AS i"
        ))
        .await;
        within(RECOVERY, "the sink is that far", async || (town.sink_steps() >= far).then_some(()))
            .await;
        town.kill9_and_restart(part);
        town.pushed().await;
        *source = town.source_rows().await;
    }

    /// Kills a part while questions are asked. Each is answered right or with a reason; then others are answered.
    async fn query(&mut self, part: Part) {
        let Self { town, random, wanted, source, seen } = self;
        let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let consumer = town.consumer.clone();
        let picks: Vec<_> = (0..ASKERS).map(|_| StdRng::seed_from_u64(random.random())).collect();
        let asking = join_all(picks.into_iter().map(|mut random| {
            let (consumer, source, answered, over) = (&consumer, &*source, &answered, &over);
            let grant = &wanted.grant;
            async move {
                let mut refused = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let row = &source[random.random_range(0..source.len())];
                    match ask(consumer, grant, &row[0]).await {
                        Ok(answer) => {
                            assert_eq!(answer, *row);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(problem) => refused.push(problem),
                    }
                }
                refused
            }
        }));
        let far = random.random_range(0..2 * ASKERS);
        let killing = async {
            let answers = async |count: usize| {
                within(RECOVERY, "questions are answered", async || {
                    (answered.load(Ordering::Relaxed) >= count).then_some(())
                })
                .await;
            };
            answers(far).await;
            town.kill9_and_restart(part);
            answers(answered.load(Ordering::Relaxed) + ASKERS).await;
            over.store(true, Ordering::Relaxed);
        };
        let (refused, ()) = tokio::join!(asking, killing);
        for refused in refused.into_iter().flatten() {
            seen.refused(&refused, part);
        }
        seen.answers += answered.into_inner();
    }
}

// === impl Seen ===

impl Seen {
    /// Nothing ends without a reason, but for what was on its way to a node of one's own that was killed.
    fn refused(&mut self, refused: &Refused, part: Part) {
        let Refused { reason, message } = refused;
        assert!(
            !message.is_empty() && (reason != UNSPECIFIED || part == Part::ConsumerNode),
            "{part:?}: {refused:?}"
        );
        self.reasons.insert(reason.clone());
    }
}
