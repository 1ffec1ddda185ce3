//! `TicketService`.

use jiff::Timestamp;
use publicdata_exchange_domain::ticket::Finding;
use publicdata_proto::exchange::v1::answer_ticket_request::Answer;
use publicdata_proto::exchange::v1::ticket_service_server::TicketService;
use publicdata_proto::exchange::v1::{
    AnswerTicketRequest, AnswerTicketResponse, DisputedRecord, GetDisputedRecordsRequest,
    GetDisputedRecordsResponse, GetTicketRequest, GetTicketResponse, ListCorrectionsRequest,
    ListCorrectionsResponse, ListTicketsRequest, ListTicketsResponse, RaiseTicketRequest,
    RaiseTicketResponse, Ticket, Upholding, WithdrawTicketRequest, WithdrawTicketResponse,
};
use publicdata_types::{ResourceId, TicketId, TransferId};
use tonic::{Request, Response, Status, async_trait};

use super::{Service, page, token};
use crate::codec::{FieldError, ticket, values};
use crate::error::Error;
use crate::queries::Filter;
use crate::tickets::Corrected;

/// Article 27, second paragraph: what holds for whoever handles a case while a ticket is open.
const NOTICE: &str = "所列数据正在校核。校核期间，办事人已提供合法有效证明材料的，受理单位应照常办理，不得拒绝、推诿或要求办事人办理信息更正手续\
    （《成都市公共数据管理应用暂行规定》第二十七条）。";

#[async_trait]
impl TicketService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn raise_ticket(
        &self,
        request: Request<RaiseTicketRequest>,
    ) -> Result<Response<RaiseTicketResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let transfer: TransferId =
            values::parse("transfer_id", &request.transfer_id).map_err(Error::from)?;
        let finding = finding(request).map_err(Error::from)?;

        let (id, report, sequence) = self.tickets.raise(&meta, transfer, finding, by).await?;

        self.settle_objection(sequence).await;
        Ok(Response::new(RaiseTicketResponse {
            ticket_id: id.to_string(),
            deadline: Some(values::limit_to_wire(&report.deadline, ticket::RULE)),
            report_deadline: Some(values::limit_to_wire(&report.report_deadline, ticket::RULE)),
            late: report.is_late(),
            sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn answer_ticket(
        &self,
        request: Request<AnswerTicketRequest>,
    ) -> Result<Response<AnswerTicketResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let AnswerTicketRequest { command_id, ticket_id, answer } = request.into_inner();
        let meta = self.meta(&command_id, &by)?;
        let id: TicketId = values::parse("ticket_id", &ticket_id).map_err(Error::from)?;
        let answer = answer.ok_or_else(|| Error::from(FieldError::missing("answer")))?;

        let (owed, sequence) = match answer {
            Answer::Upheld(upheld) => {
                let corrected = corrected(upheld).map_err(Error::from)?;
                self.tickets.uphold(&meta, id, corrected, by).await?
            }
            Answer::Rejected(rejected) => {
                let reason = values::parse("reason", &rejected.reason).map_err(Error::from)?;
                (0, self.tickets.reject(&meta, id, reason, by).await?)
            }
        };

        self.settle_objection(sequence).await;
        let corrections_owed = u32::try_from(owed).unwrap_or(u32::MAX);
        Ok(Response::new(AnswerTicketResponse { corrections_owed, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn withdraw_ticket(
        &self,
        request: Request<WithdrawTicketRequest>,
    ) -> Result<Response<WithdrawTicketResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id: TicketId = values::parse("ticket_id", &request.ticket_id).map_err(Error::from)?;
        let reason = values::parse("reason", &request.reason).map_err(Error::from)?;

        let sequence = self.tickets.withdraw(&meta, id, reason, by).await?;

        self.settle_objection(sequence).await;
        Ok(Response::new(WithdrawTicketResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_ticket(
        &self,
        request: Request<GetTicketRequest>,
    ) -> Result<Response<GetTicketResponse>, Status> {
        let reader = self.reader(&request).await?;
        let id = &request.get_ref().ticket_id;
        let id: TicketId = values::parse("ticket_id", id).map_err(Error::from)?;

        match self.queries.ticket(id, &reader).await? {
            Some(ticket) => Ok(Response::new(GetTicketResponse { ticket: Some(ticket) })),
            None => Err(Error::Unknown { what: "ticket" }.into()),
        }
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_tickets(
        &self,
        request: Request<ListTicketsRequest>,
    ) -> Result<Response<ListTicketsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let resource =
            values::optional("resource_id", &request.resource_id).map_err(Error::from)?;
        let filter = Filter { status: request.status(), resource, role: request.role() };

        let listed = self.queries.tickets(&reader, filter, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListTicketsResponse { tickets: listed.entries, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_corrections(
        &self,
        request: Request<ListCorrectionsRequest>,
    ) -> Result<Response<ListCorrectionsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let resource =
            values::optional("resource_id", &request.resource_id).map_err(Error::from)?;
        let ticket = values::optional("ticket_id", &request.ticket_id).map_err(Error::from)?;
        let filter = Filter { status: request.status(), resource, role: request.role() };

        let listed = self.queries.corrections(&reader, filter, ticket, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListCorrectionsResponse { corrections: listed.entries, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_disputed_records(
        &self,
        request: Request<GetDisputedRecordsRequest>,
    ) -> Result<Response<GetDisputedRecordsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let resource: ResourceId =
            values::parse("resource_id", &request.resource_id).map_err(Error::from)?;

        let listed = self.queries.disputed(&reader, resource, &page).await?;

        let records: Vec<_> = listed.entries.into_iter().map(disputed).collect();
        let notice = if records.is_empty() { String::new() } else { NOTICE.to_owned() };
        let next_page_token = token(listed.next);
        Ok(Response::new(GetDisputedRecordsResponse { records, notice, next_page_token }))
    }
}

fn finding(request: RaiseTicketRequest) -> Result<Finding, FieldError> {
    Ok(Finding {
        kind: ticket::data_error(request.kind())?,
        description: values::parse("description", &request.description)?,
        found_on: values::parse("found_on", &request.found_on)?,
        references: ticket::references(&request.record_references)?,
        items: request.items.into_iter().collect(),
    })
}

fn corrected(upheld: Upholding) -> Result<Corrected, FieldError> {
    let moment = |time: prost_types::Timestamp| {
        Timestamp::new(time.seconds, time.nanos).map_err(FieldError::of("corrected_at"))
    };
    Ok(Corrected {
        at: upheld.corrected_at.map(moment).transpose()?,
        description: values::parse("description", &upheld.description)?,
        flow: ticket::flow(upheld.flows),
    })
}

/// What those see who only use the data: not who raised doubts, nor their words.
fn disputed(ticket: Ticket) -> DisputedRecord {
    DisputedRecord {
        ticket_id: ticket.id,
        kind: ticket.kind,
        items: ticket.items,
        record_references: ticket.record_references,
        reported_on: ticket.reported_on,
        deadline: ticket.deadline,
    }
}
