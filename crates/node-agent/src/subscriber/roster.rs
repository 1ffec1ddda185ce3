//! The node's subscriptions: those of its configuration, and those that it opens for a centre. Clones share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use publicdata_proto::node::v1 as wire;
use publicdata_types::SubscriptionId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Subscriber;
use super::doorbell::Doorbell;
use super::state::State;

/// Every subscription of a node.
#[derive(Clone, Debug, Default)]
pub struct Roster(Arc<Mutex<Vec<Member>>>);

/// One of them, as others see and reach it.
#[derive(Clone, Debug)]
struct Member {
    id: SubscriptionId,
    state: watch::Receiver<State>,
    /// Rung when a delivery is due.
    bell: Doorbell,
    /// Rung when source and sink are to be compared.
    comparison: Doorbell,
    /// Ends it.
    stop: CancellationToken,
}

impl Roster {
    /// Takes a subscription in, in the place of one with the same id, which is ended. What is given back ends it.
    #[must_use]
    pub fn add(&self, subscriber: &Subscriber) -> CancellationToken {
        let stop = CancellationToken::new();
        let member = Member {
            id: subscriber.id(),
            state: subscriber.state(),
            bell: subscriber.bell(),
            comparison: subscriber.comparison(),
            stop: stop.clone(),
        };
        self.remove(member.id);
        self.members().push(member);
        stop
    }

    /// Ends a subscription, and takes it out.
    pub fn remove(&self, id: SubscriptionId) {
        self.members().retain(|member| {
            let stays = member.id != id;
            if !stays {
                member.stop.cancel();
            }
            stays
        });
    }

    /// Says that a delivery is due. What is not there hears nothing.
    pub fn ring(&self, id: SubscriptionId, version: String) {
        if let Some(member) = self.members().iter().find(|member| member.id == id) {
            member.bell.ring(version);
        }
    }

    /// Has a subscription's source and sink compared; says whether there is one of this name or id.
    #[must_use]
    pub fn compare(&self, name: &str) -> bool {
        let members = self.members();
        let called = members.iter().find(|member| member.state.borrow().is_called(name));
        called.inspect(|member| member.comparison.ring(String::new())).is_some()
    }

    /// Whether a subscription is known under this grant; also one that has ended, as it stays so.
    #[must_use]
    pub fn knows(&self, id: SubscriptionId, grant_id: &str) -> bool {
        let members = self.members();
        members.iter().any(|member| member.id == id && member.state.borrow().grant_id() == grant_id)
    }

    /// Whether it is one of these.
    #[must_use]
    pub fn has(&self, id: SubscriptionId) -> bool {
        self.members().iter().any(|member| member.id == id)
    }

    /// What they are doing.
    #[must_use]
    pub fn to_wire(&self) -> Vec<wire::Subscription> {
        self.members().iter().map(|member| member.state.borrow().to_wire()).collect()
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
