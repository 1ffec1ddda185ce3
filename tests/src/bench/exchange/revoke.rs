//! How long rows still come after a grant was revoked (R26.2), against how long it takes until the revocation is acknowledged.
//!
//! Both are counted from the provider's call. A transfer of a million rows is under way: its stream has to end with a refusal.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, bail, ensure};
use publicdata::commands::grant::Mode;
use publicdata::commands::{answer, fetch};
use publicdata::session::new_command_id;
use publicdata_proto::exchange::v1::RevokeGrantRequest;
use publicdata_service_kit::Problem;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::load::milliseconds;
use super::town::{MANY, Town, generate};
use crate::bench::city::{Offer, fetching};
use crate::bench::figure::Measured;
use crate::bench::memory::Watch;
use crate::bench::statistics::Samples;
use crate::bench::{Setting, psql, say};

const ROWS: u64 = 1_000_000;
/// So many revocations make a run.
const IN_A_RUN: u32 = 4;
const REASON: &str = "GRANT_REVOKED";

/// Measures with a table that is made for it, and goes afterwards.
pub(super) async fn measure(setting: &Setting, town: &mut Town) -> anyhow::Result<Measured> {
    town.connect(0).await?;
    let town = &*town;
    let url = town.postgres.url();
    say(format_args!("  {ROWS} rows are generated"));
    generate(&url, "many", ROWS).await?;
    let offer = Offer::villages(&url, "many", &[Mode::Bulk])?;

    let watch = Watch::begin();
    town.name(&watch);
    // The first one warms up.
    revoke(town, &offer).await?;
    let (mut ended, mut answered) = (Vec::new(), Vec::new());
    for number in 1..=setting.runs * IN_A_RUN {
        let (until_end, until_answer) = revoke(town, &offer).await?;
        say(format_args!(
            "  revocation {number}: {until_end:.0} ms, answered in {until_answer:.0}"
        ));
        ended.push(until_end);
        answered.push(until_answer);
    }
    let memory = watch.peaks();
    psql::run(&url, &["DROP TABLE many"]).await?;
    Ok(Measured {
        values: Samples::new(ended).context("there were no runs")?,
        limits: Samples::new(answered).context("there were no runs")?,
        memory,
        counts: BTreeMap::from([("transfers stopped", u64::from(setting.runs * IN_A_RUN))]),
        versions: psql::versions(&url).await?,
    })
}

/// Revokes a grant while rows come under it; milliseconds until they end, and until the call is answered.
async fn revoke(town: &Town, offer: &Offer) -> anyhow::Result<(f64, f64)> {
    let city = &town.city;
    let grant = city.grant(MANY, offer).await?;
    let target = town.path("revoked.csv");
    let (came, has_come) = oneshot::channel();
    let mut came = Some(came);
    let first = move |_| {
        if let Some(came) = came.take() {
            // Whoever waits for it has gone only if revoking failed.
            let _ = came.send(());
        }
    };
    let rows = async {
        let fetched = fetch::fetch(&city.consumer, fetching(grant.clone(), target.clone()), first);
        (fetched.await, Instant::now())
    };
    let revoked = async {
        has_come.await.context("no rows came")?;
        let request = RevokeGrantRequest {
            command_id: new_command_id(),
            grant_id: grant.clone(),
            reason: "用途核查".to_owned(),
        };
        let called = Instant::now();
        let done = answer(city.provider.grants()?.revoke_grant(request).await)?;
        let took = milliseconds(called);
        ensure!(done.stopped_transfers == 1, "{} transfers were stopped", done.stopped_transfers);
        Ok((called, took))
    };
    let ((fetched, ended), revoked) = tokio::join!(rows, revoked);
    let (called, until_answer) = revoked?;
    match fetched {
        Ok(report) => bail!("all {} rows came under a grant that was revoked", report.rows),
        Err(error) => {
            let problem = error.downcast_ref::<Problem>();
            if problem.is_none_or(|problem| problem.reason != REASON) {
                return Err(error);
            }
        }
    }
    ensure!(!fs::exists(&target)?, "a file was left");
    Ok((ended.duration_since(called).as_secs_f64() * 1e3, until_answer))
}
