//! Holds a file that was read back against the log.

use futures::TryStreamExt as _;
use prost_types::Timestamp;

use super::{Archiving, Part};
use crate::archive::{ArchiveError, Opened, Row};
use crate::error::Error;
use crate::queries::Rested;
use crate::views::microseconds;

/// What a file holds, counted in what was read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Extent {
    pub(super) rows: u64,
    /// Where its oldest transfer began.
    pub(super) first_sequence: u64,
    /// Where its newest transfer began.
    pub(super) last_sequence: u64,
    pub(super) first_requested_at: Option<Timestamp>,
    pub(super) last_requested_at: Option<Timestamp>,
}

impl Archiving {
    /// Goes through file and log side by side: each transfer of this part is in the file, once, and just as the log tells it. One
    /// that has gone on meanwhile may be there, as it was.
    pub(super) async fn compare(&self, file: &Opened, part: Part) -> Result<Extent, Error> {
        let mut extent = Extent::default();
        let mut rows = std::pin::pin!(file.rows().await?);
        let mut log = std::pin::pin!(self.rested(part));
        let mut logged = log.try_next().await?;
        while let Some(row) = rows.try_next().await? {
            match logged {
                Some(rested) if rested.sequence > row.sequence => return Err(missing(&rested)),
                Some(rested) if rested.sequence == row.sequence => {
                    if rested.transfer != row.transfer {
                        return Err(differs("is told otherwise", &rested.id));
                    }
                    logged = log.try_next().await?;
                }
                older @ (Some(_) | None) => {
                    if !self.queries.went_on(&row.transfer.id, row.ended_sequence()).await? {
                        return Err(differs("is not in the log", &row.transfer.id));
                    }
                    logged = older;
                }
            }
            extent.add(&row);
        }
        match logged {
            Some(rested) => Err(missing(&rested)),
            None => Ok(extent),
        }
    }
}

impl Extent {
    fn add(&mut self, row: &Row) {
        // The newest comes first, and the oldest last.
        let sequence = row.sequence.unsigned_abs();
        if self.rows == 0 {
            self.last_sequence = sequence;
        }
        self.first_sequence = sequence;
        self.rows += 1;
        let requested_at = row.transfer.requested_at;
        let time = |at: &Option<Timestamp>| at.as_ref().map(microseconds);
        if self.first_requested_at.is_none() || time(&requested_at) < time(&self.first_requested_at)
        {
            self.first_requested_at = requested_at;
        }
        if time(&requested_at) > time(&self.last_requested_at) {
            self.last_requested_at = requested_at;
        }
    }
}

fn missing(rested: &Rested) -> Error {
    differs("is not in the file", &rested.id)
}

fn differs(how: &str, id: &str) -> Error {
    ArchiveError::Differs { what: format!("transfer {id} {how}") }.into()
}
