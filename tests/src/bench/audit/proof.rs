//! The time of a proof of inclusion at its 99th percentile, against SQLite.
//!
//! Ours: a call by an auditor, who checks the proof that comes. The limit: in this process, one connection of SQLite looks up the rows that
//! such a proof is made of, in the same file. A bare server would show what gRPC and TLS cost, which are the same whatever is asked;
//! what grows with the log are the rows that are looked up, so this is the limit of what a proof of a large log may cost.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use publicdata_audit::client::{LogClient, Which};
use publicdata_audit_domain::Verifier;
use publicdata_audit_domain::proof::inclusion_needs;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use tokio::time::Instant;

use super::archive::Archive;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved};
use crate::bench::memory::Watch;
use crate::bench::statistics::Samples;

/// So that the 99th percentile is more than the slowest of all.
const PROOFS: usize = 5_000;
const PROOFS_QUICK: usize = 200;
/// Each run asks for other events, and each is the same again in another bench.
const SEED: u64 = 20_260_104;

struct Proving {
    auditor: LogClient,
    verifier: Verifier,
    sqlite: SqliteConnection,
    leaves: u64,
    proofs: usize,
    draw: StdRng,
    rows: u64,
}

/// Measures one proof after the other.
pub(super) async fn measure(
    archive: &mut Archive,
    runs: u32,
    quick: bool,
) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    archive.answering(&watch).await?;
    let options = SqliteConnectOptions::new().filename(archive.database()).read_only(true);
    let mut contest = Proving {
        auditor: archive.auditor()?,
        verifier: archive.verifier()?,
        sqlite: SqliteConnection::connect_with(&options).await?,
        leaves: archive.leaves(),
        proofs: if quick { PROOFS_QUICK } else { PROOFS },
        draw: StdRng::seed_from_u64(SEED),
        rows: 0,
    };
    let (values, limits) = interleaved(&mut contest, runs).await?;
    contest.sqlite.close().await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([
            ("leaves", contest.leaves),
            ("proofs in a run", u64::try_from(contest.proofs)?),
            ("rows of a proof at most", contest.rows),
        ]),
        versions: archive.server.versions(),
    })
}

impl Contest for Proving {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let mut took = Vec::with_capacity(self.proofs);
        for _ in 0..self.proofs {
            let index = self.draw.random_range(0..self.leaves);
            let started = Instant::now();
            let proof = self.auditor.prove(&self.verifier, Which::Index(index)).await?;
            took.push(started.elapsed().as_secs_f64() * 1e3);
            ensure!(proof.index == index, "another event was proven");
        }
        worst(took)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let mut took = Vec::with_capacity(self.proofs);
        for _ in 0..self.proofs {
            let index = self.draw.random_range(0..self.leaves);
            let started = Instant::now();
            let rows = self.look_up(index).await?;
            took.push(started.elapsed().as_secs_f64() * 1e3);
            self.rows = self.rows.max(rows);
        }
        worst(took)
    }
}

impl Proving {
    /// The newest checkpoint, the leaf, and the hashes from it up to the root.
    async fn look_up(&mut self, index: u64) -> anyhow::Result<u64> {
        let checkpoint = sqlx::query("SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1")
            .fetch_one(&mut self.sqlite)
            .await?;
        let leaf = sqlx::query("SELECT leaf FROM log_leaf WHERE leaf_index = ?1")
            .bind(i64::try_from(index)?)
            .fetch_one(&mut self.sqlite)
            .await?;
        let needs = inclusion_needs(self.leaves, index)?;
        let places = vec!["?"; needs.len()].join(", ");
        let select = format!("SELECT hash FROM log_hash WHERE hash_index IN ({places})");
        let mut hashes = sqlx::query(AssertSqlSafe(select));
        for need in &needs {
            hashes = hashes.bind(i64::try_from(*need)?);
        }
        let hashes = hashes.fetch_all(&mut self.sqlite).await?;
        ensure!(hashes.len() == needs.len(), "a hash of the log is missing");
        for row in hashes.iter().chain([&checkpoint, &leaf]) {
            let _: &str = row.try_get(0)?;
        }
        Ok(u64::try_from(needs.len())? + 2)
    }
}

/// Milliseconds at the 99th percentile.
fn worst(took: Vec<f64>) -> anyhow::Result<f64> {
    Ok(Samples::new(took).context("something was proven")?.percentile(99))
}
