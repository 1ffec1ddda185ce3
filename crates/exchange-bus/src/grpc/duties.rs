//! `DutyService`.

use publicdata_proto::exchange::v1::duty_service_server::DutyService;
use publicdata_proto::exchange::v1::{
    ListConsumerDutiesRequest, ListConsumerDutiesResponse, ListProviderDutiesRequest,
    ListProviderDutiesResponse,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Service, page, token};
use crate::codec::{FieldError, values};
use crate::error::Error;
use crate::queries::{ConsumersSought, ProvidersSought};

#[async_trait]
impl DutyService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_provider_duties(
        &self,
        request: Request<ListProviderDutiesRequest>,
    ) -> Result<Response<ListProviderDutiesResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let sought = providers(request).map_err(Error::from)?;
        let present = (&*self.calendar, self.clock.now());

        let listed = self.queries.provider_duties(&reader, &sought, present, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListProviderDutiesResponse { duties: listed.entries, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_consumer_duties(
        &self,
        request: Request<ListConsumerDutiesRequest>,
    ) -> Result<Response<ListConsumerDutiesResponse>, Status> {
        let reader = self.reader(&request).await?;
        let sought = consumers(request.get_ref()).map_err(Error::from)?;

        let duties = self.queries.consumer_duties(&reader, &sought).await?;

        Ok(Response::new(ListConsumerDutiesResponse { duties }))
    }
}

fn providers(request: &ListProviderDutiesRequest) -> Result<ProvidersSought, FieldError> {
    Ok(ProvidersSought {
        provider: values::optional("provider_code", &request.provider_code)?,
        region: values::optional("region_code", &request.region_code)?,
    })
}

fn consumers(request: &ListConsumerDutiesRequest) -> Result<ConsumersSought, FieldError> {
    let time = |field, at: Option<prost_types::Timestamp>| match at {
        None => Ok(None),
        at => values::time(field, at).map(Some),
    };
    Ok(ConsumersSought {
        consumer: values::optional("consumer_code", &request.consumer_code)?,
        from: time("requested_from", request.requested_from)?,
        before: time("requested_before", request.requested_before)?,
    })
}
