//! The directory over a store in memory and SQLite.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::sync::Arc;
use std::time::Duration;

use prost_types::Any;
use publicdata_directory::organisation::role_to_wire;
use publicdata_directory::{Caller, Directory};
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_identity::{Peer, SpiffeId};
use publicdata_proto::catalog::v1::{
    AgreementTerminated, CertificateIssued, OrganisationChanged, OrganisationClosed,
    OrganisationRegistered, SecurityOfficerAppointed,
};
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Problem, Tasks};
use publicdata_types::{CommandId, OrganisationCode, Role};
use publicdata_views::Database;
use tempfile::TempDir;
use tonic::Request;
use uuid::Uuid;

const CITY: &str = "11510100MB1234567C";
const DISTRICT: &str = "11510104MB12345672";

struct Bench {
    directory: Arc<Directory>,
    store: Store,
    tasks: Tasks,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("views.db").display());
        let database = Database::open(&url).await.unwrap();
        let store: Store = Arc::new(MemoryStore::new());
        let tasks = Tasks::new();
        let directory = Directory::open(database, Arc::clone(&store), &tasks).await.unwrap();
        Self { directory, store, tasks, _folder: folder }
    }

    async fn register(&self, organisation: OrganisationCode, roles: &[Role]) -> u64 {
        let registered = OrganisationRegistered {
            code: organisation.to_string(),
            name: "成都市民政局".to_owned(),
            region_code: "510100".to_owned(),
            roles: roles.iter().map(|role| role_to_wire(*role) as i32).chain([99]).collect(),
            ..OrganisationRegistered::default()
        };
        self.append(organisation, 0, Any::from_msg(&registered).unwrap()).await
    }

    async fn append(&self, organisation: OrganisationCode, expected: u64, event: Any) -> u64 {
        self.append_to("organisation", organisation.as_str(), expected, event).await
    }

    async fn append_to(&self, kind: &str, id: &str, expected: u64, event: Any) -> u64 {
        let subject = Subject::new("catalog", kind, id).unwrap();
        let commit = NewCommit {
            command_id: CommandId::from_uuid(Uuid::new_v4()),
            actor: "spiffe://test.internal/service/catalog".to_owned(),
            occurred_at: "2026-01-04T01:00:00Z".parse().unwrap(),
            traceparent: None,
            events: vec![event],
        };
        self.store.append(&subject, expected, commit).await.unwrap().sequence
    }

    async fn call(&self, id: &str) -> Result<Caller, Problem> {
        self.directory.caller(&request(id)).await
    }
}

fn request(id: &str) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().insert(Peer(id.parse::<SpiffeId>().unwrap()));
    request
}

fn code(text: &str) -> OrganisationCode {
    match text.parse() {
        Ok(code) => code,
        // The check character of a code that was made up follows from the others.
        Err(_) => "0123456789ABCDEFGHJKLMNPQRTUWXY"
            .chars()
            .find_map(|check| format!("{}{check}", &text[..17]).parse().ok())
            .unwrap(),
    }
}

/// R13.1: role and region come from what was registered, whatever the certificate says.
#[tokio::test]
async fn a_user_becomes_an_actor_of_its_organisation() {
    let bench = Bench::new().await;
    bench.register(code(CITY), &[Role::Authority, Role::Provider]).await;
    let id = format!("spiffe://test.internal/org/{}/user/clerk-1", code(CITY));

    let Caller::User(actor) = bench.call(&id).await.unwrap() else { panic!("not a user") };

    assert_eq!(actor.id, id);
    assert_eq!(actor.organisation, code(CITY));
    assert_eq!(actor.roles, [Role::Authority, Role::Provider].into());
    assert_eq!(actor.region.to_string(), "510100");
}

/// H4: whoever was registered before the call is known, however far the view lags.
#[tokio::test]
async fn an_organisation_is_known_as_soon_as_it_is_registered() {
    let bench = Bench::new().await;
    for number in 0..50 {
        let code = code(&format!("11510100MB12345{number:02}X"));
        bench.register(code, &[Role::Consumer]).await;
        let id = format!("spiffe://test.internal/org/{code}/node/n1");
        assert!(matches!(bench.call(&id).await.unwrap(), Caller::Node { .. }));
    }
}

