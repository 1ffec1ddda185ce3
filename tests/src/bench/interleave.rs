//! What is measured and what it is held against take turns, so that both meet the same machine.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::say;
use super::statistics::Samples;

/// Two ways to do the same amount of work. One run of either takes a second or so.
pub(super) trait Contest {
    /// Does the work as the platform does it; answers how much of it a second.
    async fn ours(&mut self) -> anyhow::Result<f64>;

    /// Does the work as the parts below do it.
    async fn limit(&mut self) -> anyhow::Result<f64>;
}

/// Runs both in turns, and changes who begins. The first turn of each only warms up.
pub(super) async fn interleaved(
    contest: &mut impl Contest,
    runs: u32,
) -> anyhow::Result<(Samples, Samples)> {
    contest.ours().await?;
    contest.limit().await?;
    in_turns(contest, runs).await
}

/// Runs both in turns where there is nothing to warm up.
pub(super) async fn in_turns(
    contest: &mut impl Contest,
    runs: u32,
) -> anyhow::Result<(Samples, Samples)> {
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        if run % 2 == 0 {
            limits.push(contest.limit().await?);
            values.push(contest.ours().await?);
        } else {
            values.push(contest.ours().await?);
            limits.push(contest.limit().await?);
        }
        let last = values.last().zip(limits.last()).context("both ran")?;
        say(format_args!("  run {run} of {runs}: {:.0} against {:.0}", last.0, last.1));
    }
    let values = Samples::new(values).context("there were no runs")?;
    let limits = Samples::new(limits).context("there were no runs")?;
    Ok((values, limits))
}

/// How many a second, since `started`.
pub(super) fn rate(count: u64, started: Instant) -> f64 {
    per_second(count, started.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn per_second(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

#[cfg(test)]
mod tests;
