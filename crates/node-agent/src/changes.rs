//! What has changed at a source since a delivery (R23.1): by a watermark, a column that is greater in rows that changed later, or by
//! PostgreSQL's logical replication, which also sees deletions.
//!
//! What a delivery holds is written down, with the transfer, before anything is sent: so an interrupted transfer reads the same rows
//! again, unless they have changed, and the next delivery begins where this one ended. Where that is never leaves the node.

pub mod cursors;
pub mod watch;

mod replication;
mod statements;
mod watermark;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use publicdata_transfer::push::{Content, Follows};
use serde::{Deserialize, Serialize};

use crate::config::ChangesConfig;
use crate::source::sql::{Dialect, Relation};
use crate::source::{Connector, SourceError};
use cursors::Cursors;
use replication::{Keys, Place};
use watermark::Marks;

pub use replication::decode::Undecodable;
pub use replication::{Replication, ReplicationError};
pub use watermark::Watermark;

/// A database that can be asked, and read in another way than as it was configured.
#[async_trait]
pub trait Database: Send + Sync {
    /// Which statements it understands.
    fn dialect(&self) -> Dialect;

    /// Asks for rows of texts.
    async fn ask(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, SourceError>;

    /// The same database, read by another query.
    fn reading(&self, relation: Relation) -> Arc<dyn Connector>;
}

/// The changes of one dataset.
#[derive(Clone, Debug)]
pub struct Feed {
    way: Way,
    /// The most rows in one delivery, beside those that are read again.
    pub rows_per_delivery: u64,
    /// How often it is looked whether something has changed.
    pub poll: Duration,
}

/// By what changes are seen.
#[derive(Clone, Debug)]
enum Way {
    Watermark(Watermark),
    Replication(Replication),
}

/// What a delivery holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    part: Part,
    /// Whether there were more rows when it was planned.
    more: bool,
    /// The state that the source had before it was planned, as it is named to others.
    pub source_version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    /// A range of rows, in the order of the watermark and then of the dataset's own order.
    Marks(Marks),
    /// All rows, and what changed up to here with them.
    Whole(Place),
    /// The rows whose keys changed.
    Keys(Keys),
}

/// How a delivery is read.
pub struct Rows {
    /// Rows that are new or have changed.
    pub upserts: Arc<dyn Connector>,
    /// Rows that are gone, of which only the key is given; none if that is not seen.
    pub deletions: Option<Arc<dyn Connector>>,
}

/// Why changes cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Rows without a watermark would never be delivered.
    #[error(
        "the source has rows without a value in `{column}`, the watermark of its changes; the provider has to fill it"
    )]
    WatermarkNull {
        /// The column.
        column: String,
    },
    /// The database does not replicate what is needed.
    #[error(
        "the source is not set up to say what has changed; the provider has been told how in its node's log"
    )]
    Replication(#[from] ReplicationError),
    /// A transaction is in the log, and not seen by others yet.
    #[error(
        "a transaction is in the source's log and nobody sees it yet, perhaps since a standby is away; it is tried again"
    )]
    Invisible,
    /// What the replication slot sent is not what its protocol says.
    #[error("the source says in an unknown way what has changed")]
    Undecodable(#[from] Undecodable),
    /// The delivery that the consumer names is not known here.
    #[error(
        "this node does not know where the delivery before ended; begin anew, without `after_transfer_id`"
    )]
    CursorUnknown,
    /// What was delivered cannot be remembered.
    #[error(
        "the provider's node cannot remember what it delivers; its operator finds why in its log"
    )]
    Cursors(#[from] cursors::CursorsError),
}

// === impl Feed ===

impl Feed {
    /// Changes by a watermark.
    #[must_use]
    pub fn by_watermark(watermark: Watermark, config: &ChangesConfig) -> Self {
        Self::new(Way::Watermark(watermark), config)
    }

    /// Changes by logical replication.
    #[must_use]
    pub fn by_replication(replication: Replication, config: &ChangesConfig) -> Self {
        Self::new(Way::Replication(replication), config)
    }

