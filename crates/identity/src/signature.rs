//! Signatures that bind a principal to bytes, and that anyone can check with the roots alone.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, KeyUsage};

use crate::certificate::{self, CertificateError, CertificateInfo};
use crate::credentials::Credentials;
use crate::roots::TrustRoots;
use crate::spiffe::SpiffeId;

mod wire;

/// `id-kp-documentSigning`, RFC 9336, as the content of an OID in DER.
pub(crate) const DOCUMENT_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24];
/// A leaf and two intermediates; more only costs whoever verifies.
const CHAIN_LENGTH_MAX: usize = 3;

/// How bytes are signed: signature and digest algorithm in one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), without prehashing.
    Ed25519,
}

/// A signature with what is needed to check it, apart from the roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// How it was made; also part of what is signed.
    pub algorithm: Algorithm,
    /// The signer's certificate and then its issuers, each in DER, without the root.
    pub certificate_chain: Vec<Vec<u8>>,
    /// The signature itself.
    pub value: Vec<u8>,
}

/// Signs in the name of one principal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Signer(Credentials);

/// A name of an algorithm that this platform does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signature algorithm; `ed25519` is known")]
pub struct UnknownAlgorithm;

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It comes without a certificate, or with too many.
    #[error("the signature carries {found} certificates, 1 to {CHAIN_LENGTH_MAX} are allowed")]
    ChainLength {
        /// How many there are.
        found: usize,
    },
    /// The signer's certificate cannot be read.
    #[error("the signer's certificate cannot be read")]
    Certificate(#[source] CertificateError),
    /// The signer's certificate was issued by somebody else.
    #[error("the certificate of {signer} was not issued by a trusted authority")]
    ForeignAuthority {
        /// Whom the certificate names, without proof.
        signer: Box<SpiffeId>,
    },
    /// The signer belongs to another trust domain than the root that vouches for it.
    #[error("{signer} belongs to another trust domain")]
    ForeignDomain {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
    },
    /// The certificate's time was over.
    #[error("the certificate of {signer} had expired at {not_after}")]
    Expired {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
        /// The last moment that it was valid.
        not_after: Timestamp,
    },
    /// The certificate's time had not come.
    #[error("the certificate of {signer} was valid only from {not_before} on")]
    NotYetValid {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
        /// The first moment that it was valid.
        not_before: Timestamp,
    },
    /// The certificate is for something else, such as TLS.
    #[error("the certificate of {signer} is not one for signing")]
    WrongKeyUsage {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
    },
    /// The chain is wrong in another way.
    #[error("the certificate chain of {signer} is invalid")]
    Chain {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
        /// What is wrong.
        #[source]
        source: webpki::Error,
    },
    /// The certificate's key is not of the algorithm that the signature names.
    #[error("the signature names `{named}`, but the key of {signer} is of another kind")]
    AlgorithmMismatch {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
        /// The algorithm named.
        named: Algorithm,
    },
    /// Message, context or signature is not what was signed.
    #[error("the signature of {signer} does not match what it is said to sign")]
    BadSignature {
        /// Whom the certificate names.
        signer: Box<SpiffeId>,
    },
}

// === impl Signer ===

impl From<&Credentials> for Signer {
    fn from(credentials: &Credentials) -> Self {
        Self(credentials.clone())
    }
}

impl Signer {
    /// In whose name this signs.
    #[must_use]
    pub fn id(&self) -> &SpiffeId {
        self.0.id()
    }

    /// Signs bytes for one purpose, such as `grant`.
    #[must_use]
    pub fn sign(&self, context: &'static str, message: &[u8]) -> Signature {
        self.sign_bytes(&signed_bytes(context, Algorithm::Ed25519, message))
    }

    /// Signs bytes that say themselves what they are for, and that no other signed bytes begin like.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        let algorithm = Algorithm::Ed25519;
        let value = self.0.signing_key().sign(bytes);

        Signature { algorithm, certificate_chain: self.chain(), value: value.as_ref().to_vec() }
    }

    /// The signer's certificate and then its issuers, each in DER, without the root.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        self.0.signing_chain().iter().map(|der| der.to_vec()).collect()
    }
}

/// Who signed these bytes for this purpose, with a certificate that was valid at that time.
pub fn verify(
    roots: &TrustRoots,
    context: &'static str,
    message: &[u8],
    signature: &Signature,
    at: Timestamp,
) -> Result<SpiffeId, VerifyError> {
    let bytes = signed_bytes(context, signature.algorithm, message);
    verify_bytes(roots, &bytes, signature, at)
}

/// The same for bytes that stand for themselves.
pub(crate) fn verify_bytes(
    roots: &TrustRoots,
    bytes: &[u8],
    signature: &Signature,
    at: Timestamp,
) -> Result<SpiffeId, VerifyError> {
    let chain: Vec<CertificateDer<'_>> = signature
        .certificate_chain
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let (leaf_der, intermediates) = match chain.as_slice() {
        [leaf, rest @ ..] if chain.len() <= CHAIN_LENGTH_MAX => (leaf, rest),
        _ => return Err(VerifyError::ChainLength { found: chain.len() }),
    };
    let info = certificate::read(leaf_der).map_err(VerifyError::Certificate)?;
    let leaf = EndEntityCert::try_from(leaf_der)
        .map_err(|_| VerifyError::Certificate(CertificateError::Unreadable))?;

    roots
        .vouch_for(&leaf, intermediates, at, KeyUsage::required(DOCUMENT_SIGNING))
        .map_err(|error| refuse_chain(&info, error))?;
    let signer = || Box::new(info.id.clone());
    if info.id.domain() != roots.domain() {
        return Err(VerifyError::ForeignDomain { signer: signer() });
    }
    if !info.may_sign {
        return Err(VerifyError::WrongKeyUsage { signer: signer() });
    }

    let Algorithm::Ed25519 = signature.algorithm;
    match leaf.verify_signature(webpki::ring::ED25519, bytes, &signature.value) {
        Ok(()) => Ok(info.id),
        Err(webpki::Error::InvalidSignatureForPublicKey) => {
            Err(VerifyError::BadSignature { signer: signer() })
        }
        Err(_) => {
            Err(VerifyError::AlgorithmMismatch { signer: signer(), named: signature.algorithm })
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what else webpki finds stays its own words")]
fn refuse_chain(info: &CertificateInfo, error: webpki::Error) -> VerifyError {
    use webpki::Error as Chain;

    let signer = Box::new(info.id.clone());
    match error {
        // A foreign authority of the same name shows by its key.
        Chain::UnknownIssuer | Chain::InvalidSignatureForPublicKey => {
            VerifyError::ForeignAuthority { signer }
        }
        Chain::CertExpired { .. } => VerifyError::Expired { signer, not_after: info.not_after },
        Chain::CertNotValidYet { .. } => {
            VerifyError::NotYetValid { signer, not_before: info.not_before }
        }
        Chain::RequiredEkuNotFoundContext(_) => VerifyError::WrongKeyUsage { signer },
        source => VerifyError::Chain { signer, source },
    }
}

/// What is signed: see the crate's documentation.
fn signed_bytes(context: &'static str, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let mut bytes = format!("publicdata/{context}/v1/{algorithm}\0").into_bytes();
    bytes.extend_from_slice(message);
    bytes
}

// === impl Algorithm ===

impl Algorithm {
    /// The name on the wire and in what is signed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        match name {
            "ed25519" => Ok(Self::Ed25519),
            _ => Err(UnknownAlgorithm),
        }
    }
}

#[cfg(test)]
mod tests;
