//! A district's tier: its own event store, bus and nodes, and the line to the city.

use std::path::{Path, PathBuf};

use publicdata::commands::answer;
use publicdata::commands::init::district_service;
use publicdata::fleet::{CITY_DOMAIN, NodeWork};
use publicdata::sample::{self, CONSUMER, Organisation};
use publicdata::session::{CREDENTIALS_FOLDER, Session, new_command_id};
use publicdata_event_store::jetstream::{Profile, StoreConfig, permissions};
use publicdata_event_store::server::{NatsServer, ServerOptions, Tls, User, free_ports};
use publicdata_event_store::{EventStore as _, Subject};
use publicdata_identity::{Credentials, SpiffeId};
use publicdata_node_agent as node_agent;
use publicdata_proto::catalog::v1::{
    AppointSecurityOfficerRequest, RegisterOrganisationRequest, Role,
};
use publicdata_proto::exchange::v1::{
    ListNodesRequest, ListNodesResponse, ListTransfersRequest, Transfer,
};
use publicdata_service_kit::Tasks;
use publicdata_types::RegionCode;

use super::line::Line;
use crate::fleet::{City, Process, Rows, until};
use crate::trace::Collector;

/// 锦江区.
pub(super) const REGION: &str = "510104";

/// A department of the district that provides and consumes.
pub(super) const CIVIL: Organisation = Organisation {
    code: "11510104MB0000011R",
    name: "锦江区民政局",
    roles: &[Role::Provider, Role::Consumer],
    accounts: &[("officer-01", "district-civil-officer"), ("catalog-01", "district-civil")],
    node: Some(("node-1", "district-civil-node")),
};

/// Another that consumes.
pub(super) const HEALTH: Organisation = Organisation {
    code: "11510104MB0000022X",
    name: "锦江区卫生健康局",
    roles: &[Role::Consumer],
    accounts: &[("officer-01", "district-health-officer"), ("system-01", "district-health")],
    node: Some(("node-1", "district-health-node")),
};

/// A city with a district's tier.
pub(super) struct District {
    pub(super) city: City,
    /// From the district's event store to the city's.
    pub(super) events: Line,
    /// From the district's bus to the city's.
    pub(super) calls: Line,
    /// What a department of the district has published.
    pub(super) published: Option<String>,
    endpoints: publicdata::endpoints::Endpoints,
    bus: Option<Process>,
    config: PathBuf,
    nodes: Tasks,
    nats: NatsServer,
    _collecting: Tasks,
}

impl District {
    /// Starts both tiers, and waits until they are connected. The city's provider serves; no node of the district runs yet.
    pub(super) async fn start(rows: Rows) -> Self {
        let region: RegionCode = REGION.parse().unwrap();
        let mut city = City::with_districts(rows, vec![region]).await;
        city.fleet.configure_node(&CONSUMER, NodeWork::default()).await.unwrap();
        let data = city.fleet.data().to_owned();
        for organisation in [&CIVIL, &HEALTH] {
            register(&city.authority(), organisation).await;
            sample::issue(&city.authority(), &data, organisation).await.unwrap();
        }

        let events = Line::to(&city.fleet.endpoints().leaf_nodes).await;
        let calls = Line::to(&city.fleet.endpoints().exchange_bus).await;
        let nats = nats(&city, &data, &events).await;
        let port = free_ports("127.0.0.1", 1).unwrap()[0];
        let address = format!("127.0.0.1:{port}");
        // Traces go on only where they are collected.
        let collecting = Tasks::new();
        let collector = Collector::default().start(&collecting).await.to_string();
        let config = bus_config(&city, &calls, &nats, [&address, &collector]);
        let endpoints = publicdata::endpoints::Endpoints {
            event_store: String::new(),
            exchange_bus: address,
            exchange_bus_service: district_service("exchange-bus", &region),
            ..city.fleet.endpoints().clone()
        };
        let nodes = Tasks::new();
        let mut district = Self {
            city,
            events,
            calls,
            published: None,
            endpoints,
            bus: None,
            config,
            nodes,
            nats,
            _collecting: collecting,
        };
        district.start_bus();
        district.is_connected(true).await;
        district
    }

