//! Applications and grants: what the handlers of `GrantService` do.

use std::sync::Arc;

use publicdata_event_store::aggregates::{Aggregates, Executed, Meta};
use publicdata_exchange_domain::grant::{Command, Grant, Rejection};
use publicdata_exchange_domain::{Refusal, ResourceFacts, Standing, Terms};
use publicdata_identity::{SpiffeId, TrustRoots};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::GrantTerms;
use publicdata_service_kit::Clock;
use publicdata_transfer::{signed, terms};
use publicdata_types::{
    Actor, Calendar, CommandId, Deadline, GrantId, OrganisationCode, ResourceId, china_date,
};

use crate::codec::{self, FieldError, grant::Grants};
use crate::error::Error;
use crate::queries::Queries;
use crate::relay::Relay;
use crate::tiers::{Peer, Tiers};

/// Within how many working days the provider takes an application up (R26.1).
const TAKEN_UP_WITHIN: u32 = 10;

/// Decides on applications and grants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GrantDesk {
    /// The aggregates.
    pub grants: Aggregates<Grants>,
    /// The views.
    pub queries: Queries,
    /// What runs under a grant that is revoked.
    pub relay: Relay,
    /// Who decides about the grants of other tiers' providers.
    pub tiers: Tiers,
    /// Who vouches for signatures.
    pub roots: TrustRoots,
    /// The time.
    pub clock: Clock,
    /// Working days.
    pub calendar: Arc<Calendar>,
}

/// What a consumer asks for.
pub type Request = publicdata_exchange_domain::application::Request;

impl GrantDesk {
    /// Applies for data. The application's id follows from the command's, so that a repeated command finds it.
    ///
    /// # Errors
    /// The resource is not known, or the rules forbid it.
    pub async fn apply(
        &self,
        meta: &Meta,
        resource: ResourceId,
        request: Request,
        by: Actor,
    ) -> Result<(GrantId, Deadline, u64), Error> {
        let (resource, condition) = self.published(resource).await?;
        let today = china_date(meta.at);
        let deadline = self.calendar.due(today, TAKEN_UP_WITHIN);
        let id = application_id(meta.command_id);
        if let Err(out_of_use) = self.queries.must_be_in_use(resource.id).await {
            // What was applied for before is answered as it was (H1).
            let (state, _) = self.grants.get(&id.to_string()).await?;
            if state == Grant::Absent {
                return Err(out_of_use);
            }
        }
        if let Some(renewed) = request.renews {
            self.must_be_renewable(renewed, resource.id, &by).await?;
        }
        let offer = self.queries.standing_offer(resource.id, meta.at).await?;

        let consumer = by.organisation;
        let command = Command::Apply { resource, request, deadline, today, by };
        match self.grants.execute(&id.to_string(), meta, command).await {
            Ok(Executed { sequence, state, .. }) => {
                // A repeated command is answered with the limit that was set the first time.
                let Grant::Applied { application, .. } = state else {
                    return Err(Error::Unknown { what: "application" });
                };
                // Another's command id says nothing about another's application.
                if application.consumer != consumer {
                    return Err(Error::Unknown { what: "application" });
                }
                Ok((id, application.deadline, sequence))
            }
            Err(error) => Err(Error::application(error, condition, offer)),
        }
    }

