//! The authority that vouches for a trust domain's principals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use publicdata_types::Digest;
use rcgen::{CertificateParams, Issuer, KeyPair, PublicKey, PublicKeyData as _, SerialNumber};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::certificate::{self, CertificateError};
use crate::files;
use crate::profile::{self, Validity};
use crate::request::{CertificateRequest, Purpose, RequestError, proven_key};
use crate::roots::{self, TrustRootsError};
use crate::spiffe::{SpiffeId, TrustDomain};

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key";

/// Issues certificates for the principals of one trust domain. Its key lives in a folder.
pub struct CertificateAuthority {
    domain: TrustDomain,
    not_after: Timestamp,
    root_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The two certificates of a principal, and the root that vouches for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Whom the certificates name.
    pub id: SpiffeId,
    /// For connections.
    pub tls: IssuedCertificate,
    /// For signatures.
    pub signing: IssuedCertificate,
    /// The authority's root, PEM.
    pub roots_pem: String,
}

/// One certificate, and what a register keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate.
    pub pem: String,
    /// Its serial number in lower-case hexadecimal.
    pub serial: String,
    /// The SHA-256 of the subject's public key (DER of `SubjectPublicKeyInfo`).
    pub public_key_digest: Digest,
    /// From when to when it is valid.
    pub validity: Validity,
}

/// Why an authority cannot be created or opened.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// There is one already.
    #[error("{} exists; open this authority, or choose another folder", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} is missing; create the authority first", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot access {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key file does not hold a key.
    #[error("{} does not hold a PKCS#8 private key; restore it from a backup", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: rcgen::Error,
    },
    /// The certificate file does not hold a root of ours.
    #[error("{} does not hold an authority's certificate; restore it from a backup", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: TrustRootsError,
    },
    /// Key and certificate are of different authorities.
    #[error("the key in {} does not belong to the certificate beside it", .0.display())]
    Mismatch(PathBuf),
    /// The certificate could not be made.
    #[error("cannot make the root certificate")]
    Make(#[source] rcgen::Error),
}

/// Why no certificates are issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The principal belongs to another trust domain.
    #[error("this authority vouches for `{domain}`, not for {id}")]
    ForeignDomain {
        /// The authority's domain.
        domain: TrustDomain,
        /// Who was to be vouched for.
        id: Box<SpiffeId>,
    },
    /// The certificates would outlive the root.
    #[error("certificates until {not_after} would outlive the root, which ends {root_not_after}")]
    OutlivesRoot {
        /// The end that was asked for.
        not_after: Timestamp,
        /// The end of the root.
        root_not_after: Timestamp,
    },
    /// The request is refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A certificate could not be made.
    #[error("cannot make a certificate for {id}")]
    Make {
        /// For whom.
        id: Box<SpiffeId>,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
}

// === impl CertificateAuthority ===

impl CertificateAuthority {
    /// Makes a root key and certificate in a folder that holds none.
    pub fn create(
        folder: &Path,
        domain: TrustDomain,
        validity: Validity,
    ) -> Result<Self, AuthorityError> {
        for existing in [folder.join(KEY_FILE), folder.join(CERTIFICATE_FILE)] {
            if existing.exists() {
                return Err(AuthorityError::Exists(existing));
            }
        }
        let key = KeyPair::generate().map_err(AuthorityError::Make)?;
        let root_pem = profile::root(&domain, validity)
            .and_then(|params| params.self_signed(&key))
            .map_err(AuthorityError::Make)?
            .pem();

        files::replace_all(
            folder,
            &[
                (KEY_FILE, &key.serialize_pem(), files::PRIVATE),
                (CERTIFICATE_FILE, &root_pem, files::PUBLIC),
            ],
        )
        .map_err(|source| AuthorityError::File { path: folder.to_owned(), source })?;
        Self::open(folder)
    }

    /// Opens the authority that [`CertificateAuthority::create`] made.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let key_path = folder.join(KEY_FILE);
        let key = KeyPair::from_pem(&read(&key_path)?)
            .map_err(|source| AuthorityError::Key { path: key_path.clone(), source })?;

