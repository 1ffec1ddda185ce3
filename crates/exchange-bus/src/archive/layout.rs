//! How a file is laid out: one row for each transfer, the newest first.
//!
//! The columns before `commits` are for whoever looks for something; what a transfer was is told from its commits, as everywhere.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Fields, Int64Type, Schema, SchemaRef, TimeUnit, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use bytes::Bytes;
use prost::{Message as _, Name as _};
use publicdata_event_store::{BoxError, Recorded};
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::{
    ProofKind, Transfer, TransferRequested, TransferResumed, TransferStatus,
};

use crate::views::log::Context;
use crate::views::{microseconds, transfers};

/// The version of this layout, as seals name it.
pub const LAYOUT: u32 = 1;

/// A transfer with the commits that tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The sequence of its first commit: what the log is listed by.
    pub sequence: i64,
    /// The entry of the log that its commits make.
    pub transfer: Transfer,
    /// Its commits, the oldest first.
    pub commits: Vec<Stored>,
}

/// A commit as it is stored in the stream EXCHANGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the stream.
    pub sequence: i64,
    /// When the store received it, in nanoseconds since the epoch.
    pub recorded_at: i64,
    /// The stored bytes.
    pub commit: Bytes,
}

/// What is searched by: where the columns stand.
pub(super) const SEQUENCE: usize = 0;
pub(super) const ID_COLUMN: usize = 1;
pub(super) const STATUS: usize = 2;
pub(super) const REQUESTED_AT: usize = 3;
pub(super) const GRANT: usize = 5;
pub(super) const RESOURCE: usize = 6;
pub(super) const PROVIDER: usize = 7;
pub(super) const CONSUMER: usize = 8;
pub(super) const PURPOSE: usize = 9;
pub(super) const CASE: usize = 10;
pub(super) const SUBJECT: usize = 11;
pub(super) const REASON: usize = 12;
/// The first columns, which searches look at.
pub(super) const SEARCHED: usize = 13;
/// The last column.
pub(super) const COMMITS: &str = "commits";

/// Columns of text that are looked for by their whole value: each part of a file says which values it does not hold.
pub(super) const FILTERED: [&str; 4] = ["id", "grant_id", "case_number", "subject_reference"];

/// The columns.
pub(super) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        number("sequence"),
        text("id"),
        text("status"),
        moment("requested_at"),
        moment("ended_at"),
        text("grant_id"),
        text("resource_code"),
        text("provider_code"),
        text("consumer_code"),
        text("purpose"),
        text("case_number"),
        text("subject_reference"),
        text("reason"),
        text("message"),
        text("requested_by"),
        text("mode"),
        text("service"),
        text("proof"),
        number("attempts"),
        number("rows"),
        number("rejected_rows"),
        number("bytes"),
        Field::new("sha256", DataType::Binary, false),
        Field::new_list("fields", Field::new_list_field(DataType::Utf8, false), false),
        Field::new_list(COMMITS, commit_item(), false),
    ]))
}

/// What a row's status is called.
pub(super) fn status(status: TransferStatus) -> &'static str {
    bare(status.as_str_name(), "TRANSFER_STATUS_")
}

/// Rows as they are written.
pub(super) fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Transfer) -> &str| {
        let values = rows.iter().map(|row| of(&row.transfer));
        Arc::new(StringArray::from_iter_values(values)) as ArrayRef
    };
    let number = |of: fn(&Row) -> i64| {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(of))) as ArrayRef
    };
    let moments = |of: fn(&Transfer) -> Option<prost_types::Timestamp>| {
        let values = rows.iter().map(|row| of(&row.transfer).as_ref().map_or(0, microseconds));
        let values = TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC");
        Arc::new(values) as ArrayRef
    };
    let sha256 = rows.iter().map(|row| row.transfer.sha256.as_slice());
    RecordBatch::try_new(
        schema(),
        vec![
            number(|row| row.sequence),
            text(|transfer| &transfer.id),
            text(|transfer| status(transfer.status())),
            moments(|transfer| transfer.requested_at),
            moments(|transfer| transfer.updated_at),
            text(|transfer| &transfer.grant_id),
            text(|transfer| &transfer.resource_code),
            text(|transfer| &transfer.provider_code),
            text(|transfer| &transfer.consumer_code),
            text(|transfer| &transfer.purpose),
            text(|transfer| &transfer.case_number),
            text(|transfer| &transfer.subject_reference),
            text(|transfer| &transfer.reason),
            text(|transfer| &transfer.message),
            text(|transfer| &transfer.requested_by),
            text(|transfer| bare(transfer.mode().as_str_name(), "DELIVERY_MODE_")),
            text(|transfer| &transfer.service),
            text(|transfer| match transfer.proof() {
                ProofKind::Unspecified => "",
                proof @ (ProofKind::Confirm | ProofKind::Extract) => {
                    bare(proof.as_str_name(), "PROOF_KIND_")
                }
            }),
            number(Row::attempts),
            number(|row| signed(row.transfer.rows)),
            number(|row| signed(row.transfer.rejected_rows)),
            number(|row| signed(row.transfer.bytes)),
            Arc::new(BinaryArray::from_iter_values(sha256)),
            fields(rows)?,
            commits(rows)?,
        ],
    )
}

