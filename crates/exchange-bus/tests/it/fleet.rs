//! A bus of the test's own, with organisations and resources that the catalogue's events tell of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::testing::{TestNats, nats};
use publicdata_event_store::{NewCommit, Recorded, Store, Subject};
use publicdata_exchange_bus::{App, Config, Dependencies};
use publicdata_identity::testing::{authority, credentials};
use publicdata_identity::{CertificateAuthority, Credentials, Signer, SpiffeId, TrustRoots};
use publicdata_proto::catalog::v1::{
    CertificateIssued, ConsolidationOrdered, ConsolidationStopped, DeliveryMode, Item, ItemType,
    Mask, OrganisationClosed, OrganisationRegistered, ResourceDescription, ResourceDrafted,
    ResourcePublished, Role, SharingType, UpdateCycle,
};
use publicdata_proto::exchange::v1::dispute_service_client::DisputeServiceClient;
use publicdata_proto::exchange::v1::grant_service_client::GrantServiceClient;
use publicdata_proto::exchange::v1::log_archive_service_client::LogArchiveServiceClient;
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::exchange::v1::ticket_service_client::TicketServiceClient;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    GetGrantRequest, Grant, GrantTerms, GrantedField, IssueGrantRequest, IssueGrantResponse,
    ListTransfersRequest, RevokeGrantRequest, RevokeGrantResponse, SubmitApplicationRequest,
    Transfer, TransferStatus,
};
use publicdata_service_kit::grpc::{Channel, channel};
use publicdata_service_kit::{Clock, Tasks};
use publicdata_transfer::signed;
use publicdata_types::{CommandId, OrganisationCode};
use publicdata_views::Projector;
use tempfile::TempDir;
use tonic::Status;
use uuid::Uuid;

use crate::nodes::{ConsumerNode, ProviderNode, SOON};

/// Shared on condition: `code` and `name` plain, `phone` sensitive, `secret` not shared.
pub(crate) const VILLAGES: &str = "00000000-0000-4000-8000-000000000001";
/// Shared unconditionally.
pub(crate) const AREAS: &str = "00000000-0000-4000-8000-000000000002";
/// Not shared.
pub(crate) const CASES: &str = "00000000-0000-4000-8000-000000000003";
/// Why not.
pub(crate) const CASES_REASON: &str = "《档案法》第二十七条";

const NOW: &str = "2026-03-02T04:00:00Z";

/// An organisation of the test's city.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    City,
    Provider,
    Consumer,
    Stranger,
    Auditor,
    Committee,
}

/// The bus, and all that it stands on.
pub(crate) struct Fleet {
    pub(crate) nats: TestNats,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) bus: Bus,
    authority: CertificateAuthority,
    service: Credentials,
    config: Config,
    _folder: TempDir,
}

/// A running bus.
pub(crate) struct Bus {
    pub(crate) address: SocketAddr,
    pub(crate) tasks: Tasks,
    pub(crate) projectors: [Arc<Projector>; 3],
}

// === impl Who ===

impl Who {
    const ALL: [Self; 6] = [
        Self::City,
        Self::Provider,
        Self::Consumer,
        Self::Stranger,
        Self::Auditor,
        Self::Committee,
    ];

    /// Its unified social credit code.
    pub(crate) fn code(self) -> OrganisationCode {
        let number = Self::ALL.iter().position(|who| *who == self).unwrap();
        let base = format!("1151010000000{number}00A");
        let last = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars();
        last.into_iter().find_map(|last| format!("{base}{last}").parse().ok()).unwrap()
    }

    fn role(self) -> Role {
        match self {
            Self::City => Role::Authority,
            Self::Provider => Role::Provider,
            Self::Consumer | Self::Stranger => Role::Consumer,
            Self::Auditor => Role::Auditor,
            Self::Committee => Role::ExpertCommittee,
        }
    }

    fn region(self) -> &'static str {
        match self {
            Self::City | Self::Provider | Self::Committee => "510100",
            Self::Consumer => "510104",
            Self::Stranger | Self::Auditor => "110000",
        }
    }
}

// === impl Fleet ===

