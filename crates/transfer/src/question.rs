//! What is asked of a data service (R23.1): its parameters, sealed to the provider's node, and the columns of its answer.

use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, HpkeError, Kem, OpModeR, OpModeS, Serializable as _, single_shot_open,
    single_shot_seal,
};
use prost::Message as _;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::{
    ProofKind, QueryParameters, SealedParameters, TransferRequest,
};
use publicdata_types::id::IdError;
use publicdata_types::{Digest, GrantId, TransferId};
use rand::CryptoRng;

/// The column of a row's reference: a keyed pseudonym of what identifies the row, text.
pub const REFERENCE: &str = "_reference";
/// The column that says whether a row is disputed, logical (R27.2).
pub const DISPUTED: &str = "_disputed";
/// The one column of a proof, text (R21.1).
pub const CREDENTIAL: &str = "_credential";

/// The key that parameters are sealed to: made at the start of a provider's node, and never written down.
pub struct ParameterKey {
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: <X25519HkdfSha256 as Kem>::PublicKey,
}

/// What parameters are bound to, so that they cannot serve another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterBinding {
    /// The transfer.
    pub transfer: TransferId,
    /// The grant that it happens under.
    pub grant: GrantId,
}

/// The node's key is none, or encryption failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameters cannot be sealed to the key of the provider's node")]
pub struct ParameterSealError(#[source] HpkeError);

/// Why sealed parameters are not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// They were sealed to another key, for another request, or changed on their way.
    #[error(
        "the query's parameters cannot be opened: this node was restarted since they were sealed, or they were changed; ask again"
    )]
    Sealed(#[source] HpkeError),
    /// What was sealed is no set of parameters.
    #[error("the query's parameters are malformed")]
    Encoding(#[source] prost::DecodeError),
}

/// What a request asks for, by its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The fields.
    Rows,
    /// The fields, and of each row its reference and whether it is disputed.
    RowsWithReferences,
    /// A proof.
    Proof,
}

// === impl Shape ===

impl Shape {
    /// What this request asks for.
    #[must_use]
    pub fn of(request: &TransferRequest) -> Self {
        let proof = request.query.as_ref().map(|query| query.proof());
        match proof {
            Some(ProofKind::Confirm | ProofKind::Extract) => Self::Proof,
            Some(ProofKind::Unspecified) => Self::RowsWithReferences,
            None if request.with_references => Self::RowsWithReferences,
            None => Self::Rows,
        }
    }

    /// The names of the columns that come, in order.
    #[must_use]
    pub fn columns(self, fields: &[String]) -> Vec<String> {
        let own: &[&str] = match self {
            Self::Rows => &[],
            Self::RowsWithReferences => &[REFERENCE, DISPUTED],
            Self::Proof => return vec![CREDENTIAL.to_owned()],
        };
        fields.iter().cloned().chain(own.iter().map(|&name| name.to_owned())).collect()
    }
}

/// How a request is to be delivered: requests said nothing before there were other modes than bulk. None if it says what is not known.
#[must_use]
pub fn mode(number: i32) -> Option<publicdata_types::DeliveryMode> {
    match DeliveryMode::try_from(number) {
        Ok(DeliveryMode::Unspecified | DeliveryMode::Bulk) => {
            Some(publicdata_types::DeliveryMode::Bulk)
        }
        Ok(DeliveryMode::Query) => Some(publicdata_types::DeliveryMode::Query),
        Ok(DeliveryMode::Push) => Some(publicdata_types::DeliveryMode::Push),
        Err(_) => None,
    }
}

// === impl ParameterKey ===

impl ParameterKey {
    /// Makes a fresh key.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        let (private, public) = X25519HkdfSha256::gen_keypair(random);
        Self { private, public }
    }

    /// What consumers' nodes are told.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.public.to_bytes().to_vec()
    }

    /// Opens what was sealed to this key for this request.
    pub fn open(
        &self,
        sealed: &SealedParameters,
        binding: &ParameterBinding,
    ) -> Result<QueryParameters, ParameterError> {
        let encapsulated =
            <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated_key)
                .map_err(ParameterError::Sealed)?;
        let plaintext = single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            &binding.info(),
            &sealed.sealed,
            &[],
        )
        .map_err(ParameterError::Sealed)?;
        QueryParameters::decode(plaintext.as_slice()).map_err(ParameterError::Encoding)
    }
}

impl fmt::Debug for ParameterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterKey").finish_non_exhaustive()
    }
}

/// Seals parameters to a node's key.
pub fn seal(
    public_key: &[u8],
    parameters: &QueryParameters,
    binding: &ParameterBinding,
    random: &mut impl CryptoRng,
) -> Result<SealedParameters, ParameterSealError> {
    let public =
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public_key).map_err(ParameterSealError)?;
    let (encapsulated, sealed) = single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256, _>(
        &OpModeS::Base,
        &public,
        &binding.info(),
        &parameters.encode_to_vec(),
        &[],
        random,
    )
    .map_err(ParameterSealError)?;
    Ok(SealedParameters { encapsulated_key: encapsulated.to_bytes().to_vec(), sealed })
}

/// What a signed request names its parameters by.
#[must_use]
pub fn digest(sealed: &SealedParameters) -> Digest {
    Digest::of(sealed.encode_to_vec())
}

// === impl ParameterBinding ===

impl ParameterBinding {
    /// What a request with these ids is bound to.
    pub fn of(request: &TransferRequest) -> Result<Self, IdError> {
        Ok(Self { transfer: request.transfer_id.parse()?, grant: request.grant_id.parse()? })
    }

    fn info(&self) -> Vec<u8> {
        let mut info = b"publicdata/query-parameters/v1\0".to_vec();
        info.extend_from_slice(self.transfer.as_uuid().as_bytes());
        info.extend_from_slice(self.grant.as_uuid().as_bytes());
        info
    }
}

#[cfg(test)]
mod tests;