/// H3: a certificate of an organisation that is not registered is refused, with the reason.
#[tokio::test]
async fn an_unknown_organisation_is_refused() {
    let bench = Bench::new().await;
    bench.register(code(CITY), &[Role::Authority]).await;
    let id = format!("spiffe://test.internal/org/{}/user/clerk-1", code(DISTRICT));

    let refused = bench.call(&id).await.unwrap_err();

    assert_eq!((refused.code, &*refused.reason), (Code::PermissionDenied, "ORGANISATION_UNKNOWN"));
    assert!(refused.message.contains(code(DISTRICT).as_str()));
}

/// R9.2: no certificate, no caller.
#[tokio::test]
async fn a_call_without_a_certificate_is_refused() {
    let bench = Bench::new().await;
    let refused = bench.directory.caller(&Request::new(())).await.unwrap_err();
    assert_eq!(refused.code, Code::Unauthenticated);
}

#[tokio::test]
async fn users_and_nodes_are_told_apart() {
    let bench = Bench::new().await;
    bench.register(code(CITY), &[Role::Authority]).await;
    let org = format!("spiffe://test.internal/org/{}", code(CITY));
    let (user, node) = (request(&format!("{org}/user/a1")), request(&format!("{org}/node/a1")));
    let service = request("spiffe://test.internal/service/audit");

    assert!(bench.directory.user(&user).await.is_ok());
    assert_eq!(bench.directory.user(&node).await.unwrap_err().reason, "USER_REQUIRED");
    assert_eq!(bench.directory.user(&service).await.unwrap_err().reason, "USER_REQUIRED");
    assert!(bench.directory.node(&node).await.is_ok());
    assert_eq!(bench.directory.node(&user).await.unwrap_err().reason, "NODE_REQUIRED");
    assert!(matches!(bench.directory.caller(&service).await.unwrap(), Caller::Service(_)));
}

/// What was cached is forgotten when the organisation changes.
#[tokio::test]
async fn a_change_reaches_those_who_read_before() {
    let bench = Bench::new().await;
    let registered = bench.register(code(CITY), &[Role::Authority]).await;
    let before = bench.directory.organisation_now(&code(CITY)).await.unwrap().unwrap();
    assert_eq!(before.security_officer, None);

    let event = Any::from_msg(&SecurityOfficerAppointed { account: "sec-1".to_owned() }).unwrap();
    let appointed = bench.append(code(CITY), registered, event).await;
    bench.directory.wait_for(appointed).await.unwrap();

    let after = bench.directory.organisation(&code(CITY)).await.unwrap().unwrap();
    assert_eq!(after.security_officer.as_ref().map(|officer| officer.as_str()), Some("sec-1"));
    bench.tasks.drain(Duration::from_secs(5)).await.unwrap();
}

/// R13.1: role and region follow the organisation, and with them what its people may do.
#[tokio::test]
async fn an_organisation_that_moves_takes_its_people_along() {
    let bench = Bench::new().await;
    let registered = bench.register(code(CITY), &[Role::Authority]).await;
    let id = format!("spiffe://test.internal/org/{}/user/clerk-1", code(CITY));
    bench.call(&id).await.unwrap();

    let changed = OrganisationChanged {
        name: "成都市卫健委".to_owned(),
        region_code: "510104".to_owned(),
        region_revision: "2023".to_owned(),
        roles: vec![role_to_wire(Role::Provider) as i32],
        reason: "职能调整".to_owned(),
    };
    let changed = bench.append(code(CITY), registered, Any::from_msg(&changed).unwrap()).await;
    bench.directory.wait_for(changed).await.unwrap();

    let Caller::User(actor) = bench.call(&id).await.unwrap() else { panic!("not a user") };
    assert_eq!(
        (actor.region.to_string().as_str(), actor.roles),
        ("510104", [Role::Provider].into())
    );
    let found = bench.directory.organisation(&code(CITY)).await.unwrap().unwrap();
    assert_eq!(found.name, "成都市卫健委");
    assert_eq!(found.region_revision.map(|revision| revision.to_string()), Some("2023".to_owned()));
}

