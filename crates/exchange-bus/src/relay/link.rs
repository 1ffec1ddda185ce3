//! The control stream of a connected node.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::Timestamp;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{
    NodeHello, OpenLinkRequest, OpenLinkResponse, Ping, Welcome, open_link_request,
    open_link_response::Kind,
};
use publicdata_types::{OrganisationCode, ResourceId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Relay;
use crate::metrics::NodeConnected;

/// More than this many unread messages mean that the node does not read its control stream.
const OUTBOX: usize = 256;

/// What a node says on its control stream.
pub type Inbound = BoxStream<'static, Result<OpenLinkRequest, Status>>;

/// What the bus says on it.
pub type Outbound = mpsc::Receiver<Result<OpenLinkResponse, Status>>;

/// One connection of one node.
#[derive(Debug)]
pub struct Link {
    relay: Relay,
    node: SpiffeId,
    session: u64,
    outbox: mpsc::Sender<Result<OpenLinkResponse, Status>>,
    outbound: Option<Outbound>,
    closed: CancellationToken,
    _counted: NodeConnected,
}

/// A node that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedNode {
    /// Its id.
    pub node: SpiffeId,
    /// Version of its software.
    pub version: String,
    /// Since when.
    pub connected_at: Timestamp,
    /// What it can serve, as it said.
    pub resource_ids: Vec<String>,
}

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The node closed it, or the connection broke.
    Left,
    /// A newer connection of the same node took its place, the node does not read, or the bus shuts down.
    Cut,
    /// A ping stayed unanswered.
    Silent,
}

/// A link as others see it.
#[derive(Debug)]
pub(crate) struct Entry {
    about: ConnectedNode,
    session: u64,
    outbox: mpsc::Sender<Result<OpenLinkResponse, Status>>,
    closed: CancellationToken,
}

pub(super) fn connect(relay: &Relay, node: SpiffeId, hello: NodeHello, at: Timestamp) -> Link {
    static SESSIONS: AtomicU64 = AtomicU64::new(0);
    let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
    let (outbox, outbound) = mpsc::channel(OUTBOX);
    let closed = CancellationToken::new();
    let about = ConnectedNode {
        node: node.clone(),
        version: hello.version,
        connected_at: at,
        resource_ids: hello.resource_ids,
    };
    let entry = Entry { about, session, outbox: outbox.clone(), closed: closed.clone() };
    // Before the entry is visible to others, so that nothing comes before the welcome.
    entry.send(OpenLinkResponse { kind: Some(Kind::Welcome(Welcome { node: node.to_string() })) });

    let replaced = relay.links().insert(node.clone(), entry);
    if let Some(earlier) = replaced {
        earlier.close();
        relay.forget_session(earlier.session);
    }
    Link {
        relay: relay.clone(),
        node,
        session,
        outbox,
        outbound: Some(outbound),
        closed,
        _counted: NodeConnected::new(),
    }
}

// === impl Link ===

impl Link {
    /// The stream that answers the node; to be taken once.
    #[must_use]
    pub fn take_outbound(&mut self) -> Option<Outbound> {
        self.outbound.take()
    }

    /// Says something, waiting for room; `false` if the node is gone.
    pub async fn send(&self, message: OpenLinkResponse) -> bool {
        self.outbox.send(Ok(message)).await.is_ok()
    }

    /// Listens and pings until the link ends. The node is disconnected when this returns or is dropped.
    pub async fn attend(self, mut inbound: Inbound) -> LinkEnd {
        let mut ticks = tokio::time::interval(self.relay.limits().ping);
        ticks.tick().await;
        let mut nonce = 0;
        let mut answered = 0;
        loop {
            tokio::select! {
                () = self.closed.cancelled() => return self.cut(),
                () = self.outbox.closed() => return LinkEnd::Left,
                message = inbound.next() => match message {
                    Some(Ok(OpenLinkRequest { kind })) => {
                        if let Some(pong) = self.hear(kind) {
                            answered = pong;
                        }
                    }
                    Some(Err(_)) | None => return LinkEnd::Left,
                },
                _ = ticks.tick() => {
                    if answered != nonce {
                        return LinkEnd::Silent;
                    }
                    nonce += 1;
                    let ping = OpenLinkResponse { kind: Some(Kind::Ping(Ping { nonce })) };
                    if self.outbox.try_send(Ok(ping)).is_err() {
                        return LinkEnd::Silent;
                    }
                }
            }
        }
    }

    /// Takes in one message; the nonce if it is a pong.
    fn hear(&self, kind: Option<open_link_request::Kind>) -> Option<u64> {
        match kind {
            Some(open_link_request::Kind::Pong(pong)) => Some(pong.nonce),
            Some(open_link_request::Kind::Declined(declined)) => {
                let transfer = declined.transfer_id.parse();
                let failure = declined.failure.unwrap_or_default();
                let known = transfer.is_ok_and(|transfer| {
                    self.relay.decline(&self.node, transfer, failure).is_ok()
                });
                if !known {
                    tracing::debug!(node = %self.node, "declined a transfer that does not wait for it");
                }
                None
            }
            Some(open_link_request::Kind::Changed(changed)) => {
                self.relay.note_change(&self.node, changed);
                None
            }
            // A second hello, or a message of a later version: nothing to do.
            Some(open_link_request::Kind::Hello(_)) | None => None,
        }
    }

    fn cut(&self) -> LinkEnd {
        let farewell = Status::aborted(
            "this link was replaced by a newer one of the same node, or the bus is stopping",
        );
        let _ = self.outbox.try_send(Err(farewell));
        LinkEnd::Cut
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut links = self.relay.links();
        if links.get(&self.node).is_some_and(|entry| entry.session == self.session) {
            links.remove(&self.node);
        }
        drop(links);
        self.relay.forget_session(self.session);
    }
}

// === impl Entry ===

impl Entry {
    pub(super) fn node(&self) -> &SpiffeId {
        &self.about.node
    }

    pub(super) fn session(&self) -> u64 {
        self.session
    }

    pub(super) fn organisation(&self) -> Option<OrganisationCode> {
        self.about.node.organisation()
    }

    pub(super) fn serves(&self, provider: OrganisationCode, resource: ResourceId) -> bool {
        let id = resource.to_string();
        self.organisation() == Some(provider) && self.about.resource_ids.contains(&id)
    }

    pub(super) fn describe(&self) -> ConnectedNode {
        self.about.clone()
    }

    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    /// Says something without waiting. A node that leaves so much unread is cut.
    pub(super) fn send(&self, message: OpenLinkResponse) -> bool {
        let sent = self.outbox.try_send(Ok(message)).is_ok();
        if !sent {
            self.close();
        }
        sent
    }
}
