//! The endpoint for the department's own systems: Arrow Flight.

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket as FlightTicket,
};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use publicdata_identity::{Peer, SpiffeId};
use publicdata_service_kit::Problem;
use publicdata_transfer::frames::Parts;
use publicdata_types::OrganisationCode;
use tonic::{Request, Response, Status, Streaming};

use crate::error::FetchError;
use crate::fetch::{Fetch, Fetcher};
use crate::ticket::Ticket;

/// Arrow Flight, read-only: `GetFlightInfo`, `GetSchema` and `DoGet`.
#[derive(Clone)]
pub struct Flight {
    fetcher: Fetcher,
}

/// Lets in the node's own organisation alone, before any handler (R30.1).
pub fn only(
    organisation: OrganisationCode,
) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    move |request| match request.extensions().get() {
        Some(Peer(caller)) if caller.organisation() == Some(organisation) => Ok(request),
        Some(_) | None => Err(FetchError::OtherOrganisation.into()),
    }
}

// === impl Flight ===

impl Flight {
    /// An endpoint that fetches through this.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Self {
        Self { fetcher }
    }
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = caller(&request)?;
        let descriptor = request.into_inner();
        let offer = self.fetcher.offer(Ticket::read(&descriptor.cmd)?, &caller).await?;

        // Without a location, the ticket is redeemed where it was given.
        let ticket = FlightTicket::new(offer.ticket.to_json());
        let info = FlightInfo::new()
            .try_with_schema(&offer.schema)
            .map_err(Problem::internal)?
            .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
            .with_descriptor(descriptor)
            .with_ordered(true);
        Ok(Response::new(info))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let info = self.get_flight_info(request).await?.into_inner();
        Ok(Response::new(SchemaResult { schema: info.schema }))
    }

    async fn do_get(
        &self,
        request: Request<FlightTicket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let caller = caller(&request)?;
        let ticket = Ticket::read(&request.get_ref().ticket)?;
        let fetch = self.fetcher.open(ticket, &caller).await?;

        Ok(Response::new(frames(fetch)))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(Status::unimplemented("callers show a certificate; there is no handshake"))
    }

    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(Status::unimplemented("grants are listed by the exchange bus"))
    }

    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        Err(Status::unimplemented("use GetFlightInfo; it answers at once"))
    }

    async fn do_put(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        Err(Status::unimplemented("data is fetched, not put"))
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented("data is fetched with DoGet"))
    }

    async fn do_action(
        &self,
        _: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        Err(Status::unimplemented("there are no actions"))
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(stream::empty().boxed()))
    }
}

pub(crate) fn caller<T>(request: &Request<T>) -> Result<SpiffeId, FetchError> {
    match request.extensions().get() {
        Some(Peer(caller)) => Ok(caller.clone()),
        None => Err(FetchError::OtherOrganisation),
    }
}

/// Frames as they came, neither decoded nor encoded anew. They come only as they are taken, and if
/// nobody takes them any more, the transfer ends.
fn frames(fetch: Fetch) -> BoxStream<'static, Result<FlightData, Status>> {
    stream::try_unfold(fetch, |mut fetch| async move {
        let parts = fetch.next().await?;
        Ok::<_, FetchError>(parts.map(|parts| (flight_data(parts), fetch)))
    })
    .map_err(Status::from)
    .boxed()
}

fn flight_data(parts: Parts) -> FlightData {
    FlightData::new().with_data_header(parts.header).with_data_body(parts.body)
}
