//! Other platforms' catalogues.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use publicdata_catalog_domain::foreign_resource;
use publicdata_catalog_domain::harvest_source::{Advance, Command, Reached};
use publicdata_catalogue_formats::dcat::Offer;
use publicdata_event_store::aggregates::{Aggregates, ExecuteError, Meta};
use publicdata_proto::catalog::v1::harvest_service_server::HarvestService;
use publicdata_proto::catalog::v1::{
    ForeignAnswer, ForeignDescription, ForeignOutcome, ListForeignResourcesRequest,
    ListForeignResourcesResponse, ListHarvestSourcesRequest, ListHarvestSourcesResponse,
    RecordForeignResourcesRequest, RecordForeignResourcesResponse, RegisterHarvestSourceRequest,
    RegisterHarvestSourceResponse,
};
use publicdata_types::{HarvestSourceId, PageToken};
use publicdata_views::Projector;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Shared, VIEW_TIMEOUT, next_page_token, page_size, parse, parse_optional};
use crate::codec::{self, foreign_from_wire, harvest_kind_from_wire};
use crate::error::Error;
use crate::queries::harvest::{self as queries, ForeignSearch, WORDS_MAX};
use crate::views::STREAM;

/// How many datasets one call takes.
const RECORDED_MAX: usize = 500;
/// How many are on their way to the store at the same time.
const IN_FLIGHT: usize = 64;
/// What divides the two parts of a page's key; no URI has one.
const DIVIDER: char = ' ';

