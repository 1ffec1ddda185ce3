//! Two districts of one city: whatever is called over the border, nothing is written and nothing leaks.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    CompareResourceVersionsRequest, DraftResourceRequest, GetResourceRequest,
    ListResourceHistoryRequest, ListResourceVersionsRequest, PublishResourceRequest,
    RecordResourceUpdateRequest, ResourceDescription, ResourceStatus, ResumeResourceRequest,
    ReturnResourceRequest, Role, SearchResourcesRequest, SubmitResourceRequest,
    SuspendResourceRequest, WithdrawResourceRequest,
};
use tonic::{Code, Status};

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, User, command_id, description, draft, reason};

/// What stands in a draft, and nowhere else.
const SECRET: &str = "尚未公布的名录";

/// A call by its name, with the text of its answer.
type Call<'a> = (&'static str, BoxFuture<'a, Result<String, Status>>);

macro_rules! call {
    ($by:ident.$method:ident, $name:literal, $request:expr) => {{
        let (mut client, request) = ($by.resources.clone(), $request);
        let answer = async move {
            client.$method(request).await.map(|response| format!("{:?}", response.get_ref()))
        };
        ($name, answer.boxed())
    }};
}

/// Every call that changes an entry.
fn writes<'a>(by: &User, id: &str, description: &ResourceDescription) -> Vec<Call<'a>> {
    let (resource_id, why) = (|| id.to_owned(), || "越界的操作".to_owned());
    let over = DraftResourceRequest { resource_id: resource_id(), ..draft(description.clone()) };
    let own = ResourceDescription { provider_code: by.code.to_string(), ..description.clone() };
    let taken = DraftResourceRequest { resource_id: resource_id(), ..draft(own) };
    let submit = SubmitResourceRequest { command_id: command_id(), resource_id: resource_id() };
    let publish = PublishResourceRequest { command_id: command_id(), resource_id: resource_id() };
    let resume = ResumeResourceRequest { command_id: command_id(), resource_id: resource_id() };
    let return_ = ReturnResourceRequest {
        command_id: command_id(),
        resource_id: resource_id(),
        reason: why(),
    };
    let suspend = SuspendResourceRequest {
        command_id: command_id(),
        resource_id: resource_id(),
        reason: why(),
    };
    let withdraw = WithdrawResourceRequest {
        command_id: command_id(),
        resource_id: resource_id(),
        reason: why(),
    };
    let update = RecordResourceUpdateRequest {
        command_id: command_id(),
        resource_id: resource_id(),
        current_on: "2026-01-01".to_owned(),
        rows: 1,
    };
    vec![
        call!(by.draft_resource, "DraftResource", over),
        call!(by.draft_resource, "DraftResource", taken),
        call!(by.submit_resource, "SubmitResource", submit),
        call!(by.return_resource, "ReturnResource", return_),
        call!(by.publish_resource, "PublishResource", publish),
        call!(by.suspend_resource, "SuspendResource", suspend),
        call!(by.resume_resource, "ResumeResource", resume),
        call!(by.withdraw_resource, "WithdrawResource", withdraw),
        call!(by.record_resource_update, "RecordResourceUpdate", update),
    ]
}

/// Every call that reads one entry.
fn reads<'a>(by: &User, id: &str, code: &str) -> Vec<Call<'a>> {
    let resource_id = || id.to_owned();
    let get = |key, valid_on: &str, as_of| GetResourceRequest {
        key: Some(key),
        valid_on: valid_on.to_owned(),
        as_of,
    };
    let late = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
    let by_id = || Key::ResourceId(resource_id());
    let compare = |before, after| CompareResourceVersionsRequest {
        resource_id: resource_id(),
        before,
        after,
    };
    let versions = ListResourceVersionsRequest { resource_id: resource_id() };
    let history = ListResourceHistoryRequest { resource_id: resource_id(), ..Default::default() };
    vec![
        call!(by.get_resource, "GetResource", get(by_id(), "", None)),
        call!(by.get_resource, "GetResource", get(Key::Code(code.to_owned()), "", None)),
        call!(by.get_resource, "GetResource", get(by_id(), "", late)),
        call!(by.get_resource, "GetResource", get(by_id(), "2090-01-01", None)),
        call!(by.get_resource, "GetResource", get(by_id(), "2090-01-01", late)),
        call!(by.list_resource_versions, "ListResourceVersions", versions),
        call!(by.compare_resource_versions, "CompareResourceVersions", compare(0, 0)),
        call!(by.compare_resource_versions, "CompareResourceVersions", compare(1, 2)),
        call!(by.list_resource_history, "ListResourceHistory", history),
    ]
}

