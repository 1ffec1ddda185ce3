//! Agreements with technical service providers.

use std::sync::Arc;

use jiff::Span;
use publicdata_catalog_domain::agreement::Command;
use publicdata_proto::catalog::v1::agreement_service_server::AgreementService;
use publicdata_proto::catalog::v1::{
    Agreement, AgreementStatus, GetAgreementRequest, GetAgreementResponse, ListAgreementsRequest,
    ListAgreementsResponse, RegisterAgreementRequest, RegisterAgreementResponse,
    TerminateAgreementRequest, TerminateAgreementResponse,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;
use publicdata_types::{Actor, AgreementId, RegionCode, china_date};
use tonic::{Request, Response, Status};

use super::register::listing;
use super::{Shared, next_page_token, parse};
use crate::agreements::AgreementDesk;
use crate::codec::agreement_terms_from_wire;
use crate::error::Error;
use crate::queries::register::{Listing, accounts_under, list, one};

const DAYS_MAX: u32 = 3_660;

/// Answers `AgreementService`.
#[derive(Debug)]
pub(crate) struct Agreements {
    pub(crate) desk: Arc<AgreementDesk>,
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl AgreementService for Agreements {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn register_agreement(
        &self,
        request: Request<RegisterAgreementRequest>,
    ) -> Result<Response<RegisterAgreementResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let terms = agreement_terms_from_wire(message.terms.unwrap_or_default())
            .map_err(|error| Error::from(error.within("terms")))?;
        let id = AgreementId::from_uuid(*meta.command_id.derive("agreement").as_uuid());

        let command = Command::Register { terms, on: china_date(meta.at), by };
        let sequence = self.desk.execute(&id, &meta, command).await?.sequence;
        let agreement_id = id.to_string();
        Ok(Response::new(RegisterAgreementResponse { agreement_id, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn terminate_agreement(
        &self,
        request: Request<TerminateAgreementRequest>,
    ) -> Result<Response<TerminateAgreementResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let id = parse("agreement_id", &message.agreement_id)?;
        let region = self.visible(&by, &id).await?;

        let (on, reason) = (china_date(meta.at), message.reason);
        let command = Command::Terminate { on, reason, region, by };
        let sequence = self.desk.execute(&id, &meta, command).await?.sequence;
        Ok(Response::new(TerminateAgreementResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_agreement(
        &self,
        request: Request<GetAgreementRequest>,
    ) -> Result<Response<GetAgreementResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let id: AgreementId = parse("agreement_id", &request.get_ref().agreement_id)?;

        let database = &self.shared.database;
        let found = one(database, &by, &id.to_string()).await.map_err(Error::from)?;
        let mut agreement: Agreement = found.ok_or_else(not_found)?;
        let accounts = accounts_under(database, &agreement.id).await;
        agreement.spiffe_ids = accounts.map_err(Error::from)?;
        Ok(Response::new(GetAgreementResponse { agreement: Some(agreement) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_agreements(
        &self,
        request: Request<ListAgreementsRequest>,
    ) -> Result<Response<ListAgreementsResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let listing = self.listing(request.get_ref())?;

        let found = list::<Agreement>(&self.shared.database, &by, &listing).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|last| last.place.clone());
        Ok(Response::new(ListAgreementsResponse {
            next_page_token: next_page_token(found.len(), listing.limit, last),
            agreements: found.into_iter().map(|placed| placed.message).collect(),
        }))
    }
}

impl Agreements {
    /// Where the department of an agreement lies now; whoever may not see it is told that there is none (R13.1).
    async fn visible(&self, by: &Actor, id: &AgreementId) -> Result<RegionCode, Error> {
        let found = one::<Agreement>(&self.shared.database, by, &id.to_string()).await?;
        parse("region_code", &found.ok_or_else(not_found)?.region_code)
    }

    fn listing(&self, message: &ListAgreementsRequest) -> Result<Listing, Error> {
        let status = AgreementStatus::try_from(message.status);
        let status = status.map_err(|_| Error::field("status", "the value is unknown"))?;
        let listing = listing(
            [&message.organisation_code, &message.region_code],
            message.page_size,
            &message.page_token,
        )?;
        let listing = listing.numbered("status", status as i32);
        let Some(days) = message.ends_within_days else { return Ok(listing) };
        if days > DAYS_MAX {
            let text = format!("at most {DAYS_MAX} are allowed");
            return Err(Error::field("ends_within_days", text));
        }
        let today = china_date(self.shared.clock.now());
        let last = today.saturating_add(Span::new().days(i64::from(days)));
        let listing = listing.numbered("status", AgreementStatus::InForce as i32);
        Ok(listing.only(&format!("t.until_on <= '{last}'")))
    }
}

fn not_found() -> Error {
    let text = "no such agreement, or none that you may see; check its id";
    Problem::new(Code::NotFound, "AGREEMENT_NOT_FOUND", text).into()
}
