//! An organisation is registered by the authority over it, names its security officer, and then
//! gets certificates.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{
    Account, Actor, AgreementId, Denied, Digest, OrganisationCode, RegionCode, RegionRevision, Role,
};

use crate::agreement::Cover;

pub use changing::{Change, Successor};
pub use rejection::Rejection;

mod changing;
mod issuing;
mod rejection;

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
    /// It was dissolved.
    Closed {
        /// What it was registered as.
        registration: Registration,
        /// When.
        on: Date,
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
    /// The revision of GB/T 2260 that the division's code is of, if that was said.
    pub region_revision: Option<RegionRevision>,
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
    /// The agreement with a service provider that they were issued under (R44.1).
    pub agreement: Option<AgreementId>,
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
    /// Gives it another name, another division or other roles.
    Change {
        /// What is to be another.
        change: Change,
        /// Why.
        reason: String,
        /// Who changes it.
        by: Actor,
    },
    /// Closes it.
    Close {
        /// Who takes over.
        successor: Successor,
        /// When.
        on: Date,
        /// Why.
        reason: String,
        /// Who closes it.
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
        /// The agreement that they are to rest on, if they are for a service provider's account.
        cover: Option<Cover>,
        /// Who asked for them.
        by: Actor,
    },
}

/// What happened to an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It takes part.
    Registered(Registration),
    /// It is something else from now on.
    Changed {
        /// Its name.
        name: String,
        /// Its division.
        region: RegionCode,
        /// The revision of GB/T 2260 that the division's code is of, if that was said.
        region_revision: Option<RegionRevision>,
        /// What it takes part as.
        roles: BTreeSet<Role>,
        /// Why.
        reason: String,
    },
    /// It was dissolved.
    Closed {
        /// Who takes over.
        successor: Option<OrganisationCode>,
        /// When.
        on: Date,
        /// Why.
        reason: String,
    },
    /// It named who is responsible for its data security.
    SecurityOfficerAppointed {
        /// The officer's account at the organisation.
        account: Account,
    },
    /// A node or a user of it got certificates.
    CertificateIssued(Certificate),
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
            Command::Change { change, reason, by } => self.change(change, reason, &by),
            Command::Close { successor, on, reason, by } => self.close(successor, on, reason, &by),
            Command::AppointSecurityOfficer { account, by } => {
                self.appoint_security_officer(account, &by)
            }
            Command::IssueCertificate { subject, certificate, cover, by } => {
                self.issue_certificate(&subject, certificate, cover, &by)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Registered(registration)) => {
                Self::Registered { registration, security_officer: None, certificates: Vec::new() }
            }
            (
                Self::Registered { registration, security_officer, certificates },
                Event::Changed { name, region, region_revision, roles, .. },
            ) => {
                let code = registration.code;
                let registration = Registration { code, name, region, region_revision, roles };
                Self::Registered { registration, security_officer, certificates }
            }
            (Self::Registered { registration, .. }, Event::Closed { on, .. }) => {
                Self::Closed { registration, on }
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
            Self::Registered { registration, .. } | Self::Closed { registration, .. } => {
                Some(registration)
            }
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
            Self::Registered { registration: known, .. } if known.says(&registration) => Ok(vec![]),
            Self::Registered { registration: known, .. } => {
                Err(Rejection::AlreadyRegistered { code: known.code })
            }
            Self::Closed { on, .. } => Err(Rejection::Closed { on: *on }),
            Self::Absent => {
                registration.check()?;
                Ok(vec![Event::Registered(registration)])
            }
        }
    }

    fn appoint_security_officer(
        &self,
        account: Account,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let (registration, security_officer) = self.taking_part()?;
        may_manage(registration, by)?;
        if security_officer == Some(&account) {
            return Ok(vec![]);
        }
        if security_officer.is_some() {
            must_be_responsible(registration, security_officer, by)?;
        }
        Ok(vec![Event::SecurityOfficerAppointed { account }])
    }

    fn taking_part(&self) -> Result<(&Registration, Option<&Account>), Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Closed { on, .. } => Err(Rejection::Closed { on: *on }),
            Self::Registered { registration, security_officer, .. } => {
                Ok((registration, security_officer.as_ref()))
            }
        }
    }
}

impl Registration {
    /// Whether another one says the same; which revision the division's code is of makes it no other organisation.
    fn says(&self, other: &Self) -> bool {
        (self.code, &self.name, self.region, &self.roles)
            == (other.code, &other.name, other.region, &other.roles)
    }

    fn check(&self) -> Result<(), Rejection> {
        if self.name.trim().is_empty() {
            return Err(Rejection::NameMissing);
        }
        match self.roles.is_empty() {
            true => Err(Rejection::RolesMissing),
            false => Ok(()),
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
