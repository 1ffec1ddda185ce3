//! `TierService`: what the bus of another tier asks, on behalf of its consumers (R24.1).

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _};
use publicdata_directory::Caller;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::tier_service_server::TierService;
use publicdata_proto::exchange::v1::{
    ApplyOnBehalfRequest, ApplyOnBehalfResponse, ConfirmDeliveryOnBehalfRequest,
    ConfirmDeliveryOnBehalfResponse, FetchOnBehalfRequest, FetchOnBehalfResponse, FetchResponse,
    FindServicesOnBehalfRequest, FindServicesOnBehalfResponse, GetGrantOnBehalfRequest,
    GetGrantOnBehalfResponse, OpenTunnelRequest, OpenTunnelResponse, fetch_on_behalf_response,
    fetch_response,
};
use publicdata_types::Actor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::Service;
use crate::codec::{FieldError, values};
use crate::error::Error;
use crate::relay::Inlet;

/// The answer of a fetch, as the other bus reads it.
pub struct Passed(Inlet);

/// What goes through a tunnel, as the subordinate bus reads it.
type Tunnelled = Pin<Box<dyn Stream<Item = Result<OpenTunnelResponse, Status>> + Send + 'static>>;

#[async_trait]
impl TierService for Service {
    type FetchOnBehalfStream = Passed;
    type OpenTunnelStream = Tunnelled;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn apply_on_behalf(
        &self,
        request: Request<ApplyOnBehalfRequest>,
    ) -> Result<Response<ApplyOnBehalfResponse>, Status> {
        let (peer, caller) = self.on_behalf(&request, &request.get_ref().on_behalf_of).await?;
        let Caller::User(by) = caller else { return Err(not_a("user").into()) };
        let request = request.into_inner().request;
        let request = request.ok_or_else(|| Error::from(FieldError::missing("request")))?;

        let response = self.submit(request, by, Some(&peer)).await?;

        Ok(Response::new(ApplyOnBehalfResponse { response: Some(response) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_grant_on_behalf(
        &self,
        request: Request<GetGrantOnBehalfRequest>,
    ) -> Result<Response<GetGrantOnBehalfResponse>, Status> {
        let (peer, caller) = self.on_behalf(&request, &request.get_ref().on_behalf_of).await?;
        let by = principal(&caller)?;
        let id = values::parse("grant_id", &request.get_ref().grant_id).map_err(Error::from)?;

        let grant = self.read_grant(id, by, Some(&peer)).await?;

        Ok(Response::new(GetGrantOnBehalfResponse { grant: Some(grant) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn find_services_on_behalf(
        &self,
        request: Request<FindServicesOnBehalfRequest>,
    ) -> Result<Response<FindServicesOnBehalfResponse>, Status> {
        let (peer, caller) = self.on_behalf(&request, &request.get_ref().on_behalf_of).await?;
        let by = principal(&caller)?;
        let id = values::parse("grant_id", &request.get_ref().grant_id).map_err(Error::from)?;

        let nodes = self.exchange.services(id, by, Some(&peer)).await?;

        Ok(Response::new(FindServicesOnBehalfResponse { nodes }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn fetch_on_behalf(
        &self,
        request: Request<FetchOnBehalfRequest>,
    ) -> Result<Response<Passed>, Status> {
        let (peer, caller) = self.on_behalf(&request, &request.get_ref().on_behalf_of).await?;
        let Caller::Node { actor, .. } = caller else { return Err(not_a("node").into()) };
        let request = request.into_inner().request;
        let request = request.ok_or_else(|| Error::from(FieldError::missing("request")))?;
        let signed = request.request;
        let signed = signed.ok_or_else(|| Error::from(FieldError::missing("request.request")))?;

        let sent = (signed, request.parameters);
        let inlet = self.exchange.fetch(sent, &actor, Some(&peer)).await?;
        Ok(Response::new(Passed(inlet)))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn confirm_delivery_on_behalf(
        &self,
        request: Request<ConfirmDeliveryOnBehalfRequest>,
    ) -> Result<Response<ConfirmDeliveryOnBehalfResponse>, Status> {
        let (_, caller) = self.on_behalf(&request, &request.get_ref().on_behalf_of).await?;
        let Caller::Node { actor, .. } = caller else { return Err(not_a("node").into()) };
        let request = request.into_inner().request;
        let request = request.ok_or_else(|| Error::from(FieldError::missing("request")))?;

        let sequence = self.confirm(request, &actor).await?;

        Ok(Response::new(ConfirmDeliveryOnBehalfResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn open_tunnel(
        &self,
        request: Request<Streaming<OpenTunnelRequest>>,
    ) -> Result<Response<Tunnelled>, Status> {
        let Caller::Service(peer) = self.directory.caller(&request).await? else {
            return Err(Error::NotAPeer.into());
        };
        if !self.tiers.is_subordinate(&peer) {
            return Err(Error::NotAPeer.into());
        }
        let (name, shutdown) = (format!("tunnel of {peer}"), self.tasks.shutdown().clone());
        let sides = (peer, &self.exchange.service);
        let (carried, waiting) = self.tiers.accept(sides, request.into_inner(), self.clock.now());
        self.tasks.spawn(name, async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = carried => {}
            }
        });
        let outbound = ReceiverStream::new(waiting).map(|data| Ok(OpenTunnelResponse { data }));
        Ok(Response::new(Box::pin(outbound)))
    }
}

impl Service {
    /// Which bus asks, and on whose behalf: somebody who could ask here directly, and lies on that bus's side.
    async fn on_behalf<T>(
        &self,
        request: &Request<T>,
        on_behalf_of: &str,
    ) -> Result<(SpiffeId, Caller), Status> {
        let Caller::Service(peer) = self.directory.caller(request).await? else {
            return Err(Error::NotAPeer.into());
        };
        let id = values::parse("on_behalf_of", on_behalf_of).map_err(Error::from)?;
        let caller = self.directory.principal(id).await?;
        self.tiers.must_speak_for(&peer, principal(&caller)?)?;
        Ok((peer, caller))
    }
}

/// Whoever acts for an organisation.
fn principal(caller: &Caller) -> Result<&Actor, Error> {
    caller.actor().ok_or_else(|| not_a("user or node"))
}

fn not_a(kind: &str) -> Error {
    FieldError { field: "on_behalf_of", source: format!("it is no {kind}").into() }.into()
}

// === impl Passed ===

impl Stream for Passed {
    type Item = Result<FetchOnBehalfResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let part = self.0.poll_next_unpin(cx);
        part.map(|part| part.map(|response| response.map(pass)))
    }
}

fn pass(FetchResponse { part }: FetchResponse) -> FetchOnBehalfResponse {
    let part = part.map(|part| match part {
        fetch_response::Part::Header(header) => fetch_on_behalf_response::Part::Header(header),
        fetch_response::Part::Frame(frame) => fetch_on_behalf_response::Part::Frame(frame),
        fetch_response::Part::Trailer(trailer) => fetch_on_behalf_response::Part::Trailer(trailer),
    });
    FetchOnBehalfResponse { part }
}
