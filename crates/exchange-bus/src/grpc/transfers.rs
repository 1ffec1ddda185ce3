//! `TransferService`.

use jiff::Timestamp;
use publicdata_proto::exchange::v1::transfer_service_server::TransferService;
use publicdata_proto::exchange::v1::{
    ConfirmDeliveryRequest, ConfirmDeliveryResponse, CountSubjectsRequest, CountSubjectsResponse,
    FetchRequest, FindServicesRequest, FindServicesResponse, ListTransfersRequest,
    ListTransfersResponse,
};
use publicdata_types::{Actor, TransferId};
use tonic::{Request, Response, Status, async_trait};

use super::{Service, page, token};
use crate::codec::{FieldError, values};
use crate::error::Error;
use crate::queries::Sought;
use crate::relay::Inlet;

#[async_trait]
impl TransferService for Service {
    type FetchStream = Inlet;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Inlet>, Status> {
        let by = self.directory.node(&request).await?;
        let FetchRequest { request: signed, parameters } = request.into_inner();
        let signed = signed.ok_or_else(|| Error::from(FieldError::missing("request")))?;

        Ok(Response::new(self.exchange.fetch((signed, parameters), &by, None).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn confirm_delivery(
        &self,
        request: Request<ConfirmDeliveryRequest>,
    ) -> Result<Response<ConfirmDeliveryResponse>, Status> {
        let by = self.directory.node(&request).await?;

        let sequence = self.confirm(request.into_inner(), &by).await?;

        Ok(Response::new(ConfirmDeliveryResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_transfers(
        &self,
        request: Request<ListTransfersRequest>,
    ) -> Result<Response<ListTransfersResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.into_inner();
        let page = page(request.page_size, &request.page_token)?;

        let listed = self.queries.transfers(&reader, &sought(request)?, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListTransfersResponse { transfers: listed.entries, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn find_services(
        &self,
        request: Request<FindServicesRequest>,
    ) -> Result<Response<FindServicesResponse>, Status> {
        let by = self.principal(&request).await?;
        let id = values::parse("grant_id", &request.get_ref().grant_id).map_err(Error::from)?;

        let nodes = self.exchange.services(id, &by, None).await?;

        Ok(Response::new(FindServicesResponse { nodes }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn count_subjects(
        &self,
        request: Request<CountSubjectsRequest>,
    ) -> Result<Response<CountSubjectsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.into_inner();
        let sought = Sought {
            grant: values::optional("grant_id", &request.grant_id).map_err(Error::from)?,
            resource_code: request.resource_code,
            from: moment("requested_from", request.requested_from)?,
            ..Sought::default()
        };

        let (asked_min, count_max) = (request.asked_min, request.page_size);
        let subjects = self.queries.subjects(&reader, &sought, asked_min, count_max).await?;

        Ok(Response::new(CountSubjectsResponse { subjects }))
    }
}

impl Service {
    /// Completes a transfer, and waits until the log shows it.
    pub(super) async fn confirm(
        &self,
        request: ConfirmDeliveryRequest,
        by: &Actor,
    ) -> Result<u64, Error> {
        let id: TransferId = values::parse("transfer_id", &request.transfer_id)?;
        let receipt = request.receipt.ok_or_else(|| FieldError::missing("receipt"))?;

        let sequence = self.exchange.confirm(id, receipt, request.consumer_signature, by).await?;

        self.settle(sequence).await;
        Ok(sequence)
    }
}

/// What is sought in the log.
fn sought(request: ListTransfersRequest) -> Result<Sought, Error> {
    Ok(Sought {
        grant: values::optional("grant_id", &request.grant_id)?,
        status: request.status(),
        from: moment("requested_from", request.requested_from)?,
        before: moment("requested_before", request.requested_before)?,
        provider: request.provider_code,
        consumer: request.consumer_code,
        resource_code: request.resource_code,
        purpose: request.purpose,
        subject_reference: request.subject_reference,
        case_number: request.case_number,
        reason: request.reason,
    })
}

/// A moment in a filter: unset for any.
fn moment(
    field: &'static str,
    at: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, Error> {
    match at {
        None => Ok(None),
        Some(at) => values::time(field, Some(at)).map(Some).map_err(Error::from),
    }
}