/// Every way to search.
fn searches<'a>(by: &User, provider: &User) -> Vec<Call<'a>> {
    let search = |query: &str, status: ResourceStatus| SearchResourcesRequest {
        query: query.to_owned(),
        provider_code: provider.code.to_string(),
        region_code: JINJIANG.to_owned(),
        status: status.into(),
        ..Default::default()
    };
    [
        ResourceStatus::Unspecified,
        ResourceStatus::Draft,
        ResourceStatus::Submitted,
        ResourceStatus::Returned,
        ResourceStatus::Published,
        ResourceStatus::Suspended,
        ResourceStatus::Withdrawn,
    ]
    .into_iter()
    .flat_map(|status| ["", SECRET].map(|query| search(query, status)))
    .map(|request| call!(by.search_resources, "SearchResources", request))
    .collect()
}

/// The calls of the service, as it describes itself.
fn methods() -> BTreeSet<String> {
    let descriptors = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let services = descriptors.file.into_iter().flat_map(|file| file.service);
    let service = services.into_iter().find(|service| service.name() == "ResourceService");
    service.unwrap().method.iter().map(|method| method.name().to_owned()).collect()
}

/// A city with two districts, and everybody who takes part in them.
struct City {
    catalogue: Catalogue,
    city: User,
    jinjiang: User,
    provider: User,
    /// Everybody who is over the border of Jinjiang, or has no say in it.
    outsiders: Vec<(&'static str, User)>,
}

impl City {
    async fn start() -> Self {
        let catalogue = Catalogue::start().await;
        let city = catalogue.city().await;
        let registered =
            async |number, region, role| catalogue.registered(&city, number, region, &[role]).await;
        let neighbour = registered(5, QINGYANG, Role::Provider).await;
        let node = catalogue.node(neighbour.code);
        let outsiders = vec![
            ("the authority next door", registered(4, QINGYANG, Role::Authority).await),
            ("a provider next door", neighbour),
            ("its node", node),
            ("another provider here", registered(6, JINJIANG, Role::Provider).await),
            ("a consumer here", registered(7, JINJIANG, Role::Consumer).await),
            ("a consumer next door", registered(8, QINGYANG, Role::Consumer).await),
        ];
        let jinjiang = registered(2, JINJIANG, Role::Authority).await;
        let provider = registered(3, JINJIANG, Role::Provider).await;
        Self { catalogue, city, jinjiang, provider, outsiders }
    }

