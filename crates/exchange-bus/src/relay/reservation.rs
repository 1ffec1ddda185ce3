//! A transfer that is known, on its way to whoever delivers it.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{OpenLinkResponse, ServeTransfer, open_link_response::Kind};
use publicdata_types::{OrganisationCode, ResourceId};
use tokio::sync::oneshot;

use super::{Answer, Asked, Broken, Conductor, NotConnected, Reservation, Stop};

impl Reservation {
    /// Asks a connected node of the provider to deliver: this one, if one is named, else the one that connected last.
    ///
    /// # Errors
    /// None is connected that serves the resource, and the reservation comes back.
    pub fn serve(
        self,
        provider: OrganisationCode,
        resource: ResourceId,
        by_node: Option<&str>,
        request: ServeTransfer,
    ) -> Result<Conductor, (Self, NotConnected)> {
        let (answer, answered) = oneshot::channel();
        match self.ask(provider, resource, by_node, (request, answer)) {
            Ok(node) => {
                let answer = answered.map(|answer| answer.unwrap_or(Answer::Broken(Broken::Lost)));
                Ok(Conductor::new(self, node, answer.boxed()))
            }
            Err(NotConnected) => Err((self, NotConnected)),
        }
    }

    /// Has the bus of another tier deliver what it answers with.
    #[must_use]
    pub(crate) fn serve_through(
        self,
        peer: SpiffeId,
        answer: BoxFuture<'static, Answer>,
    ) -> Conductor {
        Conductor::new(self, peer, answer)
    }

    /// Waits until the receipt was recorded, for as long as a transfer may be idle.
    pub async fn is_confirmed(&mut self) -> bool {
        let idle = self.relay.limits().idle;
        let superseded = async {
            // Revocation cannot take back what was delivered.
            let _ = self
                .stop
                .wait_for(|stop| matches!(stop, Some(Stop::Superseded | Stop::ShuttingDown)))
                .await;
        };
        tokio::select! {
            biased;
            confirmed = self.confirmed.wait_for(|confirmed| *confirmed) => confirmed.is_ok(),
            () = superseded => false,
            () = tokio::time::sleep(idle) => false,
        }
    }

    fn ask(
        &self,
        provider: OrganisationCode,
        resource: ResourceId,
        by_node: Option<&str>,
        (request, answer): (ServeTransfer, oneshot::Sender<Answer>),
    ) -> Result<SpiffeId, NotConnected> {
        // Links before transfers, as everywhere, so that two locks never wait for each other.
        let links = self.relay.links();
        let mut candidates =
            links.values().filter(|entry| entry.serves(provider, resource)).collect::<Vec<_>>();
        if let Some(node) = by_node {
            candidates.retain(|entry| entry.node().to_string() == node);
        }
        candidates.sort_by_key(|entry| entry.session());
        let entry = candidates.last().ok_or(NotConnected)?;

        let mut transfers = self.relay.transfers();
        let running = transfers.get_mut(&self.transfer).ok_or(NotConnected)?;
        let node = entry.node().clone();
        running.asked = Some(Asked { node: node.clone(), session: entry.session(), answer });
        match entry.send(OpenLinkResponse { kind: Some(Kind::Serve(request)) }) {
            true => Ok(node),
            false => Err(NotConnected),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.relay.transfers().remove(&self.transfer);
    }
}
