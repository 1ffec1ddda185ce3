//! Sealing of frames from node to node: HPKE, RFC 9180, base mode.

use std::fmt;

use bytes::Bytes;
use hpke::aead::{AeadCtxR, AeadCtxS, AeadTag, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, HpkeError, Kem as _, OpModeR, OpModeS, Serializable as _, setup_receiver,
    setup_sender,
};
use publicdata_proto::exchange::v1::Frame;
use publicdata_types::{GrantId, TransferId};
use rand::CryptoRng;

const TAG_BYTES: usize = 16;

/// The key of one attempt: made by the consumer's node, told to nobody but in its public part.
pub struct OpeningKey {
    private: <X25519HkdfSha256 as hpke::Kem>::PrivateKey,
    public: <X25519HkdfSha256 as hpke::Kem>::PublicKey,
}

/// What a seal is bound to, so that it cannot serve another transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The transfer.
    pub transfer: TransferId,
    /// The grant that it happens under.
    pub grant: GrantId,
    /// The index of the first frame.
    pub first_frame: u64,
}

/// Seals the frames of one attempt, in order.
pub struct Sealer {
    context: AeadCtxS<AesGcm256, HkdfSha256, X25519HkdfSha256>,
    transfer: TransferId,
    next: u64,
}

/// Opens the frames of one attempt, in order.
pub struct Opener {
    context: AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>,
    transfer: TransferId,
    next: u64,
}

/// Why frames cannot be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The consumer's key is none.
    #[error("the seal key is not an X25519 public key")]
    Key(#[source] HpkeError),
    /// Encryption failed.
    #[error("frame {index} cannot be sealed")]
    Frame {
        /// The frame.
        index: u64,
        /// Why.
        #[source]
        source: HpkeError,
    },
}

/// Why frames cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The encapsulated key in the header was not made for this attempt's key.
    #[error("the encapsulated key in the header is not one for this attempt's key")]
    Header(#[source] HpkeError),
    /// Frames are missing, or come in another order.
    #[error(
        "frame {found} came where frame {expected} was expected: a frame is missing or out of order"
    )]
    Missing {
        /// The frame that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// A frame came again.
    #[error("frame {found} came again where frame {expected} was expected")]
    Repeated {
        /// The frame that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// A frame is not what the provider's node sealed in its place.
    #[error("frame {index} was changed on its way, or sealed for another transfer or another key")]
    Changed {
        /// The frame.
        index: u64,
    },
}

// === impl OpeningKey ===

impl OpeningKey {
    /// Makes a fresh key.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        let (private, public) = X25519HkdfSha256::gen_keypair(random);
        Self { private, public }
    }

    /// What goes into the request.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.public.to_bytes().to_vec()
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpeningKey").finish_non_exhaustive()
    }
}

// === impl Sealer ===

impl Sealer {
    /// A sealer to this public key, and the encapsulated key for the header.
    pub fn new(
        public_key: &[u8],
        binding: &Binding,
        random: &mut impl CryptoRng,
    ) -> Result<(Vec<u8>, Self), SealError> {
        let public = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(public_key)
            .map_err(SealError::Key)?;
        let (encapsulated, context) =
            setup_sender(&OpModeS::Base, &public, &binding.info(), random)
                .map_err(SealError::Key)?;

        let sealer = Self { context, transfer: binding.transfer, next: binding.first_frame };
        Ok((encapsulated.to_bytes().to_vec(), sealer))
    }

    /// Seals the next frame where it lies.
    pub fn seal(&mut self, mut plaintext: Vec<u8>) -> Result<Frame, SealError> {
        let index = self.next;
        let tag = self
            .context
            .seal_in_place_detached(&mut plaintext, &additional_data(self.transfer, index))
            .map_err(|source| SealError::Frame { index, source })?;
        plaintext.extend_from_slice(&tag.to_bytes());

        self.next += 1;
        Ok(Frame { index, sealed: Bytes::from(plaintext) })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("next", &self.next).finish_non_exhaustive()
    }
}

// === impl Opener ===

impl Opener {
    /// An opener for what was sealed to this key.
    pub fn new(
        key: &OpeningKey,
        encapsulated: &[u8],
        binding: &Binding,
    ) -> Result<Self, OpenError> {
        let encapsulated = <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(encapsulated)
            .map_err(OpenError::Header)?;
        let context = setup_receiver(&OpModeR::Base, &key.private, &encapsulated, &binding.info())
            .map_err(OpenError::Header)?;
        Ok(Self { context, transfer: binding.transfer, next: binding.first_frame })
    }

    /// Opens the next frame, without a copy if nobody else holds its bytes.
    pub fn open(&mut self, frame: Frame) -> Result<Bytes, OpenError> {
        let (expected, found) = (self.next, frame.index);
        if found > expected {
            return Err(OpenError::Missing { expected, found });
        }
        if found < expected {
            return Err(OpenError::Repeated { expected, found });
        }
        let changed = OpenError::Changed { index: expected };
        let mut sealed = Vec::from(frame.sealed);
        let Some(length) = sealed.len().checked_sub(TAG_BYTES) else {
            return Err(changed);
        };
        let Ok(tag) = AeadTag::<AesGcm256>::from_bytes(&sealed[length..]) else {
            return Err(changed);
        };

        sealed.truncate(length);
        let additional_data = additional_data(self.transfer, expected);
        match self.context.open_in_place_detached(&mut sealed, &additional_data, &tag) {
            Ok(()) => {
                self.next += 1;
                Ok(Bytes::from(sealed))
            }
            Err(_) => Err(changed),
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("next", &self.next).finish_non_exhaustive()
    }
}

// === impl Binding ===

impl Binding {
    fn info(&self) -> Vec<u8> {
        let mut info = b"publicdata/transfer/v1\0".to_vec();
        info.extend_from_slice(self.transfer.as_uuid().as_bytes());
        info.extend_from_slice(self.grant.as_uuid().as_bytes());
        info
    }
}

fn additional_data(transfer: TransferId, index: u64) -> [u8; 24] {
    let mut data = [0; 24];
    data[..16].copy_from_slice(transfer.as_uuid().as_bytes());
    data[16..].copy_from_slice(&index.to_be_bytes());
    data
}

#[cfg(test)]
mod tests;
