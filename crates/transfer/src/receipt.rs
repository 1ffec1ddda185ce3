//! The receipt: what both nodes sign after a delivery (R23.2, R30.1).

use jiff::Timestamp;
use publicdata_identity::{Signer, SpiffeId, TrustRoots};
use publicdata_proto::common::v1::{Signature, SignedMessage};
use publicdata_proto::exchange::v1::{GrantTerms, Receipt, RowSet, TransferRequest};

use crate::digest::Progress;
use crate::push::{Content, Follows, Outline};
use crate::signed::{self, SignedError};
use crate::time;

/// What the two sides agreed on before the first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The transfer.
    pub transfer_id: String,
    /// The grant.
    pub grant_id: String,
    /// The provider's organisation code.
    pub provider_code: String,
    /// The consumer's organisation code.
    pub consumer_code: String,
    /// The fields, in order.
    pub fields: Vec<String>,
    /// The purpose.
    pub purpose: String,
}

/// What the provider's node says of a delivery beside what both nodes count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// A keyed pseudonym of whom or what the answer is about; empty if it is about nobody in particular.
    pub subject_reference: String,
    /// Rows that were not delivered because they break a rule of their items (R17.2).
    pub rejected_rows: u64,
    /// The state of the source that the delivery has at least, as it is named to others (R29.1); empty if the source is not watched.
    pub source_version: String,
    /// What comes after a push.
    pub follows: Follows,
    /// What the source holds, if that was asked (R10.1).
    pub source: Option<RowSet>,
}

/// A receipt that says what was agreed and received.
#[derive(Clone, Debug)]
pub struct Checked {
    receipt: Receipt,
    signed: SignedMessage,
    provider_node: SpiffeId,
}

/// Why a receipt is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The signature is not accepted.
    #[error("the receipt is not accepted")]
    Signed(#[from] SignedError),
    /// Somebody else signed it.
    #[error("the receipt is signed by {signer}, a node of {expected} has to")]
    Signer {
        /// Who signed.
        signer: Box<SpiffeId>,
        /// The organisation whose node has to sign.
        expected: String,
    },
    /// It says something else than what was agreed or received.
    #[error("the receipt's `{field}` is not what was agreed or received")]
    Mismatch {
        /// The receipt's field.
        field: &'static str,
    },
}

// === impl Agreed ===

impl Agreed {
    /// What terms and request together say.
    #[must_use]
    pub fn new(terms: &GrantTerms, request: &TransferRequest) -> Self {
        Self {
            transfer_id: request.transfer_id.clone(),
            grant_id: terms.grant_id.clone(),
            provider_code: terms.provider_code.clone(),
            consumer_code: request.consumer_code.clone(),
            fields: request.fields.clone(),
            purpose: request.purpose.clone(),
        }
    }
}

// === impl Checked ===

impl Checked {
    /// What was delivered.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The bytes and the provider's signature, as they came.
    #[must_use]
    pub fn signed(&self) -> &SignedMessage {
        &self.signed
    }

    /// The node that delivered.
    #[must_use]
    pub fn provider_node(&self) -> &SpiffeId {
        &self.provider_node
    }

    /// The consumer's signature. Only what was checked can be countersigned.
    #[must_use]
    pub fn countersign(&self, signer: &Signer) -> Signature {
        signed::countersign::<Receipt>(signer, &self.signed)
    }
}

/// Writes and signs the receipt; the provider's node does.
#[must_use]
pub fn issue(
    agreed: &Agreed,
    delivered: &Progress,
    remarks: &Remarks,
    signer: &Signer,
    at: Timestamp,
) -> SignedMessage {
    let receipt = Receipt {
        transfer_id: agreed.transfer_id.clone(),
        grant_id: agreed.grant_id.clone(),
        provider_code: agreed.provider_code.clone(),
        consumer_code: agreed.consumer_code.clone(),
        fields: agreed.fields.clone(),
        purpose: agreed.purpose.clone(),
        rows: delivered.rows(),
        bytes: delivered.bytes(),
        frames: delivered.frames(),
        sha256: delivered.digest().as_bytes().to_vec(),
        completed_at: Some(time::to_wire(at)),
        subject_reference: remarks.subject_reference.clone(),
        rejected_rows: remarks.rejected_rows,
        source_version: remarks.source_version.clone(),
        more_follows: remarks.follows == Follows::More,
        source: remarks.source.clone(),
    };
    signed::sign(signer, &receipt)
}

