//! The services of a fleet, and the child that keeps their events.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use publicdata_audit::keys::SM2_KEY_FILE;
use publicdata_event_store::jetstream::{
    JetStreamStore, Profile, StoreConfig, mirror_permissions, permissions,
};
use publicdata_event_store::server::{NatsServer, ServerOptions, Tls, User, free_ports};
use publicdata_exchange_bus::config::{SubordinateConfig, TierConfig};
use publicdata_identity::{Credentials, SpiffeId, TrustDomain};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_types::RegionCode;
use publicdata_views::Projector;
use tokio_util::sync::CancellationToken;

use super::Ports;
use crate::commands::init::{AUTHORITY_FOLDER, district_service};
use crate::endpoints::Endpoints;
use crate::session::CREDENTIALS_FOLDER;

/// Folder of the events below a fleet's data folder.
pub(crate) const NATS_FOLDER: &str = "nats";
/// Folder of the exchange log's archives below it.
pub(crate) const ARCHIVE_FOLDER: &str = "log-archive";
/// Folder of the archives of event streams.
pub(crate) const STREAM_ARCHIVE_FOLDER: &str = "stream-archive";
/// Folder of what was opened to the public.
pub(crate) const CONTENT_FOLDER: &str = "open-data-content";
/// Folder of the audit log's key.
pub(crate) const LOG_KEY_FOLDER: &str = "audit-log";

/// A service, the stream that it writes, and those that it reads: its permissions at the event store.
const STREAMS: [(&str, &[&str], &[&str]); 5] = [
    // What of `EXCHANGE` is in archives, `AUDIT` says.
    ("catalog", &["CATALOG"], &["EXCHANGE", "AUDIT"]),
    ("exchange-bus", &["EXCHANGE"], &["CATALOG", "AUDIT"]),
    ("open-data", &["OPENDATA"], &["CATALOG"]),
    ("audit", &["AUDIT"], &["CATALOG", "EXCHANGE", "OPENDATA", "RECOVERY"]),
    // Nothing that runs: backups are read, and drills are recorded, under this name.
    ("recovery", &["RECOVERY"], &["CATALOG", "EXCHANGE", "OPENDATA", "AUDIT"]),
];

/// The JetStream domain of the city's tier.
pub const CITY_DOMAIN: &str = "city";
/// The streams that districts' tiers keep a copy of.
const MIRRORED: [&str; 1] = ["CATALOG"];
/// The place of the event store's port for leaf nodes.
const LEAF_PLACE: u16 = 7;

/// A service's name and tasks, in the order in which they started.
type Services = Vec<(&'static str, Tasks)>;

/// What the services of a fleet share.
pub(super) struct Setting<'a> {
    pub(super) data: &'a Path,
    pub(super) domain: &'a TrustDomain,
    pub(super) clock: &'a Clock,
    pub(super) ports: Ports,
    pub(super) root: &'a CancellationToken,
    pub(super) nats: &'a NatsServer,
    /// Districts whose tier has a bus of its own.
    pub(super) districts: &'a [RegionCode],
    /// Whether the log is signed with SM2 too.
    pub(super) sm2: bool,
}

/// What starting the services gave.
pub(super) struct Started {
    pub(super) endpoints: Endpoints,
    pub(super) entries: Arc<Projector>,
    pub(super) verifier_key: String,
    pub(super) services: Services,
}

struct Part {
    store: Arc<JetStreamStore>,
    credentials: Credentials,
    tasks: Tasks,
    database: String,
}

/// Starts the child, which lets each service write its own subjects alone.
pub(super) async fn nats(
    data: &Path,
    domain: &TrustDomain,
    binary: Option<PathBuf>,
    districts: &[RegionCode],
    ports: Ports,
) -> anyhow::Result<NatsServer> {
    let leaf_port = match (districts, ports) {
        ([], _) => None,
        (_, Ports::Free) => free_ports("127.0.0.1", 1)?.first().copied(),
        (_, Ports::From(_)) => Some(ports.address(LEAF_PLACE).port()),
    };
    let leaf_nodes = districts.iter().map(|district| -> anyhow::Result<User> {
        let name = district_service("nats", district);
        let spiffe_id = SpiffeId::service(domain, &name)?.to_string();
        let permissions = mirror_permissions(&MIRRORED, CITY_DOMAIN);
        Ok(User { spiffe_id, permissions })
    });
    let users = STREAMS
        .iter()
        .map(|(service, written, read)| {
            let spiffe_id = SpiffeId::service(domain, service)?.to_string();
            Ok(User { spiffe_id, permissions: permissions(service, written, read) })
        })
        .chain(leaf_nodes)
        .collect::<anyhow::Result<_>>()?;
    let folder = credentials_folder(data, "nats");
    let options = ServerOptions {
        binary,
        tls: Some(Tls {
            ca: folder.join("ca.pem"),
            cert: folder.join("tls.pem"),
            key: folder.join("tls.key"),
        }),
        users,
        domain: leaf_port.map(|_| CITY_DOMAIN.to_owned()),
        leaf_port,
        ..ServerOptions::new(data.join(NATS_FOLDER))
    };
    NatsServer::start(options).await.context("nats-server does not start")
}