    async fn events(&self) -> u64 {
        self.catalogue.store.last_sequence("CATALOG").await.unwrap()
    }
}

/// R13.1, H3: an entry that was never published is, for everybody who may not see drafts, exactly one that does not exist.
#[tokio::test]
async fn an_unpublished_entry_does_not_exist_over_the_border() {
    let mut all = Box::pin(City::start()).await;
    let drafted = all.provider.draft(SECRET).await;
    let submitted = all.provider.draft(&format!("{SECRET}二")).await;
    all.provider.submit(&submitted.resource_id).await;
    let before = all.events().await;

    let mut tried = BTreeSet::new();
    let (nowhere, unused) = (command_id(), "302001/99999");
    for (who, by) in &all.outsiders {
        for (id, code) in
            [(&drafted.resource_id, &drafted.code), (&submitted.resource_id, &submitted.code)]
        {
            let text = description(all.provider.code, SECRET);
            let calls = || [writes(by, id, &text), reads(by, id, code)];
            let none = [writes(by, &nowhere, &text), reads(by, &nowhere, unused)];
            let pairs = calls().into_iter().flatten().zip(none.into_iter().flatten());
            for ((name, answer), (_, answer_of_none)) in pairs {
                let refused = answer.await.unwrap_err();
                let of_none = answer_of_none.await.unwrap_err();
                assert_eq!(refused.code(), of_none.code(), "{who}: {name}");
                assert_eq!(refused.message(), of_none.message(), "{who}: {name}");
                assert!(!refused.message().contains(SECRET), "{who}: {name}");
                tried.insert(name.to_owned());
            }
        }
        for (name, answer) in searches(by, &all.provider) {
            // A node may search; whoever searches finds nothing.
            let found = answer.await.unwrap();
            assert!(!found.contains(&drafted.resource_id), "{who}: {found}");
            assert!(!found.contains(SECRET), "{who}: {found}");
            tried.insert(name.to_owned());
        }
    }

    assert_eq!(tried, methods(), "every call is tried");
    assert_eq!(all.events().await, before, "nothing was written");
    for insider in [&all.city, &all.jinjiang, &all.provider] {
        for (name, answer) in
            reads(insider, &drafted.resource_id, &drafted.code).into_iter().take(3)
        {
            assert!(answer.await.unwrap().contains(SECRET), "{name}");
        }
    }
}

/// R13.1: of a published entry, everybody reads what was published; nobody over the border reads the draft over it, or
/// has a say in its life.
#[tokio::test]
async fn a_published_entry_is_read_and_not_touched_over_the_border() {
    let mut all = Box::pin(City::start()).await;
    let published = all.provider.draft("社区名录").await;
    let id = &published.resource_id;
    all.provider.submit(id).await;
    all.jinjiang.publish(id).await.unwrap();
    let revision = description(all.provider.code, SECRET);
    let over = DraftResourceRequest { resource_id: id.clone(), ..draft(revision.clone()) };
    all.provider.resources.draft_resource(over).await.unwrap();
    all.provider.submit(id).await;
    let before = all.events().await;

    for (who, by) in &all.outsiders {
        for (name, answer) in writes(by, id, &revision) {
            let refused = answer.await.unwrap_err();
            let allowed = [Code::PermissionDenied, Code::InvalidArgument];
            assert!(allowed.contains(&refused.code()), "{who}: {name}: {refused:?}");
            if refused.code() == Code::InvalidArgument {
                assert_eq!(name, "DraftResource");
                assert_eq!(reason(&refused), "PROVIDER_CHANGED", "{who}");
            }
            assert!(!refused.message().contains(SECRET), "{who}: {name}");
        }
        for (name, answer) in reads(by, id, &published.code) {
            match answer.await {
                Ok(text) => {
                    assert!(!text.contains(SECRET), "{who}: {name}: {text}");
                    assert!(!text.contains("Submitted"), "{who}: {name}: {text}");
                    assert!(!text.contains("spiffe:"), "{who}: {name}: {text}");
                }
                Err(refused) => {
                    assert_eq!(reason(&refused), "VERSION_NOT_FOUND", "{who}: {name}");
                }
            }
        }
        for (name, answer) in searches(by, &all.provider) {
            assert!(!answer.await.unwrap().contains(SECRET), "{who}: {name}");
        }
    }
    assert_eq!(all.events().await, before, "nothing was written");

    // The district's own authority and the city do have a say.
    assert_eq!(all.jinjiang.publish(id).await.unwrap(), 2);
    let suspend = SuspendResourceRequest {
        command_id: command_id(),
        resource_id: id.clone(),
        reason: "核查中".to_owned(),
    };
    all.city.resources.suspend_resource(suspend).await.unwrap();
}
