//! One source for each datum.

use std::sync::Arc;

use publicdata_catalog_domain::entity::{Command, Rejection, SourceKey};
use publicdata_proto::catalog::v1::source_service_server::SourceService;
use publicdata_proto::catalog::v1::{
    ClaimSourceRequest, ClaimSourceResponse, ContestSourceRequest, ContestSourceResponse,
    ListContestsRequest, ListContestsResponse, ListSourceConflictsRequest,
    ListSourceConflictsResponse, ListSourcesRequest, ListSourcesResponse, ReleaseSourceRequest,
    ReleaseSourceResponse, SettleContestRequest, SettleContestResponse, SourceConflict,
    SourceContest,
};
use publicdata_types::{Actor, ContestId, PageToken};
use tonic::{Request, Response, Status};

use super::collection::reason_to_wire;
use super::{next_page_token, page_size, parse, parse_optional};
use crate::codec::{source_to_wire, time_to_wire, winner_from_wire};
use crate::collecting::{Collecting, Releasing};
use crate::error::Error;
use crate::queries::collection::{self as queries, Filter, SourceRow};
use crate::queries::contests::{self, ContestRow};

/// How many conflicts are listed at most: whoever has more settles some first.
const CONFLICTS_MAX: usize = 500;

/// Answers `SourceService`.
#[derive(Debug)]
pub(crate) struct Sources(pub(crate) Arc<Collecting>);

#[tonic::async_trait]
impl SourceService for Sources {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn claim_source(
        &self,
        request: Request<ClaimSourceRequest>,
    ) -> Result<Response<ClaimSourceResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;

