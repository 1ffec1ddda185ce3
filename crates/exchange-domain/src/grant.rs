//! A grant begins as a consumer's application or as a provider's standing offer; it is refused, or
//! issued and perhaps revoked.

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, Deadline, RegionCode, SharingType};

use crate::application::{Application, Request};
use crate::terms::{Refusal, Standing, Terms, Use, authorise};
use crate::{ResourceFacts, SignedBytes};

mod rejection;

pub use rejection::Rejection;

/// A grant, from application or standing offer to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Grant {
    /// Nobody applied, and nothing was offered.
    #[default]
    Absent,
    /// It waits for the provider.
    Applied {
        /// What is asked for.
        application: Application,
        /// Whether the provider's time has passed.
        overdue: bool,
    },
    /// The provider refused.
    Refused {
        /// What it rests on.
        legal_basis: String,
        /// Why.
        reason: String,
    },
    /// It holds, within its period.
    Issued {
        /// What is granted.
        terms: Terms,
        /// The same as the provider signed it.
        signed: SignedBytes,
    },
    /// It ended before its time.
    Revoked {
        /// What was granted.
        terms: Terms,
        /// The same as the provider signed it.
        signed: SignedBytes,
    },
}

/// What can be asked of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Applies for data.
    Apply {
        /// The catalogue entry.
        resource: ResourceFacts,
        /// What is asked for.
        request: Request,
        /// Until when the provider takes it up: ten working days from today (R26.1).
        deadline: Deadline,
        /// The day in China.
        today: Date,
        /// Who applies.
        by: Actor,
    },
    /// Refuses an application.
    Refuse {
        /// What the refusal rests on.
        legal_basis: String,
        /// Why.
        reason: String,
        /// Who refuses.
        by: Actor,
    },
    /// Grants an application, or offers data to every consumer.
    Issue {
        /// The catalogue entry.
        resource: ResourceFacts,
        /// What is granted.
        terms: Terms,
        /// The bytes that `terms` were read from, with the provider's signature, which was verified.
        signed: SignedBytes,
        /// Who grants.
        by: Actor,
    },
    /// Ends a grant.
    Revoke {
        /// Why.
        reason: String,
        /// The provider's division.
        region: RegionCode,
        /// Who revokes.
        by: Actor,
    },
    /// Notes that time has gone by. It changes nothing unless an application is overdue.
    DeadlineElapsed {
        /// The day in China.
        today: Date,
    },
}

/// What happened to a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A consumer applied.
    ApplicationSubmitted(Application),
    /// The provider's time passed without a decision.
    ApplicationOverdue {
        /// The limit.
        deadline: Deadline,
    },
    /// The provider refused.
    ApplicationRefused {
        /// What it rests on.
        legal_basis: String,
        /// Why.
        reason: String,
    },
    /// The provider granted or offered.
    Issued {
        /// What is granted.
        terms: Terms,
        /// The same as the provider signed it.
        signed: SignedBytes,
    },
    /// It ended before its time.
    Revoked {
        /// Why.
        reason: String,
    },
}

impl Decider for Grant {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Apply { resource, request, deadline, today, by } => {
                by.may_consume()?;
                let application = apply(&resource, request, deadline, today, &by)?;
                self.apply(application)
            }
            Command::Refuse { legal_basis, reason, by } => self.refuse(legal_basis, reason, &by),
            Command::Issue { resource, terms, signed, by } => {
                by.may_write_for(&terms.provider)?;
                self.issue(&resource, terms, signed, &by)
            }
            Command::Revoke { reason, region, by } => self.revoke(reason, &region, &by),
            Command::DeadlineElapsed { today } => Ok(self.deadline_elapsed(today)),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::ApplicationSubmitted(application)) => {
                Self::Applied { application, overdue: false }
            }
            (Self::Applied { application, .. }, Event::ApplicationOverdue { .. }) => {
                Self::Applied { application, overdue: true }
            }
            (Self::Applied { .. }, Event::ApplicationRefused { legal_basis, reason }) => {
                Self::Refused { legal_basis, reason }
            }
            (Self::Absent | Self::Applied { .. }, Event::Issued { terms, signed }) => {
                Self::Issued { terms, signed }
            }
            (Self::Issued { terms, signed }, Event::Revoked { .. }) => {
                Self::Revoked { terms, signed }
            }
            (state, _) => state,
        }
    }
}

impl Grant {
    /// What was granted, as the provider signed it, and whether it still stands.
    #[must_use]
    pub fn issued(&self) -> Option<(&Terms, &SignedBytes, Standing)> {
        match self {
            Self::Issued { terms, signed } => Some((terms, signed, Standing::InForce)),
            Self::Revoked { terms, signed } => Some((terms, signed, Standing::Revoked)),
            Self::Absent | Self::Applied { .. } | Self::Refused { .. } => None,
        }
    }

