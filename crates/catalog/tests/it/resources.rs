//! Catalogue entries.

use std::collections::BTreeSet;

use futures::future::join_all;
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, GetResourceRequest, Resource, ResourceStatus, ReturnResourceRequest,
    Role, SearchResourcesRequest, SubmitResourceRequest,
};
use tonic::{Code, Status};

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, User, command_id, description, draft, reason};

async fn get(by: &mut User, resource_id: &str) -> Result<Resource, Status> {
    get_as_of(by, resource_id, None).await
}

async fn get_as_of(
    by: &mut User,
    resource_id: &str,
    as_of: Option<prost_types::Timestamp>,
) -> Result<Resource, Status> {
    let key = Some(Key::ResourceId(resource_id.to_owned()));
    let found =
        by.resources.get_resource(GetResourceRequest { key, as_of, ..Default::default() }).await?;
    Ok(found.into_inner().resource.unwrap())
}

async fn search(by: &mut User, request: SearchResourcesRequest) -> Vec<Resource> {
    by.resources.search_resources(request).await.unwrap().into_inner().resources
}

fn query(words: &str) -> SearchResourcesRequest {
    SearchResourcesRequest { query: words.to_owned(), ..SearchResourcesRequest::default() }
}

/// R12.1, R12.3: an entry is drafted, submitted and published, and comes back with all its fields.
#[tokio::test]
async fn a_published_entry_comes_back_whole() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;

    let drafted = provider.draft("成都市社区（村）名录").await;
    provider.submit(&drafted.resource_id).await;
    assert_eq!(city.publish(&drafted.resource_id).await.unwrap(), 1);

    let found = get(&mut consumer, &drafted.resource_id).await.unwrap();
    assert_eq!(found.description, Some(description(provider.code, "成都市社区（村）名录")));
    assert_eq!((&found.id, found.code.as_str()), (&drafted.resource_id, "302001/00001"));
    assert_eq!((found.status(), found.version), (ResourceStatus::Published, 1));
    assert_eq!(found.region_code, JINJIANG);
    assert_eq!(found.provider_name, format!("机构 {}", provider.code));
    assert_eq!(found.published_on.len(), "2026-01-04".len());
    assert!(found.updated_at.is_some());

    let by_code =
        GetResourceRequest { key: Some(Key::Code(found.code)), ..GetResourceRequest::default() };
    let by_code = consumer.resources.get_resource(by_code).await.unwrap().into_inner();
    assert_eq!(by_code.resource.unwrap().version, 1);
}

/// R12.2: drafts at the same time get codes of their own, without gaps; a revision keeps its code.
#[tokio::test]
async fn codes_are_unique_and_stable() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;

    let refused = draft(publicdata_proto::catalog::v1::ResourceDescription {
        items: vec![],
        ..description(provider.code, "无信息项")
    });
    let refused = provider.resources.draft_resource(refused).await.unwrap_err();
    assert_eq!(reason(&refused), "DESCRIPTION_INVALID");

    let drafts = (0..12).map(|number| {
        let mut provider = provider.clone();
        async move { provider.draft(&format!("名录 {number}")).await }
    });
    let drafted = join_all(drafts).await;
    let codes: BTreeSet<&str> = drafted.iter().map(|drafted| drafted.code.as_str()).collect();
    let expected: Vec<String> = (1..=12).map(|serial| format!("302001/{serial:05}")).collect();
    assert!(codes.into_iter().eq(expected.iter()), "{drafted:?}");

    let revision = DraftResourceRequest {
        resource_id: drafted[3].resource_id.clone(),
        ..draft(description(provider.code, "新的名称"))
    };
    let revised = provider.resources.draft_resource(revision).await.unwrap().into_inner();
    assert_eq!(revised.code, drafted[3].code);
}