        self.0.catch_up().await?;
        let (resource, sources) = self.0.sources_of(&id, &message.items).await?;
        let scope = self.0.scope(&resource.entity).await?;
        let command = Command::Claim {
            sources: sources.clone(),
            elsewhere: self.0.elsewhere(&scope).await?,
            withdrawn: self.0.withdrawn(&scope).await?,
            vocabularies: Arc::clone(&scope.vocabularies),
            difference: message.difference,
            by,
        };
        let sequence = self.0.execute(&scope.id.to_string(), &meta, command).await?;
        let sources = sources.iter().map(source_to_wire).collect();
        Ok(Response::new(ClaimSourceResponse { sources, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn release_source(
        &self,
        request: Request<ReleaseSourceRequest>,
    ) -> Result<Response<ReleaseSourceResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let resource = parse("resource_id", &message.resource_id)?;

        self.0.catch_up().await?;
        let (items, reason) = (message.items, message.reason);
        let releasing = Releasing { resource, items, reason, by };
        let sequence = self.0.release(&meta, releasing).await?;
        Ok(Response::new(ReleaseSourceResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn contest_source(
        &self,
        request: Request<ContestSourceRequest>,
    ) -> Result<Response<ContestSourceResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let id = parse("resource_id", &message.resource_id)?;
        let holder_code = parse("holder_resource_code", &message.holder_resource_code)?;
        let contest = ContestId::from_uuid(*meta.command_id.derive("contest").as_uuid());

        self.0.catch_up().await?;
        let (_, mut sources) = self.0.sources_of(&id, std::slice::from_ref(&message.item)).await?;
        let challenger = sources.pop().ok_or(Error::Entity(Rejection::SourceAbsent))?;
        let database = &self.0.shared.database;
        let holder = queries::source_of(database, &holder_code, &message.holder_item).await;
        let (register, holder) = match holder.map_err(Error::from)? {
            Some(holder) => (holder.entity_id, holder.source.key),
            // Whoever repeats a contest that was settled since is answered as the first time.
            None => self.settled(&by, &contest).await?,
        };
        let command = Command::Contest {
            contest,
            challenger,
            holder,
            grounds: message.grounds,
            vocabularies: self.0.vocabularies().await?,
            by,
        };
        let sequence = self.0.execute(&register, &meta, command).await?;
        Ok(Response::new(ContestSourceResponse { contest_id: contest.to_string(), sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn settle_contest(
        &self,
        request: Request<SettleContestRequest>,
    ) -> Result<Response<SettleContestResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let contest: ContestId = parse("contest_id", &message.contest_id)?;
        let winner = winner_from_wire("winner", message.winner).map_err(Error::from)?;

        self.0.catch_up().await?;
        let known = self.contest(&by, &contest).await?;
        let (register, dispute) = known.ok_or(Error::Entity(Rejection::ContestAbsent))?;
        let scope = self.0.scope(&dispute.challenger.datum.entity).await?;
        let command = Command::Settle {
            contest,
            winner,
            reason: message.reason,
            elsewhere: self.0.elsewhere(&scope).await?,
            vocabularies: scope.vocabularies,
            by,
        };
        let sequence = self.0.execute(&register, &meta, command).await?;
        Ok(Response::new(SettleContestResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_sources(
        &self,
        request: Request<ListSourcesRequest>,
    ) -> Result<Response<ListSourcesResponse>, Status> {
        self.0.shared.directory.caller(&request).await?;
        let message = request.get_ref();
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let filter = Filter {
            entity_keys: self.0.entity_keys(&message.entity).await?,
            organisation: parse_optional("provider_code", &message.provider_code)?,
            resource: parse_optional("resource_id", &message.resource_id)?,
            in_force_on: None,
            after: token.map(|token| token.key().to_owned()),
            limit: page_size(message.page_size)?,
        };

        let found = queries::sources(&self.0.shared.database, &filter).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|last| {
            let key = &last.source.key;
            format!("{}/{}", key.resource, key.item)
        });
        Ok(Response::new(ListSourcesResponse {
            next_page_token: next_page_token(found.len(), filter.limit, last),
            sources: found.iter().map(|row| source_to_wire(&row.source)).collect(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_contests(
        &self,
        request: Request<ListContestsRequest>,
    ) -> Result<Response<ListContestsResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let size = page_size(message.page_size)?;
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let after = token.as_ref().map(PageToken::key);
        let status = if message.all { "%" } else { "open" };

        let found = contests::contests(&self.0.shared.database, &by, status, after, size).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|last| last.id.clone());
        Ok(Response::new(ListContestsResponse {
            next_page_token: next_page_token(found.len(), size, last),
            contests: found.into_iter().map(contest_to_wire).collect(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_source_conflicts(
        &self,
        request: Request<ListSourceConflictsRequest>,
    ) -> Result<Response<ListSourceConflictsResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        by.may_govern(&by.region).map_err(|denied| Error::Entity(denied.into()))?;

        let keys = self.0.entity_keys(&request.get_ref().entity).await?;
        self.0.catch_up().await?;
        let found = queries::all_sources(&self.0.shared.database, &keys).await;
        let conflicts = self.conflicts(&by, found.map_err(Error::from)?).await?;
        Ok(Response::new(ListSourceConflictsResponse { conflicts }))
    }
}

impl Sources {
    /// A contest and its register, if `by` may see it.
    async fn contest(
        &self,
        by: &Actor,
        contest: &ContestId,
    ) -> Result<Option<(String, ContestRow)>, Error> {
        Ok(contests::contest_by_id(&self.0.shared.database, by, &contest.to_string()).await?)
    }

    async fn settled(&self, by: &Actor, contest: &ContestId) -> Result<(String, SourceKey), Error> {
        let known = self.contest(by, contest).await?;
        let (register, dispute) = known.ok_or(Error::Entity(Rejection::SourceAbsent))?;
        Ok((register, dispute.holder.key))
    }

    /// Pairs of claims that have come to be the same datum, in which the authority has a say.
    async fn conflicts(
        &self,
        by: &Actor,
        rows: Vec<SourceRow>,
    ) -> Result<Vec<SourceConflict>, Error> {
        let vocabularies = self.0.vocabularies().await?;
        let probed: Vec<_> =
            rows.iter().map(|row| (&row.source, vocabularies.probe(&row.source.datum))).collect();
        let mut conflicts = Vec::new();
        for (index, (first, probe)) in probed.iter().enumerate() {
            for (second, other) in &probed[index + 1..] {
                let concerned = [first, second];
                if first.key.resource == second.key.resource
                    || !concerned.iter().any(|source| by.is_authority_over(&source.region))
                {
                    continue;
                }
                let Some(why) = probe.like(other).filter(|why| why.refuses()) else { continue };
                conflicts.push(SourceConflict {
                    first: Some(source_to_wire(first)),
                    second: Some(source_to_wire(second)),
                    reason: reason_to_wire(&why).into(),
                    explanation: why.to_string(),
                });
                if conflicts.len() == CONFLICTS_MAX {
                    return Ok(conflicts);
                }
            }
        }
        Ok(conflicts)
    }
}

fn contest_to_wire(row: ContestRow) -> SourceContest {
    SourceContest {
        id: row.id,
        challenger: Some(source_to_wire(&row.challenger)),
        holder: Some(source_to_wire(&row.holder)),
        grounds: row.grounds,
        open: row.open,
        winner: row.winner,
        reason: row.reason,
        contested_at: Some(time_to_wire(row.contested_at)),
    }
}
