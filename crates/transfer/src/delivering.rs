//! The provider's side of one attempt: header, frames, trailer.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use jiff::Timestamp;
use publicdata_identity::Signer;
use publicdata_proto::exchange::v1::{
    DeliveryHeader, DeliveryTrailer, Frame, GrantTerms, RowSet, TransferRequest,
};
use publicdata_types::Digest;
use publicdata_types::id::IdError;
use rand::CryptoRng;

use crate::digest::Progress;
use crate::frames::{EncodeError, Encoder};
use crate::push::Follows;
use crate::receipt::{self, Agreed, Remarks};
use crate::seal::{Binding, SealError, Sealer};

/// One attempt to deliver. Frames that the consumer already has are made and counted, not sealed.
pub struct Delivering {
    agreed: Agreed,
    encoder: Encoder,
    sealer: Sealer,
    delivered: Progress,
    frames_received: u64,
    digest_received: Digest,
    rows_max: Option<u64>,
    rows_left: Option<u64>,
    sealed_rows: u64,
    remarks: Remarks,
}

/// Why a delivery cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// An id in the request is none.
    #[error("the transfer request is malformed")]
    Id(#[from] IdError),
    /// The request says that frames were received, and not which.
    #[error("the transfer request's digest of what was received has {found} bytes, not 32")]
    Digest {
        /// How many bytes there are.
        found: usize,
    },
    /// A batch does not fit into frames.
    #[error("the data cannot be framed")]
    Encode(#[from] EncodeError),
    /// Sealing failed.
    #[error("the data cannot be sealed")]
    Seal(#[from] SealError),
    /// What is read now is not what the consumer got before.
    #[error(
        "the source has changed since the first {frames} frames were delivered; fetch again from \
         the beginning"
    )]
    SourceChanged {
        /// How many frames the consumer has.
        frames: u64,
    },
    /// The grant allows fewer rows.
    #[error("the source has more than the {rows_max} rows that are allowed in one transfer")]
    RowLimit {
        /// How many are allowed.
        rows_max: u64,
    },
    /// Of all rows that the grant allows, fewer are left.
    #[error(
        "the source has more than the {rows_left} rows that are left of what the grant allows in all"
    )]
    RowsLeft {
        /// How many are left.
        rows_left: u64,
    },
}

// === impl Delivering ===

impl Delivering {
    /// Begins an attempt: the header to send first, and the state for the rest.
    pub fn new(
        terms: &GrantTerms,
        request: &TransferRequest,
        random: &mut impl CryptoRng,
    ) -> Result<(DeliveryHeader, Self), DeliveryError> {
        let binding = Binding {
            transfer: request.transfer_id.parse()?,
            grant: terms.grant_id.parse()?,
            first_frame: request.received_frames,
        };
        let (encapsulated_key, sealer) = Sealer::new(&request.seal_public_key, &binding, random)?;
        let header = DeliveryHeader {
            transfer_id: request.transfer_id.clone(),
            encapsulated_key,
            first_frame: request.received_frames,
        };

        let delivering = Self {
            agreed: Agreed::new(terms, request),
            encoder: Encoder::new()?,
            sealer,
            delivered: Progress::default(),
            frames_received: request.received_frames,
            digest_received: digest_received(request)?,
            rows_max: Some(terms.max_rows).filter(|&rows| rows > 0),
            rows_left: None,
            sealed_rows: 0,
            remarks: Remarks::default(),
        };
        Ok((header, delivering))
    }

    /// The same attempt, of no more rows than these, without those that the consumer has.
    #[must_use]
    pub fn with_rows_left(self, rows_left: Option<u64>) -> Self {
        Self { rows_left, ..self }
    }

    /// The same attempt, of no more rows in all than these, if the grant does not allow fewer.
    #[must_use]
    pub fn with_rows_max(self, rows_max: u64) -> Self {
        let rows_max = self.rows_max.map_or(rows_max, |granted| granted.min(rows_max));
        Self { rows_max: Some(rows_max), ..self }
    }

    /// The same attempt, with what its receipt shall say besides.
    #[must_use]
    pub fn with_remarks(self, remarks: Remarks) -> Self {
        Self { remarks, ..self }
    }

    /// The schema's frame; none if the consumer has it.
    pub fn schema(&mut self, schema: &Schema) -> Result<Option<Frame>, DeliveryError> {
        let plaintext = self.encoder.schema(schema)?;
        self.frame(plaintext, 0)
    }

