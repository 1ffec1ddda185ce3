//! The roots of one trust domain.

use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

use crate::certificate::{self, CertificateError};
use crate::spiffe::{SpiffeIdError, TrustDomain};

/// The root certificates of one trust domain: several while one root replaces another.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    pem: String,
    domain: TrustDomain,
    certificates: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
}

/// Why a text does not hold the roots of a trust domain.
#[derive(Debug, thiserror::Error)]
pub enum TrustRootsError {
    /// The text is not PEM.
    #[error("root certificates are not in PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// No certificate in it.
    #[error("no root certificate found")]
    Empty,
    /// A certificate cannot be read.
    #[error("a root certificate cannot be read")]
    Certificate(#[source] CertificateError),
    /// A certificate is not a root.
    #[error("a root certificate cannot serve as a trust anchor")]
    Anchor(#[source] webpki::Error),
    /// A certificate does not name its trust domain.
    #[error("a root certificate does not name its trust domain as `spiffe://<domain>`")]
    Domain(#[source] SpiffeIdError),
    /// Two roots name different trust domains.
    #[error(
        "the roots name two trust domains, `{first}` and `{second}`; keep each in a file of its own"
    )]
    TwoDomains {
        /// The domain of the first root.
        first: TrustDomain,
        /// Another root's domain.
        second: TrustDomain,
    },
}

impl TrustRoots {
    /// Reads one or more PEM certificates.
    pub fn from_pem(pem: &str) -> Result<Self, TrustRootsError> {
        let mut certificates = Vec::new();
        let mut anchors = Vec::new();
        let mut domain: Option<TrustDomain> = None;

        for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let root = root.map_err(TrustRootsError::Pem)?;
            let named = domain_of(&root)?;
            match &domain {
                Some(first) if *first != named => {
                    return Err(TrustRootsError::TwoDomains {
                        first: first.clone(),
                        second: named,
                    });
                }
                Some(_) => {}
                None => domain = Some(named),
            }
            let anchor =
                webpki::anchor_from_trusted_cert(&root).map_err(TrustRootsError::Anchor)?;
            anchors.push(anchor.to_owned());
            certificates.push(root);
        }

        let domain = domain.ok_or(TrustRootsError::Empty)?;
        Ok(Self { pem: pem.to_owned(), domain, certificates, anchors })
    }

    /// The certificates as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificates.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The trust domain that these roots vouch for.
    #[must_use]
    pub fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Builds a path from the leaf to one of the roots, valid at that time and for that purpose.
    pub(crate) fn vouch_for(
        &self,
        leaf: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        at: Timestamp,
        usage: KeyUsage,
    ) -> Result<(), webpki::Error> {
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));

        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            intermediates,
            at,
            usage,
            None,
            None,
        )
        .map(drop)
    }
}

pub(crate) fn domain_of(root: &CertificateDer<'_>) -> Result<TrustDomain, TrustRootsError> {
    let certificate = certificate::parse(root).map_err(TrustRootsError::Certificate)?;
    let uri = certificate::only_uri(&certificate).map_err(TrustRootsError::Certificate)?;
    TrustDomain::from_uri(uri).map_err(TrustRootsError::Domain)
}

#[cfg(test)]
mod tests;
