//! Waiting before trying again.

use std::time::Duration;

use rand::random_range;

/// Delays that double up to a bound, each with jitter, so that those who failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    delay: Duration,
    max: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, max: Duration) -> Self {
        Self { first, delay: first, max }
    }

    pub(crate) const fn reset(&mut self) {
        self.delay = self.first;
    }

    pub(crate) async fn wait(&mut self) {
        let delay = random_range(self.delay / 2..=self.delay);
        self.delay = self.max.min(self.delay * 2);
        tokio::time::sleep(delay).await;
    }
}
