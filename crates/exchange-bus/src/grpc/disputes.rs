//! `DisputeService`.

use publicdata_event_store::aggregates::Meta;
use publicdata_exchange_domain::dispute::{Case, Opinion, Step};
use publicdata_proto::exchange::v1::dispute_service_server::DisputeService;
use publicdata_proto::exchange::v1::{
    AskOpinionRequest, AskOpinionResponse, ConfirmSettlementRequest, ConfirmSettlementResponse,
    DecideDisputeRequest, DecideDisputeResponse, GetDisputeRequest, GetDisputeResponse,
    GiveOpinionRequest, GiveOpinionResponse, ListDisputesRequest, ListDisputesResponse,
    ProposeSettlementRequest, ProposeSettlementResponse, RaiseDisputeRequest, RaiseDisputeResponse,
    ReferDisputeRequest, ReferDisputeResponse, StateDisputeRequest, StateDisputeResponse,
    WithdrawDisputeRequest, WithdrawDisputeResponse,
};
use publicdata_types::{Actor, DisputeId};
use tonic::{Request, Response, Status, async_trait};

use super::{Service, page, token};
use crate::codec::{FieldError, dispute, values};
use crate::error::Error;
use crate::queries::Filter;

#[async_trait]
impl DisputeService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn raise_dispute(
        &self,
        request: Request<RaiseDisputeRequest>,
    ) -> Result<Response<RaiseDisputeResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let matter = dispute::matter(request.matter_kind(), &request.matter_id);
        let matter = matter.map_err(Error::from)?;
        let statement = values::parse("statement", &request.statement).map_err(Error::from)?;

        let (id, case, sequence) = self.disputes.raise(&meta, matter, statement, by).await?;

        self.settle_objection(sequence).await;
        let region_code = case.objection.seat.to_string();
        Ok(Response::new(RaiseDisputeResponse {
            dispute_id: id.to_string(),
            region_code,
            sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn state_dispute(
        &self,
        request: Request<StateDisputeRequest>,
    ) -> Result<Response<StateDisputeResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let statement = values::parse("statement", &request.statement).map_err(Error::from)?;
        let (_, sequence) = self.take(call, Step::State { statement }).await?;
        Ok(Response::new(StateDisputeResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn propose_settlement(
        &self,
        request: Request<ProposeSettlementRequest>,
    ) -> Result<Response<ProposeSettlementResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let terms = values::parse("terms", &request.terms).map_err(Error::from)?;
        let (case, sequence) = self.take(call, Step::Propose { terms }).await?;
        let proposal_number = case.proposals;
        Ok(Response::new(ProposeSettlementResponse { proposal_number, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn confirm_settlement(
        &self,
        request: Request<ConfirmSettlementRequest>,
    ) -> Result<Response<ConfirmSettlementResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let step = Step::Confirm { number: request.proposal_number };
        let (_, sequence) = self.take(call, step).await?;
        Ok(Response::new(ConfirmSettlementResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn refer_dispute(
        &self,
        request: Request<ReferDisputeRequest>,
    ) -> Result<Response<ReferDisputeResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let reason = values::parse("reason", &request.reason).map_err(Error::from)?;
        let (_, sequence) = self.take(call, Step::Refer { reason }).await?;
        Ok(Response::new(ReferDisputeResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn ask_opinion(
        &self,
        request: Request<AskOpinionRequest>,
    ) -> Result<Response<AskOpinionResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let question = values::parse("question", &request.question).map_err(Error::from)?;
        let (_, sequence) = self.take(call, Step::AskOpinion { question }).await?;
        Ok(Response::new(AskOpinionResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn give_opinion(
        &self,
        request: Request<GiveOpinionRequest>,
    ) -> Result<Response<GiveOpinionResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let opinion = Opinion {
            text: values::parse("opinion", &request.opinion).map_err(Error::from)?,
            document_number: values::optional("document_number", &request.document_number)
                .map_err(Error::from)?,
            document: dispute::document(request.document_sha256).map_err(Error::from)?,
        };
        let (_, sequence) = self.take(call, Step::GiveOpinion(opinion)).await?;
        Ok(Response::new(GiveOpinionResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn decide_dispute(
        &self,
        request: Request<DecideDisputeRequest>,
    ) -> Result<Response<DecideDisputeResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let outcome = dispute::outcome_of(request.outcome)
            .and_then(|outcome| outcome.ok_or_else(|| FieldError::missing("outcome")))
            .map_err(Error::from)?;
        let decision = values::parse("decision", &request.decision).map_err(Error::from)?;
        let reason = values::parse("reason", &request.reason).map_err(Error::from)?;
        let (_, sequence) = self.take(call, Step::Decide { outcome, decision, reason }).await?;
        Ok(Response::new(DecideDisputeResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn withdraw_dispute(
        &self,
        request: Request<WithdrawDisputeRequest>,
    ) -> Result<Response<WithdrawDisputeResponse>, Status> {
        let (request, call) = self.call(request, |r| (&r.command_id, &r.dispute_id)).await?;
        let reason = values::parse("reason", &request.reason).map_err(Error::from)?;
        let (_, sequence) = self.take(call, Step::Withdraw { reason }).await?;
        Ok(Response::new(WithdrawDisputeResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_dispute(
        &self,
        request: Request<GetDisputeRequest>,
    ) -> Result<Response<GetDisputeResponse>, Status> {
        let reader = self.reader(&request).await?;
        let id = &request.get_ref().dispute_id;
        let id: DisputeId = values::parse("dispute_id", id).map_err(Error::from)?;

        match self.queries.dispute(id, &reader).await? {
            Some(dispute) => Ok(Response::new(GetDisputeResponse { dispute: Some(dispute) })),
            None => Err(Error::Unknown { what: "dispute" }.into()),
        }
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_disputes(
        &self,
        request: Request<ListDisputesRequest>,
    ) -> Result<Response<ListDisputesResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let resource =
            values::optional("resource_id", &request.resource_id).map_err(Error::from)?;
        let filter = Filter { status: request.status(), resource, role: request.role() };

        let listed = self.queries.disputes(&reader, filter, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListDisputesResponse { disputes: listed.entries, next_page_token }))
    }
}

/// Who takes a step, in which dispute, by which command.
struct Call {
    id: DisputeId,
    meta: Meta,
    by: Actor,
}

impl Service {
    /// What every request for a step says.
    async fn call<R>(
        &self,
        request: Request<R>,
        ids: impl Fn(&R) -> (&String, &String),
    ) -> Result<(R, Call), Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let (command_id, dispute_id) = ids(&request);
        let meta = self.meta(command_id, &by)?;
        let id = values::parse("dispute_id", dispute_id).map_err(Error::from)?;
        Ok((request, Call { id, meta, by }))
    }

    /// Takes the step, and waits until the caller can read it.
    async fn take(&self, Call { id, meta, by }: Call, step: Step) -> Result<(Case, u64), Error> {
        let (case, sequence) = self.disputes.take(&meta, id, step, by).await?;
        self.settle_objection(sequence).await;
        Ok((case, sequence))
    }
}