        let path = folder.join(CERTIFICATE_FILE);
        let root_pem = read(&path)?;
        let unfit = |source| AuthorityError::Certificate { path: path.clone(), source };
        let root = CertificateDer::from_pem_slice(root_pem.as_bytes())
            .map_err(|source| unfit(TrustRootsError::Pem(source)))?;
        let domain = roots::domain_of(&root).map_err(unfit)?;
        let (not_after, public_key) =
            end_and_key(&root).map_err(|source| unfit(TrustRootsError::Certificate(source)))?;
        if public_key != key.subject_public_key_info() {
            return Err(AuthorityError::Mismatch(key_path));
        }

        let issuer = Issuer::from_ca_cert_der(&root, key).map_err(AuthorityError::Make)?;
        Ok(Self { domain, not_after, root_pem, issuer })
    }

    /// The trust domain that this authority vouches for.
    #[must_use]
    pub fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// The root certificate, PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The last moment that the root is valid, and so any certificate that it issues.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Certifies that these keys are this principal's.
    pub fn issue(
        &self,
        id: &SpiffeId,
        request: &CertificateRequest,
        validity: Validity,
    ) -> Result<Issued, IssueError> {
        self.issue_numbered(id, request, validity, [None, None])
    }

    /// Makes certificates again that a register holds, for whoever asks a second time: with the serial numbers and the
    /// validity of the first ones, so that they are the same but for the signature. Whether the keys are the same as well
    /// shows in the answer; the caller compares.
    pub fn reissue(
        &self,
        id: &SpiffeId,
        request: &CertificateRequest,
        validity: Validity,
        [tls, signing]: [&str; 2],
    ) -> Result<Issued, IssueError> {
        let serials = [profile::serial_from_hex(tls), profile::serial_from_hex(signing)];
        self.issue_numbered(id, request, validity, serials)
    }

    fn issue_numbered(
        &self,
        id: &SpiffeId,
        request: &CertificateRequest,
        validity: Validity,
        [tls, signing]: [Option<SerialNumber>; 2],
    ) -> Result<Issued, IssueError> {
        if id.domain() != &self.domain {
            return Err(IssueError::ForeignDomain {
                domain: self.domain.clone(),
                id: Box::new(id.clone()),
            });
        }
        if validity.not_after() > self.not_after {
            return Err(IssueError::OutlivesRoot {
                not_after: validity.not_after(),
                root_not_after: self.not_after,
            });
        }

        Ok(Issued {
            id: id.clone(),
            tls: self.certify(id, &request.tls, (Purpose::Tls, tls), validity)?,
            signing: self.certify(id, &request.signing, (Purpose::Signing, signing), validity)?,
            roots_pem: self.root_pem.clone(),
        })
    }

    fn certify(
        &self,
        id: &SpiffeId,
        request: &[u8],
        (purpose, serial): (Purpose, Option<SerialNumber>),
        validity: Validity,
    ) -> Result<IssuedCertificate, IssueError> {
        let key = proven_key(request, purpose)?;
        let make = |source| IssueError::Make { id: Box::new(id.clone()), source };
        let mut params = profile::leaf(id, purpose, validity).map_err(make)?;
        params.serial_number = serial.or(params.serial_number);
        self.sign(params, &key, validity).map_err(make)
    }

    pub(crate) fn sign(
        &self,
        params: CertificateParams,
        key: &PublicKey,
        validity: Validity,
    ) -> Result<IssuedCertificate, rcgen::Error> {
        let certificate = params.signed_by(key, &self.issuer)?;
        let serial = params.serial_number.map(|serial| serial.to_bytes()).unwrap_or_default();

        Ok(IssuedCertificate {
            pem: certificate.pem(),
            serial: serial.iter().map(|byte| format!("{byte:02x}")).collect(),
            public_key_digest: Digest::of(key.subject_public_key_info()),
            validity,
        })
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("domain", &self.domain)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn end_and_key(root: &CertificateDer<'_>) -> Result<(Timestamp, Vec<u8>), CertificateError> {
    let parsed = certificate::parse(root)?;
    let not_after = certificate::timestamp(parsed.validity().not_after.timestamp())?;
    Ok((not_after, parsed.public_key().raw.to_vec()))
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| match source.kind() == io::ErrorKind::NotFound {
        true => AuthorityError::Missing(path.to_owned()),
        false => AuthorityError::File { path: path.to_owned(), source },
    })
}

#[cfg(test)]
mod tests;