impl Fleet {
    /// A bus that has no reason for haste.
    pub(crate) async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// A bus with limits of the test's choice.
    pub(crate) async fn start_with(change: impl FnOnce(Config) -> Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/bus.db", folder.path().display());
        Self::start_on(url, folder, change).await
    }

    /// A bus with this database.
    pub(crate) async fn start_on(
        database: String,
        folder: TempDir,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        let nats = nats().await;
        let store = nats.store(&["CATALOG", "EXCHANGE"]).await;
        let authority = authority();
        let id = SpiffeId::service(authority.domain(), "exchange-bus").unwrap();
        let service = credentials(&authority, &id);
        let usual = Config::new("127.0.0.1:0".parse().unwrap(), database);
        let config = change(Config { deadline_poll_ms: 50, ..usual });
        let clock = Clock::manual(NOW.parse().unwrap());
        let bus = Bus::start(&store, &service, &config, &clock).await;

        let fleet = Self { nats, store, clock, bus, authority, service, config, _folder: folder };
        fleet.fill_catalogue().await;
        fleet
    }

    /// Stops the bus and starts it again, elsewhere but with the same data.
    pub(crate) async fn restart_bus(&mut self) {
        self.bus.tasks.drain(Duration::from_secs(10)).await.unwrap();
        self.start_bus().await;
    }

    /// Starts a bus in place of the one that was, which may have crashed.
    pub(crate) async fn start_bus(&mut self) {
        self.bus = Bus::start(&self.store, &self.service, &self.config, &self.clock).await;
    }

    /// A user's credentials.
    pub(crate) fn user(&self, who: Who) -> Credentials {
        let id = SpiffeId::user(self.authority.domain(), who.code(), "u1").unwrap();
        credentials(&self.authority, &id)
    }

    /// A node's credentials.
    pub(crate) fn node(&self, who: Who) -> Credentials {
        credentials(&self.authority, &self.node_id(who))
    }

    /// Credentials of a node that the catalogue's events do not tell of.
    pub(crate) fn unenrolled_node(&self, who: Who) -> Credentials {
        let id = SpiffeId::node(self.authority.domain(), who.code(), "n2").unwrap();
        credentials(&self.authority, &id)
    }

    /// A connection to the bus.
    pub(crate) fn channel(&self, credentials: &Credentials) -> Channel {
        let address = self.bus.address.to_string();
        channel(&address, credentials, self.service.id()).unwrap()
    }

    /// What a user of this organisation calls.
    pub(crate) fn grants(&self, who: Who) -> GrantServiceClient<Channel> {
        GrantServiceClient::new(self.channel(&self.user(who)))
    }

    /// What a user of this organisation calls about tickets.
    pub(crate) fn tickets(&self, who: Who) -> TicketServiceClient<Channel> {
        TicketServiceClient::new(self.channel(&self.user(who)))
    }

    /// What a user of this organisation calls about disputes.
    pub(crate) fn disputes(&self, who: Who) -> DisputeServiceClient<Channel> {
        DisputeServiceClient::new(self.channel(&self.user(who)))
    }

    /// What a user of this organisation calls about the exchange log.
    pub(crate) fn transfers(&self, who: Who) -> TransferServiceClient<Channel> {
        TransferServiceClient::new(self.channel(&self.user(who)))
    }

    /// What a user of this organisation calls about the log's archives.
    pub(crate) fn archives(&self, who: Who) -> LogArchiveServiceClient<Channel> {
        LogArchiveServiceClient::new(self.channel(&self.user(who)))
    }

    /// Who vouches for signatures.
    pub(crate) fn roots(&self) -> &TrustRoots {
        self.service.roots()
    }

    /// What a user of this organisation calls about nodes.
    pub(crate) fn links(&self, who: Who) -> NodeLinkServiceClient<Channel> {
        NodeLinkServiceClient::new(self.channel(&self.user(who)))
    }

    /// The provider's node, connected, with all resources.
    pub(crate) async fn provider_node(&self) -> ProviderNode {
        self.serving(&self.node(Who::Provider)).await
    }

    /// Another node of the provider, with all resources.
    pub(crate) async fn second_provider_node(&self) -> ProviderNode {
        self.serving(&self.enrolled(Who::Provider).await).await
    }

