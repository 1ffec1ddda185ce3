//! How a connection to a source is protected: not at all on this machine, else by TLS.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Whether and how TLS is used.
#[derive(Clone)]
pub enum TlsRule {
    /// Without, which is allowed on this machine alone.
    Local,
    /// With certificates from these roots.
    Roots(Arc<ClientConfig>),
}

/// Why a connection would be unprotected, or its roots are unusable.
#[derive(Debug, thiserror::Error)]
pub enum TlsRuleError {
    /// The server is elsewhere, and no roots are named.
    #[error(
        "the source is not on this machine: name the file of its certificate authority as `ca`"
    )]
    RootsMissing,
    /// The file cannot be read.
    #[error("the source's certificate authority cannot be read")]
    File(#[source] io::Error),
    /// The file holds something else.
    #[error("the source's certificate authority is not a certificate in PEM")]
    Pem,
    /// TLS cannot be set up.
    #[error("TLS to the source cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// What drives a connection, until it ends.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

impl TlsRule {
    /// The rule for this server.
    pub fn new(config: &mut Config, ca: Option<&Path>) -> Result<Self, TlsRuleError> {
        let Some(ca) = ca else {
            return match is_local(config) {
                true => Ok(Self::Local),
                false => Err(TlsRuleError::RootsMissing),
            };
        };
        let tls = trusting(ca)?;
        config.ssl_mode(SslMode::Require);
        Ok(Self::Roots(Arc::new(tls)))
    }

    pub(crate) async fn connect(
        &self,
        config: &Config,
    ) -> Result<(Client, Running), tokio_postgres::Error> {
        match self {
            Self::Local => {
                let (client, connection) = config.connect(NoTls).await?;
                Ok((client, Box::pin(connection)))
            }
            Self::Roots(tls) => {
                let tls = MakeRustlsConnect::new(ClientConfig::clone(tls));
                let (client, connection) = config.connect(tls).await?;
                Ok((client, Box::pin(connection)))
            }
        }
    }
}

/// A client that trusts the roots in this file alone.
pub(crate) fn trusting(ca: &Path) -> Result<ClientConfig, TlsRuleError> {
    let pem = std::fs::read(ca).map_err(TlsRuleError::File)?;
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&pem) {
        let root = root.map_err(|_| TlsRuleError::Pem)?;
        roots.add(root).map_err(TlsRuleError::Tls)?;
    }
    if roots.is_empty() {
        return Err(TlsRuleError::Pem);
    }

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsRuleError::Tls)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Whether a host is this machine, by its name or address.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']);
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_local(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_this_machine(name),
        Host::Unix(_) => true,
    });
    match addresses {
        [] => hosts,
        addresses => addresses.iter().all(std::net::IpAddr::is_loopback),
    }
}