/// R13.1: a district authority sees and reviews its own region; beyond it there is nothing but what was published.
#[tokio::test]
async fn a_district_authority_sees_and_reviews_its_own_region() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let mut other = catalogue.registered(&city, 5, JINJIANG, &[Role::Provider]).await;
    let id = provider.draft("社区名录").await.resource_id;
    provider.submit(&id).await;

    for insider in [&mut provider, &mut jinjiang, &mut city] {
        assert_eq!(get(insider, &id).await.unwrap().status(), ResourceStatus::Submitted);
        assert_eq!(search(insider, query("社区")).await.len(), 1);
    }
    for outsider in [&mut qingyang, &mut other] {
        assert_eq!(reason(&get(outsider, &id).await.unwrap_err()), "RESOURCE_NOT_FOUND");
        assert_eq!(search(outsider, query("社区")).await, []);
        assert_eq!(reason(&outsider.publish(&id).await.unwrap_err()), "RESOURCE_NOT_FOUND");
    }

    assert_eq!(jinjiang.publish(&id).await.unwrap(), 1);
    for anybody in [&mut qingyang, &mut other] {
        assert_eq!(get(anybody, &id).await.unwrap().version, 1);
        let refused = anybody.publish(&id).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let own = draft(description(provider.code, "冒名"));
    let refused = other.resources.draft_resource(own).await.unwrap_err();
    assert_eq!(reason(&refused), "OTHER_ORGANISATION");
}

/// R12.3, R13.1: while a published entry is revised, others see what holds; search tells nothing of the draft.
#[tokio::test]
async fn a_revision_is_seen_by_others_once_it_is_published() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let id = provider.draft("旧名录").await.resource_id;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();

    let revision = draft(description(provider.code, "新名录"));
    let revision = DraftResourceRequest { resource_id: id.clone(), ..revision };
    provider.resources.draft_resource(revision).await.unwrap();
    let seen = get(&mut consumer, &id).await.unwrap();
    assert_eq!((seen.description.unwrap().name.as_str(), seen.version), ("旧名录", 1));
    assert_eq!(search(&mut consumer, query("\"新名录\"")).await, []);
    assert_eq!(search(&mut provider, query("新名录")).await.len(), 1);
    let drafts = SearchResourcesRequest { status: ResourceStatus::Draft.into(), ..query("名录") };
    assert_eq!(search(&mut consumer, drafts.clone()).await, []);
    assert_eq!(search(&mut provider, drafts).await.len(), 1);

    provider.submit(&id).await;
    let correct = ReturnResourceRequest {
        command_id: command_id(),
        resource_id: id.clone(),
        reason: "摘要不完整".to_owned(),
    };
    city.resources.return_resource(correct).await.unwrap();
    assert_eq!(get(&mut provider, &id).await.unwrap().return_reason, "摘要不完整");
    assert_eq!(get(&mut consumer, &id).await.unwrap().return_reason, "");

    let again = draft(description(provider.code, "新名录"));
    let again = DraftResourceRequest { resource_id: id.clone(), ..again };
    provider.resources.draft_resource(again).await.unwrap();
    provider.submit(&id).await;
    assert_eq!(city.publish(&id).await.unwrap(), 2);
    assert_eq!(get(&mut consumer, &id).await.unwrap().description.unwrap().name, "新名录");
}

/// H2: an entry as it was at a past moment.
#[tokio::test]
async fn an_entry_is_read_as_of_a_past_moment() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let id = provider.draft("名录").await.resource_id;
    let drafted_at = get(&mut provider, &id).await.unwrap().updated_at;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();
    let published_at = get(&mut provider, &id).await.unwrap().updated_at;

    // The view keeps microseconds; a moment later, the event had happened.
    let later = |time: Option<prost_types::Timestamp>| {
        time.map(|time| prost_types::Timestamp {
            nanos: (time.nanos + 1_000).min(999_999_999),
            ..time
        })
    };
    let then = get_as_of(&mut provider, &id, later(drafted_at)).await.unwrap();
    assert_eq!((then.status(), then.version), (ResourceStatus::Draft, 0));
    let hidden = get_as_of(&mut consumer, &id, later(drafted_at)).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    let now = get_as_of(&mut consumer, &id, later(published_at)).await.unwrap();
    assert_eq!(now.version, 1);
    let before = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    let before = get_as_of(&mut provider, &id, before).await.unwrap_err();
    assert_eq!(before.code(), Code::NotFound);
}

