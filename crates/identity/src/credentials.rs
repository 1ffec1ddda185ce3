//! The credentials folder: what a principal has to show and to sign with.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{KeyPair, PublicKeyData as _};
use ring::signature::Ed25519KeyPair;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use webpki::{EndEntityCert, KeyUsage};

use crate::certificate::{self, CertificateError};
use crate::files;
use crate::roots::{TrustRoots, TrustRootsError};
use crate::signature;
use crate::spiffe::SpiffeId;

const ROOTS_FILE: &str = "ca.pem";
const TLS_FILES: PairFiles = PairFiles { certificate: "tls.pem", key: "tls.key" };
const SIGNING_FILES: PairFiles = PairFiles { certificate: "signing.pem", key: "signing.key" };

/// A principal's certificates and keys, checked against each other. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Checked>);

struct Checked {
    id: SpiffeId,
    roots: TrustRoots,
    tls: Pair,
    signing: Pair,
    signing_key: Ed25519KeyPair,
}

struct Pair {
    chain: Vec<CertificateDer<'static>>,
    certificate_pem: String,
    key_pem: String,
    key_der: Vec<u8>,
    id: SpiffeId,
    not_before: Timestamp,
    not_after: Timestamp,
}

#[derive(Clone, Copy)]
struct PairFiles {
    certificate: &'static str,
    key: &'static str,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file is not there.
    #[error(
        "credentials lack {}; ask the authority for credentials, and save all five files in one \
         folder", .0.display()
    )]
    Missing(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot access {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What stands in the files is no set of credentials.
    #[error("credentials in {} are unusable", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        #[source]
        source: Unusable,
    },
    /// The parts do not make a set of credentials.
    #[error("credentials are unusable")]
    Parts(#[source] Unusable),
    /// Their time is over.
    #[error("credentials of {id} expired at {not_after}; ask the authority for new ones")]
    Expired {
        /// Whose.
        id: Box<SpiffeId>,
        /// The last moment they were valid.
        not_after: Timestamp,
    },
    /// Their time has not come.
    #[error(
        "credentials of {id} are valid from {not_before} on; check this machine's clock, or the \
         authority's"
    )]
    NotYetValid {
        /// Whose.
        id: Box<SpiffeId>,
        /// The first moment they are valid.
        not_before: Timestamp,
    },
}

