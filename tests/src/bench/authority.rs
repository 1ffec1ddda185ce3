//! Certificates for what the bench runs.

use std::path::Path;

use jiff::Timestamp;
use publicdata_identity::{
    CertificateAuthority, CredentialRequest, Credentials, SpiffeId, TrustDomain, Validity,
};

/// An authority of one figure's own.
pub(super) struct Authority(CertificateAuthority);

impl Authority {
    /// Makes one in this folder.
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        let domain: TrustDomain = "bench.internal".parse()?;
        Ok(Self(CertificateAuthority::create(folder, domain, validity()?)?))
    }

    /// What its ids belong to.
    pub(super) fn domain(&self) -> &TrustDomain {
        self.0.domain()
    }

    /// A certificate for whoever is called so, with its key.
    pub(super) fn credentials(&self, id: &SpiffeId) -> anyhow::Result<Credentials> {
        let request = CredentialRequest::generate()?;
        let issued = self.0.issue(id, request.request(), validity()?)?;
        Ok(request.complete(&issued)?)
    }
}

fn validity() -> anyhow::Result<Validity> {
    let (from, until): (Timestamp, Timestamp) =
        ("2020-01-01T00:00:00Z".parse()?, "2099-01-01T00:00:00Z".parse()?);
    Ok(Validity::new(from, until)?)
}
