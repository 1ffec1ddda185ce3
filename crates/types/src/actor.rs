//! Who acts, and the role and region checks that every domain shares.
//!
//! These are the only places that compare roles, organisations and regions: a domain asks
//! `may_…` and passes the answer on.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::{OrganisationCode, RegionCode};

/// What an organisation takes part as. One organisation may hold several roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// 公共数据主管部门: reviews and supervises in its own region and those below.
    Authority,
    /// 提供部门: catalogues its resources and decides who gets them.
    Provider,
    /// 使用部门: applies for resources and fetches them.
    Consumer,
    /// 牵头建设部门 of a base or theme library.
    LeadDepartment,
    /// 专家咨询委员会: gives opinions.
    ExpertCommittee,
    /// Supervision and security bodies: read everything, write nothing.
    Auditor,
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "role is unknown; write authority, provider, consumer, lead-department, expert-committee or \
     auditor"
)]
pub struct RoleError;

/// A principal and what its organisation is, as established when the call was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The SPIFFE id of the certificate that the caller showed.
    pub id: String,
    /// The organisation that the principal belongs to.
    pub organisation: OrganisationCode,
    /// The roles of that organisation.
    pub roles: BTreeSet<Role>,
    /// The region of that organisation.
    pub region: RegionCode,
}

/// Why an actor may not do what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The actor's organisation lacks the role.
    #[error("organisation {organisation} does not hold the role {role} that this needs")]
    RoleMissing {
        /// The actor's organisation.
        organisation: OrganisationCode,
        /// The role that is needed.
        role: Role,
    },
    /// The act belongs to another organisation.
    #[error("organisation {organisation} cannot act for organisation {owner}")]
    OtherOrganisation {
        /// The actor's organisation.
        organisation: OrganisationCode,
        /// The organisation that alone may do it.
        owner: OrganisationCode,
    },
    /// The authority's region does not contain the region in question.
    #[error("an authority of region {region} has no say in region {target}")]
    OutsideRegion {
        /// The actor's region.
        region: RegionCode,
        /// The region that the act concerns.
        target: RegionCode,
    },
    /// The expert committee's region does not contain the region in question.
    #[error("an expert committee of region {region} gives no opinions in region {target}")]
    OtherCommittee {
        /// The actor's region.
        region: RegionCode,
        /// The region that the act concerns.
        target: RegionCode,
    },
}

impl Actor {
    /// Whether the actor belongs to the authority of `region` or of a region above it.
    #[must_use]
    pub fn is_authority_over(&self, region: &RegionCode) -> bool {
        self.may_govern(region).is_ok()
    }

    /// Reviewing and supervising: the authority of `region` or of a region above it (R13.1).
    ///
    /// # Errors
    /// The role is missing or the region lies elsewhere.
    pub fn may_govern(&self, region: &RegionCode) -> Result<(), Denied> {
        self.must_hold(Role::Authority)?;
        if self.region.contains(region) {
            return Ok(());
        }
        Err(Denied::OutsideRegion { region: self.region, target: *region })
    }

    /// Speaking for an organisation, whatever its roles: only its own people do.
    ///
    /// # Errors
    /// The actor belongs to another organisation.
    pub fn may_act_for(&self, owner: &OrganisationCode) -> Result<(), Denied> {
        if self.organisation == *owner {
            return Ok(());
        }
        Err(Denied::OtherOrganisation { organisation: self.organisation, owner: *owner })
    }

    /// Cataloguing, offering and granting data: the provider itself (R12.3, R24.1).
    ///
    /// # Errors
    /// The actor belongs to another organisation, or its organisation provides nothing.
    pub fn may_write_for(&self, provider: &OrganisationCode) -> Result<(), Denied> {
        self.may_act_for(provider)?;
        self.must_hold(Role::Provider)
    }

    /// Assigning a library's items: its lead department itself (R20.1).
    ///
    /// # Errors
    /// The actor belongs to another organisation, or its organisation leads nothing.
    pub fn may_lead_as(&self, lead: &OrganisationCode) -> Result<(), Denied> {
        self.may_act_for(lead)?;
        self.must_hold(Role::LeadDepartment)
    }

    /// What concerns the whole city, whichever region asks: the authority of the city, or of a region above it.
    ///
    /// # Errors
    /// The role is missing, or the actor's region is a county.
    pub fn may_govern_city(&self) -> Result<(), Denied> {
        self.may_govern(&self.region.city())
    }

    /// Applying for data and fetching it: any registered consumer.
    ///
    /// # Errors
    /// The actor's organisation is not a consumer.
    pub fn may_consume(&self) -> Result<(), Denied> {
        self.must_hold(Role::Consumer)
    }

    /// Giving an expert opinion (R28.1): the committee of `region`, or of a region above it.
    ///
    /// # Errors
    /// The actor's organisation is no expert committee, or its region lies elsewhere.
    pub fn may_advise(&self, region: &RegionCode) -> Result<(), Denied> {
        self.must_hold(Role::ExpertCommittee)?;
        if self.region.contains(region) {
            return Ok(());
        }
        Err(Denied::OtherCommittee { region: self.region, target: *region })
    }

    /// Reading every event and verifying the log.
    ///
    /// # Errors
    /// The actor's organisation is not an auditor.
    pub fn may_audit(&self) -> Result<(), Denied> {
        self.must_hold(Role::Auditor)
    }

    fn must_hold(&self, role: Role) -> Result<(), Denied> {
        if self.roles.contains(&role) {
            return Ok(());
        }
        Err(Denied::RoleMissing { organisation: self.organisation, role })
    }
}

impl Denied {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::RoleMissing { .. } => "ROLE_MISSING",
            Self::OtherOrganisation { .. } => "OTHER_ORGANISATION",
            Self::OutsideRegion { .. } | Self::OtherCommittee { .. } => "OUTSIDE_REGION",
        }
    }
}

impl Role {
    /// Every role, in declared order.
    pub const ALL: [Self; 6] = [
        Self::Authority,
        Self::Provider,
        Self::Consumer,
        Self::LeadDepartment,
        Self::ExpertCommittee,
        Self::Auditor,
    ];

    /// The role as text, e.g. `lead-department`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Provider => "provider",
            Self::Consumer => "consumer",
            Self::LeadDepartment => "lead-department",
            Self::ExpertCommittee => "expert-committee",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

#[cfg(test)]
mod tests;