/// Starts every service, each in tasks of its own.
pub(super) async fn start(setting: &Setting<'_>) -> anyhow::Result<Started> {
    let mut services = Vec::new();
    // The log waits for no stream that nobody makes.
    Box::pin(connect(setting.data, publicdata_recovery::SERVICE, setting.nats)).await?;
    let (catalog, catalog_feed, entries) = Box::pin(setting.catalog(&mut services)).await?;
    let exchange_bus = Box::pin(setting.exchange_bus(&mut services)).await?;
    let (open_data, portal) = Box::pin(setting.open_data(&mut services)).await?;
    let (audit, audit_log, verifier_key) = Box::pin(setting.audit(&mut services)).await?;
    let endpoints = Endpoints {
        trust_domain: setting.domain.to_string(),
        catalog: catalog.to_string(),
        catalog_feed,
        exchange_bus: exchange_bus.to_string(),
        exchange_bus_service: "exchange-bus".to_owned(),
        leaf_nodes: setting.nats.leaf_address().unwrap_or_default(),
        event_store: setting.nats.url(),
        open_data: open_data.to_string(),
        audit: audit.to_string(),
        audit_log,
        portal: format!("http://{portal}"),
        nodes: BTreeMap::new(),
    };
    Ok(Started { endpoints, entries, verifier_key, services })
}

