//! What requests are held against: a tonic server with mutual TLS that answers with the same payloads, out of its memory.

use std::path::Path;
use std::sync::Arc;

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use publicdata_identity::Credentials;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use super::payloads::Payloads;

/// Serves with the credentials in this folder, until it is dismissed. Says where it listens.
pub(in crate::bench) async fn serve(
    folder: &Path,
    announce: impl FnOnce(&str) -> anyhow::Result<()>,
    dismissed: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let credentials = Credentials::load(folder)?;
    let roots = credentials.roots().pem();
    let identity = Identity::from_pem(credentials.tls_certificate_pem(), credentials.tls_key_pem());
    let tls =
        ServerTlsConfig::new().identity(identity).client_ca_root(Certificate::from_pem(roots));
    let service = FlightServiceServer::new(Echo { payloads: Arc::new(Payloads::make()) });
    let server = Server::builder().tls_config(tls)?.add_service(service);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    announce(&address)?;
    tokio::select! {
        ended = server.serve_with_incoming(incoming) => Ok(ended?),
        () = dismissed => Ok(()),
    }
}

struct Echo {
    payloads: Arc<Payloads>,
}

#[tonic::async_trait]
impl FlightService for Echo {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let name = String::from_utf8_lossy(&request.get_ref().ticket).into_owned();
        let payload =
            self.payloads.named(&name).map_err(|error| Status::not_found(error.to_string()))?;
        let data = |part| Ok(FlightData::new().with_data_body(part));
        Ok(Response::new(stream::iter(payload.parts.clone()).map(data).boxed()))
    }

    async fn get_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        Err(other())
    }

    async fn get_schema(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        Err(other())
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(other())
    }

    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(other())
    }

    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        Err(other())
    }

    async fn do_put(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        Err(other())
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(other())
    }

    async fn do_action(
        &self,
        _: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        Err(other())
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        Err(other())
    }
}

fn other() -> Status {
    Status::unimplemented("this server answers DoGet alone, with payloads by their name")
}
