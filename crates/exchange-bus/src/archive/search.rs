//! Looks for transfers in a file, and reads as little of it as it can.
//!
//! Parts of the file whose statistics or filters say that they hold nothing of it stay unread; of the others, first the columns that
//! are searched by, and the commits of those rows alone that are found.

use std::collections::HashSet;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Datum, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp;
use arrow::compute::{and, or};
use arrow::error::ArrowError;
use futures::{Stream, TryStreamExt as _};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};
use parquet::arrow::async_reader::ParquetRecordBatchStream;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use publicdata_proto::exchange::v1::{LogArchive, TransferStatus};
use publicdata_types::TransferId;
use tokio::fs::File;

use super::layout::{self, Row};
use super::{ArchiveError, Named, Opened};
use crate::error::Error;
use crate::queries::Sought;

/// How many rows are looked at at once.
const BATCH_ROWS: usize = 1_024;

type Builder = ParquetRecordBatchStreamBuilder<File>;

/// Whose transfers a reader may see: those of its own organisation, of the organisations of its region, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    /// All.
    All,
    /// Those that one of these organisations provided or received.
    Of(HashSet<String>),
}

/// What is looked for in a file: all of it must hold.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the caller asked for.
    pub sought: Sought,
    /// One transfer.
    pub id: Option<TransferId>,
    /// Whose transfers.
    pub visible: Visible,
    /// Only those that began before this sequence.
    pub before: i64,
}

// === impl Wanted ===

impl Wanted {
    /// Whatever fits, whosoever it is.
    pub(crate) fn of(sought: Sought) -> Self {
        Self { sought, id: None, visible: Visible::All, before: i64::MAX }
    }

    /// Whether an archive may hold something of it, by what its seal says.
    pub(crate) fn may_be_in(&self, archive: &LogArchive) -> bool {
        let begins = i64::try_from(archive.first_transfer_sequence).unwrap_or(i64::MAX);
        let at = |time: &Option<prost_types::Timestamp>| {
            time.as_ref().map_or(0, crate::views::microseconds)
        };
        begins < self.before
            && self
                .sought
                .from
                .is_none_or(|from| at(&archive.last_requested_at) >= from.as_microsecond())
            && self
                .sought
                .before
                .is_none_or(|before| at(&archive.first_requested_at) < before.as_microsecond())
    }

    /// Columns that have to hold these values.
    fn values(&self) -> Vec<(usize, String)> {
        let sought = &self.sought;
        let id = |id: Option<String>| id.unwrap_or_default();
        let status = match sought.status {
            TransferStatus::Unspecified => String::new(),
            status @ (TransferStatus::Running
            | TransferStatus::Refused
            | TransferStatus::Interrupted
            | TransferStatus::Stopped
            | TransferStatus::Completed) => layout::status(status).to_owned(),
        };
        [
            (layout::ID_COLUMN, id(self.id.map(|id| id.to_string()))),
            (layout::STATUS, status),
            (layout::GRANT, id(sought.grant.map(|id| id.to_string()))),
            (layout::RESOURCE, sought.resource_code.clone()),
            (layout::PROVIDER, sought.provider.clone()),
            (layout::CONSUMER, sought.consumer.clone()),
            (layout::CASE, sought.case_number.clone()),
            (layout::SUBJECT, sought.subject_reference.clone()),
            (layout::REASON, sought.reason.clone()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
    }

    /// Which rows are looked for.
    fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = |place: usize| batch.column(place);
        // What may still go on stays in the near log, and is read there as it is now.
        let settled = or(
            &cmp::eq(column(layout::STATUS), &text(layout::status(TransferStatus::Refused)))?,
            &cmp::eq(column(layout::STATUS), &text(layout::status(TransferStatus::Completed)))?,
        )?;
        let mut found = and(&settled, &cmp::lt(column(layout::SEQUENCE), &number(self.before))?)?;
        for (place, value) in self.values() {
            found = and(&found, &cmp::eq(column(place), &text(&value))?)?;
        }
        if !self.sought.purpose.is_empty() {
            let pattern = text(&self.sought.purpose);
            let contained = arrow::compute::contains(column(layout::PURPOSE), &pattern)?;
            found = and(&found, &contained)?;
        }
        if let Some(from) = self.sought.from {
            found = and(&found, &cmp::gt_eq(column(layout::REQUESTED_AT), &moment(from))?)?;
        }
        if let Some(before) = self.sought.before {
            found = and(&found, &cmp::lt(column(layout::REQUESTED_AT), &moment(before))?)?;
        }
        match &self.visible {
            Visible::All => Ok(found),
            Visible::Of(organisations) => {
                let is_party = |place: usize| {
                    let codes = column(place).as_string::<i32>().iter();
                    let seen = codes.map(|code| code.map(|code| organisations.contains(code)));
                    seen.collect::<BooleanArray>()
                };
                and(&found, &or(&is_party(layout::PROVIDER), &is_party(layout::CONSUMER))?)
            }
        }
    }
}

// === impl Opened ===

impl Opened {
    /// What is looked for, the newest first, and no more than `most`.
    pub(crate) async fn find(
        &self,
        archive: &LogArchive,
        wanted: &Wanted,
        most: usize,
    ) -> Result<Vec<Row>, Error> {
        let columns = ["sequence", "id", layout::COMMITS];
        let batches = self.batches(archive, wanted, &columns, Some(most)).await?;
        let mut batches = std::pin::pin!(batches);
        let mut found = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            found.extend(layout::rows(&batch).map_err(unreadable(archive)?)?);
        }
        self.check_unchanged(archive).await?;
        Ok(found)
    }

