//! No double collection.

use std::sync::Arc;

use publicdata_catalog_domain::entity::{Command, Counterpart, Like, Plan, Rejection};
use publicdata_catalog_domain::likeness::Why;
use publicdata_proto::catalog::v1::collection_service_server::CollectionService;
use publicdata_proto::catalog::v1::{
    AllowCollectionRequest, AllowCollectionResponse, CheckCollectionRequest,
    CheckCollectionResponse, EndCollectionPlanRequest, EndCollectionPlanResponse, Likeness,
    LikenessReason, ListCollectionPlansRequest, ListCollectionPlansResponse,
    RegisterCollectionPlanRequest, RegisterCollectionPlanResponse, RegisteredPlan, SharingType,
};
use publicdata_types::{OrganisationCode, PageToken, PlanId, china_date};
use tonic::{Request, Response, Status};

use super::{next_page_token, page_size, parse, parse_optional};
use crate::codec::{items_from_wire, sharing_type_to_number};
use crate::collecting::Collecting;
use crate::error::Error;
use crate::queries::collection::{self as queries, Filter, PlanRow};

/// Answers `CollectionService`.
#[derive(Debug)]
pub(crate) struct Plans(pub(crate) Arc<Collecting>);

#[tonic::async_trait]
impl CollectionService for Plans {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn check_collection(
        &self,
        request: Request<CheckCollectionRequest>,
    ) -> Result<Response<CheckCollectionResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let items = items_from_wire(&message.entity, message.items);
        must_be_few(items.len())?;

