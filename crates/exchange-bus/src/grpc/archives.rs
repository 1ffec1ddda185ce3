//! `LogArchiveService`.

use publicdata_proto::exchange::v1::log_archive_service_server::LogArchiveService;
use publicdata_proto::exchange::v1::{ListLogArchivesRequest, ListLogArchivesResponse};
use tonic::{Request, Response, Status, async_trait};

use super::{Service, page, token};

#[async_trait]
impl LogArchiveService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_log_archives(
        &self,
        request: Request<ListLogArchivesRequest>,
    ) -> Result<Response<ListLogArchivesResponse>, Status> {
        self.reader(&request).await?;
        let ListLogArchivesRequest { page_size, page_token } = request.into_inner();
        let page = page(page_size, &page_token)?;

        let listed = self.queries.archives(&page).await?;

        let next_page_token = token(listed.next);
        let hindrance = self.hindrance.text();
        let archives = listed.entries;
        Ok(Response::new(ListLogArchivesResponse { archives, next_page_token, hindrance }))
    }
}