    fn new(way: Way, config: &ChangesConfig) -> Self {
        Self {
            way,
            rows_per_delivery: config.rows_per_delivery.max(1),
            poll: Duration::from_millis(config.poll_ms.max(1)),
        }
    }

    /// What comes after an earlier delivery, or from the first row on.
    pub async fn plan(
        &self,
        cursors: &Cursors,
        before: Option<&Range>,
        rows_max: u64,
    ) -> Result<Range, ChangesError> {
        let (part, more) = match &self.way {
            Way::Watermark(watermark) => {
                let before = before.and_then(Range::marks);
                let (marks, more) =
                    watermark.plan(before, rows_max, self.rows_per_delivery).await?;
                (Part::Marks(marks), more)
            }
            Way::Replication(replication) => {
                let before = before.and_then(Range::place);
                let keys_max = rows_max.min(self.rows_per_delivery);
                replication.plan(cursors, before, keys_max).await?
            }
        };
        Ok(Range { part, more, source_version: String::new() })
    }

    /// The rows of a range.
    pub async fn rows(&self, cursors: &Cursors, range: &Range) -> Result<Rows, ChangesError> {
        match (&self.way, &range.part) {
            (Way::Watermark(watermark), Part::Marks(marks)) => Ok(watermark.rows(marks)),
            (Way::Replication(replication), Part::Whole(_)) => Ok(replication.whole()),
            (Way::Replication(replication), Part::Keys(keys)) => {
                replication.rows(cursors, keys).await
            }
            // It was planned before the configuration was changed.
            (Way::Watermark(_), Part::Whole(_) | Part::Keys(_))
            | (Way::Replication(_), Part::Marks(_)) => Err(ChangesError::CursorUnknown),
        }
    }

    /// What differs whenever something has changed.
    pub async fn state(&self, cursors: &Cursors) -> Result<String, ChangesError> {
        match &self.way {
            Way::Watermark(watermark) => Ok(watermark.state().await?),
            Way::Replication(replication) => Ok(replication.drain(cursors).await?.to_string()),
        }
    }

    /// Fails unless the source can say what has changed.
    pub async fn check(&self) -> Result<(), ChangesError> {
        match &self.way {
            Way::Watermark(_) => Ok(()),
            Way::Replication(replication) => Ok(replication.check().await?),
        }
    }

    /// The columns that are named beside those of the items.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let watermark = match &self.way {
            Way::Watermark(watermark) => Some(watermark.column()),
            Way::Replication(_) => None,
        };
        watermark.into_iter()
    }
}

// === impl Range ===

impl Range {
    /// What is delivered of it.
    #[must_use]
    pub fn content(&self) -> Content {
        match (&self.part, self.more) {
            (Part::Whole(_), _) => Content::Whole,
            (Part::Marks(_) | Part::Keys(_), true) => Content::Changes(Follows::More),
            (Part::Marks(_) | Part::Keys(_), false) => Content::Changes(Follows::Nothing),
        }
    }

    /// A range of a watermark, and whether there were more rows.
    fn marks(&self) -> Option<(&Marks, bool)> {
        match &self.part {
            Part::Marks(marks) => Some((marks, self.more)),
            Part::Whole(_) | Part::Keys(_) => None,
        }
    }

    /// Up to where changes were delivered.
    fn place(&self) -> Option<&Place> {
        match &self.part {
            Part::Marks(_) => None,
            Part::Whole(place) => Some(place),
            Part::Keys(keys) => Some(&keys.until),
        }
    }
}

// === impl ChangesError ===

impl ChangesError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Source(error) => error.reason(),
            Self::WatermarkNull { .. } => "SOURCE_WATERMARK_NULL",
            Self::Replication(_) => "SOURCE_NOT_REPLICATED",
            Self::Invisible => "SOURCE_UNAVAILABLE",
            Self::Undecodable(_) => "SOURCE_BROKEN",
            Self::CursorUnknown => "CURSOR_UNKNOWN",
            Self::Cursors(_) => "NODE_FAILED",
        }
    }
}
