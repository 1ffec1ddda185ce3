//! How far an index has come, for whoever waits.

use std::future::pending;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long events wait for more of them before they are committed, if nobody waits for them: each commit makes segments, which
/// must be merged later.
const COMMIT_AFTER: Duration = Duration::from_secs(1);
/// The same while somebody waits for what may be among them.
const COMMIT_WANTED_AFTER: Duration = Duration::from_millis(50);

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

/// Ends when what was applied and is not committed must be: because somebody waits for it, or because it waited long enough.
pub(super) async fn due(
    wanted: &mut watch::Receiver<u64>,
    uncommitted: Range<u64>,
    since: Option<Instant>,
) {
    let Some(since) = since else { return pending().await };
    let is_wanted = |wanted: &u64| uncommitted.start < *wanted && *wanted <= uncommitted.end;
    let mut also = wanted.clone();
    let start = uncommitted.start;
    // Whoever wants less than the last one does not wait for as much.
    let is_behind = async {
        let _ = also.wait_for(|wanted| *wanted > start).await;
        tokio::time::sleep(COMMIT_WANTED_AFTER).await;
    };
    tokio::select! {
        // Whoever can want something lives as long as the index.
        _ = wanted.wait_for(is_wanted) => {}
        () = is_behind => {}
        () = tokio::time::sleep_until(since + COMMIT_AFTER) => {}
    }
}
