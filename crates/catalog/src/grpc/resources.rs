//! Catalogue entries.

mod reading;

use std::sync::Arc;

use jiff::civil::Date;
use publicdata_catalog_domain::leadership::Leadership;
use publicdata_catalog_domain::resource::{Command, Resource as Aggregate, Update};
use publicdata_directory::Caller;
use publicdata_event_store::aggregates::Executed;
use publicdata_proto::catalog::v1::resource_service_server::ResourceService;
use publicdata_proto::catalog::v1::{
    CompareResourceVersionsRequest, CompareResourceVersionsResponse, DraftResourceRequest,
    DraftResourceResponse, GetResourceRequest, GetResourceResponse, ListResourceHistoryRequest,
    ListResourceHistoryResponse, ListResourceVersionsRequest, ListResourceVersionsResponse,
    PublishResourceRequest, PublishResourceResponse, RecordResourceUpdateRequest,
    RecordResourceUpdateResponse, ResumeResourceRequest, ResumeResourceResponse,
    ReturnResourceRequest, ReturnResourceResponse, SearchResourcesRequest, SearchResourcesResponse,
    SubmitResourceRequest, SubmitResourceResponse, SuspendResourceRequest, SuspendResourceResponse,
    WithdrawResourceRequest, WithdrawResourceResponse,
};
use publicdata_types::{Actor, china_date};
use tonic::{Request, Response, Status};

use super::{Shared, parse, parse_optional};
use crate::codec::description_from_wire;
use crate::drafting::Drafting;
use crate::entry::Reader;
use crate::error::Error;

/// Answers `ResourceService`.
#[derive(Clone, Debug)]
pub(crate) struct Resources {
    pub(crate) drafting: Arc<Drafting>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl ResourceService for Resources {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn draft_resource(
        &self,
        request: Request<DraftResourceRequest>,
    ) -> Result<Response<DraftResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let description = description_from_wire(message.description.unwrap_or_default())
            .map_err(|error| Error::from(error.within("description")))?;

        let id = parse_optional("resource_id", &message.resource_id)?;
        let done = self.drafting.draft(&meta, id, description, by).await?;
        Ok(Response::new(DraftResourceResponse {
            resource_id: done.id.to_string(),
            code: done.code.to_string(),
            sequence: done.sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn submit_resource(
        &self,
        request: Request<SubmitResourceRequest>,
    ) -> Result<Response<SubmitResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;
        let done = self.drafting.submit(&meta, &id, by).await?;
        Ok(Response::new(SubmitResourceResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn return_resource(
        &self,
        request: Request<ReturnResourceRequest>,
    ) -> Result<Response<ReturnResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let ids = (message.command_id.as_str(), message.resource_id.as_str());
        let reason = message.reason.clone();
        let done = self.act(ids, by, |by, _| Command::Return { reason, by }).await?;
        Ok(Response::new(ReturnResourceResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn publish_resource(
        &self,
        request: Request<PublishResourceRequest>,
    ) -> Result<Response<PublishResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let ids = (message.command_id.as_str(), message.resource_id.as_str());
        let meta = self.shared.meta(ids.0, &by.id)?;
        let id = parse("resource_id", ids.1)?;
        let done = self.drafting.publish(&meta, &id, by).await?;
        let version = done.state.entry().map_or(0, |entry| entry.version);
        Ok(Response::new(PublishResourceResponse { version, sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn suspend_resource(
        &self,
        request: Request<SuspendResourceRequest>,
    ) -> Result<Response<SuspendResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let ids = (message.command_id.as_str(), message.resource_id.as_str());
        let reason = message.reason.clone();
        let done = self
            .act(ids, by, |by, known| {
                let leadership = known.leadership;
                Command::Suspend { reason, leadership, by }
            })
            .await?;
        Ok(Response::new(SuspendResourceResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn resume_resource(
        &self,
        request: Request<ResumeResourceRequest>,
    ) -> Result<Response<ResumeResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let ids = (message.command_id.as_str(), message.resource_id.as_str());
        let done = self.act(ids, by, |by, _| Command::Resume { by }).await?;
        Ok(Response::new(ResumeResourceResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn withdraw_resource(
        &self,
        request: Request<WithdrawResourceRequest>,
    ) -> Result<Response<WithdrawResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let ids = (message.command_id.as_str(), message.resource_id.as_str());
        let reason = message.reason.clone();
        let done = self
            .act(ids, by, |by, known| {
                let leadership = known.leadership;
                Command::Withdraw { reason, leadership, by }
            })
            .await?;
        Ok(Response::new(WithdrawResourceResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn record_resource_update(
        &self,
        request: Request<RecordResourceUpdateRequest>,
    ) -> Result<Response<RecordResourceUpdateResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let ids = (message.command_id.as_str(), message.resource_id.as_str());
        let current_on = parse("current_on", &message.current_on)?;
        let update = Update { current_on, rows: (message.rows > 0).then_some(message.rows) };
        let command = |by, known: Known| Command::RecordUpdate { update, today: known.today, by };
        let done = self.act(ids, by, command).await?;
        Ok(Response::new(RecordResourceUpdateResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_resource_versions(
        &self,
        request: Request<ListResourceVersionsRequest>,
    ) -> Result<Response<ListResourceVersionsResponse>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        Ok(Response::new(self.versions(request.into_inner(), reader(&caller)).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn compare_resource_versions(
        &self,
        request: Request<CompareResourceVersionsRequest>,
    ) -> Result<Response<CompareResourceVersionsResponse>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        Ok(Response::new(self.compare(request.into_inner(), reader(&caller)).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_resource_history(
        &self,
        request: Request<ListResourceHistoryRequest>,
    ) -> Result<Response<ListResourceHistoryResponse>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        Ok(Response::new(self.happened(request.into_inner(), reader(&caller)).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_resource(
        &self,
        request: Request<GetResourceRequest>,
    ) -> Result<Response<GetResourceResponse>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        Ok(Response::new(self.get(request.into_inner(), reader(&caller)).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn search_resources(
        &self,
        request: Request<SearchResourcesRequest>,
    ) -> Result<Response<SearchResourcesResponse>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        Ok(Response::new(self.search(&caller, request.get_ref()).await?))
    }
}

/// What comes in with a command to an entry.
struct Known {
    /// The day in China.
    today: Date,
    /// Who writes the entries of its place in the classification.
    leadership: Leadership,
}

impl Resources {
    /// Carries out a command to an entry that the caller may know of.
    async fn act(
        &self,
        (command_id, resource_id): (&str, &str),
        by: Actor,
        command: impl FnOnce(Actor, Known) -> Command,
    ) -> Result<Executed<Aggregate>, Error> {
        let meta = self.shared.meta(command_id, &by.id)?;
        let id = parse("resource_id", resource_id)?;
        let code = self.drafting.visible(&id, &by).await?;
        let leadership = self.drafting.leadership(&code.classification).await?;
        let known = Known { today: china_date(meta.at), leadership };
        self.drafting.execute(&id, &meta, command(by, known)).await
    }
}

pub(super) fn reader(caller: &Caller) -> Reader<'_> {
    caller.actor().map_or(Reader::Service, Reader::Actor)
}
