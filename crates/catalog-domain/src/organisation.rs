//! An organisation is registered by the authority over it, names its security officer, and then
//! gets certificates.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use publicdata_decider::Decider;
use publicdata_types::{Account, Actor, Denied, Digest, OrganisationCode, RegionCode, Role};

/// An organisation, by its unified social credit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Organisation {
    /// Nothing is known of it.
    #[default]
    Absent,
    /// It takes part.
    Registered {
        /// What it was registered as.
        registration: Registration,
        /// Who is responsible for its data security (R43.1).
        security_officer: Option<Account>,
        /// The certificates it was given, oldest first.
        certificates: Vec<Certificate>,
    },
}

/// What an organisation is registered as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its unified social credit code.
    pub code: OrganisationCode,
    /// Its name.
    pub name: String,
    /// Its administrative division.
    pub region: RegionCode,
    /// What it takes part as.
    pub roles: BTreeSet<Role>,
}

/// Whom certificates are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A data service node.
    Node(Account),
    /// A user or a system.
    User(Account),
}

/// The two certificates (双证书) of a node or a user, as they were issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The SPIFFE id that both carry.
    pub spiffe_id: String,
    /// The certificate for TLS.
    pub tls: Key,
    /// The certificate for signing.
    pub signing: Key,
    /// From when both are valid.
    pub not_before: Timestamp,
    /// Until when both are valid.
    pub not_after: Timestamp,
}

/// What identifies one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Digest of the public key (`SubjectPublicKeyInfo`, DER).
    pub public_key: Digest,
}

/// What can be asked of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers the very first authority, by itself.
    Found {
        /// What it registers as.
        registration: Registration,
        /// The organisation in the caller's certificate.
        by: OrganisationCode,
        /// An authority that is registered already, if there is one.
        existing_authority: Option<OrganisationCode>,
    },
    /// Registers an organisation.
    Register {
        /// What it is registered as.
        registration: Registration,
        /// Who registers it.
        by: Actor,
    },
    /// Names who is responsible for the organisation's data security.
    AppointSecurityOfficer {
        /// The officer's account at the organisation.
        account: Account,
        /// Who names the officer.
        by: Actor,
    },
    /// Records certificates. They are handed out only once this is accepted.
    IssueCertificate {
        /// Whom they are for.
        subject: Subject,
        /// The certificates.
        certificate: Certificate,
        /// Who asked for them.
        by: Actor,
    },
}

/// What happened to an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It takes part.
    Registered(Registration),
    /// It named who is responsible for its data security.
    SecurityOfficerAppointed {
        /// The officer's account at the organisation.
        account: Account,
    },
    /// A node or a user of it got certificates.
    CertificateIssued(Certificate),
}

/// Why a command about an organisation was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not registered.
    #[error("organisation is not registered; the authority over its region registers it first")]
    Absent,
    /// It is registered as something else.
    #[error("organisation {code} is registered already, with another name, region or roles")]
    AlreadyRegistered {
        /// Its code.
        code: OrganisationCode,
    },
    /// The first authority registered long ago.
    #[error("authority {existing} exists already; ask it to register the organisation")]
    AuthorityExists {
        /// The authority.
        existing: OrganisationCode,
    },
    /// Whoever founds the platform does so as an authority.
    #[error(
        "the first organisation registers itself as an authority; the role is not among its roles"
    )]
    FounderNotAuthority,
    /// An organisation has a name.
    #[error("organisation has no name")]
    NameMissing,
    /// An organisation has at least one role.
    #[error("organisation has no role; give it at least one")]
    RolesMissing,
    /// Nobody is responsible for its data security yet.
    #[error("organisation has no security officer; name one, then ask for node certificates")]
    SecurityOfficerMissing,
    /// Another of the organisation's own people asked: an account could otherwise take on a second one, and review its own work.
    #[error(
        "only the organisation's security officer or the authority over it does this for another account or a node"
    )]
    SecurityOfficerRequired,
    /// The certificates are somebody else's.
    #[error("certificate does not name {expected}")]
    OtherSubject {
        /// How the SPIFFE id should end.
        expected: String,
    },
    /// The certificates are never valid.
    #[error("certificate ends at {not_after}, which is not after its beginning")]
    NeverValid {
        /// Until when they are valid.
        not_after: Timestamp,
    },
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Organisation {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Found { registration, by, existing_authority } => {
                self.found(registration, by, existing_authority)
            }
            Command::Register { registration, by } => {
                by.may_govern(&registration.region)?;
                self.register(registration)
            }
            Command::AppointSecurityOfficer { account, by } => {
                self.appoint_security_officer(account, &by)
            }
            Command::IssueCertificate { subject, certificate, by } => {
                self.issue_certificate(&subject, certificate, &by)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Registered(registration)) => {
                Self::Registered { registration, security_officer: None, certificates: Vec::new() }
            }
            (
                Self::Registered { registration, certificates, .. },
                Event::SecurityOfficerAppointed { account },
            ) => Self::Registered { registration, security_officer: Some(account), certificates },
            (
                Self::Registered { registration, security_officer, mut certificates },
                Event::CertificateIssued(certificate),
            ) => {
                certificates.push(certificate);
                Self::Registered { registration, security_officer, certificates }
            }
            (state, _) => state,
        }
    }
}