    /// A batch's frames, without those that the consumer has.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<Frame>, DeliveryError> {
        let rows = self.delivered.rows() + batch.num_rows() as u64;
        if let Some(rows_max) = self.rows_max
            && rows > rows_max
        {
            return Err(DeliveryError::RowLimit { rows_max });
        }

        let mut frames = Vec::new();
        for (plaintext, rows) in self.encoder.batch(batch)? {
            frames.extend(self.frame(plaintext, rows)?);
        }
        Ok(frames)
    }

    /// Counts rows that are not delivered because they break a rule of their items (R17.2), from the first attempt on.
    pub fn reject(&mut self, rows: u64) {
        self.remarks.rejected_rows += rows;
    }

    /// A frame without rows: a sign of life, while what the source holds is counted.
    pub fn pulse(&mut self, schema: &SchemaRef) -> Result<Option<Frame>, DeliveryError> {
        let plaintext = self.encoder.empty(schema)?;
        self.frame(plaintext, 0)
    }

    /// Has the receipt say which state of the source was read, and what comes after it (R27.1, R29.1).
    pub fn read(&mut self, source_version: String, follows: Follows) {
        self.remarks.source_version = source_version;
        self.remarks.follows = follows;
    }

    /// Has the receipt say what the source holds (R10.1).
    pub fn state(&mut self, source: RowSet) {
        self.remarks.source = Some(source);
    }

    /// Ends the delivery with a signed receipt.
    pub fn trailer(self, signer: &Signer, at: Timestamp) -> Result<DeliveryTrailer, DeliveryError> {
        if self.delivered.frames() < self.frames_received {
            return Err(DeliveryError::SourceChanged { frames: self.frames_received });
        }
        let receipt = receipt::issue(&self.agreed, &self.delivered, &self.remarks, signer, at);
        Ok(DeliveryTrailer { receipt: Some(receipt) })
    }

    /// How far it is, counted from the first attempt on.
    #[must_use]
    pub fn delivered(&self) -> &Progress {
        &self.delivered
    }

    /// How many rows this attempt sealed.
    #[must_use]
    pub fn sealed_rows(&self) -> u64 {
        self.sealed_rows
    }

    fn frame(&mut self, plaintext: Vec<u8>, rows: u64) -> Result<Option<Frame>, DeliveryError> {
        let skipped = self.delivered.frames() < self.frames_received;
        self.delivered.record(&plaintext, rows);
        if !skipped {
            let sealed_rows = self.sealed_rows + rows;
            if let Some(rows_left) = self.rows_left
                && sealed_rows > rows_left
            {
                return Err(DeliveryError::RowsLeft { rows_left });
            }
            self.sealed_rows = sealed_rows;
            return Ok(Some(self.sealer.seal(plaintext)?));
        }

        let caught_up = self.delivered.frames() == self.frames_received;
        if caught_up && self.delivered.digest() != self.digest_received {
            return Err(DeliveryError::SourceChanged { frames: self.frames_received });
        }
        Ok(None)
    }
}

fn digest_received(request: &TransferRequest) -> Result<Digest, DeliveryError> {
    if request.received_frames == 0 {
        return Ok(Progress::default().digest());
    }
    match <[u8; 32]>::try_from(request.received_sha256.as_slice()) {
        Ok(bytes) => Ok(Digest::from_bytes(bytes)),
        Err(_) => Err(DeliveryError::Digest { found: request.received_sha256.len() }),
    }
}

// === impl DeliveryError ===

impl DeliveryError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Id(_) | Self::Digest { .. } => "REQUEST_MALFORMED",
            Self::Encode(EncodeError::RowTooLarge { .. }) => "ROW_TOO_LARGE",
            Self::Encode(EncodeError::SchemaTooLarge { .. }) => "SCHEMA_TOO_LARGE",
            Self::Encode(EncodeError::Dictionary | EncodeError::Arrow(_)) => "ENCODING_FAILED",
            Self::Seal(SealError::Key(_)) => "SEAL_KEY_INVALID",
            Self::Seal(SealError::Frame { .. }) => "SEALING_FAILED",
            Self::SourceChanged { .. } => "SOURCE_CHANGED",
            Self::RowLimit { .. } => "ROW_LIMIT_EXCEEDED",
            Self::RowsLeft { .. } => "VOLUME_EXHAUSTED",
        }
    }
}

#[cfg(test)]
mod tests;