    async fn serving(&self, credentials: &Credentials) -> ProviderNode {
        let resources = [VILLAGES, AREAS].map(str::to_owned);
        ProviderNode::open(self.channel(credentials), credentials, &resources).await.unwrap()
    }

    /// A consumer's node.
    pub(crate) fn consumer_node(&self, who: Who) -> ConsumerNode {
        let credentials = self.node(who);
        ConsumerNode::new(self.channel(&credentials), &credentials)
    }

    /// Applies for `code` and `name` of the villages, and says the application's id.
    pub(crate) async fn apply(&self) -> String {
        let response = self.grants(Who::Consumer).submit_application(application()).await;
        response.unwrap().into_inner().grant_id
    }

    /// A grant of `code` and `name` of the villages to the consumer.
    pub(crate) async fn granted(&self) -> GrantTerms {
        let terms = self.terms(&self.apply().await);
        self.issue(&terms).await.unwrap();
        terms
    }

    /// Terms that answer [`application`] with all that it asks for.
    pub(crate) fn terms(&self, grant_id: &str) -> GrantTerms {
        GrantTerms {
            grant_id: grant_id.to_owned(),
            resource_id: VILLAGES.to_owned(),
            resource_code: "302001/00001".to_owned(),
            provider_code: Who::Provider.code().to_string(),
            consumer_code: Who::Consumer.code().to_string(),
            fields: vec![field("code"), field("name")],
            row_filter: String::new(),
            purpose: "社区网格管理".to_owned(),
            delivery_modes: vec![DeliveryMode::Bulk.into()],
            valid_from: Some(time("2026-03-01T16:00:00Z")),
            valid_until: Some(time("2026-12-30T16:00:00Z")),
            ..GrantTerms::default()
        }
    }

    /// A standing offer of the areas.
    pub(crate) async fn offered(&self) -> GrantTerms {
        let terms = GrantTerms {
            resource_id: AREAS.to_owned(),
            resource_code: "302001/00002".to_owned(),
            consumer_code: String::new(),
            purpose: String::new(),
            ..self.terms(&Uuid::new_v4().to_string())
        };
        self.issue(&terms).await.unwrap();
        terms
    }

    /// Has the provider's user sign terms and issue them.
    pub(crate) async fn issue(&self, terms: &GrantTerms) -> Result<IssueGrantResponse, Status> {
        let user = self.user(Who::Provider);
        let grant = Some(signed::sign(&Signer::from(&user), terms));
        let request = IssueGrantRequest { command_id: new_id(), grant };
        Ok(self.grants(Who::Provider).issue_grant(request).await?.into_inner())
    }

    /// Has the provider's user revoke a grant.
    pub(crate) async fn revoke(&self, grant_id: &str) -> RevokeGrantResponse {
        let request = RevokeGrantRequest {
            command_id: new_id(),
            grant_id: grant_id.to_owned(),
            reason: "用途变更".to_owned(),
        };
        self.grants(Who::Provider).revoke_grant(request).await.unwrap().into_inner()
    }

    /// One application or grant, as this organisation sees it.
    pub(crate) async fn grant(&self, who: Who, grant_id: &str) -> Result<Grant, Status> {
        let request = GetGrantRequest { grant_id: grant_id.to_owned() };
        let response = self.grants(who).get_grant(request).await?;
        Ok(response.into_inner().grant.unwrap())
    }

    /// The exchange log, as this organisation sees it.
    pub(crate) async fn log(&self, who: Who) -> Vec<Transfer> {
        let request = ListTransfersRequest::default();
        self.transfers(who).list_transfers(request).await.unwrap().into_inner().transfers
    }

