//! Base and theme libraries.

use std::time::Duration;

use publicdata_proto::catalog::v1::{
    AssignLibraryItemRequest, ChangeLibraryLeadRequest, DraftResourceRequest,
    EstablishLibraryRequest, LibraryItem, ListLibrariesRequest, ListLibraryItemsRequest,
    RecordLibraryItemUpdateRequest, ReleaseLibraryItemRequest, ResourceDescription, Role,
    UpdateCycle,
};
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::fixture::{
    CITY, Catalogue, JINJIANG, QINGYANG, SOON, User, code, command_id, description, draft, reason,
};

const LONG_AGO: &str = "2020-01-01";

pub(crate) async fn establish(by: &mut User, code: &str, lead: &User) -> Result<(), Status> {
    let request = EstablishLibraryRequest {
        command_id: command_id(),
        code: code.to_owned(),
        name: format!("基础信息资源库 {code}"),
        lead_code: lead.code.to_string(),
    };
    by.libraries.establish_library(request).await.map(drop)
}

async fn change_lead(by: &mut User, code: &str, lead: &User) -> Result<(), Status> {
    let request = ChangeLibraryLeadRequest {
        command_id: command_id(),
        code: code.to_owned(),
        lead_code: lead.code.to_string(),
        reason: "机构改革".to_owned(),
    };
    by.libraries.change_library_lead(request).await.map(drop)
}

async fn assign(by: &mut User, item: &str, to: &User, from: &str) -> Result<(), Status> {
    let request = AssignLibraryItemRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        item: item.to_owned(),
        organisation_code: to.code.to_string(),
        update_cycle: UpdateCycle::Monthly.into(),
        from: from.to_owned(),
    };
    by.libraries.assign_library_item(request).await.map(drop)
}

async fn record(by: &mut User, item: &str, current_on: &str) -> Result<(), Status> {
    let request = RecordLibraryItemUpdateRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        item: item.to_owned(),
        current_on: current_on.to_owned(),
    };
    by.libraries.record_library_item_update(request).await.map(drop)
}

async fn items(by: &mut User, request: ListLibraryItemsRequest) -> Vec<LibraryItem> {
    by.libraries.list_library_items(request).await.unwrap().into_inner().items
}

async fn late(by: &mut User) -> Vec<String> {
    let request = ListLibraryItemsRequest { late: true, ..ListLibraryItemsRequest::default() };
    items(by, request).await.into_iter().map(|item| item.item).collect()
}

/// Obligations follow from events a moment later.
async fn becomes_late(by: &mut User, expected: &[&str]) {
    let deadline = Instant::now() + SOON;
    while late(by).await != expected {
        assert!(Instant::now() < deadline, "{:?} instead of {expected:?}", late(by).await);
        sleep(Duration::from_millis(10)).await;
    }
}

fn in_library(provider: &User, code: &str) -> DraftResourceRequest {
    draft(ResourceDescription {
        classification_code: code.to_owned(),
        ..description(provider.code, &format!("人口基础信息 {code}"))
    })
}

const LEADING: [Role; 2] = [Role::Provider, Role::LeadDepartment];

/// R16.1: entries of a base library are written by its lead department alone; the refusal names the lead, and where there is
/// no library, what to do. The narrower of two nested libraries has the say.
#[tokio::test]
async fn a_librarys_entries_are_written_by_its_lead_alone() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut lead = catalogue.registered(&city, 2, CITY, &LEADING).await;
    let mut other = catalogue.registered(&city, 3, CITY, &LEADING).await;

    let vacant = other.resources.draft_resource(in_library(&other, "101001")).await.unwrap_err();
    assert_eq!(reason(&vacant), "LIBRARY_NOT_ESTABLISHED");
    assert!(vacant.message().contains("101001"), "{vacant}");

    establish(&mut city, "101", &lead).await.unwrap();
    let led = other.resources.draft_resource(in_library(&other, "101001")).await.unwrap_err();
    assert_eq!(reason(&led), "LIBRARY_LED_BY_OTHER");
    assert!(led.message().contains(&lead.code.to_string()), "{led}");

    let drafted = lead.resources.draft_resource(in_library(&lead, "101001")).await.unwrap();
    let id = drafted.into_inner().resource_id;
    lead.submit(&id).await;
    assert_eq!(city.publish(&id).await.unwrap(), 1);

    establish(&mut city, "101001", &other).await.unwrap();
    other.resources.draft_resource(in_library(&other, "10100102")).await.unwrap();
    let led = lead.resources.draft_resource(in_library(&lead, "101001")).await.unwrap_err();
    assert_eq!(reason(&led), "LIBRARY_LED_BY_OTHER");

    // A department's own resources are nobody else's matter.
    other.draft("部门名录").await;
}

