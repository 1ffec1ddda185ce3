//! What can be wrong with a log.

use publicdata_audit_domain::checkpoint::Doubt;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// One thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The newest checkpoint does not count.
    #[error("the newest checkpoint does not count: {0}")]
    Checkpoint(Doubt),
    /// The older checkpoint does not count.
    #[error("the checkpoint from before does not count: {0}")]
    OldCheckpoint(Doubt),
    /// A witness has not signed the checkpoint.
    #[error("witness {witness} has not cosigned the checkpoint")]
    NotCosigned {
        /// Its name.
        witness: String,
    },
    /// What stands under a witness's name is not its signature.
    #[error("a witness's cosignature does not count: {0}")]
    Cosignature(Doubt),
    /// A bundle of entries can't be read.
    #[error("{path} is no bundle of {entries} entries: it was cut short, or tampered with")]
    Bundle {
        /// Which.
        path: String,
        /// How many it should have.
        entries: u64,
    },
    /// A tile's hashes are not those of the entries.
    #[error(
        "{path} does not have the hashes of the log's entries; the first that differs is number {at}"
    )]
    Tile {
        /// Which.
        path: String,
        /// The hash, counted from the tile's first, 0.
        at: usize,
    },
    /// The service found it while reading.
    #[error("{0}")]
    Event(String),
    /// A payload is not the one that was logged.
    #[error(
        "event {sequence} of stream {stream} (leaf {index}) does not have the payload that was logged: it was rewritten"
    )]
    Payload {
        /// The place in the log.
        index: u64,
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
    },
    /// An event is in the log twice, or out of order.
    #[error("event {sequence} of stream {stream} (leaf {index}) is in the log twice, or late")]
    Repeated {
        /// The place in the log.
        index: u64,
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
    },
    /// An event is not in the log though a later one is.
    #[error(
        "stream {stream} lacks event {expected} in the log: leaf {index} is its event {sequence}"
    )]
    Skipped {
        /// The place in the log.
        index: u64,
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The place that should have come.
        expected: u64,
    },
    /// A leaf is no leaf.
    #[error("leaf {index} of the log is malformed")]
    MalformedLeaf {
        /// The place in the log.
        index: u64,
    },
    /// Leaves came in another order.
    #[error("leaf {found} came where leaf {expected} should have")]
    Order {
        /// The place that should have come.
        expected: u64,
        /// The place that came.
        found: u64,
    },
    /// The log has fewer events than were signed.
    #[error("the signed tree has {size} leaves, but the log ends after {replayed}")]
    Short {
        /// The signed tree's size.
        size: u64,
        /// How many there are.
        replayed: u64,
    },
    /// The leaves are not those that were signed.
    #[error(
        "the log's {size} leaves do not have the root that was signed{}",
        first.map(|index| format!("; leaf {index} is the first that can't be proven")).unwrap_or_default()
    )]
    OtherRoot {
        /// The signed tree's size.
        size: u64,
        /// The first leaf that is not in the signed tree.
        first: Option<u64>,
    },
    /// A proof of inclusion fails.
    #[error("leaf {index} is not proven to be in the signed tree of {size} leaves")]
    Inclusion {
        /// The place in the log.
        index: u64,
        /// The signed tree's size.
        size: u64,
    },
    /// The log does not continue what it was.
    #[error(
        "the log of {new_size} leaves does not continue the one of {old_size} that was signed before: history was changed"
    )]
    Consistency {
        /// The older tree's size.
        old_size: u64,
        /// The newer tree's size.
        new_size: u64,
    },
    /// The log of a stream has stopped.
    #[error("{finding}")]
    Stopped {
        /// Why.
        finding: String,
    },
    /// Events are not logged yet.
    #[error("stream {stream} has {last} events, but only {logged} are in the log")]
    Behind {
        /// The stream.
        stream: String,
        /// The last one in the log.
        logged: u64,
        /// The last one in the stream.
        last: u64,
    },
}

impl Finding {
    /// The stable code that programs may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "CHECKPOINT_DOUBTFUL",
            Self::OldCheckpoint(_) => "OLD_CHECKPOINT_DOUBTFUL",
            Self::NotCosigned { .. } => "COSIGNATURE_MISSING",
            Self::Cosignature(_) => "COSIGNATURE_DOUBTFUL",
            Self::Bundle { .. } => "BUNDLE_MALFORMED",
            Self::Tile { .. } => "TILE_DIFFERS",
            Self::Event(_) => "EVENT_NOT_AS_LOGGED",
            Self::Payload { .. } => "PAYLOAD_REWRITTEN",
            Self::Repeated { .. } => "EVENT_REPEATED",
            Self::Skipped { .. } => "EVENT_SKIPPED",
            Self::MalformedLeaf { .. } => "LEAF_MALFORMED",
            Self::Order { .. } => "LEAVES_OUT_OF_ORDER",
            Self::Short { .. } => "LOG_CUT_SHORT",
            Self::OtherRoot { .. } => "ROOT_DIFFERS",
            Self::Inclusion { .. } => "INCLUSION_NOT_PROVEN",
            Self::Consistency { .. } => "HISTORY_CHANGED",
            Self::Stopped { .. } => "STREAM_STOPPED",
            Self::Behind { .. } => "STREAM_BEHIND",
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 2)?;
        finding.serialize_field("reason", self.reason())?;
        finding.serialize_field("message", &self.to_string())?;
        finding.end()
    }
}
