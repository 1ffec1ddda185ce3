//! Requests as many clients make them: so many at once, or each at its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bench::interleave::rate;
use crate::bench::statistics::Samples;

/// What comes first is late while the thread that keeps the time starts.
const HEAD_START: Duration = Duration::from_millis(50);

/// Makes one request, by its number, and checks what is answered.
pub(super) trait Ask: Clone + Send + 'static {
    /// The request.
    fn ask(&self, number: usize) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Makes so many requests, so many at once. How long each took, in milliseconds.
pub(super) async fn side_by_side(
    asker: &impl Ask,
    requests: usize,
    at_once: usize,
) -> anyhow::Result<Vec<f64>> {
    closed(asker, at_once, move |number| number < requests).await
}

/// Makes as many requests as come through in this time, so many at once, and at least those. How many that is a second.
pub(super) async fn highest_rate(
    asker: &impl Ask,
    within: Duration,
    at_once: usize,
) -> anyhow::Result<f64> {
    let started = Instant::now();
    let answered =
        closed(asker, at_once, move |number| number < at_once || started.elapsed() < within)
            .await?;
    Ok(rate(u64::try_from(answered.len())?, started))
}

/// Each of so many tasks makes its next request when the one before it was answered, as long as there is to be one.
async fn closed(
    asker: &impl Ask,
    at_once: usize,
    goes_on: impl Fn(usize) -> bool + Copy + Send + 'static,
) -> anyhow::Result<Vec<f64>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (asker, next) = (asker.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut took = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if !goes_on(number) {
                    return anyhow::Ok(took);
                }
                let started = Instant::now();
                asker.ask(number).await?;
                took.push(milliseconds(started));
            }
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended??);
    }
    Ok(all)
}

/// Makes requests at fixed times, so many a second, whether or not earlier ones were answered. How long each took from when it was due,
/// in milliseconds.
pub(super) async fn at_fixed_times(
    asker: &impl Ask,
    requests: usize,
    a_second: f64,
) -> anyhow::Result<Vec<f64>> {
    let interval = Duration::from_secs_f64(1.0 / a_second);
    let begin = Instant::now() + HEAD_START;
    let (sender, mut due) = mpsc::unbounded_channel();
    // A thread of its own, for the runtime's clock counts whole milliseconds.
    thread::spawn(move || {
        let mut at = begin;
        for number in 0..requests {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send((number, at)).is_err() {
                break;
            }
            at += interval;
        }
    });

    let mut tasks = JoinSet::new();
    while let Some((number, at)) = due.recv().await {
        let asker = asker.clone();
        tasks.spawn(async move {
            asker.ask(number).await?;
            anyhow::Ok(milliseconds(at))
        });
    }
    let mut took = Vec::with_capacity(requests);
    while let Some(ended) = tasks.join_next().await {
        took.push(ended??);
    }
    Ok(took)
}

/// How long requests took, over all turns but the first, which warms up.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    turns: u32,
    took: Vec<f64>,
}

impl Latencies {
    /// Takes note of a turn.
    pub(super) fn turn(&mut self, took: &[f64]) {
        if self.turns > 0 {
            self.took.extend_from_slice(took);
        }
        self.turns += 1;
    }

    /// Microseconds that so many in a hundred do not exceed.
    pub(super) fn microseconds(&self, percent: usize) -> anyhow::Result<u64> {
        let took = worst(&self.took, percent)?;
        Ok(u64::try_from(Duration::from_secs_f64(took / 1e3).as_micros())?)
    }
}

/// What so many in a hundred do not exceed.
pub(super) fn worst(took: &[f64], percent: usize) -> anyhow::Result<f64> {
    let samples = Samples::new(took.to_vec()).context("nothing was asked for")?;
    Ok(samples.percentile(percent))
}

/// Milliseconds since then.
pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests;
