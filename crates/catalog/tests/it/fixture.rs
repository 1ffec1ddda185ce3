//! A catalogue of the test's own, and organisations that call it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use publicdata_catalog::{App, Config, Dependencies, FeedConfig};
use publicdata_event_store::Store;
use publicdata_event_store::testing::{TestNats, nats};
use publicdata_identity::{
    CertificateAuthority, CredentialRequest, Credentials, SpiffeId, TrustDomain, Validity,
};
use publicdata_proto::catalog::v1::agreement_service_client::AgreementServiceClient;
use publicdata_proto::catalog::v1::assessment_service_client::AssessmentServiceClient;
use publicdata_proto::catalog::v1::classification_service_client::ClassificationServiceClient;
use publicdata_proto::catalog::v1::collection_service_client::CollectionServiceClient;
use publicdata_proto::catalog::v1::export_service_client::ExportServiceClient;
use publicdata_proto::catalog::v1::harvest_service_client::HarvestServiceClient;
use publicdata_proto::catalog::v1::import_service_client::ImportServiceClient;
use publicdata_proto::catalog::v1::library_service_client::LibraryServiceClient;
use publicdata_proto::catalog::v1::obligation_service_client::ObligationServiceClient;
use publicdata_proto::catalog::v1::organisation_service_client::OrganisationServiceClient;
use publicdata_proto::catalog::v1::register_service_client::RegisterServiceClient;
use publicdata_proto::catalog::v1::resource_service_client::ResourceServiceClient;
use publicdata_proto::catalog::v1::search_index_service_client::SearchIndexServiceClient;
use publicdata_proto::catalog::v1::source_service_client::SourceServiceClient;
use publicdata_proto::catalog::v1::vocabulary_service_client::VocabularyServiceClient;
use publicdata_proto::catalog::v1::{
    DeliveryMode, DraftResourceRequest, DraftResourceResponse, Format, Item, ItemType, Mask,
    PublishResourceRequest, RegisterOrganisationRequest, ResourceDescription, Role, SharingType,
    SubmitResourceRequest, UpdateCycle,
};
use publicdata_service_kit::grpc::{Channel, channel};
use publicdata_service_kit::{Clock, Problem, Tasks};
use publicdata_types::OrganisationCode;
use publicdata_views::Projector;
use tempfile::TempDir;
use tonic::Status;
use uuid::Uuid;

pub(crate) const CITY: &str = "510100";
pub(crate) const JINJIANG: &str = "510104";
pub(crate) const QINGYANG: &str = "510105";
/// The address that other platforms know the feed by.
pub(crate) const OFFERED_AT: &str = "https://data.chengdu.example";
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A catalogue that answers, and everything that it needs.
pub(crate) struct Catalogue {
    pub(crate) store: Store,
    pub(crate) entries: Arc<Projector>,
    pub(crate) directory: Arc<Projector>,
    pub(crate) register: Arc<Projector>,
    pub(crate) harvest: Arc<Projector>,
    /// Where other platforms harvest.
    pub(crate) feed: String,
    pub(crate) marks: Arc<Projector>,
    pub(crate) libraries: Arc<Projector>,
    pub(crate) collection: [Arc<Projector>; 2],
    pub(crate) obligations: Arc<Projector>,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    address: String,
    config: Config,
    authority: CertificateAuthority,
    _nats: TestNats,
    _folder: TempDir,
}

/// An organisation's user, with its connection.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) code: OrganisationCode,
    pub(crate) organisations: OrganisationServiceClient<Channel>,
    pub(crate) resources: ResourceServiceClient<Channel>,
    pub(crate) agreements: AgreementServiceClient<Channel>,
    pub(crate) register: RegisterServiceClient<Channel>,
    pub(crate) imports: ImportServiceClient<Channel>,
    pub(crate) exports: ExportServiceClient<Channel>,
    pub(crate) harvests: HarvestServiceClient<Channel>,
    pub(crate) assessments: AssessmentServiceClient<Channel>,
    pub(crate) libraries: LibraryServiceClient<Channel>,
    pub(crate) vocabularies: VocabularyServiceClient<Channel>,
    pub(crate) sources: SourceServiceClient<Channel>,
    pub(crate) collection: CollectionServiceClient<Channel>,
    pub(crate) obligations: ObligationServiceClient<Channel>,
    pub(crate) index: SearchIndexServiceClient<Channel>,
    pub(crate) classifications: ClassificationServiceClient<Channel>,
}

