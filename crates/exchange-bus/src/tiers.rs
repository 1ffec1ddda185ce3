//! Buses of other tiers (市县分级交换, R24.1): which there are, which of them are connected, and on whose behalf they may ask.
//!
//! A tier decides about the grants of its own providers. What an organisation belongs to follows from its division: a subordinate
//! bus serves its own division, its superior all that no subordinate serves.

pub mod peer;
mod tunnel;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use publicdata_identity::{Credentials, SpiffeId};
use publicdata_proto::exchange::v1::{Grant, PeerBus, PeerBusTier};
use publicdata_service_kit::grpc::{Channel, ChannelError, channel};
use publicdata_service_kit::problem::Code;
use publicdata_types::{Actor, GrantId, RegionCode, ResourceId};

use crate::codec::values;
use crate::config::TierConfig;
use crate::error::Error;
pub use peer::Peer;
pub use tunnel::Tunnel;

/// So many buses are asked for a grant at a time.
const ASKED_AT_ONCE_MAX: usize = 16;
/// More than this many grants are not kept in mind: the others are looked for anew.
const ROUTES_MAX: usize = 100_000;

/// The buses of other tiers that this one exchanges with; none unless they are configured. Clones share them.
#[derive(Clone, Debug)]
pub struct Tiers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The bus above, and the division that this bus serves itself.
    superior: Option<(Peer, RegionCode)>,
    /// The buses below, and the division of each.
    subordinates: Vec<(SpiffeId, RegionCode)>,
    connected: Mutex<HashMap<SpiffeId, Connected>>,
    /// At which bus grants are that this one does not have: a grant never moves.
    routes: Mutex<HashMap<GrantId, SpiffeId>>,
}

/// A peer whose tunnel is open.
#[derive(Clone, Debug)]
struct Connected {
    session: u64,
    since: Timestamp,
    channel: Channel,
}

/// The peer is connected as long as this value lives.
#[derive(Debug)]
struct Connection {
    tiers: Tiers,
    peer: SpiffeId,
    session: u64,
}

// === impl Tiers ===

