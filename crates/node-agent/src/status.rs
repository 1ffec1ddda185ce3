//! `NodeService`: what a node tells its own department, and asks for it.

use std::time::Duration;

use publicdata_identity::SpiffeId;
use publicdata_proto::node::v1::node_service_server::NodeService;
use publicdata_proto::node::v1::{
    Dataset, DiscardQuarantineRequest, DiscardQuarantineResponse, GetQuarantineSummaryRequest,
    GetQuarantineSummaryResponse, GetStatusRequest, GetStatusResponse, ListQuarantineRequest,
    ListQuarantineResponse, ListServicesRequest, ListServicesResponse, QueryRequest, QueryResponse,
    ReconcileSubscriptionRequest, ReconcileSubscriptionResponse, RequestProofRequest,
    RequestProofResponse,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_transfer::time;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use crate::ask;
use crate::fetch::Fetcher;
use crate::flight::caller;
use crate::link::LinkStatus;
use crate::provider::Provider;
use crate::quarantine::answer;
use crate::subscriber::roster::Roster;

/// How long a source may take to say whether it is well.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// `NodeService`.
#[derive(Clone)]
pub struct Wellbeing {
    id: SpiffeId,
    provider: Provider,
    fetcher: Fetcher,
    link: watch::Receiver<LinkStatus>,
    subscriptions: Roster,
}

impl Wellbeing {
    /// Tells of this node, and asks through it.
    #[must_use]
    pub fn new(
        id: SpiffeId,
        provider: Provider,
        fetcher: Fetcher,
        link: watch::Receiver<LinkStatus>,
        subscriptions: Roster,
    ) -> Self {
        Self { id, provider, fetcher, link, subscriptions }
    }
}

#[tonic::async_trait]
impl NodeService for Wellbeing {
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let mut datasets = Vec::new();
        for dataset in self.provider.datasets().values() {
            let problem = match timeout(CHECK_TIMEOUT, dataset.check()).await {
                Ok(Ok(())) => String::new(),
                // Its own department may know what the source said.
                Ok(Err(error)) => chain(&error),
                Err(_) => "the source does not answer".to_owned(),
            };
            datasets.push(Dataset {
                resource_id: dataset.resource.to_string(),
                connector: dataset.connector().origin().connector.to_owned(),
                problem,
            });
        }
        let link = *self.link.borrow();
        Ok(Response::new(GetStatusResponse {
            id: self.id.to_string(),
            connected: link.connected,
            since: Some(time::to_wire(link.since)),
            datasets,
            services: self.provider.services(),
            subscriptions: self.subscriptions.to_wire(),
        }))
    }

    async fn list_services(
        &self,
        request: Request<ListServicesRequest>,
    ) -> Result<Response<ListServicesResponse>, Status> {
        let services = self.fetcher.services(&request.get_ref().grant_id).await?;
        Ok(Response::new(ListServicesResponse { services }))
    }

    async fn query(
        &self,
        request: Request<QueryRequest>,
    ) -> Result<Response<QueryResponse>, Status> {
        let caller = caller(&request)?;
        Ok(Response::new(ask::query(&self.fetcher, request.into_inner(), &caller).await?))
    }

    async fn request_proof(
        &self,
        request: Request<RequestProofRequest>,
    ) -> Result<Response<RequestProofResponse>, Status> {
        let caller = caller(&request)?;
        Ok(Response::new(ask::proof(&self.fetcher, request.into_inner(), &caller).await?))
    }

    async fn get_quarantine_summary(
        &self,
        request: Request<GetQuarantineSummaryRequest>,
    ) -> Result<Response<GetQuarantineSummaryResponse>, Status> {
        let quarantine = self.provider.quarantine();
        answer::summary(quarantine, request.get_ref()).await.map(Response::new)
    }

    async fn list_quarantine(
        &self,
        request: Request<ListQuarantineRequest>,
    ) -> Result<Response<ListQuarantineResponse>, Status> {
        answer::list(self.provider.quarantine(), request.get_ref()).await.map(Response::new)
    }

    async fn reconcile_subscription(
        &self,
        request: Request<ReconcileSubscriptionRequest>,
    ) -> Result<Response<ReconcileSubscriptionResponse>, Status> {
        if !self.subscriptions.compare(&request.get_ref().subscription) {
            let text = "no subscription of this node has that name or id; see its status";
            return Err(Problem::new(Code::NotFound, "SUBSCRIPTION_UNKNOWN", text).into());
        }
        Ok(Response::new(ReconcileSubscriptionResponse {}))
    }

    async fn discard_quarantine(
        &self,
        request: Request<DiscardQuarantineRequest>,
    ) -> Result<Response<DiscardQuarantineResponse>, Status> {
        answer::discard(self.provider.quarantine(), request.get_ref()).await.map(Response::new)
    }
}
