//! Trying again, ever more slowly, until a deadline.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::time::{Instant, sleep};

/// How long to wait between attempts, and for how long altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt; doubles from there. Up to as much again is added at random, so
    /// that many clients don't come back at once.
    pub delay_first: Duration,
    /// The longest wait, before the random part.
    pub delay_max: Duration,
    /// No attempt begins later than this after the first.
    pub deadline: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            delay_first: Duration::from_millis(50),
            delay_max: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// Repeats the attempt while its error is worth it, and answers the last error if none is left.
    ///
    /// The attempt bounds itself: an attempt that hangs is not cut off here.
    pub async fn retry<T, E>(
        self,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
        worth_repeating: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let mut delays = self.delays();

        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) if !worth_repeating(&error) => return Err(error),
                Err(error) => error,
            };
            match delays.next() {
                Some(delay) if begun.elapsed() + delay <= self.deadline => sleep(delay).await,
                _ => return Err(error),
            }
        }
    }

    /// The waits, without end: for loops of their own shape, such as a connection that is kept up.
    pub fn delays(self) -> impl Iterator<Item = Duration> + Send {
        ExponentialBuilder::new()
            .with_min_delay(self.delay_first)
            .with_max_delay(self.delay_max)
            .with_jitter()
            .without_max_times()
            .build()
    }
}

#[cfg(test)]
mod tests;
