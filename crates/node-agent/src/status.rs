//! Whether the node is well, for its own department.

use std::time::Duration;

use publicdata_identity::SpiffeId;
use publicdata_proto::node::v1::node_service_server::NodeService;
use publicdata_proto::node::v1::{Dataset, GetStatusRequest, GetStatusResponse};
use publicdata_service_kit::problem::chain;
use publicdata_transfer::time;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use crate::link::LinkStatus;
use crate::provider::Provider;
use crate::subscriber::state::State;

/// How long a source may take to say whether it is well.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// `NodeService`.
#[derive(Clone)]
pub struct Wellbeing {
    id: SpiffeId,
    provider: Provider,
    link: watch::Receiver<LinkStatus>,
    subscriptions: Vec<watch::Receiver<State>>,
}

impl Wellbeing {
    /// Tells of this node.
    #[must_use]
    pub fn new(
        id: SpiffeId,
        provider: Provider,
        link: watch::Receiver<LinkStatus>,
        subscriptions: Vec<watch::Receiver<State>>,
    ) -> Self {
        Self { id, provider, link, subscriptions }
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
            subscriptions: self
                .subscriptions
                .iter()
                .map(|state| state.borrow().to_wire())
                .collect(),
        }))
    }
}
