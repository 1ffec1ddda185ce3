//! The life of an entry once it is published: suspended, resumed, updated, withdrawn; its versions and its history.

use std::time::Duration;

use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    CompareResourceVersionsRequest, CompareResourceVersionsResponse, DraftResourceRequest,
    GetResourceRequest, ListResourceHistoryRequest, ListResourceVersionsRequest,
    RecordResourceUpdateRequest, Resource, ResourceDescription, ResourceEvent, ResourceEventKind,
    ResourceStatus, ResumeResourceRequest, ReturnResourceRequest, Role, SearchResourcesRequest,
    SuspendResourceRequest, WithdrawResourceRequest,
};
use tonic::{Code, Status};

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, User, command_id, description, draft, reason};

const DAY: Duration = Duration::from_secs(86_400);

async fn get(by: &User, resource_id: &str) -> Resource {
    read(by, GetResourceRequest { key: key(resource_id), ..Default::default() }).await.unwrap()
}

async fn read(by: &User, request: GetResourceRequest) -> Result<Resource, Status> {
    let found = by.resources.clone().get_resource(request).await?;
    Ok(found.into_inner().resource.unwrap())
}

fn key(resource_id: &str) -> Option<Key> {
    Some(Key::ResourceId(resource_id.to_owned()))
}

async fn found(by: &User, status: ResourceStatus) -> Vec<String> {
    let request = SearchResourcesRequest { status: status.into(), ..Default::default() };
    let found = by.resources.clone().search_resources(request).await.unwrap().into_inner();
    found.resources.into_iter().map(|resource| resource.id).collect()
}

async fn suspend(by: &User, resource_id: &str, reason: &str) -> Result<(), Status> {
    let request = SuspendResourceRequest {
        command_id: command_id(),
        resource_id: resource_id.to_owned(),
        reason: reason.to_owned(),
    };
    by.resources.clone().suspend_resource(request).await.map(|_| ())
}

async fn resume(by: &User, resource_id: &str) -> Result<(), Status> {
    let request =
        ResumeResourceRequest { command_id: command_id(), resource_id: resource_id.to_owned() };
    by.resources.clone().resume_resource(request).await.map(|_| ())
}

async fn withdraw(by: &User, resource_id: &str, reason: &str) -> Result<(), Status> {
    let request = WithdrawResourceRequest {
        command_id: command_id(),
        resource_id: resource_id.to_owned(),
        reason: reason.to_owned(),
    };
    by.resources.clone().withdraw_resource(request).await.map(|_| ())
}

async fn update(by: &User, resource_id: &str, current_on: &str) -> Result<(), Status> {
    let request = RecordResourceUpdateRequest {
        command_id: command_id(),
        resource_id: resource_id.to_owned(),
        current_on: current_on.to_owned(),
        rows: 3_300,
    };
    by.resources.clone().record_resource_update(request).await.map(|_| ())
}

async fn revise(by: &User, resource_id: &str, description: ResourceDescription) {
    let request =
        DraftResourceRequest { resource_id: resource_id.to_owned(), ..draft(description) };
    by.resources.clone().draft_resource(request).await.unwrap();
}

async fn history(by: &User, resource_id: &str) -> Vec<ResourceEvent> {
    let (mut events, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListResourceHistoryRequest {
            resource_id: resource_id.to_owned(),
            page_size: 2,
            page_token,
        };
        let page = by.resources.clone().list_resource_history(request).await.unwrap().into_inner();
        events.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return events;
        }
    }
}

async fn compare(
    by: &User,
    resource_id: &str,
    (before, after): (u32, u32),
) -> Result<CompareResourceVersionsResponse, Status> {
    let resource_id = resource_id.to_owned();
    let request = CompareResourceVersionsRequest { resource_id, before, after };
    Ok(by.resources.clone().compare_resource_versions(request).await?.into_inner())
}

/// A city, a district's provider, a consumer elsewhere, and an entry that was published.
async fn published(catalogue: &Catalogue) -> (User, User, User, String) {
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let id = provider.draft("社区名录").await.resource_id;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();
    (city, provider, consumer, id)
}

