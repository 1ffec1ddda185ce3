//! Who is connected, what is running, and the pipes between: the part of the bus that lives in memory alone.
//!
//! Nothing here is recorded and nothing here decides who may get what. A transfer is *reserved* before its grant is read,
//! so that a revocation that comes in between finds it; then *served* by a connected node; then *conducted* to its end.

pub mod changes;
pub mod conduct;
pub mod link;
pub mod outlet;

mod reservation;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use jiff::Timestamp;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{DeliverRequest, DeliveryFailure, DeliveryHeader, NodeHello};
use publicdata_service_kit::problem::Code;
use publicdata_types::{GrantId, OrganisationCode, TransferId};
use tokio::sync::{Notify, oneshot, watch};
use tonic::Status;

pub use conduct::{Conductor, Ending};
pub(crate) use link::revocation;
pub use link::{ConnectedNode, Line, Link};
pub use outlet::{Inlet, Outlet};

/// How long the relay waits, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a transfer may make no progress, on either side.
    pub idle: Duration,
    /// How often a link is pinged; one that leaves a ping unanswered until the next is cut.
    pub ping: Duration,
}

/// Connected nodes and running transfers of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    links: Mutex<HashMap<SpiffeId, link::Entry>>,
    connected: Notify,
    transfers: Mutex<HashMap<TransferId, Running>>,
    changes: changes::Changes,
}

/// What others may do to a running transfer.
#[derive(Debug)]
struct Running {
    grant: GrantId,
    stop: watch::Sender<Option<Stop>>,
    asked: Option<Asked>,
    confirmed: watch::Sender<bool>,
}

/// A node was asked to deliver and has not answered yet.
#[derive(Debug)]
struct Asked {
    node: SpiffeId,
    session: u64,
    answer: oneshot::Sender<Answer>,
}

/// Why a transfer is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its grant was revoked (R26.2).
    Revoked,
    /// The consumer's node asked for the same transfer again: it no longer reads the first answer.
    Superseded,
    /// The bus is shutting down.
    ShuttingDown,
}

/// What the provider's node answers to being asked.
#[derive(Debug)]
pub(crate) enum Answer {
    Delivery(Delivery),
    Declined(DeliveryFailure),
    Broken(Broken),
}

/// A `Deliver` call whose header has been read.
pub(crate) struct Delivery {
    pub(crate) header: DeliveryHeader,
    pub(crate) parts: Parts,
    pub(crate) done: oneshot::Sender<Result<(), Status>>,
}

/// The messages of a `Deliver` call, or of another bus that passes them on.
pub type Parts = BoxStream<'static, Result<DeliverRequest, Broken>>;

/// Why no more of a delivery comes, though it has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The provider's node, or its connection, is gone.
    Lost,
    /// The bus of another tier ended it, or is out of reach.
    Peer(PeerEnd),
}

/// How the bus of another tier ended a transfer that was passed on to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEnd {
    /// What the consumer should do.
    pub code: Code,
    /// Why, stable and in capitals.
    pub reason: String,
    /// The same for people.
    pub message: String,
    /// The particulars, for programs: such as when asking again may succeed.
    pub metadata: BTreeMap<String, String>,
}

/// A transfer that others can find and stop, as long as this value lives.
#[derive(Debug)]
pub struct Reservation {
    relay: Relay,
    transfer: TransferId,
    stop: watch::Receiver<Option<Stop>>,
    confirmed: watch::Receiver<bool>,
}

/// No node of the provider that serves the resource is connected.
#[derive(Debug, PartialEq, Eq)]
pub struct NotConnected;

/// The transfer is not waiting for this node.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAsked;

// === impl Relay ===

impl Relay {
    /// A relay without nodes or transfers.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let inner = Inner {
            limits,
            links: Mutex::default(),
            connected: Notify::new(),
            transfers: Mutex::default(),
            changes: changes::Changes::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The limits that it was made with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Lets a node in; an earlier connection of the same node ends.
    #[must_use]
    pub fn connect(&self, node: SpiffeId, hello: NodeHello, at: Timestamp) -> Link {
        link::connect(self, node, hello, at)
    }

    /// The nodes that are connected, by id.
    #[must_use]
    pub fn nodes(&self) -> Vec<ConnectedNode> {
        let mut nodes: Vec<_> = self.links().values().map(link::Entry::describe).collect();
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        nodes
    }

    /// Makes a transfer known. If it is running already, it first comes to an end: its consumer's node asks anew because
    /// it lost the first answer.
    pub async fn reserve(&self, transfer: TransferId, grant: GrantId) -> Reservation {
        loop {
            let mut ended = match self.try_reserve(transfer, grant) {
                Ok(reservation) => return reservation,
                Err(running) => running,
            };
            // The sender goes when the reservation does.
            while ended.changed().await.is_ok() {}
        }
    }

