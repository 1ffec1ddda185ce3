//! Record batches as frames and back: the Arrow IPC stream format, one message a frame.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::read_record_batch;
use arrow::ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
    write_message,
};
use arrow::ipc::{CompressionType, Message, MessageHeader, convert, root_as_message};
use bytes::Bytes;

/// The most bytes that a frame's plaintext may have.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// Room for sealing, so that a frame is encrypted where it was encoded.
const SEAL_BYTES: usize = 16;
/// A continuation marker and the length of the metadata.
const PREFIX_BYTES: usize = 8;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Why batches cannot be made into frames.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// One row alone is larger than a frame.
    #[error("row {row} takes {bytes} bytes, a frame holds {FRAME_BYTES_MAX}")]
    RowTooLarge {
        /// The row, counted from 1 over the whole transfer.
        row: u64,
        /// How large it is when encoded.
        bytes: usize,
    },
    /// There are so many fields that their names alone are larger than a frame.
    #[error("the schema takes {bytes} bytes, a frame holds {FRAME_BYTES_MAX}")]
    SchemaTooLarge {
        /// How large it is when encoded.
        bytes: usize,
    },
    /// A column is dictionary-encoded.
    #[error("dictionary-encoded columns are not transferred; cast them first")]
    Dictionary,
    /// Arrow cannot encode the batch.
    #[error("a record batch cannot be encoded")]
    Arrow(#[source] ArrowError),
}

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early, or are too many.
    #[error("the frame is not one whole Arrow IPC message")]
    Length,
    /// The metadata cannot be read.
    #[error("the frame's Arrow metadata cannot be read")]
    Metadata,
    /// Another message than expected stands in the frame.
    #[error("the frame does not hold {expected}")]
    Kind {
        /// What was expected.
        expected: &'static str,
    },
    /// Arrow cannot decode the message.
    #[error("the frame's Arrow message cannot be decoded")]
    Arrow(#[source] ArrowError),
}

/// Makes frames. The same batches make the same frames.
pub struct Encoder {
    generator: IpcDataGenerator,
    options: IpcWriteOptions,
    dictionaries: DictionaryTracker,
    context: IpcWriteContext,
    rows: u64,
}

/// A frame taken apart without decoding its columns; both parts share the frame's memory.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The message's metadata, a flatbuffer: what Arrow Flight calls `data_header`.
    pub header: Bytes,
    /// The message's buffers: what Arrow Flight calls `data_body`.
    pub body: Bytes,
    /// How many rows the message says that it has; none for a schema.
    pub rows: u64,
}

// === impl Encoder ===

impl Encoder {
    /// An encoder for one transfer.
    pub fn new() -> Result<Self, EncodeError> {
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .map_err(EncodeError::Arrow)?;

        Ok(Self {
            generator: IpcDataGenerator {},
            options,
            dictionaries: DictionaryTracker::new(true),
            context: IpcWriteContext::default(),
            rows: 0,
        })
    }

