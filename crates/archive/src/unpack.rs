//! Reads a file, and has it prove itself.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use prost::Message as _;
use publicdata_audit_domain::{Checkpoint, Tree, Verifier};
use publicdata_event_store::Recorded;
use publicdata_types::Digest;

use crate::layout::{self, LAYOUT, Row, key};
use crate::pack::{EVENTS_MAX, Extent, PAYLOAD_BYTES_MAX};
use crate::{Fault, leaf};

/// More than any archive has: payloads as they are, one event more than fills it, and all that stands beside them.
const FILE_BYTES_MAX: usize = 3 * PAYLOAD_BYTES_MAX;
/// How many rows are decoded at once.
const BATCH_ROWS: usize = 512;

/// A file, in memory: what was verified is what is read.
#[derive(Clone, Debug)]
pub struct Archive {
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
    stream: String,
    first_sequence: u64,
    last_sequence: u64,
    checkpoint: String,
    log_hashes_after: Vec<Digest>,
}

/// What a file was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Its events.
    pub extent: Extent,
    /// The log's tree that they are in, as the log has signed it.
    pub log: Checkpoint,
}

impl Archive {
    /// Opens a file.
    ///
    /// # Errors
    /// It is no archive.
    pub fn open(bytes: Bytes) -> Result<Self, Fault> {
        guarded(|| Self::read(bytes))
    }

    fn read(bytes: Bytes) -> Result<Self, Fault> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Fault::layout(format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let options = ArrowReaderOptions::new();
        let metadata = ArrowReaderMetadata::load(&bytes, options).map_err(Fault::unreadable)?;
        let rows = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(rows).is_ok_and(|rows| rows > EVENTS_MAX) {
            return Err(Fault::layout(format!("it has more than {EVENTS_MAX} rows")));
        }
        if metadata.schema().fields() != layout::schema().fields() {
            return Err(Fault::layout("its columns are others"));
        }
        let entries = metadata.metadata().file_metadata().key_value_metadata();
        let entries: BTreeMap<&str, &str> = entries
            .into_iter()
            .flatten()
            .map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap_or_default()))
            .collect();
        let entry = |name: &str| {
            let missing = || Fault::layout(format!("`{name}` is missing from its footer"));
            entries.get(name).copied().ok_or_else(missing)
        };
        let number = |name: &str| {
            let wrong = |_| Fault::layout(format!("`{name}` in its footer is no number"));
            entry(name)?.parse::<u64>().map_err(wrong)
        };
        let version = number(key::LAYOUT)?;
        if version != u64::from(LAYOUT) {
            return Err(Fault::layout(format!("version {version} is unknown to this program")));
        }
        let after = hex::decode(entry(key::AFTER)?)
            .map_err(|_| Fault::layout("hashes of the log in its footer are damaged"))?;
        Ok(Self {
            stream: entry(key::STREAM)?.to_owned(),
            first_sequence: number(key::FIRST)?,
            last_sequence: number(key::LAST)?,
            checkpoint: entry(key::CHECKPOINT)?.to_owned(),
            log_hashes_after: layout::hashes_of(&after)?,
            metadata,
            bytes,
        })
    }

    /// The stream that it says to be of.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The first and the last sequence that it says to hold.
    #[must_use]
    pub const fn sequences(&self) -> (u64, u64) {
        (self.first_sequence, self.last_sequence)
    }

    /// The checkpoint of the log that its events are held against: a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// Its rows, in the order of the stream, a part of them in memory at a time.
    ///
    /// # Errors
    /// It cannot be read. What comes out of it may fail as well.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<Row, Fault>> + use<>, Fault> {
        self.rows_from(0)
    }

    /// Its commits from this sequence on.
    pub(crate) fn commits_from(
        &self,
        sequence: u64,
    ) -> Result<impl Iterator<Item = Result<Recorded, Fault>> + use<>, Fault> {
        Ok(self.rows_from(sequence)?.map(|row| row.map(|row| row.recorded)))
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn rows_from(
        &self,
        sequence: u64,
    ) -> Result<impl Iterator<Item = Result<Row, Fault>> + use<>, Fault> {
        let metadata = self.metadata.clone();
        // Sequences have no gaps.
        let skipped = sequence.saturating_sub(self.first_sequence);
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), metadata)
                .with_batch_size(BATCH_ROWS)
                .with_offset(usize::try_from(skipped).unwrap_or(usize::MAX))
                .build()
                .map_err(Fault::unreadable)?;
        let stream = self.stream.clone();
        Ok(reader.flat_map(move |batch| {
            let batch = batch.map_err(Fault::unreadable);
            match batch.and_then(|batch| layout::rows(&stream, &batch)) {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(fault) => vec![Err(fault)],
            }
        }))
    }

    /// Makes sure, from nothing but the file and the log's public key, that each of its events is in the log, at its place, and that
    /// none of the stream between its first and its last is left out.
    ///
    /// Traces are no part of what the log says of an event.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn prove(&self, verifier: &Verifier) -> Result<Proven, Fault> {
        guarded(|| self.proven(verifier))
    }

    fn proven(&self, verifier: &Verifier) -> Result<Proven, Fault> {
        let signed = verifier.checkpoint(self.checkpoint.as_bytes()).map_err(Fault::Checkpoint)?;
        let mut tree = Tree::default();
        let mut extent: Option<Extent> = None;
        for row in self.rows()? {
            let Row { recorded, log_index, log_hashes_before } = row?;
            match &mut extent {
                None => extent = Some(Extent::of(&recorded)),
                Some(extent) => extent.grow(&recorded)?,
            }
            let (sequence, index) = (recorded.sequence, log_index);
            tree.skip(index, &log_hashes_before).map_err(|source| Fault::Misplaced {
                sequence,
                index,
                source,
            })?;
            tree.append(&leaf::of(&recorded).encode_to_vec());
        }
        tree.skip(signed.size, &self.log_hashes_after).map_err(Fault::Unproven)?;
        if tree.root() != signed.hash {
            let (found, size) = (tree.root(), signed.size);
            return Err(Fault::OtherRoot { found, signed: signed.hash, size });
        }

        let extent = extent.ok_or_else(|| Fault::layout("it has no events"))?;
        self.says(&extent)?;
        Ok(Proven { extent, log: signed })
    }

    /// Whether the footer says what the rows do.
    fn says(&self, extent: &Extent) -> Result<(), Fault> {
        let found = (extent.first_sequence, extent.last_sequence);
        match found == self.sequences() {
            true => Ok(()),
            false => Err(Fault::layout(format!(
                "its footer says events {} to {}, and it holds {} to {}",
                self.first_sequence, self.last_sequence, found.0, found.1
            ))),
        }
    }
}

/// Of a file that was tampered with, and whose digest nobody knows, the Parquet library asserts what it should refuse.
fn guarded<T>(read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Fault::unreadable("its footer contradicts itself")))
}
