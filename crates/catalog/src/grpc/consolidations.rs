//! Which resources flow to the big data centre.

use std::sync::Arc;

use publicdata_catalog_domain::consolidation::{Command, Order, Source};
use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_proto::catalog::v1::consolidation_service_server::ConsolidationService;
use publicdata_proto::catalog::v1::{
    OrderConsolidationRequest, OrderConsolidationResponse, StopConsolidationRequest,
    StopConsolidationResponse,
};
use publicdata_types::{OrganisationCode, ResourceId};
use tonic::{Request, Response, Status};

use super::{Shared, parse};
use crate::entry::{Entry, Standing};
use crate::error::Error;
use crate::{codec, queries};

/// Answers `ConsolidationService`.
#[derive(Debug)]
pub(crate) struct Consolidations {
    pub(crate) aggregates: Aggregates<codec::Consolidation>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl ConsolidationService for Consolidations {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn order_consolidation(
        &self,
        request: Request<OrderConsolidationRequest>,
    ) -> Result<Response<OrderConsolidationResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;
        let centre: OrganisationCode = parse("centre_code", &message.centre_code)?;
        let source = self.published(&id).await?;
        let known = self.shared.directory.organisation_now(&centre).await?;
        let roles = known.ok_or(Error::OrganisationNotFound)?.roles.iter().copied().collect();

        let order = Order { source, centre, legal_basis: message.legal_basis };
        let sequence = self.execute(&id, &meta, Command::Order { order, roles, by }).await?;
        Ok(Response::new(OrderConsolidationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn stop_consolidation(
        &self,
        request: Request<StopConsolidationRequest>,
    ) -> Result<Response<StopConsolidationResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;

        let command = Command::Stop { reason: message.reason, by };
        let sequence = self.execute(&id, &meta, command).await?;
        Ok(Response::new(StopConsolidationResponse { sequence }))
    }
}

impl Consolidations {
    async fn execute(&self, id: &ResourceId, meta: &Meta, command: Command) -> Result<u64, Error> {
        Ok(self.aggregates.execute(&id.to_string(), meta, command).await?.sequence)
    }

    /// What is published, and was not withdrawn, is known to everybody.
    async fn published(&self, id: &ResourceId) -> Result<Source, Error> {
        let mut connection = self.shared.database.pool().acquire().await?;
        let entry = queries::by_id(&mut connection, id).await?;
        let is_withdrawn = |entry: &Entry| matches!(entry.standing, Standing::Withdrawn { .. });
        let entry = entry.filter(|entry| entry.published.is_some() && !is_withdrawn(entry));
        let entry = entry.ok_or(Error::ResourceNotFound)?;
        Ok(Source { code: entry.code, provider: entry.description.provider, region: entry.region })
    }
}
