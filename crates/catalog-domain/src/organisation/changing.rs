//! An organisation gets another name, lies in another division, or ceases to be.

use std::collections::BTreeSet;

use jiff::civil::Date;
use publicdata_types::{Actor, OrganisationCode, RegionCode, RegionRevision, Role};

use super::{Event, Organisation, Registration, Rejection};
use crate::text::{self, LONG_MAX};

/// What is to be another; what is `None` is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// Its division, by a revision of the codes.
    pub region: Option<(RegionCode, RegionRevision)>,
    /// What it takes part as.
    pub roles: Option<BTreeSet<Role>>,
}

/// Who takes over the functions of an organisation that is dissolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// Nobody.
    Nobody,
    /// An organisation that takes part.
    TakesPart(OrganisationCode),
    /// An organisation that is not registered, or was closed.
    Unknown(OrganisationCode),
}

impl Organisation {
    /// The authority over both the old and the new division changes an organisation (R13.1).
    pub(super) fn change(
        &self,
        change: Change,
        reason: String,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let (known, _) = self.taking_part()?;
        by.may_govern(&known.region)?;
        let changed = change.of(known);
        by.may_govern(&changed.region)?;
        let own_rights = by.organisation == known.code
            && (changed.region != known.region || !changed.roles.contains(&Role::Authority));
        if own_rights {
            return Err(Rejection::OwnAuthority);
        }
        changed.check()?;
        if changed == *known {
            return Ok(vec![]);
        }
        text::required("reason", &reason, LONG_MAX)?;
        let Registration { name, region, region_revision, roles, .. } = changed;
        Ok(vec![Event::Changed { name, region, region_revision, roles, reason }])
    }

    pub(super) fn close(
        &self,
        successor: Successor,
        on: Date,
        reason: String,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let known = self.registration().ok_or(Rejection::Absent)?;
        by.may_govern(&known.region)?;
        if by.organisation == known.code {
            return Err(Rejection::OwnAuthority);
        }
        let successor = match successor {
            Successor::Nobody => None,
            Successor::TakesPart(code) if code != known.code => Some(code),
            Successor::TakesPart(code) | Successor::Unknown(code) => {
                return Err(Rejection::SuccessorUnfit { code });
            }
        };
        match self {
            Self::Registered { .. } => {
                text::required("reason", &reason, LONG_MAX)?;
                Ok(vec![Event::Closed { successor, on, reason }])
            }
            Self::Closed { .. } | Self::Absent => Ok(vec![]),
        }
    }
}

impl Change {
    fn of(self, known: &Registration) -> Registration {
        let (region, region_revision) = match self.region {
            Some((region, revision)) => (region, Some(revision)),
            None => (known.region, known.region_revision),
        };
        Registration {
            code: known.code,
            name: self.name.unwrap_or_else(|| known.name.clone()),
            region,
            region_revision,
            roles: self.roles.unwrap_or_else(|| known.roles.clone()),
        }
    }
}