/// R16.1: with another lead, what was published passes to it by its next revision, and out of the old one's hands at once.
#[tokio::test]
async fn entries_pass_to_the_next_lead() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut lead = catalogue.registered(&city, 2, CITY, &LEADING).await;
    let mut next = catalogue.registered(&city, 3, CITY, &LEADING).await;
    establish(&mut city, "101", &lead).await.unwrap();
    let drafted = lead.resources.draft_resource(in_library(&lead, "101001")).await.unwrap();
    let id = drafted.into_inner().resource_id;
    lead.submit(&id).await;
    city.publish(&id).await.unwrap();
    let revision = |by: &User| DraftResourceRequest {
        resource_id: id.clone(),
        ..draft(ResourceDescription {
            classification_code: "101001".to_owned(),
            ..description(by.code, "人口基础信息（新）")
        })
    };
    lead.resources.draft_resource(revision(&lead)).await.unwrap();

    change_lead(&mut city, "101", &next).await.unwrap();

    let submit = publicdata_proto::catalog::v1::SubmitResourceRequest {
        command_id: command_id(),
        resource_id: id.clone(),
    };
    let refused = lead.resources.submit_resource(submit).await.unwrap_err();
    assert_eq!(reason(&refused), "LIBRARY_LED_BY_OTHER");
    let refused = lead.resources.draft_resource(revision(&lead)).await.unwrap_err();
    assert_eq!(reason(&refused), "LIBRARY_LED_BY_OTHER");
    let withdraw = publicdata_proto::catalog::v1::WithdrawResourceRequest {
        command_id: command_id(),
        resource_id: id.clone(),
        reason: "职能已划转".to_owned(),
    };
    let refused = lead.resources.withdraw_resource(withdraw).await.unwrap_err();
    assert_eq!(reason(&refused), "LIBRARY_LED_BY_OTHER");

    next.resources.draft_resource(revision(&next)).await.unwrap();
    next.submit(&id).await;
    assert_eq!(city.publish(&id).await.unwrap(), 2);
}

/// R13.1, R16.1: only the city's authority establishes libraries, and only with a lead that is registered as one.
#[tokio::test]
async fn libraries_are_the_citys() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut lead = catalogue.registered(&city, 3, JINJIANG, &LEADING).await;
    let consumer = catalogue.registered(&city, 4, CITY, &[Role::Consumer]).await;

    for (refused, expected) in [
        (establish(&mut jinjiang, "101", &lead).await, "OUTSIDE_REGION"),
        (establish(&mut lead.clone(), "101", &lead).await, "ROLE_MISSING"),
        (establish(&mut city, "101", &consumer).await, "NOT_LEAD_DEPARTMENT"),
        (establish(&mut city, "101", &catalogue.user(code(9))).await, "ORGANISATION_NOT_FOUND"),
        (establish(&mut city, "302", &lead).await, "FIELD_INVALID"),
        (establish(&mut city, "1", &lead).await, "FIELD_INVALID"),
        (change_lead(&mut city, "101", &lead).await, "LIBRARY_ABSENT"),
        (assign(&mut lead, "姓名", &consumer, "").await, "LIBRARY_ABSENT"),
    ] {
        assert_eq!(reason(&refused.unwrap_err()), expected);
    }
    establish(&mut city, "102", &lead).await.unwrap();
    establish(&mut city, "101", &lead).await.unwrap();

    let mut consumer = consumer;
    let page = ListLibrariesRequest { page_size: 1, page_token: String::new() };
    let first = consumer.libraries.list_libraries(page).await.unwrap().into_inner();
    let page = ListLibrariesRequest { page_size: 1, page_token: first.next_page_token };
    let second = consumer.libraries.list_libraries(page).await.unwrap().into_inner();
    assert_eq!(
        (first.libraries[0].code.as_str(), second.libraries[0].code.as_str()),
        ("101", "102")
    );
    assert_eq!(first.libraries[0].lead_name, format!("机构 {}", lead.code));
}

