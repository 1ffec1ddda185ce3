//! `NodeLinkService`.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::node_link_service_server::NodeLinkService;
use publicdata_proto::exchange::v1::{
    ConnectedNode, DeliverRequest, DeliverResponse, ListNodesRequest, ListNodesResponse, NodeHello,
    OpenLinkRequest, OpenLinkResponse, deliver_request, open_link_request,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_types::{Actor, OrganisationCode};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::Service;
use crate::codec::values;
use crate::error::Error;
use crate::relay::{self, Link};

/// How long a node may take for its first message.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

#[async_trait]
impl NodeLinkService for Service {
    type OpenLinkStream = ReceiverStream<Result<OpenLinkResponse, Status>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn open_link(
        &self,
        request: Request<Streaming<OpenLinkRequest>>,
    ) -> Result<Response<Self::OpenLinkStream>, Status> {
        let node = self.enrolled(&request).await?;
        let id = principal(&node)?;
        let mut messages = request.into_inner();
        let hello = hello(&mut messages).await?;

        let mut link = self.relay.connect(id, hello, self.clock.now());
        let outbound =
            link.take_outbound().ok_or_else(|| Status::internal("link without answer"))?;
        let (service, name) = (self.clone(), format!("link of {}", node.id));
        self.tasks.spawn(name, async move { service.attend(link, &node, messages).await });
        Ok(Response::new(ReceiverStream::new(outbound)))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn deliver(
        &self,
        request: Request<Streaming<DeliverRequest>>,
    ) -> Result<Response<DeliverResponse>, Status> {
        let node = principal(&self.directory.node(&request).await?)?;
        let mut parts = request.into_inner();
        let first = timeout(HELLO_TIMEOUT, parts.message()).await;
        let header = match first.map_err(|_| Error::Beginning { expected: "a header" })?? {
            Some(DeliverRequest { part: Some(deliver_request::Part::Header(header)) }) => header,
            Some(_) | None => return Err(Error::Beginning { expected: "a header" }.into()),
        };

        let parts = parts.map_err(|_| relay::Broken::Lost).boxed();
        let delivered = self.relay.deliver(&node, header, parts).await;
        delivered.map_err(|relay::NotAsked| Error::NotAsked)??;
        Ok(Response::new(DeliverResponse {}))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_nodes(
        &self,
        request: Request<ListNodesRequest>,
    ) -> Result<Response<ListNodesResponse>, Status> {
        let reader = self.reader(&request).await?;
        let mut nodes = Vec::new();
        for node in self.relay.nodes() {
            let Some(organisation) = node.node.organisation() else { continue };
            if self.queries.may_see(&reader, organisation).await? {
                nodes.push(ConnectedNode {
                    id: node.node.to_string(),
                    version: node.version,
                    connected_at: Some(values::time_to_wire(node.connected_at)),
                    resource_ids: node.resource_ids,
                });
            }
        }
        Ok(Response::new(ListNodesResponse { nodes, peers: self.tiers.peers() }))
    }
}

impl Service {
    /// A node that the authority has issued certificates to, as the catalogue's events tell.
    async fn enrolled<T>(&self, request: &Request<T>) -> Result<Actor, Status> {
        let node = self.directory.node(request).await?;
        if self.queries.is_enrolled(&node.id).await? {
            return Ok(node);
        }
        let text =
            "this node's certificates were not issued through the catalogue; have them issued";
        Err(Problem::new(Code::PermissionDenied, "NODE_NOT_ENROLLED", text).into())
    }

    async fn attend(&self, link: Link, node: &Actor, messages: Streaming<OpenLinkRequest>) {
        tracing::info!(node = node.id, "node connected");
        // What was revoked while the node was away; what is revoked from now on finds it connected.
        match self.queries.revoked(node.organisation, self.clock.now()).await {
            Ok(grants) => {
                for grant in grants {
                    if !link.send(relay::revocation(grant)).await {
                        return;
                    }
                }
            }
            Err(error) => {
                tracing::error!(
                    node = node.id,
                    error = chain(&error),
                    "revocations cannot be read"
                );
                return;
            }
        }
        tokio::select! {
            end = link.attend(messages.boxed()) => {
                tracing::info!(node = node.id, ?end, "node disconnected");
            }
            // The link goes with its future; whoever dials again is refused.
            () = self.until_closed(&node.organisation) => {
                tracing::info!(node = node.id, "node disconnected: its organisation was closed");
            }
        }
    }

    /// A link outlives the check at its beginning: it ends when the node's organisation does, at the next ping.
    async fn until_closed(&self, organisation: &OrganisationCode) {
        let mut ticks = tokio::time::interval(self.relay.limits().ping);
        loop {
            ticks.tick().await;
            match self.directory.organisation(organisation).await {
                Ok(Some(found)) if found.closed.is_some() => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot look whether a node may stay");
                }
            }
        }
    }
}

async fn hello(messages: &mut Streaming<OpenLinkRequest>) -> Result<NodeHello, Status> {
    let missing = || Error::Beginning { expected: "a hello" };
    let first = timeout(HELLO_TIMEOUT, messages.message()).await.map_err(|_| missing())??;
    match first {
        Some(OpenLinkRequest { kind: Some(open_link_request::Kind::Hello(hello)) }) => Ok(hello),
        Some(_) | None => Err(missing().into()),
    }
}

fn principal(node: &Actor) -> Result<SpiffeId, Error> {
    node.id.parse().map_err(Error::unreadable)
}
