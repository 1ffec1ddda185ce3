//! What providers' nodes say of changes at their sources: the last word about each, in memory alone. Whoever was away asks.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{
    DeliveryDue, OpenLinkResponse, ResourceChanged, open_link_response::Kind,
};
use publicdata_types::{OrganisationCode, ResourceId};
use tokio::sync::Notify;

use super::Relay;

/// A version longer than this is not one of a node of ours.
const VERSION_BYTES_MAX: usize = 128;

/// A source is in another state than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose node said so.
    pub provider: OrganisationCode,
    /// The resource.
    pub resource: ResourceId,
    /// The state.
    pub version: String,
}

type Source = (OrganisationCode, ResourceId);

#[derive(Debug, Default)]
pub(super) struct Changes {
    said: Mutex<Said>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Said {
    versions: HashMap<Source, String>,
    /// What has not been passed on yet.
    waiting: HashSet<Source>,
}

impl Changes {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// Takes in what a node says of one of its sources. What it does not serve is not its to speak of.
    pub(super) fn note_change(&self, node: &SpiffeId, changed: ResourceChanged) {
        let ResourceChanged { resource_id, source_version } = changed;
        let (Some(provider), Ok(resource)) = (node.organisation(), resource_id.parse()) else {
            return;
        };
        let serves = self.links().get(node).is_some_and(|entry| entry.serves(provider, resource));
        if !serves || source_version.len() > VERSION_BYTES_MAX {
            tracing::debug!(node = %node, "spoke of a source that it does not serve");
            return;
        }
        let source = (provider, resource);
        let mut said = self.inner.changes.said();
        let before = said.versions.insert(source, source_version.clone());
        if before != Some(source_version) {
            said.waiting.insert(source);
            self.inner.changes.news.notify_one();
        }
    }

    /// The state of a source that its provider's node spoke of last; empty if it has not spoken.
    #[must_use]
    pub fn source_version(&self, provider: OrganisationCode, resource: ResourceId) -> String {
        let said = self.inner.changes.said();
        said.versions.get(&(provider, resource)).cloned().unwrap_or_default()
    }

    /// Waits for changes that have not been passed on.
    pub async fn changes(&self) -> Vec<Change> {
        loop {
            let news = self.inner.changes.news.notified();
            let changes = self.take_changes();
            if !changes.is_empty() {
                return changes;
            }
            news.await;
        }
    }

    /// Tells a node, if it is connected, that a delivery is due; with no version, that it should ask.
    pub fn tell_due(&self, node: &SpiffeId, subscription: &str, version: &str) {
        let due = DeliveryDue {
            subscription_id: subscription.to_owned(),
            source_version: version.to_owned(),
        };
        if let Some(entry) = self.links().get(node) {
            entry.send(OpenLinkResponse { kind: Some(Kind::Due(due)) });
        }
    }

    fn take_changes(&self) -> Vec<Change> {
        let mut said = self.inner.changes.said();
        let waiting = std::mem::take(&mut said.waiting);
        let change = |(provider, resource)| {
            let version = said.versions.get(&(provider, resource)).cloned().unwrap_or_default();
            Change { provider, resource, version }
        };
        waiting.into_iter().map(change).collect()
    }
}