/// R20.1: the lead assigns who collects each item, and sees who is late; the department concerned and the authorities over it
/// see it too, and nobody else (R13.1).
#[tokio::test]
async fn the_lead_sees_who_is_late() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut lead = catalogue.registered(&city, 2, CITY, &LEADING).await;
    let mut collector = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let mut punctual = catalogue.registered(&city, 4, QINGYANG, &[Role::Provider]).await;
    let mut jinjiang = catalogue.registered(&city, 5, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 6, QINGYANG, &[Role::Authority]).await;
    establish(&mut city, "101", &lead).await.unwrap();

    let refused = assign(&mut collector.clone(), "婚姻状况", &collector, LONG_AGO).await;
    assert_eq!(reason(&refused.unwrap_err()), "OTHER_ORGANISATION");
    assign(&mut lead, "婚姻状况", &collector, LONG_AGO).await.unwrap();
    assign(&mut lead, "住址", &punctual, LONG_AGO).await.unwrap();
    assign(&mut lead, "姓名", &punctual, "").await.unwrap();

    becomes_late(&mut lead, &["住址", "婚姻状况"]).await;
    record(&mut punctual, "住址", "").await.unwrap();
    for (who, expected) in [
        (&mut lead, &["婚姻状况"][..]),
        (&mut collector, &["婚姻状况"]),
        (&mut jinjiang, &["婚姻状况"]),
        (&mut city, &["婚姻状况"]),
        (&mut punctual, &[]),
        (&mut qingyang, &[]),
    ] {
        becomes_late(who, expected).await;
    }

    let all = items(&mut lead, ListLibraryItemsRequest::default()).await;
    let marriage = all.iter().find(|item| item.item == "婚姻状况").unwrap();
    assert_eq!((marriage.due_on.as_str(), marriage.current_on.as_str()), ("2020-02-01", ""));
    assert!(marriage.days_late > 2_000, "{marriage:?}");
    assert_eq!(marriage.organisation_name, format!("机构 {}", collector.code));
    assert_eq!(all.iter().filter(|item| item.days_late == 0).count(), 2);
    let of_punctual = ListLibraryItemsRequest {
        organisation_code: punctual.code.to_string(),
        page_size: 1,
        ..ListLibraryItemsRequest::default()
    };
    assert_eq!(items(&mut city, of_punctual).await.len(), 1);
}

/// R20.1: an update is recorded by whoever collects the item, of a day that has come and never of an earlier one; a released
/// item is collected no more.
#[tokio::test]
async fn updates_are_recorded_by_whoever_collects() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut lead = catalogue.registered(&city, 2, CITY, &LEADING).await;
    let mut collector = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    establish(&mut city, "101", &lead).await.unwrap();
    assign(&mut lead, "婚姻状况", &collector, LONG_AGO).await.unwrap();

    record(&mut collector, "婚姻状况", "2020-03-01").await.unwrap();
    for (refused, expected) in [
        (record(&mut lead, "婚姻状况", "").await, "OTHER_ORGANISATION"),
        (record(&mut collector, "姓名", "").await, "LIBRARY_ITEM_ABSENT"),
        (record(&mut collector, "婚姻状况", "2020-02-01").await, "CURRENT_ALREADY"),
        (record(&mut collector, "婚姻状况", "2999-01-01").await, "DAY_NOT_YET_COME"),
        (record(&mut collector, "婚姻状况", "去年").await, "FIELD_INVALID"),
    ] {
        assert_eq!(reason(&refused.unwrap_err()), expected);
    }

    let release = ReleaseLibraryItemRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        item: "婚姻状况".to_owned(),
        reason: "改由省级采集".to_owned(),
    };
    lead.libraries.release_library_item(release).await.unwrap();
    assert_eq!(items(&mut lead, ListLibraryItemsRequest::default()).await, []);
}

/// H2: libraries are rebuilt from events to the same rows. H4: a service that starts anew goes on where it was.
#[tokio::test]
async fn libraries_are_rebuilt_from_events() {
    let mut catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut lead = catalogue.registered(&city, 2, CITY, &LEADING).await;
    establish(&mut city, "101", &lead).await.unwrap();
    let own = lead.clone();
    for item in ["婚姻状况", "住址"] {
        assign(&mut lead, item, &own, LONG_AGO).await.unwrap();
    }
    record(&mut lead, "住址", "2020-03-01").await.unwrap();
    becomes_late(&mut lead, &["婚姻状况"]).await;

    let before = catalogue.libraries.content().await.unwrap();
    let rebuilt = catalogue.libraries.rebuild().await.unwrap();
    assert_eq!(rebuilt.content, before);

    catalogue.restart().await;
    let mut lead = catalogue.user(lead.code);
    assert_eq!(late(&mut lead).await, ["婚姻状况"]);
}
