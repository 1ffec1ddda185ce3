//! Conducts one transfer from the provider's node to the consumer's, looking at nothing but the order of frames.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{
    DeliverRequest, DeliveryFailure, FetchResponse, Frame, OpenLinkResponse, StopTransfer,
    deliver_request, fetch_response, open_link_response::Kind,
};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::Status;

use super::outlet::{Gone, Outlet};
use super::{Answer, Broken, Delivery, PeerEnd, Reservation, Stop};

/// A frame's plaintext is at most 1 MiB; sealing and framing add little.
const SEALED_BYTES_MAX: usize = (1 << 20) + (64 << 10);

/// A transfer that a node, or the bus of another tier, was asked to deliver.
pub struct Conductor {
    reservation: Reservation,
    node: SpiffeId,
    answer: BoxFuture<'static, Answer>,
}

/// How a transfer's conduct ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The trailer was passed on; the receipt is awaited.
    Delivered,
    /// The provider's node refused, or failed.
    Failed(DeliveryFailure),
    /// The provider's node, or its connection, is gone.
    ProviderLost,
    /// The bus of another tier, which it is served through, ended it or is out of reach.
    Peer(PeerEnd),
    /// The provider's node sent nothing for too long.
    ProviderStalled,
    /// The provider's node sent what it may not send.
    ProviderViolated(&'static str),
    /// The consumer's node is gone.
    ConsumerGone,
    /// The consumer's node read nothing for too long.
    ConsumerStalled,
    /// It was ended from outside.
    Stopped(Stop),
}

/// What has to come next.
struct Order {
    transfer_id: String,
    next_frame: u64,
}

// === impl Conductor ===

impl Conductor {
    pub(super) fn new(
        reservation: Reservation,
        node: SpiffeId,
        answer: BoxFuture<'static, Answer>,
    ) -> Self {
        Self { reservation, node, answer }
    }

    /// Passes everything on until the end, whichever it is. The provider's node has been answered when this returns; the
    /// consumer's has not. The reservation still holds.
    pub async fn run(mut self, first_frame: u64, outlet: &Outlet) -> (Ending, Reservation) {
        let mut done = None;
        let mut stop = self.reservation.stop.clone();
        let order =
            Order { transfer_id: self.reservation.transfer.to_string(), next_frame: first_frame };
        let ending = tokio::select! {
            biased;
            stopped = stop.wait_for(Option::is_some) => {
                let why = stopped.ok().and_then(|stop| *stop);
                Ending::Stopped(why.unwrap_or(Stop::ShuttingDown))
            }
            ending = self.pass_on(order, outlet, &mut done) => ending,
        };

        self.answer_provider(&ending, done);
        (ending, self.reservation)
    }

    async fn pass_on(
        &mut self,
        order: Order,
        outlet: &Outlet,
        done: &mut Option<oneshot::Sender<Result<(), Status>>>,
    ) -> Ending {
        let idle = self.reservation.relay.limits().idle;
        let delivery = match self.await_delivery(idle, outlet).await {
            Ok(delivery) => delivery,
            Err(ending) => return ending,
        };
        *done = Some(delivery.done);

        let header = delivery.header;
        if header.transfer_id != order.transfer_id || header.first_frame != order.next_frame {
            return Ending::ProviderViolated("the header is of another transfer or frame");
        }
        let pipe = Pipe { parts: delivery.parts, outlet, idle };
        match pipe.run(header, order.next_frame).await {
            Ok(()) => Ending::Delivered,
            Err(ending) => ending,
        }
    }

    async fn await_delivery(
        &mut self,
        idle: Duration,
        outlet: &Outlet,
    ) -> Result<Delivery, Ending> {
        tokio::select! {
            answer = timeout(idle, &mut self.answer) => match answer {
                Ok(Answer::Delivery(delivery)) => Ok(delivery),
                Ok(Answer::Declined(failure)) => Err(Ending::Failed(failure)),
                Ok(Answer::Broken(broken)) => Err(broken.into()),
                Err(_) => Err(Ending::ProviderStalled),
            },
            () = outlet.closed() => Err(Ending::ConsumerGone),
        }
    }

