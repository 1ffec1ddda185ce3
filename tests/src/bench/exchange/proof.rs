//! The time of a proof at its 99th percentile, at half of the highest rate, against a round trip to a bare server at the same times.
//!
//! Requests come at fixed times, as they do from people, and not when the one before was answered: so whatever holds up the platform
//! for a while counts for everyone who comes meanwhile.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use publicdata::commands::answer;
use publicdata_identity::TrustRoots;
use publicdata_proto::node::v1::RequestProofRequest;
use publicdata_proto::node::v1::node_service_client::NodeServiceClient;
use publicdata_service_kit::Clock;
use publicdata_service_kit::grpc::Channel;
use publicdata_transfer::credential::{self, Answer};

use super::asker::Asker;
use super::load::{Ask, Latencies, at_fixed_times, highest_rate, worst};
use super::payloads::SMALLEST;
use super::town::{FEW, RECORD, Town};
use crate::bench::city::PURPOSE;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved};
use crate::bench::memory::Watch;
use crate::bench::{Setting, psql, say};

const AT_ONCE: usize = 16;
const WARM_UP: Duration = Duration::from_secs(1);
/// For how long the highest rate is looked for.
const SEARCH: Duration = Duration::from_secs(5);
const SEARCH_QUICK: Duration = Duration::from_secs(3);
/// For how long proofs are asked for in each turn.
const TURN: Duration = Duration::from_secs(10);
const TURN_QUICK: Duration = Duration::from_secs(1);

const SUBJECT: &str = "code";
const CLAIM: &str = "areaCode";
const STATED: &str = "510104";

struct Proofs {
    asker: Applicant,
    bare: Asker,
    /// How many come a second.
    rate: f64,
    requests: usize,
    proven: u64,
    ours: Latencies,
    limit: Latencies,
}

/// Asks for proofs, and keeps them to be verified when time is no longer counted.
#[derive(Clone)]
struct Applicant {
    client: NodeServiceClient<Channel>,
    grant: Arc<str>,
    /// How many records there are.
    records: u64,
    roots: TrustRoots,
    given: Arc<Mutex<Vec<(usize, String)>>>,
}

/// Finds the highest rate, and measures at half of it.
pub(super) async fn measure(setting: &Setting, town: &mut Town) -> anyhow::Result<Measured> {
    town.connect(0).await?;
    let town = &*town;
    let asker = Applicant {
        client: town.city.consumer.node(None)?,
        grant: town.city.grants[FEW].as_str().into(),
        records: town.few,
        roots: town.city.consumer.credentials.roots().clone(),
        given: Arc::default(),
    };
    let (search, turn) = if setting.quick { (SEARCH_QUICK, TURN_QUICK) } else { (SEARCH, TURN) };
    let watch = Watch::begin();
    town.name(&watch);
    highest_rate(&asker, WARM_UP, AT_ONCE).await?;
    let highest = highest_rate(&asker, search, AT_ONCE).await?;
    say(format_args!("  {highest:.0} a second are the most; half of them are asked for"));

    let rate = highest / 2.0;
    let mut contest = Proofs {
        proven: asker.verify()?,
        asker,
        bare: town.bare([SMALLEST].into())?,
        rate,
        requests: whole(rate * turn.as_secs_f64()).max(1),
        ours: Latencies::default(),
        limit: Latencies::default(),
    };
    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([
            ("proofs/s at most", u64::try_from(whole(highest))?),
            ("µs p50", contest.ours.microseconds(50)?),
            ("µs p50 of the limit", contest.limit.microseconds(50)?),
            ("proofs verified", contest.proven),
        ]),
        versions: psql::versions(&town.postgres.url()).await?,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate, and what comes of it in seconds, is small and not negative"
)]
fn whole(number: f64) -> usize {
    number.round() as usize
}

/// The records are those that [`super::town::generate`] makes: every other one is of the district that is stated.
fn record(number: usize, of: u64) -> anyhow::Result<(String, bool)> {
    let record = u64::try_from(number)? % of + 1;
    Ok((format!("{record:012}"), record.is_multiple_of(2)))
}

impl Ask for Applicant {
    async fn ask(&self, number: usize) -> anyhow::Result<()> {
        let (code, _) = record(number, self.records)?;
        let request = RequestProofRequest {
            grant_id: self.grant.to_string(),
            service: RECORD.to_owned(),
            parameters: BTreeMap::from([(SUBJECT.to_owned(), code)]),
            claims: BTreeMap::from([(CLAIM.to_owned(), STATED.to_owned())]),
            purpose: PURPOSE.to_owned(),
            case_number: format!("2026-{number:06}"),
            ..RequestProofRequest::default()
        };
        let given = answer(self.client.clone().request_proof(request).await)?;
        let mut all = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((number, given.credential));
        Ok(())
    }
}

impl Applicant {
    /// Verifies with the root certificate what was given since the last time, and that it says what is on record; how much that was.
    fn verify(&self) -> anyhow::Result<u64> {
        let given = mem::take(&mut *self.given.lock().unwrap_or_else(PoisonError::into_inner));
        let now = Clock::system().now();
        for (number, text) in &given {
            let (code, is_true) = record(*number, self.records)?;
            let proof = credential::verify(&self.roots, text, now)?.credential;
            let subject = &proof.credential_subject;
            ensure!(subject.parameters.get(SUBJECT) == Some(&code), "a proof is about another");
            let Answer::Confirmed(facts) = &subject.answer else { bail!("a proof says nothing") };
            let fact = facts.get(CLAIM).context("a proof says nothing of what was stated")?;
            ensure!(fact.confirmed == is_true, "a proof about {code} says what is not so");
        }
        Ok(u64::try_from(given.len())?)
    }
}

impl Contest for Proofs {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let took = at_fixed_times(&self.asker, self.requests, self.rate).await?;
        let proven = self.asker.verify()?;
        ensure!(proven == u64::try_from(self.requests)?, "{proven} proofs were given");
        self.proven += proven;
        self.ours.turn(&took);
        worst(&took, 99)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let took = at_fixed_times(&self.bare, self.requests, self.rate).await?;
        self.limit.turn(&took);
        worst(&took, 99)
    }
}
