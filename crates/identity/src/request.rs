//! Asking for certificates: the keys are made by their owner and stay there.

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKey, PublicKeyData as _, SignatureAlgorithm,
};
use rustls_pki_types::CertificateSigningRequestDer;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use crate::authority::Issued;
use crate::credentials::{Credentials, CredentialsError};

/// Fresh keys, waiting for their certificates.
pub struct CredentialRequest {
    tls_key: KeyPair,
    signing_key: KeyPair,
    request: CertificateRequest,
}

/// What an authority is given: two certification requests (PKCS#10, DER), each signed with the key
/// that it is about. Names in them are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// For the TLS key, ECDSA P-256.
    pub tls: Vec<u8>,
    /// For the signing key, Ed25519.
    pub signing: Vec<u8>,
}

/// The two uses that a principal has keys for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Opening and accepting connections.
    Tls,
    /// Signing grants, requests and receipts.
    Signing,
}

/// Why a certification request is refused.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It is not PKCS#10, or asks for extensions that nobody here knows.
    #[error("the {purpose} certification request cannot be read")]
    Unreadable {
        /// Which of the two.
        purpose: Purpose,
        /// What is wrong with it.
        #[source]
        source: rcgen::Error,
    },
    /// Whoever made it does not hold the key.
    #[error("the {purpose} certification request is not signed with the key that it is about")]
    NotPossessed {
        /// Which of the two.
        purpose: Purpose,
    },
    /// Its key is of another kind.
    #[error("the {purpose} certification request must be about {} key", expected_key(*purpose))]
    WrongKey {
        /// Which of the two.
        purpose: Purpose,
    },
}

/// New keys could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot generate keys")]
pub struct GenerateError(#[source] rcgen::Error);

// === impl CredentialRequest ===

impl CredentialRequest {
    /// Generates both keys, and the requests for their certificates.
    pub fn generate() -> Result<Self, GenerateError> {
        let (tls_key, tls) = key_and_request(&PKCS_ECDSA_P256_SHA256).map_err(GenerateError)?;
        let (signing_key, signing) = key_and_request(&PKCS_ED25519).map_err(GenerateError)?;
        Ok(Self { tls_key, signing_key, request: CertificateRequest { tls, signing } })
    }

    /// What to send to the authority.
    #[must_use]
    pub fn request(&self) -> &CertificateRequest {
        &self.request
    }

    /// As [`complete`](Self::complete), from certificates in DER, as they come over the wire.
    pub fn complete_with_der(
        self,
        root: &[u8],
        tls: &[u8],
        signing: &[u8],
    ) -> Result<Credentials, CredentialsError> {
        let pem = |der: &[u8]| pem::encode(&pem::Pem::new("CERTIFICATE", der));
        Credentials::from_pem(
            &pem(root),
            (&pem(tls), &self.tls_key.serialize_pem()),
            (&pem(signing), &self.signing_key.serialize_pem()),
        )
    }

    /// Joins the keys with the certificates that the authority issued for them.
    pub fn complete(self, issued: &Issued) -> Result<Credentials, CredentialsError> {
        Credentials::from_pem(
            &issued.roots_pem,
            (&issued.tls.pem, &self.tls_key.serialize_pem()),
            (&issued.signing.pem, &self.signing_key.serialize_pem()),
        )
    }
}

impl std::fmt::Debug for CredentialRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialRequest").finish_non_exhaustive()
    }
}

// === impl Purpose ===

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tls => "TLS",
            Self::Signing => "signing",
        })
    }
}

/// The public key of a request whose maker has proven to hold the private one.
pub(crate) fn proven_key(der: &[u8], purpose: Purpose) -> Result<PublicKey, RequestError> {
    let unreadable = |source| RequestError::Unreadable { purpose, source };
    let request =
        CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der))
            .map_err(|error| match error == rcgen::Error::InvalidCertificationRequestSignature {
                true => RequestError::NotPossessed { purpose },
                false => unreadable(error),
            })?;
    let key = request.public_key;
    if key.algorithm() != algorithm(purpose) {
        return Err(RequestError::WrongKey { purpose });
    }

    // rcgen infers the kind of key from the signature: make sure that the request says the same.
    let (_, stated) = X509CertificationRequest::from_der(der)
        .map_err(|_| unreadable(rcgen::Error::CouldNotParseCertificationRequest))?;
    match stated.certification_request_info.subject_pki.raw == key.subject_public_key_info() {
        true => Ok(key),
        false => Err(RequestError::WrongKey { purpose }),
    }
}

fn key_and_request(
    algorithm: &'static SignatureAlgorithm,
) -> Result<(KeyPair, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(algorithm)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?.der().to_vec();
    Ok((key, request))
}

fn algorithm(purpose: Purpose) -> &'static SignatureAlgorithm {
    match purpose {
        Purpose::Tls => &PKCS_ECDSA_P256_SHA256,
        Purpose::Signing => &PKCS_ED25519,
    }
}

fn expected_key(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Tls => "an ECDSA P-256",
        Purpose::Signing => "an Ed25519",
    }
}
