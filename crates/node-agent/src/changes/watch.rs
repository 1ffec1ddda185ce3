//! Watches the node's sources, so that consumers hear of a change when it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use publicdata_service_kit::Tasks;
use publicdata_service_kit::problem::chain;
use publicdata_types::ResourceId;
use tokio::sync::watch;

use super::ChangesError;
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
    let mut ticks = tokio::time::interval(dataset.watched().unwrap_or(RETRY));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_well = true;
    loop {
        ticks.tick().await;
        match version(dataset, cursors).await {
            Ok(version) => {
                is_well = true;
                versions.send_if_modified(|all| {
                    all.insert(dataset.resource, version.clone()) != Some(version)
                });
            }
            Err(error) if is_well => {
                is_well = false;
                let (reason, error) = (error.reason(), chain(&error));
                tracing::warn!(reason, error, "a source cannot be watched");
            }
            Err(_) => {}
        }
    }
}

async fn version(dataset: &Dataset, cursors: &Cursors) -> Result<String, ChangesError> {
    let state = dataset.state(cursors).await?;
    Ok(cursors.version(dataset.resource, &state).await?)
}