/// Answers `HarvestService`.
#[derive(Debug)]
pub(crate) struct Harvests {
    pub(crate) sources: Aggregates<codec::HarvestSource>,
    pub(crate) foreign: Aggregates<codec::ForeignResource>,
    pub(crate) view: Arc<Projector>,
    /// What this platform offers itself, if it does: it may come back.
    pub(crate) own: Option<Offer>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl HarvestService for Harvests {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn register_harvest_source(
        &self,
        request: Request<RegisterHarvestSourceRequest>,
    ) -> Result<Response<RegisterHarvestSourceResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse_optional("source_id", &message.source_id)?;
        let id = id.unwrap_or_else(|| {
            HarvestSourceId::from_uuid(*meta.command_id.derive("harvest source").as_uuid())
        });
        let kind = harvest_kind_from_wire("kind", message.kind).map_err(Error::from)?;
        let RegisterHarvestSourceRequest { name, url, platform, .. } = message;
        let command = Command::Register { name, kind, url, platform, by };
        let done = self.sources.execute(&id.to_string(), &meta, command).await;
        let sequence = done.map_err(Error::from)?.sequence;
        self.until_seen(sequence).await;
        Ok(Response::new(RegisterHarvestSourceResponse { source_id: id.to_string(), sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_harvest_sources(
        &self,
        request: Request<ListHarvestSourcesRequest>,
    ) -> Result<Response<ListHarvestSourcesResponse>, Status> {
        self.shared.directory.caller(&request).await?;
        let message = request.get_ref();
        let limit = page_size(message.page_size)?;
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let after = token.as_ref().map_or("", PageToken::key);
        let sources = queries::sources(&self.shared.database, after, limit).await;
        let sources = sources.map_err(Error::from)?;
        let last = sources.last().map(|source| source.id.clone());
        let next_page_token = next_page_token(sources.len(), limit, last);
        Ok(Response::new(ListHarvestSourcesResponse { sources, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn record_foreign_resources(
        &self,
        request: Request<RecordForeignResourcesRequest>,
    ) -> Result<Response<RecordForeignResourcesResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let source: HarvestSourceId = parse("source_id", &message.source_id)?;
        for (field, count) in [("seen", message.seen.len()), ("gone_uris", message.gone_uris.len())]
        {
            if count > RECORDED_MAX {
                let error = format!("{count} are too many; send at most {RECORDED_MAX} at once");
                return Err(Error::field(field, error).into());
            }
        }
        let (state, _) = self.sources.get(&source.to_string()).await.map_err(Error::from)?;
        state.may_harvest(&by).map_err(Error::HarvestSource)?;

        let seen = stream::iter(message.seen).map(|seen| self.see(source, &meta, seen));
        let seen: Vec<(ForeignAnswer, u64)> =
            seen.boxed().buffered(IN_FLIGHT).try_collect().await?;
        let gone = stream::iter(message.gone_uris).map(|uri| self.miss(source, &meta, uri));
        let gone: Vec<Option<u64>> = gone.boxed().buffered(IN_FLIGHT).try_collect().await?;

        let is_news = |answer: &ForeignAnswer| {
            matches!(answer.outcome(), ForeignOutcome::Taken | ForeignOutcome::Changed)
        };
        let is_refused = |answer: &ForeignAnswer| answer.outcome() == ForeignOutcome::Refused;
        let count = |wanted: &dyn Fn(&ForeignAnswer) -> bool| {
            let count = seen.iter().filter(|(answer, _)| wanted(answer)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let advance = Advance {
            cursor: message.cursor,
            taken: count(&is_news),
            gone: u32::try_from(gone.iter().flatten().count()).unwrap_or(u32::MAX),
            refused: message.refused.saturating_add(count(&is_refused)),
            reached: if message.complete { Reached::End } else { Reached::Part },
        };
        let known_gone = advance.gone;
        let command = Command::Advance { advance, by };
        let done = self.sources.execute(&source.to_string(), &meta, command).await;
        let last = done.map_err(Error::from)?.sequence;
        let written = seen.iter().map(|(_, sequence)| *sequence).chain(gone.into_iter().flatten());
        let sequence = written.chain([last]).max().unwrap_or(last);
        self.until_seen(sequence).await;
        Ok(Response::new(RecordForeignResourcesResponse {
            answers: seen.into_iter().map(|(answer, _)| answer).collect(),
            gone: known_gone,
            sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_foreign_resources(
        &self,
        request: Request<ListForeignResourcesRequest>,
    ) -> Result<Response<ListForeignResourcesResponse>, Status> {
        self.shared.directory.caller(&request).await?;
        let message = request.get_ref();
        let source: Option<HarvestSourceId> = parse_optional("source_id", &message.source_id)?;
        let words: Vec<String> = message.query.split_whitespace().map(ToOwned::to_owned).collect();
        if words.len() > WORDS_MAX {
            let error = format!("at most {WORDS_MAX} words are allowed");
            return Err(Error::field("query", error).into());
        }
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let after = token.as_ref().and_then(|token| token.key().split_once(DIVIDER));
        let search = ForeignSearch {
            source_id: source.map(|id| id.to_string()).unwrap_or_default(),
            words,
            after: after.map(|(uri, id)| (uri.to_owned(), id.to_owned())),
            limit: page_size(message.page_size)?,
        };
        let resources = queries::resources(&self.shared.database, &search).await;
        let resources = resources.map_err(Error::from)?;
        let last = resources.last().map(|last| {
            let uri = last.description.as_ref().map_or("", |description| &description.uri);
            format!("{uri}{DIVIDER}{}", last.id)
        });
        let next_page_token = next_page_token(resources.len(), search.limit, last);
        Ok(Response::new(ListForeignResourcesResponse { resources, next_page_token }))
    }
}

impl Harvests {
    /// Takes in a dataset; says what became of it, and the commit that holds it.
    async fn see(
        &self,
        source: HarvestSourceId,
        meta: &Meta,
        seen: ForeignDescription,
    ) -> Result<(ForeignAnswer, u64), Error> {
        let uri = seen.uri.clone();
        let answer = |outcome: ForeignOutcome, message: String| ForeignAnswer {
            uri: uri.clone(),
            outcome: outcome.into(),
            message,
        };
        if self.own.as_ref().is_some_and(|own| own.is_own(&uri)) {
            return Ok((answer(ForeignOutcome::Own, String::new()), 0));
        }
        let id = foreign_id(source, &uri);
        let meta = Meta { command_id: meta.command_id.derive(&id), ..meta.clone() };
        let description = foreign_from_wire(seen);
        let (before, _) = self.foreign.get(&id).await?;
        let outcome = match before {
            foreign_resource::ForeignResource::Offered(known) if known == description => {
                return Ok((answer(ForeignOutcome::Unchanged, String::new()), 0));
            }
            foreign_resource::ForeignResource::Offered(_) => ForeignOutcome::Changed,
            foreign_resource::ForeignResource::Unseen | foreign_resource::ForeignResource::Gone => {
                ForeignOutcome::Taken
            }
        };
        let command = foreign_resource::Command::See { source, description };
        match self.foreign.execute(&id, &meta, command).await {
            Ok(done) => Ok((answer(outcome, String::new()), done.sequence)),
            Err(ExecuteError::Rejected(rejection)) => {
                Ok((answer(ForeignOutcome::Refused, rejection.to_string()), 0))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lets a dataset go; the commit that says so, if it was known.
    async fn miss(
        &self,
        source: HarvestSourceId,
        meta: &Meta,
        uri: String,
    ) -> Result<Option<u64>, Error> {
        let id = foreign_id(source, &uri);
        let (before, _) = self.foreign.get(&id).await?;
        if !matches!(before, foreign_resource::ForeignResource::Offered(_)) {
            return Ok(None);
        }
        let meta = Meta { command_id: meta.command_id.derive(&id), ..meta.clone() };
        let done = self.foreign.execute(&id, &meta, foreign_resource::Command::Miss).await?;
        Ok(Some(done.sequence))
    }

    async fn until_seen(&self, sequence: u64) {
        if let Err(late) = self.view.wait_for(STREAM, sequence, VIEW_TIMEOUT).await {
            tracing::warn!(error = %late, "a write is answered before the view holds it");
        }
    }
}

/// A dataset's id here: it follows from where it comes from.
fn foreign_id(source: HarvestSourceId, uri: &str) -> String {
    Uuid::new_v5(source.as_uuid(), uri.as_bytes()).to_string()
}
