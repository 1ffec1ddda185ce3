//! Rows a second in all of transfers side by side, against as many `COPY` side by side into files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::town::{FEW, Town};
use crate::bench::city::fetch;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved, rate};
use crate::bench::memory::Watch;
use crate::bench::{Setting, psql};

const COPY: &str = "COPY (SELECT * FROM few ORDER BY code) TO STDOUT (FORMAT csv, HEADER)";

struct Transfers<'a> {
    town: &'a Town,
    fetched: Vec<PathBuf>,
    copied: Vec<PathBuf>,
}

/// Measures so many.
pub(super) async fn measure(
    setting: &Setting,
    town: &mut Town,
    transfers: usize,
) -> anyhow::Result<Measured> {
    town.connect(0).await?;
    let town = &*town;
    let files = |kind: &str| -> Vec<PathBuf> {
        (1..=transfers).map(|number| town.path(&format!("{kind}-{number}.csv"))).collect()
    };
    let mut contest = Transfers { town, fetched: files("fetched"), copied: files("copied") };
    let watch = Watch::begin();
    town.name(&watch);
    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    let memory = watch.peaks();
    for file in contest.fetched.iter().chain(&contest.copied) {
        psql::compare(&town.postgres.url(), COPY, file).await?;
        fs::remove_file(file)?;
    }
    let versions = psql::versions(&town.postgres.url()).await?;
    Ok(Measured { values, limits, memory, counts: BTreeMap::new(), versions })
}

impl Transfers<'_> {
    fn rows(&self) -> anyhow::Result<u64> {
        Ok(self.town.few * u64::try_from(self.fetched.len())?)
    }
}

impl Contest for Transfers<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let city = &self.town.city;
        let mut transfers = JoinSet::new();
        let started = Instant::now();
        for file in self.fetched.clone() {
            transfers.spawn(fetch(city.consumer.clone(), city.grants[FEW].clone(), file));
        }
        while let Some(ended) = transfers.join_next().await {
            let (rows, expected) = (ended??, self.town.few);
            ensure!(rows == expected, "{rows} rows came, not {expected}");
        }
        Ok(rate(self.rows()?, started))
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let mut copies = JoinSet::new();
        let started = Instant::now();
        for file in self.copied.clone() {
            let url = self.town.postgres.url();
            copies.spawn(async move { psql::copy(&url, COPY, &file).await });
        }
        while let Some(ended) = copies.join_next().await {
            ended??;
        }
        Ok(rate(self.rows()?, started))
    }
}
