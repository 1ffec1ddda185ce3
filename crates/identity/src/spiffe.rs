//! SPIFFE ids: the names of nodes, users and services.

use std::fmt;
use std::str::FromStr;

use publicdata_types::OrganisationCode;
use publicdata_types::organisation::OrganisationCodeError;

const SCHEME: &str = "spiffe://";
/// Leaves room for a node's label and organisation code within the 253 characters of a DNS name.
const DOMAIN_LENGTH_MAX: usize = 128;
const LABEL_LENGTH_MAX: usize = 63;

/// The name of a principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpiffeId {
    /// A department's node.
    Node {
        /// The trust domain that vouches for it.
        domain: TrustDomain,
        /// The organisation that runs it.
        organisation: OrganisationCode,
        /// Its name within the organisation.
        name: Label,
    },
    /// A person or a system acting for an organisation.
    User {
        /// The trust domain that vouches for it.
        domain: TrustDomain,
        /// The organisation it acts for.
        organisation: OrganisationCode,
        /// The organisation's opaque id for it.
        account: Account,
    },
    /// One of the platform's services.
    Service {
        /// The trust domain that vouches for it.
        domain: TrustDomain,
        /// Its name, such as `exchange-bus`.
        name: Label,
    },
}

/// The set of principals that one authority vouches for, such as `publicdata.internal`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(String);

/// The name of a node or service: a DNS label, because it becomes part of a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// An organisation's opaque id for one of its users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

/// Why a text is not a SPIFFE id, or not a part of one.
///
/// The text itself is not repeated: what stands in the wrong field may be anything, even a person's
/// number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdError {
    /// It begins otherwise.
    #[error("a SPIFFE id begins with `spiffe://`")]
    Scheme,
    /// The path is none of the three that are known.
    #[error(
        "the path of a SPIFFE id is one of `/org/<code>/node/<name>`, `/org/<code>/user/<account>` \
         and `/service/<name>`"
    )]
    Path,
    /// The trust domain is not a DNS name.
    #[error(
        "a trust domain is a DNS name of at most {DOMAIN_LENGTH_MAX} characters in lower case, such \
         as `publicdata.internal`"
    )]
    Domain,
    /// The name of a node or service is not a DNS label.
    #[error(
        "the name of a node or service is 1 to {LABEL_LENGTH_MAX} of a-z, 0-9 and `-`, and neither \
         begins nor ends with `-`"
    )]
    Label,
    /// The account has a character that it may not have.
    #[error(
        "an account is 1 to {LABEL_LENGTH_MAX} of letters, digits, `.`, `_` and `-`, and begins \
         with a letter or digit"
    )]
    Account,
    /// The organisation is not known by such a code.
    #[error("a SPIFFE id holds an invalid organisation code")]
    Organisation(#[source] OrganisationCodeError),
}

// === impl SpiffeId ===

impl SpiffeId {
    /// The id of a department's node.
    pub fn node(
        domain: &TrustDomain,
        organisation: OrganisationCode,
        name: &str,
    ) -> Result<Self, SpiffeIdError> {
        Ok(Self::Node { domain: domain.clone(), organisation, name: name.parse()? })
    }

    /// The id of somebody who acts for an organisation.
    pub fn user(
        domain: &TrustDomain,
        organisation: OrganisationCode,
        account: &str,
    ) -> Result<Self, SpiffeIdError> {
        Ok(Self::User { domain: domain.clone(), organisation, account: account.parse()? })
    }

    /// The id of one of the platform's services.
    pub fn service(domain: &TrustDomain, name: &str) -> Result<Self, SpiffeIdError> {
        Ok(Self::Service { domain: domain.clone(), name: name.parse()? })
    }

    /// The trust domain that vouches for this principal.
    #[must_use]
    pub fn domain(&self) -> &TrustDomain {
        match self {
            Self::Node { domain, .. }
            | Self::User { domain, .. }
            | Self::Service { domain, .. } => domain,
        }
    }

    /// The organisation that this principal belongs to; a service belongs to none.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationCode> {
        match self {
            Self::Node { organisation, .. } | Self::User { organisation, .. } => {
                Some(*organisation)
            }
            Self::Service { .. } => None,
        }
    }

    /// The DNS name that a server's certificate carries beside its id; users serve nothing.
    ///
    /// It need not resolve: clients compare it with the certificate, whatever address they dial.
    #[must_use]
    pub fn dns_name(&self) -> Option<String> {
        match self {
            Self::Node { domain, organisation, name } => {
                let organisation = organisation.as_str().to_ascii_lowercase();
                Some(format!("{name}.{organisation}.{domain}"))
            }
            Self::Service { domain, name } => Some(format!("{name}.{domain}")),
            Self::User { .. } => None,
        }
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { domain, organisation, name } => {
                write!(f, "{SCHEME}{domain}/org/{organisation}/node/{name}")
            }
            Self::User { domain, organisation, account } => {
                write!(f, "{SCHEME}{domain}/org/{organisation}/user/{account}")
            }
            Self::Service { domain, name } => write!(f, "{SCHEME}{domain}/service/{name}"),
        }
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let segments: Vec<&str> = rest.split('/').collect();
        let code = |text: &str| text.parse().map_err(SpiffeIdError::Organisation);

        match segments.as_slice() {
            [domain, "org", organisation, "node", name] => {
                Self::node(&domain.parse()?, code(organisation)?, name)
            }
            [domain, "org", organisation, "user", account] => {
                Self::user(&domain.parse()?, code(organisation)?, account)
            }
            [domain, "service", name] => Self::service(&domain.parse()?, name),
            _ => Err(SpiffeIdError::Path),
        }
    }
}

// === impl TrustDomain ===

impl TrustDomain {
    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SPIFFE id of the domain itself, which its root certificate carries.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{SCHEME}{self}")
    }

    /// Reads what [`TrustDomain::uri`] writes.
    pub fn from_uri(uri: &str) -> Result<Self, SpiffeIdError> {
        uri.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?.parse()
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        match text.len() <= DOMAIN_LENGTH_MAX && text.split('.').all(is_label) {
            true => Ok(Self(text.to_owned())),
            false => Err(SpiffeIdError::Domain),
        }
    }
}

// === impl Label ===

impl Label {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Label {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        match is_label(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(SpiffeIdError::Label),
        }
    }
}

// === impl Account ===

impl Account {
    /// The account as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Account {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());

        match begins_well && text.len() <= LABEL_LENGTH_MAX && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(SpiffeIdError::Account),
        }
    }
}

fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';

    (1..=LABEL_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