    /// Starts the district's bus, or starts it again.
    pub(super) fn start_bus(&mut self) {
        let log = self.city.path("district-bus.log");
        let arguments = ["--config", self.config.to_str().unwrap()];
        self.bus = Some(Process::start("publicdata-exchange-bus", &arguments, &log));
    }

    /// Ends the district's bus as a crash would.
    pub(super) fn kill_bus(&mut self) {
        self.bus.take().unwrap().kill9();
    }

    /// Cuts the district off.
    pub(super) fn cut(&self) {
        self.events.cut();
        self.calls.cut();
    }

    /// Waits until the buses see each other, or do not.
    pub(super) async fn is_connected(&self, connected: bool) {
        let authority = self.city.authority();
        until("the city's bus sees how the district's bus is", async || {
            let peers = peers(&authority).await?;
            (peers[0].connected_since.is_some() == connected).then_some(())
        })
        .await;
        if self.bus.is_some() {
            let session = self.session(CIVIL.accounts[1].1);
            until("the district's bus sees how the city's bus is", async || {
                let peers = peers(&session).await?;
                (peers[0].connected_since.is_some() == connected).then_some(())
            })
            .await;
        }
    }

    /// Starts the node of an organisation of the district, with these datasets; a fetch through it goes by the session's endpoints.
    pub(super) async fn start_node(&mut self, organisation: &Organisation, datasets: &str) {
        let (name, credentials) = organisation.node.unwrap();
        let config = self.city.node_config(organisation, credentials, datasets);
        let text = std::fs::read_to_string(&config).unwrap();
        let (city, own) = (self.city.fleet.endpoints(), &self.endpoints);
        let text = text.replace(&city.exchange_bus, &own.exchange_bus).replace(
            "/service/exchange-bus\"",
            &format!("/service/{}\"", own.exchange_bus_service),
        );
        std::fs::write(&config, text).unwrap();
        let config = node_agent::Config::load(Some(&config)).unwrap();
        let credentials = Credentials::load(&config.credentials).unwrap();
        let clock = self.city.fleet.clock();
        let app = node_agent::App::build(&config, &credentials, clock, &self.nodes).unwrap();
        let key = format!("{}/{name}", organisation.code);
        self.endpoints.nodes.insert(key, app.local_addr().to_string());
        app.spawn().unwrap();

        let id = credentials.id().to_string();
        let session = self.session(organisation.accounts[1].1);
        until("the node is connected to the district's bus", async || {
            let nodes = nodes(&session).await?.nodes;
            nodes.iter().any(|node| node.id == id).then_some(())
        })
        .await;
    }

    /// Somebody who calls the district's bus, by the name of the credentials.
    pub(super) fn session(&self, name: &str) -> Session {
        let credentials = self.city.session(name).credentials;
        Session { credentials, endpoints: self.endpoints.clone() }
    }

    /// The traces that a transfer's commits belong to: at the district's event store, and at the city's.
    pub(super) async fn traces_of(&mut self, transfer: &str) -> [Vec<String>; 2] {
        let data = self.city.fleet.data().join(CREDENTIALS_FOLDER);
        let own = traces_of(&self.nats, &data.join(credentials_of_bus()), transfer).await;
        let city = traces_of(self.city.fleet.nats(), &data.join("exchange-bus"), transfer).await;
        [own, city]
    }

    /// The SPIFFE id of the district's bus.
    pub(super) fn bus_id(&self) -> String {
        service_id(&self.city, &self.endpoints.exchange_bus_service).to_string()
    }

    /// The SPIFFE id of the city's bus.
    pub(super) fn city_bus_id(&self) -> String {
        service_id(&self.city, "exchange-bus").to_string()
    }
}

/// The name of the credentials of the district's bus.
pub(super) fn credentials_of_bus() -> String {
    district_service("exchange-bus", &REGION.parse().unwrap())
}

/// The exchange log of a grant, as a bus shows it, newest first.
pub(super) async fn log(of: &Session, grant: &str) -> Vec<Transfer> {
    let request = ListTransfersRequest { grant_id: grant.to_owned(), ..Default::default() };
    answer(of.transfers().unwrap().list_transfers(request).await).unwrap().transfers
}

pub(super) async fn nodes(of: &Session) -> Option<ListNodesResponse> {
    let listed = of.links().unwrap().list_nodes(ListNodesRequest {}).await;
    listed.ok().map(tonic::Response::into_inner)
}