        let likes = self.0.check(&message.entity, &items, by.organisation).await?;
        let mut likenesses = Vec::with_capacity(likes.len());
        for like in likes {
            likenesses.push(self.like_to_wire(like).await?);
        }
        Ok(Response::new(CheckCollectionResponse { likenesses }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn register_collection_plan(
        &self,
        request: Request<RegisterCollectionPlanRequest>,
    ) -> Result<Response<RegisterCollectionPlanResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let id = PlanId::from_uuid(*meta.command_id.derive("plan").as_uuid());
        let from = parse_optional("from", &message.from)?;
        let plan = Plan {
            organisation: by.organisation,
            region: by.region,
            items: items_from_wire(&message.entity, message.items),
            purpose: message.purpose,
            legal_basis: message.legal_basis,
            method: message.method,
            from: from.unwrap_or_else(|| china_date(meta.at)),
            until: parse("until", &message.until)?,
        };
        must_be_few(plan.items.len())?;

        let scope = self.0.scope(&message.entity).await?;
        self.0.catch_up().await?;
        let known = self.0.known(&scope, &plan.items, meta.at).await?;
        let difference = message.difference;
        let command = Command::Plan { id, plan, known, difference, by };
        let sequence = self.0.execute(&scope.id.to_string(), &meta, command).await?;
        Ok(Response::new(RegisterCollectionPlanResponse { plan_id: id.to_string(), sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn end_collection_plan(
        &self,
        request: Request<EndCollectionPlanRequest>,
    ) -> Result<Response<EndCollectionPlanResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let id: PlanId = parse("plan_id", &message.plan_id)?;

        self.0.catch_up().await?;
        let database = &self.0.shared.database;
        let register = queries::register_of_plan(database, &by, &id.to_string()).await;
        let register = register.map_err(Error::from)?;
        let register = register.ok_or(Error::Entity(Rejection::PlanAbsent))?;
        let command = Command::EndPlan { id, reason: message.reason, by };
        let sequence = self.0.execute(&register, &meta, command).await?;
        Ok(Response::new(EndCollectionPlanResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn allow_collection(
        &self,
        request: Request<AllowCollectionRequest>,
    ) -> Result<Response<AllowCollectionResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.0.shared.meta(&message.command_id, &by.id)?;
        let code: OrganisationCode = parse("organisation_code", &message.organisation_code)?;
        let organisation = self.0.shared.directory.organisation_now(&code).await?;
        let organisation = organisation.ok_or(Error::OrganisationNotFound)?;

        let scope = self.0.scope(&message.entity).await?;
        let command = Command::Except {
            organisation: organisation.code,
            region: organisation.region,
            items: items_from_wire(&message.entity, message.items),
            reason: message.reason,
            by,
        };
        let sequence = self.0.execute(&scope.id.to_string(), &meta, command).await?;
        Ok(Response::new(AllowCollectionResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_collection_plans(
        &self,
        request: Request<ListCollectionPlansRequest>,
    ) -> Result<Response<ListCollectionPlansResponse>, Status> {
        let by = self.0.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let today = china_date(self.0.shared.clock.now());
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let filter = Filter {
            entity_keys: self.0.entity_keys(&message.entity).await?,
            organisation: parse_optional("organisation_code", &message.organisation_code)?,
            resource: None,
            in_force_on: (!message.all).then_some(today),
            after: token.map(|token| token.key().to_owned()),
            limit: page_size(message.page_size)?,
        };

        let found = queries::plans(&self.0.shared.database, &by, &filter).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|last| last.id.clone());
        let next_page_token = next_page_token(found.len(), filter.limit, last);
        let mut plans = Vec::with_capacity(found.len());
        for row in found {
            plans.push(self.plan_to_wire(row, today).await?);
        }
        Ok(Response::new(ListCollectionPlansResponse { plans, next_page_token }))
    }
}

impl Plans {
    async fn plan_to_wire(
        &self,
        row: PlanRow,
        today: jiff::civil::Date,
    ) -> Result<RegisteredPlan, Error> {
        Ok(RegisteredPlan {
            id: row.id,
            organisation_name: self.0.shared.name_of(&row.organisation).await?,
            plan: Some(row.plan),
            difference: row.difference,
            end_reason: row.end_reason,
            in_force: !row.ended && row.until >= today,
        })
    }

    async fn like_to_wire(&self, like: Like) -> Result<Likeness, Error> {
        let (resource_code, organisation, sharing, plan_id) = match &like.counterpart {
            Counterpart::Shared { code, provider, sharing } => {
                let sharing = sharing_type_to_number(*sharing);
                (code.to_string(), *provider, sharing, String::new())
            }
            Counterpart::Source { code, provider } => {
                let sharing = SharingType::Unspecified.into();
                (code.to_string(), *provider, sharing, String::new())
            }
            Counterpart::Plan { id, organisation } => {
                let sharing = SharingType::Unspecified.into();
                (String::new(), *organisation, sharing, id.to_string())
            }
        };
        Ok(Likeness {
            explanation: like.why.to_string(),
            reason: reason_to_wire(&like.why).into(),
            refuses: like.why.refuses(),
            item: like.item,
            known_item: like.known,
            resource_code,
            organisation_code: organisation.to_string(),
            organisation_name: self.0.shared.name_of(&organisation).await?,
            sharing_type: sharing,
            plan_id,
        })
    }
}

pub(super) const fn reason_to_wire(why: &Why) -> LikenessReason {
    match why {
        Why::SameTitle => LikenessReason::SameTitle,
        Why::Synonyms { .. } => LikenessReason::Synonyms,
        Why::SameIdentifier => LikenessReason::SameIdentifier,
        Why::CommonIdentifier => LikenessReason::CommonIdentifier,
        Why::NearTitle => LikenessReason::NearTitle,
        Why::EntityUnsaid => LikenessReason::EntityUnsaid,
    }
}

/// More items than a plan may have are not looked up either.
fn must_be_few(found: usize) -> Result<(), Error> {
    const ITEMS_MAX: usize = 200;

    match found {
        1..=ITEMS_MAX => Ok(()),
        found => Err(Error::Entity(Rejection::PlanItems { found, max: ITEMS_MAX })),
    }
}
