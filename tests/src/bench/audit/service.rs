//! The audit service as a process of the bench's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use publicdata_audit::archiving::Archiving;
use publicdata_audit::feed::Stops;
use publicdata_audit::findings::AUDIT;
use publicdata_audit::grpc::Service;
use publicdata_audit::shown::Shown;
use publicdata_audit::sweep::Checks;
use publicdata_audit::witness::Statuses;
use publicdata_audit::{App, Config, Dependencies};
use publicdata_directory::Directory;
use publicdata_event_store::Store;
use publicdata_event_store::jetstream::{JetStreamStore, Options, StreamOptions};
use publicdata_identity::Credentials;
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::audit::v1::audit_service_server::AuditServiceServer;
use publicdata_service_kit::grpc::bind;
use publicdata_service_kit::{Clock, Tasks};
use publicdata_views::Database;
use tonic::service::Routes;

use super::events::{CATALOG, EXCHANGE};

/// The service's name in its certificate.
pub(super) const NAME: &str = "audit";
pub(super) const ORIGIN: &str = "bench.internal/audit";

/// How much of the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// All of it, rules and the check that never ends included; ready when every event is in the log.
    Whole,
    /// Only what answers calls about the log: as in a service whose writer and rules have read everything.
    Answering,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole",
            Self::Answering => "answering",
        })
    }
}

/// Where the service's credentials are.
pub(super) fn credentials(folder: &Path) -> PathBuf {
    folder.join("credentials")
}

/// Where the log's key is.
pub(super) fn key(folder: &Path) -> PathBuf {
    folder.join("key")
}

/// Where the log is.
pub(super) fn kept(folder: &Path) -> PathBuf {
    folder.join("kept")
}

/// The log's own file.
pub(super) fn database(folder: &Path) -> PathBuf {
    kept(folder).join("audit.db")
}

/// The same as the service is told it.
pub(super) fn database_url(folder: &Path) -> String {
    format!("sqlite:{}", database(folder).display())
}

/// Builds the service over the server at `url`, and says where it answers calls, once it is ready.
pub(in crate::bench) async fn serve(
    folder: &Path,
    url: &str,
    part: Part,
    tasks: &Tasks,
) -> anyhow::Result<String> {
    let store = JetStreamStore::connect(Options::new(url, NAME)).await?;
    // The service's own, which it asks for archives.
    store.ensure_stream_with(StreamOptions::new(AUDIT, 1)).await?;
    let store: Store = Arc::new(store);
    let credentials = Credentials::load(&credentials(folder))?;
    match part {
        Part::Whole => whole(folder, store, credentials, tasks).await,
        Part::Answering => answering(folder, store, &credentials, tasks).await,
    }
}

async fn whole(
    folder: &Path,
    store: Store,
    credentials: Credentials,
    tasks: &Tasks,
) -> anyhow::Result<String> {
    let mut events = 0;
    for stream in [CATALOG, EXCHANGE] {
        events += store.last_sequence(stream).await?;
    }
    let listen = ([127, 0, 0, 1], 0).into();
    let config = Config::new(listen, database_url(folder), ORIGIN, key(folder));
    let clock = Clock::system();
    let dependencies = Dependencies { store, clock, credentials, tasks: tasks.clone() };
    let app = App::build(Config { streams: streams(), ..config }, dependencies).await?;
    let (address, mut size) = (app.local_addr().to_string(), app.log_size());
    app.spawn()?;
    size.wait_for(|size| *size >= events).await?;
    Ok(address)
}

async fn answering(
    folder: &Path,
    store: Store,
    credentials: &Credentials,
    tasks: &Tasks,
) -> anyhow::Result<String> {
    let server = bind(([127, 0, 0, 1], 0).into(), credentials)?;
    let address = server.local_addr().to_string();
    let database = Database::open(&database_url(folder)).await?;
    let directory = Directory::open(database.clone(), Arc::clone(&store), tasks).await?;
    let archiving = Archiving::new(Arc::clone(&store));
    let service = Service {
        database,
        store,
        directory,
        streams: streams(),
        stops: Stops::default(),
        checks: Checks::default(),
        shown: Shown::newest(),
        witnesses: Statuses::default(),
        archiving,
    };
    server.spawn(tasks, Routes::new(AuditServiceServer::new(service)), &[DESCRIPTORS])?;
    Ok(address)
}

fn streams() -> Vec<String> {
    [CATALOG, EXCHANGE].map(str::to_owned).to_vec()
}
