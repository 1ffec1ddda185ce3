#![doc = include_str!("../README.md")]

pub mod spiffe;

pub mod authority;
pub mod certificate;
pub mod credentials;
pub mod profile;
pub mod request;
pub mod roots;

pub mod jws;
pub mod peer;
pub mod signature;
pub mod tls;

mod files;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use authority::{CertificateAuthority, Issued, IssuedCertificate};
pub use credentials::Credentials;
pub use jws::Token;
pub use peer::{Peer, peer, peer_of};
pub use profile::Validity;
pub use request::{CertificateRequest, CredentialRequest};
pub use roots::TrustRoots;
pub use signature::{Algorithm, Signature, Signer, VerifyError, verify};
pub use spiffe::{Account, Label, SpiffeId, TrustDomain};
pub use tls::{ClientTls, client_tls, server_tls, web_tls};
