//! Rung when the bus says that a delivery is due.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A bell with room for the last word alone: whoever hears it looks for all that is new. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Doorbell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    version: Mutex<Option<String>>,
    rung: Notify,
}

impl Doorbell {
    /// The source is in this state now.
    pub fn ring(&self, version: String) {
        *self.0.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        self.0.rung.notify_one();
    }

    /// Waits until it is rung.
    pub async fn rung(&self) {
        self.0.rung.notified().await;
    }

    /// The last word, once.
    #[must_use]
    pub fn take(&self) -> Option<String> {
        self.0.version.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