async fn peers(of: &Session) -> Option<Vec<publicdata_proto::exchange::v1::PeerBus>> {
    nodes(of).await.map(|listed| listed.peers)
}

async fn traces_of(nats: &NatsServer, credentials: &Path, transfer: &str) -> Vec<String> {
    let config = StoreConfig {
        urls: vec![nats.url()],
        monitors: vec![nats.monitor_url()],
        replicas: 1,
        mirror: Vec::new(),
        profile: Profile::Production,
    };
    let store = config.open("exchange-bus", credentials, &[]).await.unwrap();
    let subject = Subject::new("exchange", "transfer", transfer).unwrap();
    let recorded = store.load(&subject, 0).await.unwrap();
    recorded.into_iter().map(|commit| commit.traceparent.unwrap_or_default()).collect()
}

async fn register(authority: &Session, organisation: &Organisation) {
    let mut organisations = authority.organisations().unwrap();
    let request = RegisterOrganisationRequest {
        command_id: new_command_id(),
        code: organisation.code.to_owned(),
        name: organisation.name.to_owned(),
        region_code: REGION.to_owned(),
        roles: organisation.roles.iter().map(|role| (*role).into()).collect(),
        ..RegisterOrganisationRequest::default()
    };
    answer(organisations.register_organisation(request).await).unwrap();
    let request = AppointSecurityOfficerRequest {
        command_id: new_command_id(),
        organisation_code: organisation.code.to_owned(),
        account: organisation.accounts[0].0.to_owned(),
    };
    answer(organisations.appoint_security_officer(request).await).unwrap();
}

fn service_id(city: &City, name: &str) -> SpiffeId {
    SpiffeId::service(&city.fleet.endpoints().trust_domain.parse().unwrap(), name).unwrap()
}

/// The district's event store: a leaf node of the city's, in a domain of its own.
async fn nats(city: &City, data: &Path, events: &Line) -> NatsServer {
    let region: RegionCode = REGION.parse().unwrap();
    let folder = data.join(CREDENTIALS_FOLDER).join(district_service("nats", &region));
    let mut of_bus = permissions("exchange-bus", &["EXCHANGE"], &["CATALOG", "AUDIT"]);
    of_bus.publish.push("$JS.API.STREAM.CREATE.CATALOG".to_owned());
    let spiffe_id = service_id(city, &district_service("exchange-bus", &region)).to_string();
    let options = ServerOptions {
        name: district_service("nats", &region),
        domain: Some(format!("d{REGION}")),
        leaf_of: Some(events.address()),
        tls: Some(Tls {
            ca: folder.join("ca.pem"),
            cert: folder.join("tls.pem"),
            key: folder.join("tls.key"),
        }),
        users: vec![User { spiffe_id, permissions: of_bus }],
        ..ServerOptions::new(city.path("district-nats"))
    };
    NatsServer::start(options).await.unwrap()
}

fn bus_config(
    city: &City,
    calls: &Line,
    nats: &NatsServer,
    [address, collector]: [&String; 2],
) -> PathBuf {
    let region: RegionCode = REGION.parse().unwrap();
    let credentials =
        city.fleet.data().join(CREDENTIALS_FOLDER).join(district_service("exchange-bus", &region));
    let text = format!(
        "credentials = \"{}\"\n\
         [exchange_bus]\nlisten = \"{address}\"\ndatabase = \"sqlite:{}\"\n\
         [exchange_bus.tier.superior]\naddress = \"{}\"\nserver = \"{}\"\nregion = \"{REGION}\"\n\
         [telemetry]\notlp_endpoint = \"http://{collector}\"\n\
         [nats]\nurls = [\"{}\"]\nmonitors = [\"{}\"]\nreplicas = 1\n\
         [[nats.mirror]]\nstream = \"CATALOG\"\ndomain = \"{CITY_DOMAIN}\"\n",
        credentials.display(),
        city.path("district-bus.db").display(),
        calls.address(),
        service_id(city, "exchange-bus"),
        nats.url(),
        nats.monitor_url(),
    );
    let config = city.path("district-bus.toml");
    std::fs::write(&config, text).unwrap();
    config
}
