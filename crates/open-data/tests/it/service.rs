//! The service in this process, with its own nats-server, folder and authority; and those who call it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use publicdata_event_store::Store;
use publicdata_event_store::testing::{TestNats, nats};
use publicdata_identity::testing::{authority, credentials, domain, service};
use publicdata_identity::{CertificateAuthority, SpiffeId};
use publicdata_open_data::{App, Config, Dependencies};
use publicdata_proto::opendata::v1::propose_publication_request::Part;
use publicdata_proto::opendata::v1::publication_service_client::PublicationServiceClient;
use publicdata_proto::opendata::v1::{
    GetPublicationRequest, ListPublicationsRequest, ListPublicationsResponse,
    ProposePublicationRequest, ProposePublicationResponse, Publication, PublicationHeader,
    PublishRequest, PublishResponse, ReviewOutcome, ReviewPublicationRequest,
    ReviewPublicationResponse, WithdrawPublicationRequest, WithdrawPublicationResponse,
};
use publicdata_service_kit::grpc::{self, Channel};
use publicdata_service_kit::{Clock, Problem, Tasks};
use publicdata_views::Projector;
use tempfile::TempDir;
use tonic::Status;
use uuid::Uuid;

use crate::city::{self, AREAS, AREAS_CODE, PROVIDER};

const LONG: Duration = Duration::from_secs(20);
pub(crate) const CONTENT_BYTES_MAX: u64 = 200_000;
pub(crate) const BASIS: &str = "已对照定密事项清单逐项核对，不含国家秘密、商业秘密和个人隐私";

pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) http: SocketAddr,
    pub(crate) resources: Arc<Projector>,
    pub(crate) publications: Arc<Projector>,
    /// The catalogue entry of the districts.
    pub(crate) areas: Uuid,
    database: String,
    grpc: SocketAddr,
    tasks: Tasks,
    authority: CertificateAuthority,
    folder: TempDir,
    _nats: TestNats,
}

/// Somebody of an organisation.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) client: PublicationServiceClient<Channel>,
}

impl Service {
    /// Starts the service in a city that has catalogued its districts, with its views in SQLite.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same, with its views in this database.
    pub(crate) async fn start_with(database: Option<String>) -> Self {
        let nats = nats().await;
        let store = nats.store(&["CATALOG", "OPENDATA"]).await;
        let areas = Uuid::new_v4();
        city::register(&store).await;
        city::publish_entry(&store, areas, AREAS_CODE, city::areas()).await;

        let (authority, folder) = (authority(), tempfile::tempdir().unwrap());
        let database = database
            .unwrap_or_else(|| format!("sqlite:{}", folder.path().join("views.db").display()));
        let (tasks, app) = build(&store, &authority, &folder, &database).await;
        let service = Self {
            grpc: app.local_addr(),
            http: app.http_addr(),
            resources: Arc::clone(app.resources()),
            publications: Arc::clone(app.publications()),
            store,
            areas,
            database,
            tasks,
            authority,
            folder,
            _nats: nats,
        };
        app.spawn().unwrap();
        service
    }

    /// Ends the service, and starts it anew with the same folders.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// The same, with something done in between to the content folder.
    pub(crate) async fn restart_after(self, meanwhile: impl FnOnce(PathBuf)) -> Self {
        self.tasks.drain(LONG).await.unwrap();
        meanwhile(self.folder.path().join("content"));
        let (tasks, app) = build(&self.store, &self.authority, &self.folder, &self.database).await;
        let service = Self {
            grpc: app.local_addr(),
            http: app.http_addr(),
            resources: Arc::clone(app.resources()),
            publications: Arc::clone(app.publications()),
            tasks,
            ..self
        };
        app.spawn().unwrap();
        service
    }

    pub(crate) fn person(&self, organisation: &str, account: &str) -> Person {
        self.person_of(&self.authority, organisation, account)
    }

    /// Somebody whose certificate is another authority's.
    pub(crate) fn person_of(
        &self,
        authority: &CertificateAuthority,
        organisation: &str,
        account: &str,
    ) -> Person {
        let id = SpiffeId::user(&domain(), organisation.parse().unwrap(), account).unwrap();
        let channel = grpc::channel(
            &self.grpc.to_string(),
            &credentials(authority, &id),
            &service("open-data"),
        );
        Person { client: PublicationServiceClient::new(channel.unwrap()) }
    }

    /// Who proposes and publishes.
    pub(crate) fn proposer(&self) -> Person {
        self.person(PROVIDER, "catalog-01")
    }

    /// Who reviews.
    pub(crate) fn reviewer(&self) -> Person {
        self.person(PROVIDER, "review-01")
    }

    /// Proposes the districts, has them reviewed, and publishes them: the id and the URL.
    pub(crate) async fn open_areas(&self, content: &str) -> (String, String) {
        let proposed = self.proposer().propose(self.areas, content).await.unwrap();
        let id = proposed.publication_id;
        self.reviewer().review(&id, content).await.unwrap();
        let published = self.proposer().publish(&id).await.unwrap();
        (id, published.url)
    }

