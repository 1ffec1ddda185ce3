//! Who may call, and who sees what.

use publicdata_identity::testing::authority;
use publicdata_proto::opendata::v1::{ListPublicationsRequest, PublicationStatus};

use crate::city::{AREAS, AUDITOR, AUTHORITY, CONSUMER, ELSEWHERE, PROVIDER, UNREGISTERED};
use crate::service::{Person, Service, reason, refusal};

async fn listed(person: &Person) -> Vec<String> {
    let answer = person.list(ListPublicationsRequest::default()).await.unwrap();
    answer.publications.into_iter().map(|publication| publication.id).collect()
}

/// R9.2: without a certificate of this platform nobody gets in, and without a registered organisation nobody gets on.
#[tokio::test]
async fn only_authenticated_callers_are_answered() {
    let service = Service::start().await;

    let foreign = service.person_of(&authority(), PROVIDER, "catalog-01");
    let refused = foreign.propose(service.areas, AREAS).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);

    let unregistered = service.person(UNREGISTERED, "a-1");
    let list = unregistered.list(ListPublicationsRequest::default()).await;
    assert_eq!(reason(list), "ORGANISATION_UNKNOWN");
    assert_eq!(reason(unregistered.propose(service.areas, AREAS).await), "ORGANISATION_UNKNOWN");
    assert_eq!(service.event_count().await, 0);
}

/// H3: before it is public, a publication is its provider's, its authority's and the auditors'; to others it does not exist.
#[tokio::test]
async fn what_is_not_public_is_seen_by_few() {
    let service = Service::start().await;
    let id = service.proposer().propose(service.areas, AREAS).await.unwrap().publication_id;

    for (organisation, sees) in [
        (PROVIDER, true),
        (AUTHORITY, true),
        (AUDITOR, true),
        (CONSUMER, false),
        (ELSEWHERE, false),
    ] {
        let person = service.person(organisation, "a-1");
        assert_eq!(listed(&person).await.contains(&id), sees, "{organisation}");
        assert_eq!(person.get(&id).await.is_ok(), sees, "{organisation}");
    }
    let stranger = service.person(CONSUMER, "a-1");
    for answer in [
        reason(stranger.review(&id, AREAS).await),
        reason(stranger.publish(&id).await),
        reason(stranger.withdraw(&id, "理由").await),
    ] {
        assert_eq!(answer, "PUBLICATION_UNKNOWN");
    }
    // An auditor sees, and does nothing.
    let auditor = service.person(AUDITOR, "a-1");
    assert_eq!(reason(auditor.review(&id, AREAS).await), "ROLE_MISSING");
}

/// R31.1: what is public is seen by every caller, with its URL, and changed by none of them.
#[tokio::test]
async fn what_is_public_is_seen_by_all() {
    let service = Service::start().await;
    let (id, url) = service.open_shipped_areas().await;
    let stranger = service.person(ELSEWHERE, "a-1");

    let found = stranger.get(&id).await.unwrap();

    assert_eq!((found.url, found.title.as_str()), (url, "成都市行政区划"));
    assert_eq!(found.columns, ["code", "name", "cityCode", "provinceCode"]);
    let (reason, _) = refusal(stranger.withdraw(&id, "理由").await);
    assert_eq!(reason, "OUTSIDE_REGION");
    let authority = service.person(AUTHORITY, "admin-01");
    authority.withdraw(&id, "主管部门责令撤回").await.unwrap();
    assert_eq!(listed(&stranger).await, [] as [String; 0]);
}

#[tokio::test]
async fn lists_come_in_pages_the_newest_first() {
    let service = Service::start().await;
    let proposer = service.proposer();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(proposer.propose(service.areas, AREAS).await.unwrap().publication_id);
    }
    service.reviewer().review(&ids[1], AREAS).await.unwrap();
    ids.reverse();

    let mut pages = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListPublicationsRequest { page_size: 2, page_token, status: 0 };
        let page = proposer.list(request).await.unwrap();
        pages.push(page.publications.into_iter().map(|one| one.id).collect::<Vec<_>>());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [&ids[..2], &ids[2..]]);

    let reviewed = ListPublicationsRequest {
        status: PublicationStatus::Reviewed.into(),
        ..ListPublicationsRequest::default()
    };
    let found = proposer.list(reviewed).await.unwrap();
    assert_eq!(found.publications.len(), 1);
    let wrong = ListPublicationsRequest {
        page_token: "x".to_owned(),
        ..ListPublicationsRequest::default()
    };
    let refused = proposer.list(wrong).await;
    assert_eq!(reason(refused), "PAGE_TOKEN_INVALID");
}
