//! What has changed at a source since a delivery (R23.1), by a watermark: a column that is greater in rows that changed later.
//!
//! A delivery is a range of rows, in the order of the watermark and then of the dataset's own order. The range is written down, with
//! the transfer, before anything is sent: so an interrupted transfer reads the same rows again, and the next delivery begins where
//! this one ended. Where that is never leaves the node.

pub mod cursors;
pub mod watch;

mod statements;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use publicdata_transfer::push::Follows;
use serde::{Deserialize, Serialize};

use crate::config::ChangesConfig;
use crate::source::sql::{Dialect, Relation};
use crate::source::{Connector, SourceError};
use statements::Statements;

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
#[derive(Clone)]
pub struct Feed {
    database: Arc<dyn Database>,
    statements: Statements,
    /// The most rows in one delivery, beside those that are read again.
    pub rows_per_delivery: u64,
    /// How often it is looked whether something has changed.
    pub poll: Duration,
}

/// A row's place in the order of changes: its watermark and what breaks ties, as literals of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(Vec<String>);

/// The rows of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Where the delivery before ended; none if it begins with the first row.
    after: Option<Position>,
    /// The least watermark that is read again, although it was read before; none if nothing is.
    since: Option<String>,
    /// Where it ends; none if there are no rows at all.
    until: Option<Position>,
    /// Whether there were more rows when it was planned.
    more: bool,
    /// The state that the source had before it was planned, as it is named to others.
    pub source_version: String,
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
    /// The changes of a database's table or query.
    #[must_use]
    pub fn new(database: Arc<dyn Database>, relation: Relation, config: &ChangesConfig) -> Self {
        let dialect = database.dialect();
        Self {
            statements: Statements::new(dialect, relation, config),
            database,
            rows_per_delivery: config.rows_per_delivery.max(1),
            poll: Duration::from_millis(config.poll_ms.max(1)),
        }
    }

    /// The rows after those of an earlier delivery, or from the first one on.
    pub async fn plan(&self, before: Option<&Range>, rows_max: u64) -> Result<Range, ChangesError> {
        let nulls = self.database.ask(&self.statements.find_null()).await?;
        if !nulls.is_empty() {
            return Err(ChangesError::WatermarkNull { column: self.statements.watermark.clone() });
        }
        let after = before.and_then(Range::end).cloned();
        let since = match (&after, before) {
            // Within a run that goes on at once there is nothing late yet.
            (Some(after), Some(before)) if !before.more => {
                let found = self.database.ask(&self.statements.overlap(after)).await?;
                found.into_iter().flatten().next().flatten()
            }
            (Some(_) | None, _) => None,
        };
        let (since, room) = self.room(since, after.as_ref(), rows_max).await?;
        let rows_max = room.min(self.rows_per_delivery).max(1);
        let boundary = self.database.ask(&self.statements.nth(after.as_ref(), rows_max)).await?;
        let more = boundary.len() > 1;
        let until = match boundary.into_iter().next() {
            Some(position) => position_of(position),
            None => {
                let last = self.database.ask(&self.statements.last(after.as_ref())).await?;
                last.into_iter().next().and_then(position_of).or_else(|| after.clone())
            }
        };
        Ok(Range { after, since, until, more, source_version: String::new() })
    }

    /// How many new rows there is room for beside those that are read again. If there is none, the latter are left out: a delivery
    /// that brings nothing new would be followed by the same one for ever.
    async fn room(
        &self,
        since: Option<String>,
        after: Option<&Position>,
        rows_max: u64,
    ) -> Result<(Option<String>, u64), ChangesError> {
        let (Some(mark), Some(end)) = (&since, after) else { return Ok((since, rows_max)) };
        // Without a limit there is always room.
        if rows_max > i64::MAX.unsigned_abs() {
            return Ok((since, rows_max));
        }
        let counted = self.database.ask(&self.statements.again(mark, end, rows_max)).await?;
        let again = counted.into_iter().flatten().next().flatten();
        match again.and_then(|again| again.parse::<u64>().ok()) {
            Some(again) if again < rows_max => Ok((since, rows_max - again)),
            Some(_) | None => Ok((None, rows_max)),
        }
    }

    /// The rows of a range, as a source of their own.
    #[must_use]
    pub fn rows(&self, range: &Range) -> Arc<dyn Connector> {
        self.database.reading(self.statements.within(range))
    }

    /// What differs whenever something has changed.
    pub async fn state(&self) -> Result<String, SourceError> {
        let found = self.database.ask(&self.statements.state()).await?;
        let words = found.into_iter().flatten().map(Option::unwrap_or_default);
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    /// The columns that are named beside those of the items.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.statements.watermark.as_str())
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("statements", &self.statements).finish_non_exhaustive()
    }
}

// === impl Range ===

impl Range {
    /// What comes after it.
    #[must_use]
    pub fn follows(&self) -> Follows {
        match self.more {
            true => Follows::More,
            false => Follows::Nothing,
        }
    }

    fn end(&self) -> Option<&Position> {
        self.until.as_ref().or(self.after.as_ref())
    }
}

/// A row of literals; a null among them has no place in an order.
fn position_of(row: Vec<Option<String>>) -> Option<Position> {
    row.into_iter().collect::<Option<Vec<String>>>().map(Position)
}

// === impl ChangesError ===

impl ChangesError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Source(error) => error.reason(),
            Self::WatermarkNull { .. } => "SOURCE_WATERMARK_NULL",
            Self::CursorUnknown => "CURSOR_UNKNOWN",
            Self::Cursors(_) => "NODE_FAILED",
        }
    }
}
