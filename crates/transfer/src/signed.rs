//! Messages that are encoded once and signed: grants, transfer requests, keys of nodes, receipts, archives.

use jiff::Timestamp;
use prost::Message;
use publicdata_identity::signature::UnknownAlgorithm;
use publicdata_identity::{Signature, Signer, SpiffeId, TrustRoots, VerifyError};
use publicdata_proto::common::v1 as wire;
use publicdata_proto::exchange::v1::{
    GrantTerms, LogArchive, NodeKey, Receipt, SinkStatement, TransferRequest,
};

/// A message that is signed, in a context of its own so that no signature serves another purpose.
pub trait Signable: Message + Default {
    /// The context of the signature.
    const CONTEXT: &'static str;
}

impl Signable for GrantTerms {
    const CONTEXT: &'static str = "grant";
}

impl Signable for TransferRequest {
    const CONTEXT: &'static str = "transfer-request";
}

impl Signable for NodeKey {
    const CONTEXT: &'static str = "node-key";
}

impl Signable for Receipt {
    const CONTEXT: &'static str = "receipt";
}

impl Signable for SinkStatement {
    const CONTEXT: &'static str = "sink-statement";
}

impl Signable for LogArchive {
    const CONTEXT: &'static str = "log-archive";
}

/// Why a signed message is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SignedError {
    /// There is no signature.
    #[error("the {context} carries no signature")]
    Unsigned {
        /// What kind of message it is.
        context: &'static str,
    },
    /// The algorithm is not known.
    #[error("the {context} is signed with an algorithm that is not known")]
    Algorithm {
        /// What kind of message it is.
        context: &'static str,
        /// Why.
        #[source]
        source: UnknownAlgorithm,
    },
    /// The signature is not accepted.
    #[error("the signature of the {context} is not accepted")]
    Signature {
        /// What kind of message it is.
        context: &'static str,
        /// Why.
        #[source]
        source: VerifyError,
    },
    /// The signed bytes are not such a message.
    #[error("the signed bytes are not a {context}")]
    Encoding {
        /// What kind of message was expected.
        context: &'static str,
        /// Why.
        #[source]
        source: prost::DecodeError,
    },
}

/// A message with the principal whose valid signature it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified<M> {
    /// What was signed.
    pub message: M,
    /// Who signed it.
    pub signer: SpiffeId,
}

/// Encodes and signs a message.
#[must_use]
pub fn sign<M: Signable>(signer: &Signer, message: &M) -> wire::SignedMessage {
    let bytes = message.encode_to_vec();
    let signature = signer.sign(M::CONTEXT, &bytes);
    wire::SignedMessage { message: bytes, signature: Some(to_wire(signature)) }
}

/// Signs bytes that another has encoded and signed already.
#[must_use]
pub fn countersign<M: Signable>(signer: &Signer, signed: &wire::SignedMessage) -> wire::Signature {
    to_wire(signer.sign(M::CONTEXT, &signed.message))
}

/// Checks the signature, and only then reads the message.
pub fn verify<M: Signable>(
    roots: &TrustRoots,
    signed: &wire::SignedMessage,
    at: Timestamp,
) -> Result<Verified<M>, SignedError> {
    let signer = signer_of::<M>(roots, &signed.message, signed.signature.as_ref(), at)?;
    let message = M::decode(signed.message.as_slice())
        .map_err(|source| SignedError::Encoding { context: M::CONTEXT, source })?;
    Ok(Verified { message, signer })
}

/// Who signed these bytes as such a message.
pub fn signer_of<M: Signable>(
    roots: &TrustRoots,
    message: &[u8],
    signature: Option<&wire::Signature>,
    at: Timestamp,
) -> Result<SpiffeId, SignedError> {
    let context = M::CONTEXT;
    let signature = signature.ok_or(SignedError::Unsigned { context })?;
    let signature =
        from_wire(signature).map_err(|source| SignedError::Algorithm { context, source })?;

    publicdata_identity::verify(roots, context, message, &signature, at)
        .map_err(|source| SignedError::Signature { context, source })
}

fn to_wire(signature: Signature) -> wire::Signature {
    wire::Signature {
        algorithm: signature.algorithm.as_str().to_owned(),
        certificate_chain: signature.certificate_chain,
        value: signature.value,
    }
}

fn from_wire(signature: &wire::Signature) -> Result<Signature, UnknownAlgorithm> {
    Ok(Signature {
        algorithm: signature.algorithm.parse()?,
        certificate_chain: signature.certificate_chain.clone(),
        value: signature.value.clone(),
    })
}

#[cfg(test)]
mod tests;
