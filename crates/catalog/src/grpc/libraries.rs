//! Libraries, their lead departments, and who collects their items.

use std::sync::Arc;

use publicdata_catalog_domain::library::{Candidate, Command, LibraryCode};
use publicdata_directory::Organisation;
use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_proto::catalog::v1::library_service_server::LibraryService;
use publicdata_proto::catalog::v1::{
    AssignLibraryItemRequest, AssignLibraryItemResponse, ChangeLibraryLeadRequest,
    ChangeLibraryLeadResponse, EstablishLibraryRequest, EstablishLibraryResponse, Library,
    LibraryItem, ListLibrariesRequest, ListLibrariesResponse, ListLibraryItemsRequest,
    ListLibraryItemsResponse, RecordLibraryItemUpdateRequest, RecordLibraryItemUpdateResponse,
    ReleaseLibraryItemRequest, ReleaseLibraryItemResponse,
};
use publicdata_types::{OrganisationCode, PageToken, china_date};
use publicdata_views::Projector;
use tonic::{Request, Response, Status};

use super::{Shared, next_page_token, page_size, parse, parse_optional};
use crate::codec::{self, update_cycle_from_request, update_cycle_to_number};
use crate::error::Error;
use crate::queries::libraries::{self as queries, ItemFilter, ItemRow};

/// Answers `LibraryService`.
#[derive(Debug)]
pub(crate) struct Libraries {
    pub(crate) aggregates: Aggregates<codec::Library>,
    pub(crate) view: Arc<Projector>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl LibraryService for Libraries {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn establish_library(
        &self,
        request: Request<EstablishLibraryRequest>,
    ) -> Result<Response<EstablishLibraryResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code = parse("code", &message.code)?;
        let lead = self.candidate(&message.lead_code).await?;

        let command = Command::Establish { name: message.name, lead, by };
        let sequence = self.execute(&code, &meta, command).await?;
        Ok(Response::new(EstablishLibraryResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn change_library_lead(
        &self,
        request: Request<ChangeLibraryLeadRequest>,
    ) -> Result<Response<ChangeLibraryLeadResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code = parse("code", &message.code)?;
        let lead = self.candidate(&message.lead_code).await?;

        let command = Command::ChangeLead { lead, reason: message.reason, by };
        let sequence = self.execute(&code, &meta, command).await?;
        Ok(Response::new(ChangeLibraryLeadResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn assign_library_item(
        &self,
        request: Request<AssignLibraryItemRequest>,
    ) -> Result<Response<AssignLibraryItemResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code = parse("code", &message.code)?;
        let update_cycle =
            update_cycle_from_request("update_cycle", message.update_cycle).map_err(Error::from)?;
        let from = parse_optional("from", &message.from)?;
        let organisation =
            self.organisation("organisation_code", &message.organisation_code).await?;

        let command = Command::AssignItem {
            item: message.item,
            organisation: organisation.code,
            region: organisation.region,
            update_cycle,
            from: from.unwrap_or_else(|| china_date(meta.at)),
            by,
        };
        let sequence = self.execute(&code, &meta, command).await?;
        Ok(Response::new(AssignLibraryItemResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn release_library_item(
        &self,
        request: Request<ReleaseLibraryItemRequest>,
    ) -> Result<Response<ReleaseLibraryItemResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code = parse("code", &message.code)?;

        let command = Command::ReleaseItem { item: message.item, reason: message.reason, by };
        let sequence = self.execute(&code, &meta, command).await?;
        Ok(Response::new(ReleaseLibraryItemResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn record_library_item_update(
        &self,
        request: Request<RecordLibraryItemUpdateRequest>,
    ) -> Result<Response<RecordLibraryItemUpdateResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code = parse("code", &message.code)?;
        let today = china_date(meta.at);
        let current_on = parse_optional("current_on", &message.current_on)?.unwrap_or(today);

        let command = Command::RecordUpdate { item: message.item, current_on, today, by };
        let sequence = self.execute(&code, &meta, command).await?;
        Ok(Response::new(RecordLibraryItemUpdateResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_libraries(
        &self,
        request: Request<ListLibrariesRequest>,
    ) -> Result<Response<ListLibrariesResponse>, Status> {
        self.shared.directory.caller(&request).await?;
        let message = request.get_ref();
        let size = page_size(message.page_size)?;
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;

        let after = token.as_ref().map(PageToken::key);
        let found = queries::list(&self.shared.database, after, size).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|last| last.code.to_string());
        let next_page_token = next_page_token(found.len(), size, last);
        let mut libraries = Vec::with_capacity(found.len());
        for row in found {
            libraries.push(Library {
                code: row.code.to_string(),
                name: row.name,
                lead_code: row.lead.to_string(),
                lead_name: self.shared.name_of(&row.lead).await?,
                items: row.items,
            });
        }
        Ok(Response::new(ListLibrariesResponse { libraries, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_library_items(
        &self,
        request: Request<ListLibraryItemsRequest>,
    ) -> Result<Response<ListLibraryItemsResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let today = china_date(self.shared.clock.now());
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let filter = ItemFilter {
            library: parse_optional("library_code", &message.library_code)?,
            organisation: parse_optional("organisation_code", &message.organisation_code)?,
            due_before: message.late.then_some(today),
            after: token.map(|token| token.key().to_owned()),
            limit: page_size(message.page_size)?,
        };

        let found = queries::items(&self.shared.database, &by, &filter).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|last| format!("{}/{}", last.library, last.item));
        let next_page_token = next_page_token(found.len(), filter.limit, last);
        let mut items = Vec::with_capacity(found.len());
        for row in found {
            let organisation_name = self.shared.name_of(&row.assignment.organisation).await?;
            items.push(item_to_wire(row, organisation_name, today));
        }
        Ok(Response::new(ListLibraryItemsResponse { items, next_page_token }))
    }
}

impl Libraries {
    async fn execute(
        &self,
        code: &LibraryCode,
        meta: &Meta,
        command: Command,
    ) -> Result<u64, Error> {
        let done = self.aggregates.execute(code.as_str(), meta, command).await?;
        self.shared.until_view_holds(&self.view, done.sequence).await;
        Ok(done.sequence)
    }

    async fn organisation(&self, field: &str, code: &str) -> Result<Arc<Organisation>, Error> {
        let code: OrganisationCode = parse(field, code)?;
        let known = self.shared.directory.organisation_now(&code).await?;
        known.ok_or(Error::OrganisationNotFound)
    }

    async fn candidate(&self, code: &str) -> Result<Candidate, Error> {
        let organisation = self.organisation("lead_code", code).await?;
        Ok(Candidate { code: organisation.code, roles: organisation.roles.clone() })
    }
}

fn item_to_wire(row: ItemRow, organisation_name: String, today: jiff::civil::Date) -> LibraryItem {
    let days_late = row.due_on.map_or(0, |due_on| (today - due_on).get_days());
    LibraryItem {
        library_code: row.library.to_string(),
        item: row.item,
        organisation_code: row.assignment.organisation.to_string(),
        organisation_name,
        update_cycle: update_cycle_to_number(row.assignment.update_cycle),
        from: row.assignment.from.to_string(),
        current_on: row.assignment.current_on.map(|on| on.to_string()).unwrap_or_default(),
        due_on: row.due_on.map(|on| on.to_string()).unwrap_or_default(),
        days_late: u32::try_from(days_late).unwrap_or(0),
    }
}