/// R12.3: a suspended entry is out of use for a time: not found by default, readable with its status and reason.
#[tokio::test]
async fn a_suspended_entry_is_readable_and_out_of_use() {
    let catalogue = Catalogue::start().await;
    let (city, provider, consumer, id) = published(&catalogue).await;
    assert_eq!(found(&consumer, ResourceStatus::Unspecified).await, std::slice::from_ref(&id));

    suspend(&provider, &id, "数据有误，核查中").await.unwrap();

    for reader in [&city, &provider, &consumer] {
        let seen = get(reader, &id).await;
        assert_eq!(seen.status(), ResourceStatus::Suspended);
        assert_eq!(seen.standing(), ResourceStatus::Suspended);
        assert_eq!(seen.standing_reason, "数据有误，核查中");
        assert_eq!(seen.version, 1);
        assert_eq!(found(reader, ResourceStatus::Unspecified).await, [""; 0]);
        assert_eq!(found(reader, ResourceStatus::Published).await, [""; 0]);
        assert_eq!(found(reader, ResourceStatus::Suspended).await, std::slice::from_ref(&id));
    }

    resume(&provider, &id).await.unwrap();
    let seen = get(&consumer, &id).await;
    assert_eq!((seen.status(), seen.standing_reason.as_str()), (ResourceStatus::Published, ""));
    assert_eq!(found(&consumer, ResourceStatus::Unspecified).await, [id]);
}

/// R12.3, R13.1: what an authority suspended, neither the provider nor a lower authority ends.
#[tokio::test]
async fn an_authoritys_suspension_is_ended_by_an_authority() {
    let catalogue = Catalogue::start().await;
    let (city, provider, _, id) = published(&catalogue).await;
    let district = catalogue.registered(&city, 4, JINJIANG, &[Role::Authority]).await;

    suspend(&city, &id, "涉及个人信息，须整改").await.unwrap();
    for lower in [&provider, &district] {
        let refused = resume(lower, &id).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(reason(&refused), "SUSPENDED_BY_AUTHORITY");
    }
    resume(&city, &id).await.unwrap();

    suspend(&provider, &id, "数据有误，核查中").await.unwrap();
    assert_eq!(reason(&resume(&city, &id).await.unwrap_err()), "SUSPENDED_BY_PROVIDER");
    assert_eq!(reason(&suspend(&provider, &id, "无").await.unwrap_err()), "REASON_MISSING");
}

/// R12.3: a revision of a suspended entry is written, reviewed and published; the entry stays out of use until resumed.
#[tokio::test]
async fn a_revision_does_not_end_a_suspension() {
    let catalogue = Catalogue::start().await;
    let (mut city, mut provider, consumer, id) = published(&catalogue).await;
    suspend(&city, &id, "名称不规范").await.unwrap();

    revise(&provider, &id, description(provider.code, "社区和村名录")).await;
    let seen = get(&provider, &id).await;
    assert_eq!(seen.status(), ResourceStatus::Draft);
    assert_eq!(seen.standing(), ResourceStatus::Suspended);
    let held = get(&consumer, &id).await;
    assert_eq!(held.description.unwrap().name, "社区名录");

    provider.submit(&id).await;
    assert_eq!(city.publish(&id).await.unwrap(), 2);
    assert_eq!(get(&consumer, &id).await.status(), ResourceStatus::Suspended);
    resume(&city, &id).await.unwrap();
    let held = get(&consumer, &id).await;
    assert_eq!((held.status(), held.version), (ResourceStatus::Published, 2));
}

/// R12.2, R12.3: a withdrawn entry stays readable, is found by its status alone, and its code is never given again.
#[tokio::test]
async fn a_withdrawn_entry_is_gone_for_good() {
    let catalogue = Catalogue::start().await;
    let (city, mut provider, consumer, id) = published(&catalogue).await;
    let code = get(&consumer, &id).await.code;

    withdraw(&provider, &id, "职能已划转市民政局").await.unwrap();
    withdraw(&city, &id, "再次撤销").await.unwrap();

    let seen = get(&consumer, &id).await;
    assert_eq!(seen.status(), ResourceStatus::Withdrawn);
    assert_eq!(seen.standing_reason, "职能已划转市民政局");
    assert_eq!(seen.description.unwrap().name, "社区名录");
    assert_eq!(found(&consumer, ResourceStatus::Unspecified).await, [""; 0]);
    assert_eq!(found(&consumer, ResourceStatus::Withdrawn).await, std::slice::from_ref(&id));
    for refused in [
        suspend(&city, &id, "核查中").await.unwrap_err(),
        resume(&provider, &id).await.unwrap_err(),
        update(&provider, &id, "2026-01-01").await.unwrap_err(),
    ] {
        assert_eq!(reason(&refused), "WITHDRAWN");
    }

    let again = provider.draft("社区名录").await;
    assert_ne!(again.code, code, "the same name may be used again, the code may not");
}

