//! Rows a second from node to node, against `COPY` into a file.
//!
//! Ours: a provider's Postgres, its node, the bus, the consumer's node, its Arrow Flight endpoint, a client that writes CSV;
//! each hop with mutual TLS, sealed, signed for and logged. The limit: `psql` writes the same table as CSV. Both end when the
//! file is there; ours has then been synced to disk as well.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use publicdata::commands::grant::Mode;
use publicdata_views::testing::{TestPostgres, postgres};
use tempfile::TempDir;
use tokio::time::Instant;

use super::city::{City, Offer};
use super::figure::Measured;
use super::interleave::{Contest, interleaved, rate};
use super::memory::Watch;
use super::{Setting, psql, say};

/// Column names are those of the file's header. Codes are texts: they keep leading zeros.
const TABLE: &str = r#"CREATE TABLE villages (code TEXT PRIMARY KEY, name TEXT NOT NULL, "streetCode" TEXT NOT NULL,
 "provinceCode" TEXT NOT NULL, "cityCode" TEXT NOT NULL, "areaCode" TEXT NOT NULL)"#;
const COPY: &str = "COPY villages TO STDOUT (FORMAT csv, HEADER)";
const COPY_ORDERED: &str =
    "COPY (SELECT * FROM villages ORDER BY code) TO STDOUT (FORMAT csv, HEADER)";

struct Fetch {
    watch: Watch,
    city: City,
    postgres: TestPostgres,
    rows: u64,
    // Dropped after the processes that work in it, as fields are dropped in order.
    folder: TempDir,
}

/// Measures with all rows of the file.
pub(super) async fn measure(setting: &Setting) -> anyhow::Result<Measured> {
    let mut contest = Fetch::prepare(setting).await?;
    contest.city.name(&contest.watch);

    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    contest.verify().await?;
    let versions = psql::versions(&contest.postgres.url()).await?;
    let memory = contest.watch.peaks();
    Ok(Measured { values, limits, memory, counts: BTreeMap::new(), versions })
}

impl Fetch {
    async fn prepare(setting: &Setting) -> anyhow::Result<Self> {
        let watch = Watch::begin();
        let rows = rows_of(&setting.villages)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&setting.folder)?;
        let postgres = postgres();
        say(format_args!("  {rows} rows go into Postgres, and a city is settled"));
        let copy =
            format!("\\copy villages FROM '{}' (FORMAT csv, HEADER)", setting.villages.display());
        psql::run(&postgres.url(), &[TABLE, &copy, "VACUUM ANALYZE villages"]).await?;
        let offer = Offer::villages(&postgres.url(), "villages", &[Mode::Bulk])?;
        let city = City::settle(folder.path(), &[offer]).await?;
        Ok(Self { watch, city, postgres, rows, folder })
    }

    /// What was fetched is what stands in the database.
    async fn verify(&self) -> anyhow::Result<()> {
        let fetched = self.path("fetched.csv");
        psql::compare(&self.postgres.url(), COPY_ORDERED, &fetched).await
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

impl Contest for Fetch {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let fetch = self.city.fetch(0, self.path("fetched.csv"));
        let rows = self.watch.attend(fetch).await?;
        let rate = rate(rows, started);
        ensure!(rows == self.rows, "{rows} rows came, not {}", self.rows);
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let copied = self.path("copied.csv");
        psql::copy(&self.postgres.url(), COPY, &copied).await?;
        let rate = rate(self.rows, started);
        let rows = rows_of(&copied)?;
        ensure!(rows == self.rows, "{rows} rows were copied, not {}", self.rows);
        Ok(rate)
    }
}

/// How many lines follow the header. No value of these files holds a line break.
fn rows_of(csv: &Path) -> anyhow::Result<u64> {
    let file = File::open(csv).with_context(|| {
        format!(
            "cannot read {}: run `deploy/setup npm-data`, or name a file with --villages",
            csv.display()
        )
    })?;
    let mut lines = 0_u64;
    for line in BufReader::new(file).split(b'\n') {
        line?;
        lines += 1;
    }
    Ok(lines.saturating_sub(1))
}
