//! From the proposal to the public, and back.

use publicdata_proto::opendata::v1::{
    ListPublicationsRequest, PublicationStatus, ReviewOutcome, ReviewPublicationRequest,
};
use publicdata_views::testing::postgres;
use uuid::Uuid;

use crate::city::{self, AREAS, AREAS_CODE, AUTHORITY};
use crate::service::{Person, Service, passed, reason, refusal};

async fn status(person: &Person, id: &str) -> PublicationStatus {
    person.get(id).await.unwrap().status()
}

/// R40.1: nothing is published without a review, nobody reviews what they proposed, and nobody publishes what they reviewed.
#[tokio::test]
async fn a_second_person_reviews_before_the_public_sees_it() {
    let service = Service::start().await;
    let (proposer, reviewer) = (service.proposer(), service.reviewer());
    let id = proposer.propose(service.areas, AREAS).await.unwrap().publication_id;

    assert_eq!(reason(proposer.publish(&id).await), "NOT_REVIEWED");
    assert_eq!(reason(proposer.review(&id, AREAS).await), "REVIEWER_PROPOSED");
    assert_eq!(reason(reviewer.review(&id, "other").await), "OTHER_CONTENT_REVIEWED");
    let empty = ReviewPublicationRequest { basis: " ".to_owned(), ..passed(&id, AREAS) };
    assert_eq!(reason(reviewer.review_with(empty).await), "BASIS_MISSING");
    assert_eq!(status(&proposer, &id).await, PublicationStatus::Proposed);

    reviewer.review(&id, AREAS).await.unwrap();
    assert_eq!(status(&proposer, &id).await, PublicationStatus::Reviewed);
    assert_eq!(reason(reviewer.publish(&id).await), "PUBLISHER_REVIEWED");

    proposer.publish(&id).await.unwrap();
    assert_eq!(status(&proposer, &id).await, PublicationStatus::Published);
}

/// R40.1: what the review rejected is not published.
#[tokio::test]
async fn rejected_content_stays_closed() {
    let service = Service::start().await;
    let id = service.proposer().propose(service.areas, AREAS).await.unwrap().publication_id;
    let rejected =
        ReviewPublicationRequest { outcome: ReviewOutcome::Rejected.into(), ..passed(&id, AREAS) };
    // The authority over the provider may review as well.
    service.person(AUTHORITY, "admin-01").review_with(rejected).await.unwrap();

    assert_eq!(reason(service.proposer().publish(&id).await), "REVIEW_REJECTED");
    assert_eq!(reason(service.reviewer().review(&id, AREAS).await), "ALREADY_REVIEWED");
    let page = reqwest::get(service.url("/datasets/3010100-00001")).await.unwrap();
    assert_eq!(page.status(), 404);
}

/// R40.1: between review and publication the catalogue may close what was proposed.
#[tokio::test]
async fn what_the_catalogue_has_closed_is_not_published() {
    let service = Service::start().await;
    let proposer = service.proposer();
    let id = proposer.propose(service.areas, AREAS).await.unwrap().publication_id;
    service.reviewer().review(&id, AREAS).await.unwrap();

    let mut closed = city::areas();
    closed.items[1].open = false;
    city::publish_entry(&service.store, service.areas, AREAS_CODE, closed).await;

    let (reason, message) = refusal(proposer.publish(&id).await);
    assert_eq!(reason, "COLUMN_NOT_OPEN");
    assert!(message.contains("name"), "{message}");
}

/// H1: each command may be sent again with its id, and is answered as it was the first time.
#[tokio::test]
async fn a_repeated_command_is_answered_as_before() {
    let service = Service::start().await;
    let (proposer, reviewer) = (service.proposer(), service.reviewer());

    let command = Uuid::new_v4();
    let first = proposer.propose_as(command, service.areas, AREAS).await.unwrap();
    assert_eq!(proposer.propose_as(command, service.areas, AREAS).await.unwrap(), first);
    let id = first.publication_id;

    let review = passed(&id, AREAS);
    let reviewed = reviewer.review_with(review.clone()).await.unwrap();
    assert_eq!(reviewer.review_with(review).await.unwrap(), reviewed);

    let command = Uuid::new_v4();
    let published = proposer.publish_as(command, &id).await.unwrap();
    assert_eq!(proposer.publish_as(command, &id).await.unwrap(), published);

    assert_eq!(service.event_count().await, 3);
    assert_eq!(service.kept_count(), 1);
}