    /// Makes a transfer known that is not running; for whoever tidies up what nobody conducts.
    #[must_use]
    pub fn reserve_idle(&self, transfer: TransferId, grant: GrantId) -> Option<Reservation> {
        let mut transfers = self.transfers();
        match transfers.contains_key(&transfer) {
            true => None,
            false => Some(self.insert(&mut transfers, transfer, grant)),
        }
    }

    /// Stops the running transfers of a grant, and says how many they were.
    #[must_use]
    pub fn stop_grant(&self, grant: GrantId) -> u32 {
        let transfers = self.transfers();
        let of_grant = transfers.values().filter(|running| running.grant == grant);
        of_grant.map(|running| running.stop(Stop::Revoked)).fold(0, |count, _| count + 1)
    }

    /// Stops everything, because the bus shuts down.
    pub fn shut_down(&self) {
        for running in self.transfers().values() {
            running.stop(Stop::ShuttingDown);
        }
        for entry in self.links().values() {
            entry.close();
        }
    }

    /// Tells every connected node of an organisation that a grant has ended.
    pub fn announce_revocation(&self, provider: OrganisationCode, grant: GrantId) {
        let nodes = self.links();
        for entry in nodes.values().filter(|entry| entry.organisation() == Some(provider)) {
            entry.send(revocation(grant));
        }
    }

    /// Hands over a `Deliver` call whose header was read, and waits until all of it was passed on.
    ///
    /// # Errors
    /// The transfer is not waiting for this node, or the status that the call ends with.
    pub async fn deliver(
        &self,
        node: &SpiffeId,
        header: DeliveryHeader,
        parts: Parts,
    ) -> Result<Result<(), Status>, NotAsked> {
        let transfer = header.transfer_id.parse().map_err(|_| NotAsked)?;
        let (done, finished) = oneshot::channel();
        let delivery = Delivery { header, parts, done };
        self.answer(transfer, node, Answer::Delivery(delivery))?;
        Ok(finished.await.unwrap_or_else(|_| Err(Status::aborted("the transfer has ended"))))
    }

    /// A node will not serve a transfer.
    ///
    /// # Errors
    /// The transfer is not waiting for this node.
    pub fn decline(
        &self,
        node: &SpiffeId,
        transfer: TransferId,
        failure: DeliveryFailure,
    ) -> Result<(), NotAsked> {
        self.answer(transfer, node, Answer::Declined(failure))
    }

    /// The receipt of a transfer was recorded: nobody needs to wait for it any longer.
    pub fn confirm(&self, transfer: TransferId) {
        if let Some(running) = self.transfers().get(&transfer) {
            running.confirmed.send_replace(true);
        }
    }

    fn try_reserve(
        &self,
        transfer: TransferId,
        grant: GrantId,
    ) -> Result<Reservation, watch::Receiver<bool>> {
        let mut transfers = self.transfers();
        if let Some(running) = transfers.get(&transfer) {
            running.stop(Stop::Superseded);
            return Err(running.confirmed.subscribe());
        }

        Ok(self.insert(&mut transfers, transfer, grant))
    }

    fn insert(
        &self,
        transfers: &mut HashMap<TransferId, Running>,
        transfer: TransferId,
        grant: GrantId,
    ) -> Reservation {
        let (stop, stopped) = watch::channel(None);
        let (confirmed, confirmation) = watch::channel(false);
        transfers.insert(transfer, Running { grant, stop, asked: None, confirmed });
        Reservation { relay: self.clone(), transfer, stop: stopped, confirmed: confirmation }
    }

    /// The first answer counts, and only that of the node that was asked.
    fn answer(
        &self,
        transfer: TransferId,
        node: &SpiffeId,
        answer: Answer,
    ) -> Result<(), NotAsked> {
        let mut transfers = self.transfers();
        let running = transfers.get_mut(&transfer).ok_or(NotAsked)?;
        match running.asked.take_if(|asked| asked.node == *node) {
            Some(asked) => asked.answer.send(answer).map_err(|_| NotAsked),
            None => Err(NotAsked),
        }
    }

    /// A link is gone: what waits for an answer through it waits in vain.
    fn forget_session(&self, session: u64) {
        for running in self.transfers().values_mut() {
            if let Some(asked) = running.asked.take_if(|asked| asked.session == session) {
                // Nobody listens any more if the transfer has just ended.
                let _ = asked.answer.send(Answer::Broken(Broken::Lost));
            }
        }
    }

    fn links(&self) -> MutexGuard<'_, HashMap<SpiffeId, link::Entry>> {
        self.inner.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transfers(&self) -> MutexGuard<'_, HashMap<TransferId, Running>> {
        self.inner.transfers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Running ===

impl Running {
    /// The first reason stands.
    fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| match stop {
            Some(_) => false,
            None => {
                *stop = Some(why);
                true
            }
        });
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("transfer_id", &self.header.transfer_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