impl Setting<'_> {
    /// What other platforms harvest: on loopback, as everything else here.
    fn feed(&self) -> publicdata_catalog::FeedConfig {
        publicdata_catalog::FeedConfig {
            listen: self.ports.address(6),
            base_url: None,
            title: "公共数据资源目录".to_owned(),
            publisher: self.domain.to_string(),
        }
    }

    async fn catalog(
        &self,
        services: &mut Services,
    ) -> anyhow::Result<(SocketAddr, String, Arc<Projector>)> {
        let Part { store, credentials, tasks, database } = self.part("catalog", services).await?;
        let index = self.data.join("catalog-index");
        let authority = self.data.join(AUTHORITY_FOLDER);
        let listen = self.ports.address(1);
        let config = publicdata_catalog::Config {
            feed: Some(self.feed()),
            stream_archives: Some(self.stream_archives()?),
            ..publicdata_catalog::Config::new(listen, database, index, authority)
        };
        let clock = self.clock.clone();
        let dependencies = publicdata_catalog::Dependencies { store, clock, credentials, tasks };
        let app = publicdata_catalog::App::build(config, dependencies)
            .await
            .context("catalog does not start")?;
        let (address, entries) = (app.local_addr(), Arc::clone(app.entries()));
        let feed = app.feed_addr().map(|feed| format!("http://{feed}")).unwrap_or_default();
        app.spawn()?;
        Ok((address, feed, entries))
    }

    async fn exchange_bus(&self, services: &mut Services) -> anyhow::Result<SocketAddr> {
        let Part { store, credentials, tasks, database } =
            self.part("exchange-bus", services).await?;
        let subordinate =
            self.districts.iter().map(|district| -> anyhow::Result<SubordinateConfig> {
                let name = district_service("exchange-bus", district);
                Ok(SubordinateConfig {
                    server: SpiffeId::service(self.domain, &name)?,
                    region: *district,
                })
            });
        let subordinate = subordinate.collect::<anyhow::Result<_>>()?;
        let archive = url::Url::from_directory_path(self.data.join(ARCHIVE_FOLDER))
            .map_err(|()| anyhow::anyhow!("{} is no absolute path", self.data.display()))?;
        let config = publicdata_exchange_bus::Config {
            tier: TierConfig { subordinate, ..TierConfig::default() },
            archive: Some(publicdata_exchange_bus::ArchiveConfig::new(archive.as_str())),
            stream_archives: Some(self.stream_archives()?),
            ..publicdata_exchange_bus::Config::new(self.ports.address(2), database)
        };
        let clock = self.clock.clone();
        let dependencies =
            publicdata_exchange_bus::Dependencies { store, clock, credentials, tasks };
        let app = publicdata_exchange_bus::App::build(config, dependencies)
            .await
            .context("exchange-bus does not start")?;
        let address = app.local_addr();
        app.spawn()?;
        Ok(address)
    }

    async fn open_data(&self, services: &mut Services) -> anyhow::Result<(SocketAddr, SocketAddr)> {
        let Part { store, credentials, tasks, database } = self.part("open-data", services).await?;
        let content = self.data.join(CONTENT_FOLDER);
        let (listen, http) = (self.ports.address(3), self.ports.address(5));
        let config = publicdata_open_data::Config::new(listen, http, database, content);
        let clock = self.clock.clone();
        let dependencies = publicdata_open_data::Dependencies { store, clock, credentials, tasks };
        let app = publicdata_open_data::App::build(config, dependencies)
            .await
            .context("open-data does not start")?;
        let (address, portal) = (app.local_addr(), app.http_addr());
        app.spawn()?;
        Ok((address, portal))
    }

    async fn audit(&self, services: &mut Services) -> anyhow::Result<(SocketAddr, String, String)> {
        let Part { store, credentials, tasks, database } = self.part("audit", services).await?;
        let (listen, origin) = (self.ports.address(4), format!("{}/audit", self.domain));
        let key = self.data.join(LOG_KEY_FOLDER);
        let archive = self.stream_archives()?;
        let config = publicdata_audit::Config {
            sm2: self.sm2 || key.join(SM2_KEY_FILE).exists(),
            archive: Some(publicdata_audit::config::ArchiveConfig::new(archive)),
            http: Some(self.ports.address(8)),
            ..publicdata_audit::Config::new(listen, database, origin, key)
        };
        let clock = self.clock.clone();
        let dependencies = publicdata_audit::Dependencies { store, clock, credentials, tasks };
        let app = publicdata_audit::App::build(config, dependencies)
            .await
            .context("audit does not start")?;
        let (address, verifier_key) = (app.local_addr(), app.verifier_key().to_owned());
        let log = app.http_addr().map(|log| format!("http://{log}")).unwrap_or_default();
        app.spawn()?;
        Ok((address, log, verifier_key))
    }

    /// Where the archives of event streams are.
    fn stream_archives(&self) -> anyhow::Result<String> {
        let folder = std::path::absolute(self.data)?.join(STREAM_ARCHIVE_FOLDER);
        let url = url::Url::from_file_path(folder);
        let url = url.map_err(|()| anyhow::anyhow!("the data folder has no absolute path"))?;
        Ok(url.into())
    }

    /// What every service gets: its store, its credentials, its tasks and a database of its own.
    async fn part(&self, service: &'static str, services: &mut Services) -> anyhow::Result<Part> {
        let store = Arc::new(connect(self.data, service, self.nats).await?);
        let credentials = Credentials::load(&credentials_folder(self.data, service))?;
        let tasks = Tasks::under(self.root);
        services.push((service, tasks.clone()));
        let database = database_url(self.data, service);
        Ok(Part { store, credentials, tasks, database })
    }
}

/// The database of a service.
pub(crate) fn database_url(data: &Path, service: &str) -> String {
    format!("sqlite:{}", data.join(service).with_extension("sqlite").display())
}

/// Connects a service to the events, with its own certificate, and makes its stream.
async fn connect(
    data: &Path,
    service: &'static str,
    nats: &NatsServer,
) -> anyhow::Result<JetStreamStore> {
    let config = StoreConfig {
        mirror: Vec::new(),
        urls: vec![nats.url()],
        monitors: vec![nats.monitor_url()],
        replicas: 1,
        profile: Profile::Production,
    };
    let written = STREAMS.iter().find(|(name, ..)| *name == service).map_or(&[][..], |part| part.1);
    config
        .open(service, &credentials_folder(data, service), written)
        .await
        .with_context(|| format!("{service} cannot use its event store"))
}

fn credentials_folder(data: &Path, name: &str) -> PathBuf {
    data.join(CREDENTIALS_FOLDER).join(name)
}
