//! Parse, execute, respond.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, TryStreamExt as _, stream};
use jiff::Timestamp;
use publicdata_archive::seal;
use publicdata_audit_domain::archive::Rejection;
use publicdata_directory::Directory;
use publicdata_proto::audit::v1::archive_service_server::ArchiveService;
use publicdata_proto::audit::v1::{
    CreateArchivesRequest, CreateArchivesResponse, ReleaseSourceRequest, ReleaseSourceResponse,
    StreamArchived,
};
use tonic::{Request, Response, Status};

use super::{Archivist, Signed};
use crate::error::Error;
use crate::grpc::{may_read, moment};

/// Answers calls about archives.
pub(crate) struct ArchivesService {
    pub(crate) directory: Arc<Directory>,
    /// Who archives; nobody, where no place was configured.
    pub(crate) archivist: Option<Archivist>,
    /// The streams that are logged.
    pub(crate) streams: Vec<String>,
}

/// What is still to be archived for a caller.
struct Creation {
    archivist: Archivist,
    signed: Signed,
    before: Timestamp,
    streams: VecDeque<String>,
}

#[tonic::async_trait]
impl ArchiveService for ArchivesService {
    type CreateArchivesStream =
        Pin<Box<dyn Stream<Item = Result<CreateArchivesResponse, Status>> + Send + 'static>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn create_archives(
        &self,
        request: Request<CreateArchivesRequest>,
    ) -> Result<Response<Self::CreateArchivesStream>, Status> {
        may_read(&self.directory.user(&request).await?).map_err(Error::from)?;
        let CreateArchivesRequest { stream, before } = request.into_inner();
        let archivist = self.archivist.clone().ok_or(Error::NoArchive)?;
        let before = moment("before", before)?.unwrap_or(Timestamp::MAX);
        // What is logged after this call, such as its own seals, waits for the next one.
        let signed = archivist.signed().await?;
        let streams = match stream.is_empty() {
            true => self.streams.clone(),
            false if self.streams.contains(&stream) => vec![stream],
            false => return Err(Error::UnknownStream { stream }.into()),
        };

        let creation = Creation { archivist, signed, before, streams: streams.into() };
        let created = stream::try_unfold(creation, |mut creation| async move {
            let seal = creation.seal_next().await?;
            let answer = seal.map(|seal| CreateArchivesResponse { archive: Some(seal) });
            Ok::<_, Error>(answer.map(|answer| (answer, creation)))
        });
        Ok(Response::new(Box::pin(created.map_err(Status::from))))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn release_source(
        &self,
        request: Request<ReleaseSourceRequest>,
    ) -> Result<Response<ReleaseSourceResponse>, Status> {
        let by = self.directory.user(&request).await?;
        // Auditors look on, and supervise who decides.
        by.may_govern_city().map_err(Error::from)?;
        let ReleaseSourceRequest { stream } = request.into_inner();
        let archivist = self.archivist.clone().ok_or(Error::NoArchive)?;
        if !self.streams.contains(&stream) {
            return Err(Error::UnknownStream { stream }.into());
        }
        let (last_sequence, archives) = archivist.release(&stream, by.organisation).await?;
        Ok(Response::new(ReleaseSourceResponse { last_sequence, archives }))
    }
}

impl Creation {
    /// The next archive of the first stream that has one left.
    async fn seal_next(&mut self) -> Result<Option<StreamArchived>, Error> {
        while let Some(stream) = self.streams.front() {
            match self.archivist.seal_next(stream, self.before, &self.signed).await {
                Ok(Some(seal)) => return Ok(Some(seal::to_wire(&seal))),
                Ok(None) => {
                    self.streams.pop_front();
                }
                // Another archivist was faster: go on after what that one has sealed.
                Err(Error::ArchiveRejected(Rejection::Archived { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
