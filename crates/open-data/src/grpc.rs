//! Parses requests, executes commands, answers. Rules are in the domain, and rights in the directory.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use publicdata_directory::Directory;
use publicdata_event_store::aggregates::Meta;
use publicdata_proto::opendata::v1::propose_publication_request::Part;
use publicdata_proto::opendata::v1::publication_service_server::PublicationService;
use publicdata_proto::opendata::v1::{
    GetPublicationRequest, GetPublicationResponse, ListPublicationsRequest,
    ListPublicationsResponse, ProposePublicationRequest, ProposePublicationResponse, Publication,
    PublicationHeader, PublicationStatus, PublishRequest, PublishResponse,
    ReviewPublicationRequest, ReviewPublicationResponse, WithdrawPublicationRequest,
    WithdrawPublicationResponse,
};
use publicdata_service_kit::{Clock, telemetry};
use publicdata_types::{Actor, CommandId, PublicationId};
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::codec::{self, FieldError};
use crate::error::Error;
use crate::portal::Site;
use crate::publishing::{Finding, Proposed, Publishing};
use crate::queries::{Page, Queries, Reader};

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 500;
/// As the contract says.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// How long the next chunk may take to come.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

/// The service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) publishing: Publishing,
    pub(crate) queries: Queries,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    pub(crate) site: Site,
}

#[tonic::async_trait]
impl PublicationService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn propose_publication(
        &self,
        request: Request<Streaming<ProposePublicationRequest>>,
    ) -> Result<Response<ProposePublicationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let mut parts = request.into_inner();
        let PublicationHeader { command_id, resource_id } = match next(&mut parts).await? {
            Some(Part::Header(header)) => header,
            Some(Part::Chunk(_)) | None => return Err(Error::Protocol.into()),
        };
        let meta = self.meta(&command_id, &by)?;
        let resource = codec::parse("resource_id", &resource_id).map_err(Error::from)?;

        let proposed = self.publishing.propose(&meta, resource, chunks(parts), by).await?;

        let Proposed { id, digest, rows, sequence } = proposed;
        Ok(Response::new(ProposePublicationResponse {
            publication_id: id.to_string(),
            content_sha256: digest.as_bytes().to_vec(),
            rows,
            sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn review_publication(
        &self,
        request: Request<ReviewPublicationRequest>,
    ) -> Result<Response<ReviewPublicationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id = publication_id(&request.publication_id)?;
        let finding = finding(request)?;

        let sequence = self.publishing.review(&meta, id, finding, by).await?;

        Ok(Response::new(ReviewPublicationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn publish(
        &self,
        request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id = publication_id(&request.publication_id)?;

        let (sequence, proposal) = self.publishing.publish(&meta, id, by).await?;

        let url = self.site.url_of(&proposal.resource_code.to_string());
        Ok(Response::new(PublishResponse { url, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn withdraw_publication(
        &self,
        request: Request<WithdrawPublicationRequest>,
    ) -> Result<Response<WithdrawPublicationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id = publication_id(&request.publication_id)?;

        let sequence = self.publishing.withdraw(&meta, id, request.reason, by).await?;

        Ok(Response::new(WithdrawPublicationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_publication(
        &self,
        request: Request<GetPublicationRequest>,
    ) -> Result<Response<GetPublicationResponse>, Status> {
        let reader = Reader::from(&self.directory.caller(&request).await?);
        let id = publication_id(&request.get_ref().publication_id)?;

        let mut found = self.queries.publication(id, &reader).await?;
        if found.is_none() {
            // Another process of the service may have written it a moment ago.
            self.publishing.catch_up_publications().await?;
            found = self.queries.publication(id, &reader).await?;
        }

        let publication = found.ok_or(Error::PublicationUnknown)?;
        Ok(Response::new(GetPublicationResponse { publication: Some(self.with_url(publication)) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_publications(
        &self,
        request: Request<ListPublicationsRequest>,
    ) -> Result<Response<ListPublicationsResponse>, Status> {
        let reader = Reader::from(&self.directory.caller(&request).await?);
        let request = request.into_inner();
        let page = page(&request)?;
        let status = PublicationStatus::try_from(request.status).map_err(|_| {
            Error::from(FieldError::new("status", "the value is unknown; leave it out for any"))
        })?;

        let (publications, next) = self.queries.publications(&reader, status, &page).await?;

        Ok(Response::new(ListPublicationsResponse {
            publications: publications.into_iter().map(|one| self.with_url(one)).collect(),
            next_page_token: next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }
}

impl Service {
    /// What comes with a command.
    fn meta(&self, command_id: &str, by: &Actor) -> Result<Meta, Error> {
        Ok(Meta {
            command_id: codec::parse::<CommandId>("command_id", command_id)?,
            actor: by.id.clone(),
            at: self.clock.now(),
            traceparent: telemetry::current_traceparent(),
        })
    }

    fn with_url(&self, publication: Publication) -> Publication {
        let url = match publication.status() {
            PublicationStatus::Published => self.site.url_of(&publication.resource_code),
            PublicationStatus::Unspecified
            | PublicationStatus::Proposed
            | PublicationStatus::Reviewed
            | PublicationStatus::Rejected
            | PublicationStatus::Withdrawn => String::new(),
        };
        Publication { url, ..publication }
    }
}

fn publication_id(text: &str) -> Result<PublicationId, Error> {
    Ok(codec::parse("publication_id", text)?)
}

fn finding(request: ReviewPublicationRequest) -> Result<Finding, Error> {
    Ok(Finding {
        outcome: codec::outcome("outcome", request.outcome)?,
        digest: codec::digest("content_sha256", &request.content_sha256)?,
        basis: request.basis,
    })
}

fn page(request: &ListPublicationsRequest) -> Result<Page, Error> {
    let size = match request.page_size {
        0 => PAGE_SIZE,
        size => size.min(PAGE_SIZE_MAX),
    };
    let after = match request.page_token.as_str() {
        "" => None,
        token => Some(token.parse().map_err(|_| Error::PageToken)?),
    };
    Ok(Page { size, after })
}

/// The chunks that follow the header.
fn chunks(
    parts: Streaming<ProposePublicationRequest>,
) -> impl Stream<Item = Result<Vec<u8>, Error>> {
    stream::try_unfold(parts, |mut parts| async move {
        match next(&mut parts).await? {
            Some(Part::Chunk(chunk)) if chunk.len() > CHUNK_BYTES_MAX => {
                Err(Error::ChunkTooLarge { bytes_max: CHUNK_BYTES_MAX })
            }
            Some(Part::Chunk(chunk)) => Ok(Some((chunk, parts))),
            Some(Part::Header(_)) => Err(Error::Protocol),
            None => Ok(None),
        }
    })
}

async fn next(parts: &mut Streaming<ProposePublicationRequest>) -> Result<Option<Part>, Error> {
    let Ok(message) = timeout(CHUNK_TIMEOUT, parts.message()).await else {
        return Err(Error::UploadStalled { waited: CHUNK_TIMEOUT });
    };
    let message = message.map_err(|status| match status.code() == Code::OutOfRange {
        // More than gRPC takes in one message.
        true => Error::ChunkTooLarge { bytes_max: CHUNK_BYTES_MAX },
        false => Error::UploadBroken(Box::new(status)),
    })?;
    match message.map(|message| message.part) {
        Some(Some(part)) => Ok(Some(part)),
        Some(None) => Err(Error::Protocol),
        None => Ok(None),
    }
}