    /// Makes sure that what was read since came from the file that was verified.
    pub(crate) async fn check_unchanged(&self, archive: &LogArchive) -> Result<(), Error> {
        self.is_unchanged().await.map_err(unreadable(archive)?)
    }

    /// Columns of what is looked for, the newest first. Whoever has read them calls [`check_unchanged`](Self::check_unchanged).
    pub(crate) async fn batches(
        &self,
        archive: &LogArchive,
        wanted: &Wanted,
        columns: &[&str],
        most: Option<usize>,
    ) -> Result<impl Stream<Item = Result<RecordBatch, Error>> + use<>, Error> {
        let batches = self.try_batches(wanted, columns, most).await;
        let batches = batches.map_err(unreadable(archive)?)?;
        let named = Named::of(archive)?;
        Ok(batches.map_err(move |error| {
            let archive = Box::new(named.clone());
            ArchiveError::Unreadable { archive, source: error.into() }.into()
        }))
    }

    async fn try_batches(
        &self,
        wanted: &Wanted,
        columns: &[&str],
        most: Option<usize>,
    ) -> Result<ParquetRecordBatchStream<File>, ParquetError> {
        let mut builder = Builder::new_with_metadata(self.file().await?, self.metadata.clone());
        let parts = parts(&mut builder, wanted).await?;
        let schema = builder.parquet_schema();
        let searched = ProjectionMask::roots(schema, 0..layout::SEARCHED);
        let given = ProjectionMask::columns(schema, columns.iter().copied());
        let wanted = wanted.clone();
        let filter = ArrowPredicateFn::new(searched, move |batch| wanted.matches(&batch));
        let builder = builder
            .with_row_groups(parts)
            .with_row_filter(RowFilter::new(vec![Box::new(filter)]))
            .with_projection(given)
            .with_batch_size(BATCH_ROWS);
        match most {
            Some(most) => builder.with_limit(most).build(),
            None => builder.build(),
        }
    }
}

/// The parts of a file that may hold what is looked for, by what the file says of them.
async fn parts(builder: &mut Builder, wanted: &Wanted) -> Result<Vec<usize>, ParquetError> {
    let values = wanted.values();
    let mut parts = Vec::new();
    for part in spans(builder, wanted)? {
        let mut may_hold = true;
        for (place, value) in &values {
            // Columns of plain values come first, so that a column's place is that of its values.
            let filter = builder.get_row_group_column_bloom_filter(part, *place).await?;
            if filter.is_some_and(|filter| !filter.check(value.as_str())) {
                may_hold = false;
                break;
            }
        }
        if may_hold {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// The parts whose spans of sequences and of time touch what is looked for.
fn spans(builder: &Builder, wanted: &Wanted) -> Result<Vec<usize>, ParquetError> {
    let metadata = builder.metadata();
    let groups = metadata.row_groups();
    let span = |name: &str| -> Result<(ArrayRef, ArrayRef), ParquetError> {
        let schema = metadata.file_metadata().schema_descr();
        let converter = StatisticsConverter::try_new(name, builder.schema(), schema)?;
        Ok((converter.row_group_mins(groups)?, converter.row_group_maxes(groups)?))
    };
    let (first, _) = span("sequence")?;
    let (requested_first, requested_last) = span("requested_at")?;
    let mut may_hold = cmp::lt(&first, &number(wanted.before))?;
    if let Some(from) = wanted.sought.from {
        may_hold = and(&may_hold, &cmp::gt_eq(&requested_last, &moment(from))?)?;
    }
    if let Some(before) = wanted.sought.before {
        may_hold = and(&may_hold, &cmp::lt(&requested_first, &moment(before))?)?;
    }
    // A part of which nothing is known may hold anything.
    let may_hold = may_hold.iter().map(|known| known.unwrap_or(true));
    Ok(may_hold.enumerate().filter_map(|(part, may_hold)| may_hold.then_some(part)).collect())
}

/// For `map_err`: a file that was sealed and cannot be read.
fn unreadable<E: Into<publicdata_event_store::BoxError>>(
    archive: &LogArchive,
) -> Result<impl FnOnce(E) -> Error, Error> {
    let archive = Box::new(Named::of(archive)?);
    Ok(move |source: E| ArchiveError::Unreadable { archive, source: source.into() }.into())
}

fn text(value: &str) -> impl Datum {
    StringArray::new_scalar(value)
}

fn number(value: i64) -> impl Datum {
    Int64Array::new_scalar(value)
}

fn moment(at: jiff::Timestamp) -> impl Datum {
    let value = TimestampMicrosecondArray::from(vec![at.as_microsecond()]).with_timezone("UTC");
    arrow::array::Scalar::new(value)
}