impl Tiers {
    /// The tiers that are configured.
    ///
    /// # Errors
    /// The superior's address is none.
    pub fn new(config: &TierConfig, credentials: &Credentials) -> Result<Self, ChannelError> {
        let superior = match &config.superior {
            None => None,
            Some(superior) => {
                let channel = channel(&superior.address, credentials, &superior.server)?;
                Some((Peer::new(superior.server.clone(), channel), superior.region))
            }
        };
        let subordinates = config
            .subordinate
            .iter()
            .map(|subordinate| (subordinate.server.clone(), subordinate.region))
            .collect();
        let inner =
            Inner { superior, subordinates, connected: Mutex::default(), routes: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether this is a bus that this one exchanges with, and the organisation lies on that bus's side: so that it may ask on the
    /// organisation's behalf.
    ///
    /// # Errors
    /// It is none, or the organisation lies elsewhere.
    pub fn must_speak_for(&self, peer: &SpiffeId, actor: &Actor) -> Result<(), Error> {
        let speaks = match &self.inner.superior {
            Some((superior, region)) if superior.id() == peer => !region.contains(&actor.region),
            Some(_) | None if !self.is_subordinate(peer) => return Err(Error::NotAPeer),
            Some(_) | None => {
                let mut subordinates = self.inner.subordinates.iter();
                subordinates.any(|(id, region)| id == peer && region.contains(&actor.region))
            }
        };
        match speaks {
            true => Ok(()),
            false => Err(Error::OutsideTier { organisation: actor.organisation }),
        }
    }

    /// Whether there are no other tiers.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.inner.superior.is_none() && self.inner.subordinates.is_empty()
    }

    /// The bus that decides about the grants of a provider in this division; none if it is this one.
    #[must_use]
    pub fn bus_of(&self, region: &RegionCode) -> Option<SpiffeId> {
        if let Some((superior, own)) = &self.inner.superior
            && !own.contains(region)
        {
            return Some(superior.id().clone());
        }
        let subordinates = self.inner.subordinates.iter();
        subordinates.filter(|(_, of)| of.contains(region)).map(|(id, _)| id.clone()).next()
    }

    /// A bus to ask.
    ///
    /// # Errors
    /// It is cut off.
    pub fn peer(&self, id: &SpiffeId) -> Result<Peer, Error> {
        if let Some((superior, _)) = &self.inner.superior
            && superior.id() == id
        {
            return Ok(superior.clone());
        }
        match self.connected().get(id) {
            Some(connected) => Ok(Peer::new(id.clone(), connected.channel.clone())),
            None => Err(Error::TierUnreachable { peer: id.clone() }),
        }
    }

    /// Finds a grant that this bus does not have at the others, as far as `by` may see it; but not at the bus that asks. It takes no
    /// longer than one of them takes to answer, up to `ASKED_AT_ONCE_MAX` of them, and does not wait for the others once it is found at
    /// the bus that decides about such grants: `region_of` tells the division of the resource. What another bus claims to have counts if
    /// all others answer that they do not have it, as of a provider that has moved; it is looked for anew each time.
    ///
    /// # Errors
    /// It is at none of those that answer, and one does not; or the division cannot be told.
    pub async fn find<F>(
        &self,
        grant: GrantId,
        (by, asked_by): (&str, Option<&SpiffeId>),
        region_of: impl Fn(ResourceId) -> F + Send + Sync,
    ) -> Result<Option<(Peer, Grant)>, Error>
    where
        F: Future<Output = Result<RegionCode, Error>> + Send,
    {
        let places = self.where_may_be(grant).into_iter().filter(|id| Some(id) != asked_by);
        let mut answers = stream::iter(places)
            .map(|id| self.ask(id, grant, by))
            .buffer_unordered(ASKED_AT_ONCE_MAX);
        let (mut failed, mut elsewhere) = (None, None);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Some(found)) => {
                    let bus = self.expected(&found.1, &region_of).await?;
                    if bus.as_ref() == Some(found.0.id()) {
                        self.remember(grant, found.0.id().clone());
                        return Ok(Some(found));
                    }
                    elsewhere.get_or_insert(found);
                }
                Ok(None) => {}
                // As far as `by` may know, it is not there.
                Err(Error::Peer(problem)) if problem.code == Code::PermissionDenied => {}
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(elsewhere),
        }
    }

    /// The bus that decides about such a grant; none if that cannot be told, or it is this one.
    async fn expected<F>(
        &self,
        grant: &Grant,
        region_of: impl Fn(ResourceId) -> F,
    ) -> Result<Option<SpiffeId>, Error>
    where
        F: Future<Output = Result<RegionCode, Error>> + Send,
    {
        let Ok(resource) = grant.resource_id.parse() else { return Ok(None) };
        match region_of(resource).await {
            Ok(region) => Ok(self.bus_of(&region)),
            Err(Error::Unknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks one bus for a grant.
    async fn ask(
        &self,
        bus: SpiffeId,
        grant: GrantId,
        by: &str,
    ) -> Result<Option<(Peer, Grant)>, Error> {
        let peer = self.peer(&bus)?;
        let found = peer.grant(by, grant).await?;
        Ok(found.map(|found| (peer, found)))
    }

    /// The buses of other tiers, the superior first.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerBus> {
        let connected = self.connected();
        let describe = |id: &SpiffeId, tier: PeerBusTier, region: &RegionCode| PeerBus {
            id: id.to_string(),
            tier: tier.into(),
            region_code: region.to_string(),
            connected_since: connected.get(id).map(|found| values::time_to_wire(found.since)),
        };
        let superior = self.inner.superior.iter();
        let superior =
            superior.map(|(peer, region)| describe(peer.id(), PeerBusTier::Superior, region));
        let subordinates = self.inner.subordinates.iter();
        let subordinates =
            subordinates.map(|(id, region)| describe(id, PeerBusTier::Subordinate, region));
        superior.chain(subordinates).collect()
    }

    /// Whether it is a bus below.
    pub(crate) fn is_subordinate(&self, id: &SpiffeId) -> bool {
        self.inner.subordinates.iter().any(|(known, _)| known == id)
    }

    /// The bus that a grant is known to be at, if it was found before.
    pub(crate) fn place_of(&self, grant: GrantId) -> Option<SpiffeId> {
        self.routes().get(&grant).cloned()
    }

    /// Where a grant is known to be, or else every bus.
    fn where_may_be(&self, grant: GrantId) -> Vec<SpiffeId> {
        if let Some(known) = self.place_of(grant) {
            return vec![known];
        }
        let superior = self.inner.superior.iter().map(|(peer, _)| peer.id().clone());
        superior.chain(self.inner.subordinates.iter().map(|(id, _)| id.clone())).collect()
    }

    /// Keeps in mind at which bus a grant is.
    pub(crate) fn remember(&self, grant: GrantId, at: SpiffeId) {
        let mut routes = self.routes();
        if routes.len() >= ROUTES_MAX {
            routes.clear();
        }
        routes.insert(grant, at);
    }

    /// A peer has connected; an earlier connection of the same one no longer counts.
    fn connect(&self, peer: &SpiffeId, channel: Channel, since: Timestamp) -> Connection {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let mut connected = self.connected();
        connected.insert(peer.clone(), Connected { session, since, channel });
        Connection { tiers: self.clone(), peer: peer.clone(), session }
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<SpiffeId, Connected>> {
        self.inner.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<GrantId, SpiffeId>> {
        self.inner.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut connected = self.tiers.connected();
        if connected.get(&self.peer).is_some_and(|latest| latest.session == self.session) {
            connected.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests;