/// R12.3: a draft that was never published is its provider's to drop, and nobody else ever hears of it.
#[tokio::test]
async fn a_dropped_draft_is_nobody_elses() {
    let catalogue = Catalogue::start().await;
    let (city, mut provider, consumer, _) = published(&catalogue).await;
    let id = provider.draft("写错了的名录").await.resource_id;

    assert_eq!(reason(&withdraw(&city, &id, "不需要").await.unwrap_err()), "NOT_PUBLISHED");
    withdraw(&provider, &id, "重复登记").await.unwrap();

    assert_eq!(get(&provider, &id).await.status(), ResourceStatus::Withdrawn);
    let request = GetResourceRequest { key: key(&id), ..Default::default() };
    assert_eq!(read(&consumer, request).await.unwrap_err().code(), Code::NotFound);
}

/// R12.3: an update says how current the data are; it does not go back, and a repeated one says nothing.
#[tokio::test]
async fn an_update_is_recorded() {
    let catalogue = Catalogue::start_at("2026-03-02T04:00:00Z", None).await;
    let (city, provider, consumer, id) = published(&catalogue).await;

    update(&provider, &id, "2026-03-01").await.unwrap();
    update(&provider, &id, "2026-03-01").await.unwrap();

    let seen = get(&consumer, &id).await;
    assert_eq!((seen.current_on.as_str(), seen.rows), ("2026-03-01", 3_300));
    let updates = history(&consumer, &id).await.into_iter();
    let updates = updates.filter(|event| event.kind() == ResourceEventKind::Updated);
    assert_eq!(updates.count(), 1);
    for (by, day, why) in [
        (&provider, "2026-03-03", "CURRENT_IN_FUTURE"),
        (&provider, "2026-02-28", "CURRENT_GOES_BACK"),
        (&provider, "第一季度", "FIELD_INVALID"),
        (&city, "2026-03-02", "OTHER_ORGANISATION"),
    ] {
        assert_eq!(reason(&update(by, &id, day).await.unwrap_err()), why, "{day}");
    }
}

/// R12.3: every version is kept, and compared field by field with any other, and with the draft under review.
#[tokio::test]
async fn versions_are_kept_and_compared() {
    let catalogue = Catalogue::start_at("2026-01-04T04:00:00Z", None).await;
    let (mut city, mut provider, consumer, id) = published(&catalogue).await;
    catalogue.clock.advance(DAY);
    let mut revision = description(provider.code, "社区和村名录");
    revision.items[0].length = 9;
    revise(&provider, &id, revision.clone()).await;
    provider.submit(&id).await;

    let review = compare(&city, &id, (0, 0)).await.unwrap();
    assert_eq!((review.before, review.after), (1, 0), "the draft against what holds");
    let paths: Vec<_> = review.differences.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(paths, ["name", "items[code].length"]);
    let refused = compare(&consumer, &id, (0, 0)).await.unwrap_err();
    assert_eq!(reason(&refused), "VERSION_NOT_FOUND", "the draft is none of the consumer's");

    city.publish(&id).await.unwrap();
    let seen = compare(&consumer, &id, (1, 2)).await.unwrap();
    assert_eq!(seen.differences, review.differences);
    assert_eq!(seen.differences[0].before, "社区名录");
    assert_eq!(seen.differences[0].after, "社区和村名录");
    assert_eq!(seen.differences[1].before, "12");
    let back = compare(&consumer, &id, (2, 1)).await.unwrap();
    assert_eq!(back.differences[0].after, "社区名录");

    let request = ListResourceVersionsRequest { resource_id: id };
    let versions = consumer.resources.clone().list_resource_versions(request).await.unwrap();
    let versions = versions.into_inner().versions;
    let told: Vec<_> = versions
        .iter()
        .map(|v| (v.version, v.published_on.as_str(), v.held_until.as_str()))
        .collect();
    assert_eq!(told, [(1, "2026-01-04", "2026-01-04"), (2, "2026-01-05", "")]);
    assert_eq!(versions[1].description, Some(revision));
}

