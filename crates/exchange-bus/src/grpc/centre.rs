//! `CentreService`.

use publicdata_proto::exchange::v1::centre_service_server::CentreService;
use publicdata_proto::exchange::v1::{ListConsolidationsRequest, ListConsolidationsResponse};
use tonic::{Request, Response, Status, async_trait};

use super::{Service, page, token};
use crate::codec::{FieldError, values};
use crate::error::Error;
use crate::queries::{ConsolidationsSought, Present};

#[async_trait]
impl CentreService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_consolidations(
        &self,
        request: Request<ListConsolidationsRequest>,
    ) -> Result<Response<ListConsolidationsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let sought = sought(request).map_err(Error::from)?;
        let present =
            Present { relay: &self.relay, calendar: &self.calendar, now: self.clock.now() };

        let (listed, totals) =
            self.queries.consolidations(&reader, &sought, present, &page).await?;

        Ok(Response::new(ListConsolidationsResponse {
            consolidations: listed.entries,
            totals: Some(totals),
            next_page_token: token(listed.next),
        }))
    }
}

fn sought(request: &ListConsolidationsRequest) -> Result<ConsolidationsSought, FieldError> {
    Ok(ConsolidationsSought {
        provider: values::optional("provider_code", &request.provider_code)?,
        centre: values::optional("centre_code", &request.centre_code)?,
        region: values::optional("region_code", &request.region_code)?,
        state: request.state(),
    })
}
