//! The consumer's side of a transfer, over as many attempts as it takes.

use arrow::datatypes::SchemaRef;
use jiff::Timestamp;
use publicdata_identity::TrustRoots;
use publicdata_proto::exchange::v1::{
    DeliveryHeader, DeliveryTrailer, Frame, GrantTerms, TransferRequest,
};
use publicdata_types::id::IdError;
use publicdata_types::{DeliveryMode, GrantId, TransferId};
use rand::CryptoRng;

use crate::digest::Progress;
use crate::frames::{DecodeError, Parts};
use crate::push::{self, Outline};
use crate::question::Shape;
use crate::receipt::{self, Agreed, Checked, ReceiptError};
use crate::seal::{Binding, OpenError, Opener, OpeningKey};
use crate::time;

/// A transfer as the consumer's node sees it.
#[derive(Debug)]
pub struct Receiving {
    agreed: Agreed,
    transfer: TransferId,
    grant: GrantId,
    template: TransferRequest,
    received: Progress,
    schema: Option<SchemaRef>,
    attempt: Attempt,
}

/// A frame that was opened, in order and unchanged.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Frame 0.
    Schema(Parts, SchemaRef),
    /// A later frame.
    Batch(Parts),
}

/// Why what came is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// A part came that has no place there.
    #[error("{found} came where {expected} was expected")]
    Order {
        /// What came.
        found: &'static str,
        /// What should have come.
        expected: &'static str,
    },
    /// The header belongs to another transfer or another place in it.
    #[error("the delivery's header names another {field} than was asked for")]
    Header {
        /// What differs.
        field: &'static str,
    },
    /// A frame is missing, repeated, out of order or changed.
    #[error("a frame is not accepted")]
    Open(#[from] OpenError),
    /// A frame holds something else than Arrow data.
    #[error("frame {index} is not accepted")]
    Decode {
        /// The frame.
        index: u64,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// The schema has other fields than were asked for.
    #[error("the delivery's fields are not those asked for")]
    Fields,
    /// The receipt is missing or wrong.
    #[error("the delivery's receipt is not accepted")]
    Receipt(#[from] ReceiptError),
}

#[derive(Debug)]
enum Attempt {
    None,
    Asked(OpeningKey),
    Open(Box<Opener>),
}

// === impl Receiving ===

impl Receiving {
    /// A transfer that has not begun. Key, progress and time in `template` are set for each attempt.
    pub fn new(terms: &GrantTerms, template: TransferRequest) -> Result<Self, IdError> {
        Ok(Self {
            agreed: Agreed::new(terms, &template),
            transfer: template.transfer_id.parse()?,
            grant: terms.grant_id.parse()?,
            template,
            received: Progress::default(),
            schema: None,
            attempt: Attempt::None,
        })
    }

    /// Begins an attempt: the request to sign and to send, with a fresh key, from where the last
    /// attempt broke off.
    pub fn request(&mut self, at: Timestamp, random: &mut impl CryptoRng) -> TransferRequest {
        let key = OpeningKey::generate(random);
        let received_sha256 = match self.received.frames() {
            0 => Vec::new(),
            _ => self.received.digest().as_bytes().to_vec(),
        };
        let request = TransferRequest {
            requested_at: Some(time::to_wire(at)),
            seal_public_key: key.public_key(),
            received_frames: self.received.frames(),
            received_sha256,
            ..self.template.clone()
        };
        self.attempt = Attempt::Asked(key);
        request
    }

    /// Takes the header, which comes first.
    pub fn header(&mut self, header: &DeliveryHeader) -> Result<(), ReceiveError> {
        let Attempt::Asked(key) = &self.attempt else {
            return Err(ReceiveError::Order { found: "a header", expected: "a frame" });
        };
        if header.transfer_id.parse() != Ok(self.transfer) {
            return Err(ReceiveError::Header { field: "transfer" });
        }
        if header.first_frame != self.received.frames() {
            return Err(ReceiveError::Header { field: "first frame" });
        }

        let binding =
            Binding { transfer: self.transfer, grant: self.grant, first_frame: header.first_frame };
        let opener = Opener::new(key, &header.encapsulated_key, &binding)?;
        self.attempt = Attempt::Open(Box::new(opener));
        Ok(())
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: Frame) -> Result<Opened, ReceiveError> {
        let Attempt::Open(opener) = &mut self.attempt else {
            return Err(ReceiveError::Order { found: "a frame", expected: "a header" });
        };
        let index = frame.index;
        let plaintext = opener.open(frame)?;
        let decode = |source| ReceiveError::Decode { index, source };

        if self.schema.is_some() {
            let parts = Parts::batch(&plaintext).map_err(decode)?;
            self.received.record(&plaintext, parts.rows);
            return Ok(Opened::Batch(parts));
        }
        let (parts, schema) = Parts::schema(&plaintext).map_err(decode)?;
        // What only says what the source holds has no content to tell of.
        let is_push =
            push::mode_of(&self.template) == Some(DeliveryMode::Push) && !self.template.reconcile;
        let has_outline = Outline::of(&schema).is_some();
        let columns = Shape::of(&self.template).columns(&self.agreed.fields);
        if is_push != has_outline || !push::field_names(&schema).eq(&columns) {
            return Err(ReceiveError::Fields);
        }
        self.received.record(&plaintext, 0);
        self.schema = Some(SchemaRef::clone(&schema));
        Ok(Opened::Schema(parts, schema))
    }

    /// Takes the trailer, and checks the receipt in it.
    pub fn trailer(
        &self,
        trailer: DeliveryTrailer,
        roots: &TrustRoots,
        at: Timestamp,
    ) -> Result<Checked, ReceiveError> {
        let missing = |expected| ReceiveError::Order { found: "a trailer", expected };
        let schema = match (&self.attempt, &self.schema) {
            (Attempt::Open(_), Some(schema)) => schema,
            (Attempt::Open(_), None) => return Err(missing("a frame")),
            (Attempt::None | Attempt::Asked(_), _) => return Err(missing("a header")),
        };
        let receipt = trailer
            .receipt
            .ok_or(ReceiveError::Order { found: "an empty trailer", expected: "a receipt" })?;
        let checked = receipt::check(roots, receipt, &self.agreed, &self.received, at)?;
        if let Some(outline) = Outline::of(schema) {
            receipt::compare_push(checked.receipt(), &outline)?;
        }
        Ok(checked)
    }

    /// The transfer's id.
    #[must_use]
    pub fn transfer(&self) -> TransferId {
        self.transfer
    }

    /// What was received over all attempts.
    #[must_use]
    pub fn received(&self) -> &Progress {
        &self.received
    }

    /// The schema, once it has come.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }
}

// === impl ReceiveError ===

impl ReceiveError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Order { .. } | Self::Header { .. } => "DELIVERY_MALFORMED",
            Self::Open(OpenError::Header(_)) => "DELIVERY_KEY_WRONG",
            Self::Open(OpenError::Missing { .. }) => "FRAME_MISSING",
            Self::Open(OpenError::Repeated { .. }) => "FRAME_REPEATED",
            Self::Open(OpenError::Changed { .. }) => "FRAME_CHANGED",
            Self::Decode { .. } => "FRAME_MALFORMED",
            Self::Fields => "DELIVERY_FIELDS_WRONG",
            Self::Receipt(_) => "RECEIPT_REJECTED",
        }
    }
}

#[cfg(test)]
mod tests;