/// R12.3, H2: what was valid on a day, as believed at a moment.
#[tokio::test]
async fn an_entry_is_read_as_it_held_on_a_day_and_as_it_was_believed() {
    let catalogue = Catalogue::start_at("2026-01-04T04:00:00Z", None).await;
    let (mut city, mut provider, consumer, id) = published(&catalogue).await;
    let first_known = get(&consumer, &id).await.updated_at;
    catalogue.clock.advance(10 * DAY);
    revise(&provider, &id, description(provider.code, "社区和村名录")).await;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();
    catalogue.clock.advance(10 * DAY);
    suspend(&provider, &id, "核查中").await.unwrap();

    let valid = |valid_on: &str, as_of| {
        let request = GetResourceRequest { key: key(&id), valid_on: valid_on.to_owned(), as_of };
        let consumer = consumer.clone();
        async move { read(&consumer, request).await }
    };
    let refused = valid("2026-01-03", None).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NOTHING_HELD"));
    for (day, version, status) in [
        ("2026-01-04", 1, ResourceStatus::Published),
        ("2026-01-13", 1, ResourceStatus::Published),
        ("2026-01-14", 2, ResourceStatus::Published),
        ("2026-01-24", 2, ResourceStatus::Suspended),
        ("2030-01-01", 2, ResourceStatus::Suspended),
    ] {
        let held = valid(day, None).await.unwrap();
        assert_eq!((held.version, held.status()), (version, status), "{day}");
    }

    let then = first_known.map(|time| prost_types::Timestamp {
        nanos: (time.nanos + 1_000).min(999_999_999),
        ..time
    });
    let believed = valid("2030-01-01", then).await.unwrap();
    assert_eq!((believed.version, believed.status()), (1, ResourceStatus::Published));
    let day = valid("yesterday", None).await.unwrap_err();
    assert!(day.message().contains("valid_on"), "{}", day.message());
}

/// R12.3, H5: the history names organisations to everybody, and accounts and drafts only to those who may see drafts.
#[tokio::test]
async fn the_history_says_what_happened_and_who_did_it() {
    use ResourceEventKind::{
        Drafted, Published, Resumed, Returned, Submitted, Suspended, Withdrawn,
    };

    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let id = provider.draft("社区名录").await.resource_id;
    provider.submit(&id).await;
    let correct = ReturnResourceRequest {
        command_id: command_id(),
        resource_id: id.clone(),
        reason: "摘要不完整".to_owned(),
    };
    city.resources.return_resource(correct).await.unwrap();
    revise(&provider, &id, description(provider.code, "社区名录")).await;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();
    suspend(&city, &id, "核查中").await.unwrap();
    resume(&city, &id).await.unwrap();
    withdraw(&provider, &id, "职能已划转").await.unwrap();

    let told = |events: &[ResourceEvent]| -> Vec<ResourceEventKind> {
        events.iter().map(ResourceEvent::kind).collect()
    };
    let events = history(&provider, &id).await;
    assert_eq!(
        told(&events),
        [
            Drafted, Submitted, Returned, Drafted, Submitted, Published, Suspended, Resumed,
            Withdrawn
        ]
    );
    assert_eq!(events[2].reason, "摘要不完整");
    assert_eq!(events[2].organisation_code, city.code.to_string());
    assert_eq!(events[2].organisation_name, format!("机构 {}", city.code));
    assert_eq!(events[5].version, 1);
    assert!(events[8].actor.contains(&provider.code.to_string()));

    let seen = history(&consumer, &id).await;
    assert_eq!(told(&seen), [Published, Suspended, Resumed, Withdrawn]);
    assert_eq!(seen[3].reason, "职能已划转");
    assert_eq!(seen[3].organisation_code, provider.code.to_string());
    assert!(seen.iter().all(|event| event.actor.is_empty()), "{seen:?}");
}
