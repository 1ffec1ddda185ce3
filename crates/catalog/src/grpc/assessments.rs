//! Supervision and assessment (R12.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use publicdata_catalog_domain::assessment::score::{Tallies, Weights};
use publicdata_catalog_domain::assessment::{Bulletin, Command, Period};
use publicdata_event_store::aggregates::Aggregates;
use publicdata_proto::catalog::v1::assessment_service_server::AssessmentService;
use publicdata_proto::catalog::v1::{
    AssessRequest, AssessResponse, CriterionScore, GetAssessmentRequest, GetAssessmentResponse,
    ListAssessmentsRequest, ListAssessmentsResponse, ListLossesRequest, ListLossesResponse, Loss,
    PublishAssessmentRequest, PublishAssessmentResponse, PublishedAssessment, Standing,
};
use publicdata_types::{Actor, OrganisationCode, PageToken, RegionCode, china_date};
use publicdata_views::Projector;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Shared, VIEW_TIMEOUT, page_size, parse, parse_optional};
use crate::codec::{
    self, criterion_to_wire, period_from_wire, position_to_wire, time_to_wire, weights_from_wire,
    weights_to_wire,
};
use crate::error::Error;
use crate::queries::assessment::{self as queries, Marked, Published, Scope};
use crate::views::STREAM;

