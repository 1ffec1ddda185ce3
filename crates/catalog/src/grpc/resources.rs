//! Catalogue entries.

use std::sync::Arc;

use publicdata_catalog_domain::resource::Command;
use publicdata_directory::Caller;
use publicdata_event_store::Subject;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_proto::catalog::v1::resource_service_server::ResourceService;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, DraftResourceResponse, GetResourceRequest, GetResourceResponse,
    PublishResourceRequest, PublishResourceResponse, Resource, ReturnResourceRequest,
    ReturnResourceResponse, SearchResourcesRequest, SearchResourcesResponse, SubmitResourceRequest,
    SubmitResourceResponse, get_resource_request,
};
use publicdata_types::{ResourceId, china_date};
use tonic::{Request, Response, Status};

use super::{Shared, parse, parse_optional};
use crate::codec::{
    self, description_from_wire, description_to_wire, status_to_wire, time_from_wire, time_to_wire,
};
use crate::drafting::Drafting;
use crate::entry::{Entry, Reader};
use crate::error::Error;
use crate::{queries, views};

/// Answers `ResourceService`.
#[derive(Debug)]
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
        let message = request.get_ref();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;

        let code = self.drafting.visible(&id, &by).await?;
        let leadership = self.drafting.leadership(&code.classification).await?;
        let command = Command::Submit { leadership, by };
        let sequence = self.drafting.execute(&id, &meta, command).await?.sequence;
        Ok(Response::new(SubmitResourceResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn return_resource(
        &self,
        request: Request<ReturnResourceRequest>,
    ) -> Result<Response<ReturnResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;

        self.drafting.visible(&id, &by).await?;
        let command = Command::Return { reason: message.reason, by };
        let sequence = self.drafting.execute(&id, &meta, command).await?.sequence;
        Ok(Response::new(ReturnResourceResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn publish_resource(
        &self,
        request: Request<PublishResourceRequest>,
    ) -> Result<Response<PublishResourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;

        self.drafting.visible(&id, &by).await?;
        let command = Command::Publish { on: china_date(meta.at), by };
        let done = self.drafting.execute(&id, &meta, command).await?;
        let version = done.state.entry().map_or(0, |entry| entry.version);
        Ok(Response::new(PublishResourceResponse { version, sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_resource(
        &self,
        request: Request<GetResourceRequest>,
    ) -> Result<Response<GetResourceResponse>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        let GetResourceRequest { key, as_of } = request.into_inner();
        let as_of = as_of.map(|time| time_from_wire("as_of", Some(time)));
        let as_of = as_of.transpose().map_err(Error::from)?;

        let entry = self.by_key(key).await?.ok_or(Error::ResourceNotFound)?;
        let entry = match as_of {
            Some(time) => self.as_of(&entry.id, time).await?,
            None => Some(entry),
        };
        let seen = entry.and_then(|entry| entry.seen_by(reader(&caller)));
        let resource = self.to_wire(seen.ok_or(Error::ResourceNotFound)?).await?;
        Ok(Response::new(GetResourceResponse { resource: Some(resource) }))
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

impl Resources {
    async fn by_key(&self, key: Option<get_resource_request::Key>) -> Result<Option<Entry>, Error> {
        let database = &self.shared.database;
        match key {
            Some(get_resource_request::Key::ResourceId(id)) => {
                let id = parse("resource_id", &id)?;
                let mut connection = database.pool().acquire().await?;
                Ok(queries::by_id(&mut connection, &id).await?)
            }
            Some(get_resource_request::Key::Code(code)) => {
                Ok(queries::by_code(database, &parse("code", &code)?).await?)
            }
            None => Err(Error::field("key", "name an entry by its id or its code")),
        }
    }

    /// H2: the entry as its events up to `time` tell it.
    async fn as_of(&self, id: &ResourceId, time: jiff::Timestamp) -> Result<Option<Entry>, Error> {
        let subject =
            Subject::new(codec::Resource::SERVICE, codec::Resource::AGGREGATE, &id.to_string());
        let subject = subject.map_err(|error| Error::Internal(error.into()))?;
        let history = self.shared.store.tail(&subject, 0).await;
        let history = history.map_err(|error| Error::Load(error.into()))?;

        let mut entry = None;
        for recorded in history.iter().take_while(|recorded| recorded.recorded_at <= time) {
            let events = views::events(recorded).map_err(|error| Error::Internal(error.into()))?;
            for event in events.map(|(_, events)| events).unwrap_or_default() {
                let evolved = Entry::evolve(entry, *id, event, recorded.recorded_at);
                entry = Some(evolved.map_err(|error| Error::Internal(error.into()))?);
            }
        }
        Ok(entry)
    }

    pub(super) async fn to_wire(&self, entry: Entry) -> Result<Resource, Error> {
        let provider = self.shared.directory.organisation(&entry.description.provider).await?;
        let published = entry.published.as_ref();
        Ok(Resource {
            id: entry.id.to_string(),
            code: entry.code.to_string(),
            status: status_to_wire(entry.status).into(),
            version: entry.version(),
            description: Some(description_to_wire(&entry.description)),
            region_code: entry.region.to_string(),
            published_on: published.map(|published| published.on.to_string()).unwrap_or_default(),
            updated_at: Some(time_to_wire(entry.updated_at)),
            provider_name: provider.map(|provider| provider.name.clone()).unwrap_or_default(),
            return_reason: entry.return_reason,
        })
    }
}

pub(super) fn reader(caller: &Caller) -> Reader<'_> {
    caller.actor().map_or(Reader::Service, Reader::Actor)
}
