//! Damage, and what is done about it.

use std::fs;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use publicdata_proto::opendata::v1::ProposePublicationRequest;
use publicdata_proto::opendata::v1::propose_publication_request::Part;
use reqwest::StatusCode;
use uuid::Uuid;

use crate::city::AREAS;
use crate::service::{Service, header, reason};

fn damage(content: &std::path::Path) {
    let digest = publicdata_types::Digest::of(AREAS);
    let digits = digest.to_string().replace("sha256:", "");
    fs::write(content.join(digits), "code,name\n510104,别的\n").unwrap();
}

/// H4: content that is not what was reviewed is not given out; proposed again, it is mended.
#[tokio::test]
async fn damaged_content_is_not_given_out() {
    let service = Service::start().await;
    let (_, _) = service.open_shipped_areas().await;

    let service = service.restart_after(|content| damage(&content)).await;
    let url = service.url("/datasets/3010100-00001");
    for ending in ["", ".csv", ".json"] {
        let answer = reqwest::get(format!("{url}{ending}")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.text().await.unwrap().contains("服务暂时不可用"));
    }

    service.proposer().propose(service.areas, AREAS).await.unwrap();
    let csv = reqwest::get(format!("{url}.csv")).await.unwrap();
    assert_eq!(csv.text().await.unwrap(), AREAS);
}

/// R40.1: damaged content is not published, whatever was reviewed.
#[tokio::test]
async fn damaged_content_is_not_published() {
    let service = Service::start().await;
    let id = service.proposer().propose(service.areas, AREAS).await.unwrap().publication_id;
    service.reviewer().review(&id, AREAS).await.unwrap();

    let service = service.restart_after(|content| damage(&content)).await;

    assert_eq!(reason(service.proposer().publish(&id).await), "CONTENT_DAMAGED");
}

/// H4: a client that gives up half-way leaves nothing behind, and may begin again.
#[tokio::test]
async fn half_an_upload_leaves_nothing() {
    let service = Service::start().await;
    let command = Uuid::new_v4();
    let half = Part::Chunk(AREAS.as_bytes()[..100].to_vec());
    let parts = stream::iter([header(command, service.areas), half])
        .map(|part| ProposePublicationRequest { part: Some(part) })
        .chain(stream::pending());
    let mut client = service.proposer().client;
    tokio::select! {
        answer = client.propose_publication(parts) => panic!("half is answered: {answer:?}"),
        () = until(|| service.incoming_count() == 1) => {}
    }
    until(|| service.incoming_count() == 0).await;

    let proposer = service.proposer();
    proposer.propose_as(command, service.areas, AREAS).await.unwrap();
    assert_eq!((service.event_count().await, service.kept_count()), (1, 1));
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
