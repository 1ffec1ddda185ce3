//! `TransferService`.

use publicdata_proto::exchange::v1::transfer_service_server::TransferService;
use publicdata_proto::exchange::v1::{
    ConfirmDeliveryRequest, ConfirmDeliveryResponse, FetchRequest, ListTransfersRequest,
    ListTransfersResponse,
};
use publicdata_types::TransferId;
use tonic::{Request, Response, Status, async_trait};

use super::{Service, optional_id, page, token};
use crate::codec::{FieldError, values};
use crate::error::Error;
use crate::relay::Inlet;

#[async_trait]
impl TransferService for Service {
    type FetchStream = Inlet;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Inlet>, Status> {
        let by = self.directory.node(&request).await?;
        let signed = request.into_inner().request;
        let signed = signed.ok_or_else(|| Error::from(FieldError::missing("request")))?;

        Ok(Response::new(self.exchange.fetch(signed, &by).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn confirm_delivery(
        &self,
        request: Request<ConfirmDeliveryRequest>,
    ) -> Result<Response<ConfirmDeliveryResponse>, Status> {
        let by = self.directory.node(&request).await?;
        let ConfirmDeliveryRequest { transfer_id, receipt, consumer_signature } =
            request.into_inner();
        let id: TransferId = values::parse("transfer_id", &transfer_id).map_err(Error::from)?;
        let receipt = receipt.ok_or_else(|| Error::from(FieldError::missing("receipt")))?;

        let sequence = self.exchange.confirm(id, receipt, consumer_signature, &by).await?;

        self.settle(sequence).await;
        Ok(Response::new(ConfirmDeliveryResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_transfers(
        &self,
        request: Request<ListTransfersRequest>,
    ) -> Result<Response<ListTransfersResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let grant = optional_id("grant_id", &request.grant_id).map_err(Error::from)?;

        let listed = self.queries.transfers(&reader, request.status(), grant, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListTransfersResponse { transfers: listed.entries, next_page_token }))
    }
}