    /// The districts as they are shipped, opened.
    pub(crate) async fn open_shipped_areas(&self) -> (String, String) {
        self.open_areas(AREAS).await
    }

    /// Waits until the service knows of a change in the catalogue.
    pub(crate) async fn until_catalogued(&self, sequence: u64) {
        self.resources.wait_for("CATALOG", sequence, LONG).await.unwrap();
    }

    pub(crate) async fn event_count(&self) -> u64 {
        self.store.last_sequence("OPENDATA").await.unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// How many uploads are on their way.
    pub(crate) fn incoming_count(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("content/incoming")).unwrap().count()
    }

    /// How much is kept in the content folder.
    pub(crate) fn kept_count(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path().join("content")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().file_name().len() == 64).count()
    }
}

async fn build(
    store: &Store,
    authority: &CertificateAuthority,
    folder: &TempDir,
    database: &str,
) -> (Tasks, App) {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config {
        content_bytes_max: CONTENT_BYTES_MAX,
        ..Config::new(loopback, loopback, database, folder.path().join("content"))
    };
    let tasks = Tasks::new();
    let dependencies = Dependencies {
        store: Arc::clone(store),
        clock: Clock::manual("2026-03-02T04:00:00Z".parse().unwrap()),
        credentials: credentials(authority, &service("open-data")),
        tasks: tasks.clone(),
    };
    (tasks, App::build(config, dependencies).await.unwrap())
}

impl Person {
    pub(crate) async fn propose(
        &self,
        resource: Uuid,
        content: impl AsRef<[u8]>,
    ) -> Result<ProposePublicationResponse, Status> {
        self.propose_as(Uuid::new_v4(), resource, content).await
    }

    /// Proposes with a command id of its own.
    pub(crate) async fn propose_as(
        &self,
        command: Uuid,
        resource: Uuid,
        content: impl AsRef<[u8]>,
    ) -> Result<ProposePublicationResponse, Status> {
        let mut parts = vec![header(command, resource)];
        parts.extend(content.as_ref().chunks(1000).map(|chunk| Part::Chunk(chunk.to_vec())));
        self.send(parts).await
    }

    pub(crate) async fn send(
        &self,
        parts: Vec<Part>,
    ) -> Result<ProposePublicationResponse, Status> {
        let parts = parts.into_iter().map(|part| ProposePublicationRequest { part: Some(part) });
        let answer = self.client.clone().propose_publication(stream::iter(parts)).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn review(
        &self,
        id: &str,
        content: &str,
    ) -> Result<ReviewPublicationResponse, Status> {
        self.review_with(passed(id, content)).await
    }

    pub(crate) async fn review_with(
        &self,
        request: ReviewPublicationRequest,
    ) -> Result<ReviewPublicationResponse, Status> {
        Ok(self.client.clone().review_publication(request).await?.into_inner())
    }

    pub(crate) async fn publish(&self, id: &str) -> Result<PublishResponse, Status> {
        self.publish_as(Uuid::new_v4(), id).await
    }

    pub(crate) async fn publish_as(
        &self,
        command: Uuid,
        id: &str,
    ) -> Result<PublishResponse, Status> {
        let request =
            PublishRequest { command_id: command.to_string(), publication_id: id.to_owned() };
        Ok(self.client.clone().publish(request).await?.into_inner())
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Publication, Status> {
        let request = GetPublicationRequest { publication_id: id.to_owned() };
        let answer = self.client.clone().get_publication(request).await?.into_inner();
        Ok(answer.publication.unwrap())
    }

    pub(crate) async fn list(
        &self,
        request: ListPublicationsRequest,
    ) -> Result<ListPublicationsResponse, Status> {
        Ok(self.client.clone().list_publications(request).await?.into_inner())
    }

    pub(crate) async fn withdraw(
        &self,
        id: &str,
        reason: &str,
    ) -> Result<WithdrawPublicationResponse, Status> {
        let request = WithdrawPublicationRequest {
            command_id: Uuid::new_v4().to_string(),
            publication_id: id.to_owned(),
            reason: reason.to_owned(),
        };
        Ok(self.client.clone().withdraw_publication(request).await?.into_inner())
    }
}

pub(crate) fn header(command: Uuid, resource: Uuid) -> Part {
    Part::Header(PublicationHeader {
        command_id: command.to_string(),
        resource_id: resource.to_string(),
    })
}

/// A review of this content that passed.
pub(crate) fn passed(id: &str, content: &str) -> ReviewPublicationRequest {
    ReviewPublicationRequest {
        command_id: Uuid::new_v4().to_string(),
        publication_id: id.to_owned(),
        outcome: ReviewOutcome::Passed.into(),
        basis: BASIS.to_owned(),
        content_sha256: publicdata_types::Digest::of(content).as_bytes().to_vec(),
    }
}

/// The reason that a client is told, and the words.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (String, String) {
    let problem = Problem::from_status(&answer.unwrap_err());
    (problem.reason.into_owned(), problem.message)
}

/// The reason that a client is told.
#[track_caller]
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    refusal(answer).0
}