    /// The bus of another tier that decides about applications for a resource; none if it is this one. The bus that asks is never
    /// asked back.
    ///
    /// # Errors
    /// It is cut off, or the resource is not known.
    pub async fn bus_of(
        &self,
        resource: ResourceId,
        asked_by: Option<&SpiffeId>,
    ) -> Result<Option<Peer>, Error> {
        if self.tiers.is_alone() {
            return Ok(None);
        }
        let (resource, _) = self.published(resource).await?;
        match self.tiers.bus_of(&resource.region) {
            Some(bus) if Some(&bus) != asked_by => self.tiers.peer(&bus).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// The last commit of an application or grant, whoever may see it; none if this bus does not have it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn last_change(&self, id: GrantId) -> Result<Option<u64>, Error> {
        let (state, sequence) = self.grants.get(&id.to_string()).await?;
        Ok(Some(sequence).filter(|_| state != Grant::Absent))
    }

    /// Refuses an application.
    ///
    /// # Errors
    /// There is none that the caller may know of, or the rules forbid it.
    pub async fn refuse(
        &self,
        meta: &Meta,
        id: GrantId,
        (legal_basis, reason): (String, String),
        by: Actor,
    ) -> Result<u64, Error> {
        self.known_to(id, &by).await?;
        let command = Command::Refuse { legal_basis, reason, by };
        Ok(self.grants.execute(&id.to_string(), meta, command).await?.sequence)
    }

    /// Issues a grant that the caller has signed.
    ///
    /// # Errors
    /// The signature is not the caller's, or the rules forbid it.
    pub async fn issue(&self, meta: &Meta, signed: SignedMessage, by: Actor) -> Result<u64, Error> {
        let terms = self.verified_terms(&signed, &by)?;
        let (state, _) = self.grants.get(&terms.grant.to_string()).await?;
        if state != Grant::Absent {
            self.known_to(terms.grant, &by).await?;
        }
        let (resource, _) = self.published(terms.resource).await?;
        // What was applied for here is decided here, also if the provider is of another tier by now.
        if state == Grant::Absent
            && let Some(peer) = self.tiers.bus_of(&resource.region)
        {
            return Err(Error::OtherTier { peer });
        }
        let is_repeated = matches!(state, Grant::Issued { .. } | Grant::Revoked { .. });
        if !is_repeated {
            self.queries.must_be_in_use(terms.resource).await?;
        }

        let id = terms.grant.to_string();
        let signed = codec::grant::seal(&signed);
        let command = Command::Issue { resource, terms, signed, by };
        Ok(self.grants.execute(&id, meta, command).await?.sequence)
    }

    /// Revokes a grant. [`stop`](Self::stop) and [`announce`](Self::announce) then make it felt.
    ///
    /// # Errors
    /// There is none that the caller may know of, or the rules forbid it.
    pub async fn revoke(
        &self,
        meta: &Meta,
        id: GrantId,
        reason: String,
        by: Actor,
    ) -> Result<Revoked, Error> {
        let (state, _) = self.grants.get(&id.to_string()).await?;
        let (provider, resource) = match state.issued() {
            Some((terms, _, _)) => (terms.provider, terms.resource),
            None => {
                self.known_to(id, &by).await?;
                return Err(Error::from(Rejection::NotIssued));
            }
        };
        let region = self.queries.region_of(resource).await?;
        if !by.is_authority_over(&region) {
            self.known_to(id, &by).await?;
        }

        let command = Command::Revoke { reason, region, by };
        let executed = self.grants.execute(&id.to_string(), meta, command).await?;
        Ok(Revoked { grant: id, provider, sequence: executed.sequence })
    }

    /// Stops what runs under a grant that was revoked, and says how many transfers that were (R26.2).
    #[must_use]
    pub fn stop(&self, revoked: &Revoked) -> u32 {
        self.relay.stop_grant(revoked.grant)
    }

    /// Tells the provider's nodes: once the views hold the revocation, so that no node that connects meanwhile misses it.
    pub fn announce(&self, revoked: &Revoked) {
        self.relay.announce_revocation(revoked.provider, revoked.grant);
    }

    /// Notes that an application's time has passed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn deadline_elapsed(&self, meta: &Meta, id: &str) -> Result<(), Error> {
        let command = Command::DeadlineElapsed { today: china_date(meta.at) };
        self.grants.execute(id, meta, command).await?;
        Ok(())
    }

    fn verified_terms(&self, signed: &SignedMessage, by: &Actor) -> Result<Terms, Error> {
        let verified = signed::verify::<GrantTerms>(&self.roots, signed, self.clock.now())?;
        if verified.signer.to_string() != by.id {
            return Err(Error::NotTheSigner);
        }
        Ok(terms::read(&verified.message).map_err(FieldError::from)?)
    }

    /// What is renewed is a grant of the caller's own organisation and of the same resource, that nobody revoked.
    async fn must_be_renewable(
        &self,
        renewed: GrantId,
        resource: ResourceId,
        by: &Actor,
    ) -> Result<(), Error> {
        let (state, _) = self.grants.get(&renewed.to_string()).await?;
        match state.issued() {
            Some((terms, _, _)) if terms.consumer != Some(by.organisation) => {
                Err(Error::Unknown { what: "grant" })
            }
            Some((_, _, Standing::Revoked)) => Err(Error::Refused(Refusal::Revoked)),
            Some((terms, _, Standing::InForce)) if terms.resource != resource => {
                let source = "it is a grant of another resource".into();
                Err(FieldError { field: "renews_grant_id", source }.into())
            }
            Some((_, _, Standing::InForce)) => Ok(()),
            None => Err(Error::Unknown { what: "grant" }),
        }
    }

    /// Whoever is no party to a grant cannot tell it from one that does not exist (H3).
    async fn known_to(&self, id: GrantId, by: &Actor) -> Result<(), Error> {
        let (state, _) = self.grants.get(&id.to_string()).await?;
        let parties: Option<(OrganisationCode, Option<OrganisationCode>)> = match &state {
            Grant::Absent => None,
            Grant::Applied { application, .. } => {
                Some((application.provider, Some(application.consumer)))
            }
            Grant::Issued { terms, .. } | Grant::Revoked { terms, .. } => {
                Some((terms.provider, terms.consumer))
            }
            // What was refused does not say whose it was; the view does.
            Grant::Refused { .. } => self.queries.parties(id).await?,
        };
        match parties {
            Some((provider, consumer))
                if by.organisation == provider || consumer == Some(by.organisation) =>
            {
                Ok(())
            }
            Some(_) | None => Err(Error::Unknown { what: "grant" }),
        }
    }

    async fn published(&self, id: ResourceId) -> Result<(ResourceFacts, String), Error> {
        self.queries.published(id).await?.ok_or(Error::Unknown { what: "resource" })
    }
}

/// A grant that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Which.
    pub grant: GrantId,
    /// Whose nodes served it.
    pub provider: OrganisationCode,
    /// The commit.
    pub sequence: u64,
}

fn application_id(command: CommandId) -> GrantId {
    GrantId::from_uuid(*command.as_uuid())
}
