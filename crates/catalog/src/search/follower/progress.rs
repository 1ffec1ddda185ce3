//! How far an index has come, for whoever waits.

use std::sync::Arc;

use jiff::Timestamp;

/// How far the building of an index has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Building {
    /// The position in the stream that it holds.
    pub sequence: u64,
    /// The last position in the stream.
    pub last_sequence: u64,
}

/// What is told while an index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is under way.
    Building(Building),
    /// It answers.
    Built {
        /// The position in the stream that it holds.
        sequence: u64,
    },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The position that searches find everything up to; none if there is no index to search.
    pub(super) serving: Option<u64>,
    pub(super) building: Option<Building>,
    /// How often a new index was put up.
    pub(super) builds: u64,
    /// Why the last building came to nothing.
    pub(super) unbuilt: Option<Arc<str>>,
    pub(super) committed_at: Option<Timestamp>,
    /// Why it is not written for now.
    pub(super) trouble: Option<Arc<str>>,
    /// Why it is not written any more.
    pub(super) failure: Option<Arc<str>>,
}

impl Progress {
    pub(super) fn serves(&self, sequence: u64) -> bool {
        self.serving.is_some_and(|position| position >= sequence)
    }
}
