//! `GrantService`.

use publicdata_event_store::aggregates::Meta;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::grant_service_server::GrantService;
use publicdata_proto::exchange::v1::{
    GetGrantRequest, GetGrantResponse, Grant, IssueGrantRequest, IssueGrantResponse,
    ListGrantsRequest, ListGrantsResponse, RefuseApplicationRequest, RefuseApplicationResponse,
    RevokeGrantRequest, RevokeGrantResponse, SubmitApplicationRequest, SubmitApplicationResponse,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::chain;
use publicdata_types::{Actor, GrantId};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status, async_trait};
use tracing::Instrument as _;

use super::{Service, page, token};
use crate::codec::{FieldError, values};
use crate::error::Error;
use crate::grants::Request as Application;
use crate::queries::{GrantsSought, Reader};

#[async_trait]
impl GrantService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn submit_application(
        &self,
        request: Request<SubmitApplicationRequest>,
    ) -> Result<Response<SubmitApplicationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        Ok(Response::new(self.submit(request.into_inner(), by, None).await?))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn refuse_application(
        &self,
        request: Request<RefuseApplicationRequest>,
    ) -> Result<Response<RefuseApplicationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id: GrantId = values::parse("grant_id", &request.grant_id).map_err(Error::from)?;

        let why = (request.legal_basis, request.reason);
        let sequence = self.desk.refuse(&meta, id, why, by).await?;

        self.settle(sequence).await;
        Ok(Response::new(RefuseApplicationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn issue_grant(
        &self,
        request: Request<IssueGrantRequest>,
    ) -> Result<Response<IssueGrantResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let signed = request.grant.ok_or_else(|| Error::from(FieldError::missing("grant")))?;

        let sequence = self.desk.issue(&meta, signed, by).await?;

        self.settle(sequence).await;
        Ok(Response::new(IssueGrantResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn revoke_grant(
        &self,
        request: Request<RevokeGrantRequest>,
    ) -> Result<Response<RevokeGrantResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id: GrantId = values::parse("grant_id", &request.grant_id).map_err(Error::from)?;

        // Whoever asked may have gone meanwhile: a revocation that is stored takes effect all the same.
        let (service, (done, outcome)) = (self.clone(), oneshot::channel());
        let revocation = async move {
            let _ = done.send(service.revoke(&meta, id, request.reason, by).await);
        };
        self.tasks.spawn("revocation", revocation.in_current_span());
        let response = outcome.await.map_err(Problem::internal)??;

        Ok(Response::new(response))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_grant(
        &self,
        request: Request<GetGrantRequest>,
    ) -> Result<Response<GetGrantResponse>, Status> {
        let by = self.principal(&request).await?;
        let id = &request.get_ref().grant_id;
        let id: GrantId = values::parse("grant_id", id).map_err(Error::from)?;

        let grant = self.read_grant(id, &by, None).await?;

        Ok(Response::new(GetGrantResponse { grant: Some(grant) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_grants(
        &self,
        request: Request<ListGrantsRequest>,
    ) -> Result<Response<ListGrantsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let sought = GrantsSought {
            status: request.status(),
            resource: values::optional("resource_id", &request.resource_id).map_err(Error::from)?,
            ends_before: match request.ends_before {
                None => None,
                Some(at) => Some(values::time("ends_before", Some(at)).map_err(Error::from)?),
            },
        };

        let listed = self.queries.grants(&reader, &sought, self.clock.now(), &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListGrantsResponse { grants: listed.entries, next_page_token }))
    }
}

impl Service {
    /// Takes an application in, or passes it on to the bus of the provider's tier.
    pub(super) async fn submit(
        &self,
        request: SubmitApplicationRequest,
        by: Actor,
        asked_by: Option<&SpiffeId>,
    ) -> Result<SubmitApplicationResponse, Error> {
        let meta = self.meta(&request.command_id, &by)?;
        let resource = values::parse("resource_id", &request.resource_id)?;
        if let Some(peer) = self.desk.bus_of(resource, asked_by).await? {
            let response = peer.apply(&by.id, request).await?;
            if let Ok(grant) = response.grant_id.parse() {
                self.tiers.remember(grant, peer.id().clone());
            }
            return Ok(response);
        }
        let application = application(request)?;

        let (id, deadline, sequence) = self.desk.apply(&meta, resource, application, by).await?;

        self.settle(sequence).await;
        Ok(SubmitApplicationResponse {
            grant_id: id.to_string(),
            deadline: Some(values::deadline_to_wire(&deadline)),
            sequence,
        })
    }

    /// An application or grant of this bus, or of that of another tier.
    pub(super) async fn read_grant(
        &self,
        id: GrantId,
        by: &Actor,
        asked_by: Option<&SpiffeId>,
    ) -> Result<Grant, Error> {
        if let Some(grant) = self.queries.grant(id, &Reader::from(by)).await? {
            return Ok(grant);
        }
        let found = match self.desk.last_change(id).await? {
            // What is here, and not shown, is nowhere else; but the view may lag, as after a restart.
            Some(sequence) => {
                self.settle(sequence).await;
                self.queries.grant(id, &Reader::from(by)).await?
            }
            None => {
                let asked = (by.id.as_str(), asked_by);
                let region_of = |resource| self.queries.region_of(resource);
                self.tiers.find(id, asked, region_of).await?.map(|(_, grant)| grant)
            }
        };
        found.ok_or(Error::Unknown { what: "grant" })
    }

    /// Stores a revocation and makes it felt: at running transfers at once, at nodes when the views hold it.
    async fn revoke(
        &self,
        meta: &Meta,
        id: GrantId,
        reason: String,
        by: Actor,
    ) -> Result<RevokeGrantResponse, Error> {
        let revoked = self.desk.revoke(meta, id, reason, by).await?;
        let stopped_transfers = self.desk.stop(&revoked);
        self.settle(revoked.sequence).await;
        self.desk.announce(&revoked);
        // What fails now is ended at the next look.
        if let Err(error) = self.subscriptions.end_orphans().await {
            tracing::warn!(error = chain(&error), "cannot end subscriptions");
        }
        Ok(RevokeGrantResponse { sequence: revoked.sequence, stopped_transfers })
    }
}

fn application(request: SubmitApplicationRequest) -> Result<Application, FieldError> {
    Ok(Application {
        purpose: request.purpose,
        legal_basis: request.legal_basis,
        fields: request.fields,
        row_filter: values::non_empty(request.row_filter),
        modes: values::modes(&request.delivery_modes)?,
        valid_from: values::parse("valid_from", &request.valid_from)?,
        valid_until: values::parse("valid_until", &request.valid_until)?,
        renews: values::optional("renews_grant_id", &request.renews_grant_id)?,
    })
}
