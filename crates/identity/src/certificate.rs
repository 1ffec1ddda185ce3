//! What the platform reads in a certificate.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::spiffe::{SpiffeId, SpiffeIdError};

/// The parts of a certificate that matter here. Reading says nothing about trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whom it names.
    pub id: SpiffeId,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// The last moment that it is valid.
    pub not_after: Timestamp,
    /// The subject's public key, as DER of `SubjectPublicKeyInfo`.
    pub public_key_info: Vec<u8>,
    /// Whether its key usage allows statements that bind the subject.
    pub may_sign: bool,
}

/// Why a certificate cannot be read as one of the platform's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is not an X.509 certificate in DER.
    #[error("not an X.509 certificate")]
    Unreadable,
    /// It has no URI name, or several.
    #[error("the certificate has {found} URI names, a SPIFFE certificate has exactly one")]
    UriNames {
        /// How many there are.
        found: usize,
    },
    /// Its URI name is not a SPIFFE id of a known form.
    #[error("the certificate's URI name is not the id of a node, user or service")]
    Id(#[source] SpiffeIdError),
}

/// Reads a leaf certificate.
pub fn read(der: &[u8]) -> Result<CertificateInfo, CertificateError> {
    let certificate = parse(der)?;
    let uri = only_uri(&certificate)?;
    let usage = certificate
        .key_usage()
        .map_err(|_| CertificateError::Unreadable)?
        .map(|extension| extension.value);
    let validity = certificate.validity();

    Ok(CertificateInfo {
        id: uri.parse().map_err(CertificateError::Id)?,
        not_before: timestamp(validity.not_before.timestamp())?,
        not_after: timestamp(validity.not_after.timestamp())?,
        public_key_info: certificate.public_key().raw.to_vec(),
        may_sign: usage.is_some_and(|usage| usage.digital_signature() && usage.non_repudiation()),
    })
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(CertificateError::Unreadable),
    }
}

pub(crate) fn only_uri<'a>(certificate: &X509Certificate<'a>) -> Result<&'a str, CertificateError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| CertificateError::Unreadable)?
        .map(|extension| &extension.value.general_names);
    let uris: Vec<&'a str> = names
        .into_iter()
        .flatten()
        .filter_map(|name| {
            let GeneralName::URI(uri) = name else { return None };
            Some(*uri)
        })
        .collect();

    match uris.as_slice() {
        [uri] => Ok(uri),
        _ => Err(CertificateError::UriNames { found: uris.len() }),
    }
}

pub(crate) fn timestamp(seconds: i64) -> Result<Timestamp, CertificateError> {
    Timestamp::from_second(seconds).map_err(|_| CertificateError::Unreadable)
}
