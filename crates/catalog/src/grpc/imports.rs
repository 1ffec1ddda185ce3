//! Entries in bulk, into the catalogue.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _};
use publicdata_proto::catalog::v1::import_resources_request::Part;
use publicdata_proto::catalog::v1::import_service_server::ImportService;
use publicdata_proto::catalog::v1::{
    ImportOptions, ImportResourcesRequest, ImportResourcesResponse, ImportRow,
};
use publicdata_service_kit::Tasks;
use tonic::{Request, Response, Status, Streaming};

use super::Shared;
use crate::drafting::Drafting;
use crate::error::Error;
use crate::import::{Import, Mode};

/// Answers `ImportService`.
#[derive(Debug)]
pub(crate) struct Imports {
    pub(crate) drafting: Arc<Drafting>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tasks: Tasks,
}

#[tonic::async_trait]
impl ImportService for Imports {
    type ImportResourcesStream = BoxStream<'static, Result<ImportResourcesResponse, Status>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn import_resources(
        &self,
        request: Request<Streaming<ImportResourcesRequest>>,
    ) -> Result<Response<Self::ImportResourcesStream>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let mut messages = request.into_inner();
        let options = match messages.message().await?.and_then(|first| first.part) {
            Some(Part::Options(options)) => options,
            Some(Part::Row(_)) | None => {
                let error = Error::field("options", "the first message says how to import");
                return Err(error.into());
            }
        };
        let meta = self.shared.meta(&options.import_id, &by.id)?;
        let import = Import::begin(Arc::clone(&self.drafting), meta, mode(&options), by).await?;
        // What is on its way is finished; the rest goes on when the import is repeated.
        let shutdown = self.tasks.shutdown();
        let ending = shutdown.clone();
        let ended =
            stream::once(async move { ending.is_cancelled().then_some(Err(Error::Ending)) })
                .filter_map(std::future::ready);
        let rows = messages.map(row).take_until(shutdown.clone().cancelled_owned()).chain(ended);
        let answers = import.run(rows.boxed());
        Ok(Response::new(answers.map(|answer| answer.map_err(Status::from)).boxed()))
    }
}

fn mode(options: &ImportOptions) -> Mode {
    match (options.dry_run, options.submit) {
        (true, _) => Mode::DryRun,
        (false, true) => Mode::Submit,
        (false, false) => Mode::Draft,
    }
}

fn row(message: Result<ImportResourcesRequest, Status>) -> Result<ImportRow, Error> {
    match message.map_err(Error::Cut)?.part {
        Some(Part::Row(row)) => Ok(row),
        Some(Part::Options(_)) | None => {
            Err(Error::field("row", "only entries come after the first message"))
        }
    }
}