    /// Whether a use is within this grant; if so, its terms.
    ///
    /// # Errors
    /// The first thing that the grant does not allow.
    pub fn authorise(&self, wanted: &Use<'_>) -> Result<&Terms, Refusal> {
        let (terms, _, standing) = self.issued().ok_or(Refusal::NotGranted)?;
        authorise(terms, standing, wanted)?;
        Ok(terms)
    }

    fn apply(&self, application: Application) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Ok(vec![Event::ApplicationSubmitted(application)]),
            // Sent again on a later day, its time still counts from the first.
            Self::Applied { application: known, .. }
                if *known == (Application { deadline: known.deadline.clone(), ..application }) =>
            {
                Ok(vec![])
            }
            Self::Applied { .. }
            | Self::Refused { .. }
            | Self::Issued { .. }
            | Self::Revoked { .. } => Err(Rejection::Exists),
        }
    }

    fn refuse(
        &self,
        legal_basis: String,
        reason: String,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Applied { application, .. } => {
                by.may_write_for(&application.provider)?;
                if legal_basis.trim().is_empty() {
                    return Err(Rejection::LegalBasisMissing);
                }
                if reason.trim().is_empty() {
                    return Err(Rejection::ReasonMissing);
                }
                Ok(vec![Event::ApplicationRefused { legal_basis, reason }])
            }
            Self::Refused { legal_basis: known_basis, reason: known_reason }
                if *known_basis == legal_basis && *known_reason == reason =>
            {
                Ok(vec![])
            }
            Self::Refused { .. } => Err(Rejection::AlreadyRefused),
            Self::Issued { .. } => Err(Rejection::AlreadyIssued),
            Self::Revoked { .. } => Err(Rejection::AlreadyRevoked),
        }
    }

    fn issue(
        &self,
        resource: &ResourceFacts,
        terms: Terms,
        signed: SignedBytes,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let mistakes = match self {
            Self::Absent if terms.consumer.is_none() => terms.mistakes_as_standing_offer(resource),
            Self::Absent => return Err(Rejection::Absent),
            Self::Applied { application, .. } => {
                by.may_write_for(&application.provider)?;
                terms.mistakes_against(application, resource)
            }
            Self::Issued { signed: known, .. } if *known == signed => return Ok(vec![]),
            Self::Issued { .. } => return Err(Rejection::AlreadyIssued),
            Self::Refused { .. } => return Err(Rejection::AlreadyRefused),
            Self::Revoked { .. } => return Err(Rejection::AlreadyRevoked),
        };
        if mistakes.is_empty() {
            return Ok(vec![Event::Issued { terms, signed }]);
        }
        Err(Rejection::Terms { mistakes })
    }

    fn revoke(
        &self,
        reason: String,
        region: &RegionCode,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let (terms, standing) = match self.issued() {
            Some((terms, _, standing)) => (terms, standing),
            None => return Err(Rejection::NotIssued),
        };
        if by.may_write_for(&terms.provider).is_err() {
            by.may_govern(region)?;
        }
        match standing {
            Standing::Revoked => Ok(vec![]),
            Standing::InForce if reason.trim().is_empty() => Err(Rejection::ReasonMissing),
            Standing::InForce => Ok(vec![Event::Revoked { reason }]),
        }
    }

    fn deadline_elapsed(&self, today: Date) -> Vec<Event> {
        match self {
            Self::Applied { application, overdue: false }
                if application.deadline.has_passed(today) =>
            {
                vec![Event::ApplicationOverdue { deadline: application.deadline.clone() }]
            }
            Self::Absent
            | Self::Applied { .. }
            | Self::Refused { .. }
            | Self::Issued { .. }
            | Self::Revoked { .. } => vec![],
        }
    }
}

fn apply(
    resource: &ResourceFacts,
    request: Request,
    deadline: Deadline,
    today: Date,
    by: &Actor,
) -> Result<Application, Rejection> {
    if by.organisation == resource.provider {
        return Err(Rejection::OwnResource);
    }
    if resource.sharing == SharingType::NotShared {
        return Err(Rejection::NotShared);
    }
    let request =
        request.checked(resource, today).map_err(|mistakes| Rejection::Application { mistakes })?;
    let conditional = |field: &String| {
        resource.item(field).is_some_and(|item| item.sharing == SharingType::Conditional)
    };
    if !request.fields.iter().any(conditional) {
        return Err(Rejection::NotNeeded);
    }

    Ok(Application {
        resource: resource.id,
        resource_code: resource.code.clone(),
        provider: resource.provider,
        consumer: by.organisation,
        request,
        deadline,
    })
}

#[cfg(test)]
mod tests;