/// Answers `AssessmentService`.
#[derive(Debug)]
pub(crate) struct Assessments {
    pub(crate) aggregates: Aggregates<codec::Assessment>,
    pub(crate) marks: Arc<Projector>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl AssessmentService for Assessments {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn assess(
        &self,
        request: Request<AssessRequest>,
    ) -> Result<Response<AssessResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let period = period_from_wire(&message.first_on, &message.last_on).map_err(Error::from)?;
        let weights = weights_from_wire("weights", &message.weights).map_err(Error::from)?;
        let region = parse_optional("region_code", &message.region_code)?.unwrap_or(by.region);

        let positions = self.positions();
        let scope = scope(&by, region)?;
        let found = self.tallies(&period, scope).await?;
        let districts = match scope {
            Scope::Region(_) => queries::by_district(&found),
            Scope::Organisation(_) => BTreeMap::new(),
        };
        Ok(Response::new(AssessResponse {
            organisations: self.organisations(&tallies_of(&found), &weights).await?,
            districts: standings(&districts, &weights),
            weights: weights_to_wire(&weights),
            positions: positions
                .iter()
                .map(|(stream, sequence)| position_to_wire(stream, *sequence))
                .collect(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_losses(
        &self,
        request: Request<ListLossesRequest>,
    ) -> Result<Response<ListLossesResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let period = period_from_wire(&message.first_on, &message.last_on).map_err(Error::from)?;
        let weights = weights_from_wire("weights", &message.weights).map_err(Error::from)?;
        let organisation = parse_optional("organisation_code", &message.organisation_code)?;
        let organisation = organisation.unwrap_or(by.organisation);
        self.may_see(&by, &organisation).await?;
        let (skipped, limit) = page(&message.page_token, message.page_size)?;

        let database = &self.shared.database;
        let found = self.tallies(&period, Scope::Organisation(organisation)).await?;
        let tallies = found.get(&organisation).map(|marked| marked.tallies.clone());
        let tallies = tallies.unwrap_or_default();
        let losses = queries::losses(database, &period, &organisation, (skipped, limit)).await;
        let losses = losses.map_err(Error::from)?;
        let next_page_token = next_page(losses.len(), (skipped, limit));
        let losses = losses.into_iter().map(|loss| Loss {
            criterion: criterion_to_wire(loss.criterion).into(),
            micropoints: tallies.lost(&weights, loss.criterion, loss.lost_permille).micropoints(),
            on: loss.on,
            what: loss.what,
            about_id: loss.about_id,
            stream: loss.stream,
            sequence: loss.sequence,
        });
        Ok(Response::new(ListLossesResponse { losses: losses.collect(), next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn publish_assessment(
        &self,
        request: Request<PublishAssessmentRequest>,
    ) -> Result<Response<PublishAssessmentResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let period = period_from_wire(&message.first_on, &message.last_on).map_err(Error::from)?;
        let weights = weights_from_wire("weights", &message.weights).map_err(Error::from)?;
        let region = parse_optional("region_code", &message.region_code)?.unwrap_or(by.region);

        let positions = self.positions();
        let found = match by.may_govern(&region) {
            Ok(()) => self.tallies(&period, Scope::Region(region)).await?,
            // The rules refuse it; nothing needs to be counted for that.
            Err(_) => BTreeMap::new(),
        };
        let bulletin = Bulletin {
            period,
            region,
            weights,
            districts: queries::by_district(&found),
            organisations: tallies_of(&found),
            positions,
        };
        // One assessment a region and period: whoever publishes it again finds the first.
        let name = format!("{region} {} {}", period.first(), period.last());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        let command = Command::Publish { bulletin, today: china_date(meta.at), by };
        let done = self.aggregates.execute(&id, &meta, command).await.map_err(Error::from)?;

        if let Err(late) = self.marks.wait_for(STREAM, done.sequence, VIEW_TIMEOUT).await {
            tracing::warn!(error = %late, "a write is answered before the view holds it");
        }
        let sequence = done.sequence;
        Ok(Response::new(PublishAssessmentResponse { assessment_id: id, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_assessment(
        &self,
        request: Request<GetAssessmentRequest>,
    ) -> Result<Response<GetAssessmentResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let id: Uuid = parse("assessment_id", &message.assessment_id)?;
        let found = queries::published(&self.shared.database, &id.to_string()).await;
        let found = found.map_err(Error::from)?.ok_or(Error::AssessmentNotFound)?;

        let weights = match message.weights.is_empty() {
            true => found.bulletin.weights.clone(),
            false => weights_from_wire("weights", &message.weights).map_err(Error::from)?,
        };
        let seen = is_told(&found.bulletin, &by);
        if !seen {
            return Err(Error::AssessmentNotFound.into());
        }
        Ok(Response::new(GetAssessmentResponse {
            organisations: self.organisations(&found.bulletin.organisations, &weights).await?,
            districts: standings(&found.bulletin.districts, &weights),
            weights: weights_to_wire(&weights),
            assessment: Some(to_wire(found)),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_assessments(
        &self,
        request: Request<ListAssessmentsRequest>,
    ) -> Result<Response<ListAssessmentsResponse>, Status> {
        self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let page = page(&message.page_token, message.page_size)?;

        let found = queries::all_published(&self.shared.database, page).await;
        let found = found.map_err(Error::from)?;
        Ok(Response::new(ListAssessmentsResponse {
            next_page_token: next_page(found.len(), page),
            assessments: found.into_iter().map(to_wire).collect(),
        }))
    }
}

impl Assessments {
    async fn tallies(
        &self,
        period: &Period,
        scope: Scope,
    ) -> Result<BTreeMap<OrganisationCode, Marked>, Error> {
        Ok(queries::tallies(&self.shared.database, period, scope).await?)
    }

    /// How far the marks had been counted before they were read: they may be a little newer.
    fn positions(&self) -> BTreeMap<String, u64> {
        let positions = self.marks.positions().into_iter();
        positions.map(|(stream, sequence)| (stream.to_owned(), sequence)).collect()
    }

    async fn organisations(
        &self,
        tallies: &BTreeMap<OrganisationCode, Tallies>,
        weights: &Weights,
    ) -> Result<Vec<Standing>, Error> {
        let mut standings = standings(tallies, weights);
        for standing in &mut standings {
            let code = parse("code", &standing.code)?;
            if let Some(organisation) = self.shared.directory.organisation(&code).await? {
                standing.name = organisation.name.clone();
                standing.region_code = organisation.region.to_string();
            }
        }
        Ok(standings)
    }

    /// R13.1: its own people, the authority over it, and auditors.
    async fn may_see(&self, by: &Actor, organisation: &OrganisationCode) -> Result<(), Error> {
        if by.may_act_for(organisation).is_ok() || by.may_audit().is_ok() {
            return Ok(());
        }
        let found = self.shared.directory.organisation(organisation).await?;
        match found {
            Some(found) if by.is_authority_over(&found.region) => Ok(()),
            Some(_) | None => Err(Error::OrganisationNotFound),
        }
    }
}

/// A bulletin (通报) is for those whom it is about, the authorities over them, and auditors.
fn is_told(bulletin: &Bulletin, by: &Actor) -> bool {
    let governs = by.is_authority_over(&by.region)
        && (by.region.contains(&bulletin.region) || bulletin.region.contains(&by.region));
    governs || by.may_audit().is_ok() || bulletin.organisations.contains_key(&by.organisation)
}

/// Whose marks the caller may see: an authority those of its region, an auditor all, others their own.
fn scope(by: &Actor, region: RegionCode) -> Result<Scope, Error> {
    if by.may_audit().is_ok() || by.is_authority_over(&region) {
        return Ok(Scope::Region(region));
    }
    match by.may_govern(&by.region) {
        // An authority that asks beyond its region is told so, rather than shown less than it asked for.
        Ok(()) => Err(Error::denied(by.may_govern(&region))),
        Err(_) => Ok(Scope::Organisation(by.organisation)),
    }
}

fn tallies_of(found: &BTreeMap<OrganisationCode, Marked>) -> BTreeMap<OrganisationCode, Tallies> {
    found.iter().map(|(code, marked)| (*code, marked.tallies.clone())).collect()
}

/// The best first; equal totals share a place.
fn standings<C: Ord + ToString>(
    tallies: &BTreeMap<C, Tallies>,
    weights: &Weights,
) -> Vec<Standing> {
    let mut standings: Vec<Standing> = tallies
        .iter()
        .map(|(code, tallies)| {
            let score = tallies.score(weights);
            let criteria = tallies.iter().map(|(criterion, tally)| CriterionScore {
                criterion: criterion_to_wire(criterion).into(),
                marks: tally.marks,
                micropoints: score
                    .criteria
                    .get(&criterion)
                    .map_or(0, |points| points.micropoints()),
            });
            Standing {
                rank: 0,
                code: code.to_string(),
                name: String::new(),
                region_code: code.to_string(),
                total_micropoints: score.total.micropoints(),
                criteria: criteria.collect(),
            }
        })
        .collect();
    standings.sort_by_key(|standing| std::cmp::Reverse(standing.total_micropoints));
    let (mut rank, mut before) = (0, None);
    for (place, standing) in (1..).zip(&mut standings) {
        if before != Some(standing.total_micropoints) {
            rank = place;
        }
        before = Some(standing.total_micropoints);
        standing.rank = rank;
    }
    standings
}

fn to_wire(found: Published) -> PublishedAssessment {
    let Bulletin { period, region, .. } = found.bulletin;
    PublishedAssessment {
        id: found.id,
        first_on: period.first().to_string(),
        last_on: period.last().to_string(),
        region_code: region.to_string(),
        published_at: Some(time_to_wire(found.at)),
    }
}

/// What comes before a page, and how much it holds.
fn page(token: &str, size: u32) -> Result<(u64, u32), Error> {
    let token: Option<PageToken> = parse_optional("page_token", token)?;
    let skipped = token.map(|token| parse("page_token", token.key())).transpose()?;
    Ok((skipped.unwrap_or(0), page_size(size)?))
}

fn next_page(found: usize, (skipped, limit): (u64, u32)) -> String {
    match found >= limit as usize {
        true => PageToken::after((skipped + u64::from(limit)).to_string()).to_string(),
        false => String::new(),
    }
}
