//! The steps of taking a delivery, each of which may be the last one before a crash.

use std::fmt;
use std::sync::Arc;

use super::SinkError;

/// What has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sink is ready to take rows.
    Ready,
    /// Some rows were taken.
    Rows,
    /// All rows are where the sink keeps what it has not committed.
    Written,
    /// The note was written, not committed.
    Noted,
    /// The rows were put in their place, not committed.
    Applied,
    /// Rows and note are visible.
    Committed,
    /// That the receipt was handed in was written down.
    Confirmed,
}

/// Hears of each step; what it answers ends the taking there, as a crash would.
#[derive(Clone)]
pub struct Steps(Arc<dyn Fn(Step) -> Result<(), SinkError> + Send + Sync>);

impl Step {
    /// Every step.
    pub const ALL: [Self; 7] = [
        Self::Ready,
        Self::Rows,
        Self::Written,
        Self::Noted,
        Self::Applied,
        Self::Committed,
        Self::Confirmed,
    ];
}

impl Steps {
    /// Hears of steps.
    #[must_use]
    pub fn new(hear: impl Fn(Step) -> Result<(), SinkError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(super) fn reach(&self, step: Step) -> Result<(), SinkError> {
        (self.0)(step)
    }
}

impl Default for Steps {
    /// Notes each step for whoever traces them.
    fn default() -> Self {
        Self::new(|step| {
            tracing::trace!(?step, "sink");
            Ok(())
        })
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Steps")
    }
}