impl Catalogue {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("catalog.db").display());
        Self::start_on(database, folder).await
    }

    pub(crate) async fn start_on(database: String, folder: TempDir) -> Self {
        Self::start_by(Clock::system(), database, None, folder).await
    }

    /// A catalogue whose clock stands at this moment until a test moves it, and which counts by these holidays.
    pub(crate) async fn start_at(time: &str, holidays: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let holidays = holidays.map(|json| {
            let path = folder.path().join("holidays.json");
            std::fs::write(&path, json).unwrap();
            path
        });
        let clock = Clock::manual(time.parse().unwrap());
        Self::start_by(clock, database, holidays, folder).await
    }

    async fn start_by(
        clock: Clock,
        database: String,
        holidays: Option<PathBuf>,
        folder: TempDir,
    ) -> Self {
        let nats = nats().await;
        let store = nats.store(&["CATALOG", "EXCHANGE"]).await;
        let ca = folder.path().join("ca");
        let authority = CertificateAuthority::create(&ca, domain(), validity()).unwrap();
        let config = Config { holidays, ..config(database, folder.path()) };
        let (app, tasks) = app(config.clone(), &clock, &authority, Arc::clone(&store)).await;
        let mut catalogue = Self {
            entries: Arc::clone(app.entries()),
            directory: Arc::clone(app.directory().projector()),
            register: Arc::clone(app.register()),
            harvest: Arc::clone(app.harvest()),
            feed: feed(&app),
            marks: Arc::clone(app.marks()),
            libraries: Arc::clone(app.libraries()),
            collection: app.collection().map(Arc::clone),
            obligations: Arc::clone(app.obligations()),
            address: app.local_addr().to_string(),
            store,
            tasks,
            clock,
            config,
            authority,
            _nats: nats,
            _folder: folder,
        };
        catalogue.serve(app);
        catalogue
    }

    /// Ends the service, and starts another one over the same events, the same database and the same index.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.begin().await;
    }

    /// Ends the service.
    pub(crate) async fn stop(&self) {
        self.tasks.drain(SOON).await.unwrap();
    }

    /// The folder of the search index.
    pub(crate) fn index_folder(&self) -> PathBuf {
        self.config.index.clone()
    }

    /// Cuts the service off in the middle of whatever it does, and starts another one over the same events and the same
    /// database.
    pub(crate) async fn kill(&mut self) {
        let _ = self.tasks.drain(Duration::ZERO).await;
        self.begin().await;
    }

    /// Ends the service, and starts another one over the same events and an empty database.
    pub(crate) async fn restart_from_events(&mut self) {
        self.stop().await;
        self.config.database = self.config.database.replace("catalog.db", "another.db");
        self.begin().await;
    }

    /// The file that the holidays are read from.
    pub(crate) fn holidays(&self) -> &Path {
        self.config.holidays.as_deref().unwrap()
    }

    /// Starts a service again.
    pub(crate) async fn begin(&mut self) {
        let (config, store) = (self.config.clone(), Arc::clone(&self.store));
        let (app, tasks) = app(config, &self.clock, &self.authority, store).await;
        self.tasks = tasks;
        self.serve(app);
    }

    fn serve(&mut self, app: App) {
        self.address = app.local_addr().to_string();
        self.entries = Arc::clone(app.entries());
        self.directory = Arc::clone(app.directory().projector());
        self.register = Arc::clone(app.register());
        self.harvest = Arc::clone(app.harvest());
        self.feed = feed(&app);
        self.marks = Arc::clone(app.marks());
        self.libraries = Arc::clone(app.libraries());
        self.collection = app.collection().map(Arc::clone);
        self.obligations = Arc::clone(app.obligations());
        app.spawn().unwrap();
    }

    /// Waits until marks hold all that was written to the catalogue: they follow a moment later.
    pub(crate) async fn marked(&self) {
        let last = self.store.last_sequence("CATALOG").await.unwrap();
        self.marks.wait_for("CATALOG", last, SOON).await.unwrap();
    }

    /// A user of an organisation that may be registered or not.
    pub(crate) fn user(&self, code: OrganisationCode) -> User {
        self.account(code, "clerk-1")
    }

    /// Another account of the organisation.
    pub(crate) fn account(&self, code: OrganisationCode, account: &str) -> User {
        self.caller(code, SpiffeId::user(&domain(), code, account).unwrap())
    }

    /// A node of an organisation.
    pub(crate) fn node(&self, code: OrganisationCode) -> User {
        self.caller(code, SpiffeId::node(&domain(), code, "n1").unwrap())
    }

    fn caller(&self, code: OrganisationCode, id: SpiffeId) -> User {
        let credentials = credentials(&self.authority, &id);
        let catalog = SpiffeId::service(&domain(), "catalog").unwrap();
        let channel = channel(&self.address, &credentials, &catalog).unwrap().with_deadline(SOON);
        User {
            code,
            organisations: OrganisationServiceClient::new(channel.clone()),
            agreements: AgreementServiceClient::new(channel.clone()),
            register: RegisterServiceClient::new(channel.clone()),
            assessments: AssessmentServiceClient::new(channel.clone()),
            resources: ResourceServiceClient::new(channel.clone()),
            libraries: LibraryServiceClient::new(channel.clone()),
            imports: ImportServiceClient::new(channel.clone()),
            exports: ExportServiceClient::new(channel.clone()),
            harvests: HarvestServiceClient::new(channel.clone()),
            classifications: ClassificationServiceClient::new(channel.clone()),
            vocabularies: VocabularyServiceClient::new(channel.clone()),
            sources: SourceServiceClient::new(channel.clone()),
            collection: CollectionServiceClient::new(channel.clone()),
            obligations: ObligationServiceClient::new(channel.clone()),
            index: SearchIndexServiceClient::new(channel),
        }
    }

    /// The city's authority, which has registered itself.
    pub(crate) async fn city(&self) -> User {
        let mut city = self.user(code(1));
        let registration = registration(city.code, CITY, &[Role::Authority]);
        city.organisations.register_organisation(registration).await.unwrap();
        city
    }

    /// An organisation that the city registered.
    pub(crate) async fn registered(
        &self,
        city: &User,
        number: u32,
        region: &str,
        roles: &[Role],
    ) -> User {
        let code = code(number);
        let registration = registration(code, region, roles);
        city.organisations.clone().register_organisation(registration).await.unwrap();
        self.user(code)
    }
}

