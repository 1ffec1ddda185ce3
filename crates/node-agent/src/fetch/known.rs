//! What the bus said before, so that a question takes two calls to it rather than four.
//!
//! Nothing here decides: a grant that ended meanwhile is refused when it is used, and what was sealed to a node that was restarted
//! cannot be opened. Signatures are checked whenever what is kept is used.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::ServingNode;

const GRANTS_MAX: u64 = 1_000;
/// For how long it is kept.
const KEPT: Duration = Duration::from_secs(300);

/// By grant. Clones share it.
#[derive(Clone)]
pub(super) struct Known {
    /// The terms, as they were signed: those of one grant never change.
    pub(super) terms: Cache<String, SignedMessage>,
    /// Who answers questions.
    pub(super) serving: Cache<String, Arc<[ServingNode]>>,
}

impl Default for Known {
    fn default() -> Self {
        Self { terms: cache(), serving: cache() }
    }
}

fn cache<V: Clone + Send + Sync + 'static>() -> Cache<String, V> {
    Cache::builder().max_capacity(GRANTS_MAX).time_to_live(KEPT).build()
}
