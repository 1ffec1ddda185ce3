//! Packs events into a file.

use bytes::Bytes;
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use publicdata_audit_domain::Checkpoint;
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::Recorded;
use publicdata_types::Digest;

use crate::Fault;
use crate::layout::{self, LAYOUT, Row, key};

/// How many events one archive has at most.
pub const EVENTS_MAX: u64 = 50_000;
/// How many bytes of payload it takes until it is full. An archive is read whole, so that what was verified is what is read: this
/// bounds what that takes.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;
/// How many rows are handed on at once.
const BATCH_ROWS: usize = 512;
/// All of a file: one filter says which subjects it does not hold.
const PART_ROWS_MAX: usize = 1 << 16;

/// What part of which stream an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The stream.
    pub stream: String,
    /// The sequence of its first event.
    pub first_sequence: u64,
    /// The sequence of its last event.
    pub last_sequence: u64,
    /// The earliest time at which the store received one of its events.
    pub earliest_recorded_at: Timestamp,
    /// The latest time at which the store received one of its events.
    pub latest_recorded_at: Timestamp,
}

/// A file as it is to be stored.
#[derive(Clone, Debug)]
pub struct Packed {
    /// What it holds.
    pub extent: Extent,
    /// Its bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

/// Packs the events of a stream, one after the other.
pub struct Packer {
    writer: ArrowWriter<Vec<u8>>,
    waiting: Vec<Row>,
    extent: Option<Extent>,
    payload_bytes: usize,
}

impl Packer {
    /// Begins a file.
    ///
    /// # Errors
    /// The layout cannot be written.
    pub fn new() -> Result<Self, Fault> {
        let writer = ArrowWriter::try_new(Vec::new(), layout::schema(), Some(properties()));
        let writer = writer.map_err(Fault::unreadable)?;
        Ok(Self { writer, waiting: Vec::new(), extent: None, payload_bytes: 0 })
    }

    /// Adds the next event.
    ///
    /// # Errors
    /// It is not the next event of the stream, or cannot be written.
    pub fn push(&mut self, row: Row) -> Result<(), Fault> {
        match &mut self.extent {
            None => self.extent = Some(Extent::of(&row.recorded)),
            Some(extent) => extent.grow(&row.recorded)?,
        }
        self.payload_bytes += row.recorded.payload.len();
        self.waiting.push(row);
        match self.waiting.len() < BATCH_ROWS {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Whether no further event belongs into it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let events = self.extent.as_ref().map_or(0, Extent::events);
        events >= EVENTS_MAX || self.payload_bytes >= PAYLOAD_BYTES_MAX
    }

    /// What it holds so far; nothing before the first event.
    #[must_use]
    pub fn extent(&self) -> Option<&Extent> {
        self.extent.as_ref()
    }

    /// Ends the file with what proves its events: the log's signed checkpoint, and what stands for the leaves between the last event
    /// and that tree's end.
    ///
    /// # Errors
    /// There was no event, or the file cannot be written.
    pub fn finish(mut self, checkpoint: &str, after: &[Digest]) -> Result<Packed, Fault> {
        self.flush()?;
        let extent = self.extent.take().ok_or_else(|| Fault::layout("it has no events"))?;
        for (name, value) in [
            (key::LAYOUT, LAYOUT.to_string()),
            (key::STREAM, extent.stream.clone()),
            (key::FIRST, extent.first_sequence.to_string()),
            (key::LAST, extent.last_sequence.to_string()),
            (key::CHECKPOINT, checkpoint.to_owned()),
            (key::AFTER, hex::encode(layout::flat(after))),
        ] {
            self.writer.append_key_value_metadata(KeyValue::new(name.to_owned(), value));
        }
        let bytes: Bytes = self.writer.into_inner().map_err(Fault::unreadable)?.into();
        let digest = Digest::of(&bytes);
        Ok(Packed { extent, bytes, digest })
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let batch = layout::batch(&self.waiting).map_err(Fault::unreadable)?;
        self.waiting.clear();
        self.writer.write(&batch).map_err(Fault::unreadable)
    }
}

impl Packed {
    /// The name that it is stored under: its place in the stream, and its digest, so that another file has another name.
    #[must_use]
    pub fn path(&self) -> String {
        let Extent { stream, first_sequence, last_sequence, .. } = &self.extent;
        path(stream, *first_sequence, *last_sequence, &self.digest)
    }

    /// What seals it, once it was held against this tree of the log.
    #[must_use]
    pub fn seal(&self, log: Checkpoint) -> Seal {
        let extent = self.extent.clone();
        Seal {
            stream: extent.stream,
            first_sequence: extent.first_sequence,
            last_sequence: extent.last_sequence,
            earliest_recorded_at: extent.earliest_recorded_at,
            latest_recorded_at: extent.latest_recorded_at,
            path: self.path(),
            bytes: u64::try_from(self.bytes.len()).unwrap_or(u64::MAX),
            digest: self.digest,
            log,
            layout: LAYOUT,
        }
    }
}

/// The name of the file with these events and this digest.
#[must_use]
pub fn path(stream: &str, first: u64, last: u64, digest: &Digest) -> String {
    let short = &hex::encode(digest.as_bytes())[..16];
    format!("{stream}/{first:012}-{last:012}-{short}.parquet")
}

impl Extent {
    /// Of one event.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Self {
        Self {
            stream: recorded.stream.clone(),
            first_sequence: recorded.sequence,
            last_sequence: recorded.sequence,
            earliest_recorded_at: recorded.recorded_at,
            latest_recorded_at: recorded.recorded_at,
        }
    }

    /// Takes in the next event.
    ///
    /// # Errors
    /// It is not the next one.
    pub fn grow(&mut self, recorded: &Recorded) -> Result<(), Fault> {
        let (expected, found) = (self.last_sequence + 1, recorded.sequence);
        if found != expected || recorded.stream != self.stream {
            return Err(Fault::OutOfOrder { stream: self.stream.clone(), expected, found });
        }
        self.last_sequence = expected;
        self.earliest_recorded_at = self.earliest_recorded_at.min(recorded.recorded_at);
        self.latest_recorded_at = self.latest_recorded_at.max(recorded.recorded_at);
        Ok(())
    }

    /// How many events it has.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.last_sequence + 1 - self.first_sequence
    }
}

fn properties() -> WriterProperties {
    let sequence = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let (subject, payload) = (ColumnPath::from(layout::SUBJECT), ColumnPath::from(layout::PAYLOAD));
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(PART_ROWS_MAX))
        .set_sorting_columns(Some(vec![sequence]))
        .set_column_bloom_filter_enabled(subject, true)
        // Nobody looks for a payload by its bytes, and no two are the same.
        .set_column_statistics_enabled(payload.clone(), EnabledStatistics::None)
        .set_column_dictionary_enabled(payload, false)
        .build()
}