impl User {
    pub(crate) async fn draft(&mut self, name: &str) -> DraftResourceResponse {
        let request = draft(description(self.code, name));
        self.resources.draft_resource(request).await.unwrap().into_inner()
    }

    pub(crate) async fn submit(&mut self, resource_id: &str) {
        let request =
            SubmitResourceRequest { command_id: command_id(), resource_id: resource_id.to_owned() };
        self.resources.submit_resource(request).await.unwrap();
    }

    pub(crate) async fn publish(&mut self, resource_id: &str) -> Result<u32, Status> {
        let request = PublishResourceRequest {
            command_id: command_id(),
            resource_id: resource_id.to_owned(),
        };
        self.resources.publish_resource(request).await.map(|response| response.get_ref().version)
    }
}

pub(crate) fn reason(status: &Status) -> String {
    Problem::from_status(status).reason.into_owned()
}

pub(crate) fn command_id() -> String {
    Uuid::new_v4().to_string()
}

/// The organisation with that number; the check character follows.
pub(crate) fn code(number: u32) -> OrganisationCode {
    let body = format!("115101{number:011}");
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .find_map(|check| format!("{body}{check}").parse().ok())
        .unwrap()
}

pub(crate) fn registration(
    code: OrganisationCode,
    region: &str,
    roles: &[Role],
) -> RegisterOrganisationRequest {
    RegisterOrganisationRequest {
        command_id: command_id(),
        code: code.to_string(),
        name: format!("机构 {code}"),
        region_code: region.to_owned(),
        roles: roles.iter().map(|role| *role as i32).collect(),
        ..RegisterOrganisationRequest::default()
    }
}

