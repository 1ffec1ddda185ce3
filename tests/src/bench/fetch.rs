//! Rows a second from node to node, against `COPY` into a file.
//!
//! Ours: a provider's Postgres, its node, the bus, the consumer's node, its Arrow Flight endpoint, a client that writes CSV;
//! each hop with mutual TLS, sealed, signed for and logged. The limit: `psql` writes the same table as CSV. Both end when the
//! file is there; ours has then been synced to disk as well.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use publicdata_views::testing::{TestPostgres, postgres};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;

use super::city::City;
use super::figure::Measured;
use super::interleave::{Contest, interleaved, rate};
use super::memory::Watch;
use super::{Setting, say};

/// Column names are those of the file's header. Codes are texts: they keep leading zeros.
const TABLE: &str = r#"CREATE TABLE villages (code TEXT PRIMARY KEY, name TEXT NOT NULL, "streetCode" TEXT NOT NULL,
 "provinceCode" TEXT NOT NULL, "cityCode" TEXT NOT NULL, "areaCode" TEXT NOT NULL)"#;
const COPY: &str = "COPY villages TO STDOUT (FORMAT csv, HEADER)";
const COPY_ORDERED: &str =
    "COPY (SELECT * FROM villages ORDER BY code) TO STDOUT (FORMAT csv, HEADER)";

struct Fetch {
    city: City,
    postgres: TestPostgres,
    rows: u64,
    // Dropped after the processes that work in it, as fields are dropped in order.
    folder: TempDir,
}

/// Measures with all rows of the file.
pub(super) async fn measure(setting: &Setting) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    let mut contest = Fetch::prepare(setting).await?;
    watch.name(contest.city.services.process(), "services");
    watch.name(contest.city.provider_node.process(), "provider's node");
    watch.name(contest.city.consumer_node.process(), "consumer's node");

    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    contest.verify().await?;
    let version = psql(&contest.postgres.url(), &["SHOW server_version"]).output().await?;
    let version = String::from_utf8_lossy(&version.stdout);
    let version = version.split_whitespace().next().unwrap_or("unknown").to_owned();
    let versions = BTreeMap::from([("postgres", version)]);
    Ok(Measured { values, limits, memory: watch.peaks(), counts: BTreeMap::new(), versions })
}

impl Fetch {
    async fn prepare(setting: &Setting) -> anyhow::Result<Self> {
        let rows = rows_of(&setting.villages)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&setting.folder)?;
        let postgres = postgres();
        say(format_args!("  {rows} rows go into Postgres, and a city is settled"));
        let copy =
            format!("\\copy villages FROM '{}' (FORMAT csv, HEADER)", setting.villages.display());
        let loaded =
            psql(&postgres.url(), &[TABLE, &copy, "VACUUM ANALYZE villages"]).output().await?;
        ensure!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        let city = City::settle(folder.path(), &postgres.url()).await?;
        Ok(Self { city, postgres, rows, folder })
    }

    /// What was fetched is what stands in the database.
    async fn verify(&self) -> anyhow::Result<()> {
        let expected = self.copy(COPY_ORDERED, "expected.csv").await?;
        let same = fs::read(self.path("fetched.csv"))? == fs::read(expected)?;
        ensure!(same, "what was fetched is not what stands in the database");
        Ok(())
    }

    async fn copy(&self, statement: &str, file: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(file);
        let mut copying = psql(&self.postgres.url(), &[statement]);
        let status = copying.stdout(File::create(&path)?).status().await?;
        ensure!(status.success(), "psql ended with {status}");
        Ok(path)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

impl Contest for Fetch {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let rows = self.city.fetch(self.path("fetched.csv")).await?;
        let rate = rate(rows, started);
        ensure!(rows == self.rows, "{rows} rows came, not {}", self.rows);
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let copied = self.copy(COPY, "copied.csv").await?;
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

fn psql(url: &str, statements: &[&str]) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1"]).arg(url);
    for statement in statements {
        command.arg("--command").arg(statement);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}