/// H3: whoever belonged to an organisation that was dissolved is told so, and who took over.
#[tokio::test]
async fn an_organisation_that_was_closed_is_refused() {
    let bench = Bench::new().await;
    let registered = bench.register(code(DISTRICT), &[Role::Provider]).await;
    let closed = OrganisationClosed {
        successor_code: code(CITY).to_string(),
        closed_on: "2026-01-04".to_owned(),
        reason: "机构改革".to_owned(),
    };
    let closed = bench.append(code(DISTRICT), registered, Any::from_msg(&closed).unwrap()).await;
    bench.directory.wait_for(closed).await.unwrap();

    for principal in ["user/clerk-1", "node/n1"] {
        let id = format!("spiffe://test.internal/org/{}/{principal}", code(DISTRICT));
        let refused = bench.call(&id).await.unwrap_err();
        assert_eq!(refused.reason, "ORGANISATION_CLOSED");
        assert!(refused.message.contains(code(CITY).as_str()), "{}", refused.message);
    }
    let listed = bench.directory.organisations(None, 10).await.unwrap();
    assert_eq!(listed[0].closed.unwrap().successor, Some(code(CITY)));
}

/// R44.1: an account that works under an agreement is refused once that is over, its colleagues are not, and a new agreement
/// lets it in again.
#[tokio::test]
async fn an_account_ends_with_its_agreement() {
    let bench = Bench::new().await;
    let mut last = bench.register(code(CITY), &[Role::Provider]).await;
    let org = format!("spiffe://test.internal/org/{}", code(CITY));
    let (vendor, clerk) = (format!("{org}/user/vendor-1"), format!("{org}/user/clerk-1"));
    let issued = |spiffe_id: &str, agreement_id: &str| {
        Any::from_msg(&CertificateIssued {
            spiffe_id: spiffe_id.to_owned(),
            agreement_id: agreement_id.to_owned(),
            ..CertificateIssued::default()
        })
        .unwrap()
    };
    for event in [issued(&vendor, "a-1"), issued(&clerk, "")] {
        last = bench.append(code(CITY), last, event).await;
    }
    bench.directory.wait_for(last).await.unwrap();
    assert!(bench.call(&vendor).await.is_ok());

    let terminated = Any::from_msg(&AgreementTerminated::default()).unwrap();
    let over = bench.append_to("agreement", "a-1", 0, terminated).await;
    bench.directory.wait_for(over).await.unwrap();
    assert_eq!(bench.call(&vendor).await.unwrap_err().reason, "AGREEMENT_OVER");
    assert!(bench.call(&clerk).await.is_ok());

    let before = bench.directory.projector().content().await.unwrap();
    assert_eq!(bench.directory.projector().rebuild().await.unwrap().content, before);

    let renewed = bench.append(code(CITY), last, issued(&vendor, "a-2")).await;
    bench.directory.wait_for(renewed).await.unwrap();
    assert!(bench.call(&vendor).await.is_ok());
}

#[tokio::test]
async fn organisations_are_listed_page_by_page() {
    let bench = Bench::new().await;
    assert_eq!(bench.directory.any_authority().await.unwrap(), None);
    bench.register(code(DISTRICT), &[Role::Provider]).await;
    let last = bench.register(code(CITY), &[Role::Authority]).await;
    bench.directory.wait_for(last).await.unwrap();

    let first = bench.directory.organisations(None, 1).await.unwrap();
    let second = bench.directory.organisations(Some(&first[0].code), 1).await.unwrap();
    let third = bench.directory.organisations(Some(&second[0].code), 1).await.unwrap();

    assert_eq!([first[0].code, second[0].code], [code(CITY), code(DISTRICT)]);
    assert_eq!(third, []);
    assert_eq!(bench.directory.any_authority().await.unwrap().unwrap().code, code(CITY));
}
