//! Commands to the register, with what they need to know beforehand.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use publicdata_catalog_domain::owner::Owner;
use publicdata_catalog_domain::recovery::Kind;
use publicdata_event_store::aggregates::{
    Aggregates, Codec, CommandOf, ExecuteError, Executed, Meta, RejectionOf,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;
use publicdata_types::{
    Actor, NetworkId, OrganisationCode, ResourceId, SecurityRecordId, SystemId, china_date,
};
use tonic::Request;

use super::super::{Shared, next_page_token, parse};
use crate::codec;
use crate::error::Error;
use crate::queries;
use crate::queries::register::{Listing, Owned, list, one};

/// Where commands to the register go.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) systems: Aggregates<codec::System>,
    pub(crate) networks: Aggregates<codec::Network>,
    pub(crate) recoveries: Aggregates<codec::Recovery>,
    pub(crate) records: Aggregates<codec::SecurityRecord>,
    pub(crate) shared: Arc<Shared>,
}

impl Desk {
    /// Who asks, what comes with the command, and the message.
    pub(super) async fn command<T>(
        &self,
        request: Request<T>,
        command_id: impl Fn(&T) -> &str,
    ) -> Result<(Actor, Meta, T), Error> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(command_id(&message), &by.id)?;
        Ok((by, meta, message))
    }

    pub(super) async fn execute<C: Codec>(
        &self,
        aggregates: &Aggregates<C>,
        id: &impl fmt::Display,
        meta: &Meta,
        command: CommandOf<C>,
    ) -> Result<Executed<C::Aggregate>, Error>
    where
        Error: From<ExecuteError<RejectionOf<C>>>,
    {
        let done = aggregates.execute(&id.to_string(), meta, command).await?;
        self.shared.until_seen(done.sequence).await;
        Ok(done)
    }

    pub(super) fn today(&self) -> Date {
        china_date(self.shared.clock.now())
    }

    pub(super) async fn one<M: Owned>(
        &self,
        by: &Actor,
        id: &impl fmt::Display,
    ) -> Result<M, Error> {
        let found = one(&self.shared.database, by, &id.to_string()).await?;
        found.ok_or_else(not_found)
    }

    /// A page, and where the next one starts.
    pub(super) async fn list<M: Owned>(
        &self,
        by: &Actor,
        listing: &Listing,
    ) -> Result<(Vec<M>, String), Error> {
        let found = list::<M>(&self.shared.database, by, listing).await?;
        let last = found.last().map(|last| last.place.clone());
        let next = next_page_token(found.len(), listing.limit, last);
        Ok((found.into_iter().map(|placed| placed.message).collect(), next))
    }

    /// The organisation that a request names, or the caller's.
    pub(super) async fn owner(&self, by: &Actor, code: &str) -> Result<Owner, Error> {
        match code {
            "" => Ok(Owner::of(by)),
            code => self.lying(parse("organisation_code", code)?).await,
        }
    }

    pub(super) async fn system(&self, by: &Actor, id: &SystemId) -> Result<Owner, Error> {
        let (state, _) = self.systems.get(&id.to_string()).await?;
        self.visible(by, state.owner()).await
    }

    pub(super) async fn network(&self, by: &Actor, id: &NetworkId) -> Result<Owner, Error> {
        let (state, _) = self.networks.get(&id.to_string()).await?;
        let owner = self.lying(state.owner().ok_or_else(not_found)?).await?;
        let answers = state.answering().is_some_and(|region| by.is_authority_over(&region));
        match answers || sees(by, &owner) {
            true => Ok(owner),
            false => Err(not_found()),
        }
    }

    pub(super) async fn record(&self, by: &Actor, id: &SecurityRecordId) -> Result<Owner, Error> {
        let (state, _) = self.records.get(&id.to_string()).await?;
        self.visible(by, state.organisation()).await
    }

    /// What is to be enrolled in disaster recovery, and whose it is: a published resource, or a system.
    pub(super) async fn recoverable(
        &self,
        by: &Actor,
        kind: Kind,
        id: &str,
    ) -> Result<(String, Owner), Error> {
        match kind {
            Kind::System => {
                let id: SystemId = parse("id", id)?;
                Ok((id.to_string(), self.system(by, &id).await?))
            }
            Kind::Resource => {
                let id: ResourceId = parse("id", id)?;
                let mut connection = self.shared.database.pool().acquire().await?;
                let entry = queries::by_id(&mut connection, &id).await?;
                let published = entry.filter(|entry| entry.published.is_some());
                let provider = published.ok_or_else(not_found)?.description.provider;
                Ok((id.to_string(), self.lying(provider).await?))
            }
        }
    }

    /// The id of an enrolment that the actor may know of.
    pub(super) async fn enrolled(&self, by: &Actor, id: &str) -> Result<String, Error> {
        let id = parse::<ResourceId>("id", id)?.to_string();
        let (state, _) = self.recoveries.get(&id).await?;
        self.visible(by, state.owner()).await?;
        Ok(id)
    }

    /// R13.1: whoever may not see an entry is told that there is none.
    async fn visible(&self, by: &Actor, owner: Option<OrganisationCode>) -> Result<Owner, Error> {
        let owner = self.lying(owner.ok_or_else(not_found)?).await?;
        match sees(by, &owner) {
            true => Ok(owner),
            false => Err(not_found()),
        }
    }

    /// An organisation, and where it lies now.
    async fn lying(&self, code: OrganisationCode) -> Result<Owner, Error> {
        let found = self.shared.directory.organisation_now(&code).await?;
        let found = found.ok_or(Error::OrganisationNotFound)?;
        Ok(Owner { code, region: found.region })
    }
}

fn sees(by: &Actor, owner: &Owner) -> bool {
    owner.may_manage(by).is_ok() || by.may_audit().is_ok()
}

fn not_found() -> Error {
    let text = "no such entry of the register, or none that you may see; check its id";
    Problem::new(Code::NotFound, "REGISTER_ENTRY_NOT_FOUND", text).into()
}
