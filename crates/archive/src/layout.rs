//! How a file is laid out: one row for each event, in the order of the stream.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampNanosecondType,
};
use arrow::error::ArrowError;
use bytes::Bytes;
use jiff::Timestamp;
use publicdata_event_store::Recorded;
use publicdata_types::Digest;

use crate::Fault;

/// The version of this layout, as seals and files name it.
pub const LAYOUT: u32 = 1;

/// What a file says of itself in its footer: names of its entries.
pub(crate) mod key {
    pub(crate) const LAYOUT: &str = "publicdata.layout";
    pub(crate) const STREAM: &str = "publicdata.stream";
    pub(crate) const FIRST: &str = "publicdata.first_sequence";
    pub(crate) const LAST: &str = "publicdata.last_sequence";
    pub(crate) const CHECKPOINT: &str = "publicdata.checkpoint";
    pub(crate) const AFTER: &str = "publicdata.log_hashes_after";
}

/// The column that is looked for by its whole value: files say which values they do not hold.
pub(crate) const SUBJECT: &str = "subject";
pub(crate) const PAYLOAD: &str = "payload";
const SEQUENCE: &str = "sequence";
const LOG_INDEX: &str = "log_index";
const RECORDED_AT: &str = "recorded_at";
const MESSAGE_ID: &str = "message_id";
const TRACEPARENT: &str = "traceparent";
const LOG_HASHES_BEFORE: &str = "log_hashes_before";

/// Bytes of a digest.
const HASH_BYTES: usize = 32;

/// An event, and where it stands in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The event, as it was stored.
    pub recorded: Recorded,
    /// Its leaf's place in the log, from 0.
    pub log_index: u64,
    /// What stands for the leaves between the row before it, or the log's beginning, and this one: the roots of the subtrees that
    /// [`cover_indexes`](publicdata_audit_domain::tree::cover_indexes) names.
    pub log_hashes_before: Vec<Digest>,
}

/// The columns.
pub(crate) fn schema() -> SchemaRef {
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let bytes = |name: &str| Field::new(name, DataType::Binary, false);
    let moment = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        number(SEQUENCE),
        number(LOG_INDEX),
        Field::new(RECORDED_AT, moment, false),
        text(SUBJECT),
        text(MESSAGE_ID),
        Field::new(TRACEPARENT, DataType::Utf8, true),
        bytes(PAYLOAD),
        bytes(LOG_HASHES_BEFORE),
    ]))
}

/// Rows as they are written.
pub(crate) fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let events = || rows.iter().map(|row| &row.recorded);
    let recorded_at = events().map(|recorded| nanoseconds(recorded.recorded_at));
    let recorded_at = TimestampNanosecondArray::from_iter_values(recorded_at).with_timezone("UTC");
    let numbers = |values: &mut dyn Iterator<Item = u64>| {
        Arc::new(Int64Array::from_iter_values(values.map(signed))) as ArrayRef
    };
    RecordBatch::try_new(
        schema(),
        vec![
            numbers(&mut events().map(|recorded| recorded.sequence)),
            numbers(&mut rows.iter().map(|row| row.log_index)),
            Arc::new(recorded_at),
            Arc::new(StringArray::from_iter_values(events().map(|event| event.subject.as_str()))),
            Arc::new(StringArray::from_iter_values(events().map(|event| &event.message_id))),
            Arc::new(StringArray::from_iter(events().map(|event| event.traceparent.as_deref()))),
            Arc::new(BinaryArray::from_iter_values(events().map(|event| &event.payload))),
            Arc::new(BinaryArray::from_iter_values(
                rows.iter().map(|row| flat(&row.log_hashes_before)),
            )),
        ],
    )
}

/// Rows of `stream` as they were written.
pub(crate) fn rows(stream: &str, batch: &RecordBatch) -> Result<Vec<Row>, Fault> {
    let sequences = numbers::<Int64Type>(batch, SEQUENCE)?;
    let indexes = numbers::<Int64Type>(batch, LOG_INDEX)?;
    let recorded_at = numbers::<TimestampNanosecondType>(batch, RECORDED_AT)?;
    let (subjects, message_ids) = (texts(batch, SUBJECT)?, texts(batch, MESSAGE_ID)?);
    let traces = texts(batch, TRACEPARENT)?;
    let (payloads, hashes) = (binaries(batch, PAYLOAD)?, binaries(batch, LOG_HASHES_BEFORE)?);

    let mut rows = Vec::with_capacity(batch.num_rows());
    for at in 0..batch.num_rows() {
        let sequence = unsigned(SEQUENCE, sequences[at])?;
        let subject = subjects.value(at).parse();
        let recorded_at = Timestamp::from_nanosecond(recorded_at[at].into());
        let recorded = Recorded {
            stream: stream.to_owned(),
            sequence,
            subject: subject
                .map_err(|_| Fault::layout(format!("event {sequence} is of no aggregate")))?,
            recorded_at: recorded_at
                .map_err(|_| Fault::layout(format!("event {sequence} does not say when")))?,
            message_id: message_ids.value(at).to_owned(),
            traceparent: traces.is_valid(at).then(|| traces.value(at).to_owned()),
            payload: Bytes::copy_from_slice(payloads.value(at)),
        };
        rows.push(Row {
            recorded,
            log_index: unsigned(LOG_INDEX, indexes[at])?,
            log_hashes_before: hashes_of(hashes.value(at))?,
        });
    }
    Ok(rows)
}

/// Hashes in one piece.
pub(crate) fn flat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// The hashes of one piece.
pub(crate) fn hashes_of(flat: &[u8]) -> Result<Vec<Digest>, Fault> {
    let (hashes, rest) = flat.as_chunks::<HASH_BYTES>();
    match rest {
        [] => Ok(hashes.iter().map(|hash| Digest::from_bytes(*hash)).collect()),
        [..] => Err(Fault::layout("hashes of the log are cut short")),
    }
}

fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], Fault> {
    let column = column(batch, name)?.as_primitive_opt::<T>().ok_or_else(|| wrong(name))?;
    match column.null_count() {
        0 => Ok(column.values()),
        _ => Err(wrong(name)),
    }
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, Fault> {
    column(batch, name)?.as_string_opt::<i32>().ok_or_else(|| wrong(name))
}

fn binaries<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BinaryArray, Fault> {
    column(batch, name)?.as_binary_opt::<i32>().ok_or_else(|| wrong(name))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Fault> {
    batch.column_by_name(name).ok_or_else(|| Fault::layout(format!("column `{name}` is missing")))
}

fn wrong(name: &str) -> Fault {
    Fault::layout(format!("column `{name}` holds something else"))
}

/// Parquet tools know signed numbers best. A stream of one event a nanosecond would take 292 years to get beyond.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(name: &str, number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| wrong(name))
}

/// Until the year 2262.
fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}
