//! Watches the node's sources, so that consumers hear of a change when it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use publicdata_service_kit::Tasks;
use publicdata_service_kit::problem::chain;
use publicdata_types::{Digest, ResourceId};
use tokio::sync::watch;

use super::cursors::Cursors;
use crate::dataset::Dataset;

/// The last known state of each source that is watched, as it is named to others.
pub type Versions = watch::Receiver<BTreeMap<ResourceId, String>>;

const RETRY: Duration = Duration::from_secs(1);

/// Looks at sources again and again.
pub struct Watcher {
    datasets: Vec<Dataset>,
    cursors: Cursors,
    versions: watch::Sender<BTreeMap<ResourceId, String>>,
    tasks: Tasks,
}

impl Watcher {
    /// A watcher of those datasets whose changes can be seen.
    #[must_use]
    pub fn new<'a>(
        datasets: impl IntoIterator<Item = &'a Dataset>,
        cursors: Cursors,
        tasks: Tasks,
    ) -> Self {
        let datasets = datasets.into_iter().filter(|dataset| dataset.watched().is_some());
        let datasets = datasets.cloned().collect();
        Self { datasets, cursors, versions: watch::Sender::default(), tasks }
    }

    /// Follows what it sees.
    #[must_use]
    pub fn versions(&self) -> Versions {
        self.versions.subscribe()
    }

    /// Begins to watch, until shutdown.
    pub fn spawn(self) {
        for dataset in self.datasets {
            let (cursors, versions) = (self.cursors.clone(), self.versions.clone());
            let shutdown = self.tasks.shutdown().clone();
            self.tasks.spawn("watch of a source", async move {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = attend(&dataset, &cursors, &versions) => {}
                }
            });
        }
    }
}

async fn attend(
    dataset: &Dataset,
    cursors: &Cursors,
    versions: &watch::Sender<BTreeMap<ResourceId, String>>,
) {
    let salt = loop {
        match cursors.salt().await {
            Ok(salt) => break salt,
            Err(error) => tracing::error!(error = chain(&error), "changes cannot be watched"),
        }
        tokio::time::sleep(RETRY).await;
    };
    let mut ticks = tokio::time::interval(dataset.watched().unwrap_or(RETRY));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_well = true;
    loop {
        ticks.tick().await;
        match dataset.state().await {
            Ok(state) => {
                is_well = true;
                let resource = dataset.resource;
                let version = Digest::of(format!("{salt} {resource} {state}")).to_string();
                versions
                    .send_if_modified(|all| all.insert(resource, version.clone()) != Some(version));
            }
            Err(error) if is_well => {
                is_well = false;
                tracing::warn!(
                    reason = error.reason(),
                    error = chain(&error),
                    "a source cannot be watched"
                );
            }
            Err(_) => {}
        }
    }
}