/// H1: a command that is sent twice has one effect and one answer.
#[tokio::test]
async fn a_repeated_command_is_answered_as_the_first() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let request = draft(description(provider.code, "名录"));

    let first = provider.resources.draft_resource(request.clone()).await.unwrap().into_inner();
    provider.submit(&first.resource_id).await;
    let again = provider.resources.draft_resource(request).await.unwrap().into_inner();

    assert_eq!(again, first);
    let found = get(&mut provider, &first.resource_id).await.unwrap();
    assert_eq!(found.status(), ResourceStatus::Submitted);
    assert_eq!(search(&mut provider, query("")).await.len(), 1);
}

/// H1: of two commands at once, each is decided on what the other left.
#[tokio::test]
async fn two_commands_at_once_are_decided_one_after_the_other() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let id = provider.draft("名录").await.resource_id;
    provider.submit(&id).await;

    let publish = (0..4).map(|_| {
        let (mut city, id) = (city.clone(), id.clone());
        async move { city.publish(&id).await }
    });
    let versions: Result<Vec<u32>, Status> = join_all(publish).await.into_iter().collect();

    assert_eq!(versions.unwrap(), [1, 1, 1, 1]);
    assert_eq!(get(&mut provider, &id).await.unwrap().version, 1);
}

/// H3: what is wrong is named, and nothing that the caller may not know.
#[tokio::test]
async fn a_wrong_request_is_answered_with_the_field() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;

    let mut wrong = draft(description(provider.code, "名录"));
    wrong.description.as_mut().unwrap().items[1].r#type = 99;
    let refused = provider.resources.draft_resource(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("description.items[1].type"), "{}", refused.message());

    let request = SubmitResourceRequest {
        command_id: "510104198001010012".to_owned(),
        resource_id: command_id(),
    };
    let refused = provider.resources.submit_resource(request).await.unwrap_err();
    assert!(refused.message().contains("command_id"));
    assert!(!refused.message().contains("510104198001010012"), "H5: {}", refused.message());

    let too_many = SearchResourcesRequest { page_size: 501, ..query("") };
    let refused = provider.resources.search_resources(too_many).await.unwrap_err();
    assert_eq!(reason(&refused), "FIELD_INVALID");
}

#[tokio::test]
async fn search_narrows_and_goes_page_by_page() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut first = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut second = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;
    for number in 1..=3 {
        first.draft(&format!("名录 A{number} 100%")).await;
    }
    second.draft("名录 B").await;

    assert_eq!(search(&mut city, query("名录 a2")).await.len(), 1, "every word, in any case");
    assert_eq!(search(&mut city, query("100%")).await.len(), 3, "a wildcard is a character");
    assert_eq!(search(&mut city, query("联系人")).await.len(), 4, "an item's title");
    let of = SearchResourcesRequest { provider_code: second.code.to_string(), ..query("") };
    assert_eq!(search(&mut city, of).await.len(), 1);
    let within = SearchResourcesRequest { region_code: JINJIANG.to_owned(), ..query("") };
    assert_eq!(search(&mut city, within).await.len(), 3);

    let (mut codes, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = SearchResourcesRequest { page_size: 3, page_token, ..query("") };
        let page = city.resources.search_resources(request).await.unwrap().into_inner();
        codes.extend(page.resources.into_iter().map(|resource| resource.code));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected: Vec<String> = (1..=4).map(|serial| format!("302001/{serial:05}")).collect();
    assert_eq!(codes, expected);
}