/// Rows as they were written; of the columns, `sequence`, `id` and `commits` are enough.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<Row>, BoxError> {
    let column = |name: &str| {
        batch.column_by_name(name).ok_or_else(|| format!("column `{name}` is missing"))
    };
    let ids = column("id")?.as_string_opt::<i32>().ok_or("`id` is not text")?;
    let lists = column(COMMITS)?.as_list_opt::<i32>().ok_or("`commits` is no list")?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for (id, list) in ids.iter().zip(lists.iter()) {
        let list = list.ok_or("a list of commits is missing")?;
        rows.push(Row::from_stored(id.unwrap_or_default(), stored(&list)?)?);
    }
    Ok(rows)
}

// === impl Row ===

impl Row {
    /// A transfer as its commits tell it, up to the one that it came to rest by.
    ///
    /// # Errors
    /// They do not tell of a transfer.
    pub fn of(id: &str, commits: &[Recorded], ended_sequence: u64) -> Result<Self, BoxError> {
        let commits = commits.iter().take_while(|recorded| recorded.sequence <= ended_sequence);
        let commits = commits.map(|recorded| {
            Ok(Stored {
                sequence: i64::try_from(recorded.sequence)?,
                recorded_at: i64::try_from(recorded.recorded_at.as_nanosecond())?,
                commit: recorded.payload.clone(),
            })
        });
        Self::from_stored(id, commits.collect::<Result<_, BoxError>>()?)
    }

    fn from_stored(id: &str, commits: Vec<Stored>) -> Result<Self, BoxError> {
        let mut entry = None;
        for stored in &commits {
            let commit = Commit::decode(stored.commit.clone())?;
            let context = Context {
                id,
                sequence: stored.sequence,
                command_id: &commit.command_id,
                at: commit.occurred_at,
            };
            for event in &commit.events {
                entry = Some(transfers::after(entry, &context, event)?);
            }
        }
        let sequence = commits.first().map_or(0, |stored| stored.sequence);
        let transfer = entry.ok_or_else(|| format!("transfer {id} has no commits"))?.transfer;
        Ok(Self { sequence, transfer, commits })
    }

    /// The sequence of the commit that it came to rest by.
    pub(crate) fn ended_sequence(&self) -> u64 {
        self.commits.last().map_or(0, |stored| stored.sequence.unsigned_abs())
    }

    /// How often it was asked for: the request, and each time that somebody went on with it.
    fn attempts(&self) -> i64 {
        let begins = [TransferRequested::type_url(), TransferResumed::type_url()];
        let commits = self.commits.iter().map(|stored| Commit::decode(stored.commit.clone()));
        let events = commits.flatten().flat_map(|commit| commit.events);
        let attempts = events.filter(|any| begins.contains(&any.type_url)).count();
        i64::try_from(attempts).unwrap_or(i64::MAX)
    }
}

fn moment(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
}

fn nanoseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn commit_fields() -> Fields {
    Fields::from(vec![
        Field::new("sequence", DataType::Int64, false),
        Field::new("recorded_at", nanoseconds(), false),
        Field::new("commit", DataType::Binary, false),
    ])
}

fn commit_item() -> Field {
    Field::new_list_field(DataType::Struct(commit_fields()), false)
}

fn fields(rows: &[Row]) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.transfer.fields.len()));
    let values = rows.iter().flat_map(|row| &row.transfer.fields);
    let values = Arc::new(StringArray::from_iter_values(values));
    let item = Arc::new(Field::new_list_field(DataType::Utf8, false));
    Ok(Arc::new(ListArray::try_new(item, offsets, values, None)?))
}

fn commits(rows: &[Row]) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.commits.len()));
    let all = || rows.iter().flat_map(|row| &row.commits);
    let recorded_at = all().map(|stored| stored.recorded_at);
    let recorded_at = TimestampNanosecondArray::from_iter_values(recorded_at);
    let values = StructArray::try_new(
        commit_fields(),
        vec![
            Arc::new(Int64Array::from_iter_values(all().map(|stored| stored.sequence))) as ArrayRef,
            Arc::new(recorded_at.with_timezone("UTC")),
            Arc::new(BinaryArray::from_iter_values(all().map(|stored| &stored.commit))),
        ],
        None,
    )?;
    Ok(Arc::new(ListArray::try_new(Arc::new(commit_item()), offsets, Arc::new(values), None)?))
}

fn stored(list: &ArrayRef) -> Result<Vec<Stored>, BoxError> {
    let commits = list.as_struct_opt().ok_or("`commits` holds no commits")?;
    let column = |name: &str| {
        commits.column_by_name(name).ok_or_else(|| format!("`commits.{name}` is missing"))
    };
    let sequences = column("sequence")?
        .as_primitive_opt::<Int64Type>()
        .ok_or("`commits.sequence` is no number")?;
    let recorded_at = column("recorded_at")?
        .as_primitive_opt::<TimestampNanosecondType>()
        .ok_or("`commits.recorded_at` is no time")?;
    let bytes =
        column("commit")?.as_binary_opt::<i32>().ok_or("`commits.commit` holds no bytes")?;
    let one = |place: usize| Stored {
        sequence: sequences.value(place),
        recorded_at: recorded_at.value(place),
        commit: Bytes::copy_from_slice(bytes.value(place)),
    };
    Ok((0..commits.len()).map(one).collect())
}

/// A value's name without its type's.
fn bare(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
