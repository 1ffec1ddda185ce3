//! Entries in bulk, out of the catalogue.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _};
use publicdata_proto::catalog::v1::export_service_server::ExportService;
use publicdata_proto::catalog::v1::{
    ExportResourcesRequest, ExportResourcesResponse, WatchChangesRequest, WatchChangesResponse,
};
use publicdata_service_kit::Tasks;
use tonic::{Request, Response, Status};

use super::resources::{Resources, reader};
use super::{Shared, parse_optional};
use crate::changes::{self, Cursor};
use crate::codec::status_from_request;
use crate::error::Error;
use crate::queries::listing::{Listing, list};

/// Answers `ExportService`.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    pub(crate) resources: Resources,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tasks: Tasks,
}

#[tonic::async_trait]
impl ExportService for Exports {
    type ExportResourcesStream = BoxStream<'static, Result<ExportResourcesResponse, Status>>;
    type WatchChangesStream = BoxStream<'static, Result<WatchChangesResponse, Status>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn export_resources(
        &self,
        request: Request<ExportResourcesRequest>,
    ) -> Result<Response<Self::ExportResourcesStream>, Status> {
        let caller = self.shared.directory.caller(&request).await?;
        let message = request.into_inner();
        let listing = listing(&message)?;
        // A page at a time, read when the caller has taken the one before.
        let begin = Some((self.clone(), caller, listing, message.after_code));
        let pages = stream::try_unfold(begin, async |state| {
            let Some((exports, caller, listing, after)) = state else { return Ok(None) };
            let database = &exports.shared.database;
            let page = list(database, reader(&caller), &listing, &after).await;
            let page = page.map_err(Error::from)?;
            let mut resources = Vec::with_capacity(page.entries.len());
            for entry in page.entries {
                let resource = Some(exports.resources.to_wire(entry).await?);
                resources.push(Ok(ExportResourcesResponse { resource }));
            }
            let next = page.next.map(|next| (exports, caller, listing, next));
            Ok::<_, Error>(Some((stream::iter(resources), next)))
        });
        let resources = pages.flat_map(|page| match page {
            Ok(resources) => resources.boxed(),
            Err(error) => stream::iter([Err(Status::from(error))]).boxed(),
        });
        Ok(Response::new(resources.boxed()))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        self.shared.directory.caller(&request).await?;
        let cursor: Cursor =
            parse_optional("cursor", &request.get_ref().cursor)?.unwrap_or_default();
        let changes = changes::watch(self.resources.clone(), cursor).await?;
        let changes = changes.map(|change| match change {
            Ok(change) => Ok(WatchChangesResponse { change: Some(change) }),
            Err(error) => Err(Status::from(error)),
        });
        // Who watches would hold up the end of the service for ever.
        let shutdown = self.tasks.shutdown().clone().cancelled_owned();
        Ok(Response::new(changes.take_until(shutdown).boxed()))
    }
}

fn listing(message: &ExportResourcesRequest) -> Result<Listing, Error> {
    Ok(Listing {
        provider: parse_optional("provider_code", &message.provider_code)?,
        region: parse_optional("region_code", &message.region_code)?,
        classification: parse_optional("classification_code", &message.classification_code)?,
        status: status_from_request("status", message.status)?,
    })
}