/// H1: also a proposal that the catalogue would no longer admit, as it was accepted once.
#[tokio::test]
async fn a_repeated_proposal_is_not_judged_again() {
    let service = Service::start().await;
    let command = Uuid::new_v4();
    let first = service.proposer().propose_as(command, service.areas, AREAS).await.unwrap();
    let closed =
        publicdata_proto::catalog::v1::ResourceDescription { open: false, ..city::areas() };
    city::publish_entry(&service.store, service.areas, AREAS_CODE, closed).await;

    let again = service.proposer().propose_as(command, service.areas, AREAS).await;

    assert_eq!(again.unwrap(), first);
}

/// H1: an id that was used for something else is no repetition.
#[tokio::test]
async fn a_command_id_is_good_for_one_command() {
    let service = Service::start().await;
    let (proposer, reviewer) = (service.proposer(), service.reviewer());
    let command = Uuid::new_v4();
    let id = proposer.propose_as(command, service.areas, AREAS).await.unwrap().publication_id;

    let other = proposer.propose_as(command, service.areas, "code\n510104\n").await;
    assert_eq!(reason(other), "COMMAND_ID_REUSED");
    let somebody = reviewer.propose_as(command, service.areas, AREAS).await;
    assert_eq!(reason(somebody), "COMMAND_ID_REUSED");
    let review = ReviewPublicationRequest { command_id: command.to_string(), ..passed(&id, AREAS) };
    assert_eq!(reason(reviewer.review_with(review).await), "COMMAND_ID_REUSED");
    assert_eq!(service.event_count().await, 1);
}

/// H1: of two who publish at once, both are told the same.
#[tokio::test]
async fn publishing_twice_at_once_publishes_once() {
    let service = Service::start().await;
    let proposer = service.proposer();
    let id = proposer.propose(service.areas, AREAS).await.unwrap().publication_id;
    service.reviewer().review(&id, AREAS).await.unwrap();

    let (first, second) = tokio::join!(proposer.publish(&id), proposer.publish(&id));

    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(service.event_count().await, 3);
}

/// H4: a service that was ended goes on where it was, with the same files and views.
#[tokio::test]
async fn a_restart_goes_on() {
    let service = Service::start().await;
    let id = service.proposer().propose(service.areas, AREAS).await.unwrap().publication_id;

    let service = service.restart().await;
    service.reviewer().review(&id, AREAS).await.unwrap();

    let service = service.restart().await;
    let url = service.proposer().publish(&id).await.unwrap().url;

    let service = service.restart().await;
    let path = url.split_once("/datasets/").unwrap().1;
    let csv = reqwest::get(service.url(&format!("/datasets/{path}.csv"))).await.unwrap();
    assert_eq!(csv.text().await.unwrap(), AREAS);
}

/// H2: the views are what the events say, and nothing else.
#[tokio::test]
async fn the_views_are_rebuilt_from_events() {
    let service = Service::start().await;
    let (id, _) = service.open_shipped_areas().await;
    service.proposer().withdraw(&id, "内容有误").await.unwrap();
    service.open_areas("code,name\n510104,锦江区\n").await;
    let [resources, publications] =
        [&service.resources, &service.publications].map(|view| async move {
            let before = view.content().await.unwrap();
            assert_eq!(view.rebuild().await.unwrap().content, before);
            before.rows
        });
    assert_eq!((resources.await, publications.await), (1, 2));
}

/// H2: Postgres holds the same as SQLite.
#[tokio::test]
async fn the_views_are_the_same_on_postgres() {
    let server = postgres();
    let service = Service::start_with(Some(server.url())).await;
    let (id, url) = service.open_shipped_areas().await;
    assert_eq!(status(&service.proposer(), &id).await, PublicationStatus::Published);

    let csv = reqwest::get(format!("{url}.csv")).await.unwrap();
    assert_eq!(csv.text().await.unwrap(), AREAS);
    let found = reqwest::get(service.url("/api/datasets?q=行政 NAME")).await.unwrap();
    assert_eq!(found.json::<serde_json::Value>().await.unwrap()["total"], 1);
    let listed = service.proposer().list(ListPublicationsRequest::default()).await.unwrap();
    assert_eq!(listed.publications.len(), 1);
    let before = service.publications.content().await.unwrap();
    assert_eq!(service.publications.rebuild().await.unwrap().content, before);
}