    /// Frame 0.
    pub fn schema(&mut self, schema: &Schema) -> Result<Vec<u8>, EncodeError> {
        let encoded = self.generator.schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut self.dictionaries,
            &self.options,
        );
        let frame = self.write(encoded)?;
        match frame.len() {
            bytes if bytes > FRAME_BYTES_MAX => Err(EncodeError::SchemaTooLarge { bytes }),
            _ => Ok(frame),
        }
    }

    /// The frames of one batch, with the number of rows in each. An empty batch makes none.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<(Vec<u8>, u64)>, EncodeError> {
        let mut frames = Vec::new();
        if batch.num_rows() > 0 {
            self.slice(batch, &mut frames)?;
        }
        Ok(frames)
    }

    /// A batch without rows, as a frame.
    pub fn empty(&mut self, schema: &SchemaRef) -> Result<Vec<u8>, EncodeError> {
        let mut frames = Vec::new();
        self.slice(&RecordBatch::new_empty(SchemaRef::clone(schema)), &mut frames)?;
        Ok(frames.pop().map(|(frame, _)| frame).unwrap_or_default())
    }

    fn slice(
        &mut self,
        batch: &RecordBatch,
        frames: &mut Vec<(Vec<u8>, u64)>,
    ) -> Result<(), EncodeError> {
        let rows = batch.num_rows();
        let (dictionaries, encoded) = self
            .generator
            .encode(batch, &mut self.dictionaries, &self.options, &mut self.context)
            .map_err(EncodeError::Arrow)?;
        if !dictionaries.is_empty() {
            return Err(EncodeError::Dictionary);
        }
        let frame = self.write(encoded)?;

        if frame.len() <= FRAME_BYTES_MAX {
            frames.push((frame, rows as u64));
            self.rows += rows as u64;
            return Ok(());
        }
        if rows == 1 {
            return Err(EncodeError::RowTooLarge { row: self.rows + 1, bytes: frame.len() });
        }
        // At least two parts, so that each has fewer rows than the whole.
        let rows_part = rows.div_ceil(frame.len().div_ceil(FRAME_BYTES_MAX));
        drop(frame);
        for start in (0..rows).step_by(rows_part) {
            self.slice(&batch.slice(start, rows_part.min(rows - start)), frames)?;
        }
        Ok(())
    }

    fn write(&self, encoded: EncodedData) -> Result<Vec<u8>, EncodeError> {
        let padding = PREFIX_BYTES + usize::from(u8::MAX) + SEAL_BYTES;
        let room = encoded.ipc_message.len() + encoded.arrow_data.len() + padding;
        let mut frame = Vec::with_capacity(room);

        write_message(&mut frame, encoded, &self.options).map_err(EncodeError::Arrow)?;
        Ok(frame)
    }
}

// === impl Parts ===

impl Parts {
    /// Takes frame 0 apart, and reads the schema in it.
    pub fn schema(frame: &Bytes) -> Result<(Self, SchemaRef), DecodeError> {
        let (header, body) = split(frame)?;
        let message = message(&header)?;
        let schema =
            message.header_as_schema().ok_or(DecodeError::Kind { expected: "a schema" })?;
        let schema = convert::try_fb_to_schema(schema).map_err(DecodeError::Arrow)?;
        if !body.is_empty() {
            return Err(DecodeError::Length);
        }
        Ok((Self { header, body, rows: 0 }, SchemaRef::new(schema)))
    }

    /// Takes a later frame apart.
    pub fn batch(frame: &Bytes) -> Result<Self, DecodeError> {
        let (header, body) = split(frame)?;
        let message = message(&header)?;
        let batch = message
            .header_as_record_batch()
            .ok_or(DecodeError::Kind { expected: "a record batch" })?;
        let rows = u64::try_from(batch.length()).map_err(|_| DecodeError::Metadata)?;
        if usize::try_from(message.bodyLength()) != Ok(body.len()) {
            return Err(DecodeError::Length);
        }
        Ok(Self { header, body, rows })
    }

    /// Decodes a batch's columns.
    pub fn decode(&self, schema: &SchemaRef) -> Result<RecordBatch, DecodeError> {
        let message = message(&self.header)?;
        let batch = message
            .header_as_record_batch()
            .ok_or(DecodeError::Kind { expected: "a record batch" })?;
        let body = Buffer::from(self.body.clone());

        read_record_batch(
            &body,
            batch,
            SchemaRef::clone(schema),
            &HashMap::new(),
            None,
            &message.version(),
        )
        .map_err(DecodeError::Arrow)
    }
}

fn split(frame: &Bytes) -> Result<(Bytes, Bytes), DecodeError> {
    let prefix: [u8; PREFIX_BYTES] =
        frame.get(..PREFIX_BYTES).and_then(|p| p.try_into().ok()).ok_or(DecodeError::Length)?;
    let [c0, c1, c2, c3, length @ ..] = prefix;
    if [c0, c1, c2, c3] != CONTINUATION {
        return Err(DecodeError::Metadata);
    }
    let length = usize::try_from(i32::from_le_bytes(length)).map_err(|_| DecodeError::Metadata)?;
    let body = PREFIX_BYTES + length;
    if body > frame.len() {
        return Err(DecodeError::Length);
    }
    Ok((frame.slice(PREFIX_BYTES..body), frame.slice(body..)))
}

fn message(header: &Bytes) -> Result<Message<'_>, DecodeError> {
    let message = root_as_message(header).map_err(|_| DecodeError::Metadata)?;
    match message.header_type() {
        MessageHeader::NONE => Err(DecodeError::Metadata),
        _ => Ok(message),
    }
}

#[cfg(test)]
mod tests;
