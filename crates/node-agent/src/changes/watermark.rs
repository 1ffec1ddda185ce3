//! Changes by a watermark: a column that is greater in rows that changed later.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::statements::Statements;
use super::{ChangesError, Database, Rows};
use crate::source::SourceError;
use crate::source::sql::Relation;

/// A table or query with a watermark.
#[derive(Clone)]
pub struct Watermark {
    database: Arc<dyn Database>,
    statements: Statements,
}

/// A row's place in the order of changes: its watermark and what breaks ties, as literals of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position(pub(super) Vec<String>);

/// The rows of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// Where the delivery before ended; none if it begins with the first row.
    pub(super) after: Option<Position>,
    /// The least watermark that is read again, although it was read before; none if nothing is.
    pub(super) since: Option<String>,
    /// Where it ends; none if there are no rows at all.
    pub(super) until: Option<Position>,
}

impl Watermark {
    /// The watermark of a database's table or query, and how many seconds before the newest one rows are read again.
    #[must_use]
    pub fn new(
        database: Arc<dyn Database>,
        relation: Relation,
        (column, overlap_s): (&str, u64),
    ) -> Self {
        let statements =
            Statements::new(database.dialect(), relation, (column.to_owned(), overlap_s));
        Self { database, statements }
    }

    /// The rows after those of an earlier delivery, of which there may have been more, or from the first one on; and whether there
    /// are more.
    pub(super) async fn plan(
        &self,
        before: Option<(&Marks, bool)>,
        rows_max: u64,
        rows_per_delivery: u64,
    ) -> Result<(Marks, bool), ChangesError> {
        let nulls = self.database.ask(&self.statements.find_null()).await?;
        if !nulls.is_empty() {
            return Err(ChangesError::WatermarkNull { column: self.statements.watermark.clone() });
        }
        let after = before.and_then(|(marks, _)| marks.end()).cloned();
        let since = match (&after, before) {
            // Within a run that goes on at once there is nothing late yet.
            (Some(after), Some((_, false))) => {
                let found = self.database.ask(&self.statements.overlap(after)).await?;
                found.into_iter().flatten().next().flatten()
            }
            (Some(_) | None, _) => None,
        };
        let (since, room) = self.room(since, after.as_ref(), rows_max).await?;
        let rows_max = room.min(rows_per_delivery).max(1);
        let boundary = self.database.ask(&self.statements.nth(after.as_ref(), rows_max)).await?;
        let more = boundary.len() > 1;
        let until = match boundary.into_iter().next() {
            Some(position) => position_of(position),
            None => {
                let last = self.database.ask(&self.statements.last(after.as_ref())).await?;
                last.into_iter().next().and_then(position_of).or_else(|| after.clone())
            }
        };
        Ok((Marks { after, since, until }, more))
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

    pub(super) fn rows(&self, marks: &Marks) -> Rows {
        let upserts = self.database.reading(self.statements.within(marks));
        Rows { upserts, deletions: None }
    }

    /// What differs whenever something has changed.
    pub(super) async fn state(&self) -> Result<String, SourceError> {
        let found = self.database.ask(&self.statements.state()).await?;
        let words = found.into_iter().flatten().map(Option::unwrap_or_default);
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    pub(super) fn column(&self) -> &str {
        &self.statements.watermark
    }
}

impl Marks {
    fn end(&self) -> Option<&Position> {
        self.until.as_ref().or(self.after.as_ref())
    }
}

impl fmt::Debug for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watermark").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// A row of literals; a null among them has no place in an order.
fn position_of(row: Vec<Option<String>>) -> Option<Position> {
    row.into_iter().collect::<Option<Vec<String>>>().map(Position)
}
