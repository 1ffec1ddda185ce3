//! The tunnel between two buses: the one below dials, and is called through it.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use jiff::Timestamp;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::tier_service_client::TierServiceClient;
use publicdata_proto::exchange::v1::{OpenTunnelRequest, OpenTunnelResponse};
use publicdata_service_kit::grpc::{carry, channel_over, connection, serve_over};
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_service_kit::{Clock, Problem};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Status, Streaming};

use super::{Peer, Tiers};

/// How many messages wait for the connection: each is at most 64 KiB.
const MESSAGES_WAITING_MAX: usize = 4;
/// How long the superior may take to open a tunnel.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that was cut off is dialled again soon, however long that was.
const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_millis(200),
    delay_max: Duration::from_secs(5),
    deadline: Duration::MAX,
};

/// Keeps the tunnel to the superior bus open, and answers what that asks through it.
pub struct Tunnel {
    /// The tiers.
    pub tiers: Tiers,
    /// What is answered through it: the same as to a bus that dials.
    pub routes: Routes,
    /// The time.
    pub clock: Clock,
}

impl Tunnel {
    /// Dials again and again, until shutdown; ends at once if there is no superior.
    pub async fn run(self, shutdown: CancellationToken) {
        let Some((superior, _)) = self.tiers.inner.superior.clone() else { return };
        let mut delays = BACKOFF.delays();
        loop {
            let opened = tokio::select! {
                () = shutdown.cancelled() => return,
                opened = self.open(&superior) => opened,
            };
            match opened {
                Ok(tunnel) => {
                    tracing::info!(peer = %superior.id(), "the tunnel to the superior bus is open");
                    delays = BACKOFF.delays();
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = self.serve(&superior, tunnel) => {}
                    }
                    tracing::warn!(peer = %superior.id(), "the tunnel to the superior bus is lost");
                }
                Err(status) => {
                    let error = Problem::from_status(&status);
                    tracing::info!(peer = %superior.id(), %error, "no tunnel to the superior bus");
                }
            }
            let delay = delays.next().unwrap_or(BACKOFF.delay_max);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    async fn open(
        &self,
        superior: &Peer,
    ) -> Result<(mpsc::Sender<Bytes>, Streaming<OpenTunnelResponse>), Status> {
        let (outbound, waiting) = mpsc::channel(MESSAGES_WAITING_MAX);
        let messages = ReceiverStream::new(waiting).map(|data| OpenTunnelRequest { data });
        let mut client = TierServiceClient::new(superior.channel());
        let opened = async {
            let mut inbound = client.open_tunnel(messages).await?.into_inner();
            match inbound.message().await? {
                Some(_) => Ok((outbound, inbound)),
                None => Err(Status::unavailable("the superior bus ended the tunnel")),
            }
        };
        let late = |_| Status::deadline_exceeded("the superior bus opened no tunnel in time");
        tokio::time::timeout(OPEN_TIMEOUT, opened).await.map_err(late)?
    }

    /// Answers through the tunnel until it ends.
    async fn serve(
        &self,
        superior: &Peer,
        (outbound, inbound): (mpsc::Sender<Bytes>, Streaming<OpenTunnelResponse>),
    ) {
        let _connected = self.tiers.connect(superior.id(), superior.channel(), self.clock.now());
        let (near, far) = connection();
        let inbound = inbound.map(|message| message.map(|message| message.data));
        tokio::select! {
            served = serve_over(near, superior.id().clone(), self.routes.clone()) => {
                if let Err(error) = served {
                    tracing::error!(error = chain(&error), "cannot answer through the tunnel");
                }
            }
            () = carry(far, Box::pin(inbound), outbound) => {}
        }
    }
}

impl Tiers {
    /// A subordinate bus opens a tunnel: it can be called until that ends, or the bus shuts down.
    pub(crate) fn accept(
        &self,
        (peer, own): (SpiffeId, &SpiffeId),
        messages: Streaming<OpenTunnelRequest>,
        since: Timestamp,
    ) -> (impl Future<Output = ()> + Send + use<>, mpsc::Receiver<Bytes>) {
        let (near, far) = connection();
        let (outbound, waiting) = mpsc::channel(MESSAGES_WAITING_MAX);
        // There is room: the first message is empty, and says that the tunnel is open.
        let _ = outbound.try_send(Bytes::new());
        let connected = self.connect(&peer, channel_over(near, own, &peer), since);
        let inbound = messages.map(|message| message.map(|message| message.data));
        let carried = async move {
            let _connected = connected;
            carry(far, Box::pin(inbound), outbound).await;
        };
        (carried, waiting)
    }
}
