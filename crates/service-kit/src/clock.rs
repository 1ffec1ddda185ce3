//! The clock that services decide by. A demonstration or a test may set and move it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Clones are hands of one clock: what moves one moves all.
#[derive(Clone)]
pub struct Clock(Arc<Mutex<Hands>>);

#[derive(Clone, Copy, Debug)]
enum Hands {
    /// Runs with the machine's clock, this much ahead of it.
    Running { ahead: SignedDuration },
    /// Stands until it is moved.
    Standing { at: Timestamp },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::with(Hands::Running { ahead: SignedDuration::ZERO })
    }

    /// A clock that shows this time now, and runs on from there.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self::with(Hands::Running { ahead: start.duration_since(machine_time()) })
    }

    /// A clock that stands still unless it is moved.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Self::with(Hands::Standing { at })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Hands::Running { ahead } => saturating_add(machine_time(), ahead),
            Hands::Standing { at } => at,
        }
    }

    /// Moves the clock forwards; a service's time never goes back.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut hands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *hands = match *hands {
            Hands::Running { ahead } => Hands::Running { ahead: ahead.saturating_add(by) },
            Hands::Standing { at } => Hands::Standing { at: saturating_add(at, by) },
        };
    }

    fn with(hands: Hands) -> Self {
        Self(Arc::new(Mutex::new(hands)))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

fn saturating_add(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(by).unwrap_or(end)
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests;
