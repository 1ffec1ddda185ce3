//! The catalogue service as a process of the bench's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use publicdata_catalog::{App, Config, Dependencies};
use publicdata_event_store::Store;
use publicdata_event_store::jetstream::{JetStreamStore, Options};
use publicdata_identity::Credentials;
use publicdata_service_kit::{Clock, Tasks};

use super::STREAM;

/// The service's name in its certificate.
pub(super) const NAME: &str = "catalog";
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(4 * 3600);

/// Where the certificate authority is.
pub(super) fn authority(folder: &Path) -> PathBuf {
    folder.join("authority")
}

/// Where the service's credentials are.
pub(super) fn credentials(folder: &Path) -> PathBuf {
    folder.join("credentials")
}

/// Where views and index are: all that is built from events.
pub(super) fn kept(folder: &Path) -> PathBuf {
    folder.join("kept")
}

/// Builds the service over the server at `url`, and ends when views and index hold everything that is there. It answers calls
/// from then on.
pub(in crate::bench) async fn serve(
    folder: &Path,
    url: &str,
    tasks: &Tasks,
) -> anyhow::Result<String> {
    let store: Store = Arc::new(JetStreamStore::connect(Options::new(url, NAME)).await?);
    let last = store.last_sequence(STREAM).await?;
    let kept = kept(folder);
    std::fs::create_dir_all(&kept)?;
    let database = format!("sqlite:{}", kept.join("catalog.db").display());
    let listen = ([127, 0, 0, 1], 0).into();
    let config = Config::new(listen, database, kept.join("index"), authority(folder));
    let dependencies = Dependencies {
        store,
        clock: Clock::system(),
        credentials: Credentials::load(&credentials(folder))?,
        tasks: tasks.clone(),
    };
    let app = App::build(config, dependencies).await?;
    for view in app.views() {
        view.wait_for(STREAM, last, CAUGHT_UP_WITHIN).await?;
    }
    app.search_index().wait_for(last, CAUGHT_UP_WITHIN).await?;
    let address = app.local_addr().to_string();
    app.spawn()?;
    Ok(address)
}