    /// Ends the `Deliver` call, and tells the node to stop if it may still be reading its source.
    fn answer_provider(&self, ending: &Ending, done: Option<oneshot::Sender<Result<(), Status>>>) {
        let (answer, stop) = match ending {
            Ending::Delivered | Ending::Failed(_) => (Ok(()), None),
            Ending::ProviderLost | Ending::Peer(_) => {
                (Err(Status::unavailable("the link was lost")), None)
            }
            Ending::ProviderStalled => (
                Err(Status::deadline_exceeded("nothing came for too long")),
                Some("PROVIDER_STALLED"),
            ),
            Ending::ProviderViolated(what) => {
                (Err(Status::invalid_argument(*what)), Some("PROTOCOL_VIOLATED"))
            }
            Ending::ConsumerGone => {
                (Err(Status::cancelled("the consumer's node is gone")), Some("CONSUMER_GONE"))
            }
            Ending::ConsumerStalled => (
                Err(Status::aborted("the consumer's node does not read")),
                Some("CONSUMER_STALLED"),
            ),
            Ending::Stopped(Stop::Revoked) => {
                (Err(Status::permission_denied("the grant was revoked")), Some("GRANT_REVOKED"))
            }
            Ending::Stopped(Stop::Superseded) => {
                (Err(Status::aborted("the consumer's node asked anew")), Some("CONSUMER_GONE"))
            }
            Ending::Stopped(Stop::ShuttingDown) => {
                (Err(Status::unavailable("the bus is stopping")), Some("BUS_STOPPING"))
            }
        };
        if let Some(done) = done {
            // The node may have left by now.
            let _ = done.send(answer);
        }
        if let Some(reason) = stop {
            self.tell_to_stop(reason);
        }
    }

    fn tell_to_stop(&self, reason: &str) {
        let stop = StopTransfer {
            transfer_id: self.reservation.transfer.to_string(),
            reason: reason.to_owned(),
            // The grant's end is announced to all nodes of the provider, once.
            revoked_grant_id: String::new(),
        };
        if let Some(entry) = self.reservation.relay.links().get(&self.node) {
            entry.send(OpenLinkResponse { kind: Some(Kind::Stop(stop)) });
        }
    }
}

impl std::fmt::Debug for Conductor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conductor").field("node", &self.node).finish_non_exhaustive()
    }
}

impl From<Broken> for Ending {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Lost => Self::ProviderLost,
            Broken::Peer(end) => Self::Peer(end),
        }
    }
}

/// From the `Deliver` call into the `Fetch` call.
struct Pipe<'a> {
    parts: super::Parts,
    outlet: &'a Outlet,
    idle: Duration,
}

impl Pipe<'_> {
    async fn run(
        mut self,
        header: publicdata_proto::exchange::v1::DeliveryHeader,
        mut next_frame: u64,
    ) -> Result<(), Ending> {
        self.send(fetch_response::Part::Header(header)).await?;
        loop {
            match self.next().await? {
                deliver_request::Part::Frame(frame) => {
                    check(&frame, next_frame)?;
                    next_frame += 1;
                    let bytes = frame.sealed.len();
                    self.send(fetch_response::Part::Frame(frame)).await?;
                    crate::metrics::relayed(bytes);
                }
                deliver_request::Part::Trailer(trailer) => {
                    self.send(fetch_response::Part::Trailer(trailer)).await?;
                    return self.drain().await;
                }
                deliver_request::Part::Failure(failure) => return Err(Ending::Failed(failure)),
                deliver_request::Part::Header(_) => {
                    return Err(Ending::ProviderViolated("a second header"));
                }
            }
        }
    }

    async fn next(&mut self) -> Result<deliver_request::Part, Ending> {
        let message = tokio::select! {
            message = timeout(self.idle, self.parts.next()) => message,
            () = self.outlet.closed() => return Err(Ending::ConsumerGone),
        };
        match message {
            Ok(Some(Ok(DeliverRequest { part: Some(part) }))) => Ok(part),
            Ok(Some(Ok(DeliverRequest { part: None }))) => {
                Err(Ending::ProviderViolated("a part without content"))
            }
            Ok(Some(Err(broken))) => Err(broken.into()),
            // The call ended without trailer or failure.
            Ok(None) => Err(Ending::ProviderLost),
            Err(_) => Err(Ending::ProviderStalled),
        }
    }

    async fn send(&mut self, part: fetch_response::Part) -> Result<(), Ending> {
        match timeout(self.idle, self.outlet.send(FetchResponse { part: Some(part) })).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Gone)) => Err(Ending::ConsumerGone),
            Err(_) => Err(Ending::ConsumerStalled),
        }
    }

    /// A consumer that leaves once the trailer was sent may well have read it.
    async fn drain(&mut self) -> Result<(), Ending> {
        match timeout(self.idle, self.outlet.drained()).await {
            Ok(Ok(()) | Err(Gone)) => Ok(()),
            Err(_) => Err(Ending::ConsumerStalled),
        }
    }
}

fn check(frame: &Frame, next: u64) -> Result<(), Ending> {
    if frame.index != next {
        return Err(Ending::ProviderViolated("a frame out of order"));
    }
    if frame.sealed.len() > SEALED_BYTES_MAX {
        return Err(Ending::ProviderViolated("a frame larger than 1 MiB"));
    }
    Ok(())
}