pub(crate) fn draft(description: ResourceDescription) -> DraftResourceRequest {
    DraftResourceRequest {
        command_id: command_id(),
        resource_id: String::new(),
        description: Some(description),
    }
}

/// An entry in which every field is set.
pub(crate) fn description(provider: OrganisationCode, name: &str) -> ResourceDescription {
    let item = |name: &str, title: &str, kind: ItemType| Item {
        name: name.to_owned(),
        title: title.to_owned(),
        r#type: kind.into(),
        length: 12,
        required: true,
        mask: Mask::Unspecified.into(),
        sharing_type: SharingType::Unspecified.into(),
        open: true,
        ..Item::default()
    };
    ResourceDescription {
        name: name.to_owned(),
        r#abstract: "全市社区和村的名称与代码".to_owned(),
        classification_code: "302001".to_owned(),
        provider_code: provider.to_string(),
        format: Format::Database.into(),
        items: vec![
            item("code", "代码", ItemType::Text),
            Item {
                mask: Mask::Partial.into(),
                sharing_type: SharingType::NotShared.into(),
                open: false,
                ..item("contact", "联系人", ItemType::Text)
            },
        ],
        sharing_type: SharingType::Conditional.into(),
        sharing_condition: "仅用于城乡治理".to_owned(),
        delivery_modes: vec![DeliveryMode::Bulk.into(), DeliveryMode::Push.into()],
        open: true,
        open_condition: "注明来源".to_owned(),
        update_cycle: UpdateCycle::HalfYearly.into(),
        related_codes: vec!["101001/00001".to_owned()],
        use_requirements: "不得转让".to_owned(),
        entity: "社区".to_owned(),
        format_detail: "PostgreSQL".to_owned(),
    }
}

fn domain() -> TrustDomain {
    "test.internal".parse().unwrap()
}

fn validity() -> Validity {
    let parse = |text: &str| text.parse().unwrap();
    Validity::new(parse("2020-01-01T00:00:00Z"), parse("2099-01-01T00:00:00Z")).unwrap()
}

fn credentials(authority: &CertificateAuthority, id: &SpiffeId) -> Credentials {
    let request = CredentialRequest::generate().unwrap();
    let issued = authority.issue(id, request.request(), validity()).unwrap();
    request.complete(&issued).unwrap()
}

fn config(database: String, folder: &Path) -> Config {
    let listen = ([127, 0, 0, 1], 0).into();
    let (index, authority) = (folder.join("index"), folder.join("ca"));
    let feed = FeedConfig {
        listen,
        base_url: Some(OFFERED_AT.to_owned()),
        title: "成都市公共数据资源目录".to_owned(),
        publisher: "成都市大数据和电子政务管理办公室".to_owned(),
    };
    Config {
        feed: Some(feed),
        certificate_days: 30,
        deadline_poll_ms: 20,
        ..Config::new(listen, database, index, authority)
    }
}

fn feed(app: &App) -> String {
    app.feed_addr().map(|address| format!("http://{address}")).unwrap()
}

async fn app(
    config: Config,
    clock: &Clock,
    authority: &CertificateAuthority,
    store: Store,
) -> (App, Tasks) {
    let id = SpiffeId::service(&domain(), "catalog").unwrap();
    let tasks = Tasks::new();
    let dependencies = Dependencies {
        store,
        clock: clock.clone(),
        credentials: credentials(authority, &id),
        tasks: tasks.clone(),
    };
    (App::build(config, dependencies).await.unwrap(), tasks)
}
