//! The control stream of a connected node.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::Timestamp;
use publicdata_identity::SpiffeId;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{
    DataService, NodeHello, OpenLinkRequest, OpenLinkResponse, Ping, ServingNode, StopTransfer,
    Welcome, open_link_request, open_link_response::Kind,
};
use publicdata_types::{GrantId, OrganisationCode, ResourceId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Relay;
use crate::metrics::NodeConnected;

/// More than this many unread messages mean that the node does not read its control stream.
const OUTBOX: usize = 256;
/// How long whoever tells several nodes something waits for one of them.
const SAY_TIMEOUT: Duration = Duration::from_secs(5);

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

/// A way to say something to a connected node, for whoever may wait a little for it.
#[derive(Clone, Debug)]
pub struct Line {
    about: ConnectedNode,
    session: u64,
    /// Whoever has a line does not keep the link open.
    outbox: mpsc::WeakSender<Result<OpenLinkResponse, Status>>,
    closed: CancellationToken,
}

/// A link as others see it.
#[derive(Debug)]
pub(crate) struct Entry {
    about: ConnectedNode,
    /// What queries are sealed to, as the node signed it: the consumer's node checks it.
    key: Option<SignedMessage>,
    services: Vec<DataService>,
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
    let NodeHello { key, services, .. } = hello;
    let outlet = outbox.clone();
    let entry = Entry { about, key, services, session, outbox: outlet, closed: closed.clone() };
    // Before the entry is visible to others, so that nothing comes before the welcome.
    entry.send(OpenLinkResponse { kind: Some(Kind::Welcome(Welcome { node: node.to_string() })) });

    let replaced = relay.links().insert(node.clone(), entry);
    relay.inner.connected.notify_one();
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

// === impl Relay ===

impl Relay {
    /// Whether a node of this provider is connected that serves a resource.
    #[must_use]
    pub fn is_served(&self, provider: OrganisationCode, resource: ResourceId) -> bool {
        self.links().values().any(|entry| entry.serves(provider, resource))
    }

    /// The nodes of a provider that are connected and answer queries about a resource, the one that connected last first.
    #[must_use]
    pub fn serving(&self, provider: OrganisationCode, resource: ResourceId) -> Vec<ServingNode> {
        let links = self.links();
        let mut serving: Vec<_> = links
            .values()
            .filter(|entry| entry.serves(provider, resource))
            .filter_map(|entry| Some((entry.session(), entry.answers(resource)?)))
            .collect();
        serving.sort_by_key(|&(session, _)| std::cmp::Reverse(session));
        serving.into_iter().map(|(_, node)| node).collect()
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

// === impl Relay ===

impl Relay {
    /// Waits until a node has connected since this was last asked; one task may ask.
    pub async fn until_connected(&self) {
        self.inner.connected.notified().await;
    }

    /// Lines to the nodes that are connected.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.links().values().map(Entry::line).collect()
    }
}

// === impl Line ===

impl Line {
    /// Which connection it is: no other of this process has the same number.
    #[must_use]
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Whose node it is.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationCode> {
        self.about.node.organisation()
    }

    /// What it can serve, as it said.
    #[must_use]
    pub fn resource_ids(&self) -> &[String] {
        &self.about.resource_ids
    }

    /// Says something, waiting a little for room; a node that leaves so much unread is cut. `false` if it is gone.
    pub async fn say(&self, message: OpenLinkResponse) -> bool {
        let Some(outbox) = self.outbox.upgrade() else { return false };
        let said = outbox.send_timeout(Ok(message), SAY_TIMEOUT).await.is_ok();
        if !said {
            self.closed.cancel();
        }
        said
    }
}

// === impl Entry ===

impl Entry {
    pub(super) fn line(&self) -> Line {
        Line {
            about: self.about.clone(),
            session: self.session,
            outbox: self.outbox.downgrade(),
            closed: self.closed.clone(),
        }
    }

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

    /// What it answers about a resource, if it answers anything.
    pub(super) fn answers(&self, resource: ResourceId) -> Option<ServingNode> {
        let id = resource.to_string();
        let services: Vec<_> =
            self.services.iter().filter(|service| service.resource_id == id).cloned().collect();
        let key = self.key.clone().filter(|_| !services.is_empty())?;
        Some(ServingNode { node: self.node().to_string(), key: Some(key), services })
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

/// What a provider's node is told of a grant that ended.
pub(crate) fn revocation(grant: GrantId) -> OpenLinkResponse {
    let stop = StopTransfer {
        transfer_id: String::new(),
        reason: "GRANT_REVOKED".to_owned(),
        revoked_grant_id: grant.to_string(),
    };
    OpenLinkResponse { kind: Some(Kind::Stop(stop)) }
}
