//! Disputes: what the handlers of `DisputeService` do.

use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_exchange_domain::dispute::{
    Case, Command, Dispute, Matter, Parties, Rejection, Step,
};
use publicdata_exchange_domain::ticket::Ticket;
use publicdata_proto::exchange::v1::GrantStatus;
use publicdata_types::Prose;
use publicdata_types::{Actor, DisputeId, GrantId, OrganisationCode, ResourceId, TicketId};

use crate::codec::{dispute::Disputes, ticket::Tickets};
use crate::error::Error;
use crate::queries::{Queries, Reader};

/// Takes disputes from step to step. Cheap to clone.
#[derive(Clone)]
pub struct DisputeDesk {
    /// The aggregates.
    pub disputes: Aggregates<Disputes>,
    /// Tickets, which may be disputed.
    pub tickets: Aggregates<Tickets>,
    /// The views: what else may be, and whom it is between.
    pub queries: Queries,
}

/// Whom something is between. A standing offer names no consumer.
struct Between {
    resource: ResourceId,
    provider: OrganisationCode,
    consumer: Option<OrganisationCode>,
    /// Why it cannot be disputed yet.
    open: Option<Rejection>,
}

impl DisputeDesk {
    /// Objects to something. The dispute's id follows from the command's, so that a repeated command finds it.
    ///
    /// # Errors
    /// There is no such thing that the caller is a party to, or the rules forbid it.
    pub async fn raise(
        &self,
        meta: &Meta,
        matter: Matter,
        statement: Prose,
        by: Actor,
    ) -> Result<(DisputeId, Case, u64), Error> {
        let parties = self.parties(matter, &by).await?;
        let id = DisputeId::from_uuid(*meta.command_id.as_uuid());
        let claimant = by.organisation;
        let command = Command { step: Step::Raise { matter, parties, statement }, by };

        let executed = self.disputes.execute(&id.to_string(), meta, command).await?;

        match executed.state {
            // Another's command id says nothing about another's dispute.
            Dispute::Raised(case) if case.objection.claimant == claimant => {
                Ok((id, *case, executed.sequence))
            }
            Dispute::Raised(_) | Dispute::Absent => Err(Error::Unknown { what: "dispute" }),
        }
    }

    /// Takes a step, and says how the dispute stands after it.
    ///
    /// # Errors
    /// There is no dispute that the caller may know of, or the rules forbid the step.
    pub async fn take(
        &self,
        meta: &Meta,
        id: DisputeId,
        step: Step,
        by: Actor,
    ) -> Result<(Case, u64), Error> {
        self.must_be_known_to(id, &by).await?;
        let executed = self.disputes.execute(&id.to_string(), meta, Command { step, by }).await?;
        match executed.state {
            Dispute::Raised(case) => Ok((*case, executed.sequence)),
            Dispute::Absent => Err(Error::Unknown { what: "dispute" }),
        }
    }

    /// Whoever has no part in a dispute cannot tell it from one that does not exist (H3).
    async fn must_be_known_to(&self, id: DisputeId, by: &Actor) -> Result<(), Error> {
        let (state, _) = self.disputes.get(&id.to_string()).await?;
        let known = match state.case() {
            None => false,
            Some(Case { objection, .. }) => {
                by.organisation == objection.provider
                    || by.organisation == objection.consumer
                    || by.is_authority_over(&objection.seat)
                    || self.queries.dispute(id, &Reader::from(by)).await?.is_some()
            }
        };
        match known {
            true => Ok(()),
            false => Err(Error::Unknown { what: "dispute" }),
        }
    }

    /// Whom a matter is between, if the caller is one of them.
    async fn parties(&self, matter: Matter, by: &Actor) -> Result<Parties, Error> {
        let (what, between) = match matter {
            Matter::Grant(id) => ("grant", self.grant(id).await?),
            Matter::Application(id) => ("application", self.application(id).await?),
            Matter::Transfer(id) => {
                let fetched = self.queries.fetched(id).await?;
                let between = match fetched {
                    // Nobody is on the other side of what was refused for want of a grant.
                    Some(fetched)
                        if fetched.source.is_none() && fetched.consumer == by.organisation =>
                    {
                        return Err(Rejection::NoOtherParty.into());
                    }
                    Some(fetched) => fetched.source.map(|(resource, provider)| Between {
                        resource,
                        provider,
                        consumer: Some(fetched.consumer),
                        open: None,
                    }),
                    None => None,
                };
                ("transfer", between)
            }
            Matter::Ticket(id) => ("ticket", self.ticket(id).await?),
        };
        let between = between.ok_or(Error::Unknown { what })?;
        let consumer = match between.consumer {
            Some(consumer) => consumer,
            // Whoever may use a standing offer may object to it; its provider has nobody to object to.
            None if by.organisation == between.provider => {
                return Err(Rejection::NoOtherParty.into());
            }
            None if by.may_consume().is_ok() => by.organisation,
            None => return Err(Error::Unknown { what }),
        };
        if by.organisation != between.provider && by.organisation != consumer {
            return Err(Error::Unknown { what });
        }
        if let Some(open) = between.open {
            return Err(open.into());
        }
        Ok(Parties {
            resource: between.resource,
            provider: between.provider,
            provider_region: self.queries.region_of_organisation(between.provider).await?,
            consumer,
            consumer_region: self.queries.region_of_organisation(consumer).await?,
        })
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Between>, Error> {
        let Some(bargain) = self.queries.bargain(id).await? else { return Ok(None) };
        let open = match bargain.status {
            GrantStatus::Issued | GrantStatus::Revoked => None,
            GrantStatus::Unspecified | GrantStatus::Applied | GrantStatus::Refused => {
                Some(Rejection::MatterOpen { matter: "grant", expected: "issued" })
            }
        };
        let (resource, provider, consumer) = (bargain.resource, bargain.provider, bargain.consumer);
        Ok(Some(Between { resource, provider, consumer, open }))
    }

    async fn application(&self, id: GrantId) -> Result<Option<Between>, Error> {
        let Some(bargain) = self.queries.bargain(id).await? else { return Ok(None) };
        let open = match bargain.status {
            GrantStatus::Refused => None,
            GrantStatus::Unspecified
            | GrantStatus::Applied
            | GrantStatus::Issued
            | GrantStatus::Revoked => {
                Some(Rejection::MatterOpen { matter: "application", expected: "refused" })
            }
        };
        let (resource, provider, consumer) = (bargain.resource, bargain.provider, bargain.consumer);
        Ok(Some(Between { resource, provider, consumer, open }))
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Between>, Error> {
        let (state, _) = self.tickets.get(&id.to_string()).await?;
        let Some(report) = state.report() else { return Ok(None) };
        let open = match &state {
            Ticket::Rejected { .. } => None,
            Ticket::Absent
            | Ticket::Open { .. }
            | Ticket::Upheld { .. }
            | Ticket::Withdrawn { .. } => {
                Some(Rejection::MatterOpen { matter: "ticket", expected: "rejected" })
            }
        };
        Ok(Some(Between {
            resource: report.resource,
            provider: report.provider,
            consumer: Some(report.consumer),
            open,
        }))
    }
}