/// Compares a receipt with what was agreed and received; the consumer's node does.
pub fn check(
    roots: &TrustRoots,
    signed: SignedMessage,
    agreed: &Agreed,
    received: &Progress,
    at: Timestamp,
) -> Result<Checked, ReceiptError> {
    let verified = signed::verify::<Receipt>(roots, &signed, at)?;
    must_be_node_of(&verified.signer, &agreed.provider_code)?;
    compare(&verified.message, agreed)?;

    let receipt = verified.message;
    let counted = [
        ("rows", receipt.rows == received.rows()),
        ("bytes", receipt.bytes == received.bytes()),
        ("frames", receipt.frames == received.frames()),
        ("sha256", receipt.sha256 == received.digest().as_bytes()),
    ];
    first_wrong(&counted)?;
    Ok(Checked { receipt, signed, provider_node: verified.signer })
}

/// Whether a receipt says of a push what the delivery said of itself before its rows. A node of before the two were in receipts names
/// neither.
pub fn compare_push(receipt: &Receipt, outline: &Outline) -> Result<(), ReceiptError> {
    if receipt.source_version.is_empty() && !receipt.more_follows {
        return Ok(());
    }
    let more_follows = outline.content == Content::Changes(Follows::More);
    first_wrong(&[
        ("source_version", receipt.source_version == outline.source_version),
        ("more_follows", receipt.more_follows == more_follows),
    ])
}

/// Checks both signatures over a receipt, and that it is for this transfer; the bus does, and so may
/// anyone who holds the roots.
pub fn verify(
    roots: &TrustRoots,
    signed: &SignedMessage,
    consumer_signature: Option<&Signature>,
    at: Timestamp,
) -> Result<Receipt, ReceiptError> {
    let verified = signed::verify::<Receipt>(roots, signed, at)?;
    must_be_node_of(&verified.signer, &verified.message.provider_code)?;

    let consumer = signed::signer_of::<Receipt>(roots, &signed.message, consumer_signature, at)?;
    must_be_node_of(&consumer, &verified.message.consumer_code)?;
    Ok(verified.message)
}

/// Whether a receipt says what was agreed, apart from what only the two nodes could count.
pub fn compare(receipt: &Receipt, agreed: &Agreed) -> Result<(), ReceiptError> {
    first_wrong(&[
        ("transfer_id", receipt.transfer_id == agreed.transfer_id),
        ("grant_id", receipt.grant_id == agreed.grant_id),
        ("provider_code", receipt.provider_code == agreed.provider_code),
        ("consumer_code", receipt.consumer_code == agreed.consumer_code),
        ("fields", receipt.fields == agreed.fields),
        ("purpose", receipt.purpose == agreed.purpose),
    ])
}

fn first_wrong(checks: &[(&'static str, bool)]) -> Result<(), ReceiptError> {
    match checks.iter().find(|(_, right)| !right) {
        Some((field, _)) => Err(ReceiptError::Mismatch { field }),
        None => Ok(()),
    }
}

fn must_be_node_of(signer: &SpiffeId, organisation: &str) -> Result<(), ReceiptError> {
    match signer {
        SpiffeId::Node { organisation: own, .. } if own.as_str() == organisation => Ok(()),
        SpiffeId::Node { .. } | SpiffeId::User { .. } | SpiffeId::Service { .. } => {
            Err(ReceiptError::Signer {
                signer: Box::new(signer.clone()),
                expected: organisation.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests;