impl Organisation {
    /// What it is registered as, if it is.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        match self {
            Self::Registered { registration, .. } => Some(registration),
            Self::Absent => None,
        }
    }

    fn found(
        &self,
        registration: Registration,
        by: OrganisationCode,
        existing_authority: Option<OrganisationCode>,
    ) -> Result<Vec<Event>, Rejection> {
        match existing_authority {
            // Whoever repeats its own founding finds itself.
            Some(existing) if existing != registration.code => {
                return Err(Rejection::AuthorityExists { existing });
            }
            Some(_) | None => {}
        }
        if by != registration.code {
            return Err(
                Denied::OtherOrganisation { organisation: by, owner: registration.code }.into()
            );
        }
        if !registration.roles.contains(&Role::Authority) {
            return Err(Rejection::FounderNotAuthority);
        }
        self.register(registration)
    }

    fn register(&self, registration: Registration) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Registered { registration: known, .. } if *known == registration => Ok(vec![]),
            Self::Registered { registration: known, .. } => {
                Err(Rejection::AlreadyRegistered { code: known.code })
            }
            Self::Absent if registration.name.trim().is_empty() => Err(Rejection::NameMissing),
            Self::Absent if registration.roles.is_empty() => Err(Rejection::RolesMissing),
            Self::Absent => Ok(vec![Event::Registered(registration)]),
        }
    }

    fn appoint_security_officer(
        &self,
        account: Account,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Registered { registration, security_officer, .. } => {
                may_manage(registration, by)?;
                if security_officer.as_ref() == Some(&account) {
                    return Ok(vec![]);
                }
                if security_officer.is_some() {
                    must_be_responsible(registration, security_officer.as_ref(), by)?;
                }
                Ok(vec![Event::SecurityOfficerAppointed { account }])
            }
        }
    }

    fn issue_certificate(
        &self,
        subject: &Subject,
        certificate: Certificate,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let Self::Registered { registration, security_officer, certificates } = self else {
            return Err(Rejection::Absent);
        };
        may_manage(registration, by)?;

        let expected = format!("/org/{}/{subject}", registration.code);
        if !certificate.spiffe_id.ends_with(&expected) {
            return Err(Rejection::OtherSubject { expected });
        }
        if matches!(subject, Subject::Node(_)) && security_officer.is_none() {
            return Err(Rejection::SecurityOfficerMissing);
        }
        if !by.id.ends_with(&expected) {
            must_be_responsible(registration, security_officer.as_ref(), by)?;
        }
        if certificate.not_after <= certificate.not_before {
            return Err(Rejection::NeverValid { not_after: certificate.not_after });
        }
        if certificates.contains(&certificate) {
            return Ok(vec![]);
        }
        Ok(vec![Event::CertificateIssued(certificate)])
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "ORGANISATION_ABSENT",
            Self::AlreadyRegistered { .. } => "ORGANISATION_REGISTERED_OTHERWISE",
            Self::AuthorityExists { .. } => "AUTHORITY_EXISTS",
            Self::FounderNotAuthority => "FOUNDER_NOT_AUTHORITY",
            Self::NameMissing => "NAME_MISSING",
            Self::RolesMissing => "ROLES_MISSING",
            Self::SecurityOfficerMissing => "SECURITY_OFFICER_MISSING",
            Self::SecurityOfficerRequired => "SECURITY_OFFICER_REQUIRED",
            Self::OtherSubject { .. } => "CERTIFICATE_OF_OTHER_SUBJECT",
            Self::NeverValid { .. } => "CERTIFICATE_NEVER_VALID",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(f, "node/{name}"),
            Self::User(account) => write!(f, "user/{account}"),
        }
    }
}

/// An organisation manages itself; so does the authority over its region.
fn may_manage(registration: &Registration, by: &Actor) -> Result<(), Denied> {
    match by.may_act_for(&registration.code) {
        Ok(()) => Ok(()),
        Err(_) => by.may_govern(&registration.region),
    }
}

/// What lets somebody appear under another name is for the security officer, or for the authority over the organisation.
fn must_be_responsible(
    registration: &Registration,
    security_officer: Option<&Account>,
    by: &Actor,
) -> Result<(), Rejection> {
    let officer =
        security_officer.map(|account| format!("/org/{}/user/{account}", registration.code));
    let is_officer = officer.is_some_and(|officer| by.id.ends_with(&officer));
    match is_officer || by.is_authority_over(&registration.region) {
        true => Ok(()),
        false => Err(Rejection::SecurityOfficerRequired),
    }
}

#[cfg(test)]
mod tests;
