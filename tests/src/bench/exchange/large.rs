//! Rows a second of one long transfer, against `COPY` into a file; and how much memory it takes, which must not grow with it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::ensure;
use tokio::time::Instant;

use super::town::{MANY, Town, generate};
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, in_turns, rate};
use crate::bench::memory::Watch;
use crate::bench::{Setting, psql, say};

const ROWS: u64 = 10_000_000;
const ROWS_QUICK: u64 = 100_000;
/// A run takes half a minute, and chance has little to say in it.
const RUNS_LARGE: u32 = 3;

const COPY: &str = "COPY many TO STDOUT (FORMAT csv, HEADER)";
const COPY_ORDERED: &str = "COPY (SELECT * FROM many ORDER BY code) TO STDOUT (FORMAT csv, HEADER)";
const FETCHED: &str = "fetched.csv";
const COPIED: &str = "copied.csv";

struct Large<'a> {
    town: &'a Town,
    watch: &'a Watch,
    rows: u64,
}

/// Measures with a table that is made for it, and goes afterwards.
pub(super) async fn measure(setting: &Setting, town: &mut Town) -> anyhow::Result<Measured> {
    town.connect(0).await?;
    let town = &*town;
    let url = town.postgres.url();
    let rows = if setting.quick { ROWS_QUICK } else { ROWS };
    say(format_args!("  {rows} rows are generated"));
    generate(&url, "many", rows).await?;

    let watch = Watch::begin();
    town.name(&watch);
    // The table was just written and read: there is nothing to warm up.
    let runs = setting.runs.min(RUNS_LARGE);
    let (values, limits) = in_turns(&mut Large { town, watch: &watch, rows }, runs).await?;
    let memory = watch.peaks();
    let (fetched, copied) = (town.path(FETCHED), town.path(COPIED));
    let bytes = fs::metadata(&fetched)?.len();
    // Each is what stands in the database, which has its rows in the order of their code.
    for file in [&fetched, &copied] {
        psql::compare(&url, COPY_ORDERED, file).await?;
        fs::remove_file(file)?;
    }
    psql::run(&url, &["DROP TABLE many"]).await?;
    Ok(Measured {
        values,
        limits,
        memory,
        counts: BTreeMap::from([("rows", rows), ("bytes", bytes)]),
        versions: psql::versions(&url).await?,
    })
}

impl Contest for Large<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let fetch = self.town.city.fetch(MANY, self.town.path(FETCHED));
        let rows = self.watch.attend(fetch).await?;
        let rate = rate(rows, started);
        ensure!(rows == self.rows, "{rows} rows came, not {}", self.rows);
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        psql::copy(&self.town.postgres.url(), COPY, &self.town.path(COPIED)).await?;
        Ok(rate(self.rows, started))
    }
}
