//! How far a verification is.

use std::fmt;
use std::sync::Arc;

/// How many events are read between two times that somebody is told.
const TOLD_EVERY: u64 = 1_024;

/// Is told how many events were read, and how many there are.
#[derive(Clone, Default)]
pub struct Watcher(Option<Arc<dyn Fn(u64, u64) + Send + Sync>>);

impl Watcher {
    /// Calls this, now and then.
    pub fn new(told: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(super) fn tell(&self, read: u64, all: u64) {
        if let Some(told) = &self.0
            && (read.is_multiple_of(TOLD_EVERY) || read == all)
        {
            told(read, all);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watcher").field(&self.0.is_some()).finish()
    }
}