/// What is wrong with a set of credentials.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The roots.
    #[error("{ROOTS_FILE} is unusable")]
    Roots(#[source] TrustRootsError),
    /// A certificate file is not PEM, or empty.
    #[error("{file} does not hold a certificate in PEM")]
    Pem {
        /// The file.
        file: &'static str,
        /// What is wrong.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A certificate is not one of ours.
    #[error("{file} is unusable")]
    Certificate {
        /// The file.
        file: &'static str,
        /// What is wrong.
        #[source]
        source: CertificateError,
    },
    /// A key cannot be read.
    #[error("{file} does not hold a private key in PEM (PKCS#8)")]
    Key {
        /// The file.
        file: &'static str,
        /// What is wrong.
        #[source]
        source: rcgen::Error,
    },
    /// Key and certificate are not of one pair.
    #[error("{key} does not belong to {certificate}; save the files of one request together")]
    Mismatch {
        /// The key's file.
        key: &'static str,
        /// The certificate's file.
        certificate: &'static str,
    },
    /// The certificate was issued by somebody else, or for something else.
    #[error("{file} is not vouched for by {ROOTS_FILE}; take both from the same authority")]
    Foreign {
        /// The certificate's file.
        file: &'static str,
        /// What is wrong.
        #[source]
        source: webpki::Error,
    },
    /// The signing key is not Ed25519.
    #[error("{} does not hold an Ed25519 key", SIGNING_FILES.key)]
    NotEd25519,
    /// The certificates name different principals, or one of a foreign trust domain.
    #[error("the certificates name {tls} and {signing}; both must be issued to one principal")]
    TwoPrincipals {
        /// Whom the TLS certificate names.
        tls: Box<SpiffeId>,
        /// Whom the signing certificate names.
        signing: Box<SpiffeId>,
    },
    /// The certificates name a principal of another trust domain than the roots.
    #[error("{id} is not of the trust domain that {ROOTS_FILE} names")]
    ForeignDomain {
        /// Whom the certificates name.
        id: Box<SpiffeId>,
    },
}

// === impl Credentials ===

impl Credentials {
    /// Reads a credentials folder. Whether the credentials are still valid is another question:
    /// see [`Credentials::check_valid`].
    pub fn load(folder: &Path) -> Result<Self, CredentialsError> {
        let roots = read(folder, ROOTS_FILE)?;
        let tls = read_pair(folder, TLS_FILES)?;
        let signing = read_pair(folder, SIGNING_FILES)?;

        Self::check(&roots, (&tls.0, &tls.1), (&signing.0, &signing.1))
            .map_err(|source| CredentialsError::Unusable { folder: folder.to_owned(), source })
    }

    /// Puts credentials together from PEM texts: the roots, and certificate and key of each pair.
    pub fn from_pem(
        roots: &str,
        tls: (&str, &str),
        signing: (&str, &str),
    ) -> Result<Self, CredentialsError> {
        Self::check(roots, tls, signing).map_err(CredentialsError::Parts)
    }

    fn check(roots: &str, tls: (&str, &str), signing: (&str, &str)) -> Result<Self, Unusable> {
        let roots = TrustRoots::from_pem(roots).map_err(Unusable::Roots)?;
        let tls = Pair::check(&roots, TLS_FILES, tls, KeyUsage::client_auth())?;
        let usage = KeyUsage::required(signature::DOCUMENT_SIGNING);
        let signing = Pair::check(&roots, SIGNING_FILES, signing, usage)?;
        let signing_key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&signing.key_der)
            .map_err(|_| Unusable::NotEd25519)?;

        if tls.id != signing.id {
            return Err(Unusable::TwoPrincipals {
                tls: Box::new(tls.id),
                signing: Box::new(signing.id),
            });
        }
        let id = tls.id.clone();
        if id.domain() != roots.domain() {
            return Err(Unusable::ForeignDomain { id: Box::new(id) });
        }
        Ok(Self(Arc::new(Checked { id, roots, tls, signing, signing_key })))
    }

    /// Writes the folder. Keys are readable by their owner alone.
    pub fn save(&self, folder: &Path) -> Result<(), CredentialsError> {
        let Checked { roots, tls, signing, .. } = self.0.as_ref();
        files::replace_all(
            folder,
            &[
                (TLS_FILES.key, &tls.key_pem, files::PRIVATE),
                (TLS_FILES.certificate, &tls.certificate_pem, files::PUBLIC),
                (SIGNING_FILES.key, &signing.key_pem, files::PRIVATE),
                (SIGNING_FILES.certificate, &signing.certificate_pem, files::PUBLIC),
                (ROOTS_FILE, roots.pem(), files::PUBLIC),
            ],
        )
        .map_err(|source| CredentialsError::File { path: folder.to_owned(), source })
    }

    /// Whose credentials these are.
    #[must_use]
    pub fn id(&self) -> &SpiffeId {
        &self.0.id
    }

    /// The roots of the trust domain.
    #[must_use]
    pub fn roots(&self) -> &TrustRoots {
        &self.0.roots
    }

    /// The last moment that both certificates are valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.tls.not_after.min(self.0.signing.not_after)
    }

    /// Fails unless both certificates are valid at that time.
    pub fn check_valid(&self, at: Timestamp) -> Result<(), CredentialsError> {
        let not_before = self.0.tls.not_before.max(self.0.signing.not_before);
        let not_after = self.not_after();
        let id = || Box::new(self.0.id.clone());

        if at < not_before {
            return Err(CredentialsError::NotYetValid { id: id(), not_before });
        }
        if at > not_after {
            return Err(CredentialsError::Expired { id: id(), not_after });
        }
        Ok(())
    }

    /// The TLS certificate, PEM.
    #[must_use]
    pub fn tls_certificate_pem(&self) -> &str {
        &self.0.tls.certificate_pem
    }

    /// The TLS key, PEM: for the TLS library of this process, and for nobody else.
    #[must_use]
    pub fn tls_key_pem(&self) -> &str {
        &self.0.tls.key_pem
    }

    pub(crate) fn tls_chain(&self) -> &[CertificateDer<'static>] {
        &self.0.tls.chain
    }

    pub(crate) fn tls_key_der(&self) -> &[u8] {
        &self.0.tls.key_der
    }

    pub(crate) fn signing_chain(&self) -> &[CertificateDer<'static>] {
        &self.0.signing.chain
    }

    #[cfg(test)]
    pub(crate) fn signing_key_der(&self) -> &[u8] {
        &self.0.signing.key_der
    }

    pub(crate) fn signing_key(&self) -> &Ed25519KeyPair {
        &self.0.signing_key
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("id", &self.0.id)
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

// === impl Pair ===

impl Pair {
    fn check(
        roots: &TrustRoots,
        files: PairFiles,
        (certificate_pem, key_pem): (&str, &str),
        usage: KeyUsage,
    ) -> Result<Self, Unusable> {
        let file = files.certificate;
        let pem = |source| Unusable::Pem { file, source };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate_pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(pem)?;
        let (leaf, intermediates) =
            chain.split_first().ok_or_else(|| pem(rustls_pki_types::pem::Error::NoItemsFound))?;
        let info =
            certificate::read(leaf).map_err(|source| Unusable::Certificate { file, source })?;

        let key = KeyPair::from_pem(key_pem)
            .map_err(|source| Unusable::Key { file: files.key, source })?;
        if key.subject_public_key_info() != info.public_key_info {
            return Err(Unusable::Mismatch { key: files.key, certificate: file });
        }

        EndEntityCert::try_from(leaf)
            .and_then(|leaf| roots.vouch_for(&leaf, intermediates, info.not_before, usage))
            .map_err(|source| Unusable::Foreign { file, source })?;

        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            key_der: key.serialize_der(),
            id: info.id,
            not_before: info.not_before,
            not_after: info.not_after,
            chain,
        })
    }
}

fn read_pair(folder: &Path, files: PairFiles) -> Result<(String, String), CredentialsError> {
    Ok((read(folder, files.certificate)?, read(folder, files.key)?))
}

fn read(folder: &Path, file: &str) -> Result<String, CredentialsError> {
    let path = folder.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(CredentialsError::Missing(path))
        }
        Err(source) => Err(CredentialsError::File { path, source }),
    }
}

#[cfg(test)]
mod tests;