    /// Waits until the auditor's log shows the transfer so.
    pub(crate) async fn logged(
        &self,
        transfer_id: &str,
        status: TransferStatus,
        why: &str,
    ) -> Transfer {
        let shown = async {
            loop {
                let log = self.log(Who::Auditor).await;
                let entry = log.into_iter().find(|transfer| transfer.id == transfer_id);
                match entry {
                    Some(entry) if entry.status() == status && entry.reason == why => return entry,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        match tokio::time::timeout(SOON, shown).await {
            Ok(entry) => entry,
            Err(_) => panic!("not logged as {status:?} {why}: {:?}", self.log(Who::Auditor).await),
        }
    }

    /// The event types of an aggregate, in order.
    pub(crate) async fn events(&self, aggregate: &str, id: &str) -> Vec<String> {
        let commits = self.commits(aggregate, id).await;
        let events = commits.iter().flat_map(|recorded| recorded.commit().unwrap().events);
        events.map(|any| any.type_url.rsplit('.').next().unwrap().to_owned()).collect()
    }

    /// The commits of an aggregate.
    pub(crate) async fn commits(&self, aggregate: &str, id: &str) -> Vec<Recorded> {
        let subject = Subject::new("exchange", aggregate, id).unwrap();
        self.store.tail(&subject, 0).await.unwrap()
    }

    fn node_id(&self, who: Who) -> SpiffeId {
        SpiffeId::node(self.authority.domain(), who.code(), "n1").unwrap()
    }

    async fn fill_catalogue(&self) {
        for who in Who::ALL {
            let code = who.code().to_string();
            let registered = OrganisationRegistered {
                code: code.clone(),
                name: format!("{who:?}"),
                region_code: who.region().to_owned(),
                roles: vec![who.role().into()],
                ..OrganisationRegistered::default()
            };
            let spiffe_id = self.node_id(who).to_string();
            let certified = CertificateIssued { spiffe_id, ..CertificateIssued::default() };
            self.tell("organisation", &code, vec![any(&registered), any(&certified)]).await;
        }
        for (id, serial, sharing) in [
            (VILLAGES, 1, SharingType::Conditional),
            (AREAS, 2, SharingType::Unconditional),
            (CASES, 3, SharingType::NotShared),
        ] {
            let drafted = ResourceDrafted {
                code: format!("302001/{serial:05}"),
                description: Some(description(sharing)),
                region_code: "510100".to_owned(),
            };
            let published = ResourcePublished { version: 1, published_on: "2026-03-01".to_owned() };
            self.tell("resource", id, vec![any(&drafted), any(&published)]).await;
        }
    }

    /// Another node of an organisation, which the bus knows.
    pub(crate) async fn second_node(&self, who: Who) -> ConsumerNode {
        let credentials = self.enrolled(who).await;
        ConsumerNode::new(self.channel(&credentials), &credentials)
    }

    async fn enrolled(&self, who: Who) -> Credentials {
        let credentials = self.unenrolled_node(who);
        let spiffe_id = credentials.id().to_string();
        let certified = CertificateIssued { spiffe_id, ..CertificateIssued::default() };
        self.tell("organisation", &who.code().to_string(), vec![any(&certified)]).await;
        self.bus_knows_the_catalogue().await;
        credentials
    }

    /// Has the catalogue say that something happened to a resource, and waits until the bus knows.
    pub(crate) async fn catalogue_says<M: Message + Name>(&self, resource: &str, event: &M) {
        self.tell("resource", resource, vec![any(event)]).await;
        self.bus_knows_the_catalogue().await;
    }

    /// The authority orders that a resource flow to the consumer.
    pub(crate) async fn consolidate(&self, resource: &str, resource_code: &str) {
        let ordered = ConsolidationOrdered {
            resource_code: resource_code.to_owned(),
            provider_code: Who::Provider.code().to_string(),
            region_code: "510100".to_owned(),
            centre_code: Who::Consumer.code().to_string(),
            legal_basis: "2026 年归集计划".to_owned(),
        };
        self.tell("consolidation", resource, vec![any(&ordered)]).await;
        self.bus_knows_the_catalogue().await;
    }

    /// The authority ends it.
    pub(crate) async fn stop_consolidating(&self, resource: &str) {
        let stopped = ConsolidationStopped { reason: "职能划转".to_owned() };
        self.tell("consolidation", resource, vec![any(&stopped)]).await;
        self.bus_knows_the_catalogue().await;
    }

    async fn bus_knows_the_catalogue(&self) {
        let last = self.store.last_sequence("CATALOG").await.unwrap();
        let [catalogue, ..] = &self.bus.projectors;
        catalogue.wait_for("CATALOG", last, SOON).await.unwrap();
    }

    /// The catalogue closes an organisation.
    pub(crate) async fn close(&self, who: Who) {
        let closed = OrganisationClosed {
            closed_on: "2026-03-02".to_owned(),
            reason: "机构改革".to_owned(),
            ..OrganisationClosed::default()
        };
        self.tell("organisation", &who.code().to_string(), vec![any(&closed)]).await;
    }

    async fn tell(&self, aggregate: &str, id: &str, events: Vec<Any>) {
        let subject = Subject::new("catalog", aggregate, id).unwrap();
        let before = self.store.tail(&subject, 0).await.unwrap();
        let last = before.last().map_or(0, |recorded| recorded.sequence);
        let commit = NewCommit {
            command_id: CommandId::from_uuid(Uuid::new_v4()),
            actor: "spiffe://test.internal/service/catalog".to_owned(),
            occurred_at: NOW.parse().unwrap(),
            traceparent: None,
            events,
        };
        self.store.append(&subject, last, commit).await.unwrap();
    }
}

impl Bus {
    async fn start(
        store: &Store,
        credentials: &Credentials,
        config: &Config,
        clock: &Clock,
    ) -> Self {
        let tasks = Tasks::new();
        let dependencies = Dependencies {
            store: Arc::clone(store),
            clock: clock.clone(),
            credentials: credentials.clone(),
            tasks: tasks.clone(),
        };
        let app = App::build(config.clone(), dependencies).await.unwrap();
        let (address, projectors) = (app.local_addr(), app.projectors());
        app.spawn().unwrap();
        Self { address, tasks, projectors }
    }
}

/// Credentials of the same name, from an authority that nobody here trusts.
pub(crate) fn foreign(of: &Credentials) -> Credentials {
    credentials(&authority(), of.id())
}

/// An application for `code` and `name` of the villages.
pub(crate) fn application() -> SubmitApplicationRequest {
    SubmitApplicationRequest {
        command_id: new_id(),
        resource_id: VILLAGES.to_owned(),
        purpose: "社区网格管理".to_owned(),
        legal_basis: "《成都市社区发展治理促进条例》".to_owned(),
        fields: vec!["code".to_owned(), "name".to_owned()],
        row_filter: String::new(),
        delivery_modes: vec![DeliveryMode::Bulk.into()],
        valid_from: "2026-03-02".to_owned(),
        valid_until: "2026-12-30".to_owned(),
        renews_grant_id: String::new(),
    }
}

/// A new UUID.
pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

fn description(sharing: SharingType) -> ResourceDescription {
    let item = |name: &str, mask: Mask, sharing: SharingType| Item {
        name: name.to_owned(),
        title: name.to_owned(),
        r#type: ItemType::Text.into(),
        mask: mask.into(),
        sharing_type: sharing.into(),
        ..Item::default()
    };
    let inherited = SharingType::Unspecified;
    ResourceDescription {
        name: "名录".to_owned(),
        provider_code: Who::Provider.code().to_string(),
        items: vec![
            item("code", Mask::Unspecified, inherited),
            item("name", Mask::Unspecified, inherited),
            item("phone", Mask::Partial, inherited),
            item("secret", Mask::Unspecified, SharingType::NotShared),
        ],
        update_cycle: UpdateCycle::Monthly.into(),
        sharing_type: sharing.into(),
        sharing_condition: match sharing {
            SharingType::NotShared => CASES_REASON.to_owned(),
            SharingType::Unspecified | SharingType::Unconditional | SharingType::Conditional => {
                String::new()
            }
        },
        delivery_modes: vec![
            DeliveryMode::Query.into(),
            DeliveryMode::Bulk.into(),
            DeliveryMode::Push.into(),
        ],
        ..ResourceDescription::default()
    }
}

/// A field that is granted plain.
pub(crate) fn field(name: &str) -> GrantedField {
    GrantedField {
        name: name.to_owned(),
        r#type: ItemType::Text.into(),
        mask: Mask::Unspecified.into(),
        ..GrantedField::default()
    }
}

fn time(text: &str) -> prost_types::Timestamp {
    let time: Timestamp = text.parse().unwrap();
    prost_types::Timestamp { seconds: time.as_second(), nanos: 0 }
}

fn any<M: Message + Name>(event: &M) -> Any {
    Any { type_url: M::type_url(), value: event.encode_to_vec() }
}
